"""The check of rounds refuses every plan that breaks a rule, and names the rule."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from optimizer.rounds import plan_rounds
from optimizer.rounds_check import check_rounds
from optimizer.rounds_parts import LeftOut, Load, Round, Rounds, RoundsProblem, Vehicle
from tests.optimizer.rounds_worlds import HOUR, MINUTE, star

VAN = Vehicle(
    "van", "D", 10_000, 10_000, starts_s=6 * HOUR, ends_s=20 * HOUR, shift_s=8 * HOUR, most_rounds=2
)
FRIDGE = replace(VAN, code="fridge", cold=True, volume_ml=4_000)
PROBLEM = star(
    [(8 * HOUR, 18 * HOUR), (8 * HOUR, 9 * HOUR), (8 * HOUR, 18 * HOUR), (8 * HOUR, 18 * HOUR)],
    [20, 40, 25, 30],
    [[], [25], [12, 30], [26, 31, 9]],
    [5, 4, 5, 3],
    [VAN, FRIDGE],
    cold=frozenset({3}),
)
GOOD = plan_rounds(PROBLEM, most_iterations=200)


def found(rounds: Rounds, problem: RoundsProblem = PROBLEM) -> set[str]:
    report = check_rounds(problem, rounds)
    assert report.ok == (not report.violations)
    return {each.code for each in report.violations}


def of(vehicle: str) -> Round:
    return next(each for each in GOOD.rounds if each.vehicle == vehicle)


def swap(old: Round, new: Round) -> Rounds:
    return replace(GOOD, rounds=tuple(new if each == old else each for each in GOOD.rounds))


def test_accepts_what_it_is_given_here() -> None:
    assert found(GOOD) == set()
    assert GOOD.left_out == ()
    assert {each.vehicle for each in GOOD.rounds} == {"van", "fridge"}


def test_refuses_an_overloaded_lorry() -> None:
    for smaller in (replace(VAN, volume_ml=8_999), replace(VAN, weight_g=4_499)):
        assert "capacity" in found(GOOD, replace(PROBLEM, vehicles=(smaller, FRIDGE)))
    one = of("van")
    stop = one.stops[0]
    more = replace(stop, loads=tuple(replace(each, quantity=50) for each in stop.loads))
    heavier = replace(one, stops=(more, *one.stops[1:]))
    assert {"capacity", "goods", "load"} <= found(swap(one, heavier))


def test_refuses_a_missed_window() -> None:
    """An hour later everywhere, when one site has closed; a minute sooner, when none is open."""
    late = next(each for each in GOOD.rounds if any(stop.site == "S1" for stop in each.stops))
    assert "hours" in found(swap(late, shifted(late, HOUR)))
    before = next(each for each in GOOD.rounds if each.stops[0].begins_s == 8 * HOUR)
    assert "hours" in found(swap(before, shifted(before, -MINUTE)))


def shifted(each: Round, by_s: int) -> Round:
    stops = tuple(
        replace(
            stop,
            arrives_s=stop.arrives_s + by_s,
            begins_s=stop.begins_s + by_s,
            leaves_s=stop.leaves_s + by_s,
        )
        for stop in each.stops
    )
    return replace(
        each,
        loads_s=each.loads_s + by_s,
        departs_s=each.departs_s + by_s,
        returns_s=each.returns_s + by_s,
        stops=stops,
    )


def test_refuses_cold_goods_on_a_warm_lorry() -> None:
    warm = tuple(replace(vehicle, cold=False) for vehicle in PROBLEM.vehicles)
    assert "cold" in found(GOOD, replace(PROBLEM, vehicles=warm))


def test_refuses_a_stop_that_was_dropped() -> None:
    """Without a word, without its goods, and with a reason that isn't so."""
    one = of("fridge")
    without = replace(GOOD, rounds=tuple(each for each in GOOD.rounds if each != one))
    assert found(without) == {"goods"}
    loads = [load for stop in one.stops for load in stop.loads]
    for reason, told in (("no_room", "left_out"), ("too_large", "left_out"), ("rain", "left_out")):
        said = tuple(LeftOut(load.drop_id, load.goods, load.quantity, reason) for load in loads)
        assert found(replace(without, left_out=said)) == {told}


def test_refuses_goods_brought_twice() -> None:
    assert "goods" in found(replace(GOOD, rounds=(*GOOD.rounds, replace(of("van"), trip=2))))


