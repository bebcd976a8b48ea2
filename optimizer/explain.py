"""Reasons and remedies as sentences, in English, and as messages for whoever translates them.

A sentence's English text is also its message id (as in gettext), with the figures as named fields.
A counted figure is a phrase of its own, with its plural, so that "10 pieces in 1 lot" needs no rule
about verbs. `sentence(reason)` speaks English; given other `Words` it speaks their language.

Reasons, and their parameters (counts and pieces, unless said otherwise):

- `met_in_full`: pieces, late_pieces; `substitute_used` adds substitute_pieces
- `met_in_packs` (all but what is less than a pack): the same, open_pieces, pack_pieces
- `pinned` (met as somebody set by hand): pieces
- `shared_shortage`: rate_numerator, rate_denominator (the fair fill rate); sources, source_pieces
  (all used up); needs (of this tier, at the same rate), earlier_needs (of earlier tiers, met in
  full from the same sources); tier; level (the pool's place in the certificate)
- `shared_lanes` (the same inside shares of full lanes; sources and source_pieces are what may leave
  for the need's zone): the same
- `cheapest_first` (fairness is off): the same without the rate
- `earlier_tiers_first`: level, tier
- `no_supply`, `no_lane`, `cold_chain`, `too_late`, `expires_on_arrival`, `earmarked_elsewhere`,
  `banned`, `lane_full` (no source may serve this need, and this is what stopped those that came
  nearest to it), `lots_left_out` (by the policy): sources, source_pieces
- `below_least_drop`: pieces, least_pieces; `less_than_a_pack`: pieces, pack_pieces
- `packs_do_not_fit` (why a lot is left out): pieces, pack_pieces
- `as_practised` (a baseline's result), `not_proven` (solving was stopped early): pieces, requested

Remedies, and their parameters. `site`, `origin` and `source` are identifiers, `item` a code:

- `more_supply`: pieces more of `item` in the lot `source` at `site` raise the need's fill rate from
  rate_* to new_rate_* (numerator, denominator); exact for up to most_pieces
- `meet_all`: pieces more in that lot meet all the needs that share it
- `more_pieces` (fairness is off): each of up to most_pieces more there serves one more of `needs`
- `after_more_urgent`: what comes there beyond these pieces is left for this need
- the same four with `_and_room`, where lanes are shared: the lot needs more and also as much more
  room on the way (origin_zone, destination_zone) on the day of departure `day`
- `any_lot` (nothing is on offer), `other_lot` (each lot fails several limits): item, site
- what opens so many pieces, if nothing else changes: `wider_corridor` (origin_zone,
  destination_zone, day), `lift_ban` (why: the text it was given), `release_earmark` (earmark,
  earmarks: how many tokens hold back), `less_shelf_life` (days), `later_horizon` (days),
  `faster_lane` (origin, days it saves), `cold_lane` (origin), `new_lane` and `new_cold_lane`
  (origin, days it may take, sites: how many there are to choose from)
- `ask_least_drop`, `ask_whole_pack`: pieces more to ask for, total_pieces
- `wait_longer`: days until the last of the late pieces is there; `sooner_supply`, `own_item`: item,
  pieces that would do
- from where supply that leaves on day 0 is in time: `in_time_by_road` (metres, day),
  `in_time_by_lane` (sites, origin: the nearest, day), `in_time_no_more` (days late at best),
  `in_time_never`, `in_time_never_cold` (site)
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from optimizer.plan import Reason
from optimizer.remedy import Remedy

__all__ = ["ENGLISH", "REMEDIES", "SENTENCES", "Words", "messages", "sentence"]

SENTENCES: Mapping[str, str] = {
    "met_in_full": "Met in full: %(pieces)s.",
    "substitute_used": "Met in full: %(pieces)s, %(substitute_pieces)s of them substitutes.",
    "met_in_packs": (
        "Met in whole packs: %(pieces)s. Left open, as less than a pack of %(pack_pieces)s: "
        "%(open_pieces)s."
    ),
    "pinned": "Met in full, as set by hand: %(pieces)s.",
    "shared_shortage": (
        "Short: all that is left for it, %(source_pieces)s in %(sources)s, is used up and shared "
        "with the needs of this priority that depend on it, %(needs)s, at one fill rate of "
        "%(rate)s."
    ),
    "shared_lanes": (
        "Short: all that the lanes to its zone can bring it, %(source_pieces)s in %(sources)s, is "
        "used up and shared with the needs of this priority there that depend on it, %(needs)s, "
        "at one fill rate of %(rate)s."
    ),
    "cheapest_first": (
        "Short: all that is left for it, %(source_pieces)s in %(sources)s, is used up, and the "
        "policy serves first whom it is cheapest to serve."
    ),
    "earlier_tiers_first": "Nothing left: more urgent needs use up all that could reach it.",
    "no_supply": "No lot of its item, or of a substitute that it accepts, is on offer.",
    "no_lane": "No lane leads here from what is on offer: %(source_pieces)s in %(sources)s.",
    "cold_chain": (
        "What is on offer must be kept cold, and no cold way leads here from it: "
        "%(source_pieces)s in %(sources)s."
    ),
    "too_late": (
        "What is on offer would arrive after the plan's last day: %(source_pieces)s in %(sources)s."
    ),
    "expires_on_arrival": (
        "What could arrive would have too little shelf life left: %(source_pieces)s in %(sources)s."
    ),
    "earmarked_elsewhere": (
        "What could arrive is earmarked for others: %(source_pieces)s in %(sources)s."
    ),
    "banned": "What could arrive is excluded by hand: %(source_pieces)s in %(sources)s.",
    "lane_full": (
        "Lanes are full, and no share of what could come here is left for this zone: "
        "%(source_pieces)s in %(sources)s go where they are more urgent or were placed first."
    ),
    "lots_left_out": (
        "The policy leaves out every lot for it, as too small or in packs that don't fit: "
        "%(source_pieces)s in %(sources)s."
    ),
    "below_least_drop": (
        "Left out: it asks for %(pieces)s, and nothing goes out below %(least_pieces)s."
    ),
    "less_than_a_pack": (
        "Left out: it asks for %(pieces)s, and the least in whole packs is %(pack_pieces)s."
    ),
    "packs_do_not_fit": (
        "Left out: %(pieces)s in packs of %(pack_pieces)s, which don't fit what is counted in."
    ),
    "as_practised": "By this practice: %(pieces)s of %(requested)s.",
    "not_proven": "Solving was stopped before its proof: %(pieces)s of %(requested)s.",
}

REMEDIES: Mapping[str, str] = {
    "more_supply": (
        "If the lot of %(item)s at %(site)s had %(pieces)s more, the fill rate here would rise "
        "from %(rate)s to %(new_rate)s. It goes on like that for up to %(most_pieces)s."
    ),
    "meet_all": (
        "If the lot of %(item)s at %(site)s had %(pieces)s more, all needs that share it would be "
        "met in full: %(needs)s."
    ),
    "more_supply_and_room": (
        "If the lot of %(item)s at %(site)s had %(pieces)s more, and the way from %(origin_zone)s "
        "to %(destination_zone)s as much more room on %(day)s, the fill rate here would rise from "
        "%(rate)s to %(new_rate)s. It goes on like that for up to %(most_pieces)s."
    ),
    "meet_all_and_room": (
        "If the lot of %(item)s at %(site)s had %(pieces)s more, and the way from %(origin_zone)s "
        "to %(destination_zone)s as much more room on %(day)s, all needs that share it would be "
        "met in full: %(needs)s."
    ),
    "more_pieces": (
        "Each piece more in the lot of %(item)s at %(site)s, up to %(most_pieces)s, would serve "
        "one more for those whom it is cheapest to serve: %(needs)s wait for it."
    ),
    "after_more_urgent": (
        "More in the lot of %(item)s at %(site)s goes to more urgent needs first, which lack up to "
        "%(pieces)s; of what comes beyond that, this need has its share."
    ),
    "more_pieces_and_room": (
        "Each piece more in the lot of %(item)s at %(site)s, with room for it on %(day)s on the "
        "way from %(origin_zone)s to %(destination_zone)s, up to %(most_pieces)s, would serve one "
        "more for those whom it is cheapest to serve: %(needs)s wait for it."
    ),
    "after_more_urgent_and_room": (
        "More in the lot of %(item)s at %(site)s, with room for it on %(day)s on the way from "
        "%(origin_zone)s to %(destination_zone)s, goes to more urgent needs first, which lack up "
        "to %(pieces)s; of what comes beyond that, this need has its share."
    ),
    "any_lot": "Any lot of %(item)s that can get to %(site)s in time could serve it.",
    "other_lot": (
        "Each lot on offer fails several limits at once. Another lot of %(item)s that can get to "
        "%(site)s in time could serve it."
    ),
    "wider_corridor": (
        "More room on %(day)s on the way from %(origin_zone)s to %(destination_zone)s would open "
        "up to %(pieces)s."
    ),
    "lift_ban": "Lifting the ban (“%(why)s”) would open up to %(pieces)s.",
    "release_earmark": "Releasing the earmark %(earmark)s would open up to %(pieces)s.",
    "less_shelf_life": (
        "Accepting a shelf life on arrival shorter by %(days)s would open up to %(pieces)s."
    ),
    "later_horizon": "Planning ahead by %(days)s more would open up to %(pieces)s.",
    "faster_lane": (
        "A way from %(origin)s that is faster by %(days)s would open up to %(pieces)s."
    ),
    "cold_lane": "A way from %(origin)s that keeps the cold would open up to %(pieces)s.",
    "new_lane": "A lane from %(origin)s of at most %(days)s would open up to %(pieces)s.",
    "new_cold_lane": (
        "A lane from %(origin)s of at most %(days)s that keeps the cold would open up to "
        "%(pieces)s."
    ),
    "ask_least_drop": (
        "If it asked for %(pieces)s more, %(total_pieces)s in all, it would not be left out."
    ),
    "ask_whole_pack": (
        "If it asked for %(pieces)s more, %(total_pieces)s in all, it would come to whole packs."
    ),
    "wait_longer": "If it could wait for %(days)s more, nothing would be late: %(pieces)s are.",
    "sooner_supply": "With %(pieces)s more of %(item)s that come in time, nothing need be late.",
    "own_item": "With %(pieces)s more of %(item)s that come in time, it could do without them.",
    "in_time_by_road": (
        "What leaves on the plan's first day is here by %(day)s from up to %(metres)s away by road."
    ),
    "in_time_by_lane": (
        "What leaves on the plan's first day is here by %(day)s from %(sites)s, of which "
        "%(origin)s is the quickest."
    ),
    "in_time_no_more": (
        "Nothing that leaves on the plan's first day is here in time: at best it is %(days)s late."
    ),
    "in_time_never": "No lane leads to %(site)s: new supply needs one.",
    "in_time_never_cold": "No lane that keeps the cold leads to %(site)s: new supply needs one.",
}

TAILS: Mapping[str, str] = {
    "late_pieces": "Late, after the day it is needed by: %(late_pieces)s.",
    "earlier_needs": (
        "More urgent needs draw on the same lots and are met in full: %(earlier_needs)s."
    ),
}
"""What is added to any sentence whose figure of that name isn't 0."""

