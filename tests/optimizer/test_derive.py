"""The derived problem is plain, loses nothing without a reason, and its plans come back whole."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from math import lcm

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.assemble import Shipment, legs, shipment_rows
from optimizer.check import check
from optimizer.derive import Derived, Line, derive
from optimizer.problem import (
    Problem,
)
from optimizer.rules import refusal
from optimizer.solve import solve
from optimizer.units import Amount, common_unit
from tests.optimizer import oracle, worlds
from tests.optimizer.worlds import featured

quick = settings(
    deadline=None, max_examples=150, database=None, suppress_health_check=[HealthCheck.too_slow]
)

plain = featured(worlds.weights, worlds.zones, worlds.roads, worlds.cold, worlds.bans, worlds.last)
everything = featured(
    worlds.zones,
    worlds.roads,
    worlds.bans,
    worlds.last,
    worlds.sizes,
    worlds.packs,
    worlds.conversion,
    worlds.least_drop,
    worlds.pins,
    largest=20,
)


def planned(derived: Derived) -> list[Line]:
    """The derived problem's own plan, in units."""
    return [
        Line(each.source_id, each.need_id, each.quantity, each.depart_day)
        for each in solve(derived.problem).allocations
    ]


def pieces_of_a_unit(derived: Derived, item: str) -> int:
    return derived.unit_pieces.get(item, 1)


@quick
@given(plain)
def test_what_is_plain_already_is_the_very_same_object(problem: Problem) -> None:
    derived = derive(problem)
    assert derived.problem is problem
    assert derived == Derived(problem, problem)


@quick
@given(everything)
def test_a_derived_problem_has_nothing_left_to_derive(problem: Problem) -> None:
    derived = derive(problem).problem
    assert derive(derived).problem is derived
    assert derived == derive(problem).problem


@quick
@given(everything)
def test_every_piece_is_counted_pinned_open_or_left_out_with_a_reason(problem: Problem) -> None:
    derived = derive(problem)
    needs = {need.id: need for need in derived.problem.needs}
    sources = {source.id: source for source in derived.problem.sources}
    wanted = {item for need in needs.values() for item in (need.item, *need.accepts)}
    item = {source.id: source.item for source in problem.sources}
    drawn: Counter[str] = Counter()
    given_: Counter[str] = Counter()
    for pin in problem.pins:
        own = next(need.item for need in problem.needs if need.id == pin.need_id)
        drawn[pin.source_id] += pin.quantity
        given_[pin.need_id] += problem.converted(pin.quantity, item[pin.source_id], own) or 0
    for need in problem.needs:
        assert (need.id in needs) != (need.id in derived.left_out)
        if need.id in needs:
            unit = pieces_of_a_unit(derived, need.item)
            rest = derived.open_pieces.get(need.id, 0)
            assert 0 <= rest < unit
            assert needs[need.id].quantity * unit + rest + given_[need.id] == need.quantity
    for source in problem.sources:
        assert (source.id in sources) != (source.id in derived.idle)
        if source.id in sources:
            unit = pieces_of_a_unit(derived, source.item)
            left = source.quantity - drawn[source.id]
            assert left // unit == sources[source.id].quantity
            if problem.policy.whole_packs and source.item in wanted:
                assert unit % source.pack_size == 0


@quick
@given(everything)
def test_a_lifted_plan_keeps_every_rule_of_the_original(problem: Problem) -> None:
    derived = derive(problem)
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    pinned = {(pin.source_id, pin.need_id): pin.quantity for pin in problem.pins}
    stock = Counter({source.id: source.quantity for source in problem.sources})
    wanted = Counter({need.id: need.quantity for need in problem.needs})
    lines = derived.lift(planned(derived))
    assert lines == sorted(lines, key=lambda line: (line.need_id, line.source_id))
    assert len({line[:2] for line in lines}) == len(lines)
    for line in lines:
        source, need = sources[line.source_id], needs[line.need_id]
        assert refusal(source, need, problem.way(source.site, need.site), problem) is None
        by_hand = pinned.pop((source.id, need.id), 0)
        assert line.quantity >= max(1, by_hand)
        if problem.policy.whole_packs:
            assert (line.quantity - by_hand) % source.pack_size == 0
        received = problem.converted(line.quantity, source.item, need.item)
        assert received is not None
        stock[source.id] -= line.quantity
        wanted[need.id] -= received
    assert not pinned
    assert min([0, *stock.values(), *wanted.values()]) == 0


