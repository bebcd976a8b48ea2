"""Pledges, and what is received of them: one lot a line, the donor named where they want it."""

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4, uuid5

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from services.database import Database
from services.donations import service as donations
from services.journal.kinds import AccountRef, EntryKind, need_purpose, site_account
from services.journal.models import EntrySecret
from services.journal.post import post
from services.journal.read import find_entry
from services.journal.record import Draft, NewMove
from services.parties.models import Organisation, OrganisationKind, Role, User
from services.parties.service import issue_token
from tests.gifts import (
    JSON,
    UNKNOWN_ID,
    earmark,
    entries,
    give,
    goods,
    money,
    pledge,
    receive,
    standing,
)
from tests.world import NOW, World


def body_of(database: Database, entry_id: str) -> tuple[str, JSON]:
    with database.transaction() as session:
        entry = find_entry(session, UUID(entry_id))
        assert entry is not None
        return entry.body.decode(), json.loads(entry.body)


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


def test_each_line_received_opens_its_own_lot(
    api: TestClient, world: World, database: Database
) -> None:
    lines = [LINE | {"batch": "L-1", "expires_on": "2022-01-01"}, LINE | {"quantity": 1}]
    donation = pledge(api, world, goods(lines))
    told = receive(api, world, donation)
    assert (told["status"], told["received_at"]) == ("received", "2020-02-03T10:00:00Z")
    assert [(it["received_base"], it["became"]["on_hand"]) for it in told["lines"]] == [
        (6000, 6000),
        (2000, 2000),
    ]
    assert told["became"]["on_hand"] == 8000
    _, record = body_of(database, told["entry_id"])
    assert record["kind"] == "receive_donation"
    assert record["document"] == f"donation:{donation['id']}"
    assert [(lot["origin"], lot["batch"], lot["expires_on"]) for lot in record["lots"]] == [
        (f"donation:{donation['id']}/line:1", "L-1", "2022-01-01"),
        (f"donation:{donation['id']}/line:2", None, None),
    ]
    assert {(move["source"], move["target"]) for move in record["moves"]} == {
        ("donor:DONOR1/given", "site:W1/available")
    }
    assert told["entry_id"] == str(uuid5(UUID(donation["id"]), "receive"))
    with database.transaction() as session:
        lots = donations.received_lots(session, UUID(donation["id"]))
        assert [str(lot.id) for lot in lots] == [line["lot_id"] for line in told["lines"]]


def test_lines_keep_their_order_beyond_nine(
    api: TestClient, world: World, database: Database
) -> None:
    lines = [{"item": "gloves", "quantity": number} for number in range(1, 13)]
    told = receive(api, world, pledge(api, world, goods(lines)))
    assert [line["received_base"] for line in told["lines"]] == list(range(1, 13))
    with database.transaction() as session:
        lots = donations.received_lots(session, UUID(told["id"]))
    assert [lot.origin.rpartition(":")[2] for lot in lots] == [str(n) for n in range(1, 13)]


def test_more_less_and_none_may_come(api: TestClient, world: World, database: Database) -> None:
    lines = [{"item": item, "quantity": 100} for item in ("gloves", "surgical_mask")]
    lines += [{"item": "n95_respirator", "quantity": 100}] * 2
    counts: list[JSON] = [
        {"line": 1, "accepted": 3, "unit": "box", "note": "one box more"},
        {"line": 2, "accepted": 95, "note": "five wet"},
        {"line": 3, "accepted": 0},
    ]
    told = receive(api, world, pledge(api, world, goods(lines)), counts)
    assert [(it["pledged_base"], it["received_base"]) for it in told["lines"]] == [
        (100, 150),
        (100, 95),
        (100, 0),
        (100, 100),
    ]
    assert [line["note"] for line in told["lines"]] == ["one box more", "five wet", None, None]
    assert told["lines"][2]["lot_id"] is None
    raw, record = body_of(database, told["entry_id"])
    assert (len(record["lots"]), "wet" in raw) == (3, False)


