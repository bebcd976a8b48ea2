"""Stock by state, what expires, what to pick and stock cards: all of them readings."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.inventory import service
from services.inventory.picking import suggest_pick
from services.inventory.watch import watch
from services.journal.kinds import EntryKind, site_account
from tests.inventory.goods import AT, came_today, donated, lose_today, move, read, send, spread
from tests.world import World

SHELF = site_account("W1", "available")


@pytest.fixture
def shelf(database: Database) -> dict[str, UUID]:
    """Six lots of gloves at W1, some of which can't be taken, each for another reason."""
    with database.transaction() as session:
        lots = {
            name: donated(session, 100, batch=name, expires=expires)
            for name, expires in {
                "late": date(2020, 12, 1),
                "soon": date(2020, 3, 1),
                "never": None,
                "gone": date(2020, 2, 5),
                "held": date(2020, 6, 1),
                "stopped": date(2020, 2, 20),
            }.items()
        }
        move(session, EntryKind.RECLASSIFY, lots["held"], SHELF, site_account("W1", "on_hold"), 60)
        kept = site_account("W1", "reserved", "need:1")
        move(session, EntryKind.RESERVE, lots["held"], SHELF, kept, 40)
    return lots


def test_what_expires_first_is_taken_first_and_the_rest_says_why(
    api: TestClient, world: World, shelf: dict[str, UUID]
) -> None:
    recall = {"id": str(uuid4()), "lot_id": str(shelf["stopped"]), "cause": "maker", "reason": "x"}
    send(api, world, "dispatcher", "recalls", recall | {"occurred_at": AT})
    query = {"site": "W1", "item": "gloves", "quantity": "5", "unit": "box"}
    found = read(api, world, "dispatcher", "stock/pick", **query, arrives_on="2020-02-10")
    taken = [(each["batch"], each["quantity"]) for each in found["picked"]]
    assert taken == [("soon", 100), ("late", 100), ("never", 50)]
    assert found["short"] == 0
    assert {(each["batch"], each["reason"], each["quantity"]) for each in found["skipped"]} == {
        ("gone", "expired", 100),
        ("held", "on_hold", 60),
        ("held", "reserved", 40),
        ("stopped", "recalled", 100),
        ("never", "not_needed", 50),
    }
    later = read(api, world, "dispatcher", "stock/pick", **query, arrives_on="2020-03-01")
    assert later["picked"][0]["batch"] == "late"
    assert later["short"] == 50
    for bad, status in (
        ({"quantity": "0"}, 422),
        ({"unit": "crate"}, 422),
        ({"item": "tea"}, 404),
        ({"site": "W9"}, 404),
        ({"arrives_on": "0001-01-01"}, 422),
    ):
        answer = api.get(
            "/api/v1/stock/pick", params=query | bad, headers=world.bearer("dispatcher")
        )
        assert answer.status_code == status, bad


def test_a_lot_that_expires_on_the_way_is_skipped(
    database: Database, world: World, shelf: dict[str, UUID]
) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    with database.transaction() as session:
        fresh = donated(session, 10, batch="fresh", site="W2", expires=tomorrow)
        found = suggest_pick(session, "W2", "gloves", 5, tomorrow + timedelta(days=3))
    (only,) = found.skipped
    assert (only.lot_id, only.reason, found.short) == (fresh, "expires_before_arrival", 5)


def test_stock_is_listed_by_state_sorted_and_in_pages(
    api: TestClient, world: World, shelf: dict[str, UUID]
) -> None:
    held = read(api, world, "dispatcher", "stock", state="on_hold")
    assert [(row["batch"], row["on_hold"], row["reserved"]) for row in held] == [("held", 60, 40)]
    rows = read(api, world, "dispatcher", "stock", sort="-expires_on", limit="2")
    assert [row["batch"] for row in rows] == ["late", "held"]
    put = {"site": "W1", "lot_id": str(shelf["late"]), "place": "Rack 4"}
    api.put("/api/v1/stock/places", json=put, headers=world.bearer("dispatcher"))
    answer = api.get("/api/v1/stock?format=csv", headers=world.bearer("auditor"))
    assert answer.headers["content-type"].startswith("text/csv")
    assert "Rack 4" in answer.text
    assert answer.text.count("\n") == 7
    for bad in ("state=flying", "sort=colour", "limit=0"):
        answer = api.get(f"/api/v1/stock?{bad}", headers=world.bearer("dispatcher"))
        assert answer.status_code == 422


