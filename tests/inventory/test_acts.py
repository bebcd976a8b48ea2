"""What is done with lots on shelves: each act is one entry, whole or not at all."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.journal.read import by_purpose
from tests.inventory.goods import AT, JSON, NEED, donated, send, spread, standing
from tests.world import World


@pytest.fixture
def lot(database: Database) -> UUID:
    with database.transaction() as session:
        return donated(session)


@pytest.fixture
def spread_lot(database: Database, lot: UUID) -> UUID:
    with database.transaction() as session:
        spread(session, lot)
    return lot


def act(lot: UUID, quantity: int, **more: Any) -> JSON:
    plain = {"id": str(uuid4()), "site": "W1", "lot_id": str(lot), "quantity": quantity}
    return plain | {"occurred_at": AT, "reason": "as found"} | more


def test_a_lot_goes_into_quarantine_and_back(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    aside = act(lot, 2, unit="box", taken_from="available", put_to="quarantine")
    told = send(api, world, "dispatcher", "stock/sort", aside)
    assert (told["kind"], told["quantity_base"]) == ("reclassify", 100)
    assert send(api, world, "dispatcher", "stock/sort", aside, 200)["entry_id"] == told["entry_id"]
    assert standing(database, lot) == {"W1/available": 900, "W1/quarantine": 100}
    back = act(lot, 100, taken_from="quarantine", put_to="available")
    send(api, world, "dispatcher", "stock/sort", back)
    assert standing(database, lot) == {"W1/available": 1000}


@pytest.mark.parametrize(
    ("path", "change", "status", "field"),
    [
        ("sort", {"taken_from": "reserved", "put_to": "available"}, 422, "taken_from"),
        ("sort", {"taken_from": "available", "put_to": "recalled"}, 422, "put_to"),
        ("sort", {"taken_from": "available", "put_to": "available"}, 422, "put_to"),
        ("sort", {"taken_from": "expired", "put_to": "available"}, 422, "taken_from"),
        ("sort", {"taken_from": "recalled", "put_to": "available"}, 422, "taken_from"),
        ("sort", {"taken_from": "damaged", "put_to": "available"}, 409, "quantity"),
        ("sort", {"taken_from": "available", "put_to": "on_hold", "unit": "crate"}, 422, "unit"),
        ("sort", {"taken_from": "available", "put_to": "on_hold", "reason": ""}, 422, "reason"),
        ("losses", {"cause": "boredom"}, 422, "cause"),
        ("losses", {"cause": "expired_destroyed"}, 422, "cause"),
        ("losses", {"cause": "theft", "quantity": 1001}, 409, "quantity"),
        ("losses", {"cause": "theft", "quantity": 0}, 422, "quantity"),
        ("losses", {"cause": "theft", "lot_id": str(uuid4())}, 404, "lot_id"),
        ("losses", {"cause": "theft", "site": "W9"}, 404, "site"),
        ("losses", {"cause": "theft", "site": "H1"}, 403, None),
        ("losses", {"cause": "theft", "occurred_at": "2020-01-01T00:00:00Z"}, 422, "occurred_at"),
        ("losses", {"cause": "theft", "occurred_at": "2120-01-01T00:00:00Z"}, 422, "occurred_at"),
        ("repacks", {"into": [5, 4]}, 422, "into"),
        ("repacks", {"into": []}, 422, "into"),
        ("returns", {"quantity": 1}, 409, "quantity"),
        ("consumption", {"quantity": 1}, 409, "quantity"),
    ],
)
def test_an_act_that_can_not_be_is_refused(
    api: TestClient,
    world: World,
    database: Database,
    lot: UUID,
    path: str,
    change: JSON,
    status: int,
    field: str | None,
) -> None:
    problem = send(api, world, "dispatcher", f"stock/{path}", act(lot, 10) | change, status)
    if field:
        assert problem["errors"][0]["field"] == field
        assert problem["errors"][0]["mend"]
    assert standing(database, lot) == {"W1/available": 1000}


def test_one_id_is_one_act(api: TestClient, world: World, lot: UUID) -> None:
    body = act(lot, 10, cause="breakage")
    send(api, world, "dispatcher", "stock/losses", body)
    for change in ({"quantity": 11}, {"reason": "other"}, {"cause": "wet"}):
        problem = send(api, world, "dispatcher", "stock/losses", body | change, 422)
        assert problem["type"] == "urn:medrelay:problem:id-reused"


def test_losses_say_their_cause_and_keep_the_words_to_themselves(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    told = send(api, world, "dispatcher", "stock/losses", act(lot, 7, cause="theft", reason="Bob"))
    record = api.get(f"/api/v1/log/entries/{told['entry_id']}").text
    if "theft" in record:
        assert "Bob" not in record
    assert standing(database, lot) == {"W1/available": 993, "W1/lost": 7}


def test_a_hospital_uses_what_it_received_and_gives_the_surplus_back(
    api: TestClient, world: World, database: Database, spread_lot: UUID
) -> None:
    used = act(spread_lot, 150, site="H1")
    send(api, world, "hospital", "stock/consumption", used)
    send(api, world, "hospital", "stock/consumption", used, 200)
    surplus = act(spread_lot, 1, unit="box", site="H1")
    send(api, world, "hospital", "stock/returns", surplus)
    send(api, world, "hospital", "stock/returns", surplus, 200)
    wet = act(spread_lot, 5, site="H1", put_to="damaged")
    send(api, world, "hospital", "stock/returns", wet)
    held = standing(database, spread_lot)
    assert (held["H1/consumed"], held["H1/available"], held["H1/damaged"]) == (150, 50, 5)
    assert held["H1/received"] == 45
    with database.transaction() as session:
        # The need is as served as it was: it doesn't ask again for what was used or given back.
        assert by_purpose(session, [NEED])[NEED]["received"] == 250
    too_much = send(
        api, world, "hospital", "stock/consumption", act(spread_lot, 46, site="H1"), 409
    )
    assert too_much["available"] == 45
    send(api, world, "hospital2", "stock/consumption", act(spread_lot, 1, site="H1"), 403)


def test_repacking_keeps_item_batch_and_date(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    body = act(lot, 2, unit="box", into=[70, 30])
    told = send(api, world, "dispatcher", "stock/repacks", body)
    assert send(api, world, "dispatcher", "stock/repacks", body, 200) == told
    new = [UUID(each) for each in told["lots"]]
    assert standing(database, *new) == {"W1/available": 100}
    assert standing(database, lot) == {"W1/available": 900, "W1/converted": 100}
    rows = api.get("/api/v1/stock?site=W1", headers=world.bearer("dispatcher")).json()
    assert {(row["batch"], row["expires_on"]) for row in rows} == {("B7", "2021-01-01")}


def test_what_expired_leaves_the_shelf_in_one_go(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    with database.transaction() as session:
        old = donated(session, 40, batch="OLD", expires=date(2020, 2, 10))
        older = donated(session, 60, site="W2", batch="OLD", expires=date(2020, 2, 5))
    line = [{"site": "W1", "lot_id": str(old)}, {"site": "W2", "lot_id": str(older)}]
    body = {"id": str(uuid4()), "lines": line, "occurred_at": AT}
    told = send(api, world, "dispatcher", "stock/expired", body)
    assert told["quantity_base"] == 100
    assert send(api, world, "dispatcher", "stock/expired", body, 200)["entry_id"] == body["id"]
    assert standing(database, old, older) == {"W1/expired": 40, "W2/expired": 60}
    good = {"id": str(uuid4()), "lines": [{"site": "W1", "lot_id": str(lot)}], "occurred_at": AT}
    problem = send(api, world, "dispatcher", "stock/expired", good, 409)
    assert problem["type"] == "urn:medrelay:problem:not-expired"
    destroyed = act(old, 40, taken_from="expired", cause="sampled")
    send(api, world, "dispatcher", "stock/losses", destroyed)
    assert standing(database, old) == {"W1/lost": 40}


def test_a_lot_has_a_place_on_its_shelf(api: TestClient, world: World, lot: UUID) -> None:
    for place in ("Rack 4", "Rack 4", "Rack 5"):
        body = {"site": "W1", "lot_id": str(lot), "place": place}
        answer = api.put("/api/v1/stock/places", json=body, headers=world.bearer("dispatcher"))
        assert answer.json()["place"] == place
    foreign = {"site": "F1", "lot_id": str(lot), "place": "mine"}
    answer = api.put("/api/v1/stock/places", json=foreign, headers=world.bearer("dispatcher"))
    assert answer.status_code == 403
