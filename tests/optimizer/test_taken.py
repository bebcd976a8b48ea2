"""What others have planned on a corridor already isn't there for a plan, day by day."""

from dataclasses import replace

import pytest

from optimizer.check import check
from optimizer.errors import ProblemError
from optimizer.parts import Corridor, Item, Lane, Need, Pin, Place, Source
from optimizer.problem import Problem, problem_document, problem_from_document
from optimizer.solve import solve

CORRIDOR = Corridor("w", "h", volume_ml_per_day=100, taken=((0, 100, 0), (1, 70, 0)))
PROBLEM = Problem(
    day0="2020-02-03",
    sources=(Source("lot", "W", "mask", 1000),),
    needs=(Need("need", "H", "mask", 1000, tier=0, need_by_day=6, posted_at=1),),
    lanes=(Lane("W", "H", 10_000, 1),),
    items=(Item("mask", volume_ml=1),),
    places=(Place("W", 0, 0, "w"), Place("H", 0, 0, "h")),
    corridors=(CORRIDOR,),
    horizon_days=3,
)


def by_day(problem: Problem) -> dict[int, int]:
    plan = solve(problem)
    report = check(problem, plan)
    assert report.proven, report.violations
    return {each.depart_day: each.quantity for each in plan.allocations}


def test_a_plan_takes_the_room_that_is_left_on_each_day() -> None:
    assert by_day(PROBLEM) == {1: 30, 2: 100}
    assert problem_from_document(problem_document(PROBLEM)) == PROBLEM
    free = replace(PROBLEM, corridors=(replace(CORRIDOR, taken=()),))
    assert "taken" not in problem_document(free)["corridors"][0]
    plan = solve(free)
    assert [each.code for each in check(PROBLEM, plan).violations] == ["lane_full", "lane_full"]


def test_pins_have_only_what_is_left_too() -> None:
    day1 = replace(PROBLEM, sources=(replace(PROBLEM.sources[0], ready_day=1),))
    assert by_day(replace(day1, pins=(Pin("lot", "need", 20),))) == {1: 30, 2: 100}
    with pytest.raises(ProblemError, match="30 ml can leave"):
        solve(replace(day1, pins=(Pin("lot", "need", 31),)))


def test_a_day_is_taken_once() -> None:
    with pytest.raises(ProblemError, match="twice"):
        replace(CORRIDOR, taken=((0, 1, 0), (0, 2, 0)))
