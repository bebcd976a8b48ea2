"""The stored tiles against the leaves: every hash of every tile, computed again."""

from collections import defaultdict
from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import Session, col

from ledger import tiles
from ledger.merkle import HASH_SIZE
from ledger.tiles import HEIGHT, WIDTH, Part, Tile
from services.audit.service import anchored_size
from services.audit.tile_models import TilePart
from services.audit.tiles import StoredTiles
from services.journal.differences import NOTHING, Difference
from services.journal.seal import leaf_hashes_between

_STEP = 16 * WIDTH


def check_tiles(session: Session) -> Iterator[Difference]:
    """Every part of a tile that isn't what the anchored leaves make of it."""
    size = anchored_size(session)
    yield from _check_counts(session, size)
    made = _MadeTiles()
    for start in range(0, size, _STEP):
        leaves = leaf_hashes_between(session, start, min(start + _STEP, size))
        stored = StoredTiles(session)
        for part in list(tiles.growth(made, start, leaves)):
            made.add(part)
            yield from _compare(stored, part)


class _MadeTiles:
    """Tiles made from the leaves; of each level only the one that still grows is kept."""

    def __init__(self) -> None:
        self._newest: dict[int, tuple[int, bytes]] = defaultdict(lambda: (0, b""))

    def tile(self, level: int, index: int, width: int) -> bytes:
        newest, hashes = self._newest[level]
        return hashes[: width * HASH_SIZE] if newest == index else b""

    def add(self, part: Part) -> None:
        index = part.first // WIDTH
        self._newest[part.level] = (index, self.tile(part.level, index, WIDTH) + part.hashes)


def _check_counts(session: Session, size: int) -> Iterator[Difference]:
    """No hash too few or too many, at any level."""
    length = sa.func.sum(sa.func.octet_length(col(TilePart.hashes)))
    rows = session.connection().execute(
        sa.select(col(TilePart.level), length).group_by(col(TilePart.level))
    )
    found = {level: int(total) // HASH_SIZE for level, total in rows}
    for level in range(8):
        wanted = size >> (HEIGHT * level)
        if found.get(level, 0) != wanted:
            yield Difference(
                "tile_count", f"tiles of level {level}", str(wanted), str(found.get(level, 0))
            )


def _compare(stored: StoredTiles, part: Part) -> Iterator[Difference]:
    at = part.first % WIDTH * HASH_SIZE
    found = stored.tile(part.level, part.first // WIDTH, WIDTH)[at : at + len(part.hashes)]
    if found == part.hashes:
        return
    for offset in range(0, len(part.hashes), HASH_SIZE):
        wanted, there = (each[offset : offset + HASH_SIZE] for each in (part.hashes, found))
        if wanted != there:
            tile = Tile(part.level, part.first // WIDTH)
            place = (at + offset) // HASH_SIZE
            where = f"hash {place} of tile {tile.path()}"
            yield Difference("tile", where, wanted.hex(), there.hex() or NOTHING)
            return
