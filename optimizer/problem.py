"""What is to be allocated: lots at sites, needs at sites, the ways between them and the policy.

A problem is frozen and checks itself, so whatever holds one can trust it. There are no floats
anywhere: a problem's document has one set of bytes, and those can be hashed before solving.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from math import isqrt
from typing import Any

from optimizer.documents import (
    decode_record,
    encode_record,
    from_text,
    need_list,
    need_object,
    to_text,
)
from optimizer.errors import ProblemError
from optimizer.parts import (
    LARGEST_DAY,
    LARGEST_DISTANCE_M,
    Ban,
    Corridor,
    Item,
    Lane,
    Need,
    Pair,
    Pin,
    Place,
    Roads,
    Source,
    check_whole,
)
from optimizer.policy import Policy

__all__ = [
    "Ban",
    "Corridor",
    "Item",
    "Lane",
    "Need",
    "Pair",
    "Pin",
    "Place",
    "Policy",
    "Problem",
    "ProblemError",
    "Roads",
    "Source",
    "problem_document",
    "problem_from_document",
]

FORMAT = "medrelay-problem/2"
READABLE = (FORMAT, "medrelay-problem/1")

Key = Callable[[Any], tuple[str, ...]]


def _by_id(part: Source | Need) -> tuple[str, ...]:
    return (part.id,)


PARTS: dict[str, tuple[type, Key]] = {
    "sources": (Source, _by_id),
    "needs": (Need, _by_id),
    "lanes": (Lane, lambda each: (each.origin, each.destination)),
    "items": (Item, lambda each: (each.code,)),
    "places": (Place, lambda each: (each.site,)),
    "corridors": (Corridor, lambda each: (each.origin_zone, each.destination_zone)),
    "pins": (Pin, lambda each: (each.source_id, each.need_id)),
    "bans": (Ban, lambda each: (each.source_id or "", each.need_id or "")),
    "last": (Pair, lambda each: (each.source_id, each.need_id)),
}
"""The problem's lists: what each holds, and what tells one part of it from another."""

OPTIONAL = ("items", "places", "corridors", "pins", "bans", "last")


