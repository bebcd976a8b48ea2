"""The linear programme that the peers solve: the cheapest way to bring needs fixed totals.

Tiers and fairness decide how much each need gets; no general solver does that in one programme.
What it costs to bring it there is a plain transport problem over all allowed pairs. Its optimum is
one number, so there it can be told exactly whether two solvers agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.grid import forbidden
from optimizer.problem import Problem
from optimizer.tables import Tables, components

__all__ = ["Transport", "transports"]

Ints = NDArray[np.int64]
LARGEST_SLIP = 1e-4  # of a piece: a solver's answer this near to whole pieces is meant to be whole


@dataclass(frozen=True, slots=True)
class Transport:
    """One component: all of `target` (needs) from `supply` (sources), in pieces.

    `cost` of shape (needs, sources) is micro-units a piece, `allowed` of that shape which pairs
    there are. Needs with a target of 0 are left out.
    """

    cost: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    target: Ints
    supply: Ints

    def arcs(self) -> tuple[Ints, Ints, Ints]:
        """Return the allowed pairs as rows, columns and costs, sorted by rows."""
        rows, columns = np.nonzero(self.allowed)
        return rows, columns, self.cost[rows, columns]

    def exact_cost(self, rows: Ints, columns: Ints, flow: NDArray[np.float64]) -> int | None:
        """Return what a solver's flow costs in exact integers; None if it is no plan of pieces."""
        pieces = np.rint(flow).astype(np.int64)
        given = np.bincount(rows, weights=pieces, minlength=len(self.target))
        taken = np.bincount(columns, weights=pieces, minlength=len(self.supply))
        whole = bool((np.abs(flow - pieces) <= LARGEST_SLIP).all()) and bool((pieces >= 0).all())
        if not whole or (given != self.target).any() or (taken > self.supply).any():
            return None
        costs = self.cost[rows, columns]
        used = np.flatnonzero(pieces)
        return sum(map(int.__mul__, pieces[used].tolist(), costs[used].tolist()))


def transports(problem: Problem, targets: Ints) -> Iterator[Transport]:
    """Yield the programme of each component; `targets` are pieces, aligned with the needs."""
    tables = Tables(problem)
    for component in components(problem):
        wanted = targets[np.array(component.needs, dtype=np.int64)]
        rows = np.flatnonzero(wanted)
        if not len(rows):
            continue
        grid = tables.grid(component)
        costs = grid.costs()
        allowed = costs != forbidden(costs)
        yield Transport(
            cost=costs[rows].astype(np.int64),
            allowed=allowed[rows],
            target=wanted[rows],
            supply=grid.supply,
        )
