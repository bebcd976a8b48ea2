"""A run's plan beside that of the run it started from."""

from sqlmodel import Session

from optimizer.differ import Shift, differ
from optimizer.metrics import Metrics
from services.dispatch.models import Run
from services.dispatch.schemas import DifferenceOut, Figures, NeedShift
from services.dispatch.store import get_run, stored_plan, stored_problem
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
