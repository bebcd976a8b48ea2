"""Rounds: optimal where every plan can be tried, allowed where not, and nothing lost."""

import logging
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import ProblemError
from optimizer.rounds import plan_rounds, split
from optimizer.rounds_check import check_rounds
from optimizer.rounds_documents import problem_from_json, problem_to_json
from optimizer.rounds_parts import Drop, Goods, Rounds, RoundsProblem, Site, Vehicle
from tests.optimizer.rounds_worlds import DEPOT, HOUR, MINUTE, best_by_trying, problems, star

ALL_DAY = (0, 24 * HOUR)
VAN = Vehicle("van", "D", 10_000, 10_000, ends_s=24 * HOUR, shift_s=12 * HOUR)


def planned(problem: RoundsProblem) -> Rounds:
    rounds = plan_rounds(problem, most_iterations=200, most_seconds=60)
    report = check_rounds(problem, rounds)
    assert report.ok, report.violations
    return rounds


def lost(problem: RoundsProblem, rounds: Rounds) -> int:
    tiers = {drop.id: drop.tier for drop in problem.drops}
    return sum(10 ** (3 - tiers[name]) for name in {each.drop_id for each in rounds.left_out})


def order(rounds: Rounds) -> list[list[str]]:
    return [[stop.site for stop in each.stops] for each in rounds.rounds]


INSTANCES = {
    "one lorry in a line": star(
        [ALL_DAY] * 4,
        [10, 20, 30, 40],
        [[], [10], [20, 10], [30, 20, 10]],
        [2, 2, 2, 2],
        [VAN],
    ),
    "two lorries by capacity": star(
        [ALL_DAY] * 4,
        [30, 31, 40, 42],
        [[], [5], [60, 61], [62, 60, 7]],
        [5, 5, 5, 5],
        [replace(VAN, count=2)],
    ),
    "the late one first because it closes early": star(
        [(8 * HOUR, 18 * HOUR), (8 * HOUR, 8 * HOUR + 30 * MINUTE), (8 * HOUR, 18 * HOUR)],
        [10, 40, 20],
        [[], [35], [60, 30]],
        [2, 2, 2],
        [replace(VAN, starts_s=7 * HOUR, shift_s=6 * HOUR)],
    ),
    "two trips of one lorry": star(
        [ALL_DAY] * 4,
        [20, 22, 25, 27],
        [[], [6], [40, 41], [42, 44, 5]],
        [5, 5, 5, 5],
        [replace(VAN, most_rounds=2)],
    ),
    "cold goods on the cold lorry": star(
        [ALL_DAY] * 4,
        [20, 21, 50, 52],
        [[], [4], [60, 62], [61, 63, 3]],
        [3, 3, 3, 3],
        [VAN, replace(VAN, code="fridge", cold=True, volume_ml=7000)],
        cold=frozenset({0, 3}),
    ),
    "not everybody on a short day, the urgent ones first": star(
        [ALL_DAY] * 4,
        [50, 60, 70, 80],
        [[], [90], [80, 70], [75, 85, 95]],
        [2, 2, 2, 2],
        [replace(VAN, shift_s=4 * HOUR)],
        tiers=[3, 1, 0, 2],
    ),
}


@pytest.mark.parametrize("name", INSTANCES)
def test_finds_what_trying_everything_finds(name: str) -> None:
    problem = INSTANCES[name]
    rounds = planned(problem)
    assert (lost(problem, rounds), rounds.distance_m) == best_by_trying(problem)


def test_the_instances_are_as_hard_as_they_say() -> None:
    """Each of them needs the rule that it is about: without it, the best plan is another one."""
    lateness = INSTANCES["the late one first because it closes early"]
    always = tuple(replace(site, opens_s=0, closes_s=24 * HOUR) for site in lateness.sites)
    assert best_by_trying(replace(lateness, sites=always)) < best_by_trying(lateness)
    assert len(planned(INSTANCES["two trips of one lorry"]).rounds) == 2
    cold = INSTANCES["cold goods on the cold lorry"]
    warm = tuple(
        replace(drop, goods=tuple(replace(one, cold=False) for one in drop.goods))
        for drop in cold.drops
    )
    assert best_by_trying(replace(cold, drops=warm)) < best_by_trying(cold)
    short = INSTANCES["not everybody on a short day, the urgent ones first"]
    assert {each.drop_id for each in planned(short).left_out} == {"d0", "d3"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems(), st.integers(0, 3))
