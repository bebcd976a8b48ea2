"""What vehicle rounds are planned from, and what a plan of them says: frozen, self-checking.

Whole numbers only: metres, seconds counted from the day's midnight, millilitres, grams, pieces, and
positions in millionths of a degree. A *drop* is goods for one site, standing at a depot; a *round*
is one way of one lorry from its depot, stop by stop, back to it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from optimizer.errors import ProblemError
from optimizer.parts import (
    LARGEST_CAPACITY,
    LARGEST_DAY,
    LARGEST_DISTANCE_M,
    LARGEST_QUANTITY,
    LARGEST_SIZE,
    check_flag,
    check_name,
    check_whole,
)

__all__ = [
    "REASONS",
    "Drop",
    "Goods",
    "LeftOut",
    "Load",
    "Road",
    "Round",
    "Rounds",
    "RoundsProblem",
    "Site",
    "Stop",
    "Vehicle",
]

DAY_S = 86_400
LATEST_S = 2 * DAY_S  # a round may end on the day after
LARGEST_COUNT = 1_000
LARGEST_TIER = 3

# Why goods aren't on any round. The first four hold whatever the other drops are.
REASONS = ("no_vehicle", "no_cold_vehicle", "too_large", "out_of_reach", "no_room")


@dataclass(frozen=True, slots=True)
class Site:
    """A place where lorries load or unload.

    Handing over (or loading, at a depot) takes `service_s` for each call, however much it is. It
    begins and ends within the opening hours; a lorry that comes early waits.
    """

    code: str
    latitude_udeg: int
    longitude_udeg: int
    opens_s: int = 0
    closes_s: int = LATEST_S
    service_s: int = 0

    def __post_init__(self) -> None:
        where = f"site {self.code!r}"
        check_name(self.code, "code", where)
        check_whole(self.latitude_udeg, -90_000_000, 90_000_000, "latitude_udeg", where)
        check_whole(self.longitude_udeg, -180_000_000, 180_000_000, "longitude_udeg", where)
        check_whole(self.opens_s, 0, LATEST_S, "opens_s", where)
        check_whole(self.closes_s, 0, LATEST_S, "closes_s", where)
        check_whole(self.service_s, 0, DAY_S, "service_s", where)
        if self.closes_s - self.opens_s < self.service_s:
            raise ProblemError(
                "bad_hours", where, "closes before a lorry can be served; correct its hours"
            )


@dataclass(frozen=True, slots=True)
class Vehicle:
    """`count` equal lorries of a depot, each with a driver for the day.

    The driver's day, from the first loading to the last return, is at most `shift_s` long and lies
    between `starts_s` and `ends_s`. In it a lorry drives up to `most_rounds` rounds.
    """

    code: str
    depot: str
    volume_ml: int
    weight_g: int
    cold: bool = False
    count: int = 1
    starts_s: int = 0
    ends_s: int = LATEST_S
    shift_s: int = LATEST_S
    most_rounds: int = 1

    def __post_init__(self) -> None:
        where = f"vehicle {self.code!r} of {self.depot!r}"
        check_name(self.code, "code", where)
        check_name(self.depot, "depot", where)
        check_whole(self.volume_ml, 0, LARGEST_CAPACITY, "volume_ml", where)
        check_whole(self.weight_g, 0, LARGEST_CAPACITY, "weight_g", where)
        check_flag(self.cold, "cold", where)
        check_whole(self.count, 1, LARGEST_COUNT, "count", where)
        check_whole(self.starts_s, 0, LATEST_S, "starts_s", where)
        check_whole(self.ends_s, self.starts_s, LATEST_S, "ends_s", where)
        check_whole(self.shift_s, 0, LATEST_S, "shift_s", where)
        check_whole(self.most_rounds, 1, 20, "most_rounds", where)


@dataclass(frozen=True, slots=True)
class Goods:
    """Pieces of one kind in a drop; volume and weight are a piece's. `cold` goods stay cold."""

    code: str
    quantity: int
    volume_ml: int = 0
    weight_g: int = 0
    cold: bool = False

    def __post_init__(self) -> None:
        where = f"goods {self.code!r}"
        check_name(self.code, "code", where)
        check_whole(self.quantity, 1, LARGEST_QUANTITY, "quantity", where)
        check_whole(self.volume_ml, 0, LARGEST_SIZE, "volume_ml", where)
        check_whole(self.weight_g, 0, LARGEST_SIZE, "weight_g", where)
        check_flag(self.cold, "cold", where)


