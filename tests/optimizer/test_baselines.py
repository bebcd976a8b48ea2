"""Today's practice, and the figures that compare it."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer.baselines import (
    first_come_first_served,
    national_quota,
    practised,
    proportional,
    summary,
)
from optimizer.check import check
from optimizer.plan import Plan
from optimizer.problem import Corridor, Item, Lane, Need, Pin, Place, Problem, Source
from optimizer.rules import refusal
from optimizer.solve import solve
from tests.optimizer.worlds import (
    DAY0,
    conversion,
    corridors,
    featured,
    least_drop,
    packs,
    pins,
    problems,
    roads,
    sizes,
    zones,
)

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


def lines(plan: Plan) -> list[tuple[str, str, int]]:
    return [(a.need_id, a.source_id, a.quantity) for a in plan.allocations]


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


def test_a_national_quota_goes_by_how_many_needs_a_zone_has() -> None:
    # North has one need of three: 90 // 3 pieces of 90, however much it asks for.
    places = (Place("H1", 0, 0, "north"), Place("H2", 0, 0, "south"))
    problem = replace(PROBLEM, places=places)
    got = {o.need_id: o.allocated for o in national_quota(problem).outcomes}
    assert got == {"A": 30, "B": 40, "C": 20}


def test_odd_pieces_of_a_quota_go_by_the_largest_remainder() -> None:
    places = (Place("H1", 0, 0, "north"), Place("H2", 0, 0, "south"))
    sources = (Source("far", "W1", "mask", 50),)  # 16⅔ and 33⅓
    problem = replace(PROBLEM, places=places, sources=sources)
    got = {o.need_id: o.allocated for o in national_quota(problem).outcomes}
    assert got == {"A": 17, "B": 13, "C": 20}


def test_a_quota_without_zones_is_first_come() -> None:
    assert lines(national_quota(PROBLEM)) == lines(first_come_first_served(PROBLEM))


LANE = Problem(
    DAY0,
    (Source("S", "W", "mask", 100, ready_day=1),),
    (Need("A", "H", "mask", 90, 0, 9, posted_at=0), Need("B", "H", "mask", 90, 0, 9, posted_at=1)),
    (Lane("W", "H", 1, 1),),
    horizon_days=4,
    items=(Item("mask", volume_ml=10, weight_g=1),),
    places=(Place("W", 0, 0, "a"), Place("H", 0, 0, "b")),
    corridors=(Corridor("a", "b", volume_ml_per_day=300),),
)


def test_what_a_full_lane_does_not_take_leaves_on_the_next_day() -> None:
    plan = first_come_first_served(LANE)
    assert [(a.need_id, a.quantity, a.depart_day, a.arrive_day) for a in plan.allocations] == [
        ("A", 30, 1, 2),
        ("A", 30, 2, 3),
        ("A", 30, 3, 4),
    ]  # and what could leave on day 4 would arrive too late


def test_what_expires_on_the_way_does_not_wait_for_a_lane() -> None:
    source = replace(LANE.sources[0], expiry_day=4)
    plan = first_come_first_served(replace(LANE, sources=(source,)))
    assert [a.depart_day for a in plan.allocations] == [1, 2]


def test_what_is_set_by_hand_goes_first_and_uses_its_lane() -> None:
    plan = first_come_first_served(replace(LANE, pins=(Pin("S", "B", 25, "promised"),)))
    assert [(a.need_id, a.quantity, a.depart_day) for a in plan.allocations] == [
        ("A", 5, 1),
        ("A", 30, 2),
        ("A", 30, 3),
        ("B", 25, 1),
    ]


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(featured(zones, sizes, corridors, largest=30) | featured(packs, zones, pins, largest=30))
def test_all_practices_at_once_are_each_by_itself(problem: Problem) -> None:
    assert practised(problem) == {
        "first_come_first_served": first_come_first_served(problem),
        "first_come_by_tier": first_come_first_served(problem, by_tier=True),
        "proportional": proportional(problem),
        "national_quota": national_quota(problem),
    }


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(problem=featured(zones, roads, sizes, corridors, largest=30))
def test_no_practice_overfills_a_lane_or_breaks_a_rule(problem: Problem) -> None:
    for plan in practised(problem).values():
        assert_keeps_rules(problem, plan)


def assert_keeps_rules(problem: Problem, plan: Plan) -> None:
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    drawn, given_, used = Counter(), Counter(), Counter()  # type: ignore[var-annotated]
    for each in plan.allocations:
        source, need = sources[each.source_id], needs[each.need_id]
        way = problem.way(source.site, need.site)
        assert way is not None
        later = replace(source, ready_day=each.depart_day)
        assert each.depart_day >= max(0, source.ready_day)
        assert each.arrive_day == each.depart_day + way.transit_days
        assert refusal(later, need, way, problem) is None
        drawn[source.id] += each.quantity
        given_[need.id] += each.quantity
        item = problem.item(source.item)
        lane = problem.zone(source.site), problem.zone(need.site)
        used[lane, each.depart_day, "ml"] += each.quantity * item.volume_ml
        used[lane, each.depart_day, "g"] += each.quantity * item.weight_g
    assert all(pieces <= sources[name].quantity for name, pieces in drawn.items())
    assert all(pieces <= needs[name].quantity for name, pieces in given_.items())
    for corridor in problem.corridors:
        lane = corridor.origin_zone, corridor.destination_zone
        for day in range(problem.horizon_days + 1):
            for limit, unit in (
                (corridor.volume_ml_per_day, "ml"),
                (corridor.weight_g_per_day, "g"),
            ):
                assert limit is None or used[lane, day, unit] <= limit


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(featured(conversion, packs, least_drop, zones, pins, largest=30))
def test_practice_keeps_packs_pins_and_least_drops_too(problem: Problem) -> None:
    for plan in practised(problem).values():
        report = check(problem, plan)
        assert report.ok, report.violations


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems(largest=30))
def test_practice_keeps_the_rules_and_never_serves_the_first_tier_more(problem: Problem) -> None:
    optimal = solve(problem)
    first = min((need.tier for need in problem.needs), default=0)
    name = f"tier_{first}_pieces"
    for plan in practised(problem).values():
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
