"""Which sources reach which needs, told once for all that are alike, and the least cut between.

In a nation most hospitals can be reached from the same warehouses. Needs with the same sources,
and sources with the same needs, stand on the same side of every least cut, so the cut is found
between groups. Where even those are joined by too many arcs, it starts with a few of them and adds
what crosses the cut, until nothing does: then it is a least cut of the whole.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.columns import Pairs
from optimizer.flow import max_flow

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_ARCS = 1_000_000
FIRST_ARCS_PER_GROUP = 24
MORE_ARCS_PER_GROUP = 32


@dataclass(frozen=True, slots=True)
class Cut:
    """A maximum flow between some sources and needs, and the starved side of its least cut.

    `starved_*` are aligned with the sources and needs asked about. What is starved wants more than
    its sources have; no other source may serve it. `arcs` of shape (k, 3) says what flows from
    which group of sources to which group of needs.
    """

    value: int
    starved_sources: Flags
    starved_needs: Flags
    arcs: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Groups:
    """Some sources and needs by groups: `of_source` and `of_need` number the groups present."""

    source_groups: Indices
    of_source: Indices
    need_groups: Indices
    of_need: Indices
    matrix: Flags
    active: tuple[Indices, Indices]

    def pairs(self) -> Pairs:
        """Return the allowed pairs of groups, at no cost."""
        costs = np.where(self.matrix, np.int32(0), np.int32(np.iinfo(np.int32).max))
        return Pairs(costs, np.arange(len(self.need_groups)), np.arange(len(self.source_groups)))


class Reach:
    """Built from `allowed`, of shape (needs, sources)."""

    def __init__(self, allowed: Flags) -> None:
        self.need_group, first_needs = _alike(allowed)
        rows = allowed[first_needs]
        self.source_group, first_sources = _alike(rows.T)
        self.matrix = rows[:, first_sources]
        self.active = self.matrix if self.matrix.sum() <= MOST_ARCS else _few(self.matrix)

    def groups(self, sources: Indices, needs: Indices) -> Groups:
        source_groups, of_source = np.unique(self.source_group[sources], return_inverse=True)
        need_groups, of_need = np.unique(self.need_group[needs], return_inverse=True)
        within = np.ix_(need_groups, source_groups)
        head, tail = np.nonzero(self.active[within])
        return Groups(
            source_groups,
            of_source,
            need_groups,
            of_need,
            self.matrix[within],
            (tail, head),
        )

    def cut(
        self,
        sources: Indices,
        needs: Indices,
        supply: NDArray[Any],
        demand: NDArray[Any],
    ) -> Cut:
        """Return the least cut between these sources and needs, at least one of each.

        `supply` and `demand` are aligned with them, of any size.
        """
        groups = self.groups(sources, needs)
        have = [int(each) for each in sums(supply, groups.of_source)]
        want = [int(each) for each in sums(demand, groups.of_need)]
        within = np.ix_(groups.need_groups, groups.source_groups)
        while True:
            head, tail = np.nonzero(self.active[within])
            flow = max_flow((tail, head), have, want)
            missing = groups.matrix & ~self.active[within]
            missing &= flow.starved_needs[:, None] & ~flow.starved_sources
            if flow.value == sum(want) or not missing.any():
                break
            self.active[within] |= _spread(missing, MORE_ARCS_PER_GROUP)
        used = np.flatnonzero(flow.sent)
        arcs = np.stack(
            [
                groups.source_groups[tail[used]].astype(object),
                groups.need_groups[head[used]].astype(object),
                flow.sent[used].astype(object),
            ],
            axis=1,
        )
        starved = flow.starved_sources[groups.of_source], flow.starved_needs[groups.of_need]
        return Cut(flow.value, *starved, arcs)

    def support(
        self, sources: Indices, needs: Indices, supply: Indices, received: Indices
    ) -> tuple[Indices, Indices] | None:
        """Return pairs, by their places in the arguments, on which each need can get its total.

        None if there is no such flow. There are at most as many pairs as sources, needs and arcs
        between their groups.
        """
        cut = self.cut(sources, needs, supply, received)
        if cut.value != int(received.sum()):
            return None
        left, open_needs = supply.copy(), received.copy()
        source_of = _members(self.source_group[sources], supply)
        need_of = _members(self.need_group[needs], received)
        tails, heads = [], []
        for source_group, need_group, between in cut.arcs.tolist():
            waiting, stock, to_send = need_of[need_group], source_of[source_group], between
            while to_send:
                tail, head = stock[-1], waiting[-1]
                sent = min(to_send, int(left[tail]), int(open_needs[head]))
                left[tail] -= sent
                open_needs[head] -= sent
                to_send -= sent
                tails.append(tail)
                heads.append(head)
                if not left[tail]:
                    stock.pop()
                if not open_needs[head]:
                    waiting.pop()
        return np.array(tails, dtype=np.int64), np.array(heads, dtype=np.int64)


def _alike(flags: Flags) -> tuple[Indices, Indices]:
    """Return each row's group of equal rows, and the first row of each group."""
    if flags.shape[1] == 0:
        return np.zeros(len(flags), dtype=np.int64), np.arange(min(1, len(flags)))
    packed = np.ascontiguousarray(np.packbits(flags, axis=1))
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return group.reshape(-1).astype(np.int64), first


def _few(matrix: Flags) -> Flags:
    return _spread(matrix, FIRST_ARCS_PER_GROUP)


def _spread(matrix: Flags, count: int) -> Flags:
    """Return up to `count` of each row's flags, spread over the columns and different by row."""
    chosen = np.zeros_like(matrix)
    for row in np.flatnonzero(matrix.any(axis=1)).tolist():
        columns = np.flatnonzero(matrix[row])
        step = max(1, len(columns) // count)
        chosen[row, columns[(row % step) :: step][:count]] = True
    return chosen


def sums(values: NDArray[Any], group: Indices) -> NDArray[Any]:
    """Return the sum of the values of each group."""
    total = np.zeros(int(group.max(initial=-1)) + 1, dtype=values.dtype)
    np.add.at(total, group, values)
    return total


def _members(group: Indices, pieces: Indices) -> dict[int, list[int]]:
    """Return, by group, the places of those with pieces, the last one first in turn."""
    members: dict[int, list[int]] = {}
    for place in np.flatnonzero(pieces)[::-1].tolist():
        members.setdefault(int(group[place]), []).append(place)
    return members
