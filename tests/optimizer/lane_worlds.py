"""Small problems with zones and corridors, and their best weighted objective by an exact solver."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from optimizer.grid import Grid
from optimizer.part import solve_grid
from optimizer.policy import Policy
from optimizer.problem import Ban, Corridor, Item, Lane, Need, Place, Problem, Source
from optimizer.shares import LaneSolution

ZONES = ("A", "B")
ORIGINS = {"W1": "A", "W2": "B"}
DESTINATIONS = {"H1": "A", "H2": "B", "H3": "B"}
ITEMS = ("mask", "n95")


def places() -> tuple[Place, ...]:
    zones = ORIGINS | DESTINATIONS
    return tuple(Place(site, row, row, zone) for row, (site, zone) in enumerate(zones.items()))


@st.composite
def corridors(draw: st.DrawFn) -> list[Corridor]:
    limit = st.none() | st.integers(0, 30)
    return [
        Corridor(one, other, draw(limit), draw(limit))
        for one, other in (("A", "B"), ("B", "A"), ("B", "B"))
        if draw(st.integers(0, 3))
    ]


@st.composite
def lane_problems(draw: st.DrawFn) -> Problem:
    """Everything at once: substitutes, earmarks, expiry, shelf life, bans, sizes, two tiers."""
    sources = [
        Source(
            f"S{number}",
            draw(st.sampled_from(tuple(ORIGINS))),
            draw(st.sampled_from(ITEMS)),
            draw(st.integers(1, 6)),
            draw(st.integers(0, 2)),
            draw(st.none() | st.integers(1, 8)),
            draw(st.none() | st.none() | st.just("token")),
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    items = [draw(st.sampled_from(ITEMS)) for _ in range(draw(st.integers(1, 4)))]
    needs = [
        Need(
            f"N{number}",
            draw(st.sampled_from(tuple(DESTINATIONS))),
            item,
            draw(st.integers(1, 6)),
            draw(st.integers(0, 1)),
            draw(st.integers(0, 4)),
            number,
            ("n95",) if item == "mask" and draw(st.booleans()) else (),
            draw(st.sampled_from((frozenset(), frozenset({"token"})))),
            draw(st.integers(0, 1)),
        )
        for number, item in enumerate(items)
    ]
    lanes = [
        Lane(origin, destination, draw(st.integers(0, 9)), draw(st.integers(0, 2)))
        for origin, destination in product(ORIGINS, DESTINATIONS)
        if draw(st.integers(0, 4))
    ]
    bans = [Ban("S0", "N0", "tried")] if draw(st.booleans()) else []
    size = st.integers(0, 5)
    return Problem(
        "2020-02-01",
        tuple(sources),
        tuple(needs),
        tuple(lanes),
        Policy(draw(st.sampled_from(("max_min", "most_pieces"))), 1, 3, 20),
        horizon_days=draw(st.integers(2, 5)),
        items=tuple(Item(code, 1, draw(size), draw(size)) for code in ITEMS),
        places=places(),
        corridors=tuple(draw(corridors())),
        bans=tuple(bans),
    )


def exact(grids: Sequence[Grid]) -> list[NDArray[np.int64]]:
    """Solve grids here, one after another."""
    nothing = np.zeros((0, 3), dtype=np.int64)
    return [
        np.concatenate([nothing, *(pool.shipments for pool in solve_grid(grid).pools)])
        for grid in grids
    ]


class Sent(NamedTuple):
    """Units of a source for a need that leave on a day."""

    source_id: str
    need_id: str
    depart_day: int
    units: int


def sent(problem: Problem, solution: LaneSolution) -> list[Sent]:
    return [
        Sent(problem.sources[source].id, problem.needs[need].id, day, units)
        for source, need, day, units in solution.shipments.tolist()
    ]


Way = tuple[Source, Need, int]


def ways(problem: Problem) -> dict[Way, int]:
    """Every (source, need, day of departure) that the rules' words allow, with a unit's cost.

    A later day than the ready one only where a corridor is used.
    """
    lanes = {(lane.origin, lane.destination): lane for lane in problem.lanes}
    banned = {(ban.source_id, ban.need_id) for ban in problem.bans}
    limited = {(each.origin_zone, each.destination_zone) for each in problem.corridors}
    result = {}
    for source, need in product(problem.sources, problem.needs):
        lane = lanes.get((source.site, need.site))
        accepted = (need.item, *need.accepts)
        if lane is None or source.item not in accepted or (source.id, need.id) in banned:
            continue
        if source.earmark is not None and source.earmark not in need.earmarks:
            continue
        for day in range(source.ready_day, problem.horizon_days + 1):
            arrive = day + lane.transit_days
            shelf = need.min_shelf_days_on_arrival
            stale = source.expiry_day is not None and source.expiry_day <= arrive + shelf
            waits = (problem.zone(source.site), problem.zone(need.site)) in limited
            if arrive <= problem.horizon_days and not stale and (waits or day == source.ready_day):
                late = max(0, arrive - need.need_by_day)
                result[source, need, day] = (
                    lane.distance_m + 3 * late + 20 * accepted.index(source.item)
                )
    return result


def best_objective(problem: Problem, weights: dict[int, int]) -> int:
    """Return the least that any plan within the corridors weighs, by constraint programming."""
    model = cp_model.CpModel()
    units = {
        way: model.new_int_var(0, min(way[0].quantity, way[1].quantity), "")
        for way in ways(problem)
    }
    for source in problem.sources:
        model.add(sum(v for w, v in units.items() if w[0] is source) <= source.quantity)
    for need in problem.needs:
        model.add(sum(v for w, v in units.items() if w[1] is need) <= need.quantity)
    for corridor in problem.corridors:
        limits = (corridor.volume_ml_per_day, corridor.weight_g_per_day)
        for day in range(problem.horizon_days + 1):
            inside = [
                (problem.item(source.item), variable)
                for (source, need, when), variable in units.items()
                if when == day
                and problem.zone(source.site) == corridor.origin_zone
                and problem.zone(need.site) == corridor.destination_zone
            ]
            if limits[0] is not None:
                model.add(sum(item.volume_ml * v for item, v in inside) <= limits[0])
            if limits[1] is not None:
                model.add(sum(item.weight_g * v for item, v in inside) <= limits[1])
    cost = ways(problem)
    worth = sum((cost[way] - weights[way[1].tier]) * v for way, v in units.items())
    model.minimize(worth)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    saved: int = sum(
        (cost[way] - weights[way[1].tier]) * solver.value(v) for way, v in units.items()
    )
    return saved + sum(weights[need.tier] * need.quantity for need in problem.needs)
