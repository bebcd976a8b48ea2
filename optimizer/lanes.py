"""Shared lanes: what leaves one zone for another on one day, of all items together. NumPy only.

Goods that leave a site of one zone for a site of another use the corridor between the two on the
day they leave. Pairs of zones without a corridor are unlimited. A lot leaves on its ready day
wherever that is free, and on a later day where the corridor is full.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ProblemError
from optimizer.grid import Grid, forbidden
from optimizer.problem import Problem
from optimizer.rules import depart_day

Indices = NDArray[np.int64]
Loads = NDArray[Any]
"""ml and g by corridor and day, of shape (corridors, days, 2): 64 bits, or Python integers."""

NO_CORRIDOR = -1
NO_LIMIT = -1
SAFE_SUM = 2**62

NEED_FIELDS = (
    "need",
    "demand",
    "tier",
    "weight",
    "place",
    "need_by",
    "min_shelf",
    "destination",
    "zone",
    "carries",
    "rank",
)
SOURCE_FIELDS = (
    "source",
    "supply",
    "expiry",
    "token",
    "item",
    "cold",
    "only_zone",
    "origin",
    "pieces",
)


@dataclass(frozen=True, slots=True)
class Lanes:
    """A problem's corridors by number, and what is needed to say who uses which.

    `source_zone` and `need_zone` number the zones by name, `len(zones)` standing for no zone at
    all. `corridor` of shape (zones + 1, zones + 1) gives, from zone to zone, the position in
    `problem.corridors` or NO_CORRIDOR. `limits` of shape (corridors, 2) are ml and g a day, or
    NO_LIMIT; `taken` of shape (corridors, days, 2) is what pins take of them. `sizes` of shape
    (sources, 2) are ml and g of one unit. `days` counts day 0 to the horizon.
    """

    zones: tuple[str, ...]
    source_zone: Indices
    need_zone: Indices
    corridor: Indices
    limits: Indices
    taken: Indices
    sizes: Indices
    days: int

    @classmethod
    def of(cls, problem: Problem) -> "Lanes":
        zones = tuple(sorted({place.zone for place in problem.places if place.zone}))
        number = {zone: row for row, zone in enumerate(zones)} | {"": len(zones)}
        zone_of = {place.site: number[place.zone] for place in problem.places}
        corridor = np.full((len(zones) + 1, len(zones) + 1), NO_CORRIDOR, dtype=np.int64)
        for row, each in enumerate(problem.corridors):
            corridor[number[each.origin_zone], number[each.destination_zone]] = row
        size = {each.code: (each.volume_ml, each.weight_g) for each in problem.items}
        days = problem.horizon_days + 1
        taken = np.zeros((len(problem.corridors), days, 2), dtype=np.int64)
        for row, each in enumerate(problem.corridors):
            for day, volume, weight in each.taken:
                taken[row, day] = volume, weight
        return cls(
            zones=zones,
            source_zone=_array([zone_of.get(each.site, len(zones)) for each in problem.sources]),
            need_zone=_array([zone_of.get(each.site, len(zones)) for each in problem.needs]),
            corridor=corridor,
            limits=_array(
                [
                    [
                        NO_LIMIT if limit is None else limit
                        for limit in (each.volume_ml_per_day, each.weight_g_per_day)
                    ]
                    for each in problem.corridors
                ]
            ).reshape(-1, 2),
            taken=taken,
            sizes=_array([size.get(each.item, (0, 0)) for each in problem.sources]).reshape(-1, 2),
            days=days,
        )

    def loads(self, source: Indices, zone: Indices, day: Indices, units: Indices) -> Loads:
        """Return ml and g by corridor and day, of shape (corridors, days, 2).

        Each of `units` goes from a source to a zone on a day; what uses no corridor doesn't count.
        The numbers are exact: Python integers where 64 bits might not hold them.
        """
        used = self.corridor[self.source_zone[source], zone]
        inside = np.flatnonzero(used != NO_CORRIDOR)
        used, day = used[inside], day[inside]
        sizes, units = self.sizes[source[inside]], units[inside]
        most = int(sizes.max(initial=0)) * sum(units.tolist())
        dtype = np.int64 if most < SAFE_SUM else object
        result = np.zeros((len(self.limits), self.days, 2), dtype=dtype)
        np.add.at(result, (used, day), sizes.astype(dtype) * units.astype(dtype)[:, None])
        return result

    def room(self, loads: Loads) -> Loads:
        """Return what is left of every corridor on every day, SAFE_SUM where there is no limit."""
        limits = self.limits[:, None, :].astype(loads.dtype)
        return np.where(limits == NO_LIMIT, SAFE_SUM, limits - self.taken - loads)


@dataclass(frozen=True, slots=True)
class Overload:
    """A corridor that more goods are to use on one day than it can take; 0 where it holds."""

    corridor: int
    day: int
    excess_ml: int
    excess_g: int


def overloads(lanes: Lanes, loads: Loads) -> list[Overload]:
    """Return every corridor and day whose limit these loads exceed, in the problem's order."""
    limits = lanes.limits[:, None, :].astype(loads.dtype)
    excess = np.where(limits == NO_LIMIT, 0, np.maximum(loads + lanes.taken - limits, 0))
    rows, days = np.nonzero((excess > 0).any(axis=2))
    return [
        Overload(row, day, int(excess[row, day, 0]), int(excess[row, day, 1]))
        for row, day in zip(rows.tolist(), days.tolist(), strict=True)
    ]


