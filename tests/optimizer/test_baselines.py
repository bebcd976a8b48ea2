"""Today's practice, and the figures that compare it."""

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer.baselines import first_come_first_served, proportional, summary
from optimizer.check import check
from optimizer.problem import Lane, Need, Problem, Source
from optimizer.solve import solve
from tests.optimizer.worlds import DAY0, problems

PROBLEM = Problem(
    DAY0,
    (Source("far", "W1", "mask", 60), Source("near", "W2", "mask", 30)),
    (
        Need("A", "H1", "mask", 50, 1, 5, posted_at=2),
        Need("B", "H2", "mask", 50, 0, 5, posted_at=1),
        Need("C", "H2", "mask", 20, 0, 5, posted_at=0),
    ),
    tuple(
        Lane(origin, destination, metres, 1)
        for origin, metres in (("W1", 9000), ("W2", 1000))
        for destination in ("H1", "H2")
    ),
)


def lines(plan: object) -> list[tuple[str, str, int]]:
    return [(a.need_id, a.source_id, a.quantity) for a in plan.allocations]  # type: ignore[attr-defined]


def test_first_come_takes_the_nearest_stock_in_the_order_of_posting() -> None:
    plan = first_come_first_served(PROBLEM)
    assert lines(plan) == [
        ("A", "far", 20),
        ("B", "far", 40),
        ("B", "near", 10),
        ("C", "near", 20),
    ]


def test_first_come_by_tier_serves_the_urgent_first() -> None:
    later = Need("D", "H1", "mask", 30, 0, 5, posted_at=9)
    problem = Problem(DAY0, PROBLEM.sources, (*PROBLEM.needs, later), PROBLEM.lanes)
    got = {o.need_id: o.allocated for o in first_come_first_served(problem, by_tier=True).outcomes}
    assert got == {"A": 0, "B": 50, "C": 20, "D": 20}


def test_proportional_gives_everyone_the_same_share() -> None:
    got = {o.need_id: o.allocated for o in proportional(PROBLEM).outcomes}
    assert got == {"A": 37, "B": 37, "C": 15}  # 90 / 120 of each, rounded down


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems(largest=30))
def test_practice_keeps_the_rules_and_never_serves_the_first_tier_more(problem: Problem) -> None:
    optimal = solve(problem)
    first = min((need.tier for need in problem.needs), default=0)
    name = f"tier_{first}_pieces"
    for plan in (
        first_come_first_served(problem),
        first_come_first_served(problem, by_tier=True),
        proportional(problem),
    ):
        report = check(problem, plan)
        assert report.ok, report.violations
        assert not report.proven
        assert plan.objective.get(name, 0) <= optimal.objective.get(name, 0)


def test_the_figures_are_what_they_say() -> None:
    figures = summary(PROBLEM, first_come_first_served(PROBLEM))
    rates = sorted([Fraction(20, 50), Fraction(1), Fraction(1)])
    assert figures.pieces == 90
    assert figures.unmet == 30
    assert figures.pieces_by_tier == {0: 70, 1: 20}
    assert figures.requested_by_tier == {0: 70, 1: 50}
    assert figures.min_fill_ppm == figures.p5_fill_ppm == 400_000
    assert figures.mean_fill_ppm == 800_000
    assert figures.zero_share_ppm == 0
    assert figures.piece_km == 60 * 9 + 30 * 1
    assert figures.shipments == 3
    assert figures.drops == 4
    differences = sum(abs(one - other) for one in rates for other in rates)
    assert figures.gini_ppm == int(1_000_000 * differences / (2 * 3 * sum(rates)))


def test_the_figures_of_nothing() -> None:
    empty = Problem(DAY0, (), (), ())
    figures = summary(empty, solve(empty))
    assert (figures.pieces, figures.unmet, figures.gini_ppm) == (0, 0, 0)
    assert figures.min_fill_ppm == 1_000_000


@pytest.mark.parametrize("count", [1, 20, 21])
def test_the_fifth_percentile_is_the_rate_of_one_need_in_twenty(count: int) -> None:
    needs = tuple(Need(f"N{row:02}", "H", "mask", 100, 0, 1, row) for row in range(count))
    problem = Problem(DAY0, (Source("S", "W", "mask", 100 * (count - 1) + 1),), needs, ())
    problem = Problem(DAY0, problem.sources, needs, (Lane("W", "H", 1, 1),))
    figures = summary(problem, first_come_first_served(problem))
    assert figures.p5_fill_ppm == (10_000 if count <= 20 else 1_000_000)
