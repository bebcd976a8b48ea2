"""Runs as they are kept: found, listed, and read back from their frozen bytes."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from optimizer.plan import Plan
from optimizer.problem import Problem
from services.dispatch.models import Run, RunKind, RunPart, RunState
from services.dispatch.orders import Orders
from services.errors import Conflict, NotFound
from services.transport.service import PlannedLine


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


def runs(session: Session, limit: int = 50) -> list[Run]:
    """Newest first, without their bytes, which may be many."""
    order = col(Run.started_at).desc(), col(Run.id)
    light = defer(Run.snapshot), defer(Run.plan)  # type: ignore[arg-type]
    return list(session.exec(select(Run).options(*light).order_by(*order).limit(limit)))


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
