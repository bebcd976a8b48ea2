"""See that no run waits for a process that is gone.

Each process that runs jobs holds a lock of the database under its own name for as long as it
lives. Whoever can take another one's lock knows that it died, and puts its work back in the queue.
"""

import hashlib
import threading
from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
import structlog
from dbos import DBOS, WorkflowStatus
from sqlmodel import col, select

from services.database import Database
from services.dispatch.models import UNSOLVED, Run
from services.dispatch.service import SOLVE
from services.dispatch.solving import fail_run
from services.jobs.parts import look_after_parts
from services.queue import enqueue, job_id
from services.rounds.service import PLAN_ROUNDS
from services.rounds.solving import fail_rounds
from services.transport.models import UNPLANNED, RoundsPlan

log = structlog.get_logger(__name__)

_ALIVE = 0xA11E
_Fail = Callable[[Database, UUID, str], object]
_ENDED_BADLY = {"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}


class Sweeper(threading.Thread):
    """Holds this process's own lock, and looks every few seconds for what others left behind."""

    def __init__(self, database: Database, name: str, every_s: float = 5.0) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._database, self._executor, self._every_s = database, name, every_s
        self._stopped = threading.Event()
        self._lock: sa.Connection | None = None

    def hold(self) -> None:
        """Take the lock, or take it again where the connection that held it was lost."""
        if self._lock is not None:
            try:
                self._lock.execute(sa.text("SELECT 1"))
            except sa.exc.DBAPIError:
                self._let_go()
            else:
                return
        connection = _autocommit(self._database)
        try:
            _try_lock(connection, self._executor)
        except BaseException:
            connection.close()
            raise
        self._lock = connection

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.hold()
                self.sweep()
            except sa.exc.DBAPIError as error:
                log.warning("sweep_waits", why=str(error))
            except Exception:
                log.exception("sweep_stopped_short")
            self._stopped.wait(self._every_s)

    def stop(self) -> None:
        """End, but hold the lock: work may still be under way until `release`."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=30)

    def release(self) -> None:
        if self._lock is not None:
            self._let_go()

    def sweep(self) -> None:
        """One look over all runs that aren't solved, and all rounds that aren't planned yet."""
        with self._database.transaction() as session:
            runs = list(session.exec(select(Run.id).where(col(Run.state).in_(UNSOLVED))))
            unplanned = col(RoundsPlan.state).in_(UNPLANNED)
            rounds = list(session.exec(select(RoundsPlan.id).where(unplanned)))
        dead: set[str] = set()
        waiting: list[tuple[str, UUID, _Fail]] = [(SOLVE, each, fail_run) for each in runs]
        waiting += [(PLAN_ROUNDS, each, fail_rounds) for each in rounds]
        for name, subject, fail in waiting:
            status = DBOS.get_workflow_status(job_id(name, str(subject)))
            if status is None:
                with self._database.transaction() as session:
                    enqueue(session, name, str(subject))
            elif status.status in _ENDED_BADLY:
                fail(self._database, subject, _why(status))
            elif status.status == "PENDING" and status.executor_id:
                dead.add(status.executor_id)
        dead |= look_after_parts(self._database, _ENDED_BADLY)
        for executor in sorted(dead - {self._executor}):
            if self._is_dead(executor):
                log.warning("taking_over_from", executor=executor)
                # What its console calls over HTTP; by name it is private.
                DBOS._recover_pending_workflows([executor])  # noqa: SLF001

    def _is_dead(self, executor: str) -> bool:
        with _autocommit(self._database) as connection:
            if not _try_lock(connection, executor):
                return False
            connection.execute(_UNLOCK, _key(executor))
            return True

    def _let_go(self) -> None:
        assert self._lock is not None
        # The connection goes, and not back into the pool: the lock must not outlive it there.
        self._lock.invalidate()
        self._lock.close()
        self._lock = None


def _autocommit(database: Database) -> sa.Connection:
    return database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")


_UNLOCK = sa.text("SELECT pg_advisory_unlock(:alive, :name)")


def _try_lock(connection: sa.Connection, executor: str) -> bool:
    query = sa.text("SELECT pg_try_advisory_lock(:alive, :name)")
    return bool(connection.execute(query, _key(executor)).scalar_one())


def _key(executor: str) -> dict[str, int]:
    first = hashlib.sha256(executor.encode()).digest()[:4]
    return {"alive": _ALIVE, "name": int.from_bytes(first, "big", signed=True)}


def _why(status: WorkflowStatus) -> str:
    reason = f": {status.error}" if status.error is not None else ""
    return f"The job ended without a plan ({status.status.lower()}{reason}). Start a new run."
