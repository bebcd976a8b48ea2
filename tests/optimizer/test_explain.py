"""Every need gets its reason, in figures and in words."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import optimizer
from optimizer.explain import COUNTED, NAMED, REMEDIES, SENTENCES, messages, sentence
from optimizer.parts import Ban, Item, Lane, Need, Pin, Place, Source
from optimizer.plan import Reason
from optimizer.policy import Policy
from optimizer.problem import Problem
from optimizer.remedy import Remedy
from optimizer.rules import RULES
from optimizer.solve import solve
from tests.optimizer.worlds import DAY0

FOLDER = Path(optimizer.__path__[0])
SOURCE = Source("S", "W", "mask", 10, expiry_day=9)
NEED = Need("N", "H", "mask", 20, 0, 5, 0)
LANE = Lane("W", "H", 1000, 2)


def reason_of(need_id: str, *parts: Source | Need | Lane, horizon: int = 7) -> Reason:
    plan = solve(
        Problem(
            DAY0,
            tuple(part for part in parts if isinstance(part, Source)),
            tuple(part for part in parts if isinstance(part, Need)),
            tuple(part for part in parts if isinstance(part, Lane)),
            Policy(),
            horizon,
        )
    )
    return next(outcome.reason for outcome in plan.outcomes if outcome.need_id == need_id)


def test_a_shared_shortage_names_the_rate_and_who_shares() -> None:
    urgent = Need("U", "H", "mask", 4, 0, 5, 0)
    rest = tuple(Need(f"N{row}", "H", "mask", 9, 1, 5, row) for row in range(2))
    reason = reason_of("N0", SOURCE, urgent, *rest, LANE)
    assert reason.code == "shared_shortage"
    assert reason.params == {
        "level": 0,
        "tier": 1,
        "needs": 2,
        "earlier_needs": 1,
        "sources": 1,
        "source_pieces": 10,
        "rate_numerator": 1,
        "rate_denominator": 3,
    }
    assert sentence(reason) == (
        "Short: all that is left for it, 10 pieces in 1 lot, is used up and shared with the needs "
        "of this priority that depend on it, 2 needs, at one fill rate of 33.3 %. More urgent "
        "needs draw on the same lots and are met in full: 1 need."
    )


def test_what_is_met_says_so_and_tells_what_is_late() -> None:
    need = Need("N", "H", "mask", 5, 0, 1, 0)
    reason = reason_of("N", SOURCE, need, LANE)
    assert sentence(reason) == (
        "Met in full: 5 pieces. Late, after the day it is needed by: 5 pieces."
    )


@pytest.mark.parametrize(
    ("source", "need", "lane", "horizon", "code"),
    [
        (Source("S", "W", "n95", 10), NEED, LANE, 7, "no_supply"),
        (SOURCE, NEED, Lane("W", "X", 1, 1), 7, "no_lane"),
        (SOURCE, NEED, LANE, 1, "too_late"),
        (Source("S", "W", "mask", 10, expiry_day=2), NEED, LANE, 7, "expires_on_arrival"),
        (Source("S", "W", "mask", 10, earmark="site:X"), NEED, LANE, 7, "earmarked_elsewhere"),
    ],
)
def test_what_cannot_be_reached_says_what_stands_in_the_way(
    source: Source, need: Need, lane: Lane, horizon: int, code: str
) -> None:
    reason = reason_of("N", source, need, lane, horizon=horizon)
    assert reason.code == code
    assert sentence(reason)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"items": (Item("mask", cold=True),)}, "cold_chain"),
        ({"bans": (Ban("S", "N", "spoilt"),)}, "banned"),
        ({"bans": (Ban(None, "N", "closed"),)}, "banned"),
        ({"policy": Policy(least_drop_pieces=21)}, "below_least_drop"),
        (
            {
                "sources": (replace(SOURCE, quantity=90, pack_size=30),),
                "policy": Policy(whole_packs=True),
            },
            "less_than_a_pack",
        ),
        (
            {"sources": (replace(SOURCE, pack_size=30),), "policy": Policy(whole_packs=True)},
            "lots_left_out",
        ),
        ({"pins": (Pin("S", "N", 10),), "needs": (replace(NEED, quantity=10),)}, "pinned"),
    ],
)
def test_what_policies_people_and_lanes_leave_out_says_so(
    changes: dict[str, Any], code: str
) -> None:
    places = (Place("W", 0, 0, "north"), Place("H", 0, 0, "north"), Place("X", 0, 0, "south"))
    problem = Problem(DAY0, (SOURCE,), (NEED,), (LANE,), Policy(), 7, places=places)
    (outcome,) = solve(replace(problem, **changes)).outcomes
    assert outcome.reason.code == code
    assert "%(" not in sentence(outcome.reason)


def test_the_obstacle_nearest_to_being_overcome_is_named() -> None:
    late = Source("L", "W", "mask", 5, ready_day=9)
    earmarked = Source("E", "W", "mask", 7, earmark="site:X")
    reason = reason_of("N", late, earmarked, NEED, LANE)
    assert reason == Reason("earmarked_elsewhere", {"sources": 1, "source_pieces": 7})


def test_more_urgent_needs_come_first() -> None:
    urgent = Need("U", "H", "mask", 20, 0, 5, 9)
    reason = reason_of("N", SOURCE, urgent, Need("N", "H", "mask", 1, 1, 5, 0), LANE)
    assert reason.code == "earlier_tiers_first"


def test_a_substitute_is_mentioned() -> None:
    need = Need("N", "H", "mask", 12, 0, 5, 0, accepts=("n95",))
    reason = reason_of("N", SOURCE, Source("T", "W", "n95", 9), need, LANE)
    assert sentence(reason) == "Met in full: 12 pieces, 2 pieces of them substitutes."


FIGURES: dict[str, int | str] = {
    "rate": 3,
    "new_rate": 4,
    **dict.fromkeys((*COUNTED, *NAMED), 3),
    "rate_numerator": 1,
    "rate_denominator": 3,
    "new_rate_numerator": 2,
    "new_rate_denominator": 3,
    "why": "spoilt",
    "metres": 5000,
    "day": 3,
}


@pytest.mark.parametrize("code", SENTENCES)
def test_every_reason_has_a_sentence_that_needs_only_its_listed_figures(code: str) -> None:
    assert "%" not in sentence(Reason(code, FIGURES)).replace(" %", "")


@pytest.mark.parametrize("code", REMEDIES)
def test_every_remedy_has_a_sentence_that_needs_only_its_listed_figures(code: str) -> None:
    assert "%" not in sentence(Remedy(code, FIGURES)).replace(" %", "")


def test_what_the_sources_give_as_codes_is_listed() -> None:
    """Whoever adds a reason or a remedy finds out here that it needs its words."""
    text = "".join(path.read_text("utf-8") for path in sorted(FOLDER.glob("*.py")))
    reasons = set(re.findall(r"\bReason\(\s*\"(\w+)\"", text))
    remedies = set(re.findall(r"\bRemedy\(\s*\"(\w+)\"", text))
    assert len(reasons) > 8
    assert len(remedies) > 15
    assert reasons | {rule.code for rule in RULES} <= SENTENCES.keys()
    assert remedies <= REMEDIES.keys()


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError):
        sentence(Reason("whatever", {}))


def test_rates_are_rounded_down_and_told_apart() -> None:
    rates = {"rate_numerator": 9990, "rate_denominator": 10_000}
    rates |= {"new_rate_numerator": 99_909, "new_rate_denominator": 100_000}
    told = sentence(Remedy("more_supply", FIGURES | rates))
    assert "from 99.90 % to 99.90 %" not in told
    assert "from 99.900 % to 99.909 %" in told


def test_the_same_messages_carry_any_language() -> None:
    class Loud:
        def gettext(self, message: str) -> str:
            return message.upper().replace("%(PIECES)S", "%(pieces)s")

        def ngettext(self, one: str, many: str, number: int) -> str:
            return f"{one}|{many}|{number}".replace("%(num)s", "#")

        def __getattr__(self, name: str) -> Any:
            return lambda *values: f"{name}{values}"

    assert sentence(Reason("met_in_full", {"pieces": 1}), Loud()) == (
        "MET IN FULL: # piece|# pieces|1."
    )


def test_every_message_is_given_to_translators_once() -> None:
    given = list(messages())
    assert len(set(given)) == len(given)
    assert {*SENTENCES.values(), *REMEDIES.values()} < set(given)
