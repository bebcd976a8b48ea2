"""Rounds for tests: lorries, a plan of a day, and its search done on the spot."""

from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from httpx2 import Response

from services.database import Database
from services.rounds.solving import solve_rounds
from services.transport.models import RoundsState
from tests.world import World

DAY = "2020-02-04"
LORRY = {"carrier": "CARR1", "code": "van", "depot": "W1", "volume_l": 5000, "weight_kg": 1500}


def add_lorry(api: TestClient, user: str = "dispatcher", **changes: Any) -> Response:
    return api.put("/api/v1/vehicles", json=LORRY | changes, headers=World().bearer(user))


def start(api: TestClient, user: str = "dispatcher", **changes: Any) -> Response:
    body = {"id": str(uuid4()), "day": DAY} | changes
    return api.post("/api/v1/rounds", json=body, headers=World().bearer(user))


def plan_day(api: TestClient, database: Database, **changes: Any) -> dict[str, Any]:
    """Start a plan, search for it here and now, and read it as the dispatcher does."""
    started = start(api, **changes)
    assert started.status_code == 202, started.text
    plan_id = started.json()["id"]
    assert solve_rounds(database, UUID(plan_id)) is RoundsState.PLANNED
    return read(api, plan_id)


def read(api: TestClient, plan_id: str, user: str = "dispatcher") -> dict[str, Any]:
    answer = api.get(f"/api/v1/rounds/{plan_id}", headers=World().bearer(user))
    assert answer.status_code == 200, answer.text
    plan: dict[str, Any] = answer.json()
    return plan
