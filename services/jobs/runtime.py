"""The durable jobs of a process: what DBOS runs, and the thread that seals and anchors."""

from uuid import UUID

import structlog
from dbos import DBOS, DBOSConfig

from ledger.chain import ChainError
from services.database import Database
from services.dispatch.service import SOLVE
from services.dispatch.solving import solve_run
from services.jobs.log import Anchorer, LogWriter
from services.queue import JOBS_VERSION, QUEUE_NAME, SCHEMA
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

    def start(self) -> None:
        global _running  # noqa: PLW0603
        config: DBOSConfig = {
            "name": "medrelay",
            "system_database_url": self.database.url,
            "dbos_system_schema": SCHEMA,
            "application_version": JOBS_VERSION,
            "run_migrations": False,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 0.2,
        }
        if self._embedded:
            self.writer.claim()
        _running = self
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(QUEUE_NAME, worker_concurrency=2, polling_interval_sec=0.2)
        self._anchorer.start()

    def stop(self) -> None:
        global _running  # noqa: PLW0603
        self._anchorer.stop()
        DBOS.destroy()
        self.writer.close()
        _running = None


@DBOS.workflow(name=SOLVE)
def solve_workflow(run_id: str) -> str:
    """Log the snapshot before solving, then solve and propose. Each part may run again."""
    log_before_solving()
    return propose(run_id)


@DBOS.step()
def log_before_solving() -> None:
    """Anchor the snapshot's hash. Where the chain is away, it is sealed and anchored later."""
    try:
        _jobs().writer.run_once()
    except ChainError as error:
        log.warning("solving_before_anchoring", why=str(error))


@DBOS.step()
def propose(run_id: str) -> str:
    return solve_run(_jobs().database, UUID(run_id)).value


def _jobs() -> Jobs:
    assert _running is not None, "jobs run where Jobs.start() was called"
    return _running
