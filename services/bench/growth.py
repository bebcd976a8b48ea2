"""A log grown to a million leaves: what a leaf, a receipt and a restart cost as it grows.

The records are made up and the chain is left out; everything else is what the service does, on a
PostgreSQL of its own: the same tables, the same writing of tiles, the same receipts. Beside it the
way without tiles, which reads and hashes every leaf.
"""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import merkle
from ledger.checkpoint import Checkpoint, sign
from ledger.merkle import CompactRange
from ledger.proof import Receipt
from services.audit import service
from services.audit.anchoring_models import AnchorState
from services.audit.models import Anchor, SignedCheckpoint
from services.audit.tiles import catch_up, stored_tree, write_tiles
from services.bench.machine import describe_machine
from services.database import Database, embedded_url, migrate, stop_embedded
from services.journal.seal import leaf_hashes_between

__all__ = ["LEAST", "Grower", "run_growth", "scratch_database", "sizes_up_to"]

LEAST = 1000
BATCH = 1000
LONE = 200
RECEIPTS = 1000
RESTARTS = 20
_FILL = 100_000
# How often the way without tiles is tried: at a million leaves once takes seconds.
_PLAIN_TRIES = 3
_ORIGIN = "bench.medrelay.local/growth"

Row = dict[str, Any]

_ENTRIES = sa.text(
    """
    INSERT INTO entry (id, kind, occurred_at, recorded_at, actor, body, digest, content_digest)
    SELECT id, 'snapshot', now(), now(), 'bench', body, sha256(body), sha256(body)
    FROM (
        SELECT md5('made up ' || i)::uuid AS id,
            convert_to(format('{"made_up":"%s","number":%s}', repeat(md5(i::text), 16), i), 'UTF8')
                AS body
        FROM generate_series(CAST(:start AS bigint), CAST(:stop AS bigint) - 1) AS made(i)
    ) AS records
    """
)
_LEAVES = sa.text(
    """
    INSERT INTO leaf (index, entry_id, leaf_hash, sealed_at)
    SELECT made.i, entry.id, sha256(decode('00', 'hex') || entry.body), now()
    FROM generate_series(CAST(:start AS bigint), CAST(:stop AS bigint) - 1) AS made(i)
    JOIN entry ON entry.id = md5('made up ' || made.i)::uuid
    """
)


def sizes_up_to(most: int) -> list[int]:
    """Powers of ten from a thousand on."""
    sizes = [LEAST]
    while sizes[-1] * 10 <= most:
        sizes.append(sizes[-1] * 10)
    return sizes


@contextmanager
def scratch_database() -> Iterator[Database]:
    """An empty PostgreSQL of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="medrelay-growth-"))
    try:
        database = Database(embedded_url(folder))
        try:
            migrate(database)
            yield database
        finally:
            database.close()
            stop_embedded(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Grower:
    """One log that grows: sealed made-up records, then anchored as `services.jobs` does it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.size = 0
        self._sealed = 0
        self._tree = CompactRange()
        self._key = Ed25519PrivateKey.generate()

    def seal(self, size: int) -> None:
        """Write down made-up records, and their leaves, until there are so many."""
        while self._sealed < size:
            stop = min(size, self._sealed + _FILL)
            with self.database.transaction() as session:
                connection = session.connection()
                connection.execute(_ENTRIES, {"start": self._sealed, "stop": stop})
                connection.execute(_LEAVES, {"start": self._sealed, "stop": stop})
            self._sealed = stop
        with self.database.transaction() as session:
            session.connection().execute(sa.text("ANALYZE entry, leaf"))

    def append(self, count: int) -> float:
        """Anchor the next leaves as one batch, tiles and all; return its seconds."""
        stop = self.size + count
        started = perf_counter()
        with self.database.transaction() as session:
            leaves = leaf_hashes_between(session, self.size, stop)
            self._tree = self._tree.extend(leaves)
            root, now = self._tree.root(), datetime.now(UTC)
            note = sign(Checkpoint(_ORIGIN, stop, root), _ORIGIN, self._key)
            session.add(_anchor(self.size, stop, root, now))
            session.add(SignedCheckpoint(size=stop, note=note, signed_at=now))
            write_tiles(session, self.size, leaves)
        self.size = stop
        return perf_counter() - started

    def grow_to(self, size: int) -> float:
        """Anchor full batches up to a size; return the seconds a leaf."""
        before, seconds = self.size, 0.0
        while self.size < size:
            seconds += self.append(min(BATCH, size - self.size))
        return seconds / (size - before)

    def restart(self) -> float:
        """Return the seconds until a new process knows the tree, and check that it does."""
        started = perf_counter()
        catch_up(self.database)
        with self.database.transaction() as session:
            tree = stored_tree(session, service.anchored_size(session))
        seconds = perf_counter() - started
        _demand_same(tree, self._tree)
        return seconds

    def plain_restart(self) -> float:
        """The same, by reading every leaf."""
        started = perf_counter()
        with self.database.transaction() as session:
            tree = CompactRange().extend(leaf_hashes_between(session, 0, self.size))
        seconds = perf_counter() - started
        _demand_same(tree, self._tree)
        return seconds

    def receipt(self, index: int) -> float:
        """Return the seconds that a leaf's receipt takes, and check the receipt."""
        entry_id = self._entry_id(index)
        started = perf_counter()
        with self.database.transaction() as session:
            receipt = service.receipt_of(session, entry_id)
        seconds = perf_counter() - started
        _demand_true(receipt, index)
        return seconds

    def plain_receipt(self, index: int) -> float:
        """Return the seconds of a path in the newest tree, by reading and hashing every leaf."""
        started = perf_counter()
        with self.database.transaction() as session:
            leaves = leaf_hashes_between(session, 0, self.size)
            path = merkle.inclusion_proof(leaves, index, self.size)
        seconds = perf_counter() - started
        merkle.verify_inclusion(leaves[index], index, self.size, path, self._tree.root())
        return seconds

    def _entry_id(self, index: int) -> UUID:
        with self.database.engine.connect() as connection:
            found = connection.scalar(
                sa.text("SELECT entry_id FROM leaf WHERE index = :index"), {"index": index}
            )
        assert isinstance(found, UUID)
        return found


