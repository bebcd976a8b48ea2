"""A log's hashes in tiles of 256 (C2SP tlog-tiles), and every proof made from a few of them.

At level 0 a tile holds leaf hashes, at level L the roots of the full tiles of level L - 1, so a
proof in a tree of a million leaves reads about five tiles, whatever the tree's size was when they
were written. Pure: where tiles lie is the reader's business, which is passed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger import merkle
from ledger.merkle import HASH_SIZE, CompactRange

HEIGHT = 8
WIDTH = 1 << HEIGHT
_MOST_LEAVES = 2**63 - 1
_LEVEL = re.compile(r"0|[1-9][0-9]?", re.ASCII)
_MOST_LEVEL = 63
# Seven groups of three digits hold every index below 2**63.
_POSITION = re.compile(
    r"(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?", re.ASCII
)


class TilePathRefused(ValueError):
    """A path that names no tile, or not in the one way that the specification gives it."""


class TileMalformed(ValueError):
    """A reader gave something else than as many hashes of 32 bytes as were asked for."""


@dataclass(frozen=True, order=True)
class Tile:
    """`width` hashes of a level, beginning at hash `index` * 256; partial where below 256."""

    level: int
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not (
            0 <= self.level <= _MOST_LEVEL
            and 0 <= self.index <= _MOST_LEAVES
            and 1 <= self.width <= WIDTH
        ):
            raise ValueError(f"no tile {self.index} of width {self.width} at level {self.level}")

    @property
    def needs_size(self) -> int:
        """The least number of leaves with which a tree has all the hashes of this tile."""
        return (self.index * WIDTH + self.width) << (HEIGHT * self.level)

    def path(self) -> str:
        """`<L>/<N>[.p/<W>]`, to be put behind `tile/`."""
        return f"{self.level}/{self.position()}"

    def position(self) -> str:
        """`<N>[.p/<W>]`: the part that an entry bundle of the same width has too."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return "/".join(reversed(groups)) + partial


def parse_path(path: str) -> Tile:
    """The tile that `<L>/<N>[.p/<W>]` names.

    Raises:
        TilePathRefused: not such a path, or not in its one canonical form.

    """
    level, _, position = path.partition("/")
    if not _LEVEL.fullmatch(level) or int(level) > _MOST_LEVEL:
        raise TilePathRefused(f"{level[:30]!r} is no level: give 0 to {_MOST_LEVEL}, no zero ahead")
    return parse_position(position, int(level))


def parse_position(text: str, level: int = 0) -> Tile:
    """The tile of a level that `<N>[.p/<W>]` names; an entry bundle is named like one of level 0.

    Raises:
        TilePathRefused: not such a text, or not in its one canonical form.

    """
    found = _POSITION.fullmatch(text)
    if found is None:
        raise TilePathRefused(
            f"{text[:60]!r} is no place of a tile: write it as x001/x234/067, or 067.p/112"
        )
    index = int(found["index"].replace("x", "").replace("/", ""))
    width = int(found["width"] or WIDTH)
    if index > _MOST_LEAVES or width > WIDTH or (found["width"] and width == WIDTH):
        raise TilePathRefused(f"{text[:60]!r} is beyond what a log holds: widths go up to 255")
    tile = Tile(level, index, width)
    if tile.position() != text:
        raise TilePathRefused(f"{text[:60]!r} isn't the one form of {tile.position()}")
    return tile


