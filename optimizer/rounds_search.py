"""The one file that touches PyVRP: parcels and lorries in, trips of parcels out.

Imported only where rounds are searched: PyVRP takes a moment to load and sets up logging of its
own, which no server needs at its start.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pyvrp import Client, Depot, Location, ProblemData, Route, VehicleType, solve
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria

from optimizer.rounds_parcels import Parcel
from optimizer.rounds_parts import LATEST_S, Vehicle
from optimizer.rounds_ways import Ways, timetable

__all__ = ["Tour", "search"]

# One drive that takes more than a driver's day: no round has it.
_FORBIDDEN_S = 10 * LATEST_S
_TIERS_APART = 10

Tour = tuple[Vehicle, list[list[int]]]
"""A lorry's trips on the day, each the numbers of its parcels in turn."""

_Matrix = npt.NDArray[np.int64]


def search(
    vehicles: Sequence[Vehicle],
    ways: Ways,
    parcels: Sequence[Parcel],
    *,
    seed: int,
    most_iterations: int,
    most_seconds: float,
) -> tuple[list[Tour], int]:
    """Trips of least distance that leave out as little as PyVRP finds, and its iterations.

    Nothing comes back where it found no plan that keeps all rules.
    """
    # Of a lorry that can bring nothing, PyVRP would refuse the hours.
    usable = [each for each in vehicles if _brings_any(ways, each, parcels)]
    data = _data(usable, ways, parcels)
    stop = MultipleCriteria([MaxIterations(most_iterations), MaxRuntime(most_seconds)])
    result = solve(data, stop, seed=seed, collect_stats=False, display=False)
    routes = result.best.routes() if result.best.is_feasible() else []
    return [_tour(usable, route) for route in routes], result.num_iterations


def _brings_any(ways: Ways, vehicle: Vehicle, parcels: Sequence[Parcel]) -> bool:
    return any(
        parcel.may_ride(vehicle)
        and parcel.fits(vehicle)
        and timetable(ways, vehicle, [[parcel.site]]) is not None
        for parcel in parcels
    )


def _tour(vehicles: Sequence[Vehicle], route: Route) -> Tour:
    trips: dict[int, list[int]] = defaultdict(list)
    for activity in route.schedule():
        if activity.is_client():
            trips[activity.trip].append(activity.idx)
    return vehicles[route.vehicle_type()], [trips[number] for number in sorted(trips)]


def _data(vehicles: Sequence[Vehicle], ways: Ways, parcels: Sequence[Parcel]) -> ProblemData:
    depots = sorted({vehicle.depot for vehicle in vehicles})
    profiles = sorted({(vehicle.depot, vehicle.cold) for vehicle in vehicles})
    distances, durations = _matrices(ways, depots, parcels)
    # PyVRP's own types say less of arrays than NumPy's.
    seconds: list[Any] = [
        _without(durations, _barred(profile, parcels, len(depots))) for profile in profiles
    ]
    metres: list[Any] = [distances for _ in profiles]
    return ProblemData(
        locations=[Location(0, 0) for _ in range(len(depots) + len(parcels))],
        clients=_clients(ways, parcels, len(depots)),
        depots=[
            Depot(number, site.opens_s, site.closes_s, site.service_s)
            for number, site in enumerate(ways.sites[code] for code in depots)
        ],
        vehicle_types=[
            _vehicle_type(vehicle, depots.index(vehicle.depot), profiles) for vehicle in vehicles
        ],
        distance_matrices=metres,
        duration_matrices=seconds,
    )


def _vehicle_type(
    vehicle: Vehicle, depot: int, profiles: Sequence[tuple[str, bool]]
) -> VehicleType:
    return VehicleType(
        num_available=vehicle.count,
        capacity=[vehicle.volume_ml, vehicle.weight_g],
        start_depot=depot,
        end_depot=depot,
        tw_early=vehicle.starts_s,
        tw_late=vehicle.ends_s,
        shift_duration=vehicle.shift_s,
        profile=profiles.index((vehicle.depot, vehicle.cold)),
        reload_depots=[depot] if vehicle.most_rounds > 1 else [],
        max_reloads=vehicle.most_rounds - 1,
    )


def _clients(ways: Ways, parcels: Sequence[Parcel], first: int) -> list[Client]:
    """A client a parcel. Its window is that of the moment when it has been handed over.

    Handing over is part of the drive that leads there, so that a second parcel for the same site
    costs no time. What is left out costs more than bringing it ever could.
    """
    farthest = max(
        ways.length_m(depot, [parcel.site]) for parcel in parcels for depot in parcel.drop.depots
    )
    clients = []
    for number, parcel in enumerate(parcels):
        site = ways.sites[parcel.site]
        clients.append(
            Client(
                first + number,
                delivery=[parcel.volume_ml, parcel.weight_g],
                tw_early=site.opens_s + site.service_s,
                tw_late=site.closes_s,
                prize=(2 * farthest + 1000) * _TIERS_APART ** (3 - parcel.drop.tier),
                required=False,
            )
        )
    return clients


def _matrices(
    ways: Ways, depots: Sequence[str], parcels: Sequence[Parcel]
) -> tuple[_Matrix, _Matrix]:
    """Metres, and seconds with the handing over at the end of each drive, between all locations."""
    codes = [*depots, *(parcel.site for parcel in parcels)]
    used = sorted(set(codes))
    distance = np.array([[ways.distance_m(a, b) for b in used] for a in used], dtype=np.int64)
    driving = np.array([[ways.duration_s(a, b) for b in used] for a in used], dtype=np.int64)
    at = np.array([used.index(code) for code in codes])
    service = np.array([ways.sites[code].service_s for code in codes], dtype=np.int64)
    service[: len(depots)] = 0
    comes_anew = at[:, None] != at[None, :]
    comes_anew[: len(depots)] = True
    seconds = driving[np.ix_(at, at)] + comes_anew * service[None, :]
    np.fill_diagonal(seconds, 0)
    return distance[np.ix_(at, at)], seconds


def _barred(profile: tuple[str, bool], parcels: Sequence[Parcel], first: int) -> list[int]:
    """Locations of parcels that such lorries don't take: goods elsewhere, or cold on a warm one."""
    depot, cold = profile
    return [
        first + number
        for number, parcel in enumerate(parcels)
        if depot not in parcel.drop.depots or (parcel.cold and not cold)
    ]


def _without(durations: _Matrix, barred: Sequence[int]) -> _Matrix:
    seconds = durations.copy()
    seconds[:, barred] = _FORBIDDEN_S
    np.fill_diagonal(seconds, 0)
    return seconds
