"""`medrelay bench optimizer`: its rows, and that all who solve the same agree."""

import json
import time
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from typer.testing import CliRunner

from optimizer.problem import Corridor, Item, Lane, Need, Place, Problem, Source
from services.bench import child, measure, sizes
from services.bench.commands import bench
from services.bench.coupled import least_weighed
from services.bench.instances import Shape
from services.bench.sizes import BadBench, Bench, growth, parse_peers, parse_shapes

KEYS = {"size", "items", "solver", "seconds", "ratio", "peak_mb", "objective", "proven", "gap"}


def run(*arguments: str) -> tuple[Any, list[dict[str, Any]]]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        result = CliRunner().invoke(bench, [*arguments, "--json", str(file)])
        return result, json.loads(file.read_text()) if file.exists() else []


def test_every_row_has_its_figures_and_glop_finds_the_same_optimum() -> None:
    size = ["--size", "120x12", "--items", "2", "--processes", "2"]
    result, rows = run("optimizer", *size, "--peers", "glop,maxmin")
    assert result.exit_code == 0, result.output
    assert all(row.keys() >= KEYS for row in rows)
    ours, check, glop, maxmin = rows
    assert [row["solver"] for row in rows] == ["medrelay", "check", "glop", "maxmin"]
    assert ours["proven"] is True
    assert (ours["gap"], ours["ratio"], ours["why"]) == (0.0, 1.0, None)
    assert ours["seconds"] > 0
    assert ours["peak_mb"] > 20
    assert check["proven"] is True
    assert glop["equal"] is True
    assert glop["objective"] == ours["objective"] > 0
    assert glop["ratio"] == pytest.approx(glop["seconds"] / ours["seconds"])
    assert maxmin["equal"] is True
    assert "120x12" in result.output


def test_in_shared_lanes_the_best_lies_between_the_bound_and_the_plan() -> None:
    result, rows = run("optimizer", "--size", "120x12", "--items", "2", "--lanes")
    assert result.exit_code == 0, result.output
    ours, check, glop, highs, pot = rows
    assert (ours["status"], check["why"]) == ("bounded", None)
    assert 0 <= ours["gap"] < 1
    assert glop["equal"] is True
    assert -1e-7 < glop["gap"] <= ours["gap"] + 1e-7
    assert highs["why"] == pot["why"] == "only glop is asked where lanes are shared"


def test_the_best_in_lanes_is_what_a_hand_can_count() -> None:
    needs = tuple(Need(name, "H", "mask", 90, 0, 9, posted_at=0) for name in "AB")
    problem = Problem(
        "2020-02-01",
        (Source("S", "W", "mask", 100, ready_day=1),),
        needs,
        (Lane("W", "H", 7, 1),),
        horizon_days=4,
        items=(Item("mask", volume_ml=10),),
        places=(Place("W", 0, 0, "a"), Place("H", 0, 0, "b")),
        corridors=(Corridor("a", "b", volume_ml_per_day=300),),
    )
    # Days 1, 2 and 3 take 30 pieces each at 7 micro-units; 90 of 180 stay behind.
    assert least_weighed(problem, {0: 1000}).objective == pytest.approx(90 * 1007 / 1e6)
    free = replace(problem, corridors=())
    assert least_weighed(free, {0: 1000}).objective == pytest.approx((80 * 1000 + 100 * 7) / 1e6)


@pytest.mark.bench
@pytest.mark.parametrize("peer", ["highs", "pot"])
def test_other_peers_find_the_same_optimum(peer: str) -> None:
    _, rows = run("optimizer", "--size", "300x20", "--items", "2", "--peers", peer)
    row = rows[-1]
    assert (row["solver"], row["equal"], row["exact"]) == (peer, True, True)


