"""The linear program that shares the corridors out among items, drawn together by cells.

For each group of sources, cell and day of departure there is a flow. What arrives serves classes of
needs. What a class doesn't get costs its tier's weight and, where fairness is asked for, a little
more per unit the less it gets, so that zones of equal urgency fare alike:

    least   Σ weight · missing + Σ cost · flow + Σ (lateness + substitution) · served
    so that no group sends more than it has,
            what is served was sent and has arrived,
            served + missing = demand, and
            each corridor holds on each day, in volume and in weight.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.aggregate import Outline, limited
from optimizer.lanes import NO_CORRIDOR, NO_LIMIT, Lanes
from optimizer.linear import Answer, LinearProgram
from optimizer.rules import NO_TOKEN

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

STEPS = 4
"""In so many steps the weight of a missing unit rises from a class met in full to an empty one."""

NOBODY = 2**31

FAIRNESS = 1 / 32
"""By this part of the tier's weight it rises in all: much less than to the next tier."""


@dataclass(frozen=True, slots=True)
class Flows:
    """The flows of one component: from a `group` to a `cell`, leaving on a `day`.

    `supply` is what each group has. For each flow also its `arrive` day, at the soonest, its `cost`
    a unit, with lateness as the cell's needs feel it on average, and its `corridor`, or
    NO_CORRIDOR.
    """

    supply: Indices
    group: Indices
    cell: Indices
    day: Indices
    arrive: Indices
    cost: Floats
    corridor: Indices


@dataclass(frozen=True, slots=True)
class Served:
    """How what arrives serves a component's classes.

    An arrival is a kind, as fresh as it is, in a cell; `arrival` is that of each flow, of `count`
    distinct ones. Each way of serving joins `from_arrival` to `to_class`, at a `cost` for
    substitution.
    """

    count: int
    arrival: Indices
    from_arrival: Indices
    to_class: Indices
    cost: Floats


def flows(outline: Outline, lanes: Lanes, late_day: int) -> Flows:
    """Return every flow that usually arrives in time; a day late costs `late_day` a unit.

    A flow that only few needs of a cell can use is left out: prudently, for shares must hold.
    """
    supply = np.zeros(len(outline.kind), dtype=np.int64)
    np.add.at(supply, outline.group, outline.supply)
    days, ready = np.arange(lanes.days), outline.ready[:, None, None]
    waits = limited(lanes, outline.origin, outline.cell_zone)[:, :, None]
    leaves = np.where(waits, days >= ready, days == ready) & (supply > 0)[:, None, None]
    group, cell, day = np.nonzero(leaves & outline.reach[:, :, None])
    usually = day + outline.usual[group, cell]
    inside = usually < lanes.days
    group, cell, day, usually = group[inside], cell[inside], day[inside], usually[inside]
    asked = _freshness_asked(outline)
    useful = asked[outline.kind[group], cell] < outline.fresh[group, usually]
    group, cell, day = group[useful], cell[useful], day[useful]
    arrive = day + outline.soonest[group, cell]
    late = _mean_lateness(outline, lanes.days)[cell, arrive]
    return Flows(
        supply=supply,
        group=group,
        cell=cell,
        day=day,
        arrive=arrive,
        cost=outline.cost[group, cell] + late * late_day,
        corridor=lanes.corridor[outline.origin[group], outline.cell_zone[cell]],
    )


def _freshness_asked(outline: Outline) -> Indices:
    """Return the least shelf life, by its number, of those in a cell who may have a kind."""
    asked = np.full((len(outline.cell_zone), len(outline.accepted)), NOBODY, dtype=np.int64)
    wanted = (outline.accepted != NO_TOKEN) & (outline.demand > 0)
    np.minimum.at(asked, outline.cell, np.where(wanted, outline.shelf, NOBODY).T)
    return asked.T


def _mean_lateness(outline: Outline, days: int) -> Floats:
    """Return how many days late an arrival is for a cell's units, on average, by cell and day."""
    late = np.maximum(np.arange(days) - outline.need_by[:, None], 0) * outline.demand[:, None]
    sums = np.zeros((len(outline.cell_zone), days))
    total = np.zeros(len(outline.cell_zone))
    np.add.at(sums, outline.cell, late)
    np.add.at(total, outline.cell, outline.demand)
    return sums / np.maximum(total, 1)[:, None]


