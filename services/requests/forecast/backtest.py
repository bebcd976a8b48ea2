"""How good the projection is: walk through a series day by day, and compare with what came."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.requests.forecast.growth import LEAST_POINTS, Projection

Series = Sequence[tuple[int, int]]
Projector = Callable[[Series, int], Projection]


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of forecasts of one horizon, as shares of what came.

    ``mape``: mean of the absolute error. ``bias``: all forecast by all that came, less one, so
    that more than 0 is too many. ``coverage``: how often the truth lay between low and high.
    ``enough``: how often the forecast wasn't below the truth.
    """

    forecasts: int
    mape: float
    bias: float
    coverage: float
    enough: float


@dataclass(frozen=True, slots=True)
class _Pair:
    said: float
    low: float
    high: float
    came: int


def backtest(
    many: Sequence[Series], projector: Projector, ahead: int, least: int = LEAST_POINTS
) -> Score | None:
    """Forecast each day ``ahead`` days before it, from nothing but the days up to then.

    A series' first ``least`` counts only begin it, so that every projector is asked the same.
    Days on which nobody was ill have no share and are left out. None where nothing can be asked.
    """
    pairs = [pair for series in many for pair in _walk(series, projector, ahead, least)]
    if not pairs:
        return None
    return Score(
        forecasts=len(pairs),
        mape=sum(abs(pair.said - pair.came) / pair.came for pair in pairs) / len(pairs),
        bias=sum(pair.said for pair in pairs) / sum(pair.came for pair in pairs) - 1,
        coverage=sum(pair.low <= pair.came <= pair.high for pair in pairs) / len(pairs),
        enough=sum(pair.said >= pair.came for pair in pairs) / len(pairs),
    )


def _walk(series: Series, projector: Projector, ahead: int, least: int) -> Sequence[_Pair]:
    came = dict(series)
    pairs = []
    for end in range(least, len(series) + 1):
        known = series[:end]
        truth = came.get(known[-1][0] + ahead)
        if truth is None or truth == 0:
            continue
        said = projector(known, ahead)
        pairs.append(_Pair(said.points[-1], said.low[-1], said.high[-1], truth))
    return pairs
