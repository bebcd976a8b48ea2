"""A chain in memory, hand-made: quick, and it fails when it is told to."""

from collections.abc import Iterator, Sequence

from ledger.chain import (
    Appended,
    ChainRefused,
    ChainUnavailable,
    LeafBatch,
    StaleTree,
    TreeHead,
    cut,
)
from tests.ledger import reference


class MemoryChain:
    """`faults` befall the next appends: "away" before, "lost" after the leaves are in."""

    chain_id = 77
    address = "0x" + "Ab" * 20
    deployed_block = 0

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.batches: list[LeafBatch] = []
        self.roots = {0: reference.root([])}
        self.faults: list[str | None] = []

    def head(self) -> TreeHead:
        return TreeHead(len(self.leaves), self.roots[len(self.leaves)])

    def root_at(self, size: int) -> bytes | None:
        return self.roots.get(size)

    def block_hash(self, number: int) -> bytes | None:
        return number.to_bytes(32, "big") if 0 <= number <= len(self.batches) else None

    def append(self, expected_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
        fault = self.faults.pop(0) if self.faults else None
        if fault == "away":
            raise ChainUnavailable("away")
        if expected_size != len(self.leaves):
            raise StaleTree(expected_size, len(self.leaves))
        self.leaves += leaf_hashes
        number, size = len(self.batches) + 1, len(self.leaves)
        place = (bytes(32), number, number.to_bytes(32, "big"))
        self.batches.append(LeafBatch(expected_size, tuple(leaf_hashes), *place))
        self.roots[size] = reference.root(self.leaves)
        if fault == "lost":
            raise ChainUnavailable("answer lost")
        return Appended(expected_size, size, self.roots[size], *place)

    def final_block(self) -> int:
        return len(self.batches)

    def events(self, from_index: int, to_index: int, *, from_block: int = 0) -> Iterator[LeafBatch]:
        parts = (cut(batch, from_index, to_index) for batch in self.batches)
        yield from (part for part in parts if part is not None)

    def submitter(self) -> str:
        return self.address

    def hand_over(self, secret: bytes) -> None:
        raise ChainRefused("it has no keys")

    def close(self) -> None:
        pass
