"""Drops cut into parcels: what one lorry takes or leaves as a whole.

Cold goods are parcels of their own, so that a warm lorry may bring the rest; a drop larger than a
lorry is several parcels, small enough that lorries can be filled up with them. Parcels for one site
that are brought together are handed over in one stop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from optimizer.rounds_parts import Drop, Goods, LeftOut, Load, RoundsProblem, Vehicle
from optimizer.rounds_ways import Ways, timetable

# A drop that doesn't fit the smallest lorry is cut into quarters of the largest, or finer.
_PARTS_OF_LORRY = 4


@dataclass(frozen=True, slots=True)
class Parcel:
    """Loads of one drop that travel together."""

    drop: Drop
    cold: bool
    volume_ml: int
    weight_g: int
    loads: tuple[Load, ...]

    @property
    def site(self) -> str:
        return self.drop.site

    def fits(self, vehicle: Vehicle) -> bool:
        return self.volume_ml <= vehicle.volume_ml and self.weight_g <= vehicle.weight_g

    def may_ride(self, vehicle: Vehicle) -> bool:
        """Whether the goods stand at its depot and are as cold on it as they must be."""
        return vehicle.depot in self.drop.depots and (vehicle.cold or not self.cold)

    def parted(self, room_ml: int, room_g: int) -> "tuple[Parcel, Parcel] | None":
        """What of it fits into so much room, and the rest; None where not one piece does."""
        sizes = {one.code: one for one in self.drop.goods}
        inside: list[Load] = []
        outside: list[Load] = []
        for load in self.loads:
            one = sizes[load.goods]
            pieces = min(load.quantity, _pieces_in(one, room_ml, room_g))
            room_ml -= pieces * one.volume_ml
            room_g -= pieces * one.weight_g
            if pieces:
                inside.append(replace(load, quantity=pieces))
            if pieces < load.quantity:
                outside.append(replace(load, quantity=load.quantity - pieces))
        if not inside or not outside:
            return None
        return self._of(inside), self._of(outside)

    def _of(self, loads: Sequence[Load]) -> "Parcel":
        sizes = {one.code: one for one in self.drop.goods}
        return replace(
            self,
            volume_ml=sum(each.quantity * sizes[each.goods].volume_ml for each in loads),
            weight_g=sum(each.quantity * sizes[each.goods].weight_g for each in loads),
            loads=tuple(loads),
        )


def _pieces_in(one: Goods, room_ml: int, room_g: int) -> int:
    """How many pieces of the goods fit."""
    by_volume = room_ml // one.volume_ml if one.volume_ml else one.quantity
    by_weight = room_g // one.weight_g if one.weight_g else one.quantity
    return max(0, min(by_volume, by_weight, one.quantity))


def cut(problem: RoundsProblem, ways: Ways) -> tuple[list[Parcel], list[LeftOut]]:
    """Every drop's parcels, in the drops' order, and what no lorry could bring even alone."""
    parcels: list[Parcel] = []
    left_out: list[LeftOut] = []
    for drop in problem.drops:
        for cold in (False, True):
            goods = [each for each in drop.goods if each.cold == cold]
            if not goods:
                continue
            reason, usable = lorries_for(problem, ways, drop, cold=cold)
            if reason is not None:
                left_out += [LeftOut(drop.id, one.code, one.quantity, reason) for one in goods]
                continue
            fitting, too_large = _by_piece(goods, usable)
            left_out += [LeftOut(drop.id, one.code, one.quantity, "too_large") for one in too_large]
            cutter = _Cutter(drop, fitting, usable, cold=cold)
            parcels += cutter.parcels()
            left_out += cutter.rest
    return parcels, left_out


def lorries_for(
    problem: RoundsProblem, ways: Ways, drop: Drop, *, cold: bool
) -> tuple[str | None, list[Vehicle]]:
    """The lorries that could go there and back with such goods, or why there is none."""
    at_hand = [vehicle for vehicle in problem.vehicles if vehicle.depot in drop.depots]
    if not at_hand:
        return "no_vehicle", []
    at_hand = [vehicle for vehicle in at_hand if vehicle.cold or not cold]
    if not at_hand:
        return "no_cold_vehicle", []
    reaching = [each for each in at_hand if timetable(ways, each, [[drop.site]]) is not None]
    return (None, reaching) if reaching else ("out_of_reach", [])


def _by_piece(goods: Sequence[Goods], usable: Sequence[Vehicle]) -> tuple[list[Goods], list[Goods]]:
    """Goods of which a piece fits a lorry, and goods of which none does."""
    fitting = [one for one in goods if fits_somewhere(one, usable)]
    return fitting, [one for one in goods if one not in fitting]


def fits_somewhere(one: Goods, usable: Sequence[Vehicle]) -> bool:
    return any(one.volume_ml <= v.volume_ml and one.weight_g <= v.weight_g for v in usable)


class _Cutter:
    """Cuts goods of one drop that may ride together into parcels; ``rest`` is beyond the fleet."""

    def __init__(
        self, drop: Drop, goods: Sequence[Goods], usable: Sequence[Vehicle], *, cold: bool
    ) -> None:
        self.drop, self.goods, self.cold = drop, goods, cold
        self.rest: list[LeftOut] = []
        self._limit_ml, self._limit_g = _limits(goods, usable)
        # No day's fleet carries more parcels than this of one kind of goods to one site.
        rounds = sum(vehicle.count * vehicle.most_rounds for vehicle in usable)
        self._most = rounds * (_PARTS_OF_LORRY + 1)

    def parcels(self) -> Iterator[Parcel]:
        loads: list[Load] = []
        volume = weight = 0
        for one in self.goods:
            left, made = one.quantity, 0
            while left and made < self._most:
                room = self._limit_ml - volume, self._limit_g - weight
                pieces = min(left, _pieces_in(one, *room))
                if pieces == 0 and not loads:
                    pieces = 1  # larger than the limit, and yet it fits a lorry
                if pieces:
                    loads.append(Load(self.drop.id, one.code, pieces))
                    volume += pieces * one.volume_ml
                    weight += pieces * one.weight_g
                    left -= pieces
                if left:
                    yield self._parcel(loads, volume, weight)
                    loads, volume, weight, made = [], 0, 0, made + 1
            if left:
                self.rest.append(LeftOut(self.drop.id, one.code, left, "no_room"))
        if loads:
            yield self._parcel(loads, volume, weight)

    def _parcel(self, loads: list[Load], volume: int, weight: int) -> Parcel:
        return Parcel(self.drop, self.cold, volume, weight, tuple(loads))


def _limits(goods: Sequence[Goods], usable: Sequence[Vehicle]) -> tuple[int, int]:
    """How large a parcel may be: whatever fits every lorry, else a part of the largest one."""
    least_ml = min(vehicle.volume_ml for vehicle in usable)
    least_g = min(vehicle.weight_g for vehicle in usable)
    volume = sum(one.quantity * one.volume_ml for one in goods)
    weight = sum(one.quantity * one.weight_g for one in goods)
    if volume <= least_ml and weight <= least_g:
        return least_ml, least_g
    largest = max(usable, key=lambda vehicle: (vehicle.volume_ml, vehicle.weight_g))
    return (
        max(1, largest.volume_ml // _PARTS_OF_LORRY),
        max(1, largest.weight_g // _PARTS_OF_LORRY),
    )
