"""Goods from shelf to shelf: ordered, set aside, carried and received, or called off."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from services.database import Database
from services.journal.kinds import EntryKind
from services.journal.post import post
from services.journal.record import Draft
from services.transport.models import Lane
from services.transport.order_models import TransferLine
from tests.shipments import Goods, a_lot, act, count, show, where
from tests.transport.orders import astray, carry, ordered, receive, send_order, transfer_body
from tests.world import NOW, World

FROM_W2 = {"dispatch": "carrier2", "deliver": "carrier2"}


@pytest.fixture
def lot(database: Database) -> UUID:
    with database.transaction() as session:
        return a_lot(session, Goods(100), stocked=150)


def test_goods_go_from_shelf_to_shelf(api: TestClient, database: Database, lot: UUID) -> None:
    transfer = ordered(api, transfer_body(lot))
    shipment, order_id = transfer["shipment_id"], transfer["id"]
    assert (transfer["state"], transfer["pieces"]) == ("planned", 100)
    on_hand = {"donor:DONOR1/given": -150, "site:W1/available": 50}
    aside = f"site:W1/reserved/transfer:{order_id}"
    assert where(database, lot) == on_hand | {aside: 100}
    carry(api, shipment)
    on_the_way = f"shipment:{shipment}/in_transit/transfer:{order_id}"
    assert where(database, lot) == on_hand | {on_the_way: 100}
    answer = receive(api, shipment, "dispatcher", count(1, 90, 6, 4, reason="wet"))
    assert answer.status_code == 200, answer.text
    line = answer.json()["lines"][0]
    told = [line[f"{name}_base"] for name in ("accepted", "held", "rejected", "short")]
    assert told == [90, 0, 6, 4]
    assert (line["need_id"], line["transfer_id"]) == (None, order_id)
    assert where(database, lot) == on_hand | {
        "site:W2/available": 90,
        "site:W2/rejected": 6,
        f"shipment:{shipment}/lost": 4,
    }
    assert act(api, UUID(shipment), "verify").status_code == 200
    assert astray(database) == []


def test_a_hospital_gives_its_surplus_to_another(
    api: TestClient, database: Database, world: World
) -> None:
    with database.transaction() as session:
        lot = a_lot(session, Goods(80), "H1")
    body = transfer_body(lot, 80, origin="H1", destination="H2", due_on="2020-02-05")
    assert send_order(api, body, "hospital").json()["errors"][0]["field"] == "carrier"
    transfer = ordered(api, body | {"carrier": "CARR1"}, "hospital")
    shipment = transfer["shipment_id"]
    carry(api, shipment, users={"pick": "hospital"})
    assert receive(api, shipment, "dispatcher", count(1, 80)).status_code == 403
    assert receive(api, shipment, "hospital2", count(1, 80)).status_code == 200
    assert where(database, lot)["site:H2/available"] == 80
    for user, status in (("hospital2", 200), ("hospital", 200), ("carrier", 200), ("donor", 403)):
        path = f"/api/v1/transfers/{transfer['id']}"
        assert api.get(path, headers=world.bearer(user)).status_code == status


def test_an_order_sent_twice_is_one_and_changed_is_refused(
    api: TestClient, database: Database, lot: UUID
) -> None:
    body = transfer_body(lot)
    first, again = send_order(api, body), send_order(api, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert where(database, lot)["site:W1/available"] == 50
    # The first answer stays, whatever became of the way meanwhile.
    with database.transaction() as session:
        session.delete(session.get_one(Lane, ("W1", "W2")))
    assert send_order(api, body).json() == first.json()
    gone = send_order(api, body | {"id": str(uuid4())})
    assert (gone.status_code, gone.json()["errors"][0]["field"]) == (409, "carrier")
    other = send_order(api, body | {"reason": "another"})
    assert other.json()["type"] == "urn:medrelay:problem:id-reused"


def test_an_order_called_off_frees_its_goods(
    api: TestClient, database: Database, lot: UUID, world: World
) -> None:
    transfer = ordered(api, transfer_body(lot))
    path = f"/api/v1/transfers/{transfer['id']}/cancel"
    body = {"occurred_at": "2020-02-04T01:00:00Z", "reason": "not needed"}
    assert api.post(path, json=body, headers=world.bearer("hospital")).status_code == 403
    for _ in range(2):
        answer = api.post(path, json=body, headers=world.bearer("dispatcher"))
        assert answer.json()["state"] == "cancelled", answer.text
    assert where(database, lot) == {"donor:DONOR1/given": -150, "site:W1/available": 150}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"origin": "NOWHERE"}, 404, "origin"),
        ({"destination": "NOWHERE"}, 404, "destination"),
        ({"destination": "W1"}, 422, "body"),
        ({"carrier": "HOSP1"}, 422, "carrier"),
        ({"carrier": "NOBODY"}, 404, "carrier"),
        ({"depart_on": "1999-01-01"}, 422, "depart_on"),
        ({"due_on": "2020-02-01"}, 422, "due_on"),
        ({"due_on": "2021-02-01"}, 422, "due_on"),
        ({"lines": []}, 422, "lines"),
        ({"reason": ""}, 422, "reason"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, 422, "occurred_at"),
    ],
)
def test_a_bad_order_names_the_field_and_writes_nothing(
    api: TestClient, database: Database, lot: UUID, change: dict[str, Any], status: int, field: str
) -> None:
    answer = send_order(api, transfer_body(lot) | change)
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert where(database, lot) == {"donor:DONOR1/given": -150, "site:W1/available": 150}


def test_an_order_of_more_than_the_shelf_holds_is_refused(
    api: TestClient, lot: UUID, world: World
) -> None:
    answer = send_order(api, transfer_body(lot, 151))
    assert answer.json()["type"] == "urn:medrelay:problem:insufficient-stock"
    twice = transfer_body(lot)
    twice["lines"] *= 2
    assert send_order(api, twice).status_code == 422
    assert send_order(api, transfer_body(uuid4())).status_code == 404
    assert send_order(api, transfer_body(lot), "hospital").status_code == 403
    assert api.get("/api/v1/transfers", headers=world.bearer("dispatcher")).json() == []


def test_orders_are_listed_in_pages_and_as_a_file(api: TestClient, lot: UUID, world: World) -> None:
    for quantity in (10, 20, 30):
        ordered(api, transfer_body(lot, quantity))
    headers = world.bearer("dispatcher")
    page = api.get("/api/v1/transfers?limit=2", headers=headers)
    assert [row["pieces"] for row in page.json()] == [30, 20]
    assert page.headers["x-total-count"] == "3"
    assert 'rel="next"' in page.headers["link"]
    sheet = api.get("/api/v1/transfers?format=csv&sort=depart_on", headers=headers)
    assert sheet.headers["content-type"].startswith("text/csv")
    assert len(sheet.text.splitlines()) == 4
    assert api.get("/api/v1/transfers?origin=W2", headers=headers).json() == []
    assert api.get("/api/v1/transfers?sort=color", headers=headers).status_code == 422
    assert api.get("/api/v1/transfers", headers=world.bearer("hospital")).json() == []


def test_a_recalled_lot_is_neither_picked_nor_sent(
    api: TestClient, database: Database, lot: UUID
) -> None:
    transfer = ordered(api, transfer_body(lot))
    shipment = UUID(transfer["shipment_id"])
    with database.transaction() as session:
        recall(session, lot)
    answer = act(api, shipment, "pick")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:medrelay:problem:lot-stopped")
    assert answer.json()["line"] == 1
    assert show(api, shipment)["state"] == "planned"


def test_a_lot_recalled_under_way_is_kept_apart_on_receipt(
    api: TestClient, database: Database, lot: UUID
) -> None:
    transfer = ordered(api, transfer_body(lot))
    carry(api, transfer["shipment_id"])
    with database.transaction() as session:
        recall(session, lot)
    answer = receive(api, transfer["shipment_id"], "dispatcher", count(1, 98, 2, reason="torn"))
    assert answer.status_code == 200, answer.text
    line = answer.json()["lines"][0]
    assert (line["accepted_base"], line["held_base"], line["rejected_base"]) == (98, 98, 2)
    assert where(database, lot)["site:W2/recalled"] == 98
    assert where(database, lot)["site:W1/available"] == 50


def test_a_lot_that_expires_on_the_way_is_kept_apart(api: TestClient, database: Database) -> None:
    with database.transaction() as session:
        lot = a_lot(session, Goods(10, expires_on=date(2020, 2, 7)))
    transfer = ordered(api, transfer_body(lot, 10))
    carry(api, transfer["shipment_id"])
    answer = act(
        api,
        UUID(transfer["shipment_id"]),
        "receive",
        user="dispatcher",
        lines=[count(1, 10)],
        occurred_at="2020-02-08T03:00:00Z",
    )
    assert answer.status_code == 200, answer.text
    assert where(database, lot)["site:W2/expired"] == 10


def recall(session: Session, lot: UUID) -> None:
    """Stop a lot, as the inventory's desk does."""
    post(
        session,
        Draft(
            id=uuid4(),
            kind=EntryKind.RECALL_OPENED,
            occurred_at=NOW,
            actor="organisation:RELIEF",
            document=f"recall:{uuid4()}",
            facts={"lots": [str(lot)], "batches": []},
        ),
    )


def test_what_went_there_comes_back_by_an_order_of_its_own(
    api: TestClient, database: Database, lot: UUID
) -> None:
    transfer = ordered(api, transfer_body(lot, 150))
    carry(api, transfer["shipment_id"])
    assert receive(api, transfer["shipment_id"], "dispatcher", count(1, 150)).status_code == 200
    back = transfer_body(lot, 150, origin="W2", destination="W1")
    shipment = ordered(api, back)["shipment_id"]
    carry(api, shipment, users=FROM_W2)
    assert receive(api, shipment, "dispatcher", count(1, 150)).status_code == 200
    assert where(database, lot) == {"donor:DONOR1/given": -150, "site:W1/available": 150}


def test_an_order_that_was_changed_behind_the_journal_is_noticed(
    api: TestClient, database: Database, lot: UUID
) -> None:
    transfer = ordered(api, transfer_body(lot))
    assert astray(database) == []
    with database.transaction() as session:
        line = session.get_one(TransferLine, (UUID(transfer["id"]), 1))
        line.quantity_base = 99
    assert astray(database) == [f"transfer {transfer['id']}, lot {lot}: 100, 99"]
