"""Runs: freeze the input, keep the proposed plan, and carry out what a second person approves."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from optimizer.errors import ProblemError
from optimizer.plan import Plan
from optimizer.problem import Need as FrozenNeed
from optimizer.problem import Policy, Problem
from services.database import among
from services.dispatch.models import UNSOLVED, Run, RunState
from services.dispatch.schemas import Decision, Rejection, RunIn
from services.dispatch.snapshot import digest_text, snapshot_bytes, take_snapshot
from services.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.journal.clock import local_date, refuse_future
from services.journal.kinds import EntryKind, need_purpose, site_account
from services.journal.post import EntryIdReused, InsufficientStock, post
from services.journal.record import Draft, NewMove
from services.parties.models import Role
from services.parties.service import Actor, require_role
from services.queue import enqueue
from services.requests import service as requests
from services.requests.models import TIERS, Need
from services.requests.service import Served
from services.settings import get_settings
from services.transport.service import PlannedLine, plan_shipments

SOLVE = "solve"
SYSTEM = "system:allocator"
_FURTHEST_AHEAD = timedelta(days=60)


class NothingToAllocate(Conflict):
    code, title = "nothing-to-allocate", "No need is open on that day"


class NotProposed(Conflict):
    code, title = "not-proposed", "This run isn't waiting for a decision"


class SecondPersonRequired(Forbidden):
    code, title = "second-person-required", "Somebody else must approve this"


class PlanNoLongerHolds(Conflict):
    code, title = "plan-no-longer-holds", "Things have changed since the plan was made"


def start_run(session: Session, actor: Actor, body: RunIn) -> tuple[Run, bool]:
    """Freeze the input, log its digest and queue the solving, all in one transaction.

    Raises:
        Forbidden: not a dispatcher.
        NothingToAllocate: no need is outstanding.
        EntryIdReused: the id belongs to another run.

    """
    require_role(actor, Role.DISPATCHER)
    _take_turns(session, f"run/{body.id}")
    existing = session.get(Run, body.id)
    if existing is not None:
        return _same_run(existing, body), False
    _check_day(body)
    problem = _snapshot(session, body)
    content = snapshot_bytes(problem)
    statement = post(
        session,
        Draft(
            id=uuid5(body.id, "snapshot"),
            kind=EntryKind.SNAPSHOT,
            occurred_at=_moment(body.occurred_at),
            actor=actor.reference,
            document=f"run:{body.id}",
            facts={
                "digest": digest_text(content),
                "day": body.day.isoformat(),
                "horizon_days": body.horizon_days,
                "needs": len(problem.needs),
                "sources": len(problem.sources),
            },
        ),
    )
    run = Run(
        id=body.id,
        state=RunState.QUEUED,
        day=body.day,
        horizon_days=body.horizon_days,
        started_by=actor.user_id,
        started_at=statement.entry.occurred_at,
        snapshot=content,
        snapshot_entry=statement.entry.id,
        note=body.note,
        pieces_needed=sum(need.quantity for need in problem.needs),
    )
    session.add(run)
    session.flush()
    enqueue(session, SOLVE, str(run.id))
    return run, True


def _check_day(body: RunIn) -> None:
    """Plans are made for days that somebody can see: not long past what is known today."""
    furthest = local_date(datetime.now(UTC)) + _FURTHEST_AHEAD
    if body.day > furthest:
        raise InvalidInput(
            f"{body.day} is too far ahead to plan for",
            field="day",
            value=body.day.isoformat(),
            mend=f"give a day up to {furthest}",
        )


def _snapshot(session: Session, body: RunIn) -> Problem:
    try:
        problem = take_snapshot(session, body.day, body.horizon_days, Policy())
    except ProblemError as error:
        raise InvalidInput(str(error), field=error.where, mend=error.message) from error
    if not problem.needs:
        raise NothingToAllocate(
            f"No need posted by {body.day} is outstanding",
            field="day",
            value=body.day.isoformat(),
            mend="wait for needs, or choose a later day",
        )
    return problem


def _same_run(run: Run, body: RunIn) -> Run:
    same = (run.day, run.horizon_days, run.note) == (body.day, body.horizon_days, body.note)
    if not same or body.occurred_at not in {None, run.started_at}:
        raise EntryIdReused(
            f"Run {run.id} exists, for {run.day} and {run.horizon_days} days",
            field="id",
            value=body.id,
            mend="make a new UUID for a new run; send the very same body to repeat one",
        )
    return run


def _take_turns(session: Session, what: str) -> None:
    """Wait until nobody else does ``what``; the turn ends with the transaction."""
    session.connection().execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"), {"what": what}
    )


def _moment(given: datetime | None) -> datetime:
    """When it happened: as given, and not in the future; now where nothing is given."""
    if given is not None:
        refuse_future(given)
    return given or datetime.now(UTC)


def _after_start(run: Run, moment: datetime | None) -> datetime:
    """When it was decided: not in the future, and not before the run was started."""
    decided_at = _moment(moment)
    if decided_at < run.started_at:
        raise InvalidInput(
            f"The run was started at {run.started_at.isoformat()}, after that",
            field="occurred_at",
            value=decided_at.isoformat(),
            mend="give the time of the decision",
        )
    return decided_at


def approve(session: Session, actor: Actor, run_id: UUID, body: Decision) -> Run:
    """Reserve what the plan says, line by line, and make its shipments: all of it or nothing.

    Raises:
        SecondPersonRequired: the plan is above the threshold, and the actor started the run.
        NotProposed: it was decided already, or isn't solved yet.
        PlanNoLongerHolds: a need or a lot changed since; names the line and why.

    """
    run = _decidable(session, actor, run_id)
    plan = stored_plan(run)
    lines = planned_lines(run)
    _require_second_person(actor, run, sum(line.quantity_base for line in lines))
    _check_needs(session, run, lines)
    moment = _after_start(run, body.occurred_at)
    _reserve(session, actor, run, lines, moment)
    shipments = plan_shipments(session, run.id, lines, actor=actor, occurred_at=moment)
    statement = post(
        session,
        Draft(
            id=uuid5(run.id, "approval"),
            kind=EntryKind.APPROVAL,
            occurred_at=moment,
            actor=actor.reference,
            document=f"run:{run.id}",
            facts={
                "snapshot": plan.problem_digest,
                "plan": digest_text(run.plan or b""),
                "pieces": str(sum(line.quantity_base for line in lines)),
                "shipments": len(shipments),
            },
        ),
    )
    run.approval_entry = statement.entry.id
    _supersede_others(session, run)
    return _decide(run, RunState.APPROVED, actor, moment, body.note)


def reject(session: Session, actor: Actor, run_id: UUID, body: Rejection) -> Run:
    """Turn a proposed plan down; nothing was reserved, so nothing is released."""
    run = _decidable(session, actor, run_id)
    moment = _after_start(run, body.occurred_at)
    return _decide(run, RunState.REJECTED, actor, moment, body.note)


def _decidable(session: Session, actor: Actor, run_id: UUID) -> Run:
    require_role(actor, Role.APPROVER, Role.DISPATCHER)
    # A decision on one run changes the others: decisions come one after another.
    _take_turns(session, "decision")
    run = get_run(session, run_id, for_update=True)
    if run.state is not RunState.PROPOSED:
        raise NotProposed(
            f"Run {run_id} is {run.state}",
            field="run_id",
            value=run_id,
            mend="wait for its plan" if run.state in UNSOLVED else "start a new run",
        )
    return run


def _require_second_person(actor: Actor, run: Run, pieces: int) -> None:
    threshold = get_settings().approval_threshold_pieces
    if pieces <= threshold:
        return
    if actor.role is not Role.APPROVER and actor.role is not Role.ADMIN:
        raise SecondPersonRequired(
            f"Plans above {threshold} pieces are approved by an approver; this one has {pieces}",
            mend="ask an approver",
        )
    if actor.user_id == run.started_by:
        raise SecondPersonRequired(
            f"You started this run, and plans above {threshold} pieces need a second person",
            mend="ask another approver",
        )


def _check_needs(session: Session, run: Run, lines: Sequence[PlannedLine]) -> None:
    """Hold every need still and see that it still is what the plan was made for."""
    planned: dict[UUID, int] = {}
    for line in lines:
        planned[line.need_id] = planned.get(line.need_id, 0) + line.quantity_base
    frozen = {need.id: need for need in stored_problem(run).needs}
    locked = session.exec(
        select(Need)
        .where(among(Need.id, planned))
        .order_by(col(Need.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for state in requests.served(session, locked):
        why = _why_changed(state, frozen[str(state.need.id)], run, planned[state.need.id])
        if why is not None:
            raise PlanNoLongerHolds(
                f"Need {state.need.id} ({state.need.item} for {state.need.site}) {why}",
                field="need_id",
                value=state.need.id,
                mend="start a new run",
            )


def _why_changed(state: Served, frozen: FrozenNeed, run: Run, planned: int) -> str | None:
    """What a need is now and wasn't in the snapshot; None where the plan still fits it."""
    need = state.need
    if planned > state.outstanding:
        return (
            f"is now {state.progress} with {state.outstanding} pieces outstanding; "
            f"the plan gives it {planned}"
        )
    if TIERS[need.priority] != frozen.tier:
        return f"now has the priority {need.priority}"
    if (need.need_by - run.day).days != frozen.need_by_day:
        return f"is now wanted by {need.need_by}"
    return None


