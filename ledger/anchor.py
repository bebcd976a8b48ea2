"""Bring the chain up to the journal: append what is missing, and nothing else.

It reads where the chain stands and goes on from there, so it may be killed anywhere and run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger.chain import (
    MAX_BATCH,
    Appended,
    Chain,
    ChainError,
    ChainUnavailable,
    StaleTree,
    TreeHead,
)
from ledger.merkle import CompactRange

LeafHashesBetween = Callable[[int, int], Sequence[bytes]]

# Given the index that a batch starts at, the index that it ends before.
BatchEnd = Callable[[int], int]

# Given a size that the journal's tree had before, that tree.
TreeAt = Callable[[int], CompactRange]


class LogDiverged(ChainError):
    """The chain and the journal hold different leaves: one of them was changed. Stop and look."""


def append_missing(
    chain: Chain,
    leaf_hashes_between: LeafHashesBetween,
    size: int,
    *,
    max_batch: int = MAX_BATCH,
    known: CompactRange = CompactRange(),  # noqa: B008 — frozen, so sharing it is harmless
    earlier: TreeAt | None = None,
    batch_end: BatchEnd | None = None,
) -> Iterator[Appended]:
    """Append the journal's first `size` leaves as far as the chain lacks them; one result a batch.

    A generator: nothing happens until it is iterated. `leaf_hashes_between(start, end)` gives the
    journal's leaf hashes with start <= index < end. `known` may hold the tree of an earlier call,
    and spares reading the leaves below it again; `earlier` gives the same of any smaller size, for
    a chain that a reorganisation took back behind `known`. `batch_end` says where the batch that
    starts at an index ends, at most `max_batch` on; asked right before the batch is sent, it can
    write down what is about to be, so that every later attempt sends the same leaves. Without it a
    batch is as full as it can be.

    Raises:
        LogDiverged: the chain has more leaves than the journal, or another root at its size.
        ChainUnavailable: the chain can't be reached, or tells of two sizes; what was appended
            stays.

    """
    begun = _Begun(known, earlier)
    tree = _caught_up(begun, known, chain.head(), leaf_hashes_between, size, max_batch)
    while tree.size < size:
        end = batch_end(tree.size) if batch_end else min(tree.size + max_batch, size)
        leaves = _read(leaf_hashes_between, tree.size, end)
        grown = tree.extend(leaves)
        try:
            appended = chain.append(tree.size, leaves)
        except StaleTree as stale:
            if stale.actual <= tree.size:
                raise
            # Someone else's append, or our own whose answer was lost: go on from where it ended.
            tree = _caught_up(begun, tree, chain.head(), leaf_hashes_between, size, max_batch)
            if tree.size == stale.expected:
                # Asking again at once could go on for as long as they don't agree.
                raise ChainUnavailable(
                    f"the chain tells of {stale.actual} leaves and then of {tree.size}, as nodes "
                    "do of which one is behind; try again"
                ) from stale
            continue
        if (appended.size, appended.root) != (grown.size, grown.root()):
            raise LogDiverged(f"the chain's root at {appended.size} leaves isn't the journal's")
        tree = grown
        yield appended


@dataclass(frozen=True)
class _Begun:
    """What was known of the journal's tree when appending began."""

    known: CompactRange
    earlier: TreeAt | None

    def at(self, size: int) -> CompactRange:
        """The largest known tree of at most this size."""
        if self.known.size <= size:
            return self.known
        return self.earlier(size) if self.earlier else CompactRange()


def _caught_up(
    begun: _Begun,
    tree: CompactRange,
    head: TreeHead,
    between: LeafHashesBetween,
    size: int,
    max_batch: int,
) -> CompactRange:
    """The journal's tree at the chain's size, its root compared with the chain's."""
    if head.size > size:
        raise LogDiverged(f"the chain holds {head.size} leaves, the journal only {size}")
    if tree.size > head.size:
        tree = begun.at(head.size)
    while tree.size < head.size:
        tree = tree.extend(_read(between, tree.size, min(tree.size + max_batch, head.size)))
    if tree.root() != head.root:
        raise LogDiverged(f"the chain's root at {head.size} leaves isn't the journal's")
    return tree


def _read(between: LeafHashesBetween, start: int, end: int) -> Sequence[bytes]:
    leaves = between(start, end)
    if len(leaves) != end - start:
        raise LogDiverged(f"the journal gave {len(leaves)} leaves for {start} to {end}")
    return leaves
