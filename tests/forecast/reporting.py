"""Daily reports for tests: a hospital's day as a body, and how to send it."""

from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient
from httpx2 import Response

from tests.world import World

JSON = dict[str, Any]


def a_day(day: str = "2020-02-03", gloves: int = 1000, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "site": "H1",
        "day": day,
        "patients_suspected": 10,
        "patients_mild": 50,
        "patients_severe": 10,
        "patients_critical": 2,
        "shifts_nurse": 10,
        "tests_done": 5,
        "stock": [{"item": "gloves", "quantity": gloves, "unit": "piece"}],
    } | changes


def send(api: TestClient, world: World, body: JSON, user: str = "hospital") -> Response:
    return api.post("/api/v1/daily-reports", json=body, headers=world.bearer(user))


def told(api: TestClient, world: World, path: str, user: str = "hospital", **params: object) -> Any:
    answer = api.get(f"/api/v1/{path}", params=params, headers=world.bearer(user))
    assert answer.status_code == 200, answer.text
    return answer.json()


def act(api: TestClient, world: World, path: str, body: JSON, user: str = "hospital") -> Response:
    return api.post(f"/api/v1/{path}", json=body, headers=world.bearer(user))


def open_offer(api: TestClient, world: World) -> JSON:
    """The offer that waits at H1."""
    found = told(api, world, "supply-offers", state="open")
    assert len(found) == 1
    offer: JSON = found[0]
    return offer


def two_days(api: TestClient, world: World) -> JSON:
    """Two reports of H1, 400 gloves used between them; the offer that they give."""
    for day, gloves in (("2020-02-03", 1000), ("2020-02-04", 600)):
        answer = send(api, world, a_day(day, gloves))
        assert answer.status_code == 201, answer.text
    return open_offer(api, world)
