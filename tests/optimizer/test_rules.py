"""The rules say the same of one pair as of a whole block, and as their plain words."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer import grid as grid_module
from optimizer.grid import Grid, forbidden
from optimizer.problem import (
    Item,
    Lane,
    Need,
    Pair,
    Place,
    Policy,
    Problem,
    ProblemError,
    Roads,
    Source,
)
from optimizer.rules import RULES, refusal
from optimizer.tables import Component, Tables, components
from tests.optimizer import oracle, worlds
from tests.optimizer.worlds import DAY0, featured, problems

quick = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

FEATURES = (
    worlds.zones,
    worlds.roads,
    worlds.cold,
    worlds.handling,
    worlds.bans,
    worlds.last,
)
everything = featured(*FEATURES, count=8)
HUGE = 2 * 10**7


def grids(problem: Problem) -> list[tuple[Component, Grid]]:
    tables = Tables(problem)
    return [(component, tables.grid(component)) for component in components(problem)]


def priced_pairs(problem: Problem) -> dict[tuple[str, str], int]:
    """Every pair that the grids allow, with its cost."""
    found = {}
    for component, grid in grids(problem):
        costs = grid.costs()
        assert costs.shape == (len(component.needs), len(component.sources))
        for row, column in np.argwhere(costs != forbidden(costs)).tolist():
            source = problem.sources[component.sources[column]]
            need = problem.needs[component.needs[row]]
            found[source.id, need.id] = int(costs[row, column])
    return found


@quick
@given(everything)
def test_the_pairs_and_their_costs_are_what_the_words_say(problem: Problem) -> None:
    assert priced_pairs(problem) == oracle.pairs(problem)


@quick
@given(everything)
def test_one_pair_is_judged_like_the_block_rule_by_rule(problem: Problem) -> None:
    for component, grid in grids(problem):
        block, _ = grid._block(slice(0, len(component.needs)))
        shape = (len(component.needs), len(component.sources))
        has_lane = np.broadcast_to(block.has_lane, shape)
        for rule in RULES:
            mask = np.broadcast_to(rule.mask(block), shape)
            for row, need in enumerate(problem.needs[each] for each in component.needs):
                for column, source in enumerate(
                    problem.sources[each] for each in component.sources
                ):
                    lane = problem.way(source.site, need.site)
                    # Without a lane, what depends on one is only said by the rule of lanes.
                    if has_lane[row, column] or rule.code == "no_lane":
                        allowed = rule.allows(source, need, lane, problem) is None
                        assert mask[row, column] == allowed, rule.code


@quick
@given(everything)
def test_a_pair_is_refused_exactly_where_the_grid_forbids_it(problem: Problem) -> None:
    allowed = {
        (source.id, need.id)
        for source in problem.sources
        for need in problem.needs
        if refusal(source, need, problem.way(source.site, need.site), problem) is None
    }
    assert allowed == priced_pairs(problem).keys()


@quick
@given(everything)
def test_refusals_are_counted_under_the_first_rule_that_refuses(problem: Problem) -> None:
    for component, grid in grids(problem):
        rows = np.arange(len(component.needs))
        counted = grid.unreached(rows)
        assert counted.needs.tolist() == rows.tolist()
        for row, need in enumerate(problem.needs[each] for each in component.needs):
            for column, rule in enumerate(RULES):
                stopped = [
                    source.quantity
                    for source in (problem.sources[each] for each in component.sources)
                    for way in [problem.way(source.site, need.site)]
                    for refused in [refusal(source, need, way, problem)]
                    if refused is not None and refused.code == rule.code
                ]
                assert counted.sources[row, column] == len(stopped)
                assert counted.units[row, column] == sum(stopped)


@quick
@given(everything, st.integers(1, 9))
def test_small_blocks_give_the_same(problem: Problem, cells: int) -> None:
    whole = [grid.costs() for _, grid in grids(problem)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid_module, "BLOCK_CELLS", cells)
        for (component, grid), costs in zip(grids(problem), whole, strict=True):
            step = max(1, cells // max(1, len(component.sources)))
            assert len(list(grid.blocks())) == ceil(len(component.needs) / step)
            assert np.array_equal(grid.costs(), costs)


@quick
@given(everything)
def test_a_grid_survives_its_bytes(problem: Problem) -> None:
    for _, grid in grids(problem):
        content = grid.encode()
        again, _ = Grid.decode(content)
        assert again.encode() == content
        assert again.items == grid.items
        assert np.array_equal(again.costs(), grid.costs())


@quick
@given(problems(count=8))
def test_the_bytes_of_a_grid_hold_no_objects(problem: Problem) -> None:
    for _, grid in grids(problem):
        # An object array could only be read by running what its bytes say.
        assert b'"|O' not in grid.encode()


position = st.integers(-HUGE, HUGE) | st.sampled_from((-HUGE, HUGE))


@quick
@given(position, position, position, position, st.integers(1000, 1767), st.integers(1, 10**6))
def test_roads_are_exact_to_the_metre_at_the_ends_of_the_map(
    x: int, y: int, u: int, v: int, detour: int, rate: int
) -> None:
    problem = Problem(
        DAY0,
        (Source("S", "W", "mask", 1),),
        (Need("N", "H", "mask", 1, 0, 36_500, 0),),
        (),
        Policy("max_min", rate),
        36_500,
        places=(Place("W", x, y), Place("H", u, v)),
        roads=Roads(detour, 100_000),
    )
    way = oracle.way(problem, "W", "H")
    assert way is not None
    assert problem.way("W", "H") == way
    assert priced_pairs(problem) == {("S", "N"): way.distance_m * rate} == oracle.pairs(problem)


@pytest.mark.parametrize("side", [4_000_000, 19_999_999, 9_999_991, 3, 1])
def test_a_square_just_below_the_next_is_rounded_down(side: int) -> None:
    # sqrt(n² - 1) is nearly n: a floating point root that rounds up would gain a metre.
    for across, up in ((side, 0), (side - 1, 1), (side, 1)):
        problem = Problem(
            DAY0,
            (Source("S", "W", "mask", 1),),
            (Need("N", "H", "mask", 1, 0, 36_500, 0),),
            (),
            Policy("max_min", 1),
            36_500,
            places=(Place("W", 0, 0), Place("H", across, up)),
            roads=Roads(1000, 100_000),
        )
        assert priced_pairs(problem) == oracle.pairs(problem)


def test_roads_longer_than_any_lane_are_refused() -> None:
    places = (Place("W", -HUGE, -HUGE), Place("H", HUGE, HUGE))
    for roads in (Roads(1800), Roads(1000, 1000)):
        with pytest.raises(ProblemError) as caught:
            Problem(DAY0, (), (), (), places=places, roads=roads)
        assert (caught.value.code, caught.value.where) == ("out_of_range", "roads")


def test_a_lane_takes_the_place_of_the_road() -> None:
    problem = Problem(
        DAY0,
        (Source("S", "W", "mask", 1),),
        (Need("N", "H", "mask", 1, 0, 9, 0), Need("M", "G", "mask", 1, 0, 9, 0)),
        (Lane("W", "H", 77, 2, cost_per_piece_micro=5),),
        places=(Place("W", 0, 0), Place("H", 3, 4), Place("G", 6, 8)),
        roads=Roads(2000),
    )
    assert priced_pairs(problem) == {("S", "N"): 82, ("S", "M"): 20}


def test_a_new_pair_costs_more_only_where_there_was_a_last_plan() -> None:
    problem = Problem(
        DAY0,
        (Source("S", "W", "mask", 1), Source("T", "W", "mask", 1)),
        (Need("N", "H", "mask", 1, 0, 9, 0),),
        (Lane("W", "H", 7, 1),),
        Policy(stability_micro_per_piece=100),
    )
    assert priced_pairs(problem) == {("S", "N"): 7, ("T", "N"): 7}
    known = replace(problem, last=(Pair("S", "N"),))
    assert priced_pairs(known) == {("S", "N"): 7, ("T", "N"): 107}


def test_a_unit_costs_as_much_as_all_its_pieces() -> None:
    problem = Problem(
        DAY0,
        (Source("S", "W", "mask", 1), Source("T", "W", "n95", 1)),
        (Need("N", "H", "mask", 1, 0, 0, 0, accepts=("n95",)),),
        (Lane("W", "H", 7, 1, cost_per_piece_micro=2),),
        Policy("max_min", 1, 10, 100),
        items=(Item("n95", pieces_per_unit=3),),
    )
    assert priced_pairs(problem) == {("S", "N"): 19, ("T", "N"): 3 * 119}


def test_costs_that_no_arc_can_carry_are_refused_by_name() -> None:
    problem = Problem(
        DAY0,
        (Source("S", "W", "mask", 1),),
        (Need("N", "H", "mask", 1, 0, 9, 0),),
        (Lane("W", "H", 10**8, 1),),
        Policy("max_min", 10**6),
        items=(Item("mask", pieces_per_unit=10**9),),
    )
    with pytest.raises(ProblemError) as caught:
        priced_pairs(problem)
    assert caught.value.code == "cost_too_large"
    assert "mask" in str(caught.value)


def test_items_are_coupled_only_by_the_substitutes_that_needs_accept() -> None:
    problem = Problem(
        DAY0,
        tuple(Source(item, "W", item, 1) for item in ("gown", "glove", "n95", "mask", "kn95")),
        (
            Need("A", "H", "mask", 1, 0, 1, 0, accepts=("n95",)),
            Need("B", "H", "n95", 1, 0, 1, 0, accepts=("kn95",)),
            Need("C", "H", "gown", 1, 0, 1, 0),
        ),
        (),
    )
    found = [component.items for component in components(problem)]
    assert found == [("glove",), ("gown",), ("kn95", "mask", "n95")]
