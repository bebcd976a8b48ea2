"""Who waits for what isn't ready yet: where it costs nothing, the less urgent need.

Which of two needs gets a lot that can leave today, and which one that is ready in three days, is
often all the same to the costs. An exchange between them leaves each need its pieces and each lot
its use, and costs nothing, so that all that is proven of a plan stays proven.
"""

import numpy as np
from numpy.typing import NDArray

from optimizer.grid import Costs, Grid, forbidden

Indices = NDArray[np.int64]


def urgent_first(grid: Grid, shipments: Indices) -> Indices:
    """Return a component's shipments (need, source, units), exchanged so between its tiers."""
    depart, tier = grid.depart, grid.tier
    rows = shipments
    if len(np.unique(depart[rows[:, 1]])) < 2 or len(np.unique(tier[rows[:, 0]])) < 2:
        return rows
    costs = grid.costs()
    waiting = np.flatnonzero(depart[rows[:, 1]] > depart[rows[:, 1]].min())
    for each in waiting[np.argsort(tier[rows[waiting, 0]], kind="stable")].tolist():
        need, late, left = rows[each].tolist()
        taken = []
        for other in _partners(grid, costs, rows, need, late):
            moved = min(left, int(rows[other, 2]))
            taken.append((other, moved))
            left -= moved
            if not left:
                break
        if not taken:
            continue
        gains = [(need, int(rows[other, 1]), moved) for other, moved in taken]
        losses = [(int(rows[other, 0]), late, moved) for other, moved in taken]
        rows = np.concatenate([rows, np.array(gains + losses, dtype=np.int64).reshape(-1, 3)])
        for other, moved in taken:
            rows[other, 2] -= moved
            rows[each, 2] -= moved
    return _merged(rows)


def _partners(grid: Grid, costs: Costs, rows: Indices, need: int, late: int) -> list[int]:
    """Return whose lots are ready sooner and can be exchanged: the least urgent, soonest first."""
    others, soon, units = rows.T
    nothing = forbidden(costs)
    mine, theirs = costs[need, soon], costs[others, late]
    fits = (units > 0) & (grid.tier[others] > grid.tier[need])
    fits &= (grid.depart[soon] < grid.depart[late]) & (mine != nothing) & (theirs != nothing)
    found = np.flatnonzero(fits)
    before = costs[need, late].astype(np.int64) + costs[others[found], soon[found]]
    found = found[mine[found].astype(np.int64) + theirs[found] == before]
    order = np.lexsort((found, grid.depart[soon[found]], -grid.tier[others[found]]))
    chosen: list[int] = found[order].tolist()
    return chosen


def _merged(rows: Indices) -> Indices:
    """One row for each pair that has any units left."""
    rows = rows[rows[:, 2] > 0]
    pairs, place = np.unique(rows[:, :2], axis=0, return_inverse=True)
    units = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(units, place.reshape(-1), rows[:, 2])
    return np.column_stack([pairs, units])
