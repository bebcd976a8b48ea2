"""From drops and lorries to rounds: who brings what where, in which order, and when.

`plan_rounds(problem) -> Rounds`. What can't affect each other, other depots and other days, is
planned apart (`split`). PyVRP searches; the times are reckoned here, and `check_rounds` holds the
result to every rule without the solver. The same problem, seed and iterations give the same plan,
unless the time is up before. What no round takes is told with its reason, never dropped.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from optimizer.errors import ProblemError
from optimizer.rounds_fill import Plan, fill
from optimizer.rounds_parcels import Parcel, cut
from optimizer.rounds_parts import (
    LeftOut,
    Load,
    Round,
    Rounds,
    RoundsProblem,
    Stop,
    Vehicle,
)
from optimizer.rounds_ways import Call, Ways, timetable

__all__ = ["plan_rounds", "split"]

# Of one depot and day; the solver's tables grow with its square.
MOST_PARCELS = 3000


def plan_rounds(
    problem: RoundsProblem,
    *,
    seed: int = 0,
    most_iterations: int = 2000,
    most_seconds: float = 60.0,
) -> Rounds:
    """Plan every depot's rounds of every day; each part may search for `most_iterations`.

    All parts together take about `most_seconds`, shared out by their size: what a small part
    doesn't use is left to the others.

    Raises:
        ProblemError: more parcels at one depot on one day than can be planned together.

    """
    begun = time.monotonic()
    parts = [(part, Ways(part), *cut(part, Ways(part))) for part in split(problem)]
    waiting = sum(len(parcels) for _, _, parcels, _ in parts)
    rounds: list[Round] = []
    left_out: list[LeftOut] = []
    iterations, stopped = 0, False
    for part, ways, parcels, impossible in parts:
        _refuse_too_many(part, parcels)
        left = max(0.0, most_seconds - (time.monotonic() - begun))
        share = left * len(parcels) / max(1, waiting)
        waiting -= len(parcels)
        plan, done = _plan_part(part, ways, parcels, seed, most_iterations, share)
        iterations += done
        stopped = stopped or (bool(parcels) and done < most_iterations)
        rounds += _rounds(ways, plan)
        left_out += [*impossible, *_left_out(plan)]
    return Rounds(
        rounds=tuple(sorted(rounds, key=_order)),
        left_out=_summed(left_out),
        status="stopped" if stopped else "searched",
        iterations=iterations,
    )


def split(problem: RoundsProblem) -> tuple[RoundsProblem, ...]:
    """The parts that share no lorry: by day, and by depots that no drop could come from both."""
    parts = []
    for day in sorted({drop.day for drop in problem.drops}):
        drops = [drop for drop in problem.drops if drop.day == day]
        for depots in _joined([drop.depots for drop in drops]):
            of_part = tuple(drop for drop in drops if drop.depots[0] in depots)
            sites = {drop.site for drop in of_part} | depots
            parts.append(
                replace(
                    problem,
                    sites=tuple(site for site in problem.sites if site.code in sites),
                    vehicles=tuple(each for each in problem.vehicles if each.depot in depots),
                    drops=of_part,
                    roads=tuple(
                        road
                        for road in problem.roads
                        if road.origin in sites and road.destination in sites
                    ),
                )
            )
    return tuple(parts)


def _joined(groups: Sequence[tuple[str, ...]]) -> list[set[str]]:
    """Sets of depots, such that every group lies in one of them."""
    sets: list[set[str]] = []
    for group in sorted(set(groups)):
        touching = [each for each in sets if each & set(group)]
        sets = [each for each in sets if each not in touching]
        sets.append(set(group).union(*touching))
    return sorted(sets, key=min)


def _refuse_too_many(part: RoundsProblem, parcels: Sequence[Parcel]) -> None:
    if len(parcels) > MOST_PARCELS:
        depots = ", ".join(sorted({depot for drop in part.drops for depot in drop.depots}))
        raise ProblemError(
            "too_many_parcels",
            f"depot {depots} on day {part.drops[0].day}",
            f"{len(parcels)} parcels are more than {MOST_PARCELS}; plan fewer drops at once",
        )


def _plan_part(
    part: RoundsProblem,
    ways: Ways,
    parcels: Sequence[Parcel],
    seed: int,
    most_iterations: int,
    most_seconds: float,
) -> tuple[Plan, int]:
    """The solver's trips, checked against our own timetable, and filled up where there is room."""
    if not parcels:
        return Plan(part.vehicles, parcels), 0
    from optimizer.rounds_search import search  # noqa: PLC0415 — see there

    tours, iterations = search(
        part.vehicles,
        ways,
        parcels,
        seed=seed,
        most_iterations=most_iterations,
        most_seconds=most_seconds,
    )
    plan = Plan(part.vehicles, parcels)
    for vehicle, trips in tours:
        if timetable(ways, vehicle, [plan.calls(trip) for trip in trips]) is not None:
            plan.take(vehicle, trips)
    fill(ways, plan)
    return plan, iterations


