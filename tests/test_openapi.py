"""Whatever a program sends that the API's own description allows, or nearly, is never a 500."""

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.schemas import APIOperation

from services.database import Database
from tests.world import World

EXAMPLES_A_CALL = 25


@pytest.mark.slow
@pytest.mark.parametrize("user", ["admin", "dispatcher", "hospital"])
def test_no_call_ends_in_a_server_error(
    application: FastAPI, database: Database, world: World, user: str
) -> None:
    application.state.database = database
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", application)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 40
    for operation in operations:
        _try(operation, world.bearer(user))


def _try(operation: APIOperation, headers: dict[str, str]) -> None:
    @settings(max_examples=EXAMPLES_A_CALL, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def answers(case: schemathesis.Case) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500, (operation.label, answer.status_code, answer.text)

    answers()


def test_every_operation_is_described_with_an_example(api: TestClient) -> None:
    """Each body shows how it is filled in, by a whole example or one for each field it needs."""
    document = api.get("/api/v1/openapi.json").json()
    bare = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None and not _has_example(document, body["schema"]):
                bare.append(f"{method} {path}")
    assert not bare


def test_errors_and_tokens_are_described(api: TestClient) -> None:
    document = api.get("/api/v1/openapi.json").json()
    [scheme] = document["components"]["securitySchemes"].values()
    assert scheme["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status in ("404", "409", "422", "503"):
                problem = operation["responses"][status]["content"]
                assert list(problem) == ["application/problem+json"], (method, path, status)
    assert "security" in document["paths"]["/api/v1/requests"]["post"]
    assert "security" not in document["paths"]["/api/v1/audit/log"]["get"]


def _has_example(document: dict[str, object], schema: dict[str, object]) -> bool:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        schema = document["components"]["schemas"][name]  # type: ignore[index]
    if "examples" in schema or "example" in schema:
        return True
    variants = schema.get("oneOf") or schema.get("anyOf")
    if isinstance(variants, list):
        return all(_has_example(document, variant) for variant in variants)
    return False
