"""Rounds under construction, and putting into them what still fits.

It makes sure that what is left out for lack of room finds none: no lorry with time and room left
could take it as one more stop or one more trip. Where the search found nothing, it is the plan.
"""

from collections.abc import Iterator, Sequence

from optimizer.rounds_parcels import Parcel
from optimizer.rounds_parts import Vehicle
from optimizer.rounds_ways import Ways, timetable

__all__ = ["Plan", "fill"]


class Plan:
    """Each lorry's trips, as numbers of parcels, and the parcels that wait.

    ``tours`` has a lorry, a vehicle and which of its `count`, only once it drives.
    """

    def __init__(self, vehicles: Sequence[Vehicle], parcels: Sequence[Parcel]) -> None:
        self.vehicles = vehicles
        self.parcels = parcels
        self.tours: dict[tuple[Vehicle, int], list[list[int]]] = {}
        self.waiting = list(range(len(parcels)))

    def take(self, vehicle: Vehicle, trips: list[list[int]]) -> None:
        """Give the trips to the first lorry of the kind that is idle."""
        unit = 1 + sum(1 for used, _ in self.tours if used == vehicle)
        assert unit <= vehicle.count, "no more lorries than there are"
        self.tours[vehicle, unit] = trips
        taken = {number for trip in trips for number in trip}
        self.waiting = [number for number in self.waiting if number not in taken]

    def calls(self, trip: Sequence[int]) -> list[str]:
        """The sites of a trip: parcels for one site, one after another, are one call."""
        sites = [self.parcels[number].site for number in trip]
        return [site for at, site in enumerate(sites) if at == 0 or sites[at - 1] != site]

    def lorries(self) -> Iterator[tuple[tuple[Vehicle, int], list[list[int]]]]:
        """Those that drive already, and of each vehicle one more where there is one."""
        yield from list(self.tours.items())
        for vehicle in self.vehicles:
            unit = 1 + sum(1 for used, _ in self.tours if used == vehicle)
            if unit <= vehicle.count:
                yield (vehicle, unit), []


def fill(ways: Ways, plan: Plan) -> None:
    """Put in what waits, most urgent first, wherever it costs the fewest metres more."""
    for number in sorted(plan.waiting, key=lambda each: (plan.parcels[each].drop.tier, each)):
        best: tuple[int, tuple[Vehicle, int], list[list[int]]] | None = None
        for lorry, trips in plan.lorries():
            for metres, changed in _insertions(ways, plan, lorry[0], trips, number):
                if best is None or metres < best[0]:
                    best = metres, lorry, changed
        if best is not None:
            plan.tours[best[1]] = best[2]
            plan.waiting.remove(number)


def _insertions(
    ways: Ways, plan: Plan, vehicle: Vehicle, trips: list[list[int]], number: int
) -> Iterator[tuple[int, list[list[int]]]]:
    """Every way in which a lorry may take one parcel more, with the metres that it adds."""
    parcel = plan.parcels[number]
    if not parcel.may_ride(vehicle) or not parcel.fits(vehicle):
        return
    options = []
    if len(trips) < vehicle.most_rounds:
        options.append([*trips, [number]])
    for at, trip in enumerate(trips):
        if not _has_room(plan, vehicle, trip, parcel):
            continue
        for place in range(len(trip) + 1):
            changed = [*trip[:place], number, *trip[place:]]
            options.append([*trips[:at], changed, *trips[at + 1 :]])
    before = _length(ways, plan, vehicle, trips)
    for option in options:
        if timetable(ways, vehicle, [plan.calls(trip) for trip in option]) is not None:
            yield _length(ways, plan, vehicle, option) - before, option


def _has_room(plan: Plan, vehicle: Vehicle, trip: Sequence[int], parcel: Parcel) -> bool:
    volume = parcel.volume_ml + sum(plan.parcels[each].volume_ml for each in trip)
    weight = parcel.weight_g + sum(plan.parcels[each].weight_g for each in trip)
    return volume <= vehicle.volume_ml and weight <= vehicle.weight_g


def _length(ways: Ways, plan: Plan, vehicle: Vehicle, trips: Sequence[Sequence[int]]) -> int:
    return sum(ways.length_m(vehicle.depot, plan.calls(trip)) for trip in trips)
