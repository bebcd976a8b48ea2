"""The tree against its definition, public vectors, and every way that a proof can be wrong."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from ledger.merkle import CompactRange, ProofMalformed, ProofRefused, RootMismatch
from tests.ledger import reference

# The eight leaves of the Certificate Transparency project's tests, and the roots over them.
PUBLIC_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
PUBLIC_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

sizes = st.integers(min_value=1, max_value=130)


def test_the_empty_tree_has_the_root_of_nothing() -> None:
    assert merkle.EMPTY_ROOT.hex() == PUBLIC_ROOTS[0]
    assert merkle.root([]) == merkle.EMPTY_ROOT == CompactRange().root()


def test_leaf_and_node_hashes_are_those_of_rfc_6962() -> None:
    # From the tests of transparency-dev/merkle.
    assert merkle.leaf_hash(b"L123456").hex() == (
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    assert merkle.leaf_hash(b"").hex() == PUBLIC_ROOTS[1]
    assert merkle.node_hash(b"N123", b"N456").hex() == (
        "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )


@pytest.mark.parametrize("size", range(9))
def test_public_trees_up_to_eight_leaves_have_their_roots(size: int) -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in PUBLIC_LEAVES[:size]]
    assert merkle.root(hashes).hex() == PUBLIC_ROOTS[size]


def test_a_public_inclusion_proof_verifies() -> None:
    # Leaf 5 of the eight, from the same public tests.
    path = [
        bytes.fromhex(text)
        for text in (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        )
    ]
    leaf = merkle.leaf_hash(PUBLIC_LEAVES[5])
    merkle.verify_inclusion(leaf, 5, 8, path, bytes.fromhex(PUBLIC_ROOTS[8]))


@given(st.integers(min_value=0, max_value=130), st.lists(st.integers(0, 130), max_size=5))
def test_the_root_is_the_definitions_however_the_leaves_arrive(size: int, cuts: list[int]) -> None:
    hashes = reference.leaves(size)
    tree = CompactRange()
    bounds = [0, *sorted(min(cut, size) for cut in cuts), size]
    for start, end in pairwise(bounds):
        tree = tree.extend(hashes[start:end])
    assert tree.size == size
    assert tree.root() == merkle.root(hashes) == reference.root(hashes)


def test_appending_one_by_one_equals_extending_at_once() -> None:
    hashes = reference.leaves(70)
    tree = CompactRange()
    for leaf in hashes:
        tree = tree.append(leaf)
    assert tree == CompactRange().extend(hashes)


@given(sizes, st.data())
def test_inclusion_proofs_are_the_definitions_and_verify(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    # Leaves beyond the tree don't matter to a proof in it.
    hashes = reference.leaves(size + 3)
    path = merkle.inclusion_proof(hashes, index, size)
    assert list(path) == reference.inclusion(index, hashes[:size])
    merkle.verify_inclusion(hashes[index], index, size, path, reference.root(hashes[:size]))


@given(sizes, st.data())
def test_consistency_proofs_are_the_definitions_and_verify(size: int, data: st.DataObject) -> None:
    before = data.draw(st.integers(1, size))
    hashes = reference.leaves(size)
    path = merkle.consistency_proof(hashes, before, size)
    assert list(path) == reference.consistency(before, hashes)
    merkle.verify_consistency(
        before, size, path, reference.root(hashes[:before]), reference.root(hashes)
    )


def test_every_tree_is_consistent_with_the_empty_one() -> None:
    hashes = reference.leaves(5)
    assert merkle.consistency_proof(hashes, 0, 5) == ()
    merkle.verify_consistency(0, 5, (), merkle.EMPTY_ROOT, reference.root(hashes))


@given(sizes, st.data())
def test_no_flipped_bit_of_an_inclusion_proof_passes(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = reference.leaves(size)
    root, path = reference.root(hashes), list(merkle.inclusion_proof(hashes, index, size))
    parts = [hashes[index], root, *path]
    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = flip(parts[which], data.draw(st.integers(0, 255)))
    leaf, forged_root, *forged_path = parts
    with pytest.raises(RootMismatch):
        merkle.verify_inclusion(leaf, index, size, forged_path, forged_root)


@given(sizes, st.data())
def test_no_other_index_passes(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-2, size + 2).filter(lambda number: number != index))
    hashes = reference.leaves(size)
    path = merkle.inclusion_proof(hashes, index, size)
    with pytest.raises(ProofRefused):
        merkle.verify_inclusion(hashes[index], other, size, path, reference.root(hashes))


@given(sizes, st.data())
def test_no_other_size_passes_with_its_own_root(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(1, size + 5).filter(lambda number: number != size))
    hashes = reference.leaves(size + 5)
    path = merkle.inclusion_proof(hashes, index, size)
    with pytest.raises(ProofRefused):
        merkle.verify_inclusion(hashes[index], index, other, path, reference.root(hashes[:other]))


def test_an_inclusion_path_alone_does_not_bind_the_size() -> None:
    # Why callers check size and root together: the same path fits two sizes of tree.
    hashes = reference.leaves(7)
    path = merkle.inclusion_proof(hashes, 0, 7)
    merkle.verify_inclusion(hashes[0], 0, 7, path, reference.root(hashes))
    merkle.verify_inclusion(hashes[0], 0, 8, path, reference.root(hashes))


@pytest.mark.parametrize("change", [lambda path: path[:-1], lambda path: [*path, path[0]]])
@pytest.mark.parametrize("size", [2, 3, 5, 8, 13, 64])
def test_a_path_of_another_length_is_malformed(
    size: int, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    hashes = reference.leaves(size)
    for index in range(size):
        path = change(list(merkle.inclusion_proof(hashes, index, size)))
        with pytest.raises(ProofMalformed):
            merkle.verify_inclusion(hashes[index], index, size, path, reference.root(hashes))


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (5, 4), (0, 0), (0, -1)])
def test_an_index_outside_the_tree_is_malformed(index: int, size: int) -> None:
    with pytest.raises(ProofMalformed):
        merkle.verify_inclusion(reference.leaves(1)[0], index, size, [], merkle.EMPTY_ROOT)


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0), (0, 9)])
def test_no_proof_is_made_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(reference.leaves(8), index, size)


@pytest.mark.parametrize(("before", "after"), [(-1, 4), (5, 4), (1, 9)])
def test_no_consistency_proof_is_made_for_impossible_sizes(before: int, after: int) -> None:
    with pytest.raises(IndexError):
        merkle.consistency_proof(reference.leaves(8), before, after)


@given(sizes, st.data())
def test_no_flipped_bit_of_a_consistency_proof_passes(size: int, data: st.DataObject) -> None:
    before = data.draw(st.integers(1, size))
    hashes = reference.leaves(size)
    parts = [
        reference.root(hashes[:before]),
        reference.root(hashes),
        *merkle.consistency_proof(hashes, before, size),
    ]
    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = flip(parts[which], data.draw(st.integers(0, 255)))
    old, new, *path = parts
    with pytest.raises(RootMismatch):
        merkle.verify_consistency(before, size, path, old, new)


@given(st.integers(min_value=2, max_value=130), st.data())
def test_a_log_that_changed_an_early_leaf_is_not_consistent(size: int, data: st.DataObject) -> None:
    before = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, before - 1))
    hashes = reference.leaves(size)
    forked = [*hashes]
    forked[changed] = flip(forked[changed], 0)
    path = merkle.consistency_proof(forked, before, size)
    with pytest.raises(RootMismatch):
        merkle.verify_consistency(
            before, size, path, reference.root(hashes[:before]), reference.root(forked)
        )


@pytest.mark.parametrize("before", [1, 2, 3, 4, 6, 7])
def test_a_consistency_path_of_another_length_is_malformed(before: int) -> None:
    hashes = reference.leaves(8)
    roots = reference.root(hashes[:before]), reference.root(hashes)
    path = merkle.consistency_proof(hashes, before, 8)
    for wrong in (path[:-1], (*path, path[0]), ()):
        with pytest.raises(ProofMalformed):
            merkle.verify_consistency(before, 8, wrong, *roots)


def test_a_tree_can_not_shrink() -> None:
    with pytest.raises(ProofMalformed):
        merkle.verify_consistency(5, 4, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


def test_a_proof_between_equal_sizes_is_empty_and_demands_equal_roots() -> None:
    hashes = reference.leaves(4)
    root = reference.root(hashes)
    merkle.verify_consistency(4, 4, [], root, root)
    with pytest.raises(RootMismatch):
        merkle.verify_consistency(4, 4, [], flip(root, 3), root)
    with pytest.raises(ProofMalformed):
        merkle.verify_consistency(4, 4, [root], root, root)


def test_an_earlier_tree_that_claims_to_be_empty_has_the_empty_root() -> None:
    hashes = reference.leaves(4)
    with pytest.raises(RootMismatch):
        merkle.verify_consistency(0, 4, [], hashes[0], reference.root(hashes))


@pytest.mark.parametrize("size", [31, 33, 0])
def test_a_hash_of_another_length_is_malformed(size: int) -> None:
    hashes = reference.leaves(2)
    with pytest.raises(ProofMalformed):
        merkle.verify_inclusion(b"x" * size, 0, 2, [hashes[1]], reference.root(hashes))
    with pytest.raises(ProofMalformed):
        merkle.verify_inclusion(hashes[0], 0, 2, [b"x" * size], reference.root(hashes))
    with pytest.raises(ProofMalformed):
        CompactRange().append(b"x" * size)


@pytest.mark.parametrize(("size", "peaks"), [(1, 0), (3, 1), (0, 1), (-1, 0)])
def test_peaks_that_do_not_make_the_size_are_refused(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="don't make a tree"):
        CompactRange(size, tuple(reference.leaves(peaks)))


def test_a_mismatch_says_both_roots() -> None:
    hashes = reference.leaves(2)
    with pytest.raises(RootMismatch) as caught:
        merkle.verify_inclusion(hashes[0], 0, 2, [hashes[1]], merkle.EMPTY_ROOT)
    assert caught.value.expected == merkle.EMPTY_ROOT
    assert caught.value.calculated == reference.root(hashes)


def flip(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(len(value), "big")
