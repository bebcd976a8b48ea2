"""Shared lanes: plans are feasible, bounds hold, and what is uncoupled is left as it is."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.bound import Prices, bound, price_faults
from optimizer.certificate import Certificate
from optimizer.check import check
from optimizer.errors import ProblemError
from optimizer.grid import Grid
from optimizer.lane_proof import LaneProof
from optimizer.lane_shares import (
    Share,
    in_shares,
    share_faults,
    shares_document,
    shares_from_document,
)
from optimizer.lanes import Lanes, overloaded, overloads
from optimizer.plan import Plan
from optimizer.policy import Policy
from optimizer.problem import Corridor, Item, Lane, Need, Place, Problem, Source
from optimizer.shares import LaneSolution, solve_in_lanes
from optimizer.solve import solve
from optimizer.tables import Tables, components
from tests.optimizer.lane_worlds import best_objective, exact, lane_problems, places, sent, ways

SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def grids_of(problem: Problem) -> list[Grid]:
    tables = Tables(problem)
    return [tables.grid(component) for component in components(problem)]


def solved(problem: Problem) -> LaneSolution:
    return solve_in_lanes(problem, grids_of(problem), exact, lambda: False)


def faults(problem: Problem, solution: LaneSolution) -> list[object]:
    """What is wrong with shares, shipments, prices or bound."""
    lanes, grids = Lanes.of(problem), grids_of(problem)
    source, need, day, units = solution.shipments.T
    loads = lanes.loads(source, lanes.need_zone[need], day, units)
    found: list[object] = [*share_faults(problem, solution.shares), *overloads(lanes, loads)]
    kept = {(each.source_id, each.zone, each.day): each.units for each in solution.shares}
    zone = {each.id: problem.zone(each.site) for each in problem.needs}
    drawn: Counter[tuple[str, str, int]] = Counter()
    for each in sent(problem, solution):
        drawn[each.source_id, zone[each.need_id], each.depart_day] += each.units
    found += [key for key, units in drawn.items() if units > kept[key]]
    found += price_faults(lanes, grids, solution.prices)
    return found if bound(lanes, grids, solution.prices) == solution.bound else [*found, "bound"]


def two_zones(capacity: int | None, **changes: object) -> Problem:
    """Ten masks of 1 ml in zone A, wanted in zone B by day 1, a day away."""
    parts: dict[str, object] = {
        "day0": "2020-02-01",
        "sources": (Source("S", "W1", "mask", 10),),
        "needs": (Need("N", "H2", "mask", 10, 0, 1, 0),),
        "lanes": (Lane("W1", "H2", 5, 1),),
        "horizon_days": 3,
        "items": (Item("mask", volume_ml=1),),
        "places": places(),
        "corridors": (Corridor("A", "B", capacity),),
    }
    return Problem(**(parts | changes))  # type: ignore[arg-type]


@SLOW
@given(lane_problems())
def test_a_plan_is_feasible_and_no_plan_is_below_its_bound(problem: Problem) -> None:
    solution = solved(problem)
    assert faults(problem, solution) == []
    allowed = ways(problem)
    drawn: Counter[str] = Counter()
    got: Counter[str] = Counter()
    cost = 0
    by_id = {(s.id, n.id, day): price for (s, n, day), price in allowed.items()}
    for each in sent(problem, solution):
        drawn[each.source_id] += each.units
        got[each.need_id] += each.units
        cost += by_id[each.source_id, each.need_id, each.depart_day] * each.units
    assert all(drawn[source.id] <= source.quantity for source in problem.sources)
    assert all(got[need.id] <= need.quantity for need in problem.needs)
    weights = dict(solution.prices.weights)
    unmet = sum(weights[need.tier] * (need.quantity - got[need.id]) for need in problem.needs)
    assert solution.objective == unmet + cost
    assert solution.bound <= best_objective(problem, weights) <= solution.objective


@SLOW
@given(lane_problems(), st.data())
def test_any_prices_prove_a_bound(problem: Problem, data: st.DataObject) -> None:
    grids, lanes = grids_of(problem), Lanes.of(problem)
    weights = solved(problem).prices.weights
    top = weights[0][1]
    price = st.integers(0, 2) | st.integers(0, 2 * top)
    source = [data.draw(price) for _ in problem.sources]
    corridor = np.zeros((len(lanes.limits), lanes.days, 2), dtype=np.int64)
    for place in zip(*np.nonzero(lanes.limits[:, None, :].repeat(lanes.days, 1) >= 0), strict=True):
        corridor[place] = data.draw(st.integers(0, 2**20 * 60))
    prices = Prices(weights, np.array(source, dtype=np.int64), corridor)
    assert bound(lanes, grids, prices) <= best_objective(problem, dict(weights))


@SLOW
@given(lane_problems())
def test_no_need_is_left_that_could_still_be_served(problem: Problem) -> None:
    solution = solved(problem)
    got, drawn, load = Counter[str](), Counter[str](), Counter[tuple[str, str, int, int]]()
    zone, item = problem.zone, problem.item
    for each in sent(problem, solution):
        source = next(s for s in problem.sources if s.id == each.source_id)
        need = next(n for n in problem.needs if n.id == each.need_id)
        got[need.id] += each.units
        drawn[source.id] += each.units
        for side, size in enumerate((item(source.item).volume_ml, item(source.item).weight_g)):
            key = (zone(source.site), zone(need.site), each.depart_day, side)
            load[key] += size * each.units
    limits = {(c.origin_zone, c.destination_zone): c for c in problem.corridors}
    for source, need, day in ways(problem):
        if got[need.id] == need.quantity or drawn[source.id] == source.quantity:
            continue
        pair = (zone(source.site), zone(need.site))
        corridor = limits.get(pair)
        assert corridor is not None, "an unlimited way was left unused"
        sizes = (item(source.item).volume_ml, item(source.item).weight_g)
        caps = (corridor.volume_ml_per_day, corridor.weight_g_per_day)
        full = any(
            cap is not None and load[*pair, day, side] + sizes[side] > cap
            for side, cap in enumerate(caps)
        )
        assert full, "a corridor with room was left unused"


def test_without_corridors_nothing_is_overloaded() -> None:
    shipments = np.array([[0, 0, 10]])
    assert overloaded(two_zones(9, corridors=()), shipments) == []
    assert overloaded(two_zones(10), shipments) == []
    assert overloaded(two_zones(None), shipments) == []
    [found] = overloaded(two_zones(9), shipments)
    assert (found.corridor, found.day, found.excess_ml, found.excess_g) == (0, 0, 1, 0)


def test_loads_beyond_64_bits_are_exact() -> None:
    problem = two_zones(
        10**15,
        sources=(Source("S", "W1", "mask", 10**12),),
        items=(Item("mask", volume_ml=10**9),),
    )
    [found] = overloaded(problem, np.array([[0, 0, 10**12]]))
    assert found.excess_ml == 10**21 - 10**15


def test_what_does_not_fit_today_leaves_tomorrow() -> None:
    problem = two_zones(4)
    solution = solved(problem)
    days = {each.depart_day: each.units for each in sent(problem, solution)}
    assert days == {0: 4, 1: 4, 2: 2}
    assert solution.objective == 10 * 5 + (4 * 1 + 2 * 2) * 500_000


def test_what_would_arrive_too_late_stays() -> None:
    solution = solved(two_zones(4, horizon_days=2))
    assert solution.shipments[:, 3].sum() == 8
    soon = (Source("S", "W1", "mask", 10, expiry_day=2),)
    solution = solved(two_zones(4, sources=soon))
    assert solution.shipments[:, 3].sum() == 4


def test_a_closed_corridor_lets_nothing_through() -> None:
    solution = solved(two_zones(0))
    assert len(solution.shipments) == 0
    assert solution.objective - solution.bound < solution.objective / 1000


def test_the_urgent_tier_has_the_corridor_first() -> None:
    needs = (Need("N0", "H2", "mask", 5, 0, 1, 1), Need("N1", "H2", "n95", 5, 1, 1, 0))
    sources = (Source("S0", "W1", "mask", 5), Source("S1", "W1", "n95", 5))
    items = (Item("mask", volume_ml=1), Item("n95", volume_ml=1))
    problem = two_zones(2, needs=needs, sources=sources, items=items)
    got = Counter[str]()
    for each in sent(problem, solved(problem)):
        got[each.need_id] += each.units
    assert got == {"N0": 5, "N1": 1}


def test_a_need_outside_all_zones_is_refused_by_name() -> None:
    problem = two_zones(4, places=tuple(p for p in places() if p.site != "H2"))
    with pytest.raises(ProblemError, match="'N' of 'mask' at 'H2'"):
        solved(problem)


def test_shares_become_lots_whose_numbers_are_theirs() -> None:
    shares = (Share("S", "B", 0, 4), Share("S", "B", 1, 3))
    derived = in_shares(two_zones(4), shares)
    lots = [(lot.quantity, lot.ready_day, lot.only_zone) for lot in derived.sources]
    assert lots == [(4, 0, "B"), (3, 1, "B")]
    assert not derived.corridors


def test_the_grids_that_were_solved_are_those_of_the_problem_in_shares() -> None:
    problem = seeded_problem()
    solution = solved(problem)
    others = {tuple(grid.need): grid for grid in grids_of(in_shares(problem, solution.shares))}
    for grid in solution.grids:
        other = others[tuple(grid.need)]
        assert np.array_equal(grid.source, other.source)
        assert np.array_equal(grid.supply, other.supply)
        assert np.array_equal(grid.costs(), other.costs())


def seeded_problem() -> Problem:
    """Thirty needs of two items in two zones, and corridors for about half of what is wanted."""
    random = np.random.default_rng(5)
    sites = [f"H{row}" for row in range(30)]
    zone = {site: "AB"[row % 2] for row, site in enumerate(sites)} | {"W1": "A", "W2": "B"}
    return Problem(
        "2020-02-01",
        tuple(
            Source(f"S{row}", "W1" if row % 4 else "W2", ("mask", "n95")[row // 4], 12_000, row % 3)
            for row in range(8)
        ),
        tuple(
            Need(
                f"N{row:02}-{item}",
                site,
                item,
                int(random.integers(500, 6000)),
                int(random.integers(0, 3)),
                3,
                row,
            )
            for item in ("mask", "n95")
            for row, site in enumerate(sites)
        ),
        tuple(
            Lane(start, site, int(random.integers(1, 900)) * 1000, 1)
            for start in ("W1", "W2")
            for site in sites
        ),
        Policy(),
        5,
        (Item("mask", volume_ml=3, weight_g=1), Item("n95", volume_ml=5, weight_g=2)),
        tuple(Place(site, 0, 0, name) for site, name in zone.items()),
        corridors=(Corridor("A", "B", 9000, 4000), Corridor("B", "A", 6000)),
    )


def test_a_larger_plan_is_near_its_bound() -> None:
    problem = seeded_problem()
    solution = solved(problem)
    assert faults(problem, solution) == []
    assert 0 <= solution.objective - solution.bound < solution.objective / 1000


def test_the_same_problem_has_the_same_solution() -> None:
    one, other = solved(seeded_problem()), solved(seeded_problem())
    assert one.shares == other.shares
    assert np.array_equal(one.shipments, other.shipments)
    assert np.array_equal(one.prices.source, other.prices.source)
    assert np.array_equal(one.prices.corridor, other.prices.corridor)


def test_the_checker_refuses_every_change_of_shares_prices_and_bound() -> None:
    problem = seeded_problem()
    plan = solve(problem)
    assert plan.solver.status == "bounded"
    assert check(problem, plan).proven
    assert plan.certificate is not None
    proof = plan.certificate.lanes
    assert proof is not None

    def codes(changed: LaneProof) -> set[str]:
        certificate = Certificate(plan.certificate.pools, changed)  # type: ignore[union-attr]
        report = check(problem, replace(plan, certificate=certificate))
        assert not report.ok
        return {found.code for found in report.violations}

    shares, source, corridor = proof.shares, proof.source_prices, proof.corridor_prices
    priced = max(range(len(corridor)), key=corridor.__getitem__)
    assert corridor[priced] > 0
    unlimited = len(corridor) // 2 + 1  # from B to A there is no limit on weight
    for changed in (
        replace(proof, bound=proof.bound + 1),
        replace(proof, bound=proof.bound - 1),
        replace(proof, objective=proof.objective - 1),
        replace(proof, shares=shares[1:]),
        replace(proof, shares=shares[::-1]),
        replace(proof, shares=(replace(shares[0], units=shares[0].units + 1), *shares[1:])),
        replace(proof, shares=(replace(shares[0], day=shares[0].day + 3), *shares[1:])),
        replace(proof, source_prices=tuple(each + 10**9 for each in source)),
        replace(proof, source_prices=tuple(-each - 1 for each in source)),
        replace(proof, corridor_prices=_with(corridor, priced, 2 * corridor[priced])),
        replace(proof, corridor_prices=_with(corridor, unlimited, 1)),
        replace(proof, weights=tuple((tier, weight + 1) for tier, weight in proof.weights)),
    ):
        assert codes(changed)


def _with(values: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    return (*values[:place], value, *values[place + 1 :])


def test_the_checker_refuses_a_unit_that_was_moved_to_another_day() -> None:
    problem = seeded_problem()
    plan = solve(problem)
    for change in (1, -1):
        lines = list(plan.allocations)
        lines[0] = replace(
            lines[0],
            depart_day=lines[0].depart_day + change,
            arrive_day=lines[0].arrive_day + change,
        )
        moved: Plan = replace(plan, allocations=tuple(lines))
        assert not check(problem, moved).ok


def test_shares_documents_lose_nothing_and_refuse_what_they_did_not_write() -> None:
    shares = solved(seeded_problem()).shares
    assert shares_from_document(shares_document(shares)) == shares
    bad: list[Any] = [[["S", "B", 0]], [[1, "B", 0, 1]], [["S", "B", 0, 1.5]], {}]
    for rows in bad:
        with pytest.raises(ProblemError):
            shares_from_document(rows)
