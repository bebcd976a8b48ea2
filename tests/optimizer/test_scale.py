"""What makes a nation's size possible changes nothing: few pairs, few arcs, many processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer import blocks, columns, reach
from optimizer.check import check
from optimizer.crew import Processes, inline
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.solve import solve
from services.bench.instances import Shape, make_problem
from tests.optimizer import oracle
from tests.optimizer.worlds import aim, featured, problems, seeded, weights

quick = settings(
    deadline=None, max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow]
)

TINY = {
    columns: {"ALL_BELOW": 0, "NEAREST": 1, "ADDED": 1, "SMALLEST_GUESS": 2, "TOGETHER": 2},
    reach: {"MOST_ARCS": 0, "FIRST_ARCS_PER_GROUP": 1, "MORE_ARCS_PER_GROUP": 1},
    blocks: {"CELLS": 3},
}


@contextmanager
def as_if_large() -> Iterator[None]:
    """Work as on a problem too large to look at whole: a pair, an arc and three cells at a time."""
    with pytest.MonkeyPatch.context() as patch:
        for module, limits in TINY.items():
            for name, value in limits.items():
                patch.setattr(module, name, value)
        yield


def got(plan: Plan) -> dict[str, int]:
    return {outcome.need_id: outcome.allocated for outcome in plan.outcomes}


@quick
@given(problems(largest=40, count=7), st.sampled_from(("max_min", "most_pieces")))
def test_adding_pairs_and_arcs_as_they_are_needed_ends_at_the_same_optimum(
    problem: Problem, fairness: str
) -> None:
    policy = type(problem.policy)(fairness=fairness)
    whole = solve(problem, policy)
    with as_if_large():
        plan = solve(problem, policy)
    assert (got(plan) == got(whole)) or fairness == "most_pieces"
    assert aim(plan) == aim(whole)


def test_a_larger_problem_takes_several_rounds_to_the_same_proven_optimum() -> None:
    problem = seeded(11, 300, 120, items=2)
    whole = solve(problem)
    with as_if_large():
        plan = solve(problem)
    assert got(plan) == got(whole)
    assert aim(plan) == aim(whole)
    assert check(problem, plan).proven


@quick
@given(featured(weights, largest=30, count=5))
def test_weighed_shares_agree_with_water_filling(problem: Problem) -> None:
    plan = solve(problem)
    assert got(plan) == oracle.fair_targets(problem)
    assert check(problem, plan).proven


@quick
@given(featured(weights, largest=10**12, count=4))
def test_weighed_shares_of_enormous_quantities_are_exact(problem: Problem) -> None:
    plan = solve(problem)
    assert got(plan) == oracle.fair_targets(problem)
    assert check(problem, plan).proven


@quick
@given(problems(largest=20, count=6), st.integers(1, 5))
def test_a_seed_decides_ties_only(problem: Problem, seed: int) -> None:
    one, other = solve(problem, seed=seed), solve(problem, seed=seed)
    assert one.to_json() == other.to_json()
    assert got(one) == got(solve(problem))
    assert aim(one) == aim(solve(problem))
    assert check(problem, one).proven


def test_processes_give_the_same_plan_to_the_byte() -> None:
    problem = seeded(5, 60, 80, items=6)
    assert solve(problem, crew=Processes(2)).to_json() == solve(problem, crew=inline).to_json()


def test_processes_are_ended_when_told_to_stop() -> None:
    problem = seeded(5, 60, 80, items=6)
    plan = solve(problem, crew=Processes(2), stop=lambda: True)
    assert plan.solver.status == "stopped"
    assert plan.bounds
    assert check(problem, plan).ok


@quick
@given(problems(largest=20, count=6))
def test_a_stopped_plan_stays_within_its_bounds(problem: Problem) -> None:
    plan = solve(problem, stop=lambda: True)
    best = solve(problem)
    for tier in {need.tier for need in problem.needs}:
        most = plan.bounds[f"tier_{tier}_pieces"]
        assert plan.objective[f"tier_{tier}_pieces"] <= most
        assert best.objective[f"tier_{tier}_pieces"] <= most


@pytest.mark.slow
def test_an_item_of_a_whole_nation_is_proven() -> None:
    problem = make_problem(Shape(35_000, 1_000))
    plan = solve(problem)
    report = check(problem, plan)
    assert report.proven, report.violations[:3]
    assert plan.solver.status == "optimal"


@pytest.mark.slow
def test_a_plan_in_full_lanes_is_bounded_and_proven() -> None:
    problem = make_problem(Shape(1_000, 50, 2, lanes=True))
    plan = solve(problem, crew=Processes(2))
    report = check(problem, plan)
    assert report.proven, report.violations[:3]
    assert plan.solver.status == "bounded"
    assert plan.certificate is not None
    assert plan.certificate.lanes is not None
    assert 0 <= plan.certificate.lanes.gap < Fraction(1, 100)
    assert Plan.from_json(plan.to_json()) == plan
