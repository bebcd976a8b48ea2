"""The cheapest flow over a dense matrix of costs, found on few of its pairs and proven on all.

Column generation: solve on a few pairs, price all others with the node prices, add those that would
save something, and repeat until none would. The prices then prove the flow against every pair.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.blocks import over, row_blocks
from optimizer.flow import min_cost_flow
from optimizer.grid import Costs, forbidden
from optimizer.prices import Arcs, Flow, Network, Prices, Slack, find_prices

Indices = NDArray[np.int64]

NEAREST = 6  # pairs of each need to begin with
ADDED = 8  # pairs of each need to add at a time, at most
ALL_BELOW = 400_000  # pairs: so few are solved at once
TOGETHER = 4  # needs, for a guess
ALIKE = 3  # nearest sources that tell which needs are alike
SMALLEST_GUESS = 300  # needs
ROUGHLY = 0.03
REWARD = 4  # times the dearest pair: serving comes before saving

Places = tuple[Indices, Indices]
"""Pairs as (source, need), by their places in `Pairs`."""

NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Some needs (rows) and sources (columns) of a matrix of costs, each times `factor`.

    Ties between equal costs follow the order of the arcs, which `seed` shuffles unless it is 0.
    """

    costs: Costs
    needs: Indices
    sources: Indices
    factor: int = 1
    seed: int = 0

    def blocks(self) -> list[slice]:
        return row_blocks(len(self.needs), len(self.sources))

    def block(self, rows: slice) -> Costs:
        part: Costs = self.costs[self.needs[rows]]
        whole = len(self.sources) == self.costs.shape[1]
        return part if whole else part[:, self.sources]

    def all(self) -> Places:
        """Return every allowed pair."""

        def found(rows: slice) -> Places:
            head, tail = np.nonzero(self.block(rows) != forbidden(self.costs))
            return tail, head + rows.start

        return _joined(over(self.blocks(), found))

    def nearest(self, count: int, source_prices: Indices) -> tuple[Places, Prices]:
        """Return each need's `count` cheapest sources, where a source adds its own price.

        With them go prices at which each need pays what its cheapest source asks.
        """
        count = min(count, len(self.sources))
        need_prices = np.zeros_like(self.needs)

        def found(rows: slice) -> Places:
            block = self.block(rows)
            total = block.astype(np.int64) * self.factor + source_prices
            total[block == forbidden(block)] = np.iinfo(np.int64).max
            chosen = np.argpartition(total, count - 1, axis=1)[:, :count]
            row = np.broadcast_to(np.arange(len(block))[:, None], chosen.shape)
            allowed = block[row, chosen] != forbidden(block)
            least = total[row, chosen].min(axis=1)
            need_prices[rows] = np.where(allowed.any(axis=1), least, 0)
            return chosen[allowed], row[allowed] + rows.start

        return _joined(over(self.blocks(), found)), Prices(source_prices, need_prices)

    def alike(self) -> Indices:
        """Return the needs' places so that those with the same nearest sources come together."""
        count = min(ALIKE, len(self.sources))

        def found(rows: slice) -> Indices:
            block = self.block(rows)
            some = np.argpartition(block, count - 1, axis=1)[:, :count]
            order = np.argsort(np.take_along_axis(block, some, axis=1), axis=1, kind="stable")
            return np.take_along_axis(some, order, axis=1)

        return np.lexsort(np.concatenate(over(self.blocks(), found)).T[::-1])

    def cheaper(self, prices: Prices, count: int) -> Places:
        """Return up to `count` pairs of each need that cost less than the prices' difference."""

        def found(rows: slice) -> Places:
            block = self.block(rows)
            saving = block.astype(np.int64) * self.factor
            saving += prices.sources
            saving -= prices.needs[rows][:, None]
            saving[block == forbidden(block)] = 0
            some = np.flatnonzero((saving < 0).any(axis=1))
            if not len(some):
                return NONE, NONE
            best = saving[some]
            few = min(count, best.shape[1])
            chosen = np.argpartition(best, few - 1, axis=1)[:, :few]
            row = np.broadcast_to(np.arange(len(some))[:, None], chosen.shape)
            saves = best[row, chosen] < 0
            return chosen[saves], some[row[saves]] + rows.start

        return _joined(over(self.blocks(), found))

    def dearest(self) -> int:
        """Return the largest cost of an allowed pair."""

        def most(rows: slice) -> int:
            block = self.block(rows)
            return int(block.max(initial=0, where=np.asarray(block != forbidden(block))))

        return max(over(self.blocks(), most), default=0) * self.factor

    def largest_saving(self, prices: Prices, tail: Indices, head: Indices) -> int:
        """Return what the best of these pairs saves a unit."""
        cost = self.costs[self.needs[head], self.sources[tail]].astype(np.int64) * self.factor
        return int((prices.needs[head] - prices.sources[tail] - cost).max(initial=0))

    def arcs(self, tail: Indices, head: Indices) -> Arcs:
        """Return these pairs once each, in one order."""
        width = len(self.sources)
        keys = np.sort(head * width + tail)
        keys = keys[np.diff(keys, prepend=-1) > 0]  # np.unique hashes, which takes far longer
        if self.seed:
            keys = np.random.default_rng(self.seed).permutation(keys)
        head, tail = np.divmod(keys, max(1, width))
        cost = self.costs[self.needs[head], self.sources[tail]].astype(np.int64)
        return Arcs(tail, head, cost * self.factor)