def test_a_wrong_optimum_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "plan": {"seconds": 2.0, "objective": 100, "gap": 0.0},
        "check": {"seconds": 1.0, "proven": True},
        "peer": {"seconds": 3.0, "objective": 99},
    }

    def pretend(task: str, *_: Any, **__: Any) -> measure.Measured:
        return measure.Measured(dict(answers[task]), 50.0)

    monkeypatch.setattr(sizes, "run_apart", pretend)
    rows = Bench([Shape(10, 2)], ["glop"], 1, 60, 1000).run(lambda _: None, lambda _: None)
    assert [row["equal"] for row in rows] == [None, None, False]
    assert [row["ratio"] for row in rows] == [1.0, 0.5, 1.5]
    assert rows[2]["gap"] == pytest.approx(-0.01)


def test_a_peer_that_is_not_installed_has_a_row_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(child, "version", nowhere)
    _, rows = run("optimizer", "--size", "20x4", "--peers", "highs")
    assert rows[-1].keys() >= KEYS
    assert rows[-1]["seconds"] is None
    assert rows[-1]["why"] == "highspy is not installed: `make install-bench` does it"


def test_who_takes_too_long_is_ended_and_says_so() -> None:
    shape = {"needs": 20_000, "sources": 400, "items": 4}
    measured = measure.run_apart("check", {"shape": shape, "folder": "/"}, timeout_s=0.2)
    assert measured.result == {}
    assert measured.why == "did not end within 0.2 s"


def test_who_takes_too_much_memory_is_ended_and_says_so() -> None:
    shape = {"needs": 20_000, "sources": 400, "items": 20}
    measured = measure.run_apart("check", {"shape": shape, "folder": "/"}, memory_mb=60)
    assert measured.why == "needs more than 60 MB"
    assert measured.peak_mb > 60


def test_who_fails_says_why(tmp_path: Path) -> None:
    shape = {"needs": 20, "sources": 4}
    measured = measure.run_apart("check", {"shape": shape, "folder": str(tmp_path)})
    assert measured.why is not None
    assert "plan.json" in measured.why


class Seen(Exception):
    """There is a process besides the first one."""


def test_nothing_of_a_task_outlives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_MARK", str(tmp_path))  # which its processes inherit

    def look() -> None:
        if _marked(tmp_path) > 1:
            raise Seen

    shape = {"needs": 4000, "sources": 100, "items": 6}
    arguments = {"shape": shape, "folder": str(tmp_path), "processes": 3}
    with pytest.raises(Seen):
        measure.run_apart("plan", arguments, tick=look)
    give_up = time.monotonic() + 10
    while _marked(tmp_path) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert _marked(tmp_path) == 0


def _marked(mark: Path) -> int:
    """Count the processes that carry this mark."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            count += f"BENCH_MARK={mark}".encode() in (folder / "environ").read_bytes()
    return count


def test_growth_is_the_slope_of_the_logarithms() -> None:
    about = {"solver": "medrelay", "items": 1, "lanes": False}
    rows = [
        about | {"size": size, "seconds": seconds}
        for size, seconds in (("10x10", 1.0), ("100x10", 10**1.5), ("1000x10", 10**3))
    ]
    assert [row["exponent"] for row in growth(rows)] == [1.5]
    assert growth(rows[:1]) == []


def test_sizes_are_read_as_they_are_written() -> None:
    shapes = parse_shapes(["1000x50, 5000x200", "60x8"], ["1,20"], lanes=True, seed=3)
    assert shapes[1] == Shape(1000, 50, 20, lanes=True, seed=3)
    assert [shape.size for shape in shapes[::2]] == ["1000x50", "5000x200", "60x8"]


@pytest.mark.parametrize("size", ["1000", "1000x", "x5", "-10x5", "10x5x2"])
def test_a_slip_in_a_size_is_named(size: str) -> None:
    with pytest.raises(BadBench, match="10000x200"):
        parse_shapes([size], ["1"], lanes=False, seed=1)


def test_a_slip_in_a_peer_is_named() -> None:
    with pytest.raises(BadBench, match="cplex is no peer"):
        parse_peers("glop,cplex")
    result, _ = run("optimizer", "--size", "20x4", "--peers", "cplex")
    assert result.exit_code == 2
    assert "cplex" in result.output
