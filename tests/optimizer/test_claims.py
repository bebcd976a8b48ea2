"""Claims that look well and are not so are refused; hard input breaks nothing else."""

from dataclasses import replace

import pytest

from optimizer.check import check
from optimizer.plan import Plan
from optimizer.problem import (
    Corridor,
    Item,
    Lane,
    Need,
    Pair,
    Pin,
    Place,
    Policy,
    Problem,
    ProblemError,
    Source,
    problem_document,
    problem_from_document,
)
from optimizer.solve import solve
from optimizer.tally import Ledger
from tests.optimizer.worlds import DAY0

PLACES = (
    Place("W", 0, 0, "A"),
    Place("X", 5, 5, "A"),
    Place("H", 1, 1, "B"),
    Place("G", 2, 2, "B"),
)


def world(volume_ml: int | None, **rest: object) -> Problem:
    parts: dict[str, object] = {
        "sources": (Source("S", "W", "mask", 10), Source("T", "X", "mask", 10, 1)),
        "needs": (Need("N", "H", "mask", 8, 1, 0, 0), Need("M", "G", "mask", 20, 1, 0, 1)),
        "policy": Policy("max_min", 1, 3, 20),
        "items": (Item("mask", volume_ml=2),),
        **rest,
    }
    lanes = (Lane("W", "H", 5, 0), Lane("W", "G", 7, 1), Lane("X", "H", 9, 0), Lane("X", "G", 3, 0))
    corridors = (Corridor("A", "B", volume_ml),)
    return Problem(
        DAY0,
        lanes=lanes,
        horizon_days=5,
        places=PLACES,
        corridors=corridors,
        **parts,  # type: ignore[arg-type]
    )


WIDE, FULL = world(10**6), world(10)


def restated(problem: Problem, plan: Plan) -> Plan:
    """The plan with true totals for whatever its allocations say by now."""
    ledger = Ledger(problem)
    assert not ledger.check_allocations(plan.allocations)
    outcomes = tuple(
        replace(each, allocated=allocated, late=late)
        for each in plan.outcomes
        for allocated, _, late in [ledger.received[each.need_id]]
    )
    objective = dict(plan.objective)
    objective |= {name: getattr(ledger.sums, name) for name in ledger.sums.__slots__}
    return replace(plan, outcomes=outcomes, objective=objective)


def test_a_plan_that_waits_for_no_full_lane_is_not_the_best() -> None:
    plan = solve(WIDE)
    assert check(WIDE, plan).proven
    first, *others = plan.allocations
    later = replace(first, depart_day=first.depart_day + 3, arrive_day=first.arrive_day + 3)
    report = check(WIDE, restated(WIDE, replace(plan, allocations=(later, *others))))
    assert not report.ok
    assert {each.code for each in report.violations} == {"days"}


@pytest.mark.parametrize("day", [10**60, 6, -1])
def test_a_day_beyond_all_days_is_refused_and_not_a_crash(day: int) -> None:
    plan = solve(WIDE)
    moved = replace(plan.allocations[0], depart_day=day, arrive_day=day)
    assert not check(WIDE, replace(plan, allocations=(moved, *plan.allocations[1:]))).ok


def test_shares_too_large_for_any_number_are_refused() -> None:
    plan = solve(FULL)
    assert plan.certificate is not None
    lanes = plan.certificate.lanes
    assert lanes is not None
    huge = (replace(lanes.shares[0], units=10**30), *lanes.shares[1:])
    forged = replace(plan.certificate, lanes=replace(lanes, shares=huge))
    assert not check(FULL, replace(plan, certificate=forged)).ok


def test_only_a_stopped_plan_has_bounds_and_keeps_them() -> None:
    assert not check(WIDE, replace(solve(WIDE), bounds={"tier_1_pieces": 99})).ok
    stopped = solve(WIDE, stop=lambda: True)
    assert check(WIDE, stopped).ok
    assert not check(WIDE, replace(stopped, bounds={"tier_1_pieces": 1})).ok


def test_a_stopped_plan_with_pins_stays_within_its_bounds() -> None:
    problem = world(None, pins=(Pin("S", "N", 3),))
    plan = solve(problem, stop=lambda: True)
    assert plan.objective["tier_1_pieces"] <= plan.bounds["tier_1_pieces"]
    assert check(problem, plan).ok


@pytest.mark.parametrize("seed", [-1, 2**63, -(2**70)])
def test_a_seed_beyond_64_bits_is_refused_by_name(seed: int) -> None:
    with pytest.raises(ProblemError) as caught:
        solve(WIDE, seed=seed)
    assert "seed" in caught.value.message


def test_dear_pieces_in_full_lanes_are_proven_all_the_same() -> None:
    problem = world(
        3,
        items=(Item("mask", volume_ml=1),),
        policy=Policy(distance_micro_per_piece_m=10**6),
        needs=tuple(Need(f"N{tier}", "H", "mask", 8, tier, 0, tier) for tier in range(4)),
    )
    plan = solve(problem)
    report = check(problem, plan)
    assert plan.solver.status == "bounded"
    assert report.proven, report.violations


def test_a_last_plan_that_no_share_continues_was_one_all_the_same() -> None:
    policy = Policy("max_min", 1, 3, 20, stability_micro_per_piece=3)
    problem = world(10, policy=policy, last=(Pair("gone", "N"), Pair("gone too", "N")))
    plan = solve(problem)
    report = check(problem, plan)
    assert plan.solver.status == "bounded"
    assert report.proven, report.violations


@pytest.mark.parametrize("after", range(8))
def test_a_plan_in_full_lanes_stopped_anywhere_keeps_every_rule(after: int) -> None:
    asked = iter(range(1000))
    plan = solve(FULL, stop=lambda: next(asked) >= after)
    report = check(FULL, plan)
    assert report.ok, report.violations
    assert plan.solver.status in {"stopped", "bounded"}


def test_what_only_a_derived_problem_has_cannot_be_stated() -> None:
    document = problem_document(WIDE) | {"items": [{"code": "mask", "pieces_per_unit": 5}]}
    with pytest.raises(ProblemError) as caught:
        problem_from_document(document)
    assert "derived" in caught.value.message


def test_a_need_outside_all_zones_matters_only_if_a_lot_could_serve_it() -> None:
    outside = Need("Z", "Z", "gown", 4, 1, 0, 2)
    problem = replace(FULL, needs=(*FULL.needs, outside))
    plan = solve(problem)
    assert check(problem, plan).proven
    assert plan.solver.status == "bounded"
    assert plan.outcomes[-1].reason.code == "no_supply"
    lane = Lane("W", "Z", 1, 1)
    wanted = replace(outside, item="mask")
    problem = replace(FULL, needs=(*FULL.needs, wanted), lanes=(*FULL.lanes, lane))
    with pytest.raises(ProblemError) as caught:
        solve(problem)
    assert caught.value.code == "no_zone"
