"""Every call that docs/api.md shows is one that the API has, with fields that it knows."""

import json
import re
from typing import Any

import pytest
from fastapi import FastAPI

from services.settings import PROJECT_ROOT

TEXT = (PROJECT_ROOT / "docs" / "api.md").read_text(encoding="utf-8")
CALLS = re.findall(r"`call ([^`]*)`", TEXT)


@pytest.fixture(scope="module")
def paths(application: FastAPI) -> dict[str, Any]:
    found: dict[str, Any] = application.openapi()
    return found


def operation_of(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """The operation at a path; where several templates fit, the one with the fewest gaps."""
    fitting = [
        (template.count("{"), template)
        for template, methods in document["paths"].items()
        if method in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    if not fitting:
        return None
    found: dict[str, Any] = document["paths"][min(fitting)[1]][method]
    return found


def fields_of(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return fields_of(document, document["components"]["schemas"][schema["$ref"].split("/")[-1]])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return {k: v for each in schema[several] for k, v in fields_of(document, each).items()}
    if schema.get("type") == "array":
        return fields_of(document, schema["items"])
    return dict(schema.get("properties", {}))


def check_known(document: dict[str, Any], schema: dict[str, Any], body: object, at: str) -> None:
    known = fields_of(document, schema)
    for each in body if isinstance(body, list) else [body]:
        if isinstance(each, dict):
            assert set(each) <= set(known), f"{at} doesn't know {set(each) - set(known)}"
            for name, value in each.items():
                check_known(document, known[name], value, at)


def test_there_are_calls_for_every_desk() -> None:
    assert len(CALLS) > 90
    assert len(re.findall(r"(?m)^## ", TEXT)) >= 9


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_is_shown_can_be_made(paths: dict[str, Any], call: str) -> None:
    address = re.search(r"\$API(/[^\s\"?]*)(?:\?([^\s\"]*))?", call)
    assert address is not None, call
    sent = re.search(r"--json '(.*)'", call)
    brings = sent or " -F " in call
    verb = re.search(r"-X (\w+)", call)
    method = (verb[1] if verb else "POST" if brings else "GET").lower()
    operation = operation_of(paths, method, f"/api/v1{address[1]}")
    assert operation is not None, f"{method} {address[1]}"
    asked = {parameter["name"] for parameter in operation.get("parameters", [])}
    given = {pair.partition("=")[0] for pair in (address[2] or "").split("&") if pair}
    assert given <= asked, given - asked
    if sent:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        check_known(paths, schema, json.loads(sent[1]), call)
