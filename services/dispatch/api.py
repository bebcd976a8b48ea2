"""Endpoints of dispatch: start a run, look at its plan, approve or reject it."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Response, status
from sqlmodel import col, select

from optimizer.plan import Plan
from services.database import among
from services.dispatch import deciding, reasons, service, store
from services.dispatch.desk_models import EmergencyApproval
from services.dispatch.models import Run, RunKind, RunState
from services.dispatch.schemas import (
    Decision,
    EmergencyOut,
    LineOut,
    NeedAnswer,
    OutcomeOut,
    Rejection,
    RunIn,
    RunOut,
    RunSummary,
)
from services.errors import NotFound
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role, User
from services.parties.service import require_role
from services.requests import service as requests
from services.transport.service import PlannedLine
from services.web.http import MAX_QUANTITY, DatabaseSession, Language
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["dispatch"])


class NotAnswered(NotFound):
    code, title = "not-answered", "No approved plan has looked at this need yet"


READERS = (Role.DISPATCHER, Role.APPROVER, Role.AUDITOR)


@router.post("/runs", status_code=status.HTTP_202_ACCEPTED)
def start_run(
    body: RunIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> RunSummary:
    """Freeze the input, log its hash, and queue the solving; poll the run for progress."""
    run, created = service.start_run(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return summaries(session, [run])[0]


@router.get("/runs", response_model=list[RunSummary])
def list_runs(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    kind: RunKind | None = None,
    state: RunState | None = None,
    day: date | None = None,
) -> object:
    """Runs, newest first."""
    require_role(actor, *READERS)
    listing = store.runs(session, asked, kind=kind, state=state, day=day)
    return answer(listing.map(lambda rows: summaries(session, rows)), response, "runs")


@router.get("/runs/{run_id}")
def show_run(
    run_id: UUID, session: DatabaseSession, actor: CurrentActor, language: Language
) -> RunOut:
    """A run: its progress, then its plan, each need's reason and remedies, and the comparison."""
    require_role(actor, *READERS)
    return run_out(session, store.get_run(session, run_id), language)


@router.get("/runs/{run_id}/outcomes.csv", response_class=Response)
def download_outcomes(
    run_id: UUID, session: DatabaseSession, actor: CurrentActor, language: Language
) -> Response:
    """Download what each need gets, why, and what would change it, as CSV."""
    require_role(actor, *READERS)
    run = store.get_run(session, run_id)
    outcomes = outcomes_out(session, run, store.stored_plan(run), language)
    name = f"run-{run_id}-outcomes.csv"
    return Response(
        reasons.outcomes_csv(outcomes),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Language": language,
        },
    )


@router.get("/needs/{need_id}/answer")
def show_answer(
    need_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    language: Language,
    pieces: Annotated[
        int | None,
        Query(ge=1, le=MAX_QUANTITY, description="How many more pieces to tell the effect of"),
    ] = None,
) -> NeedAnswer:
    """What the newest approved plan says to a need: what it gets, why, and what would change it."""
    need = requests.get_needs(session, [need_id]).get(need_id)
    if need is None:
        raise NotFound(f"There is no need {need_id}", field="need_id", value=need_id)
    if actor.role not in DESKS:
        parties.require_site(session, actor, need.site, Role.HOSPITAL)
    found = reasons.find_answer(session, need, language, pieces)
    if found is None:
        raise NotAnswered(
            f"No approved plan looked at need {need_id}", field="need_id", value=need_id
        )
    return found


@router.get("/runs/{run_id}/snapshot")
def show_snapshot(run_id: UUID, session: DatabaseSession, actor: CurrentActor) -> Response:
    """The exact bytes that were hashed and logged before solving."""
    require_role(actor, *READERS)
    run = store.get_run(session, run_id)
    return Response(run.snapshot, media_type="application/json")


@router.get("/runs/{run_id}/plan")
def show_plan(run_id: UUID, session: DatabaseSession, actor: CurrentActor) -> Response:
    """The plan's exact bytes, with its certificate."""
    require_role(actor, *READERS)
    run = store.get_run(session, run_id)
    if run.plan is None:
        raise store.NotProposed(f"Run {run_id} is {run.state}: there is no plan to show")
    return Response(run.plan, media_type="application/json")


@router.post("/runs/{run_id}/stop")
def stop(run_id: UUID, session: DatabaseSession, actor: CurrentActor) -> RunSummary:
    """Ask for the best plan so far; a run that still waits is called off."""
    return summaries(session, [service.stop_run(session, actor, run_id)])[0]


@router.post("/runs/{run_id}/approve")
def approve(
    run_id: UUID, body: Decision, session: DatabaseSession, actor: CurrentActor
) -> RunSummary:
    """Reserve what the plan says and make its shipments: all of it, or nothing with a reason.

    With `only`, all of those lines or nothing; the others are left to the next run or rejected.
    """
    return summaries(session, [deciding.approve(session, actor, run_id, body)])[0]


