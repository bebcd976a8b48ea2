"""From fair targets to the cheapest plan: odd units, minimum cost flow, first expired first out.

Once the fair levels are known, a level's sources serve only its own needs, so each is solved alone.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.columns import Pairs, cheapest_flow, solve_flow
from optimizer.fairness import NOBODY, Level
from optimizer.forest import fewest_drops
from optimizer.grid import Costs, Grid
from optimizer.prices import Network, Slack
from optimizer.reach import Groups, Reach, sums
from optimizer.rules import NEVER

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dealt:
    """A level with what comes of it: shipments as rows (need, source, units), and dual values.

    Prices are aligned with `level.sources` and with `level.needs + level.carried`, 0 for whatever
    carries nothing. Cutoffs are too, and empty where no odd unit was queued for.
    """

    level: Level
    shipments: Indices
    source_prices: Indices
    need_prices: Indices
    source_cutoffs: Indices
    need_cutoffs: Indices


def spare_costs(expiry: Indices) -> tuple[int, Indices]:
    """Return the factor for arc costs and, for each source, the cost of leaving a unit there.

    First expired first out comes after cost: of the lots at hand, the one that expires later should
    be left. Moving one spare unit from one source to another changes the sum of these costs by
    less than the number of distinct expiry days; so with every arc cost times that number, no
    saving of theirs outweighs one micro-unit. Both together are one exact minimum cost flow.
    """
    days, rank = np.unique(-expiry, return_inverse=True)
    return max(1, len(days)), rank.reshape(-1).astype(np.int64)


def deal(grid: Grid, reach: Reach, costs: Costs, level: Level, seed: int = 0) -> Dealt:
    """Return the cheapest way to serve one level at its targets, and the proof of it.

    Raises ProblemError if costs are too large to be exact.
    """
    return _Dealer(grid, reach, costs, level, seed).deal()


class _Dealer:
    def __init__(self, grid: Grid, reach: Reach, costs: Costs, level: Level, seed: int) -> None:
        self.grid, self.reach, self.costs, self.level = grid, reach, costs, level
        self.seed = seed
        carried = grid.demand[level.carried]
        self.members = np.concatenate([level.needs, level.carried])
        self.lower = np.concatenate([level.lower, carried])
        self.supply = grid.supply[level.sources]
        self.where = f"{grid.where}, tier {level.tier}"

    def deal(self) -> Dealt:
        if not len(self.level.sources) or not len(self.members):
            shipments, idle = NOBODY.reshape(0, 3), np.zeros_like(self.supply)
            nothing = np.zeros_like(self.members)
            return Dealt(self.level, shipments, idle, nothing, NOBODY, NOBODY)
        if self.level.denominator == 0:
            return self._deal_freely()
        received, cutoffs = self._odd_units()
        support = self._support(received)
        factor, spare = 1, NOBODY
        if self.level.is_met:
            expiry = np.minimum(self.grid.expiry[self.level.sources], NEVER)
            factor, spare = spare_costs(expiry)
        network = Network(self.supply, received, Slack(NOBODY, NOBODY, NOBODY), spare, self.where)
        return self._cheapest(network, factor, support, cutoffs)

    def _deal_freely(self) -> Dealt:
        """Without fairness only the pool's total is given: the cheapest of its needs are served."""
        own = np.arange(len(self.level.needs))
        slack = Slack(own, self.level.upper, np.zeros_like(own))
        support = self._support(self._some_totals(slack))
        network = Network(self.supply, self.lower, slack, NOBODY, self.where)
        return self._cheapest(network, 1, support, (NOBODY, NOBODY))

    def _some_totals(self, slack: Slack) -> Indices:
        """Return totals that use the sources up and meet the carried needs."""
        groups, network = self._grouped(slack)
        flow = solve_flow(network, groups.pairs().arcs(*groups.active))
        received = self.lower.copy()
        received[slack.need] += flow.slack
        return received

    def _grouped(self, slack: Slack) -> tuple[Groups, Network]:
        """Return the level as a network between groups that are alike, where all costs nothing."""
        groups = self.reach.groups(self.level.sources, self.members)
        grouped = Slack(groups.of_need[slack.need], slack.capacity, slack.cost)
        supply = sums(self.supply, groups.of_source)
        lower = sums(self.lower, groups.of_need)
        return groups, Network(supply, lower, grouped, NOBODY, self.where)

    def _support(self, received: Indices) -> tuple[Indices, Indices]:
        found = self._find_support(received)
        assert found is not None, "these totals can be delivered"
        return found

    def _find_support(self, received: Indices) -> tuple[Indices, Indices] | None:
        return self.reach.support(self.level.sources, self.members, self.supply, received)

    def _odd_units(self) -> tuple[Indices, tuple[Indices, Indices]]:
        """Return what each member gets, and the proof that the odd units went by the queue."""
        level = self.level
        if np.array_equal(level.lower, level.upper):
            return self.lower, (NOBODY, NOBODY)
        odd = int(self.supply.sum() - self.lower.sum())
        waiting = np.flatnonzero(level.lower < level.upper)
        first = self.lower.copy()
        first[waiting] += level.odd_rank[waiting] < odd
        if self._find_support(first) is None:
            return self._best_of_queue(waiting)
        # Those at the head of the queue can all be served, so one cutoff proves the choice.
        return first, (np.full_like(self.supply, 1 - odd), np.where(first > 0, 1 - odd, 0))

    def _best_of_queue(self, waiting: Indices) -> tuple[Indices, tuple[Indices, Indices]]:
        """Who can have an odd unit together is told by a matroid: this finds its best base."""
        ranks = self.level.odd_rank[waiting]
        groups, network = self._grouped(Slack(waiting, np.ones_like(waiting), ranks))
        _, flow, prices = cheapest_flow(network, groups.pairs(), groups.active)
        received = self.lower.copy()
        received[waiting] += flow.slack
        needs = np.where(received > 0, prices.needs[groups.of_need], 0)
        return received, (prices.sources[groups.of_source], needs)

    def _cheapest(
        self,
        network: Network,
        factor: int,
        support: tuple[Indices, Indices],
        cutoffs: tuple[Indices, Indices],
    ) -> Dealt:
        kept = np.flatnonzero((network.lower > 0) | self._may_get_more(network))
        row = np.zeros_like(self.members)
        row[kept] = np.arange(len(kept))
        slack = replace(network.slack, need=row[network.slack.need])
        network = replace(network, lower=network.lower[kept], slack=slack)
        pairs = Pairs(self.costs, self.members[kept], self.level.sources, factor, self.seed)
        arcs, flow, prices = cheapest_flow(network, pairs, (support[0], row[support[1]]))
        units = fewest_drops(arcs, flow.arcs)
        used = np.flatnonzero(units)
        tail, head = arcs.tail[used], arcs.head[used]
        source_prices, need_prices = np.zeros_like(self.supply), np.zeros_like(self.members)
        source_prices[tail] = prices.sources[tail]
        need_prices[kept[head]] = prices.needs[head]
        shipments = np.stack(
            [self.members[kept[head]], self.level.sources[tail], units[used]], axis=1
        )
        return Dealt(self.level, shipments, source_prices, need_prices, *cutoffs)

    def _may_get_more(self, network: Network) -> NDArray[np.bool_]:
        flags = np.zeros(len(self.members), dtype=np.bool_)
        flags[network.slack.need] = True
        return flags
