"""The durable job that plans the rounds of a day."""

from uuid import UUID

import structlog
from dbos import DBOS

from services.database import Database
from services.jobs.retries import RETRIES
from services.rounds.service import PLAN_ROUNDS
from services.rounds.solving import fail_rounds, solve_rounds

log = structlog.get_logger(__name__)

_database: Database | None = None


def use(database: Database) -> None:
    """Name the database that this process's jobs work on; before they are launched."""
    global _database  # noqa: PLW0603
    _database = database


@DBOS.workflow(name=PLAN_ROUNDS)
def plan_rounds_workflow(plan_id: str) -> str:
    """Search and write the rounds; where no attempt works, the plan says that it failed."""
    try:
        return search_rounds(plan_id)
    except Exception as error:
        log.exception("rounds_failed", plan=plan_id)
        return give_up_rounds(
            plan_id, f"They couldn't be planned ({type(error).__name__}). Plan again."
        )


@DBOS.step(**RETRIES)
def search_rounds(plan_id: str) -> str:
    return solve_rounds(_used(), UUID(plan_id)).value


@DBOS.step(**RETRIES)
def give_up_rounds(plan_id: str, why: str) -> str:
    return fail_rounds(_used(), UUID(plan_id), why).value


def _used() -> Database:
    assert _database is not None, "jobs run where Jobs.start() was called"
    return _database