def test_refuses_a_longer_day_than_the_drivers() -> None:
    spans = [each.returns_s - each.loads_s for each in GOOD.rounds if each.vehicle == "van"]
    short = replace(VAN, shift_s=min(spans) - 1)
    assert "shift" in found(GOOD, replace(PROBLEM, vehicles=(short, FRIDGE)))
    later = replace(VAN, starts_s=of("van").loads_s + 1)
    assert "hours" in found(GOOD, replace(PROBLEM, vehicles=(later, FRIDGE)))
    earlier = replace(VAN, ends_s=of("van").returns_s - 1)
    assert "hours" in found(GOOD, replace(PROBLEM, vehicles=(earlier, FRIDGE)))


_CHANGES: dict[str, tuple[Callable[[Round], Round], str]] = {
    "its length": (lambda each: replace(each, distance_m=each.distance_m - 1), "distance"),
    "the length of a leg": (
        lambda each: replace(
            each,
            stops=(
                replace(each.stops[0], distance_m=each.stops[0].distance_m + 1),
                *each.stops[1:],
            ),
        ),
        "distance",
    ),
    "flies": (
        lambda each: replace(
            each,
            stops=(replace(each.stops[0], arrives_s=each.stops[0].arrives_s - 1), *each.stops[1:]),
        ),
        "times",
    ),
    "throws goods off": (
        lambda each: replace(
            each,
            stops=(replace(each.stops[0], leaves_s=each.stops[0].begins_s), *each.stops[1:]),
        ),
        "times",
    ),
    "is back too soon": (lambda each: replace(each, returns_s=each.returns_s - 1), "times"),
    "doesn't load": (lambda each: replace(each, departs_s=each.loads_s), "times"),
    "another weight": (lambda each: replace(each, weight_g=0), "load"),
    "a lorry that isn't there": (lambda each: replace(each, unit=2), "lorry"),
    "a trip too many": (lambda each: replace(each, trip=3), "trips"),
    "another day": (lambda each: replace(each, day=1), "load"),
    "no stops": (lambda each: replace(each, stops=()), "empty"),
    "nowhere": (
        lambda each: replace(each, stops=(replace(each.stops[0], site="X"), *each.stops[1:])),
        "site",
    ),
    "other people's goods": (
        lambda each: replace(
            each, stops=(replace(each.stops[0], loads=(Load("d9", "1", 1),)), *each.stops[1:])
        ),
        "load",
    ),
    "the wrong door": (
        lambda each: replace(
            each, stops=(replace(each.stops[0], loads=each.stops[-1].loads), *each.stops[1:])
        ),
        "load",
    ),
}


@pytest.mark.parametrize("name", _CHANGES)
def test_refuses_any_other_change(name: str) -> None:
    change, told = _CHANGES[name]
    one = max(GOOD.rounds, key=lambda each: len(each.stops))
    assert len(one.stops) > 1
    assert told in found(swap(one, change(one)))


def test_refuses_a_lorry_in_two_places() -> None:
    """Two rounds of two lorries, told as one lorry's trips, overlap."""
    problem = replace(PROBLEM, vehicles=(replace(VAN, count=2, most_rounds=1, cold=True),))
    rounds = plan_rounds(problem, most_iterations=100)
    assert len(rounds.rounds) == 2
    one, other = rounds.rounds
    both = replace(rounds, rounds=(one, replace(other, unit=1, trip=2)))
    lorry = (replace(VAN, cold=True),)
    assert "times" in found(both, replace(problem, vehicles=lorry))


def test_refuses_goods_that_stand_at_another_depot() -> None:
    elsewhere = tuple(replace(drop, depots=("S0",)) for drop in PROBLEM.drops)
    assert found(GOOD, replace(PROBLEM, drops=elsewhere)) == {"load"}


def test_refuses_more_rounds_than_a_lorry_drives() -> None:
    alone = replace(VAN, cold=True, shift_s=14 * HOUR)
    problem = replace(PROBLEM, vehicles=(alone,))
    rounds = plan_rounds(problem, most_iterations=100)
    assert len(rounds.rounds) == 2
    assert found(rounds, problem) == set()
    assert "trips" in found(rounds, replace(problem, vehicles=(replace(alone, most_rounds=1),)))