@router.post("/runs/{run_id}/reject")
def reject(
    run_id: UUID, body: Rejection, session: DatabaseSession, actor: CurrentActor
) -> RunSummary:
    """Turn a plan down, with a reason."""
    return summaries(session, [deciding.reject(session, actor, run_id, body)])[0]


def summaries(session: DatabaseSession, runs: Sequence[Run]) -> list[RunSummary]:
    people = {who for run in runs for who in (run.started_by, run.decided_by) if who}
    names = usernames(session, people)
    return [
        RunSummary(
            **run.model_dump(include=_AS_KEPT),
            # Nobody started a nightly run.
            started_by=names[run.started_by] if run.started_by else service.SYSTEM,
            decided_by=names[run.decided_by] if run.decided_by else None,
        )
        for run in runs
    ]


_AS_KEPT = RunSummary.model_fields.keys() - {"started_by", "decided_by"}


def usernames(session: DatabaseSession, users: Iterable[UUID]) -> dict[UUID, str]:
    rows = session.exec(select(User.id, User.username).where(col(User.id).in_(set(users))))
    return dict(rows.all())


def run_out(session: DatabaseSession, run: Run, language: str = "en") -> RunOut:
    orders = store.stored_orders(run)
    ordered_by = {pin.by for pin in orders.pins} | {ban.by for ban in orders.bans}
    out = RunOut(
        **summaries(session, [run])[0].model_dump(),
        **{name: getattr(orders, name) for name in _BY_HAND},
        policy=orders.policy.model_dump(),
        ordered_by=usernames(session, ordered_by),
        solved_by=store.solved_by(session, run.id),
    )
    if run.plan is None:
        return out
    plan = store.stored_plan(run)
    return out.model_copy(
        update={
            "solver": {"name": plan.solver.name, "status": plan.solver.status},
            "objective": dict(plan.objective),
            "needs": outcomes_out(session, run, plan, language),
            "lines": lines_out(run),
            "emergency": find_emergency(session, run),
            "comparison": run.comparison,
        }
    )


_BY_HAND = ("pins", "bans", "supply", "new_lots", "invented")


def lines_out(run: Run) -> list[LineOut]:
    """The plan's lines by their numbers, and whether each was approved."""
    part, decided = store.approved_lines(run), run.state is RunState.APPROVED
    return [
        LineOut(
            line=number,
            approved=(part is None or number in part) if decided else None,
            need_id=line.need_id,
            **_goods(line),
            item=line.item,
            origin=line.origin,
            destination=line.destination,
            quantity_base=line.quantity_base,
            depart_on=line.depart_on,
            arrive_on=line.due_on,
        )
        for number, line in enumerate(store.planned_lines(run), start=1)
    ]


def _goods(line: PlannedLine | store.ExpectedLine) -> dict[str, Any]:
    if isinstance(line, PlannedLine):
        return {"lot_id": line.lot_id}
    return {"lot_id": None, "expected_by": line.paper, "expected_on": line.ready_on}


def find_emergency(session: DatabaseSession, run: Run) -> EmergencyOut | None:
    row = session.get(EmergencyApproval, run.id)
    return emergencies_out(session, [row])[0] if row else None


def emergencies_out(
    session: DatabaseSession, rows: Sequence[EmergencyApproval]
) -> list[EmergencyOut]:
    people = {who for row in rows for who in (row.approved_by, row.reviewed_by) if who}
    names = usernames(session, people)
    ids = [row.run_id for row in rows]
    statement = sa.select(col(Run.id), col(Run.day)).where(among(Run.id, ids))
    days = {row[0]: row[1] for row in session.connection().execute(statement)}
    return [
        EmergencyOut(
            **row.model_dump(include=EmergencyOut.model_fields.keys() - _NAMED),
            day=days[row.run_id],
            approved_by=names[row.approved_by],
            reviewed_by=names[row.reviewed_by] if row.reviewed_by else None,
        )
        for row in rows
    ]


_NAMED = {"day", "approved_by", "reviewed_by"}


def outcomes_out(session: DatabaseSession, run: Run, plan: Plan, language: str) -> list[OutcomeOut]:
    """What each need gets, why, and what would change it, in one language."""
    problem, told_in = store.stored_problem(run), reasons.words(session, language, run.day)
    remedies = reasons.remedies_out(problem, plan, told_in)
    expected = store.expected_by_need(plan)
    return [
        OutcomeOut(
            need_id=UUID(outcome.need_id),
            site=need.site,
            item=need.item,
            tier=need.tier,
            requested=outcome.requested,
            allocated=outcome.allocated,
            substituted=outcome.substituted,
            late=outcome.late,
            expected=expected[outcome.need_id],
            fill_ppm=1_000_000 * outcome.allocated // outcome.requested,
            reason=reasons.reason_out(outcome.reason, told_in),
            remedies=remedies[outcome.need_id],
        )
        # Both are sorted by need.
        for outcome, need in zip(plan.outcomes, problem.needs, strict=True)
    ]
