"""Pledges: somebody's word, kept once, seen by who may, and taken back before it is received."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from services.database import Database
from tests.gifts import (
    JSON,
    UNKNOWN_ID,
    entries,
    goods,
    money,
    pledge,
    receive,
)
from tests.world import World


def test_a_pledge_conserves_nothing(api: TestClient, world: World, database: Database) -> None:
    told = pledge(api, world, goods(message="for the nurses", campaign="wuhan"))
    assert (told["status"], told["donor"], told["kind"]) == ("pledged", "DONOR1", "goods")
    assert (told["entry_id"], told["received_at"]) == (None, None)
    line = told["lines"][0]
    assert (line["line"], line["item"], line["pledged_base"]) == (1, "gloves", 6000)
    assert (line["received_base"], line["lot_id"]) == (0, None)
    assert entries(database) == 0
    cash = pledge(api, world, money(250))
    assert (cash["kind"], cash["fund"], cash["amount_minor"]) == ("money", "RELIEF-CNY", 250)
    assert [(it["item"], it["unit"], it["pledged_base"]) for it in cash["lines"]] == [
        (None, "fen", 250)
    ]
    assert entries(database) == 0


def test_the_same_pledge_twice_is_one(api: TestClient, world: World) -> None:
    for body in (goods(), money()):
        headers = world.bearer("donor")
        first = api.post("/api/v1/donations", json=body, headers=headers)
        again = api.post("/api/v1/donations", json=body, headers=headers)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        other = api.post("/api/v1/donations", json=body | {"message": "more"}, headers=headers)
        assert other.status_code == 422
        assert other.json()["type"] == "urn:medrelay:problem:id-reused"
    assert len(api.get("/api/v1/donations", headers=world.bearer("donor")).json()) == 2


def test_the_same_pledge_from_many_sides_is_one(api: TestClient, world: World) -> None:
    body, headers = goods(), world.bearer("donor")

    def send(_: int) -> int:
        return api.post("/api/v1/donations", json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(send, range(8)))
    assert answers == [200] * 7 + [201]
    assert len(api.get("/api/v1/donations", headers=headers).json()) == 1


LINE = {"item": "gloves", "quantity": 3, "unit": "carton"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"item": "unobtainium"}, "lines[0].item"),
        ({"quantity": 0}, "lines[0].quantity"),
        ({"quantity": -5}, "lines[0].quantity"),
        ({"quantity": 2.5}, "lines[0].quantity"),
        ({"quantity": "many"}, "lines[0].quantity"),
        ({"quantity": 10**12 + 1}, "lines[0].quantity"),
        ({"quantity": 10**12}, "lines[0].quantity"),
        ({"unit": "lorry"}, "unit"),
        ({"batch": ""}, "lines[0].batch"),
        ({"produced_on": "2020-02-30"}, "lines[0].produced_on"),
        ({"produced_on": "2020-02-03"}, "lines[0].produced_on"),
        ({"produced_on": "1999-01-01"}, "lines[0].produced_on"),
        ({"expires_on": "2020-01-31"}, "lines[0].expires_on"),
        ({"expires_on": "9999-12-31"}, "lines[0].expires_on"),
        ({"produced_on": "2020-02-01", "expires_on": "2020-02-01"}, "lines[0].expires_on"),
        ({"colour": "blue"}, "lines[0].colour"),
    ],
)
def test_a_bad_line_names_field_value_and_mend(
    api: TestClient, world: World, changes: JSON, field: str
) -> None:
    refuse(api, world, goods([LINE | changes]), field)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"site": "W9"}, "site"),
        ({"site": "H1"}, "site"),
        ({"lines": []}, "lines"),
        ({"given_at": "2020-02-30T09:00:00Z"}, "given_at"),
        ({"given_at": "2020-02-01T09:00:00"}, "given_at"),
        ({"given_at": "2999-02-01T09:00:00Z"}, "given_at"),
        ({"given_at": "1999-02-01T09:00:00Z"}, "given_at"),
        ({"earmark": {"kind": "site", "target": "H9"}}, "earmark.target"),
        ({"earmark": {"kind": "site", "target": "W2"}}, "earmark.target"),
        ({"earmark": {"kind": "region", "target": "999999"}}, "earmark.target"),
        ({"earmark": {"kind": "item", "target": "gloves"}}, "earmark.kind"),
        ({"earmark": {"kind": "ward", "target": "7"}}, "earmark.kind"),
        ({"earmark": {"kind": "site"}}, "earmark.target"),
        ({"kind": "hope"}, "kind"),
        ({"kind": None}, "kind"),
        ({"kind": ["goods"]}, "kind"),
        ({"kind": "money"}, "fund"),
        ({"fund": "RELIEF-CNY"}, "fund"),
        ({"id": 7}, "id"),
        ({"campaign": ""}, "campaign"),
    ],
)
def test_a_bad_gift_in_kind_names_field_value_and_mend(
    api: TestClient, world: World, changes: JSON, field: str
) -> None:
    refuse(api, world, goods() | changes, field)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"fund": "NO-FUND"}, "fund"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -1}, "amount_minor"),
        ({"amount_minor": 10.5}, "amount_minor"),
        ({"amount_minor": "10"}, "amount_minor"),
        ({"amount_minor": 10**12 + 1}, "amount_minor"),
        ({"earmark": {"kind": "item", "target": "unobtainium"}}, "earmark.target"),
        ({"given_at": "2999-02-01T09:00:00Z"}, "given_at"),
        ({"lines": []}, "lines"),
    ],
)
def test_a_bad_gift_in_money_names_field_value_and_mend(
    api: TestClient, world: World, changes: JSON, field: str
) -> None:
    refuse(api, world, money() | changes, field)


def refuse(api: TestClient, world: World, body: JSON, field: str) -> None:
    headers = world.bearer("donor")
    answer = api.post("/api/v1/donations", json=body, headers=headers)
    assert answer.status_code in {404, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    error = answer.json()["errors"][0]
    assert (error["field"], bool(error["mend"])) == (field, True)
    assert api.get("/api/v1/donations", headers=headers).json() == []


@pytest.mark.parametrize("content", [b"{kind: goods", b"[]", b'"goods"', b"null"])
def test_a_body_that_is_no_object_is_told_so(api: TestClient, world: World, content: bytes) -> None:
    headers = world.bearer("donor") | {"Content-Type": "application/json"}
    answer = api.post("/api/v1/donations", content=content, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["mend"]


def test_donors_give_in_their_own_name(api: TestClient, world: World) -> None:
    foreign = goods(donor="DONOR2")
    answer = api.post("/api/v1/donations", json=foreign, headers=world.bearer("donor"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (403, "donor")
    assert pledge(api, world, foreign, "dispatcher")["donor"] == "DONOR2"
    unknown = api.post(
        "/api/v1/donations", json=goods(donor="NOBODY"), headers=world.bearer("dispatcher")
    )
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (404, "donor")
    for user in ("hospital", "maker", "auditor", "carrier"):
        answer = api.post("/api/v1/donations", json=goods(), headers=world.bearer(user))
        assert answer.status_code == 403, user
    assert api.post("/api/v1/donations", json=goods()).status_code == 401


def test_donors_see_their_own_and_desks_see_all(api: TestClient, world: World) -> None:
    first = pledge(api, world, goods())
    second = pledge(api, world, money(anonymous=True), "donor2")
    seen = {
        user: [one["id"] for one in api.get(path, headers=world.bearer(user)).json()]
        for path in ["/api/v1/donations"]
        for user in ("donor", "donor2", "dispatcher", "auditor", "hospital")
    }
    both = [first["id"], second["id"]]
    assert seen == {
        "donor": both[:1],
        "donor2": both[1:],
        "dispatcher": both,
        "auditor": both,
        "hospital": [],
    }
    one = f"/api/v1/donations/{second['id']}"
    assert api.get(one, headers=world.bearer("donor2")).json() == second
    assert api.get(one, headers=world.bearer("donor")).status_code == 403
    assert api.get(one).status_code == 401
    missing = api.get(f"/api/v1/donations/{UNKNOWN_ID}", headers=world.bearer("dispatcher"))
    assert missing.status_code == 404


def test_a_pledge_is_cancelled_once_and_then_not_received(
    api: TestClient, world: World, database: Database
) -> None:
    donation = pledge(api, world, goods())
    url = f"/api/v1/donations/{donation['id']}"
    for user, status in (("donor2", 403), ("hospital", 403), ("donor", 200), ("dispatcher", 200)):
        answer = api.post(
            f"{url}/cancel", json={"reason": "lorry broke"}, headers=world.bearer(user)
        )
        assert answer.status_code == status, answer.text
    assert (answer.json()["status"], answer.json()["cancel_reason"]) == ("cancelled", "lorry broke")
    body = {"occurred_at": "2020-02-03T10:00:00Z"}
    late = api.post(f"{url}/receive", json=body, headers=world.bearer("dispatcher"))
    assert late.status_code == 409
    assert late.json()["type"] == "urn:medrelay:problem:donation-cancelled"
    assert entries(database) == 0
    nothing = f"/api/v1/donations/{UNKNOWN_ID}/cancel"
    missing = api.post(nothing, json={"reason": "x"}, headers=world.bearer("donor"))
    assert missing.status_code == 404
    empty = api.post(f"{url}/cancel", json={"reason": ""}, headers=world.bearer("donor"))
    assert empty.status_code == 422


def test_what_was_received_is_cancelled_no_more(api: TestClient, world: World) -> None:
    donation = pledge(api, world, goods())
    receive(api, world, donation)
    answer = api.post(
        f"/api/v1/donations/{donation['id']}/cancel",
        json={"reason": "changed my mind"},
        headers=world.bearer("donor"),
    )
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:medrelay:problem:donation-received"


def test_a_gift_is_received_or_cancelled_but_never_both(
    api: TestClient, world: World, database: Database
) -> None:
    gifts = [pledge(api, world, goods()) for _ in range(12)]
    acts = {"receive": {"occurred_at": "2020-02-03T10:00:00Z"}, "cancel": {"reason": "broke"}}

    def send(gift: JSON, act: str) -> int:
        url = f"/api/v1/donations/{gift['id']}/{act}"
        return api.post(url, json=acts[act], headers=world.bearer("dispatcher")).status_code

    with ThreadPoolExecutor(8) as pool:
        sent = [
            (pool.submit(send, gift, "cancel"), pool.submit(send, gift, "receive"))
            for gift in gifts
        ]
        answers = [sorted((first.result(), second.result())) for first, second in sent]
    assert answers == [[200, 409]] * len(gifts)
    shown = api.get("/api/v1/donations", headers=world.bearer("donor")).json()
    received = [one for one in shown if one["status"] == "received"]
    assert len(received) == entries(database)


def test_the_database_holds_no_quantity_that_was_received(database: Database) -> None:
    """A second truth would need a column: there is none beside the pledged ones."""
    with database.transaction() as session:
        columns = {
            (column.table_name, column.column_name)
            for column in session.connection().execute(
                sa.text(
                    "SELECT table_name, column_name FROM information_schema.columns "
                    "WHERE table_name IN ('donation', 'donation_line', 'fund', 'purchase', "
                    "'payment', 'production') AND data_type IN ('bigint', 'integer', 'numeric')"
                )
            )
        }
    assert columns == {
        ("donation", "amount_minor"),
        ("donation_line", "line"),
        ("donation_line", "quantity"),
        ("donation_line", "quantity_base"),
        # What was refused never came into the journal.
        ("donation_line", "refused_base"),
    }
