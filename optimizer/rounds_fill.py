"""Rounds under construction, and putting into them what still fits.

It makes sure that what is left out for lack of room finds none: no lorry with time and room left
could take a piece of it as one more stop or one more trip. Where the search found nothing, it is
the plan.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
        self.parcels = list(parcels)
        self.tours: dict[tuple[Vehicle, int], list[list[int]]] = {}
        self.waiting = list(range(len(parcels)))

    def take(self, vehicle: Vehicle, trips: list[list[int]]) -> None:
        """Give the trips to the first lorry of the kind that is idle."""
        unit = 1 + sum(1 for used, _ in self.tours if used == vehicle)
        assert unit <= vehicle.count, "no more lorries than there are"
        self.tours[vehicle, unit] = trips
        taken = {number for trip in trips for number in trip}
        self.waiting = [number for number in self.waiting if number not in taken]

    def put_in(self, number: int, option: "_Option") -> int | None:
        """Give a lorry what the option says; what is left of the parcel has the number returned."""
        self.parcels[number] = option.taken
        self.waiting.remove(number)
        trips = self.tours.setdefault(option.lorry, [])
        if option.trip == len(trips):
            trips.append([])
        trips[option.trip].insert(option.place, number)
        if option.rest is None:
            return None
        self.parcels.append(option.rest)
        self.waiting.append(len(self.parcels) - 1)
        return self.waiting[-1]

    def calls(self, trip: Sequence[int]) -> list[str]:
        """The sites of a trip: parcels for one site, one after another, are one call."""
        return self.merged([self.parcels[number].site for number in trip])

    @staticmethod
    def merged(sites: Sequence[str]) -> list[str]:
        return [site for at, site in enumerate(sites) if at == 0 or sites[at - 1] != site]

    def lorries(self) -> Iterator[tuple[tuple[Vehicle, int], list[list[int]]]]:
        """Those that drive already, and of each vehicle one more where there is one."""
        yield from list(self.tours.items())
        for vehicle in self.vehicles:
            unit = 1 + sum(1 for used, _ in self.tours if used == vehicle)
            if unit <= vehicle.count:
                yield (vehicle, unit), []


def fill(ways: Ways, plan: Plan) -> None:
    """Put in what waits, most urgent first, wherever it costs the fewest metres more.

    A parcel that fits nowhere as a whole is parted: what still fits somewhere goes there.
    """
    for number in sorted(plan.waiting, key=lambda each: (plan.parcels[each].drop.tier, each)):
        rest: int | None = number
        while rest is not None:
            rest = _put_in(ways, plan, rest)


def _put_in(ways: Ways, plan: Plan, number: int) -> int | None:
    """Put in a parcel, or a part of it; the number of what is left to be put in, if anything."""
    for parts in (False, True):
        best: _Option | None = None
        for lorry, trips in plan.lorries():
            for option in _options(ways, plan, lorry, trips, plan.parcels[number], parts=parts):
                if best is None or option.metres < best.metres:
                    best = option
        if best is not None:
            return plan.put_in(number, best)
    return None


@dataclass(frozen=True, slots=True)
class _Option:
    """A lorry takes ``taken`` as the ``place``-th of its ``trip``; ``rest`` stays behind."""

    metres: int
    lorry: tuple[Vehicle, int]
    trip: int
    place: int
    taken: Parcel
    rest: Parcel | None


def _options(
    ways: Ways,
    plan: Plan,
    lorry: tuple[Vehicle, int],
    trips: list[list[int]],
    parcel: Parcel,
    *,
    parts: bool,
) -> Iterator[_Option]:
    """Every way in which a lorry may take one parcel, or a part of it, in time."""
    vehicle, _ = lorry
    if not parcel.may_ride(vehicle):
        return
    sites = [[plan.parcels[number].site for number in trip] for trip in trips]
    before = sum(ways.length_m(vehicle.depot, calls) for calls in sites)
    more: list[list[int]] = [[]] if len(trips) < vehicle.most_rounds else []
    for at, trip in enumerate([*trips, *more]):
        fitting = _fitting(parcel, *_room(plan, vehicle, trip), parts=parts)
        if fitting is None:
            continue
        for place in range(len(trip) + 1):
            calls = [*sites, []]
            calls[at] = [*calls[at][:place], parcel.site, *calls[at][place:]]
            changed = [plan.merged(each) for each in calls if each]
            if timetable(ways, vehicle, changed) is not None:
                after = sum(ways.length_m(vehicle.depot, each) for each in changed)
                yield _Option(after - before, lorry, at, place, *fitting)


def _fitting(
    parcel: Parcel, room_ml: int, room_g: int, *, parts: bool
) -> tuple[Parcel, Parcel | None] | None:
    """The parcel, or, if parts will do, what of it fits, with the rest; None if nothing does."""
    if parts:
        return parcel.parted(room_ml, room_g)
    whole = parcel.volume_ml <= room_ml and parcel.weight_g <= room_g
    return (parcel, None) if whole else None


def _room(plan: Plan, vehicle: Vehicle, trip: Sequence[int]) -> tuple[int, int]:
    """Millilitres and grams that are free on a trip."""
    return (
        vehicle.volume_ml - sum(plan.parcels[each].volume_ml for each in trip),
        vehicle.weight_g - sum(plan.parcels[each].weight_g for each in trip),
    )
