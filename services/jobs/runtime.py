"""The durable jobs of a process: what DBOS runs, and the thread that seals and anchors."""

import os
import socket
from uuid import UUID, uuid4

import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSConfig
from dbos import error as dbos_error

from ledger.anchor import LogDiverged
from ledger.chain import ChainError
from services.alerts.sending import Channel
from services.database import Database
from services.dispatch.service import SOLVE
from services.dispatch.solving import fail_run, solve_run
from services.jobs import parts, rounds
from services.jobs.child import WorkerEnds
from services.jobs.deliver import Messenger
from services.jobs.log import Anchorer, LogWriter, WrongContract
from services.jobs.parts import Workshop
from services.jobs.retries import RETRIES
from services.jobs.sweep import Sweeper
from services.jobs.watch import WATCHES, Watcher
from services.queue import JOBS_VERSION, PARTS_QUEUE_NAME, QUEUE_NAME, SCHEMA
from services.settings import Settings

log = structlog.get_logger(__name__)

_running: "Jobs | None" = None


class Jobs:
    """Start with ``start``, end with ``stop``. One a process: DBOS is one a process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.database = database
        self.writer = LogWriter(settings, database)
        self._embedded = settings.chain_url is None
        self._anchorer = Anchorer(self.writer, settings.anchor_every_s)
        # A name of its own, so that others can tell its work from a dead one's.
        self._name = f"{socket.gethostname()}:{os.getpid()}:{uuid4()}"
        self._sweeper = Sweeper(database, self._name)
        self._watcher = Watcher(database, settings.watch_every_s, WATCHES)
        self._messengers = [Messenger(settings, database, channel) for channel in Channel]
        self.workshop = Workshop(settings, database, self._name)
        self._part_slots = settings.solve_processes

    def start(self) -> None:
        global _running  # noqa: PLW0603
        config: DBOSConfig = {
            "name": "medrelay",
            "system_database_url": self.database.url,
            "dbos_system_schema": SCHEMA,
            "application_version": JOBS_VERSION,
            "executor_id": self._name,
            "run_migrations": False,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 0.2,
        }
        if self._embedded:
            self.writer.claim()
        self._sweeper.hold()
        _running = self
        parts.use(self.workshop)
        rounds.use(self.database)
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(QUEUE_NAME, worker_concurrency=2, polling_interval_sec=0.2)
        DBOS.register_queue(
            PARTS_QUEUE_NAME, worker_concurrency=self._part_slots, polling_interval_sec=0.2
        )
        self._anchorer.start()
        self._sweeper.start()
        self._watcher.start()
        for messenger in self._messengers:
            messenger.start()

    def stop(self) -> None:
        global _running  # noqa: PLW0603
        self._anchorer.stop()
        self._sweeper.stop()
        self._watcher.stop()
        for messenger in self._messengers:
            messenger.stop()
        # What is being solved is left as a kill would leave it: another, or a restart, goes on.
        self.workshop.children.close()
        DBOS.destroy()
        self._sweeper.release()
        self.writer.close()
        _running = None


@DBOS.workflow(name=SOLVE)
def solve_workflow(run_id: str) -> str:
    """Log the snapshot before solving, then solve and propose. Each part may run again.

    A run is always told how it ended: where no attempt works, it has failed, with the reason.
    """
    try:
        log_before_solving()
        state = propose(run_id)
    except Exception as error:
        log.exception("solving_failed", run=run_id)
        state = give_up(run_id, _reason(error))
    forget_parts(run_id)
    return state


@DBOS.step(**RETRIES)
def log_before_solving() -> None:
    """Anchor the snapshot's hash. Where that can't be now, it is sealed and anchored later."""
    try:
        _jobs().writer.run_once()
    except (ChainError, LogDiverged, WrongContract, sa.exc.OperationalError) as error:
        log.warning("solving_before_anchoring", why=str(error))


@DBOS.step(**RETRIES)
def propose(run_id: str) -> str:
    subject = UUID(run_id)
    return solve_run(_jobs().database, subject, _jobs().workshop.crew(subject)).value


@DBOS.step(**RETRIES)
def give_up(run_id: str, why: str) -> str:
    return fail_run(_jobs().database, UUID(run_id), why).value


@DBOS.step(**RETRIES)
def forget_parts(run_id: str) -> None:
    parts.forget_bytes(_jobs().database, UUID(run_id))


def _reason(error: Exception) -> str:
    if isinstance(error, dbos_error.DBOSMaxStepRetriesExceeded) and error.errors:
        error = error.errors[-1]
    first = (str(error).splitlines() or [""])[0]
    return f"It couldn't be solved ({type(error).__name__}: {first}). Start a new run."


def _jobs() -> Jobs:
    """Those of this process; a step that is tried again after they were stopped ends there."""
    if _running is None:
        raise WorkerEnds
    _running.workshop.children.go_on()
    return _running