def overloaded(problem: Problem, shipments: Indices) -> list[Overload]:
    """Return what breaks if every shipment leaves on its source's ready day; empty if nothing does.

    `shipments` of shape (count, 3) hold the positions of source and need, and the units. An empty
    answer means that the plan made without regard to the corridors is already the best one.
    """
    if not problem.corridors or not len(shipments):
        return []
    lanes = Lanes.of(problem)
    ready = _array([depart_day(each) for each in problem.sources])
    source, need, units = shipments.T
    return overloads(lanes, lanes.loads(source, lanes.need_zone[need], ready[source], units))


def take(grid: Grid, needs: Indices, sources: Indices, depart: Indices) -> Grid:
    """Return a grid of some needs and of some sources, each of these leaving on a day of its own.

    A source may be taken more than once, for different days.
    """
    parts: dict[str, Any] = {name: getattr(grid, name)[needs] for name in NEED_FIELDS}
    parts |= {name: getattr(grid, name)[sources] for name in SOURCE_FIELDS}
    pairs: dict[str, Any] = {
        name: _taken(getattr(grid, name), needs, sources) for name in ("banned", "known")
    }
    end, parts["destination"] = np.unique(parts["destination"], return_inverse=True)
    start, parts["origin"] = np.unique(parts["origin"], return_inverse=True)
    ways = replace(
        grid.ways,
        lane=grid.ways.lane[np.ix_(end, start)] if grid.ways.lane.size else grid.ways.lane,
        origin_xy=grid.ways.origin_xy[start],
        origin_placed=grid.ways.origin_placed[start],
        destination_xy=grid.ways.destination_xy[end],
        destination_placed=grid.ways.destination_placed[end],
    )
    return replace(grid, depart=depart, ways=ways, **parts, **pairs)


def _taken(pairs: Indices, needs: Indices, sources: Indices) -> Indices:
    """Return the pairs (need, source) that are taken, by their new positions."""
    if not len(pairs):
        return pairs
    both = [
        np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
        for need, source in _within(pairs, needs, sources)
        for rows, columns in [(np.flatnonzero(needs == need), np.flatnonzero(sources == source))]
    ]
    return np.concatenate([np.zeros((0, 2), dtype=np.int64), *both])


def _within(pairs: Indices, needs: Indices, sources: Indices) -> Iterator[tuple[int, int]]:
    inside = np.isin(pairs[:, 0], needs) & np.isin(pairs[:, 1], sources)
    yield from np.unique(pairs[inside], axis=0).tolist()


def pair_costs(grid: Grid, need: Indices, source: Indices, depart: Indices) -> Indices:
    """Return what a unit costs from each source to each need, pair by pair, leaving on these days.

    The rules allow the pairs.
    """
    metre, late_day, substitute, new_pair = (int(each) for each in grid.prices[:4])
    metres, days, extra = grid.ways.pairs(grid.destination[need], grid.origin[source])
    rank = grid.rank[need, grid.item[source]]
    late = np.maximum(depart + days - grid.need_by[need], 0)
    cost = metres * metre + extra + late * late_day + np.maximum(rank, 0) * substitute
    if new_pair:
        width = len(grid.source)
        known = grid.known[:, 0] * width + grid.known[:, 1]
        cost = cost + new_pair * ~np.isin(need * width + source, known)
    total: Indices = cost * grid.pieces[source]
    return total


def check_zones(problem: Problem, lanes: Lanes, grids: Iterable[Grid]) -> None:
    """Refuse needs outside all zones that a lot could serve: no share can name where it goes.

    Raises ProblemError naming the first of them.
    """
    for grid in grids:
        outside = np.flatnonzero(lanes.need_zone[grid.need] == len(lanes.zones))
        costs = take(grid, outside, np.arange(len(grid.source)), grid.depart).costs()
        for row in outside[(costs != forbidden(costs)).any(axis=1)].tolist():
            need = problem.needs[int(grid.need[row])]
            raise ProblemError(
                "no_zone",
                f"need {need.id!r} of {need.item!r} at {need.site!r}",
                "lies in no zone, but corridors are overloaded; give its site a place with a zone",
            )


def _array(values: object) -> Indices:
    return np.array(values, dtype=np.int64)