def _joined(parts: list[Places]) -> Places:
    tails, heads = [tail for tail, _ in parts], [head for _, head in parts]
    return np.concatenate([NONE, *tails]), np.concatenate([NONE, *heads])


def cheapest_flow(network: Network, pairs: Pairs, support: Places) -> tuple[Arcs, Flow, Prices]:
    """Return the cheapest flow, on which pairs, and the prices that prove it against all pairs.

    `support` are pairs on which some flow exists. Raises ProblemError if costs are too large.
    """
    if len(pairs.needs) * len(pairs.sources) <= ALL_BELOW:
        return _generate(network, pairs, pairs.arcs(*pairs.all()))
    (tail, head), prices = pairs.nearest(NEAREST, _guess(network, pairs))
    first = pairs.arcs(np.concatenate([tail, support[0]]), np.concatenate([head, support[1]]))
    return _generate(network, pairs, first, prices)


def _generate(
    network: Network,
    pairs: Pairs,
    arcs: Arcs,
    prices: Prices | None = None,
    tolerance: float = 0,
) -> tuple[Arcs, Flow, Prices]:
    """Add pairs until no need, or no more than this share of them, could be served cheaper."""
    while True:
        flow = solve_flow(network, arcs, prices)
        prices = find_prices(network, arcs, flow)
        tail, head = pairs.cheaper(prices, ADDED)
        if len(np.unique(head)) <= tolerance * len(pairs.needs):
            return arcs, flow, prices
        # A pair that is dearer by more than anything can be saved is unlikely to be of use soon.
        slack = arcs.cost + prices.sources[arcs.tail] - prices.needs[arcs.head]
        kept = (slack <= pairs.largest_saving(prices, tail, head)) | (flow.arcs > 0)
        arcs = pairs.arcs(
            np.concatenate([arcs.tail[kept], tail]), np.concatenate([arcs.head[kept], head])
        )


def _guess(network: Network, pairs: Pairs) -> Indices:
    """Return what a unit of each source is likely to be worth: its price where needs are bundled.

    One need stands for itself and the next few of its kind: so nearly the same is asked for in each
    place as in truth, and prices come close. It is paid for being served so that there is always a
    flow; its own first pairs come from a guess of the same kind.
    """
    starts = np.arange(0, len(pairs.needs), TOGETHER)
    if len(starts) < SMALLEST_GUESS:
        return np.zeros_like(network.supply)
    order = pairs.alike()
    most = network.lower.copy()
    np.add.at(most, network.slack.need, network.slack.capacity)
    middle = np.minimum(starts + TOGETHER // 2, len(order) - 1)
    few = replace(pairs, needs=pairs.needs[order[middle]])
    bundles = Network(
        network.supply,
        np.zeros_like(starts),
        Slack(
            np.arange(len(starts)),
            np.add.reduceat(most[order], starts),
            np.full(len(starts), -REWARD * pairs.dearest()),
        ),
        np.zeros_like(network.supply),
        network.where,
    )
    if len(starts) * len(pairs.sources) <= ALL_BELOW:
        return _generate(bundles, few, few.arcs(*few.all()))[2].sources
    first, prices = few.nearest(NEAREST, _guess(bundles, few))
    return _generate(bundles, few, few.arcs(*first), prices, ROUGHLY)[2].sources


def solve_flow(network: Network, arcs: Arcs, prices: Prices | None = None) -> Flow:
    """Return the cheapest flow on these arcs alone; the caller knows that there is one.

    Prices that are nearly right make it quicker: costs then are what a pair is dearer than they
    say, small numbers for all pairs that matter, and the flow is the same.
    """
    sources, needs = len(network.supply), len(network.lower)
    if prices is None:
        prices = Prices(np.zeros_like(network.supply), np.zeros_like(network.lower))
    hub, slack = sources + needs, network.slack
    spare = len(network.spare_cost)
    upper = network.lower.copy()
    np.add.at(upper, slack.need, slack.capacity)
    balance = [*network.supply.tolist(), *(-network.lower).tolist()]
    within = np.minimum(network.supply[arcs.tail], upper[arcs.head])
    flow = min_cost_flow(
        np.concatenate([arcs.tail, slack.need + sources, np.arange(spare)]),
        np.concatenate([arcs.head + sources, np.full(len(slack.need) + spare, hub)]),
        np.concatenate([within, slack.capacity, network.supply[:spare]]),
        np.concatenate(
            [
                arcs.cost + prices.sources[arcs.tail] - prices.needs[arcs.head],
                slack.cost + prices.needs[slack.need],
                network.spare_cost + prices.sources[:spare],
            ]
        ),
        [*balance, -sum(balance)],
        network.where,
    )
    first, second = len(arcs.tail), len(arcs.tail) + len(slack.need)
    return Flow(flow[:first], flow[first:second], flow[second:])