def test_whatever_is_planned_keeps_every_rule(problem: RoundsProblem, seed: int) -> None:
    rounds = plan_rounds(problem, seed=seed, most_iterations=15)
    report = check_rounds(problem, rounds)
    assert report.ok, report.violations
    assert rounds == plan_rounds(problem, seed=seed, most_iterations=15)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems())
def test_without_any_time_there_is_a_plan_all_the_same(problem: RoundsProblem) -> None:
    rounds = plan_rounds(problem, most_iterations=15, most_seconds=0)
    assert check_rounds(problem, rounds).ok
    assert rounds.status == "stopped" or not rounds.rounds


def test_depots_and_days_that_share_nothing_are_planned_apart() -> None:
    sites = [replace(DEPOT, code=code) for code in ("A", "B", "C", "S")]
    goods = (Goods("1", 1),)

    def drop(name: str, depots: tuple[str, ...], day: int = 0) -> Drop:
        return Drop(name, "S", depots, goods, day)

    problem = RoundsProblem(
        tuple(sites),
        tuple(Vehicle("v", code, 10, 10) for code in "ABC"),
        (
            drop("a", ("A",)),
            drop("ab", ("A", "B")),
            drop("c", ("C",)),
            drop("later", ("A",), 1),
        ),
    )
    parts = [sorted(each.id for each in part.drops) for part in split(problem)]
    assert parts == [["a", "ab"], ["c"], ["later"]]
    whole = planned(problem)
    apart = [planned(part) for part in split(problem)]
    assert whole.distance_m == sum(part.distance_m for part in apart)
    assert {each.day for each in whole.rounds} == {0, 1}


def test_a_drop_larger_than_a_lorry_comes_on_several() -> None:
    problem = star([ALL_DAY], [10], [[]], [25], [replace(VAN, count=2, most_rounds=2)])
    rounds = planned(problem)
    pieces = [load.quantity for each in rounds.rounds for s in each.stops for load in s.loads]
    assert sum(pieces) == 25
    assert len(rounds.rounds) == 3
    assert rounds.left_out == ()


def test_two_parcels_for_one_site_are_one_stop_with_one_handing_over() -> None:
    """12 pieces are more than the small lorry's 10; the large one brings them in one stop."""
    small, large = VAN, replace(VAN, code="lorry", volume_ml=40_000, weight_g=40_000)
    problem = star([ALL_DAY], [10], [[]], [12], [small, large])
    (only,) = planned(problem).rounds
    assert only.vehicle == "lorry"
    assert [(stop.site, stop.leaves_s - stop.begins_s) for stop in only.stops] == [
        ("S0", 10 * MINUTE)
    ]


def test_what_is_left_out_says_why() -> None:
    far = Site("FAR", 40_000_000, 114_000_000)
    near = Site("NEAR", 30_010_000, 114_000_000)
    lone = replace(DEPOT, code="LONE")
    problem = RoundsProblem(
        (DEPOT, lone, far, near),
        (VAN,),
        (
            Drop("lone", "NEAR", ("LONE",), (Goods("1", 3, 1000),)),
            Drop("cold", "NEAR", ("D",), (Goods("1", 3, 1000, cold=True),)),
            Drop("large", "NEAR", ("D",), (Goods("1", 3, 10_001), Goods("2", 1, 1))),
            Drop("far", "FAR", ("D",), (Goods("1", 3, 1000),)),
            Drop("many", "NEAR", ("D",), (Goods("1", 10**12, 1000),)),
        ),
    )
    told = {(each.drop_id, each.reason): each.quantity for each in planned(problem).left_out}
    brought = 10 - 1  # a tenth of the lorry's litres goes to the millilitre of "large"
    assert told == {
        ("lone", "no_vehicle"): 3,
        ("cold", "no_cold_vehicle"): 3,
        ("large", "too_large"): 3,
        ("far", "out_of_reach"): 3,
        ("many", "no_room"): pytest.approx(10**12 - brought, abs=5),
    }