@quick
@given(everything)
def test_lowering_undoes_lifting(problem: Problem) -> None:
    derived = derive(problem)
    lines = planned(derived)
    assert derived.lower(derived.lift(lines)) == (lines, [])


@quick
@given(everything)
def test_a_plan_of_units_costs_what_its_pieces_cost(problem: Problem) -> None:
    derived = derive(problem)
    lines = planned(derived)
    costs = oracle.pairs(derived.problem)
    by_unit = sum(line.quantity * costs[line.source_id, line.need_id] for line in lines)
    assert by_unit == cost(problem, derived.lift(lines)) - cost(problem, derived.pinned)


def received(lines: Iterable[Line]) -> Counter[str]:
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line.need_id] += line.quantity
    return pieces


def cost(problem: Problem, lines: Iterable[Line]) -> int:
    row = {source.id: place for place, source in enumerate(problem.sources)}
    column = {need.id: place for place, need in enumerate(problem.needs)}
    shipments = [
        Shipment(row[line.source_id], column[line.need_id], line.quantity, line.depart_day)
        for line in lines
    ]
    return legs(problem, shipment_rows(shipments)).dot("cost")


@quick
@given(everything)
def test_the_whole_way_there_and_back_is_proven(problem: Problem) -> None:
    plan = solve(problem)
    report = check(problem, plan)
    assert report.proven, report.violations
    derived = derive(problem)
    outcomes = {each.need_id: each for each in plan.outcomes}
    for name, reason in derived.left_out.items():
        assert outcomes[name].reason == reason
    fair = oracle.fair_targets(derived.problem)
    by_hand = Counter[str]()
    own = {need.id: need.item for need in problem.needs}
    item = {source.id: source.item for source in problem.sources}
    for pin in problem.pins:
        pieces = problem.converted(pin.quantity, item[pin.source_id], own[pin.need_id])
        by_hand[pin.need_id] += pieces or 0
    for name, outcome in outcomes.items():
        units = fair.get(name, 0) * pieces_of_a_unit(derived, own[name])
        assert outcome.allocated == units + by_hand[name]


@quick
@given(everything, st.data())
def test_lines_that_no_plan_of_units_gives_are_named(problem: Problem, data: st.DataObject) -> None:
    derived = derive(problem)
    lines = derived.lift(planned(derived))
    pinned = {(line.source_id, line.need_id): line.quantity for line in derived.pinned}
    if pinned:
        (source, need), pieces = data.draw(st.sampled_from(sorted(pinned.items())))
        fewer = [
            line._replace(quantity=pieces - 1) if line[:2] == (source, need) else line
            for line in lines
        ]
        assert "pin" in {each.code for each in derived.lower(fewer)[1]}
        none = [line for line in lines if line[:2] != (source, need)]
        assert "pin" in {each.code for each in derived.lower(none)[1]}
        later = [line._replace(depart_day=line.depart_day + 1) for line in lines]
        assert "pin" in {each.code for each in derived.lower(later)[1]}
    item = {source.id: source.item for source in problem.sources}
    for place, line in enumerate(lines):
        if pieces_of_a_unit(derived, item[line.source_id]) == 1:
            continue
        more = [*lines[:place], line._replace(quantity=line.quantity + 1), *lines[place + 1 :]]
        codes = {each.code for each in derived.lower(more)[1]}
        assert codes <= {"not_whole", "left_out"}
        assert codes
    joined = {line[:2] for line in lines} | pinned.keys()
    for source in derived.idle:
        for need in needs_but(problem, source, joined):
            extra = Line(source, need, 1, 0)
            assert {each.code for each in derived.lower([*lines, extra])[1]} == {"left_out"}
    for need in derived.left_out:
        for source in (each.id for each in problem.sources if (each.id, need) not in joined):
            extra = Line(source, need, 1, 0)
            assert {each.code for each in derived.lower([*lines, extra])[1]} == {"left_out"}


