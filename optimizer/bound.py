"""A lower bound on every plan's weighted objective, from prices that anybody can check. NumPy only.

The *weighted objective* of a plan adds up, in micro-units, what its units cost and, for each unit
that a need doesn't get, the weight of the need's tier. Let u be any prices of the sources' units
and m any prices of the corridors' volume and weight by day, none below 0. A unit for need j is then
worth at most v_j: the least of its tier's weight and, over all sources and days that the rules
allow, of cost + u + the corridor's toll. Whatever the plan, by weak duality of linear programs,

    objective ≥ Σ demand_j · v_j − Σ supply_i · u_i − Σ capacity · m.

The left side counts lexicographic aims as a weighted sum: a tier outweighs the next `TIER_RATIO`
times, and a unit missing in the last tier weighs `WEIGHT_OF_DEAREST` times as much as the dearest
unit could cost to bring. All numbers are whole, and sums that 64 bits can't hold are Python's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ProblemError
from optimizer.grid import Grid, forbidden
from optimizer.lanes import NO_LIMIT, SAFE_SUM, Lanes, take

Indices = NDArray[np.int64]

PRICE_SCALE = 2**20
"""Prices of volume and weight are so many times micro-units per ml and per g."""

WEIGHT_OF_DEAREST = 256
TIER_RATIO = 8
LARGEST_WEIGHT = 2**52
LARGEST_PRICE = 2**53


@dataclass(frozen=True, slots=True)
class Prices:
    """What certifies the bound.

    `weights` has, for each tier in rising order, the tier and the micro-units that a missing unit
    weighs; `source` the micro-units of one unit of each source; `corridor`, of shape (corridors,
    days, 2), PRICE_SCALE times the micro-units of one ml and of one g.
    """

    weights: tuple[tuple[int, int], ...]
    source: Indices
    corridor: Indices


def tier_weights(grids: Sequence[Grid]) -> tuple[tuple[int, int], ...]:
    """Return the weight of each tier that occurs; ProblemError where they grow too large.

    With very many tiers the ratio falls, in the end to equal steps.
    """
    tiers = sorted({tier for grid in grids for tier in np.unique(grid.tier).tolist()})
    last = WEIGHT_OF_DEAREST * max([1, *(grid.dearest() for grid in grids)])
    above = range(len(tiers) - 1, -1, -1)  # how many tiers are less urgent
    ratio = TIER_RATIO
    while ratio > 1 and last * ratio ** len(tiers) > LARGEST_WEIGHT:
        ratio -= 1
    weights = [last * (ratio**rank if ratio > 1 else 1 + rank) for rank in above]
    if max(weights, default=0) > LARGEST_WEIGHT:
        raise ProblemError(
            "cost_too_large",
            "policy",
            f"a piece could cost {last // WEIGHT_OF_DEAREST} micro-units, too much to be weighed "
            "against missing pieces in 52 bits; lower the policy's weights",
        )
    return tuple(zip(tiers, weights, strict=True))


def need_weights(grid: Grid, weights: Sequence[tuple[int, int]]) -> Indices:
    """Return the weight of each need's tier."""
    table = np.zeros(1 + max(tier for tier, _ in weights), dtype=np.int64)
    for tier, weight in weights:
        table[tier] = weight
    return table[grid.tier]


@dataclass(frozen=True, slots=True)
class Tolls:
    """What a unit of each of a component's sources pays for leaving to a zone on a day.

    `table` has the shape (sources, zones + 1, days), in micro-units, rounded down; `zone` is the
    zone of each of the component's needs.
    """

    table: Indices
    zone: Indices

    @classmethod
    def of(cls, lanes: Lanes, grid: Grid, corridor_prices: Indices) -> "Tolls":
        used = lanes.corridor[lanes.source_zone[grid.source]]  # (sources, zones + 1)
        sizes = lanes.sizes[grid.source]
        most = int(sizes.max(initial=0)) * int(corridor_prices.max(initial=0))
        dtype = np.int64 if most < SAFE_SUM // 2 else object
        none = np.zeros((1, lanes.days, 2), dtype=np.int64)
        prices = np.concatenate([corridor_prices, none]).astype(dtype)[used]
        tolls = (prices * sizes.astype(dtype)[:, None, None, :]).sum(axis=3) // PRICE_SCALE
        # Beyond every weight, a toll changes nothing any more.
        table = np.minimum(tolls, 2 * LARGEST_WEIGHT).astype(np.int64)
        return cls(table, lanes.need_zone[grid.need])


