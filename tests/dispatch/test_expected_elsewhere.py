"""What a plan expects of a lorry is told only as long as that lorry still goes there."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from services.database import Database
from services.dispatch.expected import expectations
from services.dispatch.models import RunState
from services.dispatch.solving import solve_run
from tests.capacity.papers import Desk, day
from tests.dispatch.test_runs import ask
from tests.world import World, stock

NOW = datetime.now(UTC)


def test_a_transfer_that_goes_elsewhere_is_expected_no_more(
    api: TestClient, world: World, database: Database
) -> None:
    desk = Desk(api, world)
    with database.transaction() as session:
        stock(session, "W1", "gloves", 20)
        lot = stock(session, "W2", "gloves", 120)

    def at(hour: int, **more: Any) -> dict[str, Any]:
        return {"occurred_at": (NOW + timedelta(hours=hour)).isoformat(), "reason": "x"} | more

    goods = {"lines": [{"lot_id": str(lot), "quantity_base": 120}], "carrier": "CARR1"}
    way = {"origin": "W2", "destination": "W1", "depart_on": day(-2), "due_on": day(-1)}
    transfer = desk.post("/transfers", at(-4, id=str(uuid4()), **way, **goods), "dispatcher")
    ask(api, world, 100)
    body = {"id": str(uuid4()), "day": day(-3), "horizon_days": 7}
    run = desk.post("/runs", body, "dispatcher")
    assert solve_run(database, UUID(run["id"])) is RunState.PROPOSED
    desk.post(f"/runs/{run['id']}/approve", {}, "approver")
    shipment = f"/shipments/{transfer['shipment_id']}"
    for hour, step in ((-3, "pick"), (-2, "dispatch")):
        moment = {"occurred_at": at(hour)["occurred_at"]}
        desk.post(f"{shipment}/{step}", moment, "dispatcher", 200)
    with database.transaction() as session:
        assert [each.pieces for each in expectations(session)] == [80]
    away = at(-1, id=str(uuid4()), destination="H2", due_on=day(1))
    desk.post(f"{shipment}/divert", away, "dispatcher", 200)
    with database.transaction() as session:
        assert expectations(session) == []
