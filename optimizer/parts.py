"""The parts of a problem: frozen, self-checking, whole numbers only.

Quantities are pieces, distances metres, days whole days counted from `Problem.day0`, costs
micro-units (millionths of one cost unit), volumes millilitres and weights grams.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from optimizer.errors import ProblemError

__all__ = [
    "Ban",
    "Corridor",
    "Item",
    "Lane",
    "Need",
    "Pair",
    "Pin",
    "Place",
    "Roads",
    "Source",
    "check_flag",
    "check_name",
    "check_whole",
]

LARGEST_QUANTITY = 10**12
LARGEST_DISTANCE_M = 10**8  # twice around the Earth
LARGEST_DAY = 36_500  # a century: beyond it, a date was mistyped
LARGEST_TIER = 99
LARGEST_SEQUENCE = 2**53 - 1
LARGEST_COST_MICRO = 10**12
LARGEST_RATE_MICRO = 10**6
LARGEST_SIZE = 10**9
LARGEST_WEIGHT = 10**6
LARGEST_POSITION_M = 2 * 10**7  # half around the Earth
LARGEST_CAPACITY = 10**15
LONGEST_NAME = 200
LONGEST_REASON = 2000


def check_whole(value: object, low: int, high: int, what: str, where: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProblemError(
            "not_an_integer", where, f"{what} {value!r} is not a whole number; give one"
        )
    if not low <= value <= high:
        raise ProblemError(
            "out_of_range", where, f"{what} {value} is outside {low} to {high}; correct it"
        )


def check_name(value: object, what: str, where: str) -> None:
    if (
        not isinstance(value, str)
        or not value
        or len(value) > LONGEST_NAME
        or not value.isprintable()
    ):
        raise ProblemError(
            "bad_name", where, f"{what} {value!r} must be 1 to {LONGEST_NAME} printable characters"
        )


def check_flag(value: object, what: str, where: str) -> None:
    if not isinstance(value, bool):
        raise ProblemError("not_a_flag", where, f"{what} {value!r} must be true or false")


def _names(value: object, what: str, where: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ProblemError("bad_name", where, f"{what} must be a list of names, not {value!r}")
    names = tuple(value)
    for name in names:
        check_name(name, what, where)
    if len(set(names)) != len(names):
        raise ProblemError("duplicate_name", where, f"{what} names something twice; keep it once")
    return names


@dataclass(frozen=True, slots=True)
class Source:
    """One lot at one site.

    It can leave from `ready_day` on (day 0 if that has passed) and must arrive before `expiry_day`;
    None never expires. An `earmark` is a token, such as `site:HB001` or `region:420300`, that a
    need must carry to be served from it. `pack_size` is the pieces in one whole pack. With an
    `only_zone` it goes to sites of that zone alone.
    """

    id: str
    site: str
    item: str
    quantity: int
    ready_day: int = 0
    expiry_day: int | None = None
    earmark: str | None = None
    pack_size: int = 1
    only_zone: str | None = None

    def __post_init__(self) -> None:
        where = f"source {self.id!r} of {self.item!r} at {self.site!r}"
        check_name(self.id, "id", where)
        check_name(self.site, "site", where)
        check_name(self.item, "item", where)
        check_whole(self.quantity, 1, LARGEST_QUANTITY, "quantity", where)
        check_whole(self.ready_day, -LARGEST_DAY, LARGEST_DAY, "ready_day", where)
        check_whole(self.pack_size, 1, LARGEST_QUANTITY, "pack_size", where)
        if self.expiry_day is not None:
            check_whole(self.expiry_day, -LARGEST_DAY, LARGEST_DAY, "expiry_day", where)
        if self.earmark is not None:
            check_name(self.earmark, "earmark", where)
        if self.only_zone is not None:
            check_name(self.only_zone, "only_zone", where)


@dataclass(frozen=True, slots=True)
class Need:
    """Pieces of one item that one site asks for.

    Tier 0 is served before tier 1, and so on. `posted_at` is the need's place in the order of
    posting: it settles who gets an odd piece, and what first come first served would have done.
    `accepts` are the substitutes that may serve it besides its own item, the preferred one first;
    acceptance is this need's own and one-way, never passed on. `earmarks` are the tokens whose
    earmarked lots it may have. On arrival a lot must have more than `min_shelf_days_on_arrival`
    days left. Where the policy weighs needs, one of `weight` 2 has twice the fill rate of one of
    weight 1, up to all it asks for: the caller makes weights of patients or of days of cover.
    """

    id: str
    site: str
    item: str
    quantity: int
    tier: int
    need_by_day: int
    posted_at: int
    accepts: tuple[str, ...] = ()
    earmarks: frozenset[str] = field(default_factory=frozenset)
    min_shelf_days_on_arrival: int = 0
    weight: int = 1

    def __post_init__(self) -> None:
        where = f"need {self.id!r} of {self.item!r} at {self.site!r}"
        check_name(self.id, "id", where)
        check_name(self.site, "site", where)
        check_name(self.item, "item", where)
        check_whole(self.quantity, 1, LARGEST_QUANTITY, "quantity", where)
        check_whole(self.tier, 0, LARGEST_TIER, "tier", where)
        check_whole(self.need_by_day, -LARGEST_DAY, LARGEST_DAY, "need_by_day", where)
        check_whole(self.posted_at, 0, LARGEST_SEQUENCE, "posted_at", where)
        shelf = self.min_shelf_days_on_arrival
        check_whole(shelf, 0, LARGEST_DAY, "min_shelf_days_on_arrival", where)
        check_whole(self.weight, 1, LARGEST_WEIGHT, "weight", where)
        object.__setattr__(self, "accepts", _names(self.accepts, "accepts", where))
        object.__setattr__(self, "earmarks", frozenset(_names(self.earmarks, "earmarks", where)))
        if self.item in self.accepts:
            raise ProblemError(
                "bad_substitute",
                where,
                f"accepts names {self.item!r}, its own item; leave that out",
            )


@dataclass(frozen=True, slots=True)
class Lane:
    """A way from one site to another. Without a lane or road nothing goes, not even within a site.

    `cost_per_piece_micro` is what a piece costs on it besides its distance: handling, tolls.
    `cold` says that it keeps the cold chain; what must stay cold takes no other.
    """

    origin: str
    destination: str
    distance_m: int
    transit_days: int
    cost_per_piece_micro: int = 0
    cold: bool = False

    def __post_init__(self) -> None:
        where = f"lane from {self.origin!r} to {self.destination!r}"
        check_name(self.origin, "origin", where)
        check_name(self.destination, "destination", where)
        check_whole(self.distance_m, 0, LARGEST_DISTANCE_M, "distance_m", where)
        check_whole(self.transit_days, 0, LARGEST_DAY, "transit_days", where)
        check_whole(self.cost_per_piece_micro, 0, LARGEST_COST_MICRO, "cost_per_piece_micro", where)
        check_flag(self.cold, "cold", where)


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be known of an item beyond its code; one without such a line has these defaults.

    `volume_ml` and `weight_g` are of one piece. `uses_per_piece` converts between items that stand
    in for one another: a kit for 50 tests has 50, a single test 1. `cold` goods must be kept cold.
    `pieces_per_unit` is of problems that `derive` made, whose quantities, volumes and weights are
    of units: what one piece costs on its way, a unit costs so many times.
    """

    code: str
    uses_per_piece: int = 1
    volume_ml: int = 0
    weight_g: int = 0
    cold: bool = False
    pieces_per_unit: int = 1

    def __post_init__(self) -> None:
        where = f"item {self.code!r}"
        check_name(self.code, "code", where)
        check_whole(self.uses_per_piece, 1, LARGEST_WEIGHT, "uses_per_piece", where)
        check_whole(self.volume_ml, 0, LARGEST_SIZE, "volume_ml", where)
        check_whole(self.weight_g, 0, LARGEST_SIZE, "weight_g", where)
        check_flag(self.cold, "cold", where)
        check_whole(self.pieces_per_unit, 1, LARGEST_SIZE, "pieces_per_unit", where)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site lies: whole metres on a map plane, and the zone that it is counted in."""

    site: str
    x_m: int
    y_m: int
    zone: str = ""

    def __post_init__(self) -> None:
        where = f"place of {self.site!r}"
        check_name(self.site, "site", where)
        check_whole(self.x_m, -LARGEST_POSITION_M, LARGEST_POSITION_M, "x_m", where)
        check_whole(self.y_m, -LARGEST_POSITION_M, LARGEST_POSITION_M, "y_m", where)
        if self.zone:
            check_name(self.zone, "zone", where)


@dataclass(frozen=True, slots=True)
class Roads:
    """A road between any two sites that have places, also within one, where no lane says otherwise.

    It is the straight line, rounded down to metres, times `detour_permille` / 1000, rounded down;
    a day is needed for every `metres_per_day` of it that is begun.
    """

    detour_permille: int = 1300
    metres_per_day: int = 500_000
    cold: bool = False

    def __post_init__(self) -> None:
        check_whole(self.detour_permille, 1000, 10_000, "detour_permille", "roads")
        check_whole(self.metres_per_day, 1000, LARGEST_DISTANCE_M, "metres_per_day", "roads")
        check_flag(self.cold, "cold", "roads")


@dataclass(frozen=True, slots=True)
class Corridor:
    """What can leave one zone for another on one day, of all items together; None is no limit.

    `taken` says of which days how many ml and g are used already: by what was planned before, and,
    in problems that `derive` made, by pins.
    """

    origin_zone: str
    destination_zone: str
    volume_ml_per_day: int | None = None
    weight_g_per_day: int | None = None
    taken: tuple[tuple[int, int, int], ...] = ()

    def __post_init__(self) -> None:
        where = f"corridor from {self.origin_zone!r} to {self.destination_zone!r}"
        check_name(self.origin_zone, "origin_zone", where)
        check_name(self.destination_zone, "destination_zone", where)
        for name in ("volume_ml_per_day", "weight_g_per_day"):
            value = getattr(self, name)
            if value is not None:
                check_whole(value, 0, LARGEST_CAPACITY, name, where)
        object.__setattr__(self, "taken", _loads(self.taken, where))
        limits = (self.volume_ml_per_day, self.weight_g_per_day)
        for _, *load in self.taken:
            for amount, limit in zip(load, limits, strict=True):
                check_whole(amount, 0, LARGEST_CAPACITY if limit is None else limit, "taken", where)


def _loads(value: object, where: str) -> tuple[tuple[int, int, int], ...]:
    if not isinstance(value, list | tuple):
        raise ProblemError("bad_document", where, "taken must list a day, ml and g each")
    for each in value:
        if not isinstance(each, list | tuple) or len(each) != len(("day", "ml", "g")):
            raise ProblemError("bad_document", where, "taken must list a day, ml and g each")
        for number in each:
            check_whole(number, 0, LARGEST_CAPACITY, "taken", where)
    if len({day for day, _, _ in value}) != len(value):
        raise ProblemError("bad_document", where, "taken names a day twice; add the two up")
    return tuple(sorted((day, ml, g) for day, ml, g in value))


@dataclass(frozen=True, slots=True)
class Pair:
    """A source and a need that the last plan joined."""

    source_id: str
    need_id: str

    def __post_init__(self) -> None:
        check_name(self.source_id, "source_id", "last")
        check_name(self.need_id, "need_id", "last")


@dataclass(frozen=True, slots=True)
class Pin:
    """Pieces that somebody has set by hand, and why. They go before anything is shared out."""

    source_id: str
    need_id: str
    quantity: int
    why: str = ""

    def __post_init__(self) -> None:
        where = f"pin of {self.source_id!r} to {self.need_id!r}"
        check_name(self.source_id, "source_id", where)
        check_name(self.need_id, "need_id", where)
        check_whole(self.quantity, 1, LARGEST_QUANTITY, "quantity", where)
        _check_why(self.why, where)


@dataclass(frozen=True, slots=True)
class Ban:
    """A pair that must not be used, and why; without a need, the whole source, and vice versa."""

    source_id: str | None = None
    need_id: str | None = None
    why: str = ""

    def __post_init__(self) -> None:
        where = f"ban of {self.source_id!r} for {self.need_id!r}"
        if self.source_id is None and self.need_id is None:
            raise ProblemError("bad_ban", where, "names neither a source nor a need; name one")
        for what, value in (("source_id", self.source_id), ("need_id", self.need_id)):
            if value is not None:
                check_name(value, what, where)
        _check_why(self.why, where)


def _check_why(value: object, where: str) -> None:
    if not isinstance(value, str) or len(value) > LONGEST_REASON:
        raise ProblemError("bad_reason", where, f"why must be text of up to {LONGEST_REASON}")