def served(outline: Outline, ways: Flows, substitute: int) -> Served:
    """Return how arrivals may serve classes; `substitute` is the price of a unit of the first."""
    cells, fresher = len(outline.cell_zone), int(outline.fresh.max(initial=0)) + 1
    fresh = outline.fresh[ways.group, ways.arrive]
    key = (outline.kind[ways.group] * cells + ways.cell) * fresher + fresh
    keys, arrival = np.unique(key, return_inverse=True)
    kind, cell, fresh = keys // (cells * fresher), keys // fresher % cells, keys % fresher
    order = np.argsort(cell, kind="stable")
    kind, cell, fresh = kind[order], cell[order], fresh[order]
    place = np.zeros(len(keys), dtype=np.int64)
    place[order] = np.arange(len(keys))
    parts = list(_meetings(outline, kind, cell, fresh))
    start, end = (
        np.concatenate([np.zeros(0, dtype=np.int64), *(part[side] for part in parts)])
        for side in (0, 1)
    )
    rank = outline.accepted[kind[start], end]
    cost = rank.astype(np.float64) * substitute
    return Served(len(keys), place[arrival], start, end, cost)


def _meetings(
    outline: Outline, kind: Indices, cell: Indices, fresh: Indices
) -> Iterator[tuple[Indices, Indices]]:
    """Yield, cell by cell, which arrivals may serve which classes there."""
    by_cell = np.argsort(outline.cell, kind="stable")
    for each in np.unique(cell).tolist():
        here = np.arange(*np.searchsorted(cell, [each, each + 1]))
        there = by_cell[slice(*np.searchsorted(outline.cell[by_cell], [each, each + 1]))]
        there = there[outline.demand[there] > 0]
        fits = outline.accepted[np.ix_(kind[here], there)] != NO_TOKEN
        fits &= outline.shelf[there] < fresh[here, None]
        one, other = np.nonzero(fits)
        yield here[one], there[other]


@dataclass(frozen=True, slots=True)
class Part:
    """Where one component's parts stand in the program, and its unit.

    Its first column, the first row of its supplies, and those of its classes' demands.
    """

    column: int
    supply_row: int
    demand_rows: Indices
    unit: float


@dataclass(frozen=True, slots=True)
class Program:
    """The whole program, and how to read its answer."""

    linear: LinearProgram
    parts: tuple[Part, ...]
    corridor_row: int
    row_size: Floats
    worth: float

    def flow(self, part: int, ways: Flows, answer: Answer) -> Floats:
        """Return the units of each flow of a component."""
        share = self.parts[part]
        values = answer.primal[share.column : share.column + len(ways.group)]
        return np.maximum(values, 0) * share.unit

    def source_prices(self, part: int, outline: Outline, answer: Answer) -> Floats:
        """Return the micro-units that one more unit of each source would save."""
        share = self.parts[part]
        duals = answer.dual[share.supply_row + outline.group]
        return np.maximum(-duals, 0) * self.worth / share.unit

    def class_prices(self, part: int, answer: Answer) -> Floats:
        """Return the micro-units that one unit more for each class that wants some would cost."""
        share = self.parts[part]
        prices: Floats = answer.dual[share.demand_rows] * self.worth / share.unit
        return prices

    def corridor_prices(self, lanes: Lanes, answer: Answer) -> Floats:
        """Return the micro-units that one more ml, one more g would save, by corridor and day."""
        shape = (len(lanes.limits), lanes.days, 2)
        stop = self.corridor_row + int(np.prod(shape))
        duals = np.maximum(-answer.dual[self.corridor_row : stop], 0)
        return (duals * self.worth / self.row_size).reshape(shape)


