"""Fewer drops at the same cost.

Where the allocations of a cheapest plan form a cycle (two lots that both serve two needs), moving
pieces around it costs nothing, or the plan would not be cheapest; so one of them can be emptied.
What is left is a forest: fewer allocations than sources and needs together.
"""

import numpy as np
from numpy.typing import NDArray

from optimizer.prices import Arcs

Indices = NDArray[np.int64]
ROOT = -1


def fewest_drops(arcs: Arcs, flow: Indices) -> Indices:
    """Return a flow with the same totals and cost whose arcs in use contain no cycle."""
    sources = int(arcs.tail.max(initial=-1)) + 1
    needs = int(arcs.head.max(initial=-1)) + 1
    forest = _Forest(sources + needs, flow.copy())
    used = np.flatnonzero(flow)
    # The largest first: small drops are then the ones that close a cycle and can go.
    for arc in used[np.argsort(-flow[used], kind="stable")].tolist():
        forest.add(arc, int(arcs.tail[arc]), int(arcs.head[arc]) + sources)
    return forest.flow


class _Forest:
    """Rooted trees: each node knows the node above it, and the arc that joins them."""

    def __init__(self, nodes: int, flow: Indices) -> None:
        self.above = [ROOT] * nodes
        self.arc = [ROOT] * nodes
        self.flow = flow

    def add(self, arc: int, source: int, need: int) -> None:
        up_source, up_need = self._way_up(source), self._way_up(need)
        if up_source[-1] == up_need[-1]:
            self._empty_one(arc, up_source, up_need)
        if self.flow[arc]:
            self._hang(need, source, arc)

    def _way_up(self, node: int) -> list[int]:
        way = [node]
        while self.above[way[-1]] != ROOT:
            way.append(self.above[way[-1]])
        return way

    def _empty_one(self, arc: int, up_source: list[int], up_need: list[int]) -> None:
        """Move pieces around the cycle, off every second arc, until one of those is empty."""
        while len(up_source) > 1 and len(up_need) > 1 and up_source[-2] == up_need[-2]:
            up_source.pop()
            up_need.pop()
        # From the need's end around to the source's: arcs alternate between less and more.
        below = [*up_need[:-1], *reversed(up_source[:-1])]
        cycle = [arc, *(self.arc[node] for node in below)]
        less, more = cycle[::2], cycle[1::2]
        pieces = min(int(self.flow[each]) for each in less)
        self.flow[less] -= pieces
        self.flow[more] += pieces
        for node in below:
            if not self.flow[self.arc[node]]:
                self.above[node] = self.arc[node] = ROOT

    def _hang(self, node: int, onto: int, arc: int) -> None:
        """Make `node` the root of its tree, then hang the tree below `onto`."""
        above, joined = onto, arc
        while node != ROOT:
            node_above, node_joined = self.above[node], self.arc[node]
            self.above[node], self.arc[node] = above, joined
            node, above, joined = node_above, node, node_joined
