"""What tests of capacity send: plans, output, papers, orders and offers; days are of this week."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient

from services.journal.clock import local_date
from tests.world import World

JSON = dict[str, Any]
PDF = ("conformity.pdf", b"%PDF-1.7 it conforms")


def day(ahead: int = 0) -> str:
    return str(local_date(datetime.now(UTC)) + timedelta(days=ahead))


class Desk:
    """Sends as one user or another, and expects one answer."""

    def __init__(self, api: TestClient, world: World) -> None:
        self._api, self._world = api, world

    def call(
        self, method: str, path: str, user: str, status: int | None = None, **more: Any
    ) -> Any:
        answer = self._api.request(
            method, f"/api/v1{path}", headers=self._world.bearer(user), **more
        )
        assert answer.status_code == status or (status is None and answer.is_success), (
            f"{path}: {answer.status_code} {answer.text}"
        )
        kind = answer.headers["content-type"]
        return answer.json() if "json" in kind else answer

    def get(self, path: str, user: str = "dispatcher", expect: int = 200, **query: Any) -> Any:
        return self.call("GET", path, user, expect, params=query)

    def post(self, path: str, body: JSON, user: str, status: int | None = None) -> Any:
        return self.call("POST", path, user, status, json=body)

    def put(self, path: str, body: JSON, user: str, status: int | None = None) -> Any:
        return self.call("PUT", path, user, status, json=body)

    def upload(self, path: str, user: str, status: int | None = None, file: Any = PDF) -> Any:
        return self.call("POST", path, user, status, files={"file": file})

    def plan(self, planned: int = 1000, on: str | None = None, item: str = "gloves") -> None:
        lines = [{"item": item, "day": on or day(), "planned": planned}]
        self.put("/capacity-plans", {"site": "F1", "days": lines}, "maker")

    def order(self, quantity: int = 400, status: int = 201, **changes: Any) -> Any:
        body = an_order(quantity=quantity, **changes)
        return self.post("/production-orders", body, "dispatcher", status)

    def made(self, quantity: int, status: int = 201, **changes: Any) -> Any:
        return self.post("/productions", output(quantity=quantity, **changes), "maker", status)

    def day_of(self, on: str | None = None, item: str = "gloves") -> Any:
        shown = {"from": on or day(), "to": on or day(), "item": item}
        return self.get("/capacity-plans", **shown)[0]


def an_order(**changes: Any) -> JSON:
    return {
        "id": str(uuid4()),
        "site": "F1",
        "item": "gloves",
        "day": day(),
        "quantity": 400,
    } | changes


def output(**changes: Any) -> JSON:
    made_on = changes.get("day", day())
    return {
        "id": str(uuid4()),
        "site": "F1",
        "item": "gloves",
        "day": made_on,
        "quantity": 100,
        "batch": "B-1",
        "produced_on": made_on,
        "expires_on": str(date.fromisoformat(made_on) + timedelta(days=730)),
    } | changes


def an_offer(**changes: Any) -> JSON:
    return {
        "id": str(uuid4()),
        "site": "F1",
        "item": "gloves",
        "quantity": 300,
        "ready_on": day(1),
        "until": day(2),
    } | changes


def paper(*items: str, licence: str = "L-1") -> JSON:
    products = [{"item": item, "registration_number": f"R-{item}"} for item in items or ["gloves"]]
    return {"licence_number": licence, "products": products}
