"""A run's plan beside that of the run it started from, and several beside the approved one."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session

from optimizer.differ import Shift, differ
from optimizer.metrics import Metrics, summary
from services.dispatch.models import Run
from services.dispatch.schemas import ComparedOut, DifferenceOut, Figures, NeedShift
from services.dispatch.store import find_last_approved, get_run, stored_plan, stored_problem
from services.errors import Conflict


class NothingToCompare(Conflict):
    code, title = "nothing-to-compare", "This run started from no other plan"


def difference_out(session: Session, run: Run) -> DifferenceOut:
    """Compare a run with its base.

    Raises:
        NothingToCompare: it has none.
        NotProposed: it has no plan yet.

    """
    if run.base_run is None:
        raise NothingToCompare(
            f"Run {run.id} started from no other run", field="run_id", value=run.id
        )
    base = get_run(session, run.base_run)
    found = differ(stored_problem(base), stored_plan(base), stored_problem(run), stored_plan(run))
    return DifferenceOut(
        base_run=base.id,
        gains=[_shift(each) for each in found.gains],
        losses=[_shift(each) for each in found.losses],
        same=found.same,
        gained_pieces=found.gained_pieces,
        lost_pieces=found.lost_pieces,
        moved_pieces=found.moved_pieces,
        before=_figures(found.before, found.cost_micro_before),
        after=_figures(found.after, found.cost_micro_after),
    )


# Each is read whole from its bytes.
MOST = 6


def side_by_side(session: Session, run_ids: Sequence[UUID]) -> list[ComparedOut]:
    """Each plan's own figures, and what it changes of the newest approved plan.

    Raises:
        NotFound, NotProposed: there is no such run, or it has no plan.

    """
    approved = find_last_approved(session)
    found = [get_run(session, run_id) for run_id in dict.fromkeys(run_ids)]
    return [_compared(run, approved) for run in found]


def _compared(run: Run, approved: Run | None) -> ComparedOut:
    problem, plan = stored_problem(run), stored_plan(run)
    kept = {"day", "kind", "state", "policy_name", "policy_version"}
    out = ComparedOut(
        run_id=run.id,
        **run.model_dump(include=kept),
        figures=_figures(summary(problem, plan), plan.objective["cost_micro"]),
        approved_run=None,
    )
    if approved is None or approved.id == run.id:
        return out
    found = differ(stored_problem(approved), stored_plan(approved), problem, plan)
    return out.model_copy(
        update={
            "approved_run": approved.id,
            "gained_pieces": found.gained_pieces,
            "lost_pieces": found.lost_pieces,
            "moved_pieces": found.moved_pieces,
            "needs_gaining": len(found.gains),
            "needs_losing": len(found.losses),
        }
    )


def _shift(shift: Shift) -> NeedShift:
    return NeedShift(
        need_id=shift.need_id,
        site=shift.site,
        item=shift.item,
        tier=shift.tier,
        requested_before=shift.requested_before,
        requested_after=shift.requested_after,
        before=shift.before,
        after=shift.after,
        pieces=shift.pieces,
    )


def _figures(metrics: Metrics, cost_micro: int) -> Figures:
    return Figures(
        pieces=metrics.pieces,
        min_fill_ppm=metrics.min_fill_ppm,
        mean_fill_ppm=metrics.mean_fill_ppm,
        zero_share_ppm=metrics.zero_share_ppm,
        late_pieces=metrics.late_pieces,
        substitute_pieces=metrics.substitute_pieces,
        piece_km=metrics.piece_km,
        drops=metrics.drops,
        shipments=metrics.shipments,
        cost_micro=cost_micro,
    )