def _reserve(
    session: Session, actor: Actor, run: Run, lines: Sequence[PlannedLine], moment: datetime
) -> None:
    if not lines:
        return
    draft = Draft(
        id=uuid5(run.id, "reserve"),
        kind=EntryKind.RESERVE,
        occurred_at=moment,
        actor=actor.reference,
        document=f"run:{run.id}",
        moves=[
            NewMove(
                line.lot_id,
                site_account(line.origin, "available"),
                site_account(line.origin, "reserved", need_purpose(line.need_id)),
                line.quantity_base,
            )
            for line in lines
        ],
    )
    try:
        post(session, draft)
    except InsufficientStock as error:
        lot, account = error.extra["lot_id"], error.extra["account"]
        first = next(
            number
            for number, line in enumerate(lines, start=1)
            if str(line.lot_id) == lot and account.startswith(f"site:{line.origin}/")
        )
        raise PlanNoLongerHolds(
            f"Line {first}: {error.detail}",
            field=f"lines[{first}]",
            value=lot,
            mend="start a new run",
            available=error.extra["available"],
        ) from error


def _supersede_others(session: Session, run: Run) -> None:
    """Plans made on the same shelves before this approval no longer hold."""
    others = session.exec(
        select(Run).where(col(Run.state) == RunState.PROPOSED, col(Run.id) != run.id)
    )
    for other in others:
        other.state = RunState.SUPERSEDED
        other.decision_note = f"run {run.id} was approved first"