@dataclass(frozen=True, slots=True)
class Offers:
    """What every source offers to the needs of one zone, and on which days.

    `cost` of shape (needs, offers) is in micro-units with the toll, UNREACHABLE where not allowed.
    """

    needs: Indices
    sources: Indices
    days: Indices
    cost: Indices


UNREACHABLE = 2**61


def offers(grid: Grid, tolls: Tolls) -> Iterator[Offers]:
    """Yield what can be had, zone by zone: each source on the days that may be its cheapest.

    The ready day is one. Cost never falls from one day to the next, and what is allowed only
    shrinks; so a later day matters only if its toll is below that of every day before it.
    """
    for zone in np.unique(tolls.zone).tolist():
        needs = np.flatnonzero(tolls.zone == zone)
        toll = tolls.table[:, zone, :]
        days = np.arange(toll.shape[1])
        toll = np.where(days < grid.depart[:, None], UNREACHABLE, toll)
        before = np.minimum.accumulate(toll, axis=1)[:, :-1]
        matters = np.concatenate([toll[:, :1] < UNREACHABLE, toll[:, 1:] < before], axis=1)
        sources, days = np.nonzero(matters)
        costs = take(grid, needs, sources, days).costs()
        cost = costs.astype(np.int64) + toll[sources, days]
        cost[costs == forbidden(costs)] = UNREACHABLE
        yield Offers(needs, sources, days, cost)


def need_values(grid: Grid, tolls: Tolls, source_prices: Indices, weights: Indices) -> Indices:
    """Return v: what a unit for each need of a component is worth at most.

    `source_prices` are those of its sources, `weights` those of its needs' tiers.
    """
    values = weights.copy()
    for each in offers(grid, tolls):
        if len(each.sources):
            best = (each.cost + source_prices[each.sources]).min(axis=1)
            values[each.needs] = np.minimum(values[each.needs], best)
    return values


def capacity_value(lanes: Lanes, corridor_prices: Indices) -> int:
    """Return Σ capacity · m in micro-units, rounded up."""
    limits = lanes.limits[:, None, :] - lanes.taken
    priced = np.nonzero(corridor_prices)
    return -(-_dot(limits[priced], corridor_prices[priced]) // PRICE_SCALE)


def bound(lanes: Lanes, grids: Sequence[Grid], prices: Prices) -> int:
    """Return the lower bound that these prices prove; `grids` are the problem's components."""
    total = -capacity_value(lanes, prices.corridor)
    for grid in grids:
        tolls = Tolls.of(lanes, grid, prices.corridor)
        worth = need_weights(grid, prices.weights)
        source_prices = prices.source[grid.source]
        values = need_values(grid, tolls, source_prices, worth)
        total += _dot(grid.demand, values) - _dot(grid.supply, source_prices)
    return total


def weighted_objective(
    weights: Sequence[tuple[int, int]], unmet: Sequence[tuple[int, int]], cost_micro: int
) -> int:
    """Return what a plan weighs: `unmet` has the units that each tier lacks."""
    weight = dict(weights)
    return cost_micro + sum(weight[tier] * units for tier, units in unmet)


def price_faults(lanes: Lanes, grids: Sequence[Grid], prices: Prices) -> list[str]:
    """Return what keeps prices from proving anything; nothing, if they are fit to."""
    faults = []
    shape = (len(lanes.limits), lanes.days, 2)
    if prices.source.shape != lanes.source_zone.shape or prices.corridor.shape != shape:
        return ["there must be a price for each source, and for each corridor and day"]
    for name, values in (("source", prices.source), ("corridor", prices.corridor)):
        if values.size and not 0 <= int(values.min()) <= int(values.max()) <= LARGEST_PRICE:
            faults.append(f"a {name} price is below 0 or beyond 2^53")
    if (prices.corridor[lanes.limits.repeat(lanes.days, axis=0).reshape(shape) == NO_LIMIT]).any():
        faults.append("a limit that doesn't exist has a price")
    if prices.weights != tier_weights(grids):
        faults.append("the tiers' weights are not those that the costs give")
    return faults


def _dot(one: Indices, other: Indices) -> int:
    """Return a sum of products exactly: in 64 bits where they suffice."""
    most = int(np.abs(one).max(initial=0)) * int(np.abs(other).max(initial=0)) * len(one)
    if most < SAFE_SUM:
        return int(np.dot(one, other))
    return sum(map(int.__mul__, one.tolist(), other.tolist()))
