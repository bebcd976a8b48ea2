"""What is to be allocated: lots at sites, needs at sites, the lanes between them and the policy.

A problem is frozen and checks itself, so whatever holds one can trust it. Quantities are pieces,
distances metres, days whole days counted from `Problem.day0`, costs micro-units (millionths of one
cost unit). There are no floats anywhere: a problem's document has one set of bytes, and those can
be hashed before solving.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
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

__all__ = [
    "Lane",
    "Need",
    "Policy",
    "Problem",
    "ProblemError",
    "Source",
    "problem_document",
    "problem_from_document",
]

FORMAT = "medrelay-problem/1"

LARGEST_QUANTITY = 10**12
LARGEST_DISTANCE_M = 10**8  # twice around the Earth
LARGEST_DAY = 36_500  # a century: beyond it, a date was mistyped
LARGEST_TIER = 99
LARGEST_SEQUENCE = 2**53 - 1
LARGEST_COST_MICRO = 10**12
LARGEST_RATE_MICRO = 10**6
LONGEST_NAME = 200


def _whole(value: object, low: int, high: int, what: str, where: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProblemError(
            "not_an_integer", where, f"{what} {value!r} is not a whole number; give one"
        )
    if not low <= value <= high:
        raise ProblemError(
            "out_of_range", where, f"{what} {value} is outside {low} to {high}; correct it"
        )


def _name(value: object, what: str, where: str) -> None:
    if (
        not isinstance(value, str)
        or not value
        or len(value) > LONGEST_NAME
        or not value.isprintable()
    ):
        raise ProblemError(
            "bad_name", where, f"{what} {value!r} must be 1 to {LONGEST_NAME} printable characters"
        )


def _names(value: object, what: str, where: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ProblemError("bad_name", where, f"{what} must be a list of names, not {value!r}")
    names = tuple(value)
    for name in names:
        _name(name, what, where)
    if len(set(names)) != len(names):
        raise ProblemError("duplicate_name", where, f"{what} names something twice; keep it once")
    return names


@dataclass(frozen=True, slots=True)
class Source:
    """One lot at one site.

    It can leave from `ready_day` on (day 0 if that has passed) and must arrive before `expiry_day`;
    None never expires. An `earmark` is a token, such as `site:HB001` or `region:420300`, that a
    need must carry to be served from it. `pack_size` is the pieces in one whole pack; quantities
    are not yet rounded to it.
    """

    id: str
    site: str
    item: str
    quantity: int
    ready_day: int = 0
    expiry_day: int | None = None
    earmark: str | None = None
    pack_size: int = 1

    def __post_init__(self) -> None:
        where = f"source {self.id!r} of {self.item!r} at {self.site!r}"
        _name(self.id, "id", where)
        _name(self.site, "site", where)
        _name(self.item, "item", where)
        _whole(self.quantity, 1, LARGEST_QUANTITY, "quantity", where)
        _whole(self.ready_day, -LARGEST_DAY, LARGEST_DAY, "ready_day", where)
        _whole(self.pack_size, 1, LARGEST_QUANTITY, "pack_size", where)
        if self.expiry_day is not None:
            _whole(self.expiry_day, -LARGEST_DAY, LARGEST_DAY, "expiry_day", where)
        if self.earmark is not None:
            _name(self.earmark, "earmark", where)


@dataclass(frozen=True, slots=True)
class Need:
    """Pieces of one item that one site asks for.

    Tier 0 is served before tier 1, and so on. `posted_at` is the need's place in the order of
    posting: it settles who gets an odd piece, and what first come first served would have done.
    `accepts` are the substitutes that may serve it besides its own item, the preferred one first;
    acceptance is this need's own and one-way, never passed on. `earmarks` are the tokens whose
    earmarked lots it may have. On arrival a lot must have more than `min_shelf_days_on_arrival`
    days left.
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

    def __post_init__(self) -> None:
        where = f"need {self.id!r} of {self.item!r} at {self.site!r}"
        _name(self.id, "id", where)
        _name(self.site, "site", where)
        _name(self.item, "item", where)
        _whole(self.quantity, 1, LARGEST_QUANTITY, "quantity", where)
        _whole(self.tier, 0, LARGEST_TIER, "tier", where)
        _whole(self.need_by_day, -LARGEST_DAY, LARGEST_DAY, "need_by_day", where)
        _whole(self.posted_at, 0, LARGEST_SEQUENCE, "posted_at", where)
        _whole(self.min_shelf_days_on_arrival, 0, LARGEST_DAY, "min_shelf_days_on_arrival", where)
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
    """A way from one site to another. Without a lane nothing goes, not even within one site.

    `cost_per_piece_micro` is what a piece costs on this lane besides its distance: handling, tolls.
    """

    origin: str
    destination: str
    distance_m: int
    transit_days: int
    cost_per_piece_micro: int = 0

    def __post_init__(self) -> None:
        where = f"lane from {self.origin!r} to {self.destination!r}"
        _name(self.origin, "origin", where)
        _name(self.destination, "destination", where)
        _whole(self.distance_m, 0, LARGEST_DISTANCE_M, "distance_m", where)
        _whole(self.transit_days, 0, LARGEST_DAY, "transit_days", where)
        _whole(self.cost_per_piece_micro, 0, LARGEST_COST_MICRO, "cost_per_piece_micro", where)


