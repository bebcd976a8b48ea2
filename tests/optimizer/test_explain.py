"""Every need gets its reason, in figures and in words."""

import pytest

from optimizer.explain import SENTENCES, sentence
from optimizer.plan import Reason
from optimizer.problem import Lane, Need, Policy, Problem, Source
from optimizer.solve import solve
from tests.optimizer.worlds import DAY0

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
    assert sentence(reason) == "Met in full: 5 pieces. Late, after the need-by day: 5 pieces."


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


def test_every_code_has_a_sentence_that_needs_only_its_listed_figures() -> None:
    whole = (
        *("pieces", "late_pieces", "substitute_pieces", "rate_numerator", "rate_denominator"),
        *("sources", "source_pieces", "needs", "earlier_needs", "tier", "level", "requested"),
    )
    figures = dict.fromkeys(whole, 3)
    for code in SENTENCES:
        assert "{" not in sentence(Reason(code, figures))
    with pytest.raises(KeyError):
        sentence(Reason("whatever", {}))
