"""The made-up problems: always the same for a seed, and short of everything."""

from collections import Counter

import pytest

from optimizer.problem import Problem
from optimizer.solve import solve
from services.bench.instances import BadShape, Shape, make_problem

SMALL = Shape(400, 40, 3, lanes=True)


def offered_by_asked(problem: Problem) -> dict[str, float]:
    asked, offered = Counter[str](), Counter[str]()
    for need in problem.needs:
        asked[need.item] += need.quantity
    for source in problem.sources:
        offered[source.item] += source.quantity
    return {item: offered[item] / asked[item] for item in asked}


def test_the_same_seed_gives_the_same_problem_and_another_one_another() -> None:
    assert make_problem(SMALL) == make_problem(SMALL)
    assert make_problem(SMALL) != make_problem(Shape(400, 40, 3, lanes=True, seed=2))


def test_lanes_are_all_that_lanes_add() -> None:
    with_lanes, without = make_problem(SMALL), make_problem(Shape(400, 40, 3))
    assert with_lanes.corridors
    assert not without.corridors
    assert (with_lanes.needs, with_lanes.sources) == (without.needs, without.sources)


@pytest.mark.parametrize("shape", [Shape(5, 3), Shape(100, 60, 2), SMALL])
def test_each_item_has_a_need_a_hospital_a_lot_a_store_and_three_fifths(shape: Shape) -> None:
    problem = make_problem(shape)
    assert len(problem.needs) == shape.needs * shape.items
    assert len(problem.sources) == shape.sources * shape.items
    for item, share in offered_by_asked(problem).items():
        of_item = sum(need.quantity for need in problem.needs if need.item == item)
        assert 0.6 - 1 / of_item < share <= 0.6


def test_everybody_lies_in_one_of_thirty_zones() -> None:
    problem = make_problem(Shape(3000, 100))
    zones = Counter(place.zone for place in problem.places)
    assert 25 <= len(zones) <= 30
    assert all(problem.zone(need.site) for need in problem.needs)
    # Cities are of Zipf sizes, so zones are far from alike.
    assert max(zones.values()) > 5 * min(zones.values())


def test_the_shares_are_what_they_should_be() -> None:
    problem = make_problem(Shape(3000, 1000))
    tiers = Counter(need.tier for need in problem.needs)
    assert tiers[2] > tiers[3] > tiers[1] > tiers[0] > 200
    marked = [source for source in problem.sources if source.earmark]
    assert 150 < len(marked) < 250
    assert all(any(each.earmark in need.earmarks for need in problem.needs) for each in marked)
    assert 300 < sum(source.expiry_day is not None for source in problem.sources) < 400
    assert 350 < sum(source.ready_day > 0 for source in problem.sources) < 450
    assert len({need.posted_at for need in problem.needs}) == 3000
    quantities = sorted(need.quantity for need in problem.needs)
    assert sum(quantities[-300:]) > 0.3 * sum(quantities)


def test_a_plan_that_does_not_know_of_the_lanes_overloads_some() -> None:
    problem = make_problem(SMALL)
    limits = {(c.origin_zone, c.destination_zone): c.volume_ml_per_day for c in problem.corridors}
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    used = Counter[tuple[tuple[str, str], int]]()
    for each in solve(make_problem(Shape(400, 40, 3))).allocations:
        source, need = sources[each.source_id], needs[each.need_id]
        lane = problem.zone(source.site), problem.zone(need.site)
        used[lane, each.depart_day] += each.quantity * problem.item(source.item).volume_ml
    limited = {key: limits[key[0]] for key in used if key[0] in limits}
    overloaded = [key for key, limit in limited.items() if limit is not None and used[key] > limit]
    assert len(overloaded) > 5


@pytest.mark.parametrize("shape", [(10, 7, 1), (10, 0, 1), (0, 0, 1), (10, 5, 0)])
def test_a_shape_that_nothing_has_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(BadShape, match="can't be made"):
        Shape(*shape)
