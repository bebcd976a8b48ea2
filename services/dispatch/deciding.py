"""Decisions on a proposed plan: a second person's approval carries it out, a rejection ends it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from optimizer.problem import Need as FrozenNeed
from services.database import among
from services.dispatch.hand_rules import carry_out as end_carried_out
from services.dispatch.models import UNSOLVED, Run, RunState
from services.dispatch.moments import after_start
from services.dispatch.parting import Part, choose_part, keep_part
from services.dispatch.schemas import Decision, Rejection
from services.dispatch.snapshot import digest_text
from services.dispatch.store import (
    NotProposed,
    get_run,
    stored_plan,
    stored_problem,
    take_turns,
)
from services.errors import Conflict, Forbidden
from services.journal.kinds import EntryKind, need_purpose, site_account
from services.journal.post import InsufficientStock, post
from services.journal.record import Draft, NewMove
from services.parties.models import Role
from services.parties.service import Actor, require_role
from services.requests import service as requests
from services.requests.models import TIERS, Need
from services.requests.service import Served
from services.settings import get_settings
from services.transport.service import PlannedLine, plan_shipments


class SecondPersonRequired(Forbidden):
    code, title = "second-person-required", "Somebody else must approve this"


class PlanNoLongerHolds(Conflict):
    code, title = "plan-no-longer-holds", "Things have changed since the plan was made"


def approve(session: Session, actor: Actor, run_id: UUID, body: Decision) -> Run:
    """Reserve what the plan says, line by line, and make its shipments: all of it or nothing.

    With ``only``, all of that part or nothing; the threshold counts what is approved.

    Raises:
        SecondPersonRequired: it is above the threshold, and the actor started the run.
        NotProposed: it was decided already, or isn't solved yet.
        InvalidInput: the part has no line, or names one that isn't there.
        PlanNoLongerHolds: a need or a lot changed since; names the line and why.

    """
    run = decidable(session, actor, run_id)
    part = choose_part(run, body)
    refused = second_person_required(actor, run, part.pieces)
    if refused is not None:
        raise refused
    return carry_out(session, actor, run, part, body, EntryKind.APPROVAL)


def carry_out(
    session: Session, actor: Actor, run: Run, part: Part, body: Decision, kind: EntryKind
) -> Run:
    """Do what an approval of either kind does; whether the actor may is asked before."""
    plan = stored_plan(run)
    _check_needs(session, run, part.lines)
    moment = after_start(run, body.occurred_at)
    _reserve(session, actor, run, part, moment)
    shipments = plan_shipments(session, run.id, part.lines, actor=actor, occurred_at=moment)
    statement = post(
        session,
        Draft(
            id=uuid5(run.id, "approval"),
            kind=kind,
            occurred_at=moment,
            actor=actor.reference,
            document=f"run:{run.id}",
            facts={
                "snapshot": plan.problem_digest,
                "plan": digest_text(run.plan or b""),
                "pieces": str(part.pieces),
                "shipments": len(shipments),
            }
            | part.facts,
        ),
    )
    run.approval_entry = statement.entry.id
    keep_part(run, part, body)
    end_carried_out(session, run, part.lines)
    _supersede_others(session, run)
    return _decide(run, RunState.APPROVED, actor, moment, body.note)


def reject(session: Session, actor: Actor, run_id: UUID, body: Rejection) -> Run:
    """Turn a proposed plan down; nothing was reserved, so nothing is released."""
    run = decidable(session, actor, run_id)
    moment = after_start(run, body.occurred_at)
    return _decide(run, RunState.REJECTED, actor, moment, body.note)


def decidable(session: Session, actor: Actor, run_id: UUID) -> Run:
    require_role(actor, Role.APPROVER, Role.DISPATCHER)
    # A decision on one run changes the others: decisions come one after another.
    take_turns(session, "decision")
    run = get_run(session, run_id, for_update=True)
    if run.state is not RunState.PROPOSED:
        raise NotProposed(
            f"Run {run_id} is {run.state}",
            field="run_id",
            value=run_id,
            mend="wait for its plan" if run.state in UNSOLVED else "start a new run",
        )
    return run


def second_person_required(actor: Actor, run: Run, pieces: int) -> SecondPersonRequired | None:
    """Why the actor can't approve so many pieces of this run alone; None where they can."""
    threshold = get_settings().approval_threshold_pieces
    if pieces <= threshold:
        return None
    if actor.role is not Role.APPROVER and actor.role is not Role.ADMIN:
        return SecondPersonRequired(
            f"Plans above {threshold} pieces are approved by an approver; this one has {pieces}",
            mend="ask an approver",
        )
    if actor.user_id == run.started_by:
        return SecondPersonRequired(
            f"You started this run, and plans above {threshold} pieces need a second person",
            mend="ask another approver",
        )
    return None


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


def _reserve(session: Session, actor: Actor, run: Run, part: Part, moment: datetime) -> None:
    if not part.lines:
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
            for line in part.lines
        ],
    )
    try:
        post(session, draft)
    except InsufficientStock as error:
        lot, account = error.extra["lot_id"], error.extra["account"]
        first = next(
            number
            for number, line in zip(part.numbers, part.lines, strict=True)
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
    session.execute(
        sa.update(Run)
        .where(col(Run.state) == RunState.PROPOSED, col(Run.id) != run.id)
        .values(state=RunState.SUPERSEDED, decision_note=f"run {run.id} was approved first")
        .execution_options(synchronize_session="fetch")
    )


def _decide(run: Run, state: RunState, actor: Actor, moment: datetime, note: str | None) -> Run:
    run.state = state
    run.decided_by = actor.user_id
    run.decided_at = moment
    run.decision_note = note
    return run
