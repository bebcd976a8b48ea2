"""A plan survives its document, whose integers every JSON reader keeps."""

import json
from dataclasses import replace
from typing import Any

import pytest

from optimizer.documents import SAFE_INTEGER
from optimizer.plan import Plan, Reason, plan_document, plan_from_document
from optimizer.problem import Lane, Need, Problem, ProblemError, Source
from optimizer.solve import solve
from tests.optimizer.worlds import DAY0, seeded

PLAN = solve(seeded(16, 20, 26))


def test_a_plan_survives_its_document() -> None:
    labelled = replace(PLAN, problem_digest="sha256:00")
    assert Plan.from_json(labelled.to_json()) == labelled
    assert plan_from_document(plan_document(labelled)) == labelled


def test_a_text_of_digits_in_a_reason_stays_a_text() -> None:
    outcome = replace(PLAN.outcomes[0], reason=Reason("shared_shortage", {"a": "12", "b": 2**80}))
    plan = replace(PLAN, outcomes=(outcome,))
    assert Plan.from_json(plan.to_json()) == plan


def numbers(value: Any) -> list[int]:
    if isinstance(value, dict):
        return [each for part in value.values() for each in numbers(part)]
    if isinstance(value, list):
        return [each for part in value for each in numbers(part)]
    assert not isinstance(value, float)
    return [value] if isinstance(value, int) else []


def test_no_number_in_a_document_is_larger_than_json_can_hold() -> None:
    source = Source("S", "W", "mask", 10**12)
    need = Need("N", "H", "mask", 10**12, 0, 1, 0)
    problem = Problem(DAY0, (source,), (need,), (Lane("W", "H", 10**8, 1),))
    plan = solve(problem)
    assert plan.objective["cost_micro"] == 10**20
    document = json.loads(plan.to_json())
    assert document["objective"]["cost_micro"] == str(10**20)
    assert max(map(abs, numbers(document))) <= SAFE_INTEGER
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    "path",
    [
        ("format",),
        ("problem_digest",),
        ("solver",),
        ("solver", "status"),
        ("objective",),
        ("objective", "cost_micro"),
        ("allocations",),
        ("allocations", 0),
        ("allocations", 0, "quantity"),
        ("outcomes", 0, "need_id"),
        ("outcomes", 0, "reason"),
        ("outcomes", 0, "reason", "params"),
        ("certificate", "pools", 0),
        ("certificate", "pools", 0, "tier"),
        ("certificate", "pools", 0, "needs"),
        ("certificate", "pools", 0, "source_prices"),
    ],
)
@pytest.mark.parametrize("value", [1.5, "no", [None], True])
def test_a_document_that_is_no_plan_is_refused(path: tuple[Any, ...], value: Any) -> None:
    if path == ("problem_digest",) and value == "no":
        return
    if path[-1] == "need_id" and value == "no":
        return
    document = json.loads(PLAN.to_json())
    part = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(ProblemError) as caught:
        plan_from_document(document)
    assert caught.value.code == "bad_document"
