"""The watch: looks about once a minute whether something is so that somebody should know.

Each desk has a ``watch.py`` of its own. A look is one transaction; one desk's trouble is not
another's, and is itself an alert to the administrators; of several processes, one looks at a
time. A watch raises and closes alerts, and lets
lapse what lapses by rule. It moves no goods and no money: people do.
"""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog
from sqlmodel import Session

from services.alerts import watch as alerts
from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_alert, raise_alert
from services.audit.service import log_status
from services.capacity import watch as capacity
from services.community import watch as community
from services.database import Database
from services.dispatch import nightly
from services.dispatch import watch as dispatch
from services.donations import watch as donations
from services.inventory import watch as inventory
from services.parties.models import Role
from services.requests import watch as requests
from services.requests.forecast import watch as forecast
from services.transport import watch as transport

log = structlog.get_logger(__name__)

Watch = Callable[[Session, datetime], None]
_BACKLOG_FROM = 5_000
# A database that is away or busy passes by itself; what fails so often in a row doesn't.
_PATIENCE = 3


def watch_chain(session: Session, now: datetime) -> None:  # noqa: ARG001
    """Entries that wait for the chain are no harm while they are few."""
    status = log_status(session)
    waiting = status.entries - status.anchored
    if waiting < _BACKLOG_FROM:
        close_alert(session, AlertKind.CHAIN_BACKLOG, "log")
        return
    raise_alert(
        session,
        AlertKind.CHAIN_BACKLOG,
        "log",
        Severity.WARNING,
        path="/log",
        roles=[Role.ADMIN, Role.AUDITOR],
        facts={"entries": waiting},
    )


WATCHES: dict[str, Watch] = {
    "alerts": alerts.watch,
    "capacity": capacity.watch,
    "chain": watch_chain,
    "community": community.watch,
    "dispatch": dispatch.watch,
    "donations": donations.watch,
    "forecast": forecast.watch,
    "inventory": inventory.watch,
    "nightly": nightly.watch,
    "requests": requests.watch,
    "transport": transport.watch,
}


class Watcher(threading.Thread):
    """Looks at every desk in turn, and goes on whatever one look comes to."""

    def __init__(self, database: Database, every_s: float, watches: dict[str, Watch]) -> None:
        super().__init__(name="watcher", daemon=True)
        self._database, self._every_s, self._watches = database, every_s, watches
        self._failed_in_a_row: Counter[str] = Counter()
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(self._every_s):
            self.look()

    def look(self) -> list[str]:
        """One look at everything; the names of the watches that came to an end."""
        return [name for name, watch in self._watches.items() if self._look_at(name, watch)]

    def stop(self) -> None:
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=30)

    def _look_at(self, name: str, watch: Watch) -> bool:
        try:
            with self._database.transaction() as session:
                if not session.scalar(_MY_TURN, {"key": f"watch/{name}"}):
                    return False
                watch(session, datetime.now(UTC))
                close_alert(session, AlertKind.WATCH_STOPPED, f"watch:{name}")
        except Exception as error:  # noqa: BLE001
            self._tell(name, error)
            return False
        del self._failed_in_a_row[name]
        return True

    def _tell(self, name: str, error: Exception) -> None:
        """Let administrators know which desk nobody looks after; what it was is in the log."""
        self._failed_in_a_row[name] += 1
        passes = isinstance(error, sa.exc.OperationalError)
        if passes and self._failed_in_a_row[name] < _PATIENCE:
            log.warning("watch_waits", watch=name, why=str(error))
            return
        log.error("watch_stopped_short", watch=name, exc_info=error)
        with suppress(sa.exc.SQLAlchemyError), self._database.transaction() as session:
            raise_alert(
                session,
                AlertKind.WATCH_STOPPED,
                f"watch:{name}",
                Severity.WARNING,
                path="/alerts?kind=watch_stopped",
                roles=[Role.ADMIN],
                facts={"watch": name, "error": type(error).__name__},
            )


_MY_TURN = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
