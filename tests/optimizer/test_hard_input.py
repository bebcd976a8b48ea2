"""Hard input is served as far as can be, and each need that is not is told why."""

from dataclasses import replace
from typing import Any

import pytest

from optimizer.explain import sentence
from optimizer.problem import Ban, Corridor, Item, Pair, Policy, Problem
from tests.optimizer.test_bad_input import BARE, NEED, PROBLEM, SOURCE, codes, got, planned
from tests.optimizer.worlds import DAY0


def test_empty_sides_have_an_empty_plan() -> None:
    assert planned(Problem(DAY0, (), (), ())).allocations == ()
    assert planned(Problem(DAY0, (SOURCE,), (), ())).outcomes == ()
    assert codes(planned(replace(BARE, sources=()))) == {"N": "no_supply"}
    assert codes(planned(replace(BARE, lanes=()))) == {"N": "no_lane"}


def test_huge_quantities_are_exact_to_the_piece() -> None:
    needs = tuple(replace(NEED, id=f"N{row}", quantity=10**12 - row) for row in range(3))
    sources = tuple(replace(SOURCE, id=f"S{row}", quantity=10**12 - 1) for row in range(2))
    plan = planned(replace(BARE, sources=sources, needs=needs))
    assert sum(got(plan).values()) == 2 * (10**12 - 1)
    # All at the rate 2/3, rounded down; the one odd piece goes to whoever lost most by that.
    assert [got(plan)[need.id] - 2 * need.quantity // 3 for need in needs] == [1, 0, 0]


def test_a_need_by_day_before_today_is_served_late_and_says_so() -> None:
    plan = planned(replace(BARE, needs=(replace(NEED, need_by_day=-3),)))
    assert got(plan) == {"N": 40}
    assert plan.outcomes[0].late == 40
    assert plan.objective["late_piece_days"] == 40 * 5
    assert plan.outcomes[0].reason.params["late_pieces"] == 40


def test_substitutes_that_accept_each_other_are_fine_and_not_passed_on() -> None:
    problem = replace(
        BARE,
        sources=(replace(SOURCE, item="c", quantity=9),),
        needs=(
            replace(NEED, id="A", item="a", accepts=("b",)),
            replace(NEED, id="B", item="b", accepts=("c", "a")),
            replace(NEED, id="C", item="c", accepts=("a",), quantity=3),
        ),
    )
    plan = planned(problem)
    # B may have c, and A may have b; yet A may not have c.
    assert got(plan)["A"] == 0
    assert codes(plan)["A"] == "no_supply"
    assert got(plan)["B"] + got(plan)["C"] == 9


def _only(policy: Policy, **parts: Any) -> Problem:
    return replace(BARE, policy=policy, **parts)


IMPOSSIBLE = [
    (_only(Policy(least_drop_pieces=10**12)), "below_least_drop"),
    (_only(Policy(least_drop_pieces=41)), "below_least_drop"),
    (
        _only(Policy(least_drop_pieces=40), sources=(replace(SOURCE, quantity=39),)),
        "lots_left_out",
    ),
    (
        _only(Policy(whole_packs=True), sources=(replace(SOURCE, pack_size=41),)),
        "less_than_a_pack",
    ),
    (
        _only(Policy(whole_packs=True), sources=(replace(SOURCE, pack_size=101),)),
        "lots_left_out",
    ),
    (replace(BARE, bans=(Ban("S", "N"),)), "banned"),
    (replace(BARE, bans=(Ban("S", None),)), "banned"),
    (replace(BARE, bans=(Ban(None, "N"),)), "banned"),
    (replace(BARE, items=(Item("mask", cold=True),)), "cold_chain"),
    (replace(BARE, horizon_days=0), "too_late"),
    (replace(BARE, sources=(replace(SOURCE, ready_day=9),)), "too_late"),
    (replace(BARE, sources=(replace(SOURCE, expiry_day=-1),)), "expires_on_arrival"),
]


@pytest.mark.parametrize(("problem", "code"), IMPOSSIBLE)
def test_a_plan_that_can_serve_nobody_says_why(problem: Problem, code: str) -> None:
    plan = planned(problem)
    assert got(plan) == {"N": 0}
    assert codes(plan) == {"N": code}


def test_a_corridor_that_lets_nothing_through_serves_nobody() -> None:
    shut = (Corridor("north", "south", volume_ml_per_day=0),)
    plan = planned(replace(PROBLEM, corridors=shut, pins=()))
    assert got(plan) == {"N": 0}
    assert sentence(plan.outcomes[0].reason)


def test_what_the_last_plan_joined_and_is_gone_by_now_is_no_error() -> None:
    problem = replace(BARE, last=(Pair("gone", "N"), Pair("S", "gone")))
    problem = replace(problem, policy=Policy(stability_micro_per_piece=5))
    assert got(planned(problem)) == {"N": 40}
