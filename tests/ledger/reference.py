"""The tree of RFC 9162 as its section 2.1 defines it, word for word: slow, plain, and not ours."""

import hashlib
from collections.abc import Sequence


def leaves(count: int, *, start: int = 0) -> list[bytes]:
    """Distinct leaf hashes."""
    return [
        hashlib.sha256(b"\x00" + f"record {index}".encode()).digest()
        for index in range(start, start + count)
    ]


def split(size: int) -> int:
    """The largest power of two smaller than the size."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = split(len(hashes))
    return hashlib.sha256(b"\x01" + root(hashes[:middle]) + root(hashes[middle:])).digest()


def inclusion(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    middle = split(len(hashes))
    if index < middle:
        return [*inclusion(index, hashes[:middle]), root(hashes[middle:])]
    return [*inclusion(index - middle, hashes[middle:]), root(hashes[:middle])]


def consistency(before: int, hashes: Sequence[bytes]) -> list[bytes]:
    return _subproof(before, hashes, known=True)


def _subproof(before: int, hashes: Sequence[bytes], *, known: bool) -> list[bytes]:
    if before == len(hashes):
        return [] if known else [root(hashes)]
    middle = split(len(hashes))
    if before <= middle:
        return [*_subproof(before, hashes[:middle], known=known), root(hashes[middle:])]
    return [*_subproof(before - middle, hashes[middle:], known=False), root(hashes[:middle])]