FAIRNESS = ("max_min", "most_pieces")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a plan weighs once the tiers are settled.

    - `fairness`: `max_min` gives the needs of a tier fill rates that are leximin fair;
      `most_pieces` only serves each tier as many pieces as it can, to whom it is cheapest. Both
      serve the same number of pieces.
    - `distance_micro_per_piece_m`: the cost of one piece going one metre.
    - `lateness_micro_per_piece_day`: the cost of one piece arriving one day after its need-by day.
      The default equals 500 km, so nearly every plan prefers a longer road to a late arrival.
    - `substitution_micro_per_piece`: the cost of one piece of the first accepted substitute; the
      second costs twice that, and so on. The default equals 2,000 km: a substitute goes where
      nothing else helps.
    """

    fairness: str = "max_min"
    distance_micro_per_piece_m: int = 1
    lateness_micro_per_piece_day: int = 500_000
    substitution_micro_per_piece: int = 2_000_000

    def __post_init__(self) -> None:
        if self.fairness not in FAIRNESS:
            raise ProblemError(
                "bad_policy",
                "policy",
                f"fairness {self.fairness!r} must be one of {', '.join(FAIRNESS)}",
            )
        distance = self.distance_micro_per_piece_m
        _whole(distance, 0, LARGEST_RATE_MICRO, "distance_micro_per_piece_m", "policy")
        for name in ("lateness_micro_per_piece_day", "substitution_micro_per_piece"):
            _whole(getattr(self, name), 0, LARGEST_COST_MICRO, name, "policy")


@dataclass(frozen=True, slots=True)
class Problem:
    """One frozen input. Its parts are kept sorted, so two problems of the same content are equal.

    `day0` is the ISO date that days are counted from; everything must arrive by day `horizon_days`.
    """

    day0: str
    sources: tuple[Source, ...]
    needs: tuple[Need, ...]
    lanes: tuple[Lane, ...]
    policy: Policy = field(default_factory=Policy)
    horizon_days: int = 28

    def __post_init__(self) -> None:
        _check_date(self.day0)
        _whole(self.horizon_days, 0, LARGEST_DAY, "horizon_days", "problem")
        object.__setattr__(self, "sources", _sorted(self.sources, Source, lambda each: (each.id,)))
        object.__setattr__(self, "needs", _sorted(self.needs, Need, lambda each: (each.id,)))
        object.__setattr__(
            self, "lanes", _sorted(self.lanes, Lane, lambda each: (each.origin, each.destination))
        )
        if not isinstance(self.policy, Policy):
            raise ProblemError("bad_policy", "policy", "must be a Policy")

    def to_json(self) -> str:
        """Return the document as text, always the same for the same problem."""
        return to_text(problem_document(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Problem":
        """Read what `to_json` wrote; ProblemError names the part that cannot be read."""
        return problem_from_document(from_text(text, "problem"))


def _check_date(value: object) -> None:
    try:
        if isinstance(value, str) and date.fromisoformat(value).isoformat() == value:
            return
    except ValueError:
        pass
    raise ProblemError(
        "bad_date", "problem", f"day0 {value!r} is not a date; write it as 2020-02-01"
    )


def _sorted(
    parts: Iterable[Any], kind: type, key: Callable[[Any], tuple[str, ...]]
) -> tuple[Any, ...]:
    what = kind.__name__.lower()
    parts = tuple(parts)
    for part in parts:
        if not isinstance(part, kind):
            raise ProblemError("bad_document", f"{what}s", f"{part!r} is not a {kind.__name__}")
    ordered = tuple(sorted(parts, key=key))
    for one, other in pairwise(ordered):
        if key(one) == key(other):
            name = " to ".join(map(repr, key(one)))
            raise ProblemError("duplicate_id", f"{what} {name}", "occurs twice; keep one of them")
    return ordered


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return the problem as JSON-safe objects, in one fixed order."""
    return {
        "format": FORMAT,
        "day0": problem.day0,
        "horizon_days": problem.horizon_days,
        "policy": encode_record(problem.policy),
        "sources": [encode_record(each) for each in problem.sources],
        "needs": [encode_record(each) for each in problem.needs],
        "lanes": [encode_record(each) for each in problem.lanes],
    }


def problem_from_document(document: object) -> Problem:
    """Build and check the problem that `problem_document` wrote."""
    content = dict(need_object(document, "problem"))
    if content.pop("format", None) != FORMAT:
        raise ProblemError("bad_document", "problem", f"format must be {FORMAT!r}")
    for name, kind in (("sources", Source), ("needs", Need), ("lanes", Lane)):
        parts = need_list(content.get(name), name)
        content[name] = tuple(
            decode_record(kind, part, f"{name}[{index}]") for index, part in enumerate(parts)
        )
    content["policy"] = decode_record(Policy, content.get("policy", {}), "policy")
    return decode_record(Problem, content, "problem")
