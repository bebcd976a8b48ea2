"""The Merkle tree of RFC 9162, section 2.1: roots, inclusion and consistency.

Pure functions over leaf hashes of 32 bytes; everything they need is passed in. Inclusion alone
doesn't bind the size of a tree, so a caller checks size and root together, from one trusted source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofRefused(ValueError):
    """A proof doesn't show what it claims."""


class ProofMalformed(ProofRefused):
    """A proof that no tree could give: a wrong length, or an index outside the tree."""


class RootMismatch(ProofRefused):
    """A well-formed proof that leads to another root."""

    def __init__(self, expected: bytes, calculated: bytes) -> None:
        super().__init__(f"the proof leads to {calculated.hex()}, not to {expected.hex()}")
        self.expected = expected
        self.calculated = calculated


def leaf_hash(data: bytes) -> bytes:
    """The hash of a record's bytes as a leaf: SHA-256 with the prefix 0x00."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256 with the prefix 0x01."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class CompactRange:
    """A tree in brief: its size, and the roots of its perfect subtrees, largest first.

    Enough to go on appending and to give the root, in space logarithmic in the size.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"{len(self.peaks)} peaks don't make a tree of {self.size} leaves")

    def append(self, leaf: bytes) -> CompactRange:
        """The tree with one more leaf hash at its end."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> CompactRange:
        """The tree with these leaf hashes at its end, in their order."""
        size = self.size
        peaks = list(self.peaks)
        for leaf in leaves:
            node = _checked(leaf)
            carries = size
            while carries & 1:
                node = node_hash(peaks.pop(), node)
                carries >>= 1
            peaks.append(node)
            size += 1
        return CompactRange(size, tuple(peaks))

    def root(self) -> bytes:
        """The tree's root; `EMPTY_ROOT` for a tree without leaves."""
        return _fold(self.peaks)


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over leaf hashes; `EMPTY_ROOT` when there are none."""
    return CompactRange().extend(leaf_hashes).root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int) -> tuple[bytes, ...]:
    """The path from a leaf to the root of the first `size` leaves, lowest sibling first.

    Raises:
        IndexError: not 0 <= index < size <= len(leaf_hashes).

    """
    if not 0 <= index < size <= len(leaf_hashes):
        raise IndexError(
            f"no leaf {index} in a tree of {size}, with {len(leaf_hashes)} leaves given"
        )
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(root(leaf_hashes[middle:end]))
            end = middle
        else:
            path.append(root(leaf_hashes[start:middle]))
            start = middle
    return tuple(reversed(path))


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes
) -> None:
    """Check that a leaf hash stands at an index of the tree with this size and root.

    Raises:
        ProofMalformed: the path isn't as long as this index and size demand.
        RootMismatch: the path leads to another root.

    """
    if not 0 <= index < size:
        raise ProofMalformed(f"no leaf {index} in a tree of {size}")
    node = _checked(leaf)
    rest = iter(_checked_path(path, _inclusion_length(index, size)))
    last = size - 1
    while last:
        if index & 1:
            node = node_hash(next(rest), node)
        elif index < last:
            node = node_hash(node, next(rest))
        # Otherwise the node is the last of its level without a sibling, and rises as it is.
        index >>= 1
        last >>= 1
    if node != expected_root:
        raise RootMismatch(expected_root, node)


def consistency_proof(leaf_hashes: Sequence[bytes], before: int, after: int) -> tuple[bytes, ...]:
    """The proof that the tree of `before` leaves is a prefix of the tree of `after`, lowest first.

    Empty when the sizes are equal, or when the earlier tree is empty: there is nothing to show.

    Raises:
        IndexError: not 0 <= before <= after <= len(leaf_hashes).

    """
    if not 0 <= before <= after <= len(leaf_hashes):
        raise IndexError(f"no trees of {before} and {after} in {len(leaf_hashes)} leaves")
    if before in {0, after}:
        return ()
    start, end = 0, after
    path: list[bytes] = []
    while before != end:
        middle = start + _split(end - start)
        if before <= middle:
            path.append(root(leaf_hashes[middle:end]))
            end = middle
        else:
            path.append(root(leaf_hashes[start:middle]))
            start = middle
    if start:
        # The earlier tree's last perfect subtree; it is known already when it is the whole tree.
        path.append(root(leaf_hashes[start:end]))
    return tuple(reversed(path))


def verify_consistency(
    before: int, after: int, path: Sequence[bytes], before_root: bytes, after_root: bytes
) -> None:
    """Check that the tree of `before` leaves grew into the tree of `after` leaves.

    Raises:
        ProofMalformed: the sizes are impossible, or the path is too long or too short.
        RootMismatch: the path leads to another root, for either size.

    """
    if not 0 <= before <= after:
        raise ProofMalformed(f"a tree of {before} can't grow into one of {after}")
    if before in {0, after}:
        _checked_path(path, 0)
        _demand(EMPTY_ROOT if before == 0 else after_root, before_root)
        return
    whole = before & (before - 1) == 0
    hashes = [before_root, *path] if whole else list(path)
    _checked_path(hashes, _consistency_length(before, after))
    index, last = before - 1, after - 1
    while index & 1:
        index >>= 1
        last >>= 1
    old = new = hashes[0]
    for node in hashes[1:]:
        if index & 1 or index == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while index and not index & 1:
                index >>= 1
                last >>= 1
        else:
            new = node_hash(new, node)
        index >>= 1
        last >>= 1
    _demand(before_root, old)
    _demand(after_root, new)


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def _split(size: int) -> int:
    """The largest power of two smaller than the size (RFC 9162's k)."""
    return 1 << (size - 1).bit_length() - 1


def _inclusion_length(index: int, size: int) -> int:
    """Siblings on the way up: one for each level inside, one for each left subtree beyond it."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()


def _consistency_length(before: int, after: int) -> int:
    """Hashes in a consistency proof, the earlier tree's last subtree counted in."""
    trailing = (before & -before).bit_length() - 1
    return 1 + _inclusion_length(before - 1, after) - trailing


def _demand(expected: bytes, calculated: bytes) -> None:
    if expected != calculated:
        raise RootMismatch(expected, calculated)


def _checked(node: bytes) -> bytes:
    if len(node) != HASH_SIZE:
        raise ProofMalformed(f"a hash has {HASH_SIZE} bytes, not {len(node)}")
    return node


def _checked_path(path: Sequence[bytes], length: int) -> Sequence[bytes]:
    if len(path) != length:
        raise ProofMalformed(f"this proof has {length} hashes, not {len(path)}")
    for node in path:
        _checked(node)
    return path
