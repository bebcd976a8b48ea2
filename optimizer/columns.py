"""The cheapest flow over a dense matrix of costs, found on few of its pairs and proven on all.

Column generation: solve on a few pairs, price all others with the node prices, add those that would
save something, and repeat until none would. The prices then prove the flow against every pair.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.flow import min_cost_flow
from optimizer.grid import BLOCK_CELLS, Costs, forbidden
from optimizer.prices import Arcs, Flow, Network, Prices, find_prices

Indices = NDArray[np.int64]

NEAREST = 16  # pairs of each need to begin with
ADDED = 8  # pairs of each need to add at a time, at most
ALL_BELOW = 200_000  # pairs: so few are solved at once


@dataclass(frozen=True, slots=True)
class Pairs:
    """Some needs (rows) and sources (columns) of a matrix of costs, each times `factor`."""

    costs: Costs
    needs: Indices
    sources: Indices
    factor: int = 1

    def blocks(self) -> list[slice]:
        step = max(1, 2 * BLOCK_CELLS // max(1, len(self.sources)))
        return [slice(start, start + step) for start in range(0, len(self.needs), step)]

    def block(self, rows: slice) -> Costs:
        part: Costs = self.costs[self.needs[rows]]
        whole = len(self.sources) == self.costs.shape[1]
        return part if whole else part[:, self.sources]

    def all(self) -> tuple[Indices, Indices]:
        """Return every allowed pair, as (source, need)."""
        found = [np.nonzero(self.block(rows) != forbidden(self.costs)) for rows in self.blocks()]
        starts = [rows.start for rows in self.blocks()]
        empty = np.zeros(0, dtype=np.int64)
        heads = [head + start for (head, _), start in zip(found, starts, strict=True)]
        return np.concatenate([empty, *(tail for _, tail in found)]), np.concatenate(
            [empty, *heads]
        )

    def nearest(self, count: int, prices: Indices) -> tuple[Indices, Indices]:
        """Return each need's `count` cheapest sources, where a source adds its own price."""
        count = min(count, len(self.sources))
        tails, heads = [], []
        for rows in self.blocks():
            block = self.block(rows)
            total = block.astype(np.int64) * self.factor + prices
            total[block == forbidden(block)] = np.iinfo(np.int64).max
            chosen = np.argpartition(total, count - 1, axis=1)[:, :count]
            row = np.broadcast_to(np.arange(len(block))[:, None], chosen.shape)
            allowed = block[row, chosen] != forbidden(block)
            tails.append(chosen[allowed])
            heads.append(row[allowed] + rows.start)
        return np.concatenate(tails), np.concatenate(heads)

    def cheaper(self, prices: Prices, count: int) -> tuple[Indices, Indices]:
        """Return up to `count` pairs of each need that cost less than the prices' difference."""
        tails, heads = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for rows in self.blocks():
            block = self.block(rows)
            saving = block.astype(np.int64) * self.factor
            saving += prices.sources
            saving -= prices.needs[rows][:, None]
            saving[block == forbidden(block)] = 0
            some = np.flatnonzero((saving < 0).any(axis=1))
            if not len(some):
                continue
            best = saving[some]
            few = min(count, best.shape[1])
            chosen = np.argpartition(best, few - 1, axis=1)[:, :few]
            row = np.broadcast_to(np.arange(len(some))[:, None], chosen.shape)
            saves = best[row, chosen] < 0
            tails.append(chosen[saves])
            heads.append(some[row[saves]] + rows.start)
        return np.concatenate(tails), np.concatenate(heads)

    def arcs(self, tail: Indices, head: Indices) -> Arcs:
        """Return these pairs once each, sorted: ties between equal costs follow the order."""
        width = len(self.sources)
        head, tail = np.divmod(np.unique(head * width + tail), max(1, width))
        cost = self.costs[self.needs[head], self.sources[tail]].astype(np.int64)
        return Arcs(tail, head, cost * self.factor)


def cheapest_flow(
    network: Network, pairs: Pairs, support: tuple[Indices, Indices]
) -> tuple[Arcs, Flow, Prices]:
    """Return the cheapest flow, on which pairs, and the prices that prove it against all pairs.

    `support` are pairs on which some flow exists. Raises ProblemError if costs are too large.
    """
    arcs = _first_arcs(network, pairs, support)
    while True:
        flow = solve_flow(network, arcs)
        prices = find_prices(network, arcs, flow)
        tail, head = pairs.cheaper(prices, ADDED)
        if not len(tail):
            return arcs, flow, prices
        arcs = pairs.arcs(np.concatenate([arcs.tail, tail]), np.concatenate([arcs.head, head]))


def _first_arcs(network: Network, pairs: Pairs, support: tuple[Indices, Indices]) -> Arcs:
    if len(pairs.needs) * len(pairs.sources) <= ALL_BELOW:
        return pairs.arcs(*pairs.all())
    guess = np.zeros(len(network.supply), dtype=np.int64)
    tail, head = pairs.nearest(NEAREST, guess)
    return pairs.arcs(np.concatenate([tail, support[0]]), np.concatenate([head, support[1]]))


def solve_flow(network: Network, arcs: Arcs) -> Flow:
    """Return the cheapest flow on these arcs alone; the caller knows that there is one."""
    sources, needs = len(network.supply), len(network.lower)
    hub, slack = sources + needs, network.slack
    spare = len(network.spare_cost)
    upper = network.lower.copy()
    np.add.at(upper, slack.need, slack.capacity)
    balance = [*network.supply.tolist(), *(-network.lower).tolist()]
    flow = min_cost_flow(
        np.concatenate([arcs.tail, slack.need + sources, np.arange(spare)]),
        np.concatenate([arcs.head + sources, np.full(len(slack.need) + spare, hub)]),
        np.concatenate(
            [
                np.minimum(network.supply[arcs.tail], upper[arcs.head]),
                slack.capacity,
                network.supply[:spare],
            ]
        ),
        np.concatenate([arcs.cost, slack.cost, network.spare_cost]),
        [*balance, -sum(balance)],
        network.where,
    )
    first, second = len(arcs.tail), len(arcs.tail) + len(slack.need)
    return Flow(flow[:first], flow[first:second], flow[second:])