NO_WHY = "no reason given"

PIECES = ("%(num)s piece", "%(num)s pieces")
COUNTED: Mapping[str, tuple[str, str]] = {
    "pieces": PIECES,
    "late_pieces": PIECES,
    "substitute_pieces": PIECES,
    "source_pieces": PIECES,
    "open_pieces": PIECES,
    "pack_pieces": PIECES,
    "least_pieces": PIECES,
    "most_pieces": PIECES,
    "total_pieces": PIECES,
    "requested": PIECES,
    "sources": ("%(num)s lot", "%(num)s lots"),
    "needs": ("%(num)s need", "%(num)s needs"),
    "earlier_needs": ("%(num)s need", "%(num)s needs"),
    "sites": ("%(num)s site", "%(num)s sites"),
    "days": ("%(num)s day", "%(num)s days"),
}
"""The phrase for one and for many of each figure that is counted."""

NAMED: Mapping[str, str] = {
    "site": "site",
    "origin": "site",
    "item": "item",
    "origin_zone": "zone",
    "destination_zone": "zone",
    "earmark": "earmark",
}
"""What kind of thing an identifier names."""

MOST_DIGITS = 6


class Words(Protocol):
    """A language: its texts, and how it writes figures, days counted from day 0, and names."""

    def gettext(self, message: str) -> str: ...
    def ngettext(self, one: str, many: str, number: int) -> str: ...
    def number(self, value: int) -> str: ...
    def percent(self, value: Decimal) -> str: ...
    def distance(self, metres: int) -> str: ...
    def day(self, day: int) -> str: ...
    def name(self, kind: str, identifier: str) -> str: ...


