"""Tiles give the very proofs that the plain functions give, and their paths have one form each."""

import hashlib
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import merkle, tiles
from ledger.tiles import Tile, TileMalformed, TilePathRefused, parse_path, parse_position

LEAVES = [hashlib.sha256(str(number).encode()).digest() for number in range(1500)]
BIG = [hashlib.sha256(str(number).encode()).digest() for number in range(70_000)]


class KeptTiles:
    """Tiles in memory, grown batch by batch, that give no more than was written."""

    def __init__(self) -> None:
        self.hashes: dict[int, list[bytes]] = defaultdict(list)
        self.asked: list[Tile] = []

    def tile(self, level: int, index: int, width: int) -> bytes:
        self.asked.append(Tile(level, index, width))
        start = index * tiles.WIDTH
        return b"".join(self.hashes[level][start : start + width])

    def grow(self, before: int, leaves: list[bytes]) -> None:
        for part in list(tiles.growth(self, before, leaves)):
            assert part.first == len(self.hashes[part.level])
            cut = [part.hashes[at : at + 32] for at in range(0, len(part.hashes), 32)]
            assert part.first % tiles.WIDTH + len(cut) <= tiles.WIDTH
            self.hashes[part.level] += cut


def kept(leaves: list[bytes]) -> KeptTiles:
    found = KeptTiles()
    found.grow(0, leaves)
    return found


SMALL = kept(LEAVES)
LARGE = kept(BIG)


@pytest.mark.parametrize("size", [*range(1, 12), 255, 256, 257, 511, 512, 513])
def test_every_leaf_of_every_small_tree_has_the_plain_path(size: int) -> None:
    for index in range(size):
        path = tiles.inclusion_path(SMALL, index, size)
        assert path == merkle.inclusion_proof(LEAVES, index, size)


@pytest.mark.parametrize("after", [*range(20), 255, 256, 257, 512, 700])
def test_every_earlier_tree_has_the_plain_consistency_proof(after: int) -> None:
    for before in range(after + 1):
        path = tiles.consistency_path(SMALL, before, after)
        assert path == merkle.consistency_proof(LEAVES, before, after)


def test_roots_and_brief_trees_are_the_plain_ones() -> None:
    tree = merkle.CompactRange()
    for size in range(len(LEAVES)):
        assert tiles.compact_range(SMALL, size) == tree
        assert tiles.root(SMALL, size) == tree.root()
        tree = tree.append(LEAVES[size])


@settings(max_examples=30, deadline=None)
@given(st.integers(65_000, 70_000), st.data())
def test_a_tree_of_three_levels_gives_proofs_that_hold(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    before = data.draw(st.integers(0, size))
    root = tiles.root(LARGE, size)
    path = tiles.inclusion_path(LARGE, index, size)
    merkle.verify_inclusion(BIG[index], index, size, path, root)
    earlier = tiles.root(LARGE, before)
    merkle.verify_consistency(
        before, size, tiles.consistency_path(LARGE, before, size), earlier, root
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=8))
def test_batches_of_any_sizes_write_the_same_tiles(batches: list[int]) -> None:
    grown = KeptTiles()
    size = 0
    for batch in batches:
        leaves = LEAVES[size : size + batch]
        grown.grow(size, leaves)
        size += len(leaves)
    assert grown.hashes[0] == LEAVES[:size]
    at_once = kept(LEAVES[:size])
    assert {level: each for level, each in grown.hashes.items() if each} == {
        level: each for level, each in at_once.hashes.items() if each
    }


def test_the_specifications_tree_of_70_000_has_the_tiles_it_tells_of() -> None:
    assert [len(LARGE.hashes[level]) for level in range(3)] == [70_000, 273, 1]
    assert LARGE.hashes[2] == [merkle.root(BIG[:65_536])]
    assert LARGE.hashes[1][272] == merkle.root(BIG[272 * 256 : 273 * 256])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 70_000), st.data())
