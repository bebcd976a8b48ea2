"""Makers say what they will make, and what they made stands in the journal."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.catalog.models import Item
from services.database import Database
from services.journal.kinds import EntryKind
from services.journal.post import reverse
from services.journal.read import entry_count, holdings
from tests.world import World

JSON = dict[str, Any]


def a_plan(**changes: object) -> JSON:
    line = {"item": "gloves", "day": "2020-02-04", "planned": 3, "unit": "carton"}
    return {"site": "F1", "days": [line | changes]}


def output(**changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "site": "F1",
        "item": "gloves",
        "day": "2020-02-04",
        "quantity": 2,
        "unit": "carton",
        "batch": "B-1",
        "produced_on": "2020-02-03",
        "expires_on": "2022-02-03",
        "occurred_at": "2020-02-04T10:00:00Z",
    } | changes


def entries(database: Database) -> int:
    with database.transaction() as session:
        return entry_count(session)


def test_the_newest_word_on_a_day_counts(api: TestClient, world: World) -> None:
    headers = world.bearer("maker")
    first = api.put("/api/v1/capacity-plans", json=a_plan(), headers=headers)
    assert first.status_code == 200, first.text
    [day] = first.json()
    assert (day["site"], day["item"], day["day"]) == ("F1", "gloves", "2020-02-04")
    assert (day["planned_base"], day["actual_base"], day["open_base"]) == (6000, 0, 6000)
    # The day is long over, and not a word of it has come.
    assert day["state"] == "unreported"
    again = api.put("/api/v1/capacity-plans", json=a_plan(), headers=headers)
    assert again.json() == first.json()
    api.put("/api/v1/capacity-plans", json=a_plan(planned=0), headers=headers)
    shown = api.get("/api/v1/capacity-plans", params={"site": "F1"}, headers=headers).json()
    assert [day["planned_base"] for day in shown] == [0]


def test_planned_stands_beside_actual(api: TestClient, world: World) -> None:
    headers = world.bearer("maker")
    plan = a_plan()
    plan["days"].append({"item": "gloves", "day": "2020-02-05", "planned": 700})
    api.put("/api/v1/capacity-plans", json=plan, headers=headers)
    for batch in ("B-1", "B-2"):
        made = api.post("/api/v1/productions", json=output(batch=batch), headers=headers)
        assert made.status_code == 201, made.text
    unplanned = output(item="surgical_mask", quantity=9, unit="piece")
    api.post("/api/v1/productions", json=unplanned, headers=headers)
    desk = world.bearer("dispatcher")
    shown = api.get("/api/v1/capacity-plans", headers=desk).json()
    assert [(d["item"], d["day"], d["planned_base"], d["actual_base"]) for d in shown] == [
        ("gloves", "2020-02-04", 6000, 8000),
        ("gloves", "2020-02-05", 700, 0),
        ("surgical_mask", "2020-02-04", None, 9),
    ]
    window = {"from": "2020-02-05", "to": "2020-02-05"}
    later = api.get("/api/v1/capacity-plans", params=window, headers=desk).json()
    assert [day["day"] for day in later] == ["2020-02-05"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"item": "unobtainium"}, "days[0].item"),
        ({"item": "a/b"}, "days[0].item"),
        ({"planned": -1}, "days[0].planned"),
        ({"planned": 1.5}, "days[0].planned"),
        ({"planned": "many"}, "days[0].planned"),
        ({"planned": True}, "days[0].planned"),
        ({"planned": 10**12 + 1}, "days[0].planned"),
        ({"planned": 10**12}, "days[0].planned"),
        ({"unit": "lorry"}, "unit"),
        ({"unit": "lorry", "planned": 0}, "unit"),
        ({"day": "2020-02-30"}, "days[0].day"),
        ({"day": "0001-01-01"}, "days[0].day"),
        ({"day": "9999-12-31"}, "days[0].day"),
        ({"colour": "blue"}, "days[0].colour"),
    ],
)
def test_a_bad_plan_names_field_value_and_mend(
    api: TestClient, world: World, changes: JSON, field: str
) -> None:
    headers = world.bearer("maker")
    answer = api.put("/api/v1/capacity-plans", json=a_plan(**changes), headers=headers)
    assert answer.status_code in {404, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    error = answer.json()["errors"][0]
    assert (error["field"], bool(error["mend"])) == (field, True)
    assert api.get("/api/v1/capacity-plans", headers=headers).json() == []


def test_an_item_and_day_stand_once_in_a_plan(api: TestClient, world: World) -> None:
    plan = a_plan()
    plan["days"] *= 2
    answer = api.put("/api/v1/capacity-plans", json=plan, headers=world.bearer("maker"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "days[1].day"


def test_output_opens_one_lot_on_the_factory_shelf(
    api: TestClient, world: World, database: Database
) -> None:
    body = output(batch="Be\u0301-1")
    answer = api.post("/api/v1/productions", json=body, headers=world.bearer("maker"))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["id"], made["entry_id"], made["quantity_base"]) == (body["id"], body["id"], 4000)
    assert (made["batch"], made["expiry_source"]) == ("B\u00e9-1", "given")
    with database.transaction() as session:
        held = holdings(session, holder="site:F1")
    assert [(h.account, str(h.lot_id), h.quantity, h.origin) for h in held] == [
        ("site:F1/available", made["lot_id"], 4000, f"production:{body['id']}")
    ]
    assert (str(held[0].produced_on), str(held[0].expires_on)) == ("2020-02-03", "2022-02-03")
    listed = api.get("/api/v1/productions", headers=world.bearer("dispatcher")).json()
    assert listed == [made]


def test_expiry_follows_from_the_shelf_life_and_says_so(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        session.get_one(Item, "gloves").shelf_life_days = 30
    headers = world.bearer("maker")
    made = api.post("/api/v1/productions", json=output(expires_on=None), headers=headers).json()
    assert (made["expires_on"], made["expiry_source"]) == ("2020-03-04", "shelf_life")
    endless = output(item="surgical_mask", expires_on=None)
    made = api.post("/api/v1/productions", json=endless, headers=headers).json()
    assert (made["expires_on"], made["expiry_source"]) == (None, "none")


def test_output_without_a_time_counts_from_its_day(api: TestClient, world: World) -> None:
    made = api.post(
        "/api/v1/productions", json=output(occurred_at=None), headers=world.bearer("maker")
    )
    # The end of that day at the factory.
    assert made.json()["occurred_at"] == "2020-02-04T15:59:59Z"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"item": "unobtainium"}, "item"),
        ({"site": "F9"}, "site"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": -5}, "quantity"),
        ({"quantity": 2.5}, "quantity"),
        ({"quantity": "many"}, "quantity"),
        ({"quantity": 10**12 + 1}, "quantity"),
        ({"quantity": 10**12}, "quantity"),
        ({"unit": "lorry"}, "unit"),
        ({"batch": ""}, "batch"),
        ({"batch": "   "}, "batch"),
        ({"day": "2020-02-30"}, "day"),
        ({"day": "9999-12-31"}, "day"),
        ({"produced_on": "2020-02-05"}, "produced_on"),
        ({"produced_on": "1999-12-31"}, "produced_on"),
        ({"expires_on": "2020-02-03"}, "expires_on"),
        ({"expires_on": "2020-02-04"}, "expires_on"),
        ({"expires_on": "9999-12-31"}, "expires_on"),
        ({"occurred_at": "2020-02-01T10:00:00Z"}, "occurred_at"),
        ({"occurred_at": "2020-02-04T10:00:00"}, "occurred_at"),
        ({"occurred_at": "2999-02-04T10:00:00Z"}, "occurred_at"),
        ({"id": "mine"}, "id"),
    ],
)
def test_bad_output_names_field_value_and_mend(
    api: TestClient, world: World, database: Database, changes: JSON, field: str
) -> None:
    headers = world.bearer("maker")
    answer = api.post("/api/v1/productions", json=output(**changes), headers=headers)
    assert answer.status_code in {404, 422}, answer.text
    error = answer.json()["errors"][0]
    assert (error["field"], bool(error["mend"])) == (field, True)
    assert api.get("/api/v1/productions", headers=headers).json() == []
    assert entries(database) == 0


def test_a_nul_in_a_batch_number_is_refused(
    api: TestClient, world: World, database: Database
) -> None:
    answer = api.post(
        "/api/v1/productions", json=output(batch="B\u0000"), headers=world.bearer("maker")
    )
    assert answer.status_code == 422, answer.text
    assert entries(database) == 0


def test_the_same_output_twice_is_reported_once(
    api: TestClient, world: World, database: Database
) -> None:
    headers, body = world.bearer("maker"), output(occurred_at=None)
    first = api.post("/api/v1/productions", json=body, headers=headers)
    again = api.post("/api/v1/productions", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = api.post("/api/v1/productions", json=body | {"quantity": 3}, headers=headers)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:medrelay:problem:id-reused"
    assert entries(database) == 1


def test_the_same_output_from_many_sides_is_reported_once(
    api: TestClient, world: World, database: Database
) -> None:
    headers, body = world.bearer("maker"), output()

    def send(_: int) -> int:
        return api.post("/api/v1/productions", json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(send, range(8)))
    assert answers == [200] * 7 + [201]
    assert entries(database) == 1


def test_output_that_was_reversed_was_not_made(
    api: TestClient, world: World, database: Database
) -> None:
    headers, body = world.bearer("maker"), output()
    api.post("/api/v1/productions", json=body, headers=headers)
    with database.transaction() as session:
        reverse(
            session,
            UUID(body["id"]),
            reversal_id=uuid4(),
            actor="organisation:MAKER",
            reason="a slip",
        )
    shown = api.get("/api/v1/capacity-plans", headers=headers).json()
    assert [day["actual_base"] for day in shown] == [0]
    with database.transaction() as session:
        assert entry_count(session, [EntryKind.REVERSE]) == 1


@pytest.mark.parametrize(
    ("user", "site", "status"),
    [
        ("hospital", "F1", 403),
        ("dispatcher", "F1", 403),
        ("maker", "W1", 403),
        ("admin", "W1", 422),
        ("admin", "F1", 201),
    ],
)
def test_makers_report_for_their_own_factories_alone(
    api: TestClient, world: World, user: str, site: str, status: int
) -> None:
    headers = world.bearer(user)
    made = api.post("/api/v1/productions", json=output(site=site), headers=headers)
    assert made.status_code == status, made.text
    planned = api.put("/api/v1/capacity-plans", json=a_plan() | {"site": site}, headers=headers)
    assert planned.status_code == (200 if status == 201 else status)


def test_plans_are_for_makers_and_desks_to_see(api: TestClient, world: World) -> None:
    for path in ("/api/v1/capacity-plans", "/api/v1/productions"):
        assert api.get(path).status_code == 401
        assert api.get(path, headers=world.bearer("hospital")).status_code == 403
        foreign = api.get(path, params={"site": "W1"}, headers=world.bearer("maker"))
        assert foreign.status_code == 403
        unknown = api.get(path, params={"site": "F9"}, headers=world.bearer("auditor"))
        assert unknown.status_code == 404
        assert api.get(path, headers=world.bearer("auditor")).json() == []