def test_receiving_twice_the_same_is_once(
    api: TestClient, world: World, database: Database
) -> None:
    donation = pledge(api, world, goods())
    counts: list[JSON] = [{"line": 1, "accepted": 5990, "note": "short"}]
    first = receive(api, world, donation, counts)
    assert receive(api, world, donation, counts) == first
    assert entries(database) == 1
    for other in (
        {"occurred_at": "2020-02-03T10:00:00Z"},
        {"occurred_at": "2020-02-03T11:00:00Z", "lines": counts},
    ):
        answer = api.post(
            f"/api/v1/donations/{donation['id']}/receive",
            json=other,
            headers=world.bearer("dispatcher"),
        )
        assert answer.status_code == 409, answer.text
        assert answer.json()["type"] == "urn:medrelay:problem:donation-received"
    assert entries(database) == 1
    shown = api.get(f"/api/v1/donations/{donation['id']}", headers=world.bearer("donor")).json()
    assert shown == first


def test_receiving_from_many_sides_is_once(
    api: TestClient, world: World, database: Database
) -> None:
    donation = pledge(api, world, goods(earmark=earmark("site", "H1")))
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: receive(api, world, donation), range(8)))
    assert all(one == told[0] for one in told)
    assert entries(database) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lines": [{"line": 2, "accepted": 5}]}, "lines[0].line"),
        ({"lines": [{"line": 0, "accepted": 5}]}, "lines[0].line"),
        ({"lines": [{"line": 1, "accepted": 5}] * 2}, "lines[1].line"),
        ({"lines": [{"line": 1, "accepted": -5}]}, "lines[0].accepted"),
        ({"lines": [{"line": 1, "accepted": 2.5}]}, "lines[0].accepted"),
        ({"lines": [{"line": 1, "accepted": "all"}]}, "lines[0].accepted"),
        ({"lines": [{"line": 1, "accepted": 10**12 + 1}]}, "lines[0].accepted"),
        ({"lines": [{"line": 1, "accepted": 10**12, "unit": "box"}]}, "lines[0].accepted"),
        ({"lines": [{"line": 1, "accepted": 5, "unit": "lorry"}]}, "unit"),
        ({"lines": [{"line": 1, "accepted": 0}]}, "lines"),
        ({"occurred_at": "2020-02-01T08:59:59Z"}, "occurred_at"),
        ({"occurred_at": "2999-02-01T08:59:59Z"}, "occurred_at"),
        ({"occurred_at": "2020-02-30T08:59:59Z"}, "occurred_at"),
    ],
)
def test_a_bad_receipt_names_field_value_and_mend(
    api: TestClient, world: World, database: Database, body: JSON, field: str
) -> None:
    donation = pledge(api, world, goods())
    answer = api.post(
        f"/api/v1/donations/{donation['id']}/receive",
        json={"occurred_at": "2020-02-03T10:00:00Z"} | body,
        headers=world.bearer("dispatcher"),
    )
    assert answer.status_code == 422, answer.text
    error = answer.json()["errors"][0]
    assert (error["field"], bool(error["mend"])) == (field, True)
    assert entries(database) == 0


def another_desk(database: Database) -> dict[str, str]:
    """A dispatcher of another relief organisation."""
    with database.transaction() as session:
        session.add(
            Organisation(
                code="RELIEF2", kind=OrganisationKind.AUTHORITY, name_en="Two", name_zh="二"
            )
        )
        session.flush()
        user = User(
            id=uuid4(),
            username="desk2",
            display_name="desk2",
            role=Role.DISPATCHER,
            organisation="RELIEF2",
        )
        session.add(user)
        session.flush()
        return {"Authorization": f"Bearer {issue_token(session, user.id, 'tests')[1]}"}


def test_only_the_desk_where_it_comes_in_receives(
    api: TestClient, world: World, database: Database
) -> None:
    foreign_desk = another_desk(database)
    body = {"occurred_at": "2020-02-03T10:00:00Z"}
    for gift in (goods(), money()):
        url = f"/api/v1/donations/{pledge(api, world, gift)['id']}/receive"
        headers = [world.bearer(user) for user in ("donor", "hospital", "approver", "auditor")]
        for header in [*headers, foreign_desk]:
            assert api.post(url, json=body, headers=header).status_code == 403
        assert api.post(url, json=body).status_code == 401
    unknown = f"/api/v1/donations/{UNKNOWN_ID}/receive"
    assert api.post(unknown, json=body, headers=world.bearer("dispatcher")).status_code == 404
    assert entries(database) == 0


