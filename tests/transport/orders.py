"""Transfer orders and receipts for tests, as people send them."""

from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from httpx2 import Response

from services.database import Database
from services.jobs.desk_check import check_desks
from tests.shipments import act, count
from tests.world import World

DAY = "2020-02-04"
AT = "2020-02-03T09:00:00Z"


def transfer_body(lot_id: UUID, quantity: int = 100, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "origin": "W1",
        "destination": "W2",
        "depart_on": DAY,
        "reason": "W2 runs short",
        "occurred_at": AT,
        "lines": [{"lot_id": str(lot_id), "quantity_base": quantity}],
    } | changes


def send_order(api: TestClient, body: dict[str, Any], user: str = "dispatcher") -> Response:
    return api.post("/api/v1/transfers", json=body, headers=World().bearer(user))


def ordered(api: TestClient, body: dict[str, Any], user: str = "dispatcher") -> dict[str, Any]:
    answer = send_order(api, body, user)
    assert answer.status_code == 201, answer.text
    transfer: dict[str, Any] = answer.json()
    return transfer


def carry(
    api: TestClient,
    shipment_id: str,
    *,
    until: str = "deliver",
    users: dict[str, str] | None = None,
) -> None:
    """Bring a planned shipment to the door, or less far."""
    for step in ("pick", "dispatch", "deliver"):
        answer = act(api, UUID(shipment_id), step, user=(users or {}).get(step))
        assert answer.status_code == 200, answer.text
        if step == until:
            return


def receive(api: TestClient, shipment_id: str, user: str, *lines: dict[str, Any]) -> Response:
    return act(api, UUID(shipment_id), "receive", user=user, lines=list(lines) or [count(1, 100)])


def astray(database: Database) -> list[str]:
    """Where shipments' lines aren't what was reserved when their runs were approved."""
    with database.transaction() as session:
        found = [each for each in check_desks(session) if each.what == "shipment_line"]
        return [f"{each.where}: {each.expected}, {each.found}" for each in found]
