"""`medrelay check` holds the desks' tables to what was logged of them."""

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.jobs.check import check_everything
from tests.dispatch.test_runs import ask, solved
from tests.test_check import tamper
from tests.world import World, stock


def found(database: Database) -> set[str]:
    with database.transaction() as session:
        return {each.what for each in check_everything(session, None)}


@pytest.fixture
def desks(api: TestClient, world: World, database: Database) -> Database:
    """An earmarked gift, and three runs: approved, rejected and superseded."""
    with database.transaction() as session:
        stock(session)
    gift = {
        "id": str(uuid4()),
        "kind": "goods",
        "anonymous": True,
        "site": "W1",
        "given_at": "2020-02-02T08:00:00Z",
        "earmark": {"kind": "site", "target": "H1"},
        "lines": [{"item": "gloves", "quantity": 10, "unit": "box"}],
    }

    def post(user: str, path: str, **body: object) -> None:
        answer = api.post(f"/api/v1{path}", json=body, headers=world.bearer(user))
        assert answer.is_success, answer.text

    post("donor", "/donations", **gift)
    received = {"occurred_at": "2020-02-02T18:00:00Z"}
    post("dispatcher", f"/donations/{gift['id']}/receive", **received)
    ask(api, world, 500)
    post("approver", f"/runs/{solved(api, world, database)}/reject", note="too little")
    run = solved(api, world, database)
    solved(api, world, database)
    post("approver", f"/runs/{run}/approve")
    assert found(database) == set()
    return database


TO_ANYBODYS_LOTS = """
    INSERT INTO lot_earmark SELECT id, 'site', 'H2' FROM lot
    WHERE id NOT IN (SELECT lot_id FROM lot_earmark)
"""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("DELETE FROM lot_earmark", "earmark"),
        ("UPDATE lot_earmark SET target = 'H2'", "earmark"),
        (TO_ANYBODYS_LOTS, "earmark"),
        ("UPDATE donation SET anonymous = false", "donor"),
        ("UPDATE shipment_line SET quantity_base = 1", "shipment_line"),
        ("DELETE FROM shipment_line", "shipment_line"),
        ("UPDATE run SET state = 'rejected' WHERE state = 'approved'", "decision"),
        ("UPDATE run SET state = 'approved' WHERE state = 'rejected'", "decision"),
        ("UPDATE run SET approval_entry = NULL", "decision"),
        ("UPDATE run SET plan = NULL, plan_entry = NULL WHERE state = 'approved'", "decision"),
        ("UPDATE run SET plan = NULL WHERE state = 'superseded'", "decision"),
        ("UPDATE run SET pieces_allocated = 1", "decision"),
        ("UPDATE run SET plan_entry = snapshot_entry", "decision"),
        ("UPDATE run SET snapshot = snapshot || ' '::bytea", "snapshot_bytes"),
        ("DELETE FROM run WHERE state = 'rejected'", "run_missing"),
        ("UPDATE run SET plan_digest = snapshot_digest", "decision"),
        ("UPDATE run SET snapshot_digest = ''", "decision"),
        ("UPDATE run SET kind = 'what_if' WHERE state = 'approved'", "decision"),
        ("UPDATE run SET state = 'answered' WHERE state = 'rejected'", "decision"),
    ],
)
def test_a_changed_row_is_named(desks: Database, change: str, named: str) -> None:
    tamper(desks, change)
    assert named in found(desks)


def test_a_donor_who_was_named_is_not_another(
    api: TestClient, world: World, database: Database
) -> None:
    donation = str(uuid4())
    gift = {"item": "gloves", "quantity": 10, "unit": "box"}
    body = {"id": donation, "kind": "goods", "anonymous": False, "site": "W1"}
    body |= {"given_at": "2020-02-02T08:00:00Z", "earmark": None, "lines": [gift]}
    api.post("/api/v1/donations", json=body, headers=world.bearer("donor"))
    answer = api.post(
        f"/api/v1/donations/{donation}/receive",
        json={"occurred_at": "2020-02-02T18:00:00Z"},
        headers=world.bearer("dispatcher"),
    )
    assert answer.is_success, answer.text
    assert found(database) == set()
    tamper(database, "UPDATE donation SET donor = 'DONOR2'")
    assert found(database) == {"donor"}
