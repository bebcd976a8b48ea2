"""Fair targets: how much each need gets, before anything is said about from where.

What the sources can deliver to a set of needs is a polymatroid, so filling the needs of one tier as
evenly as possible (leximin: the lowest rate as high as it can be, then the next lowest, ...) also
serves as much as any plan could. The rates come from the decomposition of Fujishige
("Lexicographically optimal base of a polymatroid with respect to a weight vector", 1980): give a
pool its average rate; if a maximum flow delivers that, it is fair; else the least cut splits the
pool into needs that must do with less and needs that can have more, and each part is solved alone.

Needs may have weights. At a pool's rate r a need of weight w gets r·w of what it asks, and never
more than all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.certificate import NO_TIER
from optimizer.grid import Grid
from optimizer.reach import Reach

Indices = NDArray[np.int64]
SAFE = 2**62


@dataclass(frozen=True, slots=True)
class Level:
    """A pool of the certificate by positions in the component; see `certificate.Pool`.

    `lower`, `upper` (units) and `odd_rank` (place in the queue for odd units) are aligned with
    `needs`.
    """

    tier: int
    numerator: int
    denominator: int
    needs: Indices
    carried: Indices
    sources: Indices
    lower: Indices
    upper: Indices
    odd_rank: Indices

    @property
    def is_met(self) -> bool:
        return self.numerator == self.denominator == 1


@dataclass(frozen=True, slots=True)
class _Pool:
    """Needs of one tier and of earlier ones (`carried`, met in full), and sources they share."""

    needs: Indices
    carried: Indices
    sources: Indices


NOBODY = np.zeros(0, dtype=np.int64)


def fair_levels(grid: Grid, reach: Reach) -> list[Level]:
    """Return a component's levels, the most urgent tier first and the lowest rate first within it.

    The last level holds the needs that are met in full and every source that is not used up.
    """
    return _Decomposition(grid, reach).run()


def times(values: Indices, factor: int) -> NDArray[Any]:
    """Return the products, exact: as 64-bit numbers where their sum has room there."""
    if sum(values.tolist()) * factor < SAFE:
        return values * factor
    return values.astype(object) * factor


def share_bounds(
    demand: Indices, weight: Indices, numerator: int, denominator: int
) -> tuple[Indices, Indices, Indices]:
    """Return each need's fair share rounded down and up, and what rounding down loses.

    The loss is counted in units over the denominator. Without fairness, a share is from 0 to all.
    """
    nothing = np.zeros_like(demand)
    if denominator == 0:
        return nothing, demand.copy(), nothing
    weighed = times(demand, int(weight.max(initial=1)))
    wide = weighed.dtype == object or sum(weighed.tolist()) * numerator >= SAFE
    exact: NDArray[Any] = demand.astype(object) if wide else demand
    share = exact * weight * numerator
    capped = np.asarray(weight.astype(object) * numerator >= denominator, dtype=np.bool_)
    lower = np.where(capped, demand, share // denominator).astype(np.int64)
    lost = np.where(capped, 0, share % denominator).astype(np.int64)
    return lower, lower + (lost > 0), lost


def odd_ranks(lost: Indices, place: Indices) -> Indices:
    """Return the places in the queue for odd units: largest loss first, then first posted."""
    ranks = np.empty_like(lost)
    ranks[np.lexsort((place, -lost))] = np.arange(len(lost))
    return ranks


def fair_rate(demand: Indices, weight: Indices, free: int) -> tuple[int, int]:
    """Return, in lowest terms, the rate at which these needs use up `free` units together.

    1/1 if that meets them all. Needs of large weight may be met in full at a lower rate.
    """
    if free >= sum(demand.tolist()):
        return 1, 1
    for heaviest in np.unique(weight)[::-1].tolist():
        waiting = weight <= heaviest
        left = free - sum(demand[~waiting].tolist())
        weighed = sum((demand[waiting].astype(object) * weight[waiting]).tolist())
        if left * heaviest < weighed:
            common = gcd(left, weighed)
            return left // common, weighed // common
    raise AssertionError("needs that cannot all be met have a rate")


class _Decomposition:
    def __init__(self, grid: Grid, reach: Reach) -> None:
        self.grid, self.reach = grid, reach
        self.fair = grid.is_fair()
        self.levels: list[Level] = []

    def run(self) -> list[Level]:
        sources, carried = np.arange(len(self.grid.supply)), NOBODY
        for tier in np.unique(self.grid.tier).tolist():
            needs = np.flatnonzero(self.grid.tier == tier)
            pool = self._reachable(_Pool(needs, carried, sources), tier)
            pools = list(self._split(pool, tier))
            carried = np.concatenate([NOBODY, *(each.carried for each in pools)])
            sources = np.concatenate([NOBODY, *(each.sources for each in pools)])
        self._add(NO_TIER, 1, 1, _Pool(carried, NOBODY, sources))
        return self.levels

    def _reachable(self, pool: _Pool, tier: int) -> _Pool:
        """Set aside, at rate 0, the needs that no remaining source reaches."""
        groups = np.unique(self.reach.source_group[pool.sources])
        open_group = np.asarray(self.reach.matrix[:, groups].any(axis=1))
        reached = open_group[self.reach.need_group[pool.needs]]
        apart = pool.needs[~reached]
        if len(apart):
            self._add(tier, 0, 1, _Pool(apart, NOBODY, NOBODY))
        return _Pool(pool.needs[reached], pool.carried, pool.sources)

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
                    yield _Pool(NOBODY, carried, pool.sources)
            elif self.fair:
                stack += reversed(parts)  # so that the lower rates are taken off first
            else:
                self._add(tier, 0, 0, parts[0])
                stack.append(parts[1])

    def _rate(self, pool: _Pool) -> tuple[int, int]:
        if not self.fair:
            return 1, 1
        grid = self.grid
        free = sum(grid.supply[pool.sources].tolist()) - sum(grid.demand[pool.carried].tolist())
        return fair_rate(grid.demand[pool.needs], grid.weight[pool.needs], free)

    def _cut(self, pool: _Pool, numerator: int, denominator: int) -> tuple[_Pool, _Pool] | None:
        """Return the starved and the other part of a pool, or None where the rate holds for all."""
        if not len(pool.sources):
            return None
        needs = np.concatenate([pool.needs, pool.carried])
        demand = self._scaled(pool, numerator, denominator)
        supply = times(self.grid.supply[pool.sources], denominator)
        cut = self.reach.cut(pool.sources, needs, supply, demand)
        if cut.value == sum(demand.tolist()):
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

    def _scaled(self, pool: _Pool, numerator: int, denominator: int) -> NDArray[Any]:
        """Return the shares at this rate times the denominator; carried needs get all of theirs."""
        demand, weight = self.grid.demand[pool.needs], self.grid.weight[pool.needs]
        # The sum of all of these is at most what the wide test below allows for.
        most = max(denominator, numerator * int(weight.max(initial=1)))
        whole = np.concatenate([demand, self.grid.demand[pool.carried]])
        exact: NDArray[Any] = whole if sum(whole.tolist()) * most < SAFE else whole.astype(object)
        own = exact[: len(demand)]
        shares = np.minimum(own * weight * numerator, own * denominator)
        return np.concatenate([shares, exact[len(demand) :] * denominator])

    def _add(self, tier: int, numerator: int, denominator: int, pool: _Pool) -> None:
        grid, needs = self.grid, np.sort(pool.needs)
        weight = np.ones_like(needs) if numerator == denominator else grid.weight[needs]
        lower, upper, lost = share_bounds(grid.demand[needs], weight, numerator, denominator)
        ranks = odd_ranks(lost, grid.place[needs]) if denominator else np.zeros_like(needs)
        carried, sources = np.sort(pool.carried), np.sort(pool.sources)
        self.levels.append(
            Level(tier, numerator, denominator, needs, carried, sources, lower, upper, ranks)
        )
