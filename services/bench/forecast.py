"""The projection of patients on Hubei's case series of 2020, beside a naive peer."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from services.requests.forecast.backtest import Series, backtest
from services.requests.forecast.growth import persist, project

__all__ = ["BadAhead", "parse_ahead", "read_series", "run_forecast"]

CASES = Path(__file__).with_name("hubei_patients.csv")
MOST_AHEAD = 14
# Where fewer are ill, one bed more or less is a large share of nothing.
LEAST_PATIENTS = 50
PERIODS = {"rise": "24 Jan – 6 Feb", "course": "6 – 29 Feb"}


class BadAhead(ValueError):
    """Days ahead that can't be; the message says which would do."""


def parse_ahead(text: str) -> list[int]:
    """Horizons in days, as in ``1,3,7``; raises BadAhead."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_AHEAD for part in parts):
        raise BadAhead(f"--ahead {text}: give whole days from 1 to {MOST_AHEAD}, such as 1,3,7")
    return [int(part) for part in parts]


def read_series(path: Path = CASES) -> dict[str, list[list[tuple[int, int]]]]:
    """Patients by day for each prefecture, by period; days are proleptic ordinals."""
    found: dict[str, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            day = date.fromisoformat(row["day"]).toordinal()
            for region, patients in row.items():
                if region not in {"series", "day"}:
                    found[row["series"]][region].append((day, int(patients)))
    return {period: list(regions.values()) for period, regions in found.items()}


def run_forecast(ahead_days: Sequence[int]) -> list[dict[str, Any]]:
    """One row a period, horizon and projector, the naive peer's errors as the ratio's other side.

    ``ratio`` is the mean absolute error by the peer's: below 1 is better than "as today".
    """
    rows = []
    for period, many in read_series().items():
        large = [_from_least(series) for series in many]
        for ahead in ahead_days:
            naive = backtest(large, persist, ahead)
            ours = backtest(large, project, ahead)
            if naive is None or ours is None:
                continue
            for name, score in (("medrelay", ours), ("as today", naive)):
                rows.append(
                    {
                        "kind": "forecast",
                        "period": PERIODS[period],
                        "ahead": ahead,
                        "projector": name,
                        "ratio": score.mape / naive.mape,
                        **asdict(score),
                    }
                )
    return rows


def _from_least(series: Series) -> Series:
    """The series from the day on which there were enough patients to speak of shares."""
    first = next((at for at, (_, n) in enumerate(series) if n >= LEAST_PATIENTS), len(series))
    return series[first:]