def needs_but(problem: Problem, source: str, joined: set[tuple[str, str]]) -> list[str]:
    return [need.id for need in problem.needs if (source, need.id) not in joined]


@quick
@given(worlds.problems(largest=9), st.integers(2, 60))
def test_in_equal_packs_the_plan_is_that_of_single_pieces(problem: Problem, pack: int) -> None:
    packed = replace(
        problem,
        sources=tuple(
            replace(each, quantity=each.quantity * pack, pack_size=pack) for each in problem.sources
        ),
        needs=tuple(replace(each, quantity=each.quantity * pack) for each in problem.needs),
        policy=replace(problem.policy, whole_packs=True),
    )
    derived = derive(packed)
    single = planned(derive(problem))
    lines = derived.lift(planned(derived))
    assert received(lines) == {name: each * pack for name, each in received(single).items()}
    assert cost(packed, lines) == pack * cost(problem, single)
    if single:
        assert pack in derived.unit_pieces.values()


amounts = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from((1, 2, 3, 4, 5, 6, 8, 12, 50))), max_size=5
)


@quick
@given(amounts.filter(bool), amounts.filter(bool), st.lists(st.integers(0, 2), min_size=5))
def test_the_unit_is_the_one_with_which_the_tiers_can_be_served_the_most(
    lots: list[tuple[int, int]], wants: list[tuple[int, int]], tiers: list[int]
) -> None:
    offers = [Amount(count * step, step) for count, step in lots]
    asks = [
        Amount(count * step, step, tier) for (count, step), tier in zip(wants, tiers, strict=False)
    ]
    base = lcm(*(each.step for each in asks))

    def served(unit: int) -> tuple[list[int], int]:
        supply = sum(each.uses // unit * unit for each in offers if unit % each.step == 0)
        wanted = [
            sum(each.uses // unit * unit for each in asks if each.tier <= tier)
            for tier in sorted(set(tiers[: len(asks)]))
        ]
        return [min(supply, each) for each in wanted], supply

    choices = {
        lcm(base, *(each.step for each in chosen))
        for size in range(1, len(offers) + 1)
        for chosen in combinations(offers, size)
    }
    best = min(
        choices, key=lambda unit: ([-each for each in served(unit)[0]], -served(unit)[1], unit)
    )
    assert common_unit(offers, asks, "masks") == best


BY_FIFTY, BY_THOUSAND = Amount(600, 50), Amount(10_000, 1000)


def test_the_first_tier_says_which_packs_are_counted_in() -> None:
    urgent, large = Amount(200, 1), Amount(5000, 1, tier=1)
    assert common_unit([BY_FIFTY, BY_THOUSAND], [urgent, large], "masks") == 50
    assert common_unit([BY_FIFTY, BY_THOUSAND], [large], "masks") == 1000


def test_of_equal_units_the_one_with_more_on_offer_and_then_the_smallest_is_taken() -> None:
    ask = Amount(12, 1)
    assert common_unit([Amount(12, 4), Amount(12, 6)], [ask], "masks") == 12
    assert common_unit([Amount(24, 4), Amount(6, 6)], [ask], "masks") == 4


def test_sums_beyond_64_bits_still_say_which_unit_serves_most() -> None:
    lots, asks = [Amount(10**18, 1)] * 10, [Amount(10**18, 1)] * 10
    assert common_unit([*lots, Amount(6, 6)], asks, "masks") == 1
