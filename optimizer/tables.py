"""From a problem to its components' grids. NumPy only.

Items are coupled only by the substitutes that needs accept, so a problem falls into components of
items that share nothing and are solved apart.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.grid import Grid, Ways
from optimizer.parts import Need
from optimizer.problem import Problem
from optimizer.rules import NEVER, NO_TOKEN, depart_day, preference

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Component:
    """Items coupled by substitution, with the positions of their parts in the sorted problem."""

    items: tuple[str, ...]
    sources: tuple[int, ...]
    needs: tuple[int, ...]


def components(problem: Problem) -> list[Component]:
    """Return what shares nothing with one another, sorted by its first item and then by zone."""
    return [part for group in coupled_items(problem) for part in _by_zone(problem, group)]


def coupled_items(problem: Problem) -> list[Component]:
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


def _by_zone(problem: Problem, component: Component) -> Iterator[Component]:
    """Yield the component's zones apart where each source is kept for one of them."""
    only = [problem.sources[each].only_zone for each in component.sources]
    if not only or None in only:
        yield component
        return
    zone = [problem.zone(problem.needs[each].site) for each in component.needs]
    for name in sorted({*zone, *(each for each in only if each is not None)}):
        yield Component(
            component.items,
            tuple(row for row, of in zip(component.sources, only, strict=True) if of == name),
            tuple(row for row, of in zip(component.needs, zone, strict=True) if of == name),
        )


