"""The burn rate and the essential supplies: by hand, never negative, more with more patients."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.requests.forecast.growth import Projection, persist, project
from services.requests.forecast.method import (
    Burn,
    Count,
    Cover,
    Gap,
    Need,
    burn_need,
    burn_rate,
    covered_by,
    days_left_tenths,
    essential_need,
    forecast_item,
    suggest,
)
from services.requests.forecast.models import Driver, Method

PIECES = st.integers(0, 10**9)
PEOPLE = st.integers(0, 5_000)
RATES = st.dictionaries(st.sampled_from(list(Driver)), st.integers(0, 500_000), max_size=9)
PRESENT = st.dictionaries(st.sampled_from(list(Driver)), PEOPLE, max_size=9)
COUNTS = st.lists(st.tuples(PIECES, PIECES), max_size=10).map(
    lambda some: [Count(day, stock, came) for day, (stock, came) in enumerate(some)]
)
FLAT = Projection(0.0, (100.0,) * 7, (100.0,) * 7, (100.0,) * 7)


def test_use_is_stock_before_and_what_came_less_stock_now() -> None:
    counts = [Count(0, 1000, 0), Count(1, 700, 0), Count(3, 600, 500)]
    # 300 in a day, then 600 in two: 900 in three days.
    assert burn_rate(counts) == Burn(300_000, days=3, unexplained=0, ran_out=False)
    assert days_left_tenths(600, 300_000) == 20


def test_one_count_or_none_says_no_use() -> None:
    assert burn_rate([]) is None
    assert burn_rate([Count(0, 5, 0)]) is None


def test_stock_that_nobody_brought_is_left_out_and_told() -> None:
    counts = [Count(0, 100, 0), Count(1, 400, 0), Count(2, 350, 0)]
    assert burn_rate(counts) == Burn(50_000, days=1, unexplained=1, ran_out=False)
    assert burn_rate(counts[:2]) is None


def test_only_the_last_intervals_count() -> None:
    old = [Count(day, 10**6, 0) for day in range(3)]
    used = list(accumulate([100] * 8))
    recent = [Count(10 + day, 10_000 - used[day], 0) for day in range(8)]
    burn = burn_rate([*old, *recent])
    assert burn == Burn(100_000, days=7, unexplained=0, ran_out=False)


def test_rates_are_multiplied_by_who_is_there() -> None:
    rates = {Driver.PATIENT_SEVERE: 2_000, Driver.SHIFT_NURSE: 500, Driver.TEST: 1_000}
    present = {Driver.PATIENT_SEVERE: 60, Driver.PATIENT_MILD: 40, Driver.SHIFT_NURSE: 10}
    # A day: 120 for the severe and 5 for the nurses; seven days.
    assert essential_need(rates, present, FLAT) == 7 * 125
    doubled = Projection(0.0, (200.0,) * 7, (200.0,) * 7, (200.0,) * 7)
    assert essential_need(rates, present, doubled) == 7 * 245


def test_the_burn_rate_goes_with_the_patients() -> None:
    burn = Burn(300_000, days=3, unexplained=0, ran_out=False)
    assert burn_need(burn, [50, 50, 50], FLAT) == 7 * 600
    assert burn_need(burn, [0, 0], FLAT) == 7 * 300


@given(RATES, PRESENT, st.integers(1, 28), st.sampled_from(list(Driver)), st.integers(1, 1000))
def test_more_of_anything_never_needs_less(
    rates: dict[Driver, int], present: dict[Driver, int], days: int, driver: Driver, more: int
) -> None:
    def needed(people: dict[Driver, int]) -> int:
        ill = sum(count for each, count in people.items() if each.value.startswith("patient"))
        return essential_need(rates, people, persist([(0, ill)], days))

    larger = present | {driver: present.get(driver, 0) + more}
    assert 0 <= needed(present) <= needed(larger)


@given(COUNTS, st.lists(PEOPLE, max_size=10), PRESENT, RATES, st.integers(1, 28), PIECES)
def test_no_forecast_is_negative_and_a_gap_says_why(
    counts: list[Count],
    patients: list[int],
    present: dict[Driver, int],
    rates: dict[Driver, int],
    days: int,
    on_hand: int,
) -> None:
    projection = project(list(enumerate(patients or [0])), days)
    told = forecast_item(counts, patients, present, rates, projection, on_hand)
    if isinstance(told, Gap):
        assert told in set(Gap)
        return
    assert told.forecast > 0
    assert told.use_per_day_milli >= 0
    assert (told.days_left_tenths or 0) >= 0
    assert told.forecast in {told.burn, told.essential}


@given(COUNTS, st.lists(PEOPLE, min_size=1, max_size=10), RATES, st.integers(1, 500))
def test_more_patients_today_never_need_less(
    counts: list[Count], patients: list[int], rates: dict[Driver, int], more: int
) -> None:
    def needed(totals: list[int]) -> int:
        present = {Driver.PATIENT_MILD: totals[-1]}
        projection = project(list(enumerate(totals)), 7)
        told = forecast_item(counts, totals, present, rates, projection, 0)
        return told.forecast if isinstance(told, Need) else 0

    assert needed(patients) <= needed([*patients[:-1], patients[-1] + more])


def test_measured_use_is_believed_unless_it_ran_out() -> None:
    rates = {Driver.PATIENT_MILD: 10_000}
    present = {Driver.PATIENT_MILD: 100}
    enough = [Count(0, 1000, 0), Count(1, 900, 0)]
    told = forecast_item(enough, [100, 100], present, rates, FLAT, 900)
    assert told == Need(Method.BURN_RATE, 100_000, 90, 700, 7000, 700)
    empty = [Count(0, 100, 0), Count(1, 0, 0)]
    told = forecast_item(empty, [100, 100], present, rates, FLAT, 0)
    assert told == Need(Method.ESSENTIAL_SUPPLIES, 1_000_000, 0, 700, 7000, 7000)


@pytest.mark.parametrize(
    ("counts", "rates", "gap"),
    [
        ([], {}, Gap.NOT_COUNTED),
        ([], {Driver.PATIENT_MILD: 1000}, Gap.NOT_COUNTED),
        ([Count(0, 5, 0)], {}, Gap.NO_RATE),
        ([Count(0, 5, 0), Count(1, 5, 0)], {}, Gap.NO_USE),
        ([Count(0, 5, 0)], {Driver.TEST: 1000}, Gap.NO_USE),
    ],
)
def test_where_nothing_can_be_said_it_says_why(
    counts: list[Count], rates: dict[Driver, int], gap: Gap
) -> None:
    assert forecast_item(counts, [1], {Driver.PATIENT_MILD: 1}, rates, FLAT, 5) is gap


@given(PIECES, PIECES, PIECES, PIECES)
def test_what_is_there_or_coming_is_not_asked_for_again(
    need: int, on_hand: int, coming: int, asked: int
) -> None:
    told = suggest(need, on_hand, coming, asked)
    assert told >= 0
    assert told == 0 or told + on_hand + coming + asked == need
    covers = covered_by(need, on_hand, coming, asked)
    assert (covers is None) == (told > 0)
    if covers is Cover.STOCK:
        assert on_hand >= need
    if covers is Cover.COMING:
        assert on_hand < need <= on_hand + coming
    if covers is Cover.ASKED:
        assert on_hand + coming < need
