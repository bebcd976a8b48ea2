"""From fair targets to the cheapest plan: odd pieces, minimum cost flow, first expired first out.

Once the fair levels are known, a level's sources serve only its own needs, so each is solved alone.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from optimizer.arcs import Arcs, Component
from optimizer.assemble import Shipment
from optimizer.certificate import Pool
from optimizer.fairness import Level
from optimizer.flow import max_flow, min_cost_flow
from optimizer.forest import fewest_drops
from optimizer.prices import Network, Prices, find_prices, totals
from optimizer.problem import Problem
from optimizer.rules import NEVER

Indices = NDArray[np.int64]


def spare_costs(problem: Problem, positions: list[int]) -> tuple[int, tuple[int, ...]]:
    """Return the factor for arc costs and, for each source, the cost of leaving a piece there.

    First expired first out comes after cost: of the lots at hand, the one that expires later should
    be left. Moving one spare piece from one source to another changes the sum of these costs by
    less than the number of distinct expiry days; so with every arc cost times that number, no
    saving of theirs outweighs one micro-unit. Both together are one exact minimum cost flow.
    """
    expiry = [problem.sources[each].expiry_day for each in positions]
    days = [NEVER if each is None else each for each in expiry]
    rank = {day: place for place, day in enumerate(sorted(set(days), reverse=True))}
    return max(1, len(rank)), tuple(rank[day] for day in days)


def cheapest(
    problem: Problem, arcs: Arcs, levels: list[Level]
) -> tuple[list[Shipment], list[Pool]]:
    """Return the cheapest plan at the levels' targets and the pools that prove it.

    Raises ProblemError if costs are too large to be exact.
    """
    shipments: list[Shipment] = []
    pools: list[Pool] = []
    component = arcs.component
    for level, chosen in zip(levels, _arcs_by_level(arcs, levels), strict=True):
        network, cutoffs = _odd_pieces(_network(problem, arcs, level, chosen))
        flow = fewest_drops(network, _flow(network))
        pools.append(_pool(problem, component, level, find_prices(network, flow), cutoffs))
        members = [*level.needs, *level.carried]
        shipments += [
            Shipment(
                component.sources[level.sources[tail]],
                component.needs[members[head]],
                int(pieces),
            )
            for tail, head, pieces in zip(network.tail, network.head, flow, strict=True)
            if pieces
        ]
    return shipments, pools


def _arcs_by_level(arcs: Arcs, levels: list[Level]) -> list[Indices]:
    """Return, for each level, its arcs. Arcs between two levels carry nothing in any such plan."""
    source_level = np.zeros(len(arcs.component.sources), dtype=np.int64)
    need_level = np.zeros(len(arcs.component.needs), dtype=np.int64)
    for place, level in enumerate(levels):
        source_level[list(level.sources)] = place
        need_level[[*level.needs, *level.carried]] = place
    inside = np.flatnonzero(source_level[arcs.tail] == need_level[arcs.head])
    number = source_level[arcs.tail[inside]]
    order = np.argsort(number, kind="stable")
    bounds = np.searchsorted(number[order], np.arange(len(levels) + 1))
    return [inside[order[start:end]] for start, end in pairwise(bounds)]


def _network(problem: Problem, arcs: Arcs, level: Level, chosen: Indices) -> Network:
    """Return the level's network of cost, with the needs' totals still between their bounds."""
    component = arcs.component
    members = [*level.needs, *level.carried]
    carried = tuple(problem.needs[component.needs[each]].quantity for each in level.carried)
    positions = [component.sources[each] for each in level.sources]
    is_met = level.numerator == level.denominator == 1
    factor, spare = spare_costs(problem, positions) if is_met else (1, None)
    source_row = np.zeros(len(component.sources), dtype=np.int64)
    need_row = np.zeros(len(component.needs), dtype=np.int64)
    source_row[list(level.sources)] = np.arange(len(level.sources))
    need_row[members] = np.arange(len(members))
    return Network(
        tail=source_row[arcs.tail[chosen]],
        head=need_row[arcs.head[chosen]],
        cost=arcs.cost[chosen] * factor,
        supply=tuple(problem.sources[each].quantity for each in positions),
        lower=level.lower + carried,
        upper=level.upper + carried,
        hub_cost=level.odd_rank + (0,) * len(carried),
        spare_cost=spare,
        where=f"{' and '.join(component.items)}, tier {level.tier}",
    )


def _odd_pieces(network: Network) -> tuple[Network, Prices | None]:
    """Settle who gets the odd pieces; return the network at fixed totals and the proof of it.

    Where nobody queues (no fractions, or no fairness asked for) the network is returned as it is.
    """
    odd = sum(network.supply) - sum(network.lower)
    if not any(network.hub_cost) or network.lower == network.upper:
        return network, None
    first = tuple(
        low + (low < high and rank < odd)
        for low, high, rank in zip(network.lower, network.upper, network.hub_cost, strict=True)
    )
    joined = (network.tail, network.head)
    if max_flow(joined, list(network.supply), list(first)).value == sum(first):
        # Those at the head of the queue can all be served, so one cutoff proves the choice.
        needs = tuple(1 - odd if pieces else 0 for pieces in first)
        return _fix(network, first), Prices((1 - odd,) * len(network.supply), needs)
    free = replace(network, cost=np.zeros_like(network.cost))
    flow = _flow(free)
    return _fix(network, tuple(totals(free, flow)[1])), find_prices(free, flow)


def _fix(network: Network, received: tuple[int, ...]) -> Network:
    """Fix each need's total, and drop the arcs to those that get nothing."""
    kept = np.array(received, dtype=np.int64)[network.head] > 0
    return replace(
        network,
        tail=network.tail[kept],
        head=network.head[kept],
        cost=network.cost[kept],
        lower=received,
        upper=received,
    )


def _flow(network: Network) -> Indices:
    """Return a cheapest flow on the network's arcs."""
    sources, needs = len(network.supply), len(network.lower)
    hub = sources + needs
    if not len(network.tail):
        return network.tail
    supply, upper = np.array(network.supply), np.array(network.upper)
    extra = [
        (sources + row, hub, high - low, cost)
        for row, (low, high, cost) in enumerate(
            zip(network.lower, network.upper, network.hub_cost, strict=True)
        )
        if low < high
    ]
    extra += [
        (row, hub, network.supply[row], cost) for row, cost in enumerate(network.spare_cost or ())
    ]
    rows = np.array(extra, dtype=np.int64).reshape(-1, 4)
    within = np.minimum(supply[network.tail], upper[network.head])
    balance = [*network.supply, *(-each for each in network.lower)]
    flow = min_cost_flow(
        np.concatenate([network.tail, rows[:, 0]]),
        np.concatenate([network.head + sources, rows[:, 1]]),
        np.concatenate([within, rows[:, 2]]),
        np.concatenate([network.cost, rows[:, 3]]),
        [*balance, -sum(balance)],
        network.where,
    )
    return flow[: len(network.tail)]


def _pool(
    problem: Problem, component: Component, level: Level, prices: Prices, cutoffs: Prices | None
) -> Pool:
    """Return the level by identifiers, with its proofs."""

    def needs(chosen: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(problem.needs[component.needs[each]].id for each in chosen)

    return Pool(
        level.tier,
        level.numerator,
        level.denominator,
        needs(level.needs),
        needs(level.carried),
        tuple(problem.sources[component.sources[each]].id for each in level.sources),
        prices.sources,
        prices.needs,
        cutoffs.sources if cutoffs else (),
        cutoffs.needs if cutoffs else (),
    )
