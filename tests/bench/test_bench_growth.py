"""The log's growth is measured on the real tables, and the figures are of proofs that hold."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ledger import merkle
from services.audit import service
from services.audit.tiles import tiled_size
from services.bench.commands import bench
from services.bench.growth import MEASURES, Grower, run_growth, sizes_up_to
from services.bench.report import markdown
from services.database import Database


def run(database: Database, sizes: Sequence[int]) -> list[dict[str, object]]:
    return run_growth(database, sizes, lambda _: None, receipts=25, lone=3)


def test_a_small_log_has_a_row_for_each_size_and_way(database: Database) -> None:
    rows = run(database, [300, 600])
    assert [(row["way"], row.get("size")) for row in rows] == [
        ("tiles", 300),
        ("all leaves", 300),
        ("tiles", 600),
        ("all leaves", 600),
        ("tiles", None),
        ("all leaves", None),
    ]
    assert all(row[name] is not None for row in rows if row["way"] == "tiles" for name in MEASURES)
    assert all(row["append_ms"] is None for row in rows if row["way"] == "all leaves")
    table = markdown(json.loads(json.dumps(rows)))
    assert "| tiles | 600 |" in table
    assert "| all leaves | exponent |" in table
    with database.transaction() as session:
        assert tiled_size(session) == service.anchored_size(session) == 603


def test_a_receipt_that_does_not_hold_stops_the_benchmark(database: Database) -> None:
    grower = Grower(database)
    grower.seal(40)
    grower.grow_to(40)
    grower.receipt(7)
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        spoilt = "UPDATE tile_part SET hashes = decode(repeat('00', 32 * 40), 'hex')"
        connection.execute(sa.text(spoilt))
    with pytest.raises(merkle.RootMismatch):
        grower.receipt(7)
    with pytest.raises(AssertionError):
        grower.restart()


def test_sizes_are_powers_of_ten_from_a_thousand_on() -> None:
    assert sizes_up_to(1000) == [1000]
    assert sizes_up_to(999_999) == [1000, 10_000, 100_000]
    assert sizes_up_to(1_000_000)[-1] == 1_000_000


@pytest.mark.parametrize(
    "arguments", [["--to", "999"], ["--to", "many"], ["--json", "/nowhere/at/all.json"]]
)
def test_a_slip_in_the_command_is_told_before_the_work(arguments: list[str]) -> None:
    answer = CliRunner().invoke(bench, ["growth", *arguments])
    assert answer.exit_code == 2


@pytest.mark.slow
def test_the_command_writes_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "growth.json"
    answer = CliRunner().invoke(bench, ["growth", "--to", "1000", "--json", str(file)])
    assert answer.exit_code == 0, answer.output
    assert {row["way"] for row in json.loads(file.read_text())} == {"tiles", "all leaves"}