class _English:
    def gettext(self, message: str) -> str:
        return message

    def ngettext(self, one: str, many: str, number: int) -> str:
        return one if number == 1 else many

    def number(self, value: int) -> str:
        return f"{value:,}"

    def percent(self, value: Decimal) -> str:
        return f"{value} %"

    def distance(self, metres: int) -> str:
        return f"{metres // 1000:,} km"

    def day(self, day: int) -> str:
        return f"day {day}"

    def name(self, kind: str, identifier: str) -> str:
        del kind
        return identifier


ENGLISH: Words = _English()


def sentence(told: Reason | Remedy, words: Words = ENGLISH) -> str:
    """Return a reason or a remedy in words; KeyError for a code that is not listed above."""
    texts = SENTENCES if isinstance(told, Reason) else REMEDIES
    parts = [texts[told.code], *(text for name, text in TAILS.items() if told.params.get(name))]
    figures = _figures(told.params, words)
    return " ".join(words.gettext(part) % figures for part in parts)


def messages() -> Iterator[str | tuple[str, str]]:
    """Yield every text that a translator has to know, those with a plural as pairs."""
    yield from SENTENCES.values()
    yield from REMEDIES.values()
    yield from TAILS.values()
    yield NO_WHY
    yield from dict.fromkeys(COUNTED.values())


