"""Leximin-fair fill rates by linear programmes alone: slow, and nothing like the allocator's way.

For the first tier, the least fill rate is pushed as high as it goes; who can't have more is kept at
that rate; the least of the others is pushed on, until all are kept. Then the next tier.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.grid import forbidden
from optimizer.problem import Problem
from optimizer.tables import Tables, components
from services.bench.errors import Unsolved
from services.bench.linear import Solved, solve_linear

__all__ = ["Fairness", "fair_rates"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
SLACK, SLACK_PIECES = 1e-7, 1e-5
"""By which share, and by how many pieces more, a need may miss its rate: doubles are not exact, and
one programme's roundings must not contradict the next."""


@dataclass(slots=True)
class Fairness:
    """Fill rates from 0 to 1, aligned with the problem's needs, and what finding them took."""

    rates: Floats
    programmes: int = 0
    seconds: float = 0.0
    model_seconds: float = 0.0


def fair_rates(problem: Problem) -> Fairness:
    """Return the leximin-fair fill rates of every need, tier by tier."""
    found = Fairness(np.zeros(len(problem.needs)))
    tables = Tables(problem)
    for component in components(problem):
        if not component.needs:
            continue
        grid = tables.grid(component)
        costs = grid.costs()
        pools = _Filling(costs != forbidden(costs), grid.demand, grid.supply, grid.tier)
        for solved in pools.fill():
            found.programmes += 1
            found.seconds += solved.seconds
            found.model_seconds += solved.model_seconds
        found.rates[np.array(component.needs)] = pools.rates
    return found


class _Filling:
    """One component's rates: those of `kept` needs are settled, the others' a lower limit."""

    def __init__(self, allowed: Flags, demand: Ints, supply: Ints, tier: Ints) -> None:
        self.needs, self.sources = np.nonzero(allowed)
        self.reached = allowed.any(axis=1)
        self.demand, self.supply, self.tier = demand, supply, tier
        self.rates = np.zeros(len(demand))
        self.kept = np.zeros(len(demand), dtype=np.bool_)

    def fill(self) -> Iterator[Solved]:
        """Settle all rates; yields each programme that was solved."""
        for tier in np.unique(self.tier):
            rising = np.flatnonzero((self.tier == tier) & self.reached)
            while len(rising):
                solved = self._highest_rate(rising)
                yield solved
                self.rates[rising] = min(1.0, max(0.0, solved.objective))
                stuck = rising
                if solved.objective < 1 - SLACK:
                    stuck = yield from self._stuck(rising)
                self.kept[stuck] = True
                rising = np.setdiff1d(rising, stuck)

    def _stuck(self, rising: Ints) -> Generator[Solved, None, Ints]:
        """Return those of the rising needs that can't have more than their rates now.

        Let as much as possible go to the suspects: whoever then gets more isn't one. When nobody
        does, no suspect can, as their sum is the largest there is.
        """
        suspects = rising
        while len(suspects):
            solved = self._most_pieces(rising, suspects)
            yield solved
            received = np.bincount(
                self.needs, weights=solved.values[:-1], minlength=len(self.demand)
            )
            surplus = received - self.rates * self.demand
            # All the slack there is may be found again at one need.
            more = suspects[surplus[suspects] > 2 * self._slack().sum()]
            if not len(more):
                return suspects
            suspects = np.setdiff1d(suspects, more)
        raise Unsolved("every need could have more than the highest least rate")

    def _highest_rate(self, rising: Ints) -> Solved:
        """Solve for the highest rate that all the rising needs can have at once."""
        low, high = self._kept_pieces()
        high[rising] = np.inf
        share = (rising, np.full(len(rising), len(self.needs)), -self.demand[rising])
        return self._solve(rising, np.zeros(len(self.demand)), 1, low, high, share)

    def _most_pieces(self, rising: Ints, suspects: Ints) -> Solved:
        """Solve for the most pieces to the suspects, with no rising need below its rate."""
        low, high = self._kept_pieces()
        low[rising] = (self.rates * self.demand - self._slack())[rising]
        high[rising] = self.demand[rising]
        wanted = np.zeros(len(self.demand))
        wanted[suspects] = 1
        nothing = np.zeros(0, dtype=np.int64)
        return self._solve(rising, wanted, 0, low, high, (nothing, nothing, nothing))

    def _kept_pieces(self) -> tuple[Floats, Floats]:
        pieces = np.where(self.kept, self.rates * self.demand, 0)
        return np.where(self.kept, pieces - self._slack(), 0), pieces

    def _slack(self) -> Floats:
        return (SLACK * self.demand + SLACK_PIECES).astype(np.float64)

    def _solve(
        self,
        rising: Ints,
        wanted: Floats,
        wanted_rate: float,
        low: Floats,
        high: Floats,
        share: tuple[Ints, Ints, Ints],
    ) -> Solved:
        """Solve with a variable a pair, and a last one for the rate; `share` is its column."""
        arcs, count = len(self.needs), len(self.demand)
        active = self.kept.copy()
        active[rising] = True
        return solve_linear(
            costs=np.append(wanted[self.needs], wanted_rate),
            most=np.append(np.where(active[self.needs], np.inf, 0), 1.0),
            row=np.concatenate([self.needs, share[0], count + self.sources]),
            column=np.concatenate([np.arange(arcs), share[1], np.arange(arcs)]),
            coefficient=np.concatenate([np.ones(arcs), share[2], np.ones(arcs)]),
            low=np.concatenate([low, np.zeros(len(self.supply))]),
            high=np.concatenate([high, self.supply]),
            maximise=True,
        )
