"""What a record costs: every method in one run, the floor under call data, and the table."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.bench import ledger_gas
from services.bench.commands import bench
from services.bench.ledger_gas import methods, run_gas
from services.bench.report import markdown

FLOOR = 1280  # EIP-7623: 10 gas for each of 32 x 4 tokens


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return run_gas({1: 4, 100: 1}, lambda _: None)


def gas(rows: list[dict[str, Any]], method: str, batch: int) -> float:
    (found,) = (row for row in rows if (row["method"], row["batch"]) == (method, batch))
    return float(found["gas_per_record"])


def test_every_method_has_a_row_for_each_batch_on_the_same_evm(rows: list[dict[str, Any]]) -> None:
    names = [method.name for method in methods()]
    assert names[0] == "medrelay"
    assert {"event a record", "mapping a record", "root-only anchor"} < set(names)
    assert [(row["method"], row["batch"]) for row in rows] == [
        (name, batch) for name in names for batch in (1, 100)
    ]
    assert len({row["evm"] for row in rows}) == 1
    assert "Prague" in rows[0]["evm"]
    for row in rows:
        assert 0 < row["least"] <= row["gas_per_record"] <= row["most"]


def test_nothing_that_carries_the_hashes_goes_under_the_floor_of_call_data(
    rows: list[dict[str, Any]],
) -> None:
    for method in ("medrelay", "bare event", "event a record", "mapping a record"):
        # A zero byte, one in 256, is a quarter of the price; the transaction is 21,000 by itself.
        assert gas(rows, method, 100) > 0.99 * FLOOR + 210
    assert gas(rows, "root-only anchor", 100) < FLOOR


def test_a_slot_a_record_costs_what_the_yellow_paper_says(rows: list[dict[str, Any]]) -> None:
    assert 22_100 < gas(rows, "mapping a record", 100) < 23_500
    assert gas(rows, "medrelay", 100) < gas(rows, "mapping a record", 100) / 8


def test_a_method_that_refuses_is_no_measurement() -> None:
    stale = ledger_gas.Method(
        "stale", methods()[0].artifact, "append", lambda _, hashes: (7, hashes)
    )
    with pytest.raises(RuntimeError, match="stale refused 1 records at 0"):
        run_gas({1: 1}, lambda _: None, [stale])


def test_the_rows_become_a_table(rows: list[dict[str, Any]]) -> None:
    text = markdown(rows)
    assert text.startswith("### Gas a record, on py-evm")
    (line,) = (each for each in text.splitlines() if each.startswith("| medrelay | 100 |"))
    assert f"{round(gas(rows, 'medrelay', 100)):,}" in line


def test_the_command_writes_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_gas, "BATCHES", {1: 1})
    file = tmp_path / "gas.json"
    result = CliRunner().invoke(bench, ["ledger", "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert "event a record" in result.output
    written = json.loads(file.read_text())
    assert len(written) == len(methods())
    assert {"method", "batch", "gas_per_record"} <= set(written[0])


def test_a_place_that_cant_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    result = CliRunner().invoke(bench, ["ledger", "--json", str(tmp_path / "none" / "gas.json")])
    assert result.exit_code == 2
    assert "can't be written" in result.output.replace("\n", " ")
