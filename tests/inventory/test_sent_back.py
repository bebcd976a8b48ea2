"""Recalled and rejected goods are sent back as what they are, and no path makes them usable."""

from datetime import timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.errors import InvalidInput
from services.journal.kinds import (
    ACCOUNT_STATES,
    UNUSABLE,
    AccountKind,
    AccountRef,
    EntryKind,
    may_move,
    site_account,
)
from services.journal.post import post
from services.journal.record import Draft, NewMove
from tests.inventory.goods import AT, JSON, donated, move, send, standing
from tests.shipments import act, count
from tests.world import NOW, World

DAYS = {"depart_on": "2020-02-11", "due_on": "2020-02-12", "occurred_at": AT}
LATER = {
    "pick": "2020-02-11T01:00:00Z",
    "dispatch": "2020-02-11T02:00:00Z",
    "deliver": "2020-02-12T02:00:00Z",
    "receive": "2020-02-12T03:00:00Z",
}


@pytest.fixture
def lot(database: Database) -> UUID:
    """Of 1000 pieces 400 stand rejected at H1."""
    with database.transaction() as session:
        lot = donated(session)
        shelf, kept = site_account("W1", "available"), site_account("W1", "reserved", "need:1")
        road = AccountRef("shipment:9", "in_transit", "need:1")
        move(session, EntryKind.RESERVE, lot, shelf, kept, 400)
        move(session, EntryKind.DISPATCH, lot, kept, road, 400)
        move(session, EntryKind.REJECT, lot, road, site_account("H1", "rejected"), 400)
        return lot


def an_order(lot: UUID, state: str, quantity: int = 300, **more: str) -> JSON:
    lines = [{"lot_id": str(lot), "quantity_base": quantity}]
    plain: JSON = {"id": str(uuid4()), "origin": "H1", "destination": "W1", "carrier": "CARR1"}
    return plain | DAYS | {"reason": "torn", "lines": lines, "sent_back_as": state} | more


def sent(api: TestClient, world: World, body: JSON, *steps: str) -> UUID:
    """Order it and bring its shipment through these steps; the shipment's id."""
    shipment = UUID(send(api, world, "hospital", "transfers", body)["shipment_id"])
    for step in steps:
        who = {"pick": "hospital"}.get(step, "carrier")
        answer = act(api, shipment, step, user=who, occurred_at=LATER[step])
        assert answer.status_code == 200, answer.text
    return shipment


def test_rejected_goods_go_back_to_the_warehouse_and_stay_rejected(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    body = an_order(lot, "rejected")
    shipment = sent(api, world, body, "pick", "dispatch")
    assert standing(database, lot) == {
        "W1/available": 600,
        "H1/rejected": 100,
        f"{shipment}/in_transit": 300,
    }
    act(api, shipment, "deliver", occurred_at=LATER["deliver"])
    lines = [count(1, 250, 0, 50)]
    told = act(
        api, shipment, "receive", user="dispatcher", occurred_at=LATER["receive"], lines=lines
    )
    assert told.status_code == 200, told.text
    line = told.json()["lines"][0]
    assert (line["accepted_base"], line["rejected_base"], line["short_base"]) == (250, 0, 50)
    held = {"W1/available": 600, "W1/rejected": 250, "H1/rejected": 100, f"{shipment}/lost": 50}
    assert standing(database, lot) == held


def test_recalled_goods_go_back_and_stay_recalled(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    recall = {"id": str(uuid4()), "lot_id": str(lot), "cause": "quality", "reason": "x"}
    send(api, world, "dispatcher", "recalls", recall | {"occurred_at": AT})
    body = an_order(lot, "recalled")
    shipment = sent(api, world, body, "pick", "dispatch", "deliver")
    refused = act(
        api,
        shipment,
        "receive",
        user="dispatcher",
        occurred_at=LATER["receive"],
        lines=[count(1, 200, 100, reason="no")],
    )
    assert refused.json()["errors"][0]["field"] == "lines[0].rejected"
    lines = [count(1, 300)]
    told = act(
        api, shipment, "receive", user="dispatcher", occurred_at=LATER["receive"], lines=lines
    )
    assert told.status_code == 200, told.text
    assert standing(database, lot) == {"W1/recalled": 900, "H1/recalled": 100}


def test_goods_that_leave_are_brought_in_again_by_a_correction(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    shipment = sent(api, world, an_order(lot, "rejected"), "pick", "dispatch")
    with database.transaction() as session:
        entry = session.connection().exec_driver_sql(
            "SELECT id FROM entry WHERE kind = 'send_back' AND document = %s",
            (f"shipment:{shipment}",),
        )
        sent_back = entry.scalar_one()
    undo = {"id": str(uuid4()), "reason": "it never left"}
    send(api, world, "carrier", f"entries/{sent_back}/correct", undo)
    assert standing(database, lot) == {"W1/available": 600, "H1/rejected": 400}
    assert sent(api, world, an_order(lot, "rejected", 100), "pick", "dispatch")


@pytest.mark.parametrize(
    ("who", "change", "status", "field"),
    [
        ("hospital", {"sent_back_as": "available"}, 422, "sent_back_as"),
        ("hospital", {"sent_back_as": "recalled"}, 409, "quantity_base"),
        ("hospital2", {}, 403, "site"),
    ],
)
def test_what_cannot_be_sent_back(
    api: TestClient,
    world: World,
    lot: UUID,
    who: str,
    change: JSON,
    status: int,
    field: str,
) -> None:
    problem = send(api, world, who, "transfers", an_order(lot, "rejected") | change, status)
    assert problem["errors"][0]["field"] == field


REFS = [
    AccountRef(f"{holder}:1", state, purpose)
    for holder, state in ACCOUNT_STATES
    for purpose in (None, "need:1", "transfer:1", *(f"{each}:1" for each in sorted(UNUSABLE)))
]
BACK = [AccountRef("shipment:1", "in_transit", f"{each}:1") for each in sorted(UNUSABLE)]


@pytest.mark.parametrize("kind", sorted(set(EntryKind) - {EntryKind.REVERSE}))
def test_what_is_under_way_back_comes_nowhere_to_be_used(kind: EntryKind) -> None:
    for way, other in product(BACK, REFS):
        state = (way.purpose or "").partition(":")[0]
        is_same = other.kind is AccountKind.TRANSIT and other.purpose == way.purpose
        if may_move(kind, way, other):
            assert is_same or other.kind is AccountKind.LOSS or other.state in UNUSABLE
        if may_move(kind, other, way):
            assert is_same or (kind is EntryKind.SEND_BACK and other.state == state)


def test_the_journal_refuses_recalled_goods_on_any_other_way(database: Database, lot: UUID) -> None:
    as_new = AccountRef("shipment:2", "in_transit", "transfer:1")
    away = NewMove(lot, site_account("H1", "rejected"), as_new, 1)
    for kind in (EntryKind.DISPATCH, EntryKind.SEND_BACK):
        draft = Draft(uuid4(), kind, NOW + timedelta(days=1), "organisation:HOSP1", moves=[away])
        with database.transaction() as session, pytest.raises(InvalidInput):
            post(session, draft)