class TileReader(Protocol):
    """Where tiles come from: rows, files or another's log."""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Give the first `width` hashes of a tile, 32 bytes each, one after another."""
        ...


@dataclass(frozen=True)
class Part:
    """Hashes that a growing tree adds to one tile, beginning at hash `first` of the level."""

    level: int
    first: int
    hashes: bytes


def growth(reader: TileReader, before: int, leaf_hashes: Sequence[bytes]) -> Iterator[Part]:
    """What a tree of `before` leaves adds to its tiles when these leaf hashes are appended.

    Reads one partial tile a level, and only where it becomes full: the work is proportional to the
    leaves that come, not to those that are there.

    Raises:
        TileMalformed: the reader gave a wrong length, or a leaf hash has not 32 bytes.

    """
    if any(len(leaf) != HASH_SIZE for leaf in leaf_hashes):
        raise TileMalformed(f"a leaf hash has {HASH_SIZE} bytes")
    level, first, hashes = 0, before, list(leaf_hashes)
    while hashes:
        yield from _parts(level, first, hashes)
        inside = first % WIDTH
        if inside + len(hashes) < WIDTH:
            return
        if inside:
            hashes = _hashes(reader, Tile(level, first // WIDTH, inside)) + hashes
        full = len(hashes) - len(hashes) % WIDTH
        hashes = [_perfect_root(hashes[at : at + WIDTH]) for at in range(0, full, WIDTH)]
        level, first = level + 1, first // WIDTH


def inclusion_path(reader: TileReader, index: int, size: int) -> tuple[bytes, ...]:
    """The path from a leaf to the root of `size` leaves, lowest sibling first.

    Raises:
        IndexError: not 0 <= index < size.
        TileMalformed: the reader gave a wrong length.

    """
    return _range_roots(reader, _inclusion_ranges(index, size), size)


def consistency_path(reader: TileReader, before: int, after: int) -> tuple[bytes, ...]:
    """The proof that `before` leaves are the beginning of `after`, lowest first; may be empty.

    Raises:
        IndexError: not 0 <= before <= after.
        TileMalformed: the reader gave a wrong length.

    """
    return _range_roots(reader, _consistency_ranges(before, after), after)


def root(reader: TileReader, size: int) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return compact_range(reader, size).root()


def compact_range(reader: TileReader, size: int) -> CompactRange:
    """The tree of the first `size` leaves in brief, ready to be appended to."""
    return _compact(_Reading(reader, size), 0, size)


def inclusion_tiles(index: int, size: int) -> set[Tile]:
    """The tiles that `inclusion_path` will ask for, so that they can be fetched all at once."""
    return _tiles_of(_inclusion_ranges(index, size), size)


def consistency_tiles(before: int, after: int) -> set[Tile]:
    """The tiles that `consistency_path` will ask for."""
    return _tiles_of(_consistency_ranges(before, after), after)


def root_tiles(size: int) -> set[Tile]:
    """The tiles that `root` and `compact_range` will ask for."""
    return _tiles_of([(0, size)], size)


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The subtrees beside a leaf's way to the root, lowest first, as leaves [start, stop)."""
    if not 0 <= index < size:
        raise IndexError(f"no leaf {index} in a tree of {size}")
    start, stop = 0, size
    ranges = []
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def _consistency_ranges(before: int, after: int) -> list[tuple[int, int]]:
    """The subtrees of a consistency proof (RFC 9162, 2.1.4.1), lowest first."""
    if not 0 <= before <= after:
        raise IndexError(f"a tree of {before} can't grow into one of {after}")
    if before in {0, after}:
        return []
    start, stop = 0, after
    ranges = []
    while before != stop:
        middle = start + _split(stop - start)
        if before <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    # The earlier tree's last perfect subtree; known already where it is the whole tree.
    return [*([(start, stop)] if start else []), *reversed(ranges)]


def _split(size: int) -> int:
    """The largest power of two smaller than the size."""
    return 1 << (size - 1).bit_length() - 1


@dataclass(frozen=True)
class _Node:
    """A perfect subtree: the leaves from `index` << `height` on, 1 << `height` of them."""

    height: int
    index: int

    @property
    def level(self) -> int:
        return self.height // HEIGHT

    @property
    def first(self) -> int:
        """Which hash of its level is the first below it; it never reaches over a tile's end."""
        return self.index << (self.height % HEIGHT)

    @property
    def count(self) -> int:
        return 1 << (self.height % HEIGHT)

    def tile(self, size: int) -> Tile:
        """The tile that its hashes stand in, as wide as a tree of this size has it."""
        index = self.first // WIDTH
        there = (size >> (HEIGHT * self.level)) - index * WIDTH
        return Tile(self.level, index, min(WIDTH, there))


class _Reading:
    """The nodes of one tree, each tile read once."""

    def __init__(self, reader: TileReader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._tiles: dict[Tile, list[bytes]] = {}

    def root_of(self, node: _Node) -> bytes:
        tile = node.tile(self._size)
        if tile not in self._tiles:
            self._tiles[tile] = _hashes(self._reader, tile)
        start = node.first % WIDTH
        return _perfect_root(self._tiles[tile][start : start + node.count])


def _perfect_root(hashes: list[bytes]) -> bytes:
    """The root over a power of two of hashes, level by level: quicker than leaf by leaf."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [merkle.node_hash(left, right) for left, right in pairs]
    return hashes[0]


def _range_roots(
    reader: TileReader, ranges: Sequence[tuple[int, int]], size: int
) -> tuple[bytes, ...]:
    reading = _Reading(reader, size)
    return tuple(_compact(reading, start, stop).root() for start, stop in ranges)


def _compact(reading: _Reading, start: int, stop: int) -> CompactRange:
    return CompactRange(stop - start, tuple(reading.root_of(each) for each in _nodes(start, stop)))


def _nodes(start: int, stop: int) -> Iterator[_Node]:
    """The perfect subtrees that make up the leaves of a subtree, largest first."""
    while start < stop:
        height = (stop - start).bit_length() - 1
        yield _Node(height, start >> height)
        start += 1 << height


def _tiles_of(ranges: Sequence[tuple[int, int]], size: int) -> set[Tile]:
    return {node.tile(size) for start, stop in ranges for node in _nodes(start, stop)}


def _parts(level: int, first: int, hashes: Sequence[bytes]) -> Iterator[Part]:
    """Cut hashes where a tile ends."""
    at = 0
    while at < len(hashes):
        stop = at + WIDTH - (first + at) % WIDTH
        yield Part(level, first + at, b"".join(hashes[at:stop]))
        at = stop


def _hashes(reader: TileReader, tile: Tile) -> list[bytes]:
    data = reader.tile(tile.level, tile.index, tile.width)
    if len(data) != tile.width * HASH_SIZE:
        raise TileMalformed(
            f"tile {tile.path()} has {len(data)} bytes, not {tile.width} hashes of {HASH_SIZE}"
        )
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
