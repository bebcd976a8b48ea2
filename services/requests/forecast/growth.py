"""How many patients there will be: growth of the last days, damped and capped. No database here.

The trend is that of the logarithm, by least squares over the last days; it fades by a constant
factor a day (the damped trend of Gardner and McKenzie, 1985), since no epidemic doubles for long.
``docs/forecast.md`` has the formulas and how far they may be trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt

WINDOW_DAYS = 5
LEAST_POINTS = 3
# The trend of a day is this part of the day's before.
DAMPING = 0.8
# Doubling in two days, or halving in four: beyond it a count is wrong or a ward was moved.
FASTEST_RISE = log(2) / 2
FASTEST_FALL = -log(2) / 4
# Four of five truths should lie between low and high.
COVERAGE = 0.8
Z_80 = 1.2816
LEAST_SPREAD = 0.02


@dataclass(frozen=True, slots=True)
class Projection:
    """Patients in the house on each of the coming days, tomorrow first; never negative.

    ``growth`` is the trend's share a day, such as 0.12 for 12 % more; 0 where it isn't known.
    """

    growth: float
    points: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def project(series: Sequence[tuple[int, int]], horizon: int) -> Projection:
    """Project ``(day number, patients)``, in order of days, over the ``horizon`` days after.

    Two counts or fewer within the window say no trend: then as many are expected as now.

    Raises:
        ValueError: there is no count, or days or patients can't be.

    """
    _check(series, horizon)
    last_day, now = series[-1]
    recent = [(day, count) for day, count in series if day > last_day - WINDOW_DAYS]
    trend = _trend(recent)
    spread = _spread(recent, trend)
    points = [now * exp(trend * _damped_days(day)) for day in range(1, horizon + 1)]
    # A slip in the trend is made again on every day: the width grows with the days themselves.
    wide = [exp(Z_80 * spread * day) for day in range(1, horizon + 1)]
    return Projection(
        growth=exp(trend) - 1,
        points=tuple(points),
        low=tuple(point / by for point, by in zip(points, wide, strict=True)),
        high=tuple(point * by for point, by in zip(points, wide, strict=True)),
    )


def persist(series: Sequence[tuple[int, int]], horizon: int) -> Projection:
    """What a naive peer says: tomorrow is as today. Its spread is that of the days' changes."""
    _check(series, horizon)
    last_day, now = series[-1]
    spread = _spread([(day, n) for day, n in series if day > last_day - WINDOW_DAYS], 0.0)
    wide = [exp(Z_80 * spread * day) for day in range(1, horizon + 1)]
    return Projection(
        growth=0.0,
        points=(float(now),) * horizon,
        low=tuple(now / by for by in wide),
        high=tuple(now * by for by in wide),
    )


def doubling_days(growth: float) -> float | None:
    """Days until there are twice as many at this growth a day; None where they don't grow."""
    return log(2) / log(1 + growth) if growth > 0 else None


def _check(series: Sequence[tuple[int, int]], horizon: int) -> None:
    if not series:
        raise ValueError("there is no count to project from")
    if horizon < 1:
        raise ValueError(f"{horizon} days ahead is no horizon")
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(series)):
        raise ValueError("days come once each, in their order")
    if any(count < 0 for _, count in series):
        raise ValueError("patients can't be fewer than none")


def _trend(recent: Sequence[tuple[int, int]]) -> float:
    """Slope of the logarithm a day, by least squares, capped; one is added for days without any."""
    if len(recent) < LEAST_POINTS:
        return 0.0
    middle = sum(day for day, _ in recent) / len(recent)
    below = sum((day - middle) ** 2 for day, _ in recent)
    slope = sum((day - middle) * log(count + 1) for day, count in recent) / below
    return min(FASTEST_RISE, max(FASTEST_FALL, slope))


def _damped_days(ahead: int) -> float:
    """How many days of full trend ``ahead`` days are worth: 1, 1 + φ, 1 + φ + φ² and so on."""
    return (1 - DAMPING**ahead) / (1 - DAMPING)


def _spread(recent: Sequence[tuple[int, int]], trend: float) -> float:
    """Standard deviation of a day's change of the logarithm around the trend."""
    changes = [
        (log(after + 1) - log(before + 1)) / (later - earlier) - trend
        for (earlier, before), (later, after) in pairwise(recent)
    ]
    if not changes:
        return LEAST_SPREAD
    degrees = max(1, len(changes) - 1)
    return max(LEAST_SPREAD, sqrt(sum(change**2 for change in changes) / degrees))
