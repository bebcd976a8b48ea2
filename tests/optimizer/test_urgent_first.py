"""Of lots that are ready on different days, more urgent needs have the first ones, if it's free."""

from dataclasses import replace

import pytest
from hypothesis import given

from optimizer.check import check
from optimizer.parts import Corridor, Item, Lane, Need, Place, Source
from optimizer.problem import Problem
from optimizer.solve import solve
from tests.optimizer.worlds import problems

SITES = {"W1": "w", "H1": "h", "H2": "h"}
PROBLEM = Problem(
    day0="2020-02-03",
    sources=(
        Source("W1|lot", "W1", "mask", 100),
        Source("W1|order:due", "W1", "mask", 100, ready_day=3),
    ),
    needs=(
        Need("acute", "H1", "mask", 80, tier=0, need_by_day=6, posted_at=2),
        Need("routine", "H2", "mask", 120, tier=3, need_by_day=6, posted_at=1),
    ),
    lanes=(Lane("W1", "H1", 10_000, 1), Lane("W1", "H2", 300_000, 1)),
    items=(Item("mask", volume_ml=1),),
    places=tuple(Place(site, 0, 0, zone) for site, zone in SITES.items()),
    horizon_days=7,
)


def from_the_lot(problem: Problem) -> dict[str, int]:
    plan = solve(problem)
    assert check(problem, plan).proven
    assert {each.need_id: each.allocated for each in plan.outcomes} == {"acute": 80, "routine": 120}
    given = (each for each in plan.allocations if each.source_id == "W1|lot")
    return {each.need_id: each.quantity for each in given}


@pytest.mark.parametrize("due", ["W1|a", "W1|z"])
def test_what_stands_there_goes_to_the_more_urgent_need(due: str) -> None:
    # Among equals, the optimizer goes by the order of their names.
    lot = PROBLEM.sources[0]
    sources = (lot, replace(PROBLEM.sources[1], id=due))
    assert from_the_lot(replace(PROBLEM, sources=sources)) == {"acute": 80, "routine": 20}


def test_it_never_makes_a_plan_dearer() -> None:
    stat, routine = PROBLEM.needs
    late = replace(PROBLEM, needs=(stat, replace(routine, need_by_day=1)))
    assert from_the_lot(late) == {"routine": 100}


def test_it_overloads_no_corridor() -> None:
    narrow = replace(PROBLEM, corridors=(Corridor("w", "h", volume_ml_per_day=100),))
    assert from_the_lot(narrow)["acute"] == 80


@given(problems())
def test_whatever_is_exchanged_the_plan_is_proven(problem: Problem) -> None:
    assert check(problem, solve(problem)).proven