class Tables:
    """What all components of a problem share, made once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.tokens = _numbered(s.earmark for s in problem.sources if s.earmark is not None)
        self.zones = _numbered(place.zone for place in problem.places if place.zone)
        self.place_of = {place.site: place for place in problem.places}
        order = sorted(problem.needs, key=lambda need: (need.posted_at, need.id))
        self.queue = {need.id: place for place, need in enumerate(order)}
        self.source_row = {source.id: row for row, source in enumerate(problem.sources)}
        self.need_row = {need.id: row for row, need in enumerate(problem.needs)}

    def grid(self, component: Component) -> Grid:
        """Return a component's arrays."""
        problem, policy = self.problem, self.problem.policy
        sources = [problem.sources[each] for each in component.sources]
        needs = [problem.needs[each] for each in component.needs]
        origins = _numbered(each.site for each in sources)
        destinations = _numbered(each.site for each in needs)
        item_column = {item: column for column, item in enumerate(component.items)}
        return Grid(
            need=_array(component.needs),
            demand=_array(each.quantity for each in needs),
            tier=_array(each.tier for each in needs),
            weight=_array(each.weight if policy.fairness == "weighted" else 1 for each in needs),
            place=_array(self.queue[each.id] for each in needs),
            need_by=_array(each.need_by_day for each in needs),
            min_shelf=_array(each.min_shelf_days_on_arrival for each in needs),
            destination=_array(destinations[each.site] for each in needs),
            zone=_array(self._zone(each.site) for each in needs),
            carries=self._carries(needs),
            rank=_ranks(needs, component.items),
            source=_array(component.sources),
            supply=_array(each.quantity for each in sources),
            depart=_array(depart_day(each) for each in sources),
            expiry=_array(
                NEVER if each.expiry_day is None else each.expiry_day for each in sources
            ),
            token=_array(
                NO_TOKEN if each.earmark is None else self.tokens[each.earmark] for each in sources
            ),
            item=_array(item_column[each.item] for each in sources),
            cold=np.array([problem.item(each.item).cold for each in sources], dtype=np.bool_),
            only_zone=_array(
                NO_TOKEN if each.only_zone is None else self.zones.get(each.only_zone, -2)
                for each in sources
            ),
            origin=_array(origins[each.site] for each in sources),
            pieces=_array(problem.item(each.item).pieces_per_unit for each in sources),
            banned=self._banned(component),
            known=self._pairs(component, ((p.source_id, p.need_id) for p in problem.last)),
            prices=_array(
                (
                    policy.distance_micro_per_piece_m,
                    policy.lateness_micro_per_piece_day,
                    policy.substitution_micro_per_piece,
                    policy.stability_micro_per_piece if problem.last else 0,
                    problem.horizon_days,
                    policy.fairness != "most_pieces",
                )
            ),
            ways=self._ways(origins, destinations),
            items=component.items,
        )

    def _zone(self, site: str) -> int:
        place = self.place_of.get(site)
        return self.zones[place.zone] if place is not None and place.zone else NO_TOKEN - 2

    def _carries(self, needs: Sequence[Need]) -> NDArray[np.bool_]:
        carries = np.zeros((len(needs), len(self.tokens) + 1), dtype=np.bool_)
        if self.tokens:
            for row, need in enumerate(needs):
                for token in need.earmarks & self.tokens.keys():
                    carries[row, self.tokens[token]] = True
        return carries

    def _banned(self, component: Component) -> Indices:
        pairs = self._pairs(
            component,
            (
                (ban.source_id, ban.need_id)
                for ban in self.problem.bans
                if ban.source_id is not None and ban.need_id is not None
            ),
        )
        whole = [pairs]
        for ban in self.problem.bans:
            if ban.need_id is None and ban.source_id in self.source_row:
                column = _find(component.sources, self.source_row[ban.source_id])
                rows = np.arange(len(component.needs)) if column is not None else _array(())
                whole.append(np.stack([rows, np.full_like(rows, column or 0)], axis=1))
            if ban.source_id is None and ban.need_id in self.need_row:
                row = _find(component.needs, self.need_row[ban.need_id])
                columns = np.arange(len(component.sources)) if row is not None else _array(())
                whole.append(np.stack([np.full_like(columns, row or 0), columns], axis=1))
        return np.concatenate(whole)

    def _pairs(self, component: Component, pairs: Iterable[tuple[str, str]]) -> Indices:
        """Return the named pairs that lie in the component, as rows (need, source)."""
        found = [
            (row, column)
            for source, need in pairs
            if source in self.source_row and need in self.need_row
            for row in [_find(component.needs, self.need_row[need])]
            for column in [_find(component.sources, self.source_row[source])]
            if row is not None and column is not None
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def _ways(self, origins: Mapping[str, int], destinations: Mapping[str, int]) -> Ways:
        roads, lanes = self.problem.roads, self.problem.lanes
        inside = [
            lane for lane in lanes if lane.origin in origins and lane.destination in destinations
        ]
        index = np.zeros((0, 0), dtype=np.int32)
        if inside:
            index = np.full((len(destinations), len(origins)), -1, dtype=np.int32)
            rows = _array(destinations[lane.destination] for lane in inside)
            columns = _array(origins[lane.origin] for lane in inside)
            index[rows, columns] = np.arange(len(inside))
        origin_xy, origin_placed = self._positions(origins)
        destination_xy, destination_placed = self._positions(destinations)
        return Ways(
            lane=index,
            transit=_array(lane.transit_days for lane in inside),
            metres=_array(lane.distance_m for lane in inside),
            extra_cost=_array(lane.cost_per_piece_micro for lane in inside),
            cold=np.array([lane.cold for lane in inside], dtype=np.bool_),
            origin_xy=origin_xy,
            origin_placed=origin_placed,
            destination_xy=destination_xy,
            destination_placed=destination_placed,
            roads=_array(
                () if roads is None else (roads.detour_permille, roads.metres_per_day, roads.cold)
            ),
        )

    def _positions(self, sites: Mapping[str, int]) -> tuple[Indices, NDArray[np.bool_]]:
        places = [self.place_of.get(site) for site in sites]
        xy = [(0, 0) if place is None else (place.x_m, place.y_m) for place in places]
        placed = np.array([place is not None for place in places], dtype=np.bool_)
        return np.array(xy, dtype=np.int64).reshape(-1, 2), placed


def _ranks(needs: Sequence[Need], items: tuple[str, ...]) -> Indices:
    """Return what each need thinks of each item: 0 its own, 1 its first substitute, ..."""
    kinds = {(need.item, need.accepts): need for need in needs}
    ranks = {
        kind: [NO_TOKEN if rank is None else rank for rank in (preference(i, need) for i in items)]
        for kind, need in kinds.items()
    }
    rows = [ranks[need.item, need.accepts] for need in needs]
    return np.array(rows, dtype=np.int64).reshape(len(needs), len(items))


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: row for row, name in enumerate(sorted(set(names)))}


def _array(values: Iterable[int]) -> Indices:
    return np.array(list(values), dtype=np.int64)


def _find(ordered: Sequence[int], value: int) -> int | None:
    """Return the place of a value in a sorted sequence."""
    place = bisect_left(ordered, value)
    return place if place < len(ordered) and ordered[place] == value else None