@dataclass(frozen=True, slots=True)
class Drop:
    """Goods that one site is to get on `day`, from one of `depots`, where they stand.

    A drop of tier 0 is worth leaving out ten of tier 1, and so on to tier 3.
    """

    id: str
    site: str
    depots: tuple[str, ...]
    goods: tuple[Goods, ...]
    day: int = 0
    tier: int = 0

    def __post_init__(self) -> None:
        where = f"drop {self.id!r} at {self.site!r}"
        check_name(self.id, "id", where)
        check_name(self.site, "site", where)
        object.__setattr__(self, "depots", tuple(sorted(set(self.depots))))
        for depot in self.depots:
            check_name(depot, "depots", where)
        object.__setattr__(self, "goods", _sorted(self.goods, Goods, lambda one: (one.code,)))
        check_whole(self.day, 0, LARGEST_DAY, "day", where)
        check_whole(self.tier, 0, LARGEST_TIER, "tier", where)
        if not self.depots or not self.goods:
            raise ProblemError("bad_drop", where, "needs a depot and goods; give at least one each")


@dataclass(frozen=True, slots=True)
class Road:
    """A known way; without one of its own, the way back is as long."""

    origin: str
    destination: str
    distance_m: int

    def __post_init__(self) -> None:
        where = f"road from {self.origin!r} to {self.destination!r}"
        check_name(self.origin, "origin", where)
        check_name(self.destination, "destination", where)
        check_whole(self.distance_m, 0, LARGEST_DISTANCE_M, "distance_m", where)


@dataclass(frozen=True, slots=True)
class RoundsProblem:
    """One frozen input; its parts are kept sorted. Every vehicle is there on every day.

    Where no road is given, a way is the great circle times `detour_permille` / 1000. Lorries drive
    at `speed_m_per_h`.
    """

    sites: tuple[Site, ...]
    vehicles: tuple[Vehicle, ...]
    drops: tuple[Drop, ...]
    roads: tuple[Road, ...] = ()
    detour_permille: int = 1300
    speed_m_per_h: int = 40_000

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "sites", _sorted(self.sites, Site, lambda one: (one.code,)))
        put(self, "vehicles", _sorted(self.vehicles, Vehicle, lambda one: (one.depot, one.code)))
        put(self, "drops", _sorted(self.drops, Drop, lambda one: (one.id,)))
        put(self, "roads", _sorted(self.roads, Road, lambda one: (one.origin, one.destination)))
        check_whole(self.detour_permille, 1000, 10_000, "detour_permille", "problem")
        check_whole(self.speed_m_per_h, 1_000, 200_000, "speed_m_per_h", "problem")
        known = {site.code for site in self.sites}
        for vehicle in self.vehicles:
            _need_site(vehicle.depot, known, f"vehicle {vehicle.code!r}")
        for drop in self.drops:
            for code in (drop.site, *drop.depots):
                _need_site(code, known, f"drop {drop.id!r}")


def _need_site(code: str, known: set[str], where: str) -> None:
    if code not in known:
        raise ProblemError("unknown_site", where, f"site {code!r} is not among the sites; add it")


@dataclass(frozen=True, slots=True)
class Load:
    """Pieces of a drop's goods that are handed over at a stop."""

    drop_id: str
    goods: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A call at a site: `distance_m` from the stop before; handing over begins and ends."""

    site: str
    arrives_s: int
    begins_s: int
    leaves_s: int
    distance_m: int
    loads: tuple[Load, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """The `trip`-th round of lorry `unit` (from 1) of a vehicle, on a day.

    Loading begins at `loads_s`; it is back at `returns_s`. `distance_m` is the whole round's,
    the way back included; volume and weight are what it carries when it leaves.
    """

    day: int
    depot: str
    vehicle: str
    unit: int
    trip: int
    loads_s: int
    departs_s: int
    returns_s: int
    distance_m: int
    volume_ml: int
    weight_g: int
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Pieces that no round takes, and why: one of `REASONS`."""

    drop_id: str
    goods: str
    quantity: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rounds:
    """A plan. `status` is `searched` (all iterations done) or `stopped` (the time was up)."""

    rounds: tuple[Round, ...]
    left_out: tuple[LeftOut, ...]
    status: str = "searched"
    iterations: int = 0

    @property
    def distance_m(self) -> int:
        return sum(each.distance_m for each in self.rounds)


def _sorted(
    parts: Iterable[Any], kind: type, key: Callable[[Any], tuple[str, ...]]
) -> tuple[Any, ...]:
    what = kind.__name__.lower()
    parts = tuple(parts)
    for part in parts:
        if not isinstance(part, kind):
            raise ProblemError("bad_document", what, f"{part!r} is not a {kind.__name__}")
    ordered = tuple(sorted(parts, key=key))
    for one, other in pairwise(ordered):
        if key(one) == key(other):
            name = " of ".join(map(repr, key(one)))
            raise ProblemError("duplicate_id", f"{what} {name}", "occurs twice; keep one of them")
    return ordered
