"""Fewer drops at the same cost.

Where the allocations of a cheapest plan form a cycle (two lots that both serve two needs), moving
pieces around it costs nothing, or the plan would not be cheapest; so one of them can be emptied.
What is left is a forest: fewer allocations than sources and needs together.
"""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from optimizer.prices import Network

Indices = NDArray[np.int64]
Tree = dict[int, dict[int, int]]  # node → neighbour → the arc that joins them


def fewest_drops(network: Network, flow: Indices) -> Indices:
    """Return a flow with the same totals and cost whose arcs in use contain no cycle."""
    flow = flow.copy()
    sources = len(network.supply)
    used = np.flatnonzero(flow)
    tree: Tree = defaultdict(dict)
    # The largest first: small drops are then the ones that close a cycle and can go.
    for arc in used[np.argsort(-flow[used], kind="stable")].tolist():
        source, need = int(network.tail[arc]), int(network.head[arc]) + sources
        path = _path(tree, need, source)
        if path:
            _empty_one(tree, flow, [arc, *path], network, sources)
        if flow[arc]:
            tree[source][need] = tree[need][source] = arc
    return flow


def _path(tree: Tree, start: int, goal: int) -> list[int]:
    """Return the arcs from start to goal, or none if they are not joined."""
    if start not in tree or goal not in tree:
        return []
    came: dict[int, tuple[int, int]] = {start: (start, -1)}
    queue = [start]
    for node in queue:
        if node == goal:
            break
        for neighbour, arc in tree[node].items():
            if neighbour not in came:
                came[neighbour] = (node, arc)
                queue.append(neighbour)
    arcs = []
    node = goal
    while node in came and node != start:
        node, arc = came[node]
        arcs.append(arc)
    return arcs


def _empty_one(tree: Tree, flow: Indices, cycle: list[int], network: Network, sources: int) -> None:
    """Move pieces around the cycle, off every second arc, until one of those is empty."""
    down, up = cycle[::2], cycle[1::2]
    pieces = min(int(flow[arc]) for arc in down)
    flow[down] -= pieces
    flow[up] += pieces
    for arc in down[1:]:
        if not flow[arc]:
            source, need = int(network.tail[arc]), int(network.head[arc]) + sources
            del tree[source][need], tree[need][source]