def test_what_expires_is_listed_with_its_days(
    api: TestClient, world: World, shelf: dict[str, UUID]
) -> None:
    rows = read(api, world, "dispatcher", "stock/expiring", day="2020-02-10", days="30")
    told = [(row["batch"], row["days_left"]) for row in rows]
    assert told == [("gone", -5), ("stopped", 10), ("soon", 20)]
    assert read(api, world, "hospital", "stock/expiring", on="2020-02-10") == []
    answer = api.get("/api/v1/stock/expiring?on=9999-12-31", headers=world.bearer("auditor"))
    assert answer.status_code == 422


def test_a_card_runs_from_the_first_movement_to_any_moment(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        lot = donated(session, 1000)
        spread(session, lot)
    loss = {"id": str(uuid4()), "site": "W1", "lot_id": str(lot), "quantity": 50}
    loss |= {"cause": "wet", "reason": "roof", "occurred_at": AT}
    send(api, world, "dispatcher", "stock/losses", loss)
    query = {"site": "W1", "lot_id": str(lot)}
    lines = read(api, world, "dispatcher", "stock/card", **query)
    assert [(x["kind"], x["came"], x["left"], x["within"], x["balance"]) for x in lines] == [
        ("receive_donation", 1000, 0, 0, 1000),
        ("reserve", 0, 0, 750, 1000),
        ("dispatch", 0, 450, 0, 550),
        ("lose", 0, 50, 0, 500),
    ]
    assert lines[0]["source"] == "donor:DONOR1/given"
    until = read(api, world, "dispatcher", "stock/card", **query, at="2020-02-09T00:00:00Z")
    assert until == lines[:3]
    by_item = read(api, world, "auditor", "stock/card", site="W1", item="gloves")
    assert by_item == lines
    at_hospital = read(api, world, "hospital", "stock/card", site="H1", item="gloves")
    assert [line["balance"] for line in at_hospital] == [250]
    for bad in ({}, {"item": "gloves"} | query, {"item": "tea"}, {"lot_id": str(uuid4())}):
        answer = api.get(
            "/api/v1/stock/card", params={"site": "W1"} | bad, headers=world.bearer("auditor")
        )
        assert answer.status_code in {404, 422}, bad


def test_on_hand_leaves_out_what_has_expired(database: Database, shelf: dict[str, UUID]) -> None:
    with database.transaction() as session:
        found = service.on_hand(session, good_on=date(2020, 2, 20), item="gloves")
    assert found == {("W1", "gloves"): service.OnHand(available=300, reserved=40)}


def test_the_watch_tells_of_lots_that_expire_and_lets_history_be(
    database: Database, shelf: dict[str, UUID]
) -> None:
    now = datetime.now(UTC)

    def alerts() -> list[tuple[str, str, bool]]:
        with database.transaction() as session:
            watch(session, now)
        with database.transaction() as session:
            rows = session.connection().exec_driver_sql(
                "SELECT kind, subject, closed_at IS NULL FROM alert ORDER BY 1, 2"
            )
            return [(row[0], row[1], row[2]) for row in rows]

    assert alerts() == []  # what is written down in 2026 of 2020 is on nobody's shelf
    days = {"today": 0, "soon": 10, "far": 400}
    with database.transaction() as session:
        lots = {
            name: came_today(session, name, (now + timedelta(days=ahead)).date())
            for name, ahead in days.items()
        }
    subjects = {name: f"lot:{lot}/W1" for name, lot in lots.items()}
    expected = [
        ("lot_expired", subjects["today"], True),
        ("lot_expiring", subjects["soon"], True),
    ]
    assert alerts() == expected
    assert alerts() == expected
    with database.transaction() as session:
        lose_today(session, lots["today"])
    assert alerts()[0] == ("lot_expired", subjects["today"], False)
