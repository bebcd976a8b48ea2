"""A recall stops, gathers and tells in one transaction; lifted, its goods are looked at again."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.inventory import recalls
from services.inventory.recall_reading import get_recall
from services.journal.kinds import AccountRef, EntryKind, site_account
from tests.inventory.goods import AT, JSON, NEED, donated, move, read, send, spread, standing
from tests.world import World


@pytest.fixture
def lot(database: Database) -> UUID:
    with database.transaction() as session:
        lot = donated(session)
        spread(session, lot)
        return lot


def a_recall(**what: Any) -> JSON:
    plain = {"id": str(uuid4()), "cause": "quality", "reason": "filters leak", "occurred_at": AT}
    return plain | what


def alerts(database: Database) -> set[tuple[str | None, bool]]:
    """Whom open and closed alerts of recalls are for."""
    with database.transaction() as session:
        rows = session.connection().exec_driver_sql(
            "SELECT organisation, closed_at IS NULL FROM alert WHERE kind = 'recall'"
        )
        return {(row[0], row[1]) for row in rows}


def test_a_recall_gathers_all_that_stands_anywhere_and_tells_whoever_has_some(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    body = a_recall(item="gloves", batch="B7")
    told = send(api, world, "dispatcher", "recalls", body)
    assert send(api, world, "dispatcher", "recalls", body, 200) == told
    held = {"W1/recalled": 550, "H1/recalled": 250, "9/in_transit": 200}
    assert standing(database, lot) == held
    assert told["opened_base"] == 1000 == sum(told["progress"].values())
    assert (told["progress"]["gathered"], told["progress"]["under_way"]) == (800, 200)
    assert (told["sites"], told["shipments"], told["needs"]) == (["H1", "W1"], ["9"], [NEED])
    assert len(told["donations"]) == 1
    assert told["organisations"] == ["DONOR1", "HOSP1", "RELIEF"]
    whom = {(None, True), ("DONOR1", True), ("HOSP1", True), ("RELIEF", True)}
    assert alerts(database) == whom
    # What is under way is caught on arrival.
    road = AccountRef("shipment:9", "in_transit", NEED)
    with database.transaction() as session:
        move(session, EntryKind.RECALL, lot, road, site_account("H2", "recalled"), 200)
    gone = {"id": str(uuid4()), "site": "H2", "lot_id": str(lot), "quantity": 50}
    gone |= {"taken_from": "recalled", "cause": "sampled", "occurred_at": AT}
    send(api, world, "hospital2", "stock/losses", gone | {"reason": "burnt"})
    progress = read(api, world, "dispatcher", f"recalls/{body['id']}")["progress"]
    assert {k: v for k, v in progress.items() if v} == {"gathered": 950, "destroyed": 50}


def test_a_lifted_recall_leaves_its_goods_in_quarantine(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    first, second = a_recall(lot_id=str(lot)), a_recall(item="gloves", batch="B7")
    for body in (first, second):
        send(api, world, "dispatcher", "recalls", body)
    why = {"reason": "a second test found nothing", "occurred_at": "2020-02-12T10:00:00Z"}
    send(api, world, "dispatcher", f"recalls/{first['id']}/lift", why, 200)
    assert standing(database, lot)["W1/recalled"] == 550  # the other one still holds
    done = send(api, world, "dispatcher", f"recalls/{second['id']}/lift", why, 200)
    assert send(api, world, "dispatcher", f"recalls/{second['id']}/lift", why, 200) == done
    held = {"W1/quarantine": 550, "H1/quarantine": 250, "9/in_transit": 200}
    assert standing(database, lot) == held
    assert {is_open for _, is_open in alerts(database)} == {False}
    other = why | {"reason": "again"}
    problem = send(api, world, "approver", f"recalls/{second['id']}/lift", other, 409)
    assert problem["type"] == "urn:medrelay:problem:already-lifted"


def test_what_was_repacked_is_recalled_with_its_lot(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    pack = {"id": str(uuid4()), "site": "W1", "lot_id": str(lot), "quantity": 100, "into": [100]}
    new = send(api, world, "dispatcher", "stock/repacks", pack | {"occurred_at": AT, "reason": "x"})
    send(api, world, "dispatcher", "recalls", a_recall(lot_id=str(lot)))
    assert standing(database, UUID(new["lots"][0])) == {"W1/recalled": 100}


@pytest.mark.parametrize(
    ("what", "status", "field"),
    [
        ({}, 422, "batch"),
        ({"batch": "B7"}, 422, "item"),
        ({"item": "tea", "batch": "B7"}, 404, "item"),
        ({"lot_id": str(uuid4())}, 404, "lot_id"),
        ({"item": "gloves", "batch": ""}, 422, "batch"),
        ({"item": "gloves", "batch": "B7", "cause": "whim"}, 422, "cause"),
        (
            {"item": "gloves", "batch": "B7", "occurred_at": "2120-02-02T00:00:00Z"},
            422,
            "occurred_at",
        ),
    ],
)
def test_a_recall_that_can_not_be_is_refused(
    api: TestClient,
    world: World,
    database: Database,
    lot: UUID,
    what: JSON,
    status: int,
    field: str,
) -> None:
    problem = send(api, world, "dispatcher", "recalls", a_recall(**what), status)
    assert problem["errors"][0]["field"] == field
    assert "W1/recalled" not in standing(database, lot)
    assert alerts(database) == set()


def test_who_opens_and_who_sees_a_recall(api: TestClient, world: World, lot: UUID) -> None:
    body = a_recall(lot_id=str(lot))
    for who in ("hospital", "maker", "auditor", "donor"):
        send(api, world, who, "recalls", body, 403)
    send(api, world, "approver", "recalls", body)
    problem = send(api, world, "approver", "recalls", body | {"reason": "other"}, 422)
    assert problem["type"] == "urn:medrelay:problem:id-reused"
    own = read(api, world, "hospital", f"recalls/{body['id']}")
    assert [each["holder"] for each in own["standings"]] == ["site:H1"]
    assert (own["sites"], own["shipments"], own["donations"]) == (["H1"], [], [])
    assert read(api, world, "hospital2", f"recalls/{body['id']}")["standings"] == []
    listed = read(api, world, "carrier", "recalls", open_only="true", item="gloves")
    assert [each["id"] for each in listed] == [body["id"]]
    assert api.get("/api/v1/recalls").status_code == 401
    answer = api.get(f"/api/v1/recalls/{uuid4()}", headers=world.bearer("auditor"))
    assert answer.status_code == 404


def test_a_recall_that_fails_half_way_has_done_nothing(
    database: Database, world: World, lot: UUID, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = standing(database, lot)

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(recalls, "_tell", broken)
    body = a_recall(lot_id=str(lot))
    send(api, world, "dispatcher", "recalls", body, 500)
    assert standing(database, lot) == before
    monkeypatch.undo()
    send(api, world, "dispatcher", "recalls", body)
    with database.transaction() as session:
        assert get_recall(session, UUID(body["id"])).lot_id == lot
