"""Sealing and anchoring: bring the chain up to the journal, then sign what it holds.

All state is in the journal and on the chain, so a pass may be killed anywhere and run again.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from ledger.anchor import LogDiverged, append_missing
from ledger.chain import Chain, ChainUnavailable, LeafBatch, open_chain
from ledger.checkpoint import Checkpoint, VerifierKey, sign
from ledger.keys import load_or_create_secret, signing_key
from ledger.merkle import CompactRange
from services.audit import service as audit
from services.audit.models import Anchor, LogContract, SignedCheckpoint
from services.audit.tiles import catch_up, stored_tree, write_tiles
from services.database import Database
from services.journal.seal import leaf_hashes_between, seal, tree_size
from services.settings import Settings

log = structlog.get_logger(__name__)

PATIENCE_S = 15.0
_POLL_S = 0.05
_ANCHOR_LOCK = 0xA2C8
_TRY_LOCK = sa.text("SELECT pg_try_advisory_lock(:key)")
_UNLOCK = sa.text("SELECT pg_advisory_unlock(:key)")


class WrongContract(Exception):
    """The chain answers for another contract or chain than the one this log is anchored in."""


class LogBusy(ChainUnavailable):
    """Another thread or process is writing to the log; nothing is lost, try again later."""


class LogWriter:
    """The one place that appends to the log. Threads and processes take turns by a lock."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._chain: Chain | None = None
        self._tree = CompactRange()
        self._mutex = threading.Lock()
        self._signing_key = signing_key(
            load_or_create_secret(settings.data_dir / "keys" / "log.key")
        )

    def claim(self) -> None:
        """Open the chain now, so that a second writer of an embedded chain learns it at once.

        Raises:
            ChainLocked: another process has this data folder.

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

    def close(self) -> None:
        with self._mutex:
            if self._chain is not None:
                self._chain.close()
                self._chain = None

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
            size, anchored = tree_size(session), audit.anchored_size(session)
        if size == anchored and self._chain is not None:
            return anchored
        chain = self._open()
        for appended in append_missing(chain, self._leaves, size, known=self._tree):
            log.info("anchored", size=appended.size, block=appended.block_number)
        # The chain holds this tree now: the next pass goes on from here.
        self._tree = self._tree.extend(self._leaves(self._tree.size, size))
        # What the chain holds is read back from the chain, whoever appended it and whenever.
        for batch in chain.events(anchored, size):
            self._record(chain, batch)
        return size

    def _leaves(self, start: int, stop: int) -> list[bytes]:
        with self._database.transaction() as session:
            return leaf_hashes_between(session, start, stop)

    def _open(self) -> Chain:
        if self._chain is None:
            catch_up(self._database)
            with self._database.transaction() as session:
                self._tree = stored_tree(session, audit.anchored_size(session))
                self._chain = self._open_known(session)
        return self._chain

    def _open_known(self, session: Session) -> Chain:
        known = audit.find_contract(session)
        chain = open_chain(
            self._settings.chain_url,
            self._settings.data_dir / "chain",
            address=known.address if known else None,
            start_block=known.deployed_block if known else 0,
            timeout_s=float(self._settings.chain_timeout_s),
        )
        if known is None:
            session.add(
                LogContract(
                    address=chain.address,
                    chain_id=chain.chain_id,
                    deployed_block=chain.deployed_block,
                    verifier_key=self._verifier_key(),
                    first_seen_at=datetime.now(UTC),
                )
            )
        elif (known.chain_id, known.address) != (chain.chain_id, chain.address):
            chain.close()
            raise WrongContract(
                f"This log is in contract {known.address} on chain {known.chain_id}; the chain "
                f"at hand has {chain.address} on {chain.chain_id}"
            )
        elif known.verifier_key != self._verifier_key():
            chain.close()
            raise WrongContract(
                f"This log's checkpoints are signed by {known.verifier_key}, and the key in "
                f"{self._settings.data_dir / 'keys'} is another one"
            )
        return chain

    def _verifier_key(self) -> str:
        return VerifierKey(self._settings.log_origin, self._signing_key.public_key()).encode()

    def _record(self, chain: Chain, batch: LeafBatch) -> None:
        size = batch.first_index + len(batch.leaf_hashes)
        root = chain.root_at(size)
        if root is None:
            raise ChainUnavailable(f"the chain doesn't give its root at {size} yet")
        now = datetime.now(UTC)
        anchor = {
            "size": size,
            "first_index": batch.first_index,
            "root": root,
            "chain_id": chain.chain_id,
            "contract": chain.address,
            "tx_hash": batch.tx_hash.hex(),
            "block_number": batch.block_number,
            "block_hash": batch.block_hash.hex(),
        }
        note = sign(
            Checkpoint(self._settings.log_origin, size, root),
            self._settings.log_origin,
            self._signing_key,
        )
        with self._database.transaction() as session:
            _keep(session, Anchor, anchor, anchored_at=now)
            _keep(session, SignedCheckpoint, {"size": size, "note": note}, signed_at=now)
            write_tiles(session, batch.first_index, batch.leaf_hashes)


def _keep(
    session: Session, table: type[Anchor | SignedCheckpoint], row: dict[str, Any], **when: datetime
) -> None:
    """Write a row of the log, or find that the same one is there already.

    Raises:
        LogDiverged: one of this size is there, and says something else.

    """
    session.execute(insert(table).values(**row, **when).on_conflict_do_nothing())
    kept = session.get(table, row["size"], populate_existing=True)
    if kept is None or any(getattr(kept, name) != value for name, value in row.items()):
        raise LogDiverged(f"the {table.__tablename__} of {row['size']} leaves says something else")


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
            except (ChainUnavailable, sa.exc.DBAPIError) as error:
                log.warning("anchoring_waits", why=str(error))
            except Exception:
                log.exception("anchoring_stopped_short")
            self._stopped.wait(self._every_s)

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=30)
