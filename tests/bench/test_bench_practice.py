"""The plan beside practice, Hubei's week as one problem, and the tables for the documents."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from optimizer.check import check
from optimizer.solve import solve
from services.bench.commands import bench
from services.bench.hubei import week_problem
from services.bench.instances import Shape
from services.bench.practice import run_practice
from services.bench.report import markdown, put_into
from services.scenarios.load import read_scenario
from services.scenarios.scenario import HUBEI_2020

PRACTICES = [
    "medrelay",
    "first_come_first_served",
    "first_come_by_tier",
    "proportional",
    "national_quota",
]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return run_practice(Shape(200, 12), processes=1)


def test_hubeis_week_is_what_its_tables_say() -> None:
    problem = week_problem(read_scenario(HUBEI_2020))
    assert len(problem.needs) == 213
    assert sum(need.quantity for need in problem.needs) == 5_254_235  # as its README counts
    given = [source for source in problem.sources if source.id.startswith("G")]
    assert sum(source.quantity for source in given if source.item == "n95_respirator") == 21_391
    assert sum(source.quantity for source in given if source.item == "gloves") == 1_030_000
    assert {source.earmark for source in problem.sources if source.earmark} == {
        "region:420300",
        "region:420500",
        "region:421100",
        "site:HB017",
        "site:HB034",
    }
    assert problem.zone("HB001") == "420300"
    assert min(source.ready_day for source in problem.sources) == 0
    assert max(source.ready_day for source in problem.sources) == 6


def test_hubeis_week_has_a_proven_plan_that_leaves_nobody_out() -> None:
    problem = week_problem(read_scenario(HUBEI_2020))
    plan = solve(problem)
    assert check(problem, plan).proven
    assert all(outcome.allocated for outcome in plan.outcomes)


def test_each_problem_is_shared_out_in_each_way(rows: list[dict[str, Any]]) -> None:
    hubei, made_up = rows[:5], rows[5:]
    assert [row["practice"] for row in hubei] == PRACTICES
    assert [row["practice"] for row in made_up] == PRACTICES
    for part in (hubei, made_up):
        ours = part[0]
        for row in part:
            assert sum(row["unmet_by_tier"].values()) == row["unmet"]
            assert row["requested"] == ours["requested"] == row["pieces"] + row["unmet"]
            # Nobody serves the first tier more than the plan that puts it first.
            assert row["unmet_by_tier"]["0"] >= ours["unmet_by_tier"]["0"]
            assert 0 <= row["min_fill"] <= row["p5_fill"] <= 1
            assert 0 <= row["gini"] <= 1
            assert row["shipments"] > 0


def test_the_figures_become_markdown(rows: list[dict[str, Any]]) -> None:
    text = markdown(rows)
    assert "Hubei, February 2020, 213 needs" in text
    line = next(each for each in text.splitlines() if each.startswith("| national quota |"))
    assert line.count("|") == text.splitlines()[2].count("|")
    assert f"{rows[4]['unmet_by_tier']['2']:,}" in line


def test_what_was_aimed_at_is_held_against_what_was_measured() -> None:
    about = {"size": "35000x1000", "items": 1, "lanes": False, "machine": "here"}
    empty = dict.fromkeys(("ratio", "objective", "equal", "why"))
    ours = about | empty | {"solver": "medrelay", "kind": "plan", "gap": 0.0, "proven": True}
    slow = about | empty | {"solver": "check", "kind": "check", "gap": None, "proven": True}
    measured = [ours | {"seconds": 7.9, "peak_mb": 2000.0}, slow | {"seconds": 16.0, "peak_mb": 9}]
    text = markdown(measured)
    assert "| 35000 × 1000, 1 items, fair and proven, in ≤ 8 s | 7.9 s, proven | yes |" in text
    assert "| every check in ≤ 15 s | 16.0 s | no |" in text
    unproven = markdown([measured[0] | {"proven": False}])
    assert "| 7.9 s, not proven | no |" in unproven
    failed = measured[0] | {"seconds": None, "why": "killed"}
    assert "| every plan under 6 GiB | 2,000 MB | yes |" in text
    assert "| every plan under 6 GiB | 2,000 MB | no |" in markdown([failed])
    lanes = measured[0] | {"size": "24500x250", "items": 20, "lanes": True, "gap": 0.0006}
    assert "| 7.9 s, gap 0.060 % | no |" in markdown([lanes])
    assert "| 7.9 s, gap 0.040 % | yes |" in markdown([lanes | {"gap": 0.0004}])
    assert "gap not certified | no |" in markdown([lanes | {"gap": None}])


def test_a_table_is_made_of_files_by_command(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows))
    result = CliRunner().invoke(bench, ["report", str(file), str(file)])
    assert result.exit_code == 0
    assert result.output.count("| medrelay |") == 4


def test_tables_take_the_place_of_the_last_ones(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    file, document = tmp_path / "rows.json", tmp_path / "page.md"
    file.write_text(json.dumps(rows))
    document.write_text("Before.\n<!-- measured -->\nold\n<!-- /measured -->\nAfter.\n")
    for _ in range(2):
        result = CliRunner().invoke(bench, ["report", str(file), "--into", str(document)])
        assert result.exit_code == 0
    text = document.read_text()
    assert text.startswith("Before.\n<!-- measured -->\n### Hubei")
    assert text.endswith("|\n<!-- /measured -->\nAfter.\n")
    assert "old" not in text
    assert text.count("| medrelay |") == 2
    with pytest.raises(ValueError, match="measured"):
        put_into("no marks", "tables")


def test_practice_by_command(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    result = CliRunner().invoke(bench, ["practice", "--size", "60x8", "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert len(json.loads(file.read_text())) == 10


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("optimizer --size 60x8 --json /nonexistent/x.json", "folder that exists"),
        ("practice --size 60x8 --json /nonexistent/x.json", "folder that exists"),
        ("getusppe --json /nonexistent/x.json", "folder that exists"),
        ("optimizer --size 60x8 --processes 0", "--processes"),
        ("optimizer --size 60x8 --processes -3", "--processes"),
        ("optimizer --size 60x8 --peer-timeout -1", "--peer-timeout"),
        ("optimizer --size 60x8 --seed -1", "--seed"),
        ("practice --size 60x8 --seed -1", "--seed"),
        ("report README.md", "README.md holds no rows"),
    ],
)
def test_a_slip_in_a_command_is_told_before_the_work(command: str, told: str) -> None:
    result = CliRunner().invoke(bench, command.split())
    assert result.exit_code == 2
    assert told in re.sub("\x1b\\[[0-9;]*m", "", result.output)
