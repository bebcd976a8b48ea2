"""The checker refuses whatever was tampered with, and needs no solver to do so."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.baselines import first_come_first_served, proportional
from optimizer.certificate import Certificate, Pool
from optimizer.check import check
from optimizer.plan import Allocation, Plan, Reason
from optimizer.problem import Lane, Need, Policy, Problem, Source
from optimizer.solve import solve
from tests.optimizer.worlds import DAY0, aim, problems, seeded

PROBLEM = seeded(16, 20, 26)
PLAN = solve(PROBLEM)
UNFAIR = replace(PROBLEM, policy=replace(PROBLEM.policy, fairness="most_pieces"))
NO_CUTOFFS = {"source_cutoffs": (), "need_cutoffs": ()}
DUALS = ("source_prices", "need_prices", "source_cutoffs", "need_cutoffs")


def pools(plan: Plan) -> tuple[Pool, ...]:
    assert plan.certificate is not None
    return plan.certificate.pools


def with_pool(plan: Plan, number: int, pool: Pool) -> Plan:
    changed = list(pools(plan))
    changed[number] = pool
    return replace(plan, certificate=Certificate(tuple(changed)))


def altering(pool: Pool, changes: dict[str, Any]) -> Pool:
    return replace(pool, **changes)


def refused(problem: Problem, plan: Plan) -> set[str]:
    report = check(problem, plan)
    assert not report.ok
    assert not report.proven
    return {violation.code for violation in report.violations}


def test_the_plan_under_test_has_every_feature() -> None:
    assert check(PROBLEM, PLAN).proven
    assert PLAN.objective["substitute_pieces"]
    assert PLAN.objective["late_piece_days"]
    kinds = [(bool(pool.carried), bool(pool.source_cutoffs), pool.is_met) for pool in pools(PLAN)]
    assert (True, True, False) in kinds
    assert pools(PLAN)[-1].sources


@pytest.mark.parametrize("step", [1, -1])
def test_one_piece_more_or_less_on_any_line_is_refused(step: int) -> None:
    for place, line in enumerate(PLAN.allocations):
        lines = list(PLAN.allocations)
        lines[place] = replace(line, quantity=line.quantity + step)
        assert refused(PROBLEM, replace(PLAN, allocations=tuple(lines)))


def test_a_missing_line_is_refused() -> None:
    for place in range(len(PLAN.allocations)):
        lines = PLAN.allocations[:place] + PLAN.allocations[place + 1 :]
        assert refused(PROBLEM, replace(PLAN, allocations=lines))


def test_a_repeated_or_invented_line_is_refused() -> None:
    first = PLAN.allocations[0]
    assert "twice" in refused(PROBLEM, replace(PLAN, allocations=(*PLAN.allocations, first)))
    invented = Allocation("nothing", first.need_id, 1, 0, 1)
    codes = refused(PROBLEM, replace(PLAN, allocations=(*PLAN.allocations, invented)))
    assert "unknown" in codes


@pytest.mark.parametrize("field", ["depart_day", "arrive_day"])
def test_another_day_is_refused(field: str) -> None:
    first, *rest = PLAN.allocations
    moved = replace(first, **{field: getattr(first, field) + 1})
    assert refused(PROBLEM, replace(PLAN, allocations=(moved, *rest))) == {"days"}


@pytest.mark.parametrize("field", ["requested", "allocated", "substituted", "late"])
def test_an_outcome_that_does_not_add_up_is_refused(field: str) -> None:
    for place, outcome in enumerate(PLAN.outcomes):
        changed = list(PLAN.outcomes)
        changed[place] = replace(outcome, **{field: getattr(outcome, field) + 1})
        assert refused(PROBLEM, replace(PLAN, outcomes=tuple(changed))) == {"outcome"}


def test_a_missing_outcome_is_refused() -> None:
    assert refused(PROBLEM, replace(PLAN, outcomes=PLAN.outcomes[1:])) == {"outcomes"}


def test_any_other_total_in_the_objective_is_refused() -> None:
    for name, value in PLAN.objective.items():
        changed = {**PLAN.objective, name: value + 1}
        assert refused(PROBLEM, replace(PLAN, objective=changed)) == {"objective"}
    extra = {**PLAN.objective, "beauty": 1}
    assert refused(PROBLEM, replace(PLAN, objective=extra)) == {"objective"}


def test_another_reason_is_refused() -> None:
    for place, outcome in enumerate(PLAN.outcomes):
        changed = list(PLAN.outcomes)
        changed[place] = replace(outcome, reason=Reason("no_lane", {}))
        assert refused(PROBLEM, replace(PLAN, outcomes=tuple(changed))) == {"reason"}


def test_a_claim_without_a_proof_is_refused() -> None:
    assert refused(PROBLEM, replace(PLAN, certificate=None)) == {"no_certificate"}


@pytest.mark.parametrize("step", [1, -1, 2**61, 2**62])
@pytest.mark.parametrize("problem", [PROBLEM, UNFAIR], ids=["fair", "unfair"])
def test_one_altered_potential_is_refused(problem: Problem, step: int) -> None:
    plan = solve(problem)
    altered = 0
    for number, pool in enumerate(pools(plan)):
        for name in DUALS:
            for place, value in enumerate(getattr(pool, name)):
                duals = list(getattr(pool, name))
                duals[place] = value + step
                changed = with_pool(plan, number, altering(pool, {name: tuple(duals)}))
                assert refused(problem, changed) <= {"price", "cutoff", "pools"}
                altered += 1
    assert altered


@pytest.mark.parametrize("field", ["tier", "rate_numerator", "rate_denominator"])
def test_another_tier_or_rate_is_refused(field: str) -> None:
    for number, pool in enumerate(pools(PLAN)):
        if not (pool.needs or pool.sources):
            continue
        changed = replace(pool, **{field: getattr(pool, field) + 1})
        if not pool.sources and field == "rate_denominator":
            continue  # covered by the lowest-terms rule only for rates other than 0
        assert refused(PROBLEM, with_pool(PLAN, number, changed))


def test_a_rate_that_is_not_in_lowest_terms_is_refused() -> None:
    for number, pool in enumerate(pools(PLAN)):
        if pool.is_met or not pool.rate_denominator:
            continue
        doubled = replace(
            pool,
            rate_numerator=2 * pool.rate_numerator,
            rate_denominator=2 * pool.rate_denominator,
        )
        assert refused(PROBLEM, with_pool(PLAN, number, doubled)) == {"rate"}


def moved_members(plan: Plan) -> Iterator[Plan]:
    """Every plan whose certificate has one member in another pool, or missing, or twice."""
    for name, prices in (("sources", "source_prices"), ("needs", "need_prices")):
        for number, pool in enumerate(pools(plan)):
            if pool.carried or not getattr(pool, name):
                continue
            fewer = {name: getattr(pool, name)[1:], prices: getattr(pool, prices)[1:]}
            without = altering(pool, fewer | NO_CUTOFFS)
            yield with_pool(plan, number, without)
            other = (number + 1) % len(pools(plan))
            host = pools(plan)[other]
            more = {
                name: (getattr(pool, name)[0], *getattr(host, name)),
                prices: (getattr(pool, prices)[0], *getattr(host, prices)),
            }
            given = altering(host, more | NO_CUTOFFS)
            yield with_pool(plan, other, given)
            yield with_pool(with_pool(plan, number, without), other, given)


def test_a_member_in_another_pool_is_refused() -> None:
    changed = list(moved_members(PLAN))
    assert len(changed) > 10
    for plan in changed:
        assert refused(PROBLEM, plan)


def test_pools_in_another_order_are_refused() -> None:
    turned = Certificate(tuple(reversed(pools(PLAN))))
    assert "order" in refused(PROBLEM, replace(PLAN, certificate=turned))


def consistently(problem: Problem, plan: Plan, lines: list[Allocation]) -> Plan:
    """The same plan with other lines, and totals that honestly say what these lines do."""
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    lanes = {(lane.origin, lane.destination): lane for lane in problem.lanes}
    got = dict.fromkeys(needs, (0, 0, 0))
    sums = dict.fromkeys(plan.objective, 0)
    for line in lines:
        source, need = sources[line.source_id], needs[line.need_id]
        lane = lanes[source.site, need.site]
        late = max(0, line.arrive_day - need.need_by_day)
        rank = (need.item, *need.accepts).index(source.item)
        one, two, three = got[need.id]
        got[need.id] = (
            one + line.quantity,
            two + line.quantity * (rank > 0),
            three + line.quantity * (late > 0),
        )
        policy = problem.policy
        piece = policy.distance_micro_per_piece_m * lane.distance_m + lane.cost_per_piece_micro
        piece += late * policy.lateness_micro_per_piece_day
        piece += rank * policy.substitution_micro_per_piece
        sums["cost_micro"] += line.quantity * piece
        sums["piece_metres"] += line.quantity * lane.distance_m
        sums["late_piece_days"] += line.quantity * late
        sums["substitute_pieces"] += line.quantity * (rank > 0)
        expiry = 36_501 if source.expiry_day is None else source.expiry_day
        sums["fefo_piece_days"] += line.quantity * expiry
        sums["drops"] += 1
    for need in problem.needs:
        sums[f"tier_{need.tier}_pieces"] += got[need.id][0]
        sums[f"tier_{need.tier}_unmet"] += need.quantity - got[need.id][0]
    outcomes = tuple(
        replace(
            each,
            allocated=got[each.need_id][0],
            substituted=got[each.need_id][1],
            late=got[each.need_id][2],
        )
        for each in plan.outcomes
    )
    return replace(plan, allocations=tuple(lines), outcomes=outcomes, objective=sums)


def test_honest_totals_are_reproduced_for_the_forgeries() -> None:
    assert consistently(PROBLEM, PLAN, list(PLAN.allocations)) == PLAN


def single_moves(problem: Problem, plan: Plan) -> Iterator[Plan]:
    """Every plan that differs by one piece, from one pair to another that the rules allow."""
    lanes = {(lane.origin, lane.destination): lane for lane in problem.lanes}
    for place, line in enumerate(plan.allocations):
        for source in problem.sources:
            for need in problem.needs:
                lane = lanes.get((source.site, need.site))
                if lane is None or (source.id, need.id) == (line.source_id, line.need_id):
                    continue
                lines = list(plan.allocations)
                lines[place] = replace(line, quantity=line.quantity - 1)
                leave = max(0, source.ready_day)
                extra = Allocation(source.id, need.id, 1, leave, leave + lane.transit_days)
                match = [
                    row
                    for row, each in enumerate(lines)
                    if (each.source_id, each.need_id) == (source.id, need.id)
                ]
                if match:
                    lines[match[0]] = replace(extra, quantity=lines[match[0]].quantity + 1)
                else:
                    lines.append(extra)
                yield replace(plan, allocations=tuple(each for each in lines if each.quantity))


def test_one_piece_moved_is_refused_even_with_honest_totals() -> None:
    problem = seeded(28, 8, 9)
    plan = solve(problem)
    feasible = 0
    for moved in single_moves(problem, plan):
        stripped = replace(moved, solver=replace(moved.solver, status="heuristic"))
        codes = {each.code for each in check(problem, stripped).violations}
        if codes - {"outcome", "objective"}:
            assert refused(problem, moved)
            continue
        feasible += 1
        forged = consistently(problem, plan, list(moved.allocations))
        same_aim = aim(forged) == aim(plan)
        same_share = [o.allocated for o in forged.outcomes] == [o.allocated for o in plan.outcomes]
        if not (same_aim and same_share):
            assert refused(problem, forged)
    assert feasible > 10


@pytest.mark.parametrize("practice", [first_come_first_served, proportional])
def test_todays_practice_dressed_up_as_optimal_is_refused(practice: object) -> None:
    assert callable(practice)
    plan = practice(PROBLEM)
    assert check(PROBLEM, plan).ok
    dressed = replace(plan, solver=PLAN.solver, certificate=PLAN.certificate)
    assert refused(PROBLEM, dressed)


def test_a_fair_plan_is_not_proven_under_a_policy_without_fairness() -> None:
    assert refused(UNFAIR, PLAN)
    assert refused(PROBLEM, solve(UNFAIR))


SOURCE = Source("S", "W", "mask", 10, ready_day=1, expiry_day=9, earmark="site:H")
NEED = Need("N", "H", "mask", 8, 0, 5, 0, earmarks=frozenset({"site:H"}))
LANE = Lane("W", "H", 1000, 2)
SMALL = Problem(DAY0, (SOURCE,), (NEED,), (LANE,), Policy(), 7)


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (replace(SMALL, sources=(replace(SOURCE, expiry_day=3),)), "expires_on_arrival"),
        (
            replace(SMALL, needs=(replace(NEED, min_shelf_days_on_arrival=6),)),
            "expires_on_arrival",
        ),
        (replace(SMALL, sources=(replace(SOURCE, earmark="site:X"),)), "earmarked_elsewhere"),
        (replace(SMALL, sources=(replace(SOURCE, item="n95"),)), "no_supply"),
        (replace(SMALL, horizon_days=2), "too_late"),
        (replace(SMALL, lanes=()), "no_lane"),
        (replace(SMALL, lanes=(replace(LANE, transit_days=3),)), "days"),
        (replace(SMALL, sources=(replace(SOURCE, quantity=7),)), "overdrawn"),
        (replace(SMALL, needs=(replace(NEED, quantity=7),)), "overfilled"),
        (replace(SMALL, needs=(replace(NEED, id="M"),)), "unknown"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused_by_its_name(problem: Problem, code: str) -> None:
    plan = solve(SMALL)
    assert check(SMALL, plan).proven
    assert refused(problem, plan) == {code}


@pytest.mark.parametrize("quantity", [0, -8])
def test_a_line_without_pieces_is_refused(quantity: int) -> None:
    plan = solve(SMALL)
    line = replace(plan.allocations[0], quantity=quantity)
    assert "quantity" in refused(SMALL, replace(plan, allocations=(line,)))


@settings(
    deadline=None, max_examples=100, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(problems(largest=20), st.data())
def test_whoever_is_skimped_for_another_notices(problem: Problem, data: st.DataObject) -> None:
    """Any piece moved from one need to another breaks the proof, wherever the rules allow it."""
    plan = solve(problem)
    moves = []
    for moved in single_moves(problem, plan):
        stripped = replace(moved, solver=replace(moved.solver, status="heuristic"))
        if {v.code for v in check(problem, stripped).violations} <= {"outcome", "objective"}:
            moves.append(moved)
    if not moves:
        return
    forged = consistently(problem, plan, list(data.draw(st.sampled_from(moves)).allocations))
    same_share = [o.allocated for o in forged.outcomes] == [o.allocated for o in plan.outcomes]
    same_aim = aim(forged) == aim(plan)
    if not (same_share and same_aim):
        assert refused(problem, forged)


def test_the_checker_needs_no_solver() -> None:
    script = (
        "import sys; sys.modules['ortools'] = None\n"
        "from optimizer.check import check\n"
        "from optimizer.plan import Plan\n"
        "from optimizer.problem import Problem\n"
        "problem, plan = sys.stdin.read().splitlines()\n"
        "assert check(Problem.from_json(problem), Plan.from_json(plan)).proven\n"
        "assert not any(name.split('.')[0] == 'services' for name in sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        input=f"{PROBLEM.to_json()}\n{PLAN.to_json()}\n",
        text=True,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