def _rounds(ways: Ways, plan: Plan) -> list[Round]:
    rounds = []
    for (vehicle, unit), trips in plan.tours.items():
        calls = timetable(ways, vehicle, [plan.calls(trip) for trip in trips])
        assert calls is not None, "only trips that keep their times are in a plan"
        for number, (trip, times) in enumerate(zip(trips, calls, strict=True), start=1):
            parcels = [plan.parcels[each] for each in trip]
            rounds.append(_round(ways, (vehicle, unit, number), parcels, times))
    return rounds


def _round(
    ways: Ways, lorry: tuple[Vehicle, int, int], parcels: Sequence[Parcel], calls: Sequence[Call]
) -> Round:
    vehicle, unit, trip = lorry
    stops: list[Stop] = []
    here = vehicle.depot
    waiting = list(parcels)
    for call in calls[1:-1]:
        loads: list[Load] = []
        while waiting and waiting[0].site == call.site:
            loads += waiting.pop(0).loads
        way_m = ways.distance_m(here, call.site)
        stops.append(
            Stop(call.site, call.arrives_s, call.begins_s, call.leaves_s, way_m, _merged(loads))
        )
        here = call.site
    return Round(
        day=parcels[0].drop.day,
        depot=vehicle.depot,
        vehicle=vehicle.code,
        unit=unit,
        trip=trip,
        loads_s=calls[0].begins_s,
        departs_s=calls[0].leaves_s,
        returns_s=calls[-1].arrives_s,
        distance_m=ways.length_m(vehicle.depot, [stop.site for stop in stops]),
        volume_ml=sum(parcel.volume_ml for parcel in parcels),
        weight_g=sum(parcel.weight_g for parcel in parcels),
        stops=tuple(stops),
    )


def _merged(loads: Sequence[Load]) -> tuple[Load, ...]:
    total: dict[tuple[str, str], int] = {}
    for load in loads:
        key = load.drop_id, load.goods
        total[key] = total.get(key, 0) + load.quantity
    return tuple(Load(*key, quantity) for key, quantity in sorted(total.items()))


def _left_out(plan: Plan) -> list[LeftOut]:
    return [
        LeftOut(load.drop_id, load.goods, load.quantity, "no_room")
        for number in plan.waiting
        for load in plan.parcels[number].loads
    ]


def _summed(left_out: Sequence[LeftOut]) -> tuple[LeftOut, ...]:
    total: dict[tuple[str, str, str], int] = {}
    for each in left_out:
        key = each.drop_id, each.goods, each.reason
        total[key] = total.get(key, 0) + each.quantity
    return tuple(
        LeftOut(drop_id, goods, quantity, reason)
        for (drop_id, goods, reason), quantity in sorted(total.items())
    )


def _order(each: Round) -> tuple[int, str, str, int, int]:
    return each.day, each.depot, each.vehicle, each.unit, each.trip
