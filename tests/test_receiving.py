"""What is received of gifts: one lot a line, the donor named nowhere in clear."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4, uuid5

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.donations import service as donations
from services.journal.kinds import AccountRef, EntryKind, need_purpose, site_account
from services.journal.models import EntrySecret
from services.journal.post import post
from services.journal.read import find_entry
from services.journal.record import Draft, NewMove
from tests.gifts import (
    JSON,
    UNKNOWN_ID,
    another_desk,
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

LINE = {"item": "gloves", "quantity": 3, "unit": "carton"}


def body_of(database: Database, entry_id: str) -> tuple[str, JSON]:
    with database.transaction() as session:
        entry = find_entry(session, UUID(entry_id))
        assert entry is not None
        return entry.body.decode(), json.loads(entry.body)


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
    assert record["facts"] == {"earmark": None}
    assert "wuhan-2020" not in raw


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
    later = NOW + timedelta(days=3)
    with database.transaction() as session:
        for kind, source, target, quantity in steps:
            moves = [NewMove(lot, source, target, quantity)]
            post(session, Draft(uuid4(), kind, later, "organisation:RELIEF", moves=moves))
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
        "committed": 0,
        "returned": 0,
        "held": 0,
        "repacked": 0,
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


def test_more_than_was_pledged_wants_a_word(api: TestClient, world: World) -> None:
    donation = pledge(api, world, goods([{"item": "gloves", "quantity": 10}]))
    url = f"/api/v1/donations/{donation['id']}/receive"
    body = {"occurred_at": "2020-02-04T08:00:00Z", "lines": [{"line": 1, "accepted": 1000}]}
    answer = api.post(url, json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "lines[0].accepted"
    body["lines"][0]["note"] = "three pallets more than announced"  # type: ignore[index]
    assert api.post(url, json=body, headers=world.bearer("dispatcher")).status_code == 200
