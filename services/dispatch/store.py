"""Runs as they are kept: found, listed, and read back from their frozen bytes."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from optimizer.parts import Need, Source
from optimizer.plan import Allocation, Plan
from optimizer.problem import Problem
from services.dispatch.models import Run, RunKind, RunPart, RunState
from services.dispatch.orders import Orders
from services.dispatch.sources import is_expected, read_source
from services.errors import Conflict, NotFound
from services.transport.service import PlannedLine
from services.web.lists import Asked, Listing, select_page


class NotProposed(Conflict):
    code, title = "not-proposed", "This run isn't waiting for a decision"


def take_turns(session: Session, what: str) -> None:
    """Wait until nobody else does ``what``; the turn ends with the transaction."""
    session.connection().execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"), {"what": what}
    )


def get_run(session: Session, run_id: UUID, *, for_update: bool = False) -> Run:
    run = session.get(Run, run_id, with_for_update=for_update, populate_existing=True)
    if run is None:
        raise NotFound(f"There is no run {run_id}", field="run_id", value=run_id)
    return run


def runs(
    session: Session,
    asked: Asked,
    *,
    kind: RunKind | None = None,
    state: RunState | None = None,
    day: date | None = None,
) -> Listing[Run]:
    """Newest first, without their bytes, which may be many."""
    light = defer(Run.snapshot), defer(Run.plan), defer(Run.approved_part)  # type: ignore[arg-type]
    statement = select(Run).options(*light)
    for column, value in ((Run.kind, kind), (Run.state, state), (Run.day, day)):
        if value is not None:
            statement = statement.where(column == value)
    order = {
        "started_at": col(Run.started_at).desc(),
        "day": Run.day,
        "state": Run.state,
        "decided_at": Run.decided_at,
        "pieces_needed": Run.pieces_needed,
        "pieces_allocated": Run.pieces_allocated,
    }
    return select_page(session, statement, order, asked, tie=col(Run.id))


def find_last_approved(session: Session) -> Run | None:
    """The newest plan that was approved."""
    approved = select(Run).where(Run.state == RunState.APPROVED)
    order = col(Run.decided_at).desc(), col(Run.id)
    return session.exec(approved.order_by(*order).limit(1)).first()


def find_last_run(session: Session) -> Run | None:
    """The newest run whose plan holds or may come to hold."""
    holding = col(Run.state).in_((RunState.APPROVED, RunState.PROPOSED))
    order = col(Run.started_at).desc(), col(Run.id)
    chosen = select(Run).where(holding, col(Run.kind) == RunKind.ALLOCATION).order_by(*order)
    return session.exec(chosen.limit(1)).first()


def stored_problem(run: Run) -> Problem:
    return Problem.from_json(run.snapshot)


def stored_plan(run: Run) -> Plan:
    """The run's plan; NotProposed where it has none."""
    if run.plan is None:
        raise NotProposed(f"Run {run.id} is {run.state}: there is no plan to show")
    return Plan.from_json(run.plan)


def stored_orders(run: Run) -> Orders:
    """What was set by hand; the defaults where nothing was."""
    return Orders.model_validate(run.orders or {})


def solved_by(session: Session, run_id: UUID) -> dict[str, int]:
    """How many parts each worker solved, where the run was solved in parts."""
    workers = (
        select(RunPart.solved_by, sa.func.count())
        .where(RunPart.run_id == run_id, col(RunPart.solved_by).is_not(None))
        .group_by(col(RunPart.solved_by))
        .order_by(col(RunPart.solved_by))
    )
    return {str(name): count for name, count in session.exec(workers)}


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    """A line whose goods aren't there yet: ``paper`` says what brings them, on ``ready_on``.

    It is what a plan expects and nothing more: it is never reserved, no shipment holds it, and the
    next run plans its goods again, as a lot once they stand there.
    """

    need_id: UUID
    paper: str
    ready_on: date
    item: str
    quantity_base: int
    origin: str
    destination: str
    depart_on: date
    due_on: date


def planned_lines(run: Run) -> list[PlannedLine | ExpectedLine]:
    """The plan's allocations in terms of lots or what is due, of needs and of days."""
    problem = stored_problem(run)
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    return [
        _line(run, each, sources[each.source_id], needs[each.need_id])
        for each in stored_plan(run).allocations
    ]


def _line(run: Run, each: Allocation, source: Source, need: Need) -> PlannedLine | ExpectedLine:
    named = read_source(source.id)
    shared: dict[str, Any] = {
        "need_id": UUID(each.need_id),
        "item": source.item,
        "quantity_base": each.quantity,
        "origin": source.site,
        "destination": need.site,
        "depart_on": run.day + timedelta(days=each.depart_day),
        "due_on": run.day + timedelta(days=each.arrive_day),
    }
    if named.lot_id is not None:
        return PlannedLine(lot_id=named.lot_id, **shared)
    assert named.paper is not None
    ready_on = run.day + timedelta(days=source.ready_day)
    return ExpectedLine(paper=named.paper, ready_on=ready_on, **shared)


def expected_by_need(plan: Plan) -> Counter[str]:
    """By need, how much of what a plan gives it isn't there yet."""
    found: Counter[str] = Counter()
    for each in plan.allocations:
        if is_expected(each.source_id):
            found[each.need_id] += each.quantity
    return found


def approved_lines(run: Run) -> dict[int, dict[str, Any]] | None:
    """What was reserved of a plan, by the lines' numbers; None where that is all of it."""
    if run.approved_part is None:
        return None
    return {line["line"]: line for line in json.loads(run.approved_part)["lines"]}


def approved_pieces(run: Run, need_id: str, planned: int) -> int:
    """How much of what a plan gives a need was approved."""
    part = approved_lines(run)
    if part is None:
        return planned
    return sum(int(line["pieces"]) for line in part.values() if line["need"] == need_id)


def expected_lines(run: Run) -> list[ExpectedLine]:
    """What an approved plan expects: of all of it, or of the part that was approved."""
    if run.approved_part is None or not run.pieces_expected:
        return []
    kept = set(json.loads(run.approved_part).get("expected", ()))
    return [
        line
        for number, line in enumerate(planned_lines(run), start=1)
        if number in kept and isinstance(line, ExpectedLine)
    ]
