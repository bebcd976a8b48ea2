"""Sealing and anchoring: bring the chain up to the journal, then sign what it holds.

All state is in the journal and on the chain, so a pass may be killed anywhere and run again.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog

from ledger.anchor import LogDiverged
from ledger.chain import ChainUnavailable
from services.audit import anchoring as stored
from services.audit.tiles import catch_up
from services.database import Database
from services.jobs.anchoring import Anchoring
from services.jobs.log_chain import WrongContract, load_signing_key, open_known
from services.journal.seal import seal, tree_size
from services.settings import Settings

__all__ = ["Anchorer", "LogBusy", "LogDiverged", "LogWriter", "WrongContract"]

log = structlog.get_logger(__name__)

PATIENCE_S = 15.0
_POLL_S = 0.05
_ANCHOR_LOCK = 0xA2C8
_TRY_LOCK = sa.text("SELECT pg_try_advisory_lock(:key)")
_UNLOCK = sa.text("SELECT pg_advisory_unlock(:key)")


class LogBusy(ChainUnavailable):
    """Another thread or process is writing to the log; nothing is lost, try again later."""


class LogWriter:
    """The one place that appends to the log. Threads and processes take turns by a lock."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._anchoring: Anchoring | None = None
        self._mutex = threading.Lock()
        # Something else than None, so that the first pass clears what an earlier process told.
        self._told: str | None = ""
        self._signing_key = load_signing_key(settings)

    def claim(self) -> None:
        """Open the chain now, so that a second writer of an embedded chain learns it at once.

        Raises:
            ChainLocked: another process has this data folder.
            LogDiverged, WrongContract: it isn't the chain that this log is anchored in, or was
                rewritten since.

        """
        with self._mutex, self._turn():
            self._open()

    def run_once(self) -> int:
        """Seal and anchor everything that waits; return how many leaves the chain then holds.

        Raises:
            ChainUnavailable: what was sealed stays sealed, and is anchored by a later pass.
            LogDiverged, WrongContract: the chain isn't this journal's; somebody has to look.

        """
        with self._mutex, self._turn():
            self._seal_all()
            return self._anchor_all()

    def hand_over(self, secret: bytes) -> None:
        """Let this key be the submitter from now on; see `Chain.hand_over`."""
        with self._mutex, self._turn():
            self._open().chain.hand_over(secret)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other writer of the log out."""
        with self._mutex, self._turn():
            yield

    def tell(self, why: str | None, *, stopped: bool = False) -> None:
        """Keep for the log's page why anchoring doesn't go on; None where it does."""
        if why == self._told:
            return
        with suppress(sa.exc.DBAPIError), self._database.transaction() as session:
            stored.set_trouble(session, why, stopped=stopped, now=datetime.now(UTC))
            self._told = why

    def close(self) -> None:
        with self._mutex:
            if self._anchoring is not None:
                self._anchoring.chain.close()
                self._anchoring = None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the lock that all processes share, on a connection of its own.

        Asked for again and again and not waited for, and outside any transaction: so neither the
        database's own limit on waiting nor a pass that takes long stands in anybody's way.

        Raises:
            LogBusy: somebody else has it for too long.

        """
        with self._database.engine.connect() as raw:
            connection = raw.execution_options(isolation_level="AUTOCOMMIT")
            deadline = time.monotonic() + PATIENCE_S
            while not connection.scalar(_TRY_LOCK, {"key": _ANCHOR_LOCK}):
                if time.monotonic() > deadline:
                    raise LogBusy(f"somebody else has written to the log for {PATIENCE_S} seconds")
                time.sleep(_POLL_S)
            try:
                yield
            finally:
                connection.execute(_UNLOCK, {"key": _ANCHOR_LOCK})

    def _seal_all(self) -> None:
        sealed = 1
        while sealed:
            with self._database.transaction() as session:
                sealed = seal(session)

    def _anchor_all(self) -> int:
        with self._database.transaction() as session:
            size, recorded = tree_size(session), stored.mined_size(session)
            waits = size != recorded or bool(stored.unfinished_anchors(session))
        if not waits and self._anchoring is not None:
            return size
        anchoring = self._open()
        anchoring.follow()
        anchoring.append(size)
        anchoring.record(size)
        return size

    def _open(self) -> Anchoring:
        if self._anchoring is None:
            catch_up(self._database)
            with self._database.transaction() as session:
                chain = open_known(self._settings, session, self._signing_key)
            origin = self._settings.log_origin
            self._anchoring = Anchoring(self._database, chain, origin, self._signing_key)
        return self._anchoring


class Anchorer(threading.Thread):
    """Seals and anchors every few seconds, and outlives a chain or a database that is away."""

    def __init__(self, writer: LogWriter, every_s: float) -> None:
        super().__init__(name="anchorer", daemon=True)
        self._writer = writer
        self._every_s = every_s
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._writer.run_once()
                self._writer.tell(None)
            except LogBusy as error:
                log.info("anchoring_waits", why=str(error))
            except (ChainUnavailable, sa.exc.DBAPIError) as error:
                log.warning("anchoring_waits", why=str(error))
                self._writer.tell(f"{error}")
            except Exception as error:
                log.exception("anchoring_stopped_short")
                self._writer.tell(f"{error}", stopped=True)
            self._stopped.wait(self._every_s)

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=30)
