"""Sharing the corridors out: a linear program by zones, then every zone exactly, then what is left.

1. Items drawn together by cells of zones make one linear program, solved roughly. Where its prices
   contradict those of single needs, cells are halved, and it is solved again, better.
2. Once more, with fairness between zones: its flows, cut down to whole units that fit, are the
   shares (`share_out`).
3. Inside its shares each zone of each component is a problem of its own and is solved exactly.
4. What no need used is passed on to needs it can still reach, and 3 is done again.
5. The program's dual values become prices, and prices prove a bound on every plan.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.aggregate import Outline, outline
from optimizer.bound import (
    LARGEST_PRICE,
    PRICE_SCALE,
    Prices,
    Tolls,
    bound,
    need_values,
    need_weights,
    tier_weights,
    weighted_objective,
)
from optimizer.cells import Cells, draw, refine
from optimizer.crew import Stopped
from optimizer.grid import Grid
from optimizer.lane_program import FAIRNESS, Flows, Program, Served, build, flows, served
from optimizer.lane_shares import Columns, Share, share_grids
from optimizer.lanes import NO_CORRIDOR, Lanes, Loads, check_zones, pair_costs
from optimizer.leftovers import Left, pass_on
from optimizer.linear import Answer, minimise
from optimizer.problem import Problem

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]
Stop = Callable[[], bool]
Exact = Callable[[Sequence[Grid]], Sequence[Indices]]
"""Solves grids that share nothing: for each its shipments, rows of (need, source, units)."""

ROUGHLY, THOROUGHLY, AGAIN = 1000, 3000, 1000  # iterations
SLIVERS = 2000  # a share of less than one in so many of its lot's units is passed on instead
NEARLY = 1e-6  # floats that are so little below a whole number mean it
ROUNDS = 3
WORTHWHILE = 5000  # passing on less than one in so many of what is missing is not worth a round


@dataclass(frozen=True, slots=True)
class LaneSolution:
    """A plan within shares.

    `shipments` of shape (count, 4) hold the positions of source and need in the problem, the day of
    departure and the units; `objective` is what they weigh, `bound` what no plan can weigh less
    than. `grids` are those that were solved last, one for each component and zone: their `source`
    numbers the shares.
    """

    shares: tuple[Share, ...]
    shipments: Indices
    grids: tuple[Grid, ...]
    prices: Prices
    objective: int
    bound: int


@dataclass(frozen=True, slots=True)
class Lanework:
    """A problem with corridors, as arrays."""

    problem: Problem
    lanes: Lanes
    grids: Sequence[Grid]
    weights: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, problem: Problem, grids: Sequence[Grid]) -> "Lanework":
        return cls(problem, Lanes.of(problem), grids, tier_weights(grids))

    def everything(self) -> Left:
        """Return what there is before anything is sent."""
        nothing = np.zeros(0, dtype=np.int64)
        return Left(
            supply=np.array([each.quantity for each in self.problem.sources], dtype=np.int64),
            demand=np.array([each.quantity for each in self.problem.needs], dtype=np.int64),
            room=self.lanes.room(self.lanes.loads(nothing, nothing, nothing, nothing)),
        )

    def left(self, shipments: Indices) -> Left:
        """Return what these shipments leave."""
        source, need, day, units = shipments.T
        left = self.everything()
        np.subtract.at(left.supply, source, units)
        np.subtract.at(left.demand, need, units)
        loads = self.lanes.loads(source, self.lanes.need_zone[need], day, units)
        return Left(left.supply, left.demand, self.lanes.room(loads))

    def objective(self, shipments: Indices) -> int:
        """Return what a plan weighs."""
        return self.weigh(self.left(shipments).demand) + self._cost(shipments)

    def weigh(self, lacks: Indices) -> int:
        """Return what missing units weigh; `lacks` are those of each need of the problem."""
        tiers = np.array([each.tier for each in self.problem.needs], dtype=np.int64)
        unmet = [(tier, sum(lacks[tiers == tier].tolist())) for tier, _ in self.weights]
        return weighted_objective(self.weights, unmet, 0)

    def _cost(self, shipments: Indices) -> int:
        row_of_need, row_of_source, part = (
            np.zeros(size, dtype=np.int64)
            for size in (
                len(self.problem.needs),
                len(self.problem.sources),
                len(self.problem.needs),
            )
        )
        for number, grid in enumerate(self.grids):
            row_of_need[grid.need] = np.arange(len(grid.need))
            row_of_source[grid.source] = np.arange(len(grid.source))
            part[grid.need] = number
        total = 0
        for number, grid in enumerate(self.grids):
            source, need, day, units = shipments[part[shipments[:, 1]] == number].T
            costs = pair_costs(grid, row_of_need[need], row_of_source[source], day)
            total += sum(map(int.__mul__, costs.tolist(), units.tolist()))
        return total


@dataclass(frozen=True, slots=True)
class Sketch:
    """What there is and what is wanted, drawn together by cells, component by component."""

    work: Lanework
    left: Left
    outlines: Sequence[Outline]
    ways: Sequence[Flows]
    serving: Sequence[Served]

    @classmethod
    def of(cls, work: Lanework, cells: Sequence[Cells]) -> "Sketch":
        left = work.everything()
        outlines = [
            outline(grid, work.lanes, each, left.supply[grid.source], left.demand[grid.need])
            for grid, each in zip(work.grids, cells, strict=True)
        ]
        prices = [grid.prices for grid in work.grids]
        ways = [
            flows(each, work.lanes, int(price[1]))
            for each, price in zip(outlines, prices, strict=True)
        ]
        serving = [
            served(each, way, int(price[2]))
            for each, way, price in zip(outlines, ways, prices, strict=True)
        ]
        return cls(work, left, outlines, ways, serving)


@dataclass(frozen=True, slots=True)
class Draft:
    """The linear program with its answer, ready to be read."""

    sketch: Sketch
    program: Program
    answer: Answer

    @classmethod
    def of(
        cls, sketch: Sketch, fairness: float, iterations: int, start: Answer | None = None
    ) -> "Draft":
        work = sketch.work
        program = build(
            sketch.outlines,
            sketch.ways,
            sketch.serving,
            work.lanes,
            sketch.left.room,
            work.weights,
            fairness,
        )
        return cls(sketch, program, minimise(program.linear, iterations, start))


def _drafts(work: Lanework, stop: Stop) -> tuple[Draft, Draft]:
    """Return a draft to share out by, and one to take prices from."""
    cells = draw(work.grids, work.lanes)
    rough = Draft.of(Sketch.of(work, cells), 0.0, ROUGHLY)
    if stop():
        return rough, rough
    sketch = Sketch.of(work, refine(work.grids, cells, _losses(rough)))
    thorough = Draft.of(sketch, 0.0, THOROUGHLY)
    if stop():
        return thorough, thorough
    return Draft.of(sketch, FAIRNESS, AGAIN, thorough.answer), thorough


def _losses(drafted: Draft) -> list[Floats]:
    """Return what each need's class pays too much for it: by that the prices miss the best bound.

    A class is charged for what most of its cell can reach; a need may have nearer or quicker ways.
    """
    work, prices = drafted.sketch.work, find_prices(drafted)
    losses: list[Floats] = []
    for number, (grid, each) in enumerate(zip(work.grids, drafted.sketch.outlines, strict=True)):
        worth = need_weights(grid, prices.weights)
        tolls = Tolls.of(work.lanes, grid, prices.corridor)
        values = need_values(grid, tolls, prices.source[grid.source], worth)
        told = np.zeros(len(each.demand))
        told[each.demand > 0] = drafted.program.class_prices(number, drafted.answer)
        loss: Floats = np.maximum(np.minimum(told[each.class_of], worth) - values, 0.0)
        losses.append(loss * grid.demand)
    return losses


def share_out(drafted: Draft) -> Columns:
    """Return whole shares that overdraw no source and overload no corridor."""
    sketch = drafted.sketch
    work, room = sketch.work, sketch.left.room
    wanted = [
        drafted.program.flow(number, way, drafted.answer) for number, way in enumerate(sketch.ways)
    ]
    wanted = _fit_corridors(room, sketch, wanted)
    found = [
        share
        for grid, each, way, units in zip(
            work.grids, sketch.outlines, sketch.ways, wanted, strict=True
        )
        for share in _whole_shares(grid, each, way, units)
    ]
    columns = Columns(*np.array(found, dtype=np.int64).reshape(-1, 4).T)
    columns = _fitting(work.lanes, room, columns)
    return columns.merged(NOTHING, len(work.lanes.zones) + 1, work.lanes.days)


NOTHING = Columns(*(np.zeros(0, dtype=np.int64) for _ in range(4)))


def _fit_corridors(room: Loads, sketch: Sketch, wanted: list[Floats]) -> list[Floats]:
    """Scale down what overloads a corridor: the answer is only nearly feasible."""
    load = np.zeros(room.shape)
    for each, way, units in zip(sketch.outlines, sketch.ways, wanted, strict=True):
        inside = way.corridor != NO_CORRIDOR
        weight = each.size[way.group] * units[:, None]
        np.add.at(load, (way.corridor[inside], way.day[inside]), weight[inside])
    space = room.astype(np.float64) * (1 - 1e-12)
    fits = np.divide(space, load, out=np.ones_like(load), where=load > 1e-9)
    scale = np.minimum(fits, 1).min(axis=2)
    scale = np.concatenate([scale, np.ones((1, room.shape[1]))])  # the last: NO_CORRIDOR
    return [
        units * scale[way.corridor, way.day] for way, units in zip(sketch.ways, wanted, strict=True)
    ]


def _whole_shares(
    grid: Grid, each: Outline, way: Flows, wanted: Floats
) -> list[tuple[int, int, int, int]]:
    """Return source, zone, day and units: groups' flows in whole units, dealt to their sources."""
    zones = int(each.cell_zone.max(initial=0)) + 1
    days = int(way.day.max(initial=0)) + 1
    key = (way.group * days + way.day) * zones + each.cell_zone[way.cell]
    keys, row = np.unique(key, return_inverse=True)
    sums = np.zeros(len(keys))
    np.add.at(sums, row, wanted)
    groups, rest = np.divmod(keys, days * zones)
    units = np.floor(sums + NEARLY).astype(np.int64)
    units[units * SLIVERS < way.supply[groups]] = 0
    lots: list[list[tuple[int, int]]] = [[] for _ in way.supply]
    for lot in np.flatnonzero(each.supply > 0)[::-1].tolist():
        lots[each.group[lot]].append((lot, int(each.supply[lot])))
    found = []
    for group, place, asked in zip(groups.tolist(), rest.tolist(), units.tolist(), strict=True):
        day, zone = divmod(place, zones)
        missing = asked
        while missing and lots[group]:
            lot, held = lots[group].pop()
            sent = min(missing, held)
            missing -= sent
            found.append((int(grid.source[lot]), zone, day, sent))
            if held > sent:
                lots[group].append((lot, held - sent))
    return found