def _decide(run: Run, state: RunState, actor: Actor, moment: datetime, note: str | None) -> Run:
    run.state = state
    run.decided_by = actor.user_id
    run.decided_at = moment
    run.decision_note = note
    return run


def get_run(session: Session, run_id: UUID, *, for_update: bool = False) -> Run:
    run = session.get(Run, run_id, with_for_update=for_update, populate_existing=True)
    if run is None:
        raise NotFound(f"There is no run {run_id}", field="run_id", value=run_id)
    return run


def runs(session: Session, limit: int = 50) -> list[Run]:
    """Newest first."""
    order = col(Run.started_at).desc(), col(Run.id)
    return list(session.exec(select(Run).order_by(*order).limit(limit)))


def stored_problem(run: Run) -> Problem:
    return Problem.from_json(run.snapshot)


def stored_plan(run: Run) -> Plan:
    assert run.plan is not None, "only solved runs have a plan"
    return Plan.from_json(run.plan)


def planned_lines(run: Run) -> list[PlannedLine]:
    """The plan's allocations in terms of lots, needs and days."""
    problem = stored_problem(run)
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    return [
        PlannedLine(
            need_id=UUID(each.need_id),
            lot_id=UUID(each.source_id.partition("|")[2]),
            item=sources[each.source_id].item,
            quantity_base=each.quantity,
            origin=sources[each.source_id].site,
            destination=needs[each.need_id].site,
            depart_on=run.day + timedelta(days=each.depart_day),
            due_on=run.day + timedelta(days=each.arrive_day),
        )
        for each in stored_plan(run).allocations
    ]