@dataclass(frozen=True, slots=True)
class Problem:
    """One frozen input. Its parts are kept sorted, so two problems of the same content are equal.

    `day0` is the ISO date that days are counted from; everything must arrive by day `horizon_days`.
    `items` holds what is to be known of items, `places` where sites lie. `corridors` limit what all
    items together may take from zone to zone. `pins` and `bans` are what people have decided by
    hand; `last` is what the last plan joined, for the policy's stability.
    """

    day0: str
    sources: tuple[Source, ...]
    needs: tuple[Need, ...]
    lanes: tuple[Lane, ...]
    policy: Policy = field(default_factory=Policy)
    horizon_days: int = 28
    items: tuple[Item, ...] = ()
    places: tuple[Place, ...] = ()
    roads: Roads | None = None
    corridors: tuple[Corridor, ...] = ()
    pins: tuple[Pin, ...] = ()
    bans: tuple[Ban, ...] = ()
    last: tuple[Pair, ...] = ()
    _index: "_Index" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_date(self.day0)
        check_whole(self.horizon_days, 0, LARGEST_DAY, "horizon_days", "problem")
        for name, (kind, key) in PARTS.items():
            object.__setattr__(self, name, _sorted(name, getattr(self, name), kind, key))
        if not isinstance(self.policy, Policy):
            raise ProblemError("bad_policy", "policy", "must be a Policy")
        if self.roads is not None and not isinstance(self.roads, Roads):
            raise ProblemError("bad_document", "roads", "must be Roads")
        _check_zones(self)
        _check_roads(self)
        object.__setattr__(self, "_index", _Index.of(self))

    def item(self, code: str) -> Item:
        """Return what is known of an item; the defaults, if nothing is."""
        return self._index.items.get(code) or Item(code)

    def zone(self, site: str) -> str:
        """Return the zone of a site, or nothing if it has none."""
        place = self._index.places.get(site)
        return place.zone if place else ""

    def way(self, origin: str, destination: str) -> Lane | None:
        """Return the lane between two sites, or the road where no lane is given."""
        lane = self._index.lanes.get((origin, destination))
        start, end = self._index.places.get(origin), self._index.places.get(destination)
        if lane is not None or self.roads is None or start is None or end is None:
            return lane
        metres = road_metres(self.roads, end.x_m - start.x_m, end.y_m - start.y_m)
        days = -(-metres // self.roads.metres_per_day)
        return Lane(origin, destination, metres, days, cold=self.roads.cold)

    def is_banned(self, source_id: str, need_id: str) -> bool:
        bans = self._index.bans
        pairs = ((source_id, None), (None, need_id), (source_id, need_id))
        return bool(bans) and any(pair in bans for pair in pairs)

    def is_new(self, source_id: str, need_id: str) -> bool:
        """Whether there was a last plan, and it did not join the two."""
        last = self._index.last
        return bool(last) and (source_id, need_id) not in last

    def converted(self, quantity: int, item: str, own: str) -> int | None:
        """Return what pieces of an item are in pieces of a need's own; None if not whole."""
        if item == own:
            return quantity
        uses = quantity * self.item(item).uses_per_piece
        pieces, rest = divmod(uses, self.item(own).uses_per_piece)
        return None if rest else pieces

    def to_json(self) -> str:
        """Return the document as text, always the same for the same problem."""
        return to_text(problem_document(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Problem":
        """Read what `to_json` wrote; ProblemError names the part that cannot be read."""
        return problem_from_document(from_text(text, "problem"))


@dataclass(frozen=True, slots=True)
class _Index:
    """Parts by what names them."""

    items: dict[str, Item]
    places: dict[str, Place]
    lanes: dict[tuple[str, str], Lane]
    bans: set[tuple[str | None, str | None]]
    last: set[tuple[str, str]]

    @classmethod
    def of(cls, problem: Problem) -> "_Index":
        return cls(
            {each.code: each for each in problem.items},
            {each.site: each for each in problem.places},
            {(each.origin, each.destination): each for each in problem.lanes},
            {(each.source_id, each.need_id) for each in problem.bans},
            {(each.source_id, each.need_id) for each in problem.last},
        )


def road_metres(roads: Roads, across_m: int, up_m: int) -> int:
    """Return the length of a road between two places so far apart."""
    return isqrt(across_m**2 + up_m**2) * roads.detour_permille // 1000


def _check_date(value: object) -> None:
    try:
        if isinstance(value, str) and date.fromisoformat(value).isoformat() == value:
            return
    except ValueError:
        pass
    raise ProblemError(
        "bad_date", "problem", f"day0 {value!r} is not a date; write it as 2020-02-01"
    )


def _sorted(name: str, parts: Iterable[Any], kind: type, key: Key) -> tuple[Any, ...]:
    parts = tuple(parts)
    for part in parts:
        if not isinstance(part, kind):
            raise ProblemError("bad_document", name, f"{part!r} is not a {kind.__name__}")
    ordered = tuple(sorted(parts, key=key))
    for one, other in pairwise(ordered):
        if key(one) == key(other):
            what = " to ".join(map(repr, key(one)))
            where = f"{kind.__name__.lower()} {what}"
            raise ProblemError("duplicate_id", where, "occurs twice; keep one of them")
    return ordered


def _check_zones(problem: Problem) -> None:
    """A limit on zones that no site has would silently limit nothing, or everything."""
    zones = {place.zone for place in problem.places if place.zone}
    for source in problem.sources:
        if source.only_zone is not None and source.only_zone not in zones:
            where = f"source {source.id!r} of {source.item!r} at {source.site!r}"
            message = f"no place lies in its only zone {source.only_zone!r}; give one, or drop it"
            raise ProblemError("unknown_zone", where, message)
    for corridor in problem.corridors:
        if any(day > problem.horizon_days for day, _, _ in corridor.taken):
            where = f"corridor from {corridor.origin_zone!r} to {corridor.destination_zone!r}"
            message = "is taken on a day beyond the horizon; correct the day"
            raise ProblemError("out_of_range", where, message)
        for zone in (corridor.origin_zone, corridor.destination_zone):
            if zone not in zones:
                where = f"corridor from {corridor.origin_zone!r} to {corridor.destination_zone!r}"
                raise ProblemError(
                    "unknown_zone", where, f"no place lies in zone {zone!r}; give one, or drop it"
                )


def _check_roads(problem: Problem) -> None:
    """Every road must be one that a lane could state: across the whole map, to be quick."""
    if problem.roads is None or not problem.places:
        return
    across, up = (
        max(along) - min(along)
        for along in ([each.x_m for each in problem.places], [each.y_m for each in problem.places])
    )
    metres = road_metres(problem.roads, across, up)
    days = -(-metres // problem.roads.metres_per_day)
    if metres > LARGEST_DISTANCE_M or days > LARGEST_DAY:
        message = f"across all places they take {metres} m and {days} days; correct a place or rate"
        raise ProblemError("out_of_range", "roads", message)


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return the problem as JSON-safe objects, in one fixed order; defaults are left out."""
    document = {
        "format": FORMAT,
        "day0": problem.day0,
        "horizon_days": problem.horizon_days,
        "policy": encode_record(problem.policy),
    }
    if problem.roads is not None:
        document["roads"] = encode_record(problem.roads)
    for name in PARTS:
        document[name] = [encode_record(each, brief=True) for each in getattr(problem, name)]
    return document


def problem_from_document(document: object) -> Problem:
    """Build and check the problem that `problem_document` wrote."""
    content = dict(need_object(document, "problem"))
    if content.pop("format", None) not in READABLE:
        raise ProblemError("bad_document", "problem", f"format must be {FORMAT!r}")
    for name, (kind, _) in PARTS.items():
        if name in OPTIONAL and name not in content:
            continue
        parts = need_list(content.get(name), name)
        content[name] = tuple(
            decode_record(kind, part, f"{name}[{index}]") for index, part in enumerate(parts)
        )
    content["policy"] = decode_record(Policy, content.get("policy", {}), "policy")
    if content.get("roads") is not None:
        content["roads"] = decode_record(Roads, content["roads"], "roads")
    return _as_stated(decode_record(Problem, content, "problem"))


def _as_stated(problem: Problem) -> Problem:
    """Refuse what only a derived problem has: nobody states it, and no plan would answer for it."""
    for item in problem.items:
        if item.pieces_per_unit != 1:
            where = f"item {item.code!r}"
            raise ProblemError("bad_document", where, "pieces_per_unit is derived; leave it out")
    return problem
