"""Bad input is refused by name, and a problem survives its document byte for byte."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer.problem import (
    Lane,
    Need,
    Policy,
    Problem,
    ProblemError,
    Source,
    problem_document,
    problem_from_document,
)
from tests.optimizer.worlds import DAY0, problems

SOURCE = Source("S", "W", "mask", 10)
NEED = Need("N", "H", "mask", 8, 0, 5, 0)
LANE = Lane("W", "H", 1000, 2)
PROBLEM = Problem(DAY0, (SOURCE,), (NEED,), (LANE,))


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems(largest=10**12))
def test_a_problem_survives_its_document(problem: Problem) -> None:
    text = problem.to_json()
    again = Problem.from_json(text)
    assert again == problem
    assert again.to_json() == text
    assert problem_from_document(problem_document(problem)) == problem
    assert "." not in "".join(each for each in text if not each.isalpha())


def test_the_document_does_not_depend_on_the_order_of_its_parts() -> None:
    more = (SOURCE, replace(SOURCE, id="A"))
    one = replace(PROBLEM, sources=more)
    assert replace(PROBLEM, sources=more[::-1]).to_json() == one.to_json()


BAD_SOURCES: list[tuple[dict[str, Any], str]] = [
    ({"quantity": 0}, "out_of_range"),
    ({"quantity": -1}, "out_of_range"),
    ({"quantity": 10**12 + 1}, "out_of_range"),
    ({"quantity": 1.5}, "not_an_integer"),
    ({"quantity": float("nan")}, "not_an_integer"),
    ({"quantity": "7"}, "not_an_integer"),
    ({"quantity": True}, "not_an_integer"),
    ({"quantity": None}, "not_an_integer"),
    ({"ready_day": 10**6}, "out_of_range"),
    ({"expiry_day": "soon"}, "not_an_integer"),
    ({"expiry_day": 10**6}, "out_of_range"),
    ({"pack_size": 0}, "out_of_range"),
    ({"id": ""}, "bad_name"),
    ({"id": "a\nb"}, "bad_name"),
    ({"id": "x" * 201}, "bad_name"),
    ({"site": 7}, "bad_name"),
    ({"item": None}, "bad_name"),
    ({"earmark": ""}, "bad_name"),
    ({"earmark": "\ud800"}, "bad_name"),
]

BAD_NEEDS: list[tuple[dict[str, Any], str]] = [
    ({"quantity": 0}, "out_of_range"),
    ({"tier": -1}, "out_of_range"),
    ({"tier": 100}, "out_of_range"),
    ({"need_by_day": 1.0}, "not_an_integer"),
    ({"posted_at": -1}, "out_of_range"),
    ({"min_shelf_days_on_arrival": -1}, "out_of_range"),
    ({"accepts": ("mask",)}, "bad_substitute"),
    ({"accepts": ("n95", "n95")}, "duplicate_name"),
    ({"accepts": "n95"}, "bad_name"),
    ({"accepts": (1,)}, "bad_name"),
    ({"accepts": 5}, "bad_name"),
    ({"earmarks": "site:H"}, "bad_name"),
    ({"earmarks": frozenset({""})}, "bad_name"),
]

BAD_LANES: list[tuple[dict[str, Any], str]] = [
    ({"distance_m": -1}, "out_of_range"),
    ({"distance_m": 10**9}, "out_of_range"),
    ({"distance_m": float("inf")}, "not_an_integer"),
    ({"transit_days": -1}, "out_of_range"),
    ({"cost_per_piece_micro": -1}, "out_of_range"),
    ({"origin": ""}, "bad_name"),
]

BAD_POLICIES: list[tuple[dict[str, Any], str]] = [
    ({"fairness": "whatever"}, "bad_policy"),
    ({"distance_micro_per_piece_m": -1}, "out_of_range"),
    ({"lateness_micro_per_piece_day": 10**13}, "out_of_range"),
    ({"substitution_micro_per_piece": 0.5}, "not_an_integer"),
]

BAD_PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"day0": "2020-02-30"}, "bad_date"),
    ({"day0": "20200201"}, "bad_date"),
    ({"day0": 5}, "bad_date"),
    ({"horizon_days": -1}, "out_of_range"),
    ({"sources": (SOURCE, replace(SOURCE, quantity=9))}, "duplicate_id"),
    ({"needs": (NEED, NEED)}, "duplicate_id"),
    ({"lanes": (LANE, replace(LANE, distance_m=1))}, "duplicate_id"),
    ({"needs": (SOURCE,)}, "bad_document"),
    ({"policy": None}, "bad_policy"),
]

BAD = [
    (part, changes, code)
    for part, cases in (
        (SOURCE, BAD_SOURCES),
        (NEED, BAD_NEEDS),
        (LANE, BAD_LANES),
        (Policy(), BAD_POLICIES),
        (PROBLEM, BAD_PROBLEMS),
    )
    for changes, code in cases
]


@pytest.mark.parametrize(("part", "changes", "code"), BAD)
def test_a_bad_part_is_refused_and_says_why(part: Any, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ProblemError) as caught:
        replace(part, **changes)
    assert caught.value.code == code
    assert caught.value.where
    assert caught.value.message in str(caught.value)


def test_the_refusal_names_item_and_site() -> None:
    with pytest.raises(ProblemError) as caught:
        replace(SOURCE, quantity=0)
    assert caught.value.where == "source 'S' of 'mask' at 'W'"


def test_substitutes_may_form_cycles_because_they_are_never_passed_on() -> None:
    one = replace(NEED, id="A", item="a", accepts=("b",))
    two = replace(NEED, id="B", item="b", accepts=("a",))
    assert len(Problem(DAY0, (), (one, two), ()).needs) == 2


def patched(change: Callable[[dict[str, Any]], object]) -> str:
    document = problem_document(PROBLEM)
    change(document)
    return json.dumps(document)


BAD_TEXTS = [
    "",
    "[]",
    "null",
    "{",
    "NaN",
    '{"format":"medrelay-problem/1","format":"medrelay-problem/1"}',
    "[" * 100_000,
    patched(lambda document: document.update(format="other/1")),
    patched(lambda document: document.update(extra=1)),
    patched(lambda document: document.pop("day0")),
    patched(lambda document: document.pop("needs")),
    patched(lambda document: document.update(sources={})),
    patched(lambda document: document.update(sources=[1])),
    patched(lambda document: document["sources"][0].update(colour="red")),
    patched(lambda document: document["sources"][0].pop("quantity")),
    patched(lambda document: document["sources"][0].update(quantity=1.5)),
    patched(lambda document: document["sources"][0].update(quantity=float("nan"))),
    patched(lambda document: document["needs"][0].update(accepts=[[]])),
    patched(lambda document: document["policy"].update(fairness=None)),
    PROBLEM.to_json().replace('"quantity":10', '"quantity":1' + "0" * 5000),
]


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_a_text_that_is_no_problem_is_refused(text: str) -> None:
    with pytest.raises(ProblemError):
        Problem.from_json(text)


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(ProblemError):
        Problem.from_json(b"\xff\xfe\xff")
