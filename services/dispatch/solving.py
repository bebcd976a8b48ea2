"""From a frozen input to a proposed plan: called by the durable job, safe to call again."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from optimizer import baselines
from optimizer.check import check
from optimizer.crew import Crew
from optimizer.errors import ProblemError
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.solve import solve
from services.database import Database
from services.dispatch.models import UNSOLVED, Run, RunKind, RunState
from services.dispatch.service import SYSTEM
from services.dispatch.snapshot import digest_text
from services.dispatch.store import expected_by_need, get_run
from services.journal.kinds import EntryKind
from services.journal.post import post
from services.journal.record import Draft
from services.settings import get_settings

_LOOK_EVERY_S = 0.5


def solve_run(database: Database, run_id: UUID, crew: Crew | None = None) -> RunState:
    """Solve, check and propose; a run that is past solving is left as it is.

    ``crew`` solves the parts; without one they are solved here, one after another.
    """
    with database.transaction() as session:
        run = get_run(session, run_id, for_update=True)
        if run.state not in UNSOLVED:
            return run.state
        run.state = RunState.SOLVING
        run.taken_up_at = run.taken_up_at or datetime.now(UTC)
        snapshot, digest, begun = run.snapshot, run.snapshot_digest, run.taken_up_at
    try:
        problem = Problem.from_json(snapshot)
        plan = solve(
            problem,
            progress=_reporter(database, run_id),
            stop=_stopper(database, run_id, begun),
            crew=crew,
        )
        report = check(problem, plan)
        if not report.ok:
            return fail_run(
                database, run_id, f"The plan doesn't pass its check: {report.violations[0]}"
            )
        comparison = compare(problem, plan)
    except ProblemError as error:
        return fail_run(database, run_id, str(error))
    return _propose(database, run_id, plan, digest, comparison)


def compare(problem: Problem, plan: Plan) -> dict[str, Any]:
    """The plan beside what people do today, on the same snapshot."""
    practices = {"medrelay": plan, **baselines.practised(problem)}
    return {name: asdict(baselines.summary(problem, each)) for name, each in practices.items()}


def _stopper(database: Database, run_id: UUID, begun: datetime) -> Callable[[], bool]:
    """Whether somebody asked to stop, or the time is over; looked up every half a second."""
    limit_s = get_settings().solve_time_limit_s
    ends = None if limit_s is None else begun + timedelta(seconds=limit_s)
    asked = select(Run.stop_asked_at).where(Run.id == run_id)
    stopped, next_look = False, 0.0

    def stop() -> bool:
        nonlocal stopped, next_look
        if stopped or time.monotonic() < next_look:
            return stopped
        next_look = time.monotonic() + _LOOK_EVERY_S
        with database.transaction() as session:
            stopped = session.exec(asked).one() is not None
        stopped = stopped or (ends is not None and datetime.now(UTC) >= ends)
        return stopped

    return stop


def _reporter(database: Database, run_id: UUID) -> Callable[[str, int, int], None]:
    """Write progress where anybody can see it: the stage, and its parts done of all."""
    last: tuple[str, int, int] | None = None
    next_write = 0.0

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last, next_write
        same_stage = last is not None and last[0] == stage
        if last == (stage, done, total) or (
            same_stage and done < total and time.monotonic() < next_write
        ):
            return
        last, next_write = (stage, done, total), time.monotonic() + _LOOK_EVERY_S
        with database.transaction() as session:
            session.execute(
                sa.update(Run)
                .where(col(Run.id) == run_id)
                .values(
                    progress=99 * done // max(total, 1),
                    progress_note=stage,
                    parts_done=done,
                    parts_total=total,
                )
            )

    return report


def _propose(
    database: Database, run_id: UUID, plan: Plan, digest: str, comparison: dict[str, Any]
) -> RunState:
    content = replace(plan, problem_digest=digest).to_json()
    with database.transaction() as session:
        run = get_run(session, run_id, for_update=True)
        if run.state is not RunState.SOLVING:
            return run.state
        run.plan = content.encode()
        run.plan_digest = digest_text(run.plan)
        run.pieces_allocated = sum(each.quantity for each in plan.allocations)
        run.pieces_expected = expected_by_need(plan).total()
        run.plan_entry = _log_plan(session, run, plan)
        run.comparison = comparison
        run.progress, run.progress_note = 100, "done"
        asked = run.kind is RunKind.WHAT_IF
        run.state = RunState.ANSWERED if asked else RunState.PROPOSED
        return run.state


def _log_plan(session: Session, run: Run, plan: Plan) -> UUID:
    assert run.plan is not None
    expected = {"expected": str(run.pieces_expected)} if run.pieces_expected else {}
    statement = post(
        session,
        Draft(
            id=uuid5(run.id, "plan"),
            kind=EntryKind.PLAN,
            occurred_at=run.started_at,
            actor=SYSTEM,
            document=f"run:{run.id}",
            facts={
                "snapshot": run.snapshot_digest,
                "digest": digest_text(run.plan),
                "status": plan.solver.status,
                "pieces": str(sum(each.quantity for each in plan.allocations)),
            }
            | expected,
        ),
    )
    return statement.entry.id


def fail_run(database: Database, run_id: UUID, why: str) -> RunState:
    """Give a run up, with the reason; one that was solved meanwhile is left as it is."""
    with database.transaction() as session:
        run = get_run(session, run_id, for_update=True)
        if run.state in UNSOLVED:
            run.state, run.failure, run.decided_at = RunState.FAILED, why, datetime.now(UTC)
        return run.state
