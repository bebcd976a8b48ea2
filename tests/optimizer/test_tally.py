"""Allocations that are judged all at once are judged as each is by the words of the rules."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.plan import Allocation
from optimizer.problem import Item, Lane, Need, Problem, Source
from optimizer.rules import depart_day, refusal
from optimizer.tally import Ledger
from tests.optimizer import oracle, worlds
from tests.optimizer.test_rules import FEATURES, everything, quick
from tests.optimizer.worlds import DAY0, featured

SUMMED_UP = {"overdrawn", "overfilled"}
PROBLEM = Problem(
    DAY0,
    sources=(Source("S", "W", "mask", 10), Source("T", "W", "mask", 10)),
    needs=(Need("N", "H", "mask", 8, 0, 0, 0),),
    lanes=(Lane("W", "H", 5, 0),),
)


def every_pair(problem: Problem, quantity: int) -> list[tuple[Source, Need, Allocation]]:
    """Return a line from each source to each need, on the days that it would leave and arrive."""
    found = []
    for source in problem.sources:
        for need in problem.needs:
            way, leave = problem.way(source.site, need.site), depart_day(source)
            arrive = leave + (way.transit_days if way else 0)
            line = Allocation(source.id, need.id, quantity, leave, arrive)
            found.append((source, need, line))
    return found


def expected(problem: Problem, source: Source, need: Need, quantity: int) -> str | None:
    way = problem.way(source.site, need.site)
    refused = refusal(source, need, way, problem)
    if refused is not None:
        return refused.code
    whole = problem.converted(quantity, source.item, need.item) is not None
    return None if whole else "not_whole"


@quick
@given(featured(*FEATURES, worlds.conversion, count=8), st.integers(1, 3))
def test_each_line_is_refused_by_the_first_rule_that_refuses_its_pair(
    problem: Problem, quantity: int
) -> None:
    pairs = every_pair(problem, quantity)
    found = Ledger(problem).check_allocations(line for _, _, line in pairs)
    told = {each.where: each.code for each in found if each.code not in SUMMED_UP}
    assert told == {
        f"{source.id} → {need.id}": code
        for source, need, _ in pairs
        for code in [expected(problem, source, need, quantity)]
        if code is not None
    }


@quick
@given(everything)
def test_the_lines_that_hold_add_up_to_what_their_pairs_cost(problem: Problem) -> None:
    pairs = every_pair(problem, 1)
    kept = [each for each in pairs if expected(problem, each[0], each[1], 1) is None]
    ledger = Ledger(problem)
    ledger.check_allocations(line for _, _, line in pairs)
    costs = oracle.pairs(problem)
    assert ledger.sums.cost_micro == sum(costs[source.id, need.id] for source, need, _ in kept)
    assert ledger.sums.drops == len(kept)
    for need in problem.needs:
        got = [
            problem.converted(1, source.item, need.item) or 0
            for source, other, _ in kept
            if other is need
        ]
        assert ledger.received[need.id][0] == sum(got)


@quick
@given(everything, st.sampled_from(("depart_day", "arrive_day")), st.sampled_from((-1, 1)))
def test_another_day_is_refused_on_every_line(problem: Problem, field: str, step: int) -> None:
    moved = [
        replace(line, **{field: getattr(line, field) + step})
        for source, need, line in every_pair(problem, 1)
        if expected(problem, source, need, 1) is None
    ]
    found = Ledger(problem).check_allocations(moved)
    assert [each.code for each in found if each.code not in SUMMED_UP] == ["days"] * len(moved)


@pytest.mark.parametrize("quantity", [0, -1, -(10**30), 11, 10**12, 2**40, 2**64, 10**30])
def test_more_or_fewer_pieces_than_there_are_is_refused_at_any_size(quantity: int) -> None:
    found = Ledger(PROBLEM).check_allocations([Allocation("S", "N", quantity, 0, 0)])
    assert ("quantity" if quantity < 1 else "overdrawn") in {each.code for each in found}


@pytest.mark.parametrize("day", [-(10**30), -1, 1, 2**40, 2**64, 10**30])
def test_another_day_is_refused_at_any_size(day: int) -> None:
    found = Ledger(PROBLEM).check_allocations([Allocation("S", "N", 1, day, day)])
    assert [each.code for each in found] == ["days"]


def test_sums_too_large_for_64_bits_are_still_too_much() -> None:
    sources = tuple(Source(f"S{row}", "W", "kit", 10**12) for row in range(10))
    items = (Item("kit", uses_per_piece=10**6),)
    need = Need("N", "H", "test", 10, 0, 0, 0, ("kit",))
    problem = replace(PROBLEM, sources=sources, needs=(need,), items=items)
    lines = [Allocation(source.id, "N", source.quantity, 0, 0) for source in sources]
    assert {each.code for each in Ledger(problem).check_allocations(lines)} == {"overfilled"}


@pytest.mark.parametrize(("quantity", "codes"), [(1, ["not_whole"]), (2, []), (3, ["not_whole"])])
def test_half_a_piece_of_what_was_asked_for_is_refused(quantity: int, codes: list[str]) -> None:
    need = Need("N", "H", "pair", 8, 0, 0, 0, ("mask",))
    problem = replace(PROBLEM, needs=(need,), items=(Item("pair", uses_per_piece=2),))
    found = Ledger(problem).check_allocations([Allocation("S", "N", quantity, 0, 0)])
    assert [each.code for each in found] == codes


def test_the_same_pair_twice_on_one_day_is_refused_wherever_it_stands() -> None:
    first, other = Allocation("S", "N", 1, 0, 0), Allocation("T", "N", 1, 0, 0)
    found = Ledger(PROBLEM).check_allocations([first, other, replace(first, quantity=2)])
    assert [(each.code, each.where) for each in found] == [("twice", "S → N")]
