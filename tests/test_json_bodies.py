"""Bodies of JSON that two parsers could read in two ways are refused, by the key's name."""

import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.world import World

JSON = {"Content-Type": "application/json"}
DONATIONS = "/api/v1/donations"


def post(api: TestClient, world: World, body: str | bytes, **headers: str) -> Any:
    sent = body.encode() if isinstance(body, str) else body
    return api.post(DONATIONS, content=sent, headers=world.bearer("donor") | JSON | headers)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('{"kind": "goods", "kind": "money"}', "kind"),
        ('{"kind": "goods", "kind": "goods"}', "kind"),
        ('{"kind": 1, "ki\\u006ed": 2}', "kind"),
        ('{"lines": [{}, {"item": "gloves", "quantity": 1, "item": "gloves"}]}', "item"),
        ('{"x": {"y": {"": 1, "": 1}}}', ""),
        ('[{"a": 1, "a": 2}]', "a"),
        ('{"é": 1, "é": 2}', "é"),
        ('{"\\ud800": 1, "\\ud800": 2}', "?"),
    ],
)
def test_a_key_that_stands_twice_is_refused_by_its_name(
    api: TestClient, world: World, body: str, key: str
) -> None:
    answer = post(api, world, body)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["type"] == "urn:medrelay:problem:repeated-key"
    assert repr(key) in problem["detail"]
    if key:
        assert problem["errors"][0]["field"] == key


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/problem+JSON"])
def test_it_is_refused_however_the_body_is_called(api: TestClient, world: World, kind: str) -> None:
    answer = post(api, world, '{"a": 1, "a": 1}', **{"Content-Type": kind})
    assert answer.json()["type"] == "urn:medrelay:problem:repeated-key"


def test_a_secret_that_stands_twice_is_not_shown(api: TestClient) -> None:
    sent = '{"username": "x", "password": "one secret", "password": "other"}'
    answer = api.post("/api/v1/sign-in", content=sent, headers=JSON)
    assert answer.status_code == 422
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "body", ["", "{", "nonsense", "[" * 100_000, b"\xff", "null", "1", '{"kind": "goods"}', "[]"]
)
def test_what_has_no_key_twice_is_told_as_before(
    api: TestClient, world: World, body: str | bytes
) -> None:
    answer = post(api, world, body)
    assert answer.status_code in {400, 422}, answer.text
    assert "repeated-key" not in answer.text


def test_the_same_key_in_two_objects_is_fine(api: TestClient, world: World) -> None:
    answer = post(api, world, '{"lines": [{"item": 1}, {"item": 2}], "item": {"item": 3}}')
    assert "repeated-key" not in answer.text


def test_many_keys_are_looked_at_once_each(api: TestClient, world: World) -> None:
    keys = [f'"k{number}": 0' for number in range(60_000)]
    body = "{" + ",".join([*keys, keys[-1]]) + "}"
    assert post(api, world, body).json()["errors"][0]["field"] == "k59999"


def test_every_endpoint_that_takes_json_looks(application: FastAPI, api: TestClient) -> None:
    """By what the API says of itself, so that none is forgotten."""
    asked = 0
    for path, methods in application.openapi()["paths"].items():
        for method, told in methods.items():
            if "application/json" not in told.get("requestBody", {}).get("content", {}):
                continue
            address = re.sub(r"{[^}]*}", "x", path)
            answer = api.request(method, address, content='{"a": 1, "a": 1}', headers=JSON)
            assert answer.json()["type"].endswith((":repeated-key", ":unauthenticated")), path
            asked += 1
    assert asked > 20


def test_too_large_a_body_that_says_no_length_is_told_with_its_mend(
    api: TestClient, world: World
) -> None:
    pieces = (b" " * 2**16 for _ in range(17))
    headers = world.bearer("donor") | JSON
    answer = api.post(DONATIONS, content=pieces, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["errors"] == [
        {"field": "body", "value": None, "mend": "send it in several parts"}
    ]