def run_growth(
    database: Database,
    sizes: Sequence[int],
    started: Callable[[str], None],
    *,
    receipts: int = RECEIPTS,
    lone: int = LONE,
    seed: int = 1,
) -> list[Row]:
    """Grow an empty log through these sizes; one row a size and way, one of exponents a way."""
    grower, chosen = Grower(database), random.Random(seed)  # noqa: S311 — which leaves are asked for
    rows: list[Row] = []
    for size in sizes:
        started(f"{size:,} leaves: writing made-up records")
        grower.seal(size + lone)
        started(f"{size:,} leaves: appending")
        append = grower.grow_to(size)
        alone = [grower.append(1) for _ in range(lone)]
        started(f"{size:,} leaves: receipts and restarts")
        indexes = [chosen.randrange(grower.size) for _ in range(receipts)]
        # The first few find the database's caches cold, as no later reader does.
        warm = [grower.receipt(index) for index in indexes[:20] + indexes][20:]
        restarts = [grower.restart() for _ in range(RESTARTS)]
        rows.append(_row("tiles", size, append, alone, warm, restarts))
        started(f"{size:,} leaves: the way without tiles")
        tries = indexes[:_PLAIN_TRIES]
        plain = [grower.plain_receipt(index) for index in tries]
        rows.append(_row("all leaves", size, None, [], plain, [grower.plain_restart()]))
    return [*rows, *(_exponents(rows, way) for way in ("tiles", "all leaves"))]


MEASURES = ("append_ms", "lone_ms", "receipt_p50_ms", "receipt_p95_ms", "restart_ms")


def _row(
    way: str,
    size: int,
    append: float | None,
    alone: Sequence[float],
    receipts: Sequence[float],
    restarts: Sequence[float],
) -> Row:
    most = quantiles(receipts, n=20, method="inclusive")[-1]
    seconds = (
        append,
        median(alone) if alone else None,
        median(receipts),
        most,
        median(restarts),
    )
    told = {name: _ms(value) for name, value in zip(MEASURES, seconds, strict=True)}
    machine = describe_machine()
    return {"kind": "log-growth", "way": way, "size": size, "machine": machine, **told}


def _exponents(rows: Sequence[Row], way: str) -> Row:
    """The slope of log milliseconds over log leaves: 0 is constant, 1 is proportional."""
    own = [row for row in rows if row["way"] == way]
    slopes: dict[str, float | None] = {}
    for name in MEASURES:
        known = [(row["size"], row[name]) for row in own if row[name] is not None]
        enough = len(known) > 1
        logs = np.log(np.array(known, float)) if enough else None
        slopes[name] = (
            round(float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0]), 3) if logs is not None else None
        )
    return {"kind": "log-exponent", "way": way, "machine": own[0]["machine"], **slopes}


def _anchor(first: int, stop: int, root: bytes, now: datetime) -> Anchor:
    return Anchor(
        size=stop,
        first_index=first,
        root=root,
        chain_id=0,
        contract="none",
        tx_hash=root.hex(),
        block_number=0,
        block_hash=root.hex(),
        anchored_at=now,
        state=AnchorState.FINAL,
    )


def _demand_same(found: CompactRange, expected: CompactRange) -> None:
    if found != expected:
        raise AssertionError(f"a restart found another tree of {found.size} leaves")


def _demand_true(receipt: Receipt, index: int) -> None:
    leaf = merkle.leaf_hash(receipt.entry)
    merkle.verify_inclusion(leaf, index, receipt.tree_size, receipt.inclusion_path, receipt.root)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)
