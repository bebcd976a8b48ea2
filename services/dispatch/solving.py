"""From a frozen input to a proposed plan: called by the durable job, safe to call again."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from sqlmodel import Session

from optimizer import baselines
from optimizer.check import check
from optimizer.errors import ProblemError
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.solve import solve
from services.database import Database
from services.dispatch.models import UNSOLVED, Run, RunState
from services.dispatch.service import SYSTEM, get_run
from services.dispatch.snapshot import digest_text
from services.journal.kinds import EntryKind
from services.journal.post import post
from services.journal.record import Draft


def solve_run(database: Database, run_id: UUID) -> RunState:
    """Solve, check and propose; a run that is past solving is left as it is."""
    with database.transaction() as session:
        run = get_run(session, run_id, for_update=True)
        if run.state not in UNSOLVED:
            return run.state
        run.state = RunState.SOLVING
        snapshot, digest = run.snapshot, digest_text(run.snapshot)
    try:
        problem = Problem.from_json(snapshot)
        plan = solve(problem, progress=_reporter(database, run_id))
    except ProblemError as error:
        return fail_run(database, run_id, str(error))
    report = check(problem, plan)
    if not report.ok:
        return fail_run(
            database, run_id, f"The plan doesn't pass its check: {report.violations[0]}"
        )
    comparison = compare(problem, plan)
    return _propose(database, run_id, plan, digest, comparison)


def compare(problem: Problem, plan: Plan) -> dict[str, Any]:
    """The plan beside what people do today, on the same snapshot."""
    practices = {
        "medrelay": plan,
        "first_come_first_served": baselines.first_come_first_served(problem),
        "proportional": baselines.proportional(problem),
    }
    return {name: asdict(baselines.summary(problem, each)) for name, each in practices.items()}


def _reporter(database: Database, run_id: UUID) -> Callable[[str, int, int], None]:
    """Write progress where anybody can see it, in percent: fairness first, then cost."""
    begin = {"fairness": 0, "cost": 50}
    last = -1

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last
        percent = begin.get(stage, 0) + 50 * done // max(total, 1)
        if percent <= last:
            return
        last = percent
        with database.transaction() as session:
            run = get_run(session, run_id)
            run.progress, run.progress_note = min(percent, 99), stage

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
        run.pieces_allocated = sum(each.quantity for each in plan.allocations)
        run.plan_entry = _log_plan(session, run, plan)
        run.comparison = comparison
        run.progress, run.progress_note = 100, "done"
        run.state = RunState.PROPOSED
        return run.state


def _log_plan(session: Session, run: Run, plan: Plan) -> UUID:
    assert run.plan is not None
    statement = post(
        session,
        Draft(
            id=uuid5(run.id, "plan"),
            kind=EntryKind.PLAN,
            occurred_at=run.started_at,
            actor=SYSTEM,
            document=f"run:{run.id}",
            facts={
                "snapshot": digest_text(run.snapshot),
                "digest": digest_text(run.plan),
                "status": plan.solver.status,
                "pieces": str(sum(each.quantity for each in plan.allocations)),
            },
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