def _fitting(lanes: Lanes, room: Loads, columns: Columns) -> Columns:
    """Cut shares until every corridor holds exactly: floats may have let some units too many in."""
    units = columns.units.copy()
    corridor = lanes.corridor[lanes.source_zone[columns.source], columns.zone]
    loads = lanes.loads(columns.source, columns.zone, columns.day, units)
    for row, day in zip(*np.nonzero((loads > room).any(axis=2)), strict=True):
        excess = loads[row, day] - room[row, day]
        for share in np.flatnonzero((corridor == row) & (columns.day == day)).tolist():
            size = lanes.sizes[columns.source[share]]
            bites = (size > 0) & (excess > 0)
            if bites.any():
                cut = min(int(units[share]), int((-(-excess[bites] // size[bites])).max()))
                units[share] -= cut
                excess = excess - cut * size
    return replace(columns, units=units)


def solve_in_lanes(
    problem: Problem, grids: Sequence[Grid], exact: Exact, stop: Stop
) -> LaneSolution:
    """Return a plan that overloads no corridor, with a bound on every plan.

    `grids` are the problem's components. Once `stop` is true, the plan so far is returned, if there
    is one; `exact` raises Stopped before that. Raises ProblemError as `exact` does, and where costs
    can't be weighed.
    """
    work = Lanework.of(problem, grids)
    check_zones(problem, work.lanes, grids)
    to_share, to_price = _drafts(work, stop)
    columns = share_out(to_share)
    solved, shipments = _solve_inside(work, columns, exact)
    for _ in range(ROUNDS - 1):
        left = work.left(shipments)
        before = left.demand.copy()
        more = pass_on(work.lanes, work.grids, left)
        gain = work.weigh(before - left.demand)
        if not gain or gain * WORTHWHILE < work.weigh(before) or stop():
            break
        used = Columns(shipments[:, 0], work.lanes.need_zone[shipments[:, 1]], *shipments[:, 2:].T)
        merged = used.merged(more, len(work.lanes.zones), work.lanes.days)
        try:
            solved, shipments = _solve_inside(work, merged, exact)
        except Stopped:
            break  # the plan at hand is whole
        columns = merged
    prices, proven = _best_prices(to_price)
    return LaneSolution(
        columns.shares(problem, work.lanes),
        shipments,
        solved,
        prices,
        work.objective(shipments),
        proven,
    )


def _best_prices(drafted: Draft) -> tuple[Prices, int]:
    """Return prices and the bound they prove: the program's, unless none at all prove more."""
    work, found = drafted.sketch.work, find_prices(drafted)
    proven = bound(work.lanes, work.grids, found)
    if proven > 0:
        return found, proven
    nothing = replace(
        found, source=np.zeros_like(found.source), corridor=np.zeros_like(found.corridor)
    )
    return nothing, bound(work.lanes, work.grids, nothing)


def _solve_inside(
    work: Lanework, columns: Columns, exact: Exact
) -> tuple[tuple[Grid, ...], Indices]:
    """Return the grids inside the shares, one for each component and zone, and all shipments."""
    grids = tuple(share_grids(work.lanes, work.grids, columns))
    rows = [np.zeros((0, 4), dtype=np.int64)]
    for grid, found in zip(grids, exact(grids), strict=True):
        need, share, units = found.T
        share = grid.source[share]
        rows.append(
            np.column_stack([columns.source[share], grid.need[need], columns.day[share], units])
        )
    return grids, np.concatenate(rows)


def find_prices(drafted: Draft) -> Prices:
    """Return whole prices from the program's dual values."""
    work, program, answer = drafted.sketch.work, drafted.program, drafted.answer
    lanes = work.lanes
    source = np.zeros(len(lanes.source_zone), dtype=np.int64)
    for number, (grid, each) in enumerate(zip(work.grids, drafted.sketch.outlines, strict=True)):
        values = program.source_prices(number, each, answer)
        source[grid.source] = _whole(values)
    corridor = _whole(program.corridor_prices(lanes, answer) * PRICE_SCALE)
    return Prices(work.weights, source, corridor)


def _whole(values: Floats) -> Indices:
    """Return prices as whole numbers in range: any that are not negative prove some bound."""
    known = np.nan_to_num(values, nan=0.0, posinf=float(LARGEST_PRICE), neginf=0.0)
    return np.rint(np.clip(known, 0.0, float(LARGEST_PRICE))).astype(np.int64)
