"""From a problem to arcs: which source may serve which need, at what cost. NumPy only.

Items are coupled only by the substitutes that needs accept, so a problem falls into components of
items that share nothing and are solved apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ProblemError
from optimizer.problem import Problem
from optimizer.rules import NEVER, NO_TOKEN, RULES, Block, depart_day, preference

Indices = NDArray[np.int64]

BLOCK_CELLS = 2_000_000  # of a block's arrays: some 16 MB each
LARGEST_ARC_COST = 2**60


@dataclass(frozen=True, slots=True)
class Component:
    """Items coupled by substitution, with the positions of their parts in the sorted problem."""

    items: tuple[str, ...]
    sources: tuple[int, ...]
    needs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Arcs:
    """Every allowed pair of a component, sorted by source and need, each in micro-units a piece.

    `tail` and `head` index `component.sources` and `component.needs`. `refused_sources` and
    `refused_pieces` count, for each rule's code and each need, what that rule kept from it.
    """

    component: Component
    tail: Indices
    head: Indices
    cost: Indices
    refused_sources: dict[str, Indices]
    refused_pieces: dict[str, Indices]


def components(problem: Problem) -> list[Component]:
    """Return the groups of items that substitutes couple, sorted by their first item."""
    parent: dict[str, str] = {}

    def root(item: str) -> str:
        parent.setdefault(item, item)
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for need in problem.needs:
        for item in need.accepts:
            one, other = sorted((root(need.item), root(item)))
            parent[other] = one
    items: dict[str, set[str]] = defaultdict(set)
    sources: dict[str, list[int]] = defaultdict(list)
    needs: dict[str, list[int]] = defaultdict(list)
    for index, source in enumerate(problem.sources):
        sources[root(source.item)].append(index)
        items[root(source.item)].add(source.item)
    for index, need in enumerate(problem.needs):
        needs[root(need.item)].append(index)
        items[root(need.item)].update((need.item, *need.accepts))
    return [
        Component(tuple(sorted(items[name])), tuple(sources[name]), tuple(needs[name]))
        for name in sorted(items)
    ]


class Tables:
    """The problem as arrays, made once and used for every component."""

    def __init__(self, problem: Problem) -> None:
        _refuse_overflow(problem)
        self.problem = problem
        origins = {site: row for row, site in enumerate(sorted({s.site for s in problem.sources}))}
        destinations = {
            site: row for row, site in enumerate(sorted({n.site for n in problem.needs}))
        }
        tokens = sorted({s.earmark for s in problem.sources if s.earmark is not None})
        self.tokens = {token: row for row, token in enumerate(tokens)}
        self.origin = _array(origins[each.site] for each in problem.sources)
        self.depart = _array(depart_day(each) for each in problem.sources)
        self.pieces = _array(each.quantity for each in problem.sources)
        self.expiry = _array(
            NEVER if each.expiry_day is None else each.expiry_day for each in problem.sources
        )
        self.token = _array(
            NO_TOKEN if each.earmark is None else self.tokens[each.earmark]
            for each in problem.sources
        )
        self.destination = _array(destinations[each.site] for each in problem.needs)
        self.need_by = _array(each.need_by_day for each in problem.needs)
        self.min_shelf = _array(each.min_shelf_days_on_arrival for each in problem.needs)
        self._carry()
        self._lanes(origins, destinations)

    def _carry(self) -> None:
        self.carries = np.zeros((len(self.tokens) + 1, len(self.problem.needs)), dtype=np.bool_)
        for column, need in enumerate(self.problem.needs):
            for token in need.earmarks & self.tokens.keys():
                self.carries[self.tokens[token], column] = True

    def _lanes(self, origins: dict[str, int], destinations: dict[str, int]) -> None:
        # The extra last lane stands for "none", where index -1 leads.
        lanes = self.problem.lanes
        price = self.problem.policy.distance_micro_per_piece_m
        self.lane = np.full((len(origins), len(destinations)), -1, dtype=np.int64)
        self.transit = _array([*(each.transit_days for each in lanes), 0])
        self.lane_cost = _array(
            [*(price * each.distance_m + each.cost_per_piece_micro for each in lanes), 0]
        )
        for index, lane in enumerate(lanes):
            if lane.origin in origins and lane.destination in destinations:
                self.lane[origins[lane.origin], destinations[lane.destination]] = index


def _array(values: Iterable[int]) -> Indices:
    return np.array(list(values), dtype=np.int64)


def _refuse_overflow(problem: Problem) -> None:
    policy = problem.policy
    days = max((problem.horizon_days - each.need_by_day for each in problem.needs), default=0)
    worst = (
        policy.distance_micro_per_piece_m
        * max((lane.distance_m for lane in problem.lanes), default=0)
        + max((lane.cost_per_piece_micro for lane in problem.lanes), default=0)
        + policy.lateness_micro_per_piece_day * max(0, days)
        + policy.substitution_micro_per_piece
        * max((len(need.accepts) for need in problem.needs), default=0)
    )
    if worst > LARGEST_ARC_COST:
        raise ProblemError(
            "cost_too_large",
            "policy",
            f"a piece could cost {worst} micro-units, above {LARGEST_ARC_COST}; lower the weights",
        )


def build_arcs(tables: Tables, component: Component) -> Arcs:
    """Return all arcs of a component that the rules allow."""
    sources, needs = _array(list(component.sources)), _array(list(component.needs))
    tails, heads, costs = [sources[:0]], [sources[:0]], [sources[:0]]
    refused = {rule.code: np.zeros(len(needs), dtype=np.int64) for rule in RULES}
    pieces = {rule.code: np.zeros(len(needs), dtype=np.int64) for rule in RULES}
    for rows, columns, ranks in _blocks(tables.problem, component):
        block, cost = _block(tables, sources[rows], needs[columns], ranks)
        allowed = np.ones_like(block.has_lane)
        for rule in RULES:
            kept = allowed & rule.mask(block)
            stopped = allowed ^ kept
            refused[rule.code][columns] += stopped.sum(axis=0)
            pieces[rule.code][columns] += tables.pieces[sources[rows]] @ stopped
            allowed = kept
        row, column = np.nonzero(allowed)
        tails.append(rows[row])
        heads.append(columns[column])
        costs.append(cost[row, column])
    tail, head, cost = np.concatenate(tails), np.concatenate(heads), np.concatenate(costs)
    # Equal-cost ties follow the order of the arcs, so the order must not depend on the blocks.
    order = np.lexsort((head, tail))
    return Arcs(component, tail[order], head[order], cost[order], refused, pieces)


def _blocks(problem: Problem, component: Component) -> Iterator[tuple[Indices, Indices, Indices]]:
    """Yield the sources of one item, the needs that accept it, and how each of them ranks it."""
    of_item: dict[str, list[int]] = defaultdict(list)
    for row, index in enumerate(component.sources):
        of_item[problem.sources[index].item].append(row)
    for item, rows in of_item.items():
        ranks = [preference(item, problem.needs[index]) for index in component.needs]
        columns = [column for column, rank in enumerate(ranks) if rank is not None]
        if not columns:
            continue
        step = max(1, BLOCK_CELLS // len(columns))
        for start in range(0, len(rows), step):
            yield (
                _array(rows[start : start + step]),
                _array(columns),
                _array([rank for rank in ranks if rank is not None]),
            )


def _block(
    tables: Tables, sources: Indices, needs: Indices, ranks: Indices
) -> tuple[Block, Indices]:
    policy = tables.problem.policy
    lane = tables.lane[np.ix_(tables.origin[sources], tables.destination[needs])]
    arrive = tables.depart[sources, None] + tables.transit[lane]
    late = np.maximum(0, arrive - tables.need_by[needs])
    cost = tables.lane_cost[lane] + policy.substitution_micro_per_piece * ranks
    # A pair beyond the horizon is refused, and its lateness must not overflow until it is.
    late = np.where(arrive <= tables.problem.horizon_days, late, 0)
    block = Block(
        has_lane=lane >= 0,
        arrive=arrive,
        expiry=tables.expiry[sources, None],
        token=tables.token[sources, None],
        min_shelf=tables.min_shelf[None, needs],
        carries=tables.carries[:, needs],
        horizon=tables.problem.horizon_days,
    )
    return block, cost + policy.lateness_micro_per_piece_day * late