def test_the_tiles_asked_for_are_told_beforehand_and_are_few(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    LARGE.asked.clear()
    tiles.inclusion_path(LARGE, index, size)
    assert sorted(LARGE.asked) == sorted(tiles.inclusion_tiles(index, size))
    assert len(LARGE.asked) <= 6
    LARGE.asked.clear()
    tiles.consistency_path(LARGE, index, size)
    assert sorted(LARGE.asked) == sorted(tiles.consistency_tiles(index, size))
    LARGE.asked.clear()
    tiles.root(LARGE, size)
    assert sorted(LARGE.asked) == sorted(tiles.root_tiles(size))
    # A tree never needs more of a tile than it has itself.
    assert all(tile.needs_size <= size for tile in LARGE.asked)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (7, 3)])
def test_a_leaf_outside_the_tree_has_no_path(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        tiles.inclusion_path(SMALL, index, size)


@pytest.mark.parametrize(("before", "after"), [(-1, 5), (6, 5), (1, 0)])
def test_a_tree_does_not_shrink(before: int, after: int) -> None:
    with pytest.raises(IndexError):
        tiles.consistency_path(SMALL, before, after)


class WrongTiles:
    def __init__(self, spoil: int) -> None:
        self.spoil = spoil

    def tile(self, level: int, index: int, width: int) -> bytes:
        return bytes(32 * width + self.spoil)


@pytest.mark.parametrize("spoil", [-32, -1, 1, 32])
def test_a_tile_of_another_length_is_refused(spoil: int) -> None:
    reader = WrongTiles(spoil)
    with pytest.raises(TileMalformed):
        tiles.inclusion_path(reader, 1, 4)
    with pytest.raises(TileMalformed):
        tiles.consistency_path(reader, 1, 4)
    with pytest.raises(TileMalformed):
        tiles.root(reader, 4)
    with pytest.raises(TileMalformed):
        list(tiles.growth(reader, 255, LEAVES[:1]))


@pytest.mark.parametrize("leaf", [b"", bytes(31), bytes(33)])
def test_a_leaf_hash_of_another_length_is_refused(leaf: bytes) -> None:
    with pytest.raises(TileMalformed):
        list(tiles.growth(SMALL, 0, [leaf]))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "0/000"),
        (Tile(0, 999), "0/999"),
        (Tile(0, 1000), "0/x001/000"),
        (Tile(1, 1_234_067), "1/x001/x234/067"),
        (Tile(0, 273, 112), "0/273.p/112"),
        (Tile(63, 5, 1), "63/005.p/1"),
    ],
)
def test_a_path_is_the_specifications(tile: Tile, path: str) -> None:
    assert tile.path() == path
    assert parse_path(path) == tile
    assert parse_position(path.partition("/")[2], tile.level) == tile


@given(st.integers(0, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_a_path_reads_back_as_its_tile(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_path(tile.path()) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/",
        "/000",
        "00/000",
        "01/000",
        "64/000",
        "-1/000",
        "+1/000",
        "٣/000",
        "0/٠٠٠",
        "0/0",
        "0/00",
        "0/0000",
        "0/1000",
        "0/x000/000",
        "0/x000/001",
        "0/001/000",
        "0/x001",
        "0/x001/x000",
        "0/X001/000",
        "0/x001//000",
        "0/000/",
        "0/000\n",
        "0/000.p",
        "0/000.p/",
        "0/000.p/0",
        "0/000.p/01",
        "0/000.p/256",
        "0/000.p/999",
        "0/000.p/1/",
        "0/000.p/-1",
        "0/000.P/1",
        "0/000p/1",
        "data/000",
        "0/x999/x999/x999/x999/x999/x999/999",
        "0/x001/x001/x001/x001/x001/x001/x001/001",
    ],
)
def test_a_path_that_is_not_the_one_form_is_refused(path: str) -> None:
    with pytest.raises(TilePathRefused):
        parse_path(path)


@given(st.text(alphabet="0123x/.p", max_size=16))
def test_whatever_is_read_is_written_the_same(path: str) -> None:
    try:
        tile = parse_path(path)
    except TilePathRefused:
        return
    assert tile.path() == path


@pytest.mark.parametrize("fields", [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0)])
def test_there_are_no_tiles_outside_a_log(fields: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="no tile"):
        Tile(*fields)
