"""The back-test forecasts from the past alone, and computes what the documents say."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.bench.commands import bench
from services.bench.forecast import read_series, run_forecast
from services.requests.forecast.backtest import Score, backtest
from services.requests.forecast.growth import Projection, persist, project
from services.settings import PROJECT_ROOT

Series = list[tuple[int, int]]


def series_of(*counts: int) -> Series:
    return list(enumerate(counts))


def test_errors_are_shares_of_what_came() -> None:
    # From 100 and 200: "as today" says 100 where 200 came and 200 where 160 came.
    score = backtest([series_of(100, 200, 160)], persist, 1, least=1)
    assert score is not None
    assert (score.forecasts, score.mape) == (2, pytest.approx((100 / 200 + 40 / 160) / 2))
    assert score.bias == pytest.approx(300 / 360 - 1)
    assert score.enough == 0.5


def test_coverage_counts_truths_between_low_and_high() -> None:
    def narrow(series: object, horizon: int) -> Projection:
        return Projection(0.0, (100.0,) * horizon, (90.0,) * horizon, (110.0,) * horizon)

    score = backtest([series_of(1, 90, 110, 111)], narrow, 1, least=1)
    assert score == Score(3, score.mape, score.bias, 2 / 3, 1 / 3) if score else False


def test_nothing_of_the_day_asked_for_is_known() -> None:
    seen: list[list[tuple[int, int]]] = []

    def spy(series: object, horizon: int) -> Projection:
        assert isinstance(series, list)
        seen.append(series)
        return persist(series, horizon)

    backtest([series_of(1, 2, 3, 4, 5)], spy, 2, least=3)
    assert seen == [series_of(1, 2, 3)]


def test_a_day_that_was_not_told_is_not_asked_for() -> None:
    gap: Series = [(0, 10), (1, 20), (3, 40)]
    score = backtest([gap], persist, 1, least=1)
    assert score is not None
    assert score.forecasts == 1
    assert backtest([series_of(5)], persist, 1) is None
    assert backtest([], persist, 1) is None


def test_the_case_series_is_whole() -> None:
    periods = read_series()
    assert {name: len(many) for name, many in periods.items()} == {"rise": 17, "course": 17}
    assert [len(many[0]) for many in periods.values()] == [13, 23]
    wuhan = [many[0] for many in periods.values()]
    assert (wuhan[0][0][1], wuhan[0][-1][1]) == (572 - 38, 11618 - 478)
    assert (wuhan[1][0][1], max(n for _, n in wuhan[1])) == (11618 - 542 - 478, 37877)


def test_one_run_sets_ours_beside_the_naive_peer() -> None:
    rows = run_forecast([3])
    assert [(row["period"], row["projector"]) for row in rows] == [
        ("24 Jan – 6 Feb", "medrelay"),
        ("24 Jan – 6 Feb", "as today"),
        ("6 – 29 Feb", "medrelay"),
        ("6 – 29 Feb", "as today"),
    ]
    for ours, naive in (rows[:2], rows[2:]):
        assert naive["ratio"] == 1
        assert ours["ratio"] == pytest.approx(ours["mape"] / naive["mape"])
        assert ours["forecasts"] == naive["forecasts"] > 50
        assert ours["ratio"] < 0.9


def test_the_command_prints_what_the_documents_show(tmp_path: Path) -> None:
    file = tmp_path / "forecast.json"
    answer = CliRunner().invoke(bench, ["forecast", "--json", str(file)])
    assert answer.exit_code == 0, answer.output
    assert "as today" in answer.output
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert len(rows) == 12
    told = (PROJECT_ROOT / "docs" / "forecast.md").read_text(encoding="utf-8")
    for row in rows:
        figures = [f"{row[name]:.1%}".replace("%", " %") for name in ("mape", "bias", "coverage")]
        line = f"| {row['period']} | {row['ahead']} | {row['projector']} | {row['ratio']:.2f} | "
        assert f"{line}{' | '.join(figures)}" in told, line


def test_the_command_refuses_a_horizon_that_cannot_be() -> None:
    for wrong in ("0", "x", "1,,2", "40"):
        answer = CliRunner().invoke(bench, ["forecast", "--ahead", wrong])
        assert answer.exit_code == 2, answer.output
        assert "--ahead" in answer.output


def test_projecting_by_the_trend_beats_as_today_while_it_rises() -> None:
    steady = [series_of(*(round(100 * 1.15**day) for day in range(12)))]
    ours, naive = backtest(steady, project, 3), backtest(steady, persist, 3)
    assert ours is not None
    assert naive is not None
    assert ours.mape < naive.mape / 2
