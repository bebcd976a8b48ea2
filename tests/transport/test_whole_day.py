"""Transport's whole day through the API: lane, order, papers, link, road, door, count, figures."""

from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import select

from services.alerts.models import Alert, AlertKind
from services.database import Database
from tests.shipments import Goods, a_lot, act, count, outstanding, plan, where
from tests.transport.orders import astray, ordered, transfer_body
from tests.world import World


def ask(api: TestClient, method: str, path: str, user: str, body: Any = None) -> Response:
    answer = api.request(method, f"/api/v1/{path}", json=body, headers=World().bearer(user))
    assert answer.is_success, f"{path}: {answer.text}"
    return answer


def test_the_desk_lives_its_day(api: TestClient, database: Database) -> None:
    lane = {"origin": "W1", "destination": "H1", "carrier": "CARR1", "distance_m": 9_000}
    figures = {"duration_days": 1, "cost_per_piece_micro": 5, "volume_l_per_day": 2_000}
    ask(api, "PUT", "lanes", "dispatcher", lane | figures)
    van = {"carrier": "CARR1", "code": "van", "depot": "W1", "volume_l": 900, "weight_kg": 800}
    ask(api, "PUT", "vehicles", "carrier", van | {"cold": True})
    sheet = ask(api, "GET", "vehicles?format=csv&sort=-volume_l", "dispatcher").text
    assert "van" in sheet
    sent = plan(database, Goods(100))
    with database.transaction() as session:
        lot = a_lot(session, Goods(60))
    to_h1 = transfer_body(lot, 60, destination="H1", depart_on="2020-02-04")
    transfer = ordered(api, to_h1)
    joined = {"shipments": [transfer["shipment_id"]], "reason": "one lorry"}
    whole = ask(api, "POST", f"shipments/{sent.id}/join", "dispatcher", joined).json()
    assert [line["quantity_base"] for line in whole["lines"]] == [100, 60]
    picked = act(api, sent.id, "pick").json()
    assert sum(row["quantity_base"] for row in picked["pick_list"]) == 160
    ask(api, "POST", f"shipments/{sent.id}/labels", "dispatcher", {"units": 2})
    assert act(api, sent.id, "load").status_code == 200
    link = {"id": str(uuid4()), "carrier": "CARR1", "day": "2020-02-04", "hours": 4}
    path = ask(api, "POST", "carrier-links", "carrier", link).json()["path"]
    left = api.post(
        f"/en{path}/{sent.id}/dispatch",
        data={"occurred_at": "2020-02-04T10:00"},
        follow_redirects=False,
    )
    assert left.status_code == 303, left.text
    told = {"id": str(uuid4()), "occurred_at": "2020-02-04T03:00:00Z", "place": "Hankou"}
    ask(api, "POST", f"shipments/{sent.id}/positions", "carrier", told)
    for step in ("arrive", "deliver"):
        assert act(api, sent.id, step).status_code == 200
    counted = [count(1, 97, 2, 1, reason="torn"), count(2, 60)]
    received = act(api, sent.id, "receive", lines=counted).json()
    assert received["state"] == "partly_received"
    assert where(database, lot)["site:H1/available"] == 60
    assert outstanding(database, sent.needs[0]) == 3
    assert act(api, sent.id, "verify").json()["state"] == "verified"
    # The consignee was told what went missing, the sender what was rejected, the desk both.
    told_of = {AlertKind.SHIPMENT_LOST: "HOSP1", AlertKind.RECEIPT_DISPUTED: "RELIEF"}
    with database.transaction() as session:
        for kind, whom in told_of.items():
            alert = session.exec(select(Alert).where(Alert.kind == kind)).one()
            assert (alert.subject, alert.organisation) == (f"shipment:{sent.id}", whom)
    states = ask(api, "GET", "shipments?sort=state&limit=1", "dispatcher")
    assert states.headers["x-total-count"] == "2"
    assert [row["state"] for row in states.json()] == ["joined"]
    assert ask(api, "GET", f"transfers/{transfer['id']}", "hospital").json()["state"] == "verified"
    assert UUID(received["id"]) == sent.id
    assert astray(database) == []
