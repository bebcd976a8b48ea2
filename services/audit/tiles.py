"""The log's tiles as rows: written once with the anchor of their batch, read a few at a time.

Nothing here reads more leaves than a batch brings, however many the log has.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from ledger import tiles
from ledger.anchor import LogDiverged
from ledger.merkle import HASH_SIZE, CompactRange
from ledger.tiles import WIDTH, Tile
from services.audit.models import Anchor
from services.audit.tile_models import TilePart
from services.database import Database
from services.journal.seal import leaf_hashes_between

__all__ = ["StoredTiles", "catch_up", "stored_tree", "tiled_size", "write_tiles"]

# Leaves that a log from before its tiles is caught up by in one transaction.
STEP = 100 * WIDTH
_LOCK = 0x711E
_TAKE_TURNS = sa.text("SELECT pg_advisory_xact_lock(:key)")
# LATERAL, so that each tile is a range of the primary key whatever the planner thinks of sizes.
_READ = sa.text(
    """
    SELECT wanted.level, wanted.index, found.hashes
    FROM unnest(CAST(:levels AS smallint[]), CAST(:indexes AS bigint[])) AS wanted(level, index)
    CROSS JOIN LATERAL (
        SELECT string_agg(part.hashes, ''::bytea ORDER BY part.first) AS hashes
        FROM tile_part AS part
        WHERE part.level = wanted.level
            AND part.first >= wanted.index * 256 AND part.first < (wanted.index + 1) * 256
    ) AS found
    """
)


class StoredTiles:
    """A `ledger.tiles.TileReader` over the database; keeps what it has read."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kept: dict[tuple[int, int], bytes] = {}

    def fetch(self, wanted: Collection[Tile]) -> None:
        """Read these tiles in one question to the database."""
        missing = sorted({(tile.level, tile.index) for tile in wanted} - self._kept.keys())
        if not missing:
            return
        rows = self._session.connection().execute(
            _READ,
            {"levels": [level for level, _ in missing], "indexes": [index for _, index in missing]},
        )
        for level, index, hashes in rows:
            self._kept[level, index] = hashes or b""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """As many of the first ``width`` hashes as are stored."""
        self.fetch([Tile(level, index)])
        return self._kept[level, index][: width * HASH_SIZE]


def tiled_size(session: Session) -> int:
    """How many leaves are in tiles."""
    newest = session.exec(
        select(TilePart.first, TilePart.hashes)
        .where(col(TilePart.level) == 0)
        .order_by(col(TilePart.first).desc())
        .limit(1)
    ).first()
    return newest[0] + len(newest[1]) // HASH_SIZE if newest else 0


def write_tiles(session: Session, first_index: int, leaf_hashes: Sequence[bytes]) -> None:
    """Put a batch's leaf hashes into the tiles; what is there already is compared and stays.

    Raises:
        LogDiverged: a tile holds another hash than this batch, or leaves before it are missing.

    """
    session.connection().execute(_TAKE_TURNS, {"key": _LOCK})
    size = tiled_size(session)
    if size < first_index:
        raise LogDiverged(f"the tiles end at {size} leaves, and the batch begins at {first_index}")
    reader = StoredTiles(session)
    known = leaf_hashes[: size - first_index]
    if known:
        _compare(reader, first_index, known)
    # What comes now begins where the tiles end.
    _insert(session, list(tiles.growth(reader, size, leaf_hashes[len(known) :])))


def catch_up(database: Database) -> None:
    """Bring the tiles up to the anchors, for a log that was anchored before it had tiles.

    A step is one transaction, so a process that is killed goes on where it was.
    """
    while True:
        with database.transaction() as session:
            size = tiled_size(session)
            anchored = session.exec(select(sa.func.max(Anchor.size))).one() or 0
            if size >= anchored:
                return
            stop = min(anchored, size + STEP)
            write_tiles(session, size, leaf_hashes_between(session, size, stop))
            if tiled_size(session) != stop:
                raise LogDiverged(
                    f"leaves {size} to {stop - 1} are anchored and not in the journal"
                )


def stored_tree(session: Session, size: int) -> CompactRange:
    """The tree of ``size`` leaves in brief, read from a few tiles and never from the leaves.

    Raises:
        TileMalformed: fewer leaves are in tiles.

    """
    reader = StoredTiles(session)
    reader.fetch(tiles.root_tiles(size))
    return tiles.compact_range(reader, size)


def _compare(reader: StoredTiles, first_index: int, known: Sequence[bytes]) -> None:
    end = first_index + len(known)
    inner = range(first_index // WIDTH * WIDTH + WIDTH, end, WIDTH)
    for start, stop in pairwise([first_index, *inner, end]):
        hashes = reader.tile(0, start // WIDTH, WIDTH)
        at = start % WIDTH * HASH_SIZE
        wanted = b"".join(known[start - first_index : stop - first_index])
        if hashes[at : at + len(wanted)] != wanted:
            raise LogDiverged(f"the tiles hold other leaves from {start} to {stop - 1}")


def _insert(session: Session, parts: Sequence[tiles.Part]) -> None:
    if parts:
        session.execute(
            insert(TilePart),
            [{"level": each.level, "first": each.first, "hashes": each.hashes} for each in parts],
        )