def test_an_anonymous_donor_is_named_nowhere_in_clear(
    api: TestClient, world: World, database: Database
) -> None:
    told = receive(api, world, pledge(api, world, goods(anonymous=True, message="from Wang Li")))
    raw, record = body_of(database, told["entry_id"])
    assert record["moves"][0]["source"] == "donor:anonymous/given"
    assert "DONOR1" not in raw
    assert "Wang" not in raw
    assert record["_sd"]
    with database.transaction() as session:
        secret = session.get_one(EntrySecret, UUID(told["entry_id"]))
        assert secret.fields["donor_name"] == "DONOR1 en"


def test_a_name_is_never_in_clear_even_where_the_donor_is_public(
    api: TestClient, world: World, database: Database
) -> None:
    told = receive(api, world, pledge(api, world, money(campaign="wuhan-2020")))
    raw, record = body_of(database, told["entry_id"])
    assert record["moves"][0]["source"] == "donor:DONOR1/given"
    assert "DONOR1 en" not in raw
    assert record["facts"] == {"campaign": "wuhan-2020", "earmark": None}


@pytest.mark.parametrize(("kind", "target"), [("site", "H1"), ("region", "420000")])
def test_lots_inherit_the_earmark(
    api: TestClient, world: World, database: Database, kind: str, target: str
) -> None:
    body = goods([LINE, LINE], earmark=earmark(kind, target))
    told = receive(api, world, pledge(api, world, body))
    lots = [UUID(line["lot_id"]) for line in told["lines"]]
    plain = give(api, world, goods())
    with database.transaction() as session:
        found = donations.earmarks_of(session, [*lots, plain])
    assert {lot: (mark.kind.value, mark.target) for lot, mark in found.items()} == dict.fromkeys(
        lots, (kind, target)
    )
    _, record = body_of(database, told["entry_id"])
    assert record["facts"]["earmark"] == {"kind": kind, "target": target}
    assert told["earmark"] == {"kind": kind, "target": target}


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


def test_what_became_of_it_is_read_from_the_journal(
    api: TestClient, world: World, database: Database
) -> None:
    donation = pledge(api, world, goods([{"item": "gloves", "quantity": 1000}]))
    told = receive(api, world, donation)
    lot = UUID(told["lines"][0]["lot_id"])
    shelf = site_account("W1", "available")
    for_need = need_purpose(uuid4())
    reserved = site_account("W1", "reserved", for_need)
    under_way = AccountRef(f"shipment:{uuid4()}", "in_transit", for_need)
    steps = [
        (EntryKind.RESERVE, shelf, reserved, 600),
        (EntryKind.DISPATCH, reserved, under_way, 500),
        (EntryKind.DISBURSE_GOODS, under_way, site_account("H1", "received", for_need), 300),
        (EntryKind.REJECT, under_way, site_account("H1", "rejected"), 50),
        (EntryKind.LOSE, under_way, AccountRef(under_way.holder, "lost"), 30),
        (EntryKind.ADJUST, shelf, site_account("W1", "adjusted"), 7),
    ]
    with database.transaction() as session:
        for kind, source, target, quantity in steps:
            moves = [NewMove(lot, source, target, quantity)]
            post(session, Draft(uuid4(), kind, NOW, "organisation:RELIEF", moves=moves))
    url = f"/api/v1/donations/{donation['id']}"
    became = api.get(url, headers=world.bearer("donor")).json()["became"]
    assert became == {
        "on_hand": 393,
        "reserved": 100,
        "in_transit": 120,
        "handed_over": 300,
        "rejected": 50,
        "lost": 30,
        "written_off": 7,
        "spent": 0,
        "paid_out": 0,
    }
    assert sum(became.values()) == 1000


def test_money_comes_in_as_it_was_counted(
    api: TestClient, world: World, database: Database
) -> None:
    donation = pledge(api, world, money(1000))
    told = receive(api, world, donation, [{"line": 1, "accepted": 990}])
    assert told["lines"][0]["received_base"] == 990
    lot = UUID(told["lines"][0]["lot_id"])
    assert standing(database, lot) == {"fund:RELIEF-CNY/available": 990}
    _, record = body_of(database, told["entry_id"])
    assert (record["kind"], record["lots"][0]["commodity"]) == ("receive_gift", "CNY")
    in_boxes = api.post(
        f"/api/v1/donations/{donation['id']}/receive",
        json={
            "occurred_at": "2020-02-03T10:00:00Z",
            "lines": [{"line": 1, "accepted": 9, "unit": "box"}],
        },
        headers=world.bearer("dispatcher"),
    )
    assert in_boxes.json()["errors"][0]["field"] == "lines[0].unit"


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
    }
