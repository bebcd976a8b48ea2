"""Input that no plan can be made from is an error that names it; a hard one is served and says why.

`where` of an error names the item and the site, or the part that is wrong; its message says what
would mend it.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from optimizer.check import check
from optimizer.derive import derive
from optimizer.explain import sentence
from optimizer.plan import Plan
from optimizer.problem import (
    Ban,
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
    Roads,
    Source,
    problem_document,
    problem_from_document,
)
from optimizer.solve import solve
from tests.optimizer import worlds
from tests.optimizer.worlds import DAY0, featured

quick = settings(
    deadline=None, max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow]
)

SOURCE = Source("S", "W", "mask", 100)
NEED = Need("N", "H", "mask", 40, 0, 5, 0)
PROBLEM = Problem(
    DAY0,
    (SOURCE,),
    (NEED,),
    (Lane("W", "H", 1000, 2),),
    Policy(),
    7,
    items=(Item("mask", volume_ml=10),),
    places=(Place("W", 0, 0, "north"), Place("H", 3000, 4000, "south")),
    roads=Roads(),
    corridors=(Corridor("north", "south", volume_ml_per_day=10_000),),
    pins=(Pin("S", "N", 10, "promised"),),
    bans=(),
    last=(Pair("S", "N"),),
)


def reread(problem: Problem) -> Problem:
    return problem_from_document(json.loads(json.dumps(problem_document(problem))))


def planned(problem: Problem) -> Plan:
    """The plan of a problem as it was read; it keeps all rules, and each reason has its words."""
    problem = reread(problem)
    plan = solve(problem)
    report = check(problem, plan)
    assert report.ok, report.violations
    assert all(sentence(outcome.reason) for outcome in plan.outcomes)
    return plan


def codes(plan: Plan) -> dict[str, str]:
    return {outcome.need_id: outcome.reason.code for outcome in plan.outcomes}


def got(plan: Plan) -> dict[str, int]:
    return {outcome.need_id: outcome.allocated for outcome in plan.outcomes}


def refused(problem: Problem) -> ProblemError:
    """The error that both solving and deriving raise."""
    problem = reread(problem)
    with pytest.raises(ProblemError) as caught:
        derive(problem)
    with pytest.raises(ProblemError) as again:
        solve(problem)
    assert str(again.value) == str(caught.value)
    return caught.value


def test_the_problem_under_test_is_good() -> None:
    assert reread(PROBLEM) == PROBLEM
    assert got(planned(PROBLEM)) == {"N": 40}


# Documents that are wrong in one place


def changed(part: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        place = document[part]
        (place[0] if isinstance(place, list) else place).update(values)

    return change


BAD_DOCUMENTS = [
    (changed("sources", quantity=0), "out_of_range", "source 'S' of 'mask' at 'W'"),
    (changed("needs", quantity=0), "out_of_range", "need 'N' of 'mask' at 'H'"),
    (changed("needs", quantity=-5), "out_of_range", "need 'N' of 'mask' at 'H'"),
    (changed("needs", quantity=10**12 + 1), "out_of_range", "need 'N' of 'mask' at 'H'"),
    (changed("needs", quantity=1e12), "not_an_integer", "need 'N' of 'mask' at 'H'"),
    (changed("needs", weight=0), "out_of_range", "need 'N' of 'mask' at 'H'"),
    (changed("places", x_m=float("nan")), "not_an_integer", "place of 'H'"),
    (changed("places", x_m=float("inf")), "not_an_integer", "place of 'H'"),
    (changed("places", y_m=1.5), "not_an_integer", "place of 'H'"),
    (changed("places", y_m=10**9), "out_of_range", "place of 'H'"),
    (changed("places", y_m=None), "not_an_integer", "place of 'H'"),
    (changed("places", zone="\n"), "bad_name", "place of 'H'"),
    (changed("lanes", distance_m=float("nan")), "not_an_integer", "lane from 'W' to 'H'"),
    (changed("lanes", cold="yes"), "not_a_flag", "lane from 'W' to 'H'"),
    (changed("roads", metres_per_day=0), "out_of_range", "roads"),
    (changed("roads", detour_permille=1.3), "not_an_integer", "roads"),
    (changed("items", uses_per_piece=0), "out_of_range", "item 'mask'"),
    (changed("items", weight_g=-1), "out_of_range", "item 'mask'"),
    (changed("corridors", weight_g_per_day=-1), "out_of_range", "corridor from 'north' to 'south'"),
    (changed("corridors", taken=[[1, 2]]), "bad_document", "corridor from 'north' to 'south'"),
    (changed("corridors", taken=[[9, 1, 0]]), "out_of_range", "corridor from 'north' to 'south'"),
    (
        changed("corridors", taken=[[0, 10_001, 0]]),
        "out_of_range",
        "corridor from 'north' to 'south'",
    ),
    (
        changed("corridors", origin_zone="west"),
        "unknown_zone",
        "corridor from 'west' to 'south'",
    ),
    (changed("sources", only_zone="west"), "unknown_zone", "source 'S' of 'mask' at 'W'"),
    (changed("pins", quantity=0), "out_of_range", "pin of 'S' to 'N'"),
    (changed("pins", quantity=0.5), "not_an_integer", "pin of 'S' to 'N'"),
    (changed("pins", why=7), "bad_reason", "pin of 'S' to 'N'"),
    (changed("policy", least_drop_pieces=-1), "out_of_range", "policy"),
    (changed("policy", whole_packs=1), "not_a_flag", "policy"),
    (changed("policy", fairness="fair"), "bad_policy", "policy"),
    (lambda d: d.update(horizon_days=float("inf")), "not_an_integer", "problem"),
    (lambda d: d.update(bans=[{}]), "bad_ban", "ban of None for None"),
    (lambda d: d.update(bans=[{"source": "S"}]), "bad_document", "bans[0]"),
    (
        lambda d: d.update(bans=[{"source_id": None, "need_id": None}]),
        "bad_ban",
        "ban of None for None",
    ),
    (lambda d: d.update(pins=d["pins"] * 2), "duplicate_id", "pin 'S' to 'N'"),
    (lambda d: d.update(places=d["places"][:1] * 2), "duplicate_id", "place 'H'"),
    (lambda d: d.update(roads=[]), "bad_document", "roads"),
    (lambda d: d.update(last=["S"]), "bad_document", "last[0]"),
]


@pytest.mark.parametrize(("change", "code", "where"), BAD_DOCUMENTS)
def test_what_is_wrong_in_a_document_is_named(
    change: Callable[[dict[str, Any]], None], code: str, where: str
) -> None:
    document = problem_document(PROBLEM)
    change(document)
    with pytest.raises(ProblemError) as caught:
        problem_from_document(document)
    assert (caught.value.code, caught.value.where) == (code, where)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1.5", "1e3", "-0.0"])
def test_a_position_that_is_no_whole_number_is_refused_as_text_too(number: str) -> None:
    text = PROBLEM.to_json().replace('"x_m":3000', f'"x_m":{number}')
    assert number in text
    with pytest.raises(ProblemError) as caught:
        Problem.from_json(text)
    assert caught.value.code == "bad_document"
    assert number in caught.value.message


# Pins and bans that contradict something


def test_a_pin_or_ban_of_what_is_unknown_is_refused_because_it_would_do_nothing() -> None:
    for pin in (Pin("X", "N", 1), Pin("S", "X", 1)):
        error = refused(replace(PROBLEM, pins=(pin,)))
        assert error.code == "unknown_pin"
        assert "'X'" in error.message
    for ban in (Ban("X", None), Ban(None, "X"), Ban("S", "X"), Ban("X", "N")):
        error = refused(replace(PROBLEM, bans=(ban,)))
        assert error.code == "unknown_ban"
        assert "'X'" in error.message


@pytest.mark.parametrize("ban", [Ban("S", "N"), Ban("S", None), Ban(None, "N")])
def test_a_pin_that_a_ban_forbids_is_a_contradiction(ban: Ban) -> None:
    error = refused(replace(PROBLEM, bans=(ban,)))
    assert error.code == "contradicting_pin"
    assert error.where == "pin of 'S' ('mask' at 'W') to 'N' ('mask' at 'H')"


@pytest.mark.parametrize(
    ("problem", "rule"),
    [
        (replace(PROBLEM, sources=(replace(SOURCE, item="gown"),)), "no_supply"),
        (replace(PROBLEM, lanes=(), roads=None), "no_lane"),
        (replace(PROBLEM, horizon_days=1), "too_late"),
        (replace(PROBLEM, sources=(replace(SOURCE, expiry_day=2),)), "expires_on_arrival"),
        (replace(PROBLEM, sources=(replace(SOURCE, earmark="x"),)), "earmarked_elsewhere"),
        (replace(PROBLEM, items=(Item("mask", cold=True),)), "cold_chain"),
        (replace(PROBLEM, sources=(replace(SOURCE, only_zone="north"),)), "lane_full"),
    ],
)
def test_a_pin_that_a_rule_forbids_names_the_rule(problem: Problem, rule: str) -> None:
    error = refused(problem)
    assert error.code == "refused_pin"
    assert repr(rule) in error.message
    assert "'W'" in error.where
    assert "'H'" in error.where


def test_pins_of_more_than_there_is_or_was_asked_for_are_refused_together() -> None:
    other = replace(NEED, id="M", quantity=80)
    both = replace(PROBLEM, needs=(NEED, other))
    error = refused(replace(both, pins=(Pin("S", "N", 30), Pin("S", "M", 71))))
    assert (error.code, error.where) == ("overdrawn_pins", "pins of source 'S' of 'mask' at 'W'")
    second = replace(SOURCE, id="T")
    error = refused(
        replace(PROBLEM, sources=(SOURCE, second), pins=(Pin("S", "N", 30), Pin("T", "N", 11)))
    )
    assert (error.code, error.where) == ("overfilled_pins", "pins to need 'N' of 'mask' at 'H'")
    exact = replace(both, pins=(Pin("S", "N", 30), Pin("S", "M", 70)))
    assert got(planned(exact)) == {"M": 70, "N": 30}


def test_a_pin_of_a_part_of_a_kit_is_refused() -> None:
    problem = Problem(
        DAY0,
        (Source("S", "W", "test", 500),),
        (Need("N", "H", "kit", 4, 0, 5, 0, accepts=("test",)),),
        (Lane("W", "H", 1000, 2),),
        items=(Item("kit", uses_per_piece=50),),
        pins=(Pin("S", "N", 75),),
    )
    assert refused(problem).code == "pin_not_whole"
    whole = replace(problem, pins=(Pin("S", "N", 100),))
    assert got(planned(whole)) == {"N": 4}


def test_pins_that_a_corridor_cannot_carry_are_refused() -> None:
    narrow = (Corridor("north", "south", volume_ml_per_day=99),)
    error = refused(replace(PROBLEM, corridors=narrow))
    assert error.code == "overloaded_pins"
    assert error.where == "pins from zone 'north' to 'south' on day 0"
    assert got(planned(replace(PROBLEM, corridors=(replace(narrow[0], volume_ml_per_day=100),))))


def test_pins_take_their_room_before_anything_else() -> None:
    corridor = Corridor("north", "south", volume_ml_per_day=250, weight_g_per_day=None)
    problem = replace(PROBLEM, corridors=(corridor,), horizon_days=3)
    assert derive(problem).problem.corridors[0].taken == ((0, 100, 0),)
    # 25 pieces a day on days 0 and 1 arrive in time; 10 of day 0 are set by hand.
    plan = planned(problem)
    assert got(plan) == {"N": 40}
    by_day = {line.depart_day: line.quantity for line in plan.allocations}
    assert by_day.keys() == {0, 1}
    assert max(by_day.values()) <= 25


crowded = featured(
    worlds.crowd,
    worlds.roads,
    worlds.sizes,
    worlds.corridors,
    worlds.bans,
    worlds.packs,
    worlds.conversion,
    worlds.pins,
    largest=12,
)


@settings(quick, max_examples=200)
@given(crowded)
def test_no_plan_overloads_a_corridor_with_pins_packs_and_all(problem: Problem) -> None:
    try:
        derive(problem)
    except ProblemError as error:
        assert error.code == "overloaded_pins"  # noqa: PT017
        return
    plan = solve(problem)
    event(plan.solver.status)
    report = check(problem, plan)
    assert report.ok, report.violations
    _never_overloads(problem, plan)


def _never_overloads(problem: Problem, plan: Plan) -> None:
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    loads: dict[tuple[str, str, int], list[int]] = {}
    for line in plan.allocations:
        source = sources[line.source_id]
        item = problem.item(source.item)
        zones = (problem.zone(source.site), problem.zone(needs[line.need_id].site))
        load = loads.setdefault((*zones, line.depart_day), [0, 0])
        load[0] += line.quantity * item.volume_ml
        load[1] += line.quantity * item.weight_g
    for each in problem.corridors:
        for (origin, destination, _), (volume, weight) in loads.items():
            if (origin, destination) == (each.origin_zone, each.destination_zone):
                assert each.volume_ml_per_day is None or volume <= each.volume_ml_per_day
                assert each.weight_g_per_day is None or weight <= each.weight_g_per_day


# Problems that are hard, and yet no error


BARE = Problem(DAY0, (SOURCE,), (NEED,), (Lane("W", "H", 1000, 2),), Policy(), 7)
