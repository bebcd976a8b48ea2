"""Fair targets: how many pieces each need gets, before anything is said about from where.

What the sources can deliver to a set of needs is a polymatroid, so filling the needs of one tier as
evenly as possible (leximin: the lowest rate as high as it can be, then the next lowest, ...) also
serves as many pieces as any plan could. The rates come from the decomposition of Fujishige
("Lexicographically optimal base of a polymatroid with respect to a weight vector", 1980): give a
pool its average rate; if a maximum flow delivers that, it is fair; else the least cut splits the
pool into needs that must do with less and needs that can have more, and each part is solved alone.

Then pieces are made whole. Each need gets its share rounded down, and a pool's odd pieces go one
each to needs with a fractional share, the largest fraction first, then the need posted first. The
sets of needs that can have an odd piece together are the bases of a matroid, so that choice is
exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import gcd

import numpy as np
from numpy.typing import NDArray

from optimizer.arcs import Arcs
from optimizer.certificate import NO_TIER
from optimizer.flow import max_flow
from optimizer.problem import Problem

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Level:
    """A pool of the certificate by positions in the component; see `certificate.Pool`.

    `lower`, `upper` and `odd_rank` (pieces; order for odd pieces) are aligned with `needs`.
    """

    tier: int
    numerator: int
    denominator: int
    needs: tuple[int, ...]
    carried: tuple[int, ...]
    sources: tuple[int, ...]
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    odd_rank: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Pool:
    """Needs of one tier and of earlier ones (`carried`, met in full), and sources they share."""

    needs: Indices
    carried: Indices
    sources: Indices


def fair_levels(problem: Problem, arcs: Arcs) -> list[Level]:
    """Return a component's levels, the most urgent tier first and the lowest rate first within it.

    The last level holds the needs that are met in full and every source that is not used up.
    """
    return _Decomposition(problem, arcs).run()


def share_bounds(
    quantities: list[int], numerator: int, denominator: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return each need's fair share rounded down and up; without fairness, 0 and all of it."""
    if denominator == 0:
        return (0,) * len(quantities), tuple(quantities)
    lower = tuple(each * numerator // denominator for each in quantities)
    upper = tuple(-(-each * numerator // denominator) for each in quantities)
    return lower, upper


def odd_piece_ranks(
    problem: Problem, positions: list[int], numerator: int, denominator: int
) -> tuple[int, ...]:
    """Return the place in the queue for an odd piece of the problem's needs at `positions`.

    The largest fraction lost by rounding down comes first, then the need posted first, then its id.
    Without fairness there is no queue: every rank is 0.
    """
    if denominator == 0:
        return (0,) * len(positions)
    needs = [problem.needs[each] for each in positions]
    order = sorted(
        range(len(needs)),
        key=lambda row: (
            -(needs[row].quantity * numerator % denominator),
            needs[row].posted_at,
            needs[row].id,
        ),
    )
    ranks = [0] * len(needs)
    for rank, row in enumerate(order):
        ranks[row] = rank
    return tuple(ranks)


class _Decomposition:
    def __init__(self, problem: Problem, arcs: Arcs) -> None:
        self.problem = problem
        self.arcs = arcs
        self.fair = problem.policy.fairness == "max_min"
        self.supply = [problem.sources[each].quantity for each in arcs.component.sources]
        self.demand = [problem.needs[each].quantity for each in arcs.component.needs]
        self.tier = [problem.needs[each].tier for each in arcs.component.needs]
        self.levels: list[Level] = []

    def run(self) -> list[Level]:
        sources, carried = np.arange(len(self.supply)), np.arange(0)
        by_tier = sorted(range(len(self.tier)), key=self.tier.__getitem__)
        for tier, needs in groupby(by_tier, key=self.tier.__getitem__):
            pool = self._reachable(_Pool(np.array(list(needs)), carried, sources), tier)
            pools = list(self._split(pool, tier))
            carried = np.concatenate([np.arange(0), *(each.carried for each in pools)])
            used = [each for level in self.levels for each in level.sources]
            sources = np.setdiff1d(sources, np.array(used, dtype=np.int64))
        self._add(NO_TIER, 1, 1, _Pool(carried, np.arange(0), sources))
        return self.levels

    def _reachable(self, pool: _Pool, tier: int) -> _Pool:
        """Set aside, at rate 0, the needs that no remaining source reaches."""
        open_source = _flags(len(self.supply), pool.sources)
        reached = _flags(len(self.demand), self.arcs.head[open_source[self.arcs.tail]])
        apart = pool.needs[~reached[pool.needs]]
        if len(apart):
            self._add(tier, 0, 1, _Pool(apart, np.arange(0), np.arange(0)))
        return _Pool(pool.needs[reached[pool.needs]], pool.carried, pool.sources)

    def _split(self, pool: _Pool, tier: int) -> Iterator[_Pool]:
        """Add the pool's levels in order; yield what is left over as pools of carried needs."""
        stack = [pool]
        while stack:
            pool = stack.pop()
            if not len(pool.needs):
                yield pool
                continue
            numerator, denominator = self._rate(pool)
            parts = self._cut(pool, numerator, denominator)
            if parts is None:
                if numerator < denominator:
                    self._add(tier, numerator, denominator, pool)
                else:
                    carried = np.concatenate([pool.carried, pool.needs])
                    yield _Pool(np.arange(0), carried, pool.sources)
            elif self.fair:
                stack += reversed(parts)  # so that the lower rates are taken off first
            else:
                self._add(tier, 0, 0, parts[0])
                stack.append(parts[1])

    def _rate(self, pool: _Pool) -> tuple[int, int]:
        """Return the rate that would use up the pool's sources, at most 1, in lowest terms."""
        wanted = sum(self.demand[each] for each in pool.needs)
        free = sum(self.supply[each] for each in pool.sources)
        free -= sum(self.demand[each] for each in pool.carried)
        if free >= wanted or not self.fair:
            return 1, 1
        common = gcd(free, wanted)
        return free // common, wanted // common

    def _cut(self, pool: _Pool, numerator: int, denominator: int) -> tuple[_Pool, _Pool] | None:
        """Return the starved and the other part of a pool, or None where the rate holds for all."""
        needs = np.concatenate([pool.needs, pool.carried])
        demand = [self.demand[each] * numerator for each in pool.needs]
        demand += [self.demand[each] * denominator for each in pool.carried]
        supply = [self.supply[each] * denominator for each in pool.sources]
        if not len(pool.sources):
            return None
        cut = max_flow(self._network(pool.sources, needs), supply, demand)
        if cut.value == sum(demand):
            return None
        own = len(pool.needs)
        starved, kept = cut.starved_needs, ~cut.starved_needs
        low = _Pool(
            pool.needs[starved[:own]],
            pool.carried[starved[own:]],
            pool.sources[cut.starved_sources],
        )
        high = _Pool(
            pool.needs[kept[:own]], pool.carried[kept[own:]], pool.sources[~cut.starved_sources]
        )
        return low, high

    def _network(self, sources: Indices, needs: Indices) -> tuple[Indices, Indices]:
        """Return the arcs between these, numbered by their places in the two arrays."""
        source_row, need_row = _rows(len(self.supply), sources), _rows(len(self.demand), needs)
        tail, head = source_row[self.arcs.tail], need_row[self.arcs.head]
        inside = (tail >= 0) & (head >= 0)
        return tail[inside], head[inside]

    def _add(self, tier: int, numerator: int, denominator: int, pool: _Pool) -> None:
        needs = sorted(int(each) for each in pool.needs)
        quantities = [self.demand[each] for each in needs]
        lower, upper = share_bounds(quantities, numerator, denominator)
        positions = [self.arcs.component.needs[each] for each in needs]
        ranks = odd_piece_ranks(self.problem, positions, numerator, denominator)
        self.levels.append(
            Level(
                tier,
                numerator,
                denominator,
                tuple(needs),
                tuple(sorted(int(each) for each in pool.carried)),
                tuple(int(each) for each in pool.sources),
                lower,
                upper,
                ranks,
            )
        )


def _flags(size: int, chosen: Indices) -> NDArray[np.bool_]:
    flags = np.zeros(size, dtype=np.bool_)
    flags[chosen] = True
    return flags


def _rows(size: int, chosen: Indices) -> Indices:
    rows = np.full(size, -1, dtype=np.int64)
    rows[chosen] = np.arange(len(chosen))
    return rows
