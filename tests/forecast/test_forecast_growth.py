"""Patients' growth: never negative, more with more patients, capped, and as its formulas say."""

from math import exp, isclose, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.requests.forecast.growth import (
    DAMPING,
    FASTEST_FALL,
    FASTEST_RISE,
    doubling_days,
    persist,
    project,
)

COUNTS = st.lists(st.integers(0, 100_000), min_size=1, max_size=12)
HORIZON = st.integers(1, 28)


def daily(counts: list[int]) -> list[tuple[int, int]]:
    return list(enumerate(counts))


@given(COUNTS, HORIZON)
def test_nobody_is_projected_below_none_and_low_lies_under_high(
    counts: list[int], horizon: int
) -> None:
    for projector in (project, persist):
        told = projector(daily(counts), horizon)
        assert len(told.points) == len(told.low) == len(told.high) == horizon
        for low, point, high in zip(told.low, told.points, told.high, strict=True):
            assert 0 <= low <= point <= high


@given(COUNTS, HORIZON, st.integers(1, 50_000))
def test_more_patients_today_are_never_fewer_tomorrow(
    counts: list[int], horizon: int, more: int
) -> None:
    fewer = project(daily(counts), horizon).points
    many = project(daily([*counts[:-1], counts[-1] + more]), horizon).points
    assert all(a <= b for a, b in zip(fewer, many, strict=True))


@given(COUNTS, HORIZON)
def test_growth_is_capped(counts: list[int], horizon: int) -> None:
    told = project(daily(counts), horizon)
    assert exp(FASTEST_FALL) - 1 - 1e-9 <= told.growth <= exp(FASTEST_RISE) - 1 + 1e-9
    most = counts[-1] * exp(FASTEST_RISE / (1 - DAMPING))
    assert all(point <= most + 1e-6 for point in told.points)


def test_a_steady_doubling_goes_on_and_fades() -> None:
    told = project(daily([99, 199, 399, 799, 1599]), 3)
    assert isclose(told.growth, exp(FASTEST_RISE) - 1)  # twice a day is more than may be believed
    slower = project(daily([round(1000 * 1.1**day) for day in range(5)]), 3)
    assert slower.growth == pytest.approx(0.1, rel=0.01)
    by_hand = [
        round(1000 * 1.1**4) * (1 + slower.growth) ** damped for damped in (1, 1.8, 1.8 + 0.64)
    ]
    assert slower.points == pytest.approx(by_hand)


def test_two_counts_say_no_trend() -> None:
    told = project([(0, 10), (1, 1000)], 2)
    assert (told.growth, told.points) == (0.0, (1000.0, 1000.0))


def test_counts_before_the_window_say_nothing() -> None:
    recent = [(10, 50), (11, 55), (12, 60)]
    assert project([(0, 9999), *recent], 5) == project(recent, 5)


def test_a_missing_day_is_no_day_of_growth() -> None:
    steady = [(0, 999), (1, 1099), (3, 1330)]
    assert project(steady, 1).growth == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize(
    ("series", "horizon"),
    [([], 1), ([(0, 1)], 0), ([(0, -1)], 1), ([(1, 1), (1, 2)], 1), ([(2, 1), (1, 2)], 1)],
)
def test_what_cannot_be_is_refused(series: list[tuple[int, int]], horizon: int) -> None:
    for projector in (project, persist):
        with pytest.raises(ValueError, match=r"\w"):
            projector(series, horizon)


def test_the_naive_peer_says_as_today() -> None:
    assert persist(daily([10, 20, 40]), 3).points == (40.0, 40.0, 40.0)


def test_a_doubling_time_is_said_of_growth_only() -> None:
    assert doubling_days(1.0) == pytest.approx(1.0)
    assert doubling_days(0.1) == pytest.approx(log(2) / log(1.1))
    assert doubling_days(0.0) is None
    assert doubling_days(-0.2) is None
