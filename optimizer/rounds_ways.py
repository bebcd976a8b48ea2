"""How far and how long it is from site to site, and when a lorry is where."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

from optimizer.rounds_parts import RoundsProblem, Site, Vehicle

EARTH_RADIUS_M = 6_371_009
_HOUR_S = 3600


class Ways:
    """Distances in whole metres and driving times in whole seconds between a problem's sites."""

    def __init__(self, problem: RoundsProblem) -> None:
        self.sites = {site.code: site for site in problem.sites}
        self._detour_permille = problem.detour_permille
        self._speed_m_per_h = problem.speed_m_per_h
        self._known: dict[tuple[str, str], int] = {}
        for road in problem.roads:
            self._known[road.origin, road.destination] = road.distance_m
        for road in problem.roads:
            self._known.setdefault((road.destination, road.origin), road.distance_m)

    def distance_m(self, origin: str, destination: str) -> int:
        """The given road's length, either way round, or the great circle with its detour."""
        if origin == destination:
            return 0
        known = self._known.get((origin, destination))
        if known is None:
            straight = great_circle_m(self.sites[origin], self.sites[destination])
            known = straight * self._detour_permille // 1000
            self._known[origin, destination] = known
        return known

    def duration_s(self, origin: str, destination: str) -> int:
        """Driving time, rounded up."""
        return -(-self.distance_m(origin, destination) * _HOUR_S // self._speed_m_per_h)

    def length_m(self, depot: str, stops: Sequence[str]) -> int:
        """From the depot by the stops and back."""
        calls = [depot, *stops, depot]
        return sum(self.distance_m(here, there) for here, there in pairwise(calls))


def great_circle_m(a: Site, b: Site) -> int:
    """The great circle's length from site to site (haversine), to the metre."""
    latitude_a, latitude_b = radians(a.latitude_udeg / 1e6), radians(b.latitude_udeg / 1e6)
    half_chord = (
        sin((latitude_b - latitude_a) / 2) ** 2
        + cos(latitude_a)
        * cos(latitude_b)
        * sin(radians((b.longitude_udeg - a.longitude_udeg) / 1e6) / 2) ** 2
    )
    return round(2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(half_chord))))


@dataclass(frozen=True, slots=True)
class Call:
    """At one place of a lorry's day: it arrives, begins (to load or hand over) and leaves."""

    site: str
    arrives_s: int
    begins_s: int
    leaves_s: int


def timetable(
    ways: Ways, vehicle: Vehicle, trips: Sequence[Sequence[str]]
) -> list[list[Call]] | None:
    """When a lorry is where on its trips, each of them loading, stops, and the way back.

    It ends as early as can be, and begins as late as that allows, so that the driver's day is as
    short as the opening hours let it be. None where hours or the driver's day don't allow it.
    """
    places, counts = _places(ways, vehicle, trips)
    travel = [ways.duration_s(one.site, two.site) for one, two in pairwise(places)]
    begins = _forward(places, travel, max(places[0].early_s, vehicle.starts_s))
    if begins is None:
        return None
    start = _latest_start(places, travel, begins[-1])
    if begins[-1] - start > vehicle.shift_s:
        return None
    begins = _forward(places, travel, start)
    assert begins is not None, "to begin later ends no later"
    calls: list[Call] = []
    for index, (place, begin) in enumerate(zip(places, begins, strict=True)):
        arrives = begin if index == 0 else calls[-1].leaves_s + travel[index - 1]
        calls.append(Call(place.site, arrives, begin, begin + place.service_s))
    return _by_trip(calls, counts)


@dataclass(frozen=True, slots=True)
class _Place:
    site: str
    early_s: int
    late_s: int
    service_s: int


def _places(
    ways: Ways, vehicle: Vehicle, trips: Sequence[Sequence[str]]
) -> tuple[list[_Place], list[int]]:
    """Every place in turn; coming back and loading again are one place of the depot."""
    depot = ways.sites[vehicle.depot]
    loading = _Place(
        depot.code, depot.opens_s, min(depot.closes_s, vehicle.ends_s), depot.service_s
    )
    places: list[_Place] = []
    for trip in trips:
        places.append(loading)
        for code in trip:
            site = ways.sites[code]
            latest = site.closes_s - site.service_s
            places.append(_Place(code, site.opens_s, latest, site.service_s))
    places.append(_Place(depot.code, 0, min(depot.closes_s, vehicle.ends_s), 0))
    return places, [len(trip) for trip in trips]


def _forward(places: Sequence[_Place], travel: Sequence[int], start_s: int) -> list[int] | None:
    """When each place begins, all as early as can be after the start; None if one is too late."""
    begins: list[int] = []
    for index, place in enumerate(places):
        if index:
            arrives = begins[-1] + places[index - 1].service_s + travel[index - 1]
            begins.append(max(arrives, place.early_s))
        else:
            begins.append(start_s)
        if begins[-1] > place.late_s:
            return None
    return begins


def _latest_start(places: Sequence[_Place], travel: Sequence[int], end_s: int) -> int:
    latest = end_s
    for index in range(len(places) - 2, -1, -1):
        place = places[index]
        latest = min(place.late_s, latest - travel[index] - place.service_s)
    return latest


def _by_trip(calls: list[Call], counts: Sequence[int]) -> list[list[Call]]:
    """Each trip's calls, from its loading to its return, which may be the next one's loading."""
    trips = []
    at = 0
    for count in counts:
        trips.append(calls[at : at + count + 2])
        at += count + 1
    return trips
