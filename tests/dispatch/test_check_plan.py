"""An exported run is checked alone, and refused with the reason when anything in it was changed."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from optimizer.errors import ProblemError
from optimizer.problem import Corridor, Item, Lane, Need, Place, Problem, Source
from optimizer.solve import solve
from services import check_plan
from services.cli import app
from services.database import Database
from tests.dispatch.test_orders import lots, run_with
from tests.dispatch.test_runs import ask, start
from tests.world import World

__all__ = ["lots"]


@pytest.fixture
def export(api: TestClient, world: World, database: Database, lots: dict[str, UUID]) -> Any:
    """A run's file, as anybody who may see it downloads it."""
    ask(api, world, 1000)
    ask(api, world, 1000, site="H2")
    run = run_with(api, world, database)
    answer = api.get(f"/api/v1/runs/{run['id']}/export", headers=world.bearer("auditor"))
    assert "attachment" in answer.headers["content-disposition"]
    assert api.get(answer.url.path, headers=world.bearer("donor")).status_code == 403
    return answer.json()


def checked(folder: Path, export: Any, *options: str) -> tuple[int, str]:
    file = folder / "run.json"
    file.write_text(export if isinstance(export, str) else json.dumps(export))
    done = CliRunner().invoke(app, ["check-plan", str(file), *options])
    return done.exit_code, done.output


def test_an_exported_run_is_valid_and_proven_and_says_what_was_verified(
    tmp_path: Path, export: Any
) -> None:
    code, told = checked(tmp_path, export)
    assert code == 0, told
    assert "VALID, AND PROVEN" in told
    for words in (
        export["plan_digest"],
        export["run"]["plan_entry"],
        "every allocation keeps every rule",
        "the least served could not be served more",
        "no other plan that serves the needs so costs less",
        "the reason that each need is told follows from the proof",
    ):
        assert words in told
    digests = ("--plan-digest", export["plan_digest"])
    assert checked(tmp_path, export, *digests)[0] == 0


def test_it_is_held_against_the_logs_digest_where_that_is_given(
    tmp_path: Path, export: Any
) -> None:
    code, told = checked(tmp_path, export, "--plan-digest", "0" * 64)
    assert (code, "the log's is 000" in told) == (1, True)


def resealed(export: Any, name: str, change: Callable[[Any], None]) -> Any:
    """The file as a forger leaves it, who also mends the digests that it carries."""
    content = json.loads(export[name])
    change(content)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return export | {name: text, f"{name}_digest": hashlib.sha256(text.encode()).hexdigest()}


def _one_unit_more(plan: Any) -> None:
    plan["allocations"][0]["quantity"] += 1


def _one_unit_moved(plan: Any) -> None:
    """Taken from one need and given to the other, with all totals stated truly."""
    first = plan["allocations"][0]
    other = next(each for each in plan["allocations"] if each["need_id"] != first["need_id"])
    for each, more in ((first, 1), (other, -1)):
        each["quantity"] += more
        outcome = next(o for o in plan["outcomes"] if o["need_id"] == each["need_id"])
        outcome["allocated"] += more


def _another_price(plan: Any) -> None:
    pool = plan["certificate"]["pools"][0]
    pool["need_prices"][0] = int(pool["need_prices"][0]) + 10**9


def _other_words(plan: Any) -> None:
    plan["outcomes"][0]["reason"] = {"code": "no_supply", "params": {}}


@pytest.mark.parametrize("change", [_one_unit_more, _one_unit_moved, _another_price, _other_words])
def test_a_plan_that_was_changed_with_its_digest_is_refused(
    tmp_path: Path, export: Any, change: Callable[[Any], None]
) -> None:
    code, told = checked(tmp_path, resealed(export, "plan", change))
    assert code == 1, told
    assert "NOT VALID" in told
    assert "✗" in told