def _figures(params: Mapping[str, int | str], words: Words) -> dict[str, str]:
    figures = {name: _figure(name, value, words) for name, value in params.items()}
    rates = {name: _rate(name, params) for name in ("rate", "new_rate")}
    known = {name: rate for name, rate in rates.items() if rate is not None}
    return figures | {name: words.percent(value) for name, value in _percents(known).items()}


def _figure(name: str, value: int | str, words: Words) -> str:
    if name in NAMED:
        return words.name(NAMED[name], str(value))
    if name == "why":
        return str(value) or words.gettext(NO_WHY)
    if isinstance(value, str):
        return value
    if name in COUNTED:
        return words.ngettext(*COUNTED[name], value) % {"num": words.number(value)}
    if name == "metres":
        return words.distance(value)
    return words.day(value) if name == "day" else words.number(value)


def _rate(name: str, params: Mapping[str, int | str]) -> Fraction | None:
    part, whole = params.get(f"{name}_numerator"), params.get(f"{name}_denominator")
    if not isinstance(part, int) or not isinstance(whole, int) or whole < 1:
        return None
    return Fraction(part, whole)


def _percents(rates: Mapping[str, Fraction]) -> dict[str, Decimal]:
    """Return rates in percent, rounded down, with the digits that tell them apart."""
    shown: dict[str, Decimal] = {}
    for digits in range(1, MOST_DIGITS):
        shown = {
            name: Decimal(int(rate * 10 ** (2 + digits))).scaleb(-digits)
            for name, rate in rates.items()
        }
        if len(set(shown.values())) == len(set(rates.values())):
            break
    return shown
