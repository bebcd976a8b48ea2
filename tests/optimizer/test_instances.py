"""Small instances whose solutions were worked out by hand; each says why it is as it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.check import check
from optimizer.problem import problem_document, problem_from_document
from optimizer.solve import solve

FOLDER = Path(__file__).parent.parent / "instances"
FILES = sorted(FOLDER.glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_there_are_instances() -> None:
    assert len(FILES) >= 7


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_known_solution_is_found_and_proven(path: Path) -> None:
    content = load(path)
    problem = problem_from_document(content["problem"])
    assert problem_from_document(problem_document(problem)) == problem
    plan = solve(problem)
    expected = content["expected"]
    assert {each.need_id: each.allocated for each in plan.outcomes} == expected["allocated"]
    assert {each.need_id: each.reason.code for each in plan.outcomes} == expected["reasons"]
    stated = {name: plan.objective[name] for name in expected["objective"]}
    assert stated == expected["objective"]
    assert check(problem, plan).proven