def test_another_input_is_refused(tmp_path: Path, export: Any) -> None:
    def richer(problem: Any) -> None:
        problem["sources"][0]["quantity"] += 1

    code, told = checked(tmp_path, resealed(export, "snapshot", richer))
    assert code == 1
    assert "made for another input" in told


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"plan": "{}"}, "its plan was changed"),
        ({"snapshot": "{}"}, "its snapshot was changed"),
        ({"snapshot": None}, "its snapshot, or the snapshot's digest, is missing"),
        ({"format": "other/1"}, "its format must be"),
        ({"run": None}, "what it says of the run itself is missing"),
        ({"run": {"day": "2020-01-01", "horizon_days": 1}}, "it says the run's day is"),
    ],
)
def test_a_file_that_was_changed_is_refused_with_the_reason(
    tmp_path: Path, export: Any, change: dict[str, Any], why: str
) -> None:
    code, told = checked(tmp_path, export | change)
    assert (code, why in told) == (1, True), told


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format"', "\udcff".encode("utf-8", "replace").decode()]
)
def test_what_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    code, told = checked(tmp_path, text)
    assert (code, "NOT VALID" in told) == (1, True)


@pytest.mark.parametrize(
    "error",
    [
        ProblemError("too_large", "item 'gloves'", "costs are too large to be exact"),
        ValueError("costs are too large to be exact"),
        OverflowError("costs are too large to be exact"),
    ],
)
def test_what_can_not_be_checked_is_not_valid(
    tmp_path: Path, export: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(check_plan, "check", refuse)
    code, told = checked(tmp_path, export)
    assert code == 1
    assert "NOT VALID" in told
    assert "too large to be exact" in told


def test_a_run_without_a_plan_has_nothing_to_export(
    api: TestClient, world: World, lots: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    run_id = start(api, world)
    answer = api.get(f"/api/v1/runs/{run_id}/export", headers=world.bearer("auditor"))
    assert answer.json()["type"].endswith("not-proposed")


def test_a_plan_on_shared_lanes_says_how_far_from_the_best_it_can_be(tmp_path: Path) -> None:
    """Two items on one full corridor: exact inside their shares, and bounded over all ways."""
    problem = Problem(
        "2020-02-03",
        tuple(Source(f"W1|{item}", "W1", item, 1000) for item in ("masks", "gowns")),
        tuple(
            Need(f"{item} for {site}", site, item, 600, 0, 5, number)
            for number, (item, site) in enumerate(product(("masks", "gowns"), ("H1", "H2")))
        ),
        tuple(Lane("W1", site, 1000 * metres, 1) for site, metres in (("H1", 1), ("H2", 3))),
        items=(Item("masks", volume_ml=10), Item("gowns", volume_ml=40)),
        places=tuple(Place(site, 0, 0, zone) for site, zone in _ZONES.items()),
        corridors=(Corridor("north", "south", volume_ml_per_day=20_000),),
    )
    snapshot = problem.to_json()
    digest = hashlib.sha256(snapshot.encode()).hexdigest()
    plan = replace(solve(problem), problem_digest=digest).to_json()
    export = {
        "format": "medrelay-run/1",
        "snapshot": snapshot,
        "plan": plan,
        "snapshot_digest": digest,
        "plan_digest": hashlib.sha256(plan.encode()).hexdigest(),
        "run": {"day": problem.day0, "horizon_days": problem.horizon_days},
    }
    code, told = checked(tmp_path, export)
    assert code == 0, told
    assert "no shared lane carries more in a day than it can" in told
    claims = " ".join(told.split())
    assert "within the plan's shares of the full lanes, which are the planner's choice" in claims
    assert "no other plan that serves the needs so, within these shares, costs less" in claims
    assert "that says nothing of fairness" in claims
    assert "no other plan that serves the needs so costs less" not in claims
    assert "VALID, AND PROVEN WITHIN ITS SHARES" in claims
    assert re.search(r"at most \d+\.\d{4} % from the best in weighed pieces and cost", claims)


_ZONES = {"W1": "north", "H1": "south", "H2": "south"}