class _Matrix:
    """Rows and columns as they come."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, Any, Any]] = []
        self.columns: list[tuple[Floats, Floats]] = []
        self.rows: list[tuple[Floats, Floats]] = []
        self.width = self.height = 0

    def add_columns(self, cost: Floats, upper: Floats | None = None) -> Indices:
        bound = np.full(len(cost), np.inf) if upper is None else upper
        self.columns.append((cost, bound))
        self.width += len(cost)
        return np.arange(self.width - len(cost), self.width)

    def add_rows(self, lower: Floats, higher: Floats) -> Indices:
        self.rows.append((lower, higher))
        self.height += len(lower)
        return np.arange(self.height - len(lower), self.height)

    def put(self, row: Indices, column: Indices, entry: float | Floats) -> None:
        self.entries.append((row, column, np.broadcast_to(entry, row.shape)))

    def program(self) -> LinearProgram:
        row, column, entry = (np.concatenate(each) for each in zip(*self.entries, strict=True))
        cost, upper = (np.concatenate(each) for each in zip(*self.columns, strict=True))
        lower, higher = (np.concatenate(each) for each in zip(*self.rows, strict=True))
        return LinearProgram(cost, upper, row, column, entry, lower, higher)


def build(
    outlines: Sequence[Outline],
    ways: Sequence[Flows],
    serving: Sequence[Served],
    lanes: Lanes,
    room: NDArray[Any],
    weights: Sequence[tuple[int, int]],
    fairness: float,
) -> Program:
    """Return the program over all components; `room` is what the corridors still hold.

    By the part `fairness` of its tier's weight a missing unit weighs the more, the less its class
    has.

    Everything is scaled to be near 1: a component's units by its mean class, corridors by their
    limits, and the objective by the last tier's weight.
    """
    matrix = _Matrix()
    units = [_typical(each.demand) for each in outlines]
    worth = min(weight for _, weight in weights) * float(np.mean(units))
    held = room.reshape(-1).astype(np.float64)
    row_size = np.maximum(held, 1.0)
    free = (np.broadcast_to(lanes.limits[:, None, :], room.shape) == NO_LIMIT).reshape(-1)
    corridor_rows = matrix.add_rows(
        np.full(len(held), -np.inf), np.where(free, np.inf, held / row_size)
    )
    weight = dict(weights)
    parts = []
    for outline, way, serve, unit in zip(outlines, ways, serving, units, strict=True):
        money = unit / worth
        flow = matrix.add_columns(way.cost * money)
        ready = matrix.add_rows(np.full(len(way.supply), -np.inf), way.supply / unit)
        matrix.put(ready[way.group], flow, 1.0)
        wanted = _add_arrivals(matrix, outline, serve, flow, unit, money, weight, fairness)
        _add_corridors(matrix, outline, way, lanes, flow, unit, corridor_rows, row_size)
        parts.append(Part(_first(flow), _first(ready), wanted, unit))
    return Program(matrix.program(), tuple(parts), _first(corridor_rows), row_size, worth)


def _typical(demand: Indices) -> float:
    """Return the mean of what classes ask for."""
    asked = demand[demand > 0]
    return float(asked.mean()) if len(asked) else 1.0


def _first(numbers: Indices) -> int:
    return int(numbers[0]) if len(numbers) else 0


def _add_arrivals(
    matrix: _Matrix,
    outline: Outline,
    serve: Served,
    flow: Indices,
    unit: float,
    money: float,
    weight: dict[int, int],
    fairness: float,
) -> Indices:
    """Nothing is served that hasn't arrived, and what isn't served is missing.

    Returns the rows of the classes that want something.
    """
    arrived = matrix.add_rows(np.zeros(serve.count), np.full(serve.count, np.inf))
    matrix.put(arrived[serve.arrival], flow, 1.0)
    serving = matrix.add_columns(serve.cost * money)
    matrix.put(arrived[serve.from_arrival], serving, -1.0)
    classes = np.flatnonzero(outline.demand > 0)
    row_of = np.zeros(len(outline.demand), dtype=np.int64)
    demand = outline.demand[classes] / unit
    row_of[classes] = matrix.add_rows(demand, demand)
    matrix.put(row_of[serve.to_class], serving, 1.0)
    base = np.array([weight[tier] for tier in outline.tier[classes].tolist()], dtype=np.float64)
    for step in range(STEPS):
        rise = 1 + fairness * (step + 0.5) / STEPS
        missing = matrix.add_columns(base * rise * money, demand / STEPS)
        matrix.put(row_of[classes], missing, 1.0)
    return row_of[classes]


def _add_corridors(
    matrix: _Matrix,
    outline: Outline,
    way: Flows,
    lanes: Lanes,
    flow: Indices,
    unit: float,
    rows: Indices,
    row_size: Floats,
) -> None:
    chosen = np.flatnonzero(way.corridor != NO_CORRIDOR)
    corridor = way.corridor[chosen]
    for side in (0, 1):
        size = outline.size[way.group[chosen], side]
        at = (corridor * lanes.days + way.day[chosen]) * 2 + side
        bites = (size > 0) & (lanes.limits[corridor, side] != NO_LIMIT)
        entry = size[bites] * unit / row_size[at[bites]]
        matrix.put(rows[at[bites]], flow[chosen[bites]], entry)