def test_waits_at_the_depot_and_not_at_the_gate() -> None:
    problem = star([(9 * HOUR, 10 * HOUR)], [30], [[]], [1], [VAN])
    (only,) = planned(problem).rounds
    assert (only.loads_s, only.departs_s) == (9 * HOUR - 40 * MINUTE, 9 * HOUR - 30 * MINUTE)
    assert (only.stops[0].arrives_s, only.stops[0].leaves_s) == (9 * HOUR, 9 * HOUR + 10 * MINUTE)
    assert only.returns_s == 9 * HOUR + 40 * MINUTE


# What only those give who don't look at types.
HALF: Any = 30.5
ONE: Any = 1


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Site("", 0, 0), "bad_name"),
        (lambda: Site("S", 91_000_000, 0), "out_of_range"),
        (lambda: Site("S", HALF, 0), "not_an_integer"),
        (lambda: Site("S", 0, 0, 9 * HOUR, 8 * HOUR), "bad_hours"),
        (lambda: Site("S", 0, 0, 0, 60, 61), "bad_hours"),
        (lambda: Vehicle("v", "D", -1, 0), "out_of_range"),
        (lambda: Vehicle("v", "D", 1, 1, starts_s=10, ends_s=9), "out_of_range"),
        (lambda: Vehicle("v", "D", 1, 1, cold=ONE), "not_a_flag"),
        (lambda: Goods("g", 0), "out_of_range"),
        (lambda: Goods("g", 10**13), "out_of_range"),
        (lambda: Drop("d", "S", (), (Goods("g", 1),)), "bad_drop"),
        (lambda: Drop("d", "S", ("D",), ()), "bad_drop"),
        (lambda: Drop("d", "S", ("D",), (Goods("g", 1), Goods("g", 2))), "duplicate_id"),
        (
            lambda: RoundsProblem((DEPOT,), (Vehicle("v", "X", 1, 1),), ()),
            "unknown_site",
        ),
        (
            lambda: RoundsProblem((DEPOT,), (), (Drop("d", "X", ("D",), (Goods("g", 1),)),)),
            "unknown_site",
        ),
        (lambda: RoundsProblem((DEPOT, DEPOT), (), ()), "duplicate_id"),
    ],
)
def test_refuses_what_no_rounds_can_be_made_from(make: object, code: str) -> None:
    with pytest.raises(ProblemError) as refused:
        make()  # type: ignore[operator]
    assert refused.value.code == code


def test_nothing_to_bring_is_an_empty_plan() -> None:
    assert planned(RoundsProblem((DEPOT,), (VAN,), ())) == Rounds((), ())


def test_every_round_of_a_lorry_is_numbered() -> None:
    rounds = planned(INSTANCES["two trips of one lorry"])
    assert Counter((each.vehicle, each.unit, each.trip) for each in rounds.rounds) == {
        ("van", 1, 1): 1,
        ("van", 1, 2): 1,
    }


def test_the_solver_is_loaded_only_where_rounds_are_searched() -> None:
    code = "import sys, optimizer.rounds, optimizer.rounds_check; print('pyvrp' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert said.stdout == "False\n"


def test_the_solver_writes_nothing_to_the_console(capfd: pytest.CaptureFixture[str]) -> None:
    planned(INSTANCES["one lorry in a line"])
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("pyvrp").level != logging.NOTSET


@given(problems())
def test_a_problem_survives_being_written_down(problem: RoundsProblem) -> None:
    text = problem_to_json(problem)
    assert problem_from_json(text) == problem
    assert problem_to_json(problem_from_json(text.encode())) == text


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format":"medrelay-rounds/2"}', '{"format":"medrelay-rounds/1"}'],
)
def test_a_document_that_is_no_problem_is_refused(text: str) -> None:
    with pytest.raises(ProblemError) as refused:
        problem_from_json(text)
    assert refused.value.code == "bad_document"
