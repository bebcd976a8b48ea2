"""What a stranger reads of the log: tiles, entry bundles, all of it. Anchored leaves only."""

import json
import zlib
from collections.abc import Iterator

from sqlmodel import Session

from ledger.merkle import HASH_SIZE
from ledger.tiles import WIDTH, Tile
from services.audit.service import anchored_size
from services.audit.tiles import StoredTiles
from services.database import Database
from services.errors import NotFound
from services.journal.leaves import records_between

# An entry bundle gives an entry's length in two bytes.
MAX_BUNDLED = 0xFFFF
_GZIP = 16 + zlib.MAX_WBITS


class NoSuchTile(NotFound):
    code, title = "no-such-tile", "The log has no such tile"


class EntryTooLong(NotFound):
    code, title = "entry-too-long", "An entry is longer than an entry bundle can hold"


def tile_bytes(session: Session, tile: Tile) -> bytes:
    """A tile's hashes, 32 bytes each.

    Raises:
        NoSuchTile: the anchored log hasn't all of these hashes yet.

    """
    _demand_anchored(session, tile)
    data = StoredTiles(session).tile(tile.level, tile.index, tile.width)
    if len(data) != tile.width * HASH_SIZE:
        raise NoSuchTile(
            "This tile isn't written yet", field="tile", value=tile.path(), mend="ask again soon"
        )
    return data


def bundle_bytes(session: Session, tile: Tile) -> bytes:
    """The entries below a tile of level 0: each as its length in two bytes and its bytes.

    Raises:
        NoSuchTile: the anchored log hasn't all of these entries yet.
        EntryTooLong: one of them can't be in a bundle; it is in the dump.

    """
    _demand_anchored(session, tile)
    start = tile.index * WIDTH
    bundle = bytearray()
    for index, body in records_between(session, start, start + tile.width):
        if len(body) > MAX_BUNDLED:
            raise EntryTooLong(
                f"Entry {index} has {len(body)} bytes, and an entry bundle holds up to "
                f"{MAX_BUNDLED} of one",
                field="tile",
                value=f"entries/{tile.position()}",
                mend="read it in /log/dump.jsonl.gz",
            )
        bundle += len(body).to_bytes(2, "big") + body
    return bytes(bundle)


def dump(database: Database, size: int) -> Iterator[bytes]:
    """The first ``size`` records, one JSON line a leaf in order of index, as gzip, piece by piece.

    Each piece is a transaction of its own: a slow reader holds nothing, and leaves never change.
    """
    compressor = zlib.compressobj(wbits=_GZIP)
    for start in range(0, size, WIDTH):
        with database.transaction() as session:
            lines = [
                _line(index, body)
                for index, body in records_between(session, start, min(start + WIDTH, size))
            ]
        yield compressor.compress("".join(lines).encode())
    yield compressor.flush()


def _line(index: int, body: bytes) -> str:
    document = {"index": index, "record": body.decode()}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _demand_anchored(session: Session, tile: Tile) -> None:
    size = anchored_size(session)
    if tile.needs_size > size:
        raise NoSuchTile(
            f"The log has {size} anchored leaves, and this tile is of a log of {tile.needs_size}",
            field="tile",
            value=tile.path(),
            mend="take the size from /log/checkpoint",
        )
