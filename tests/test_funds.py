"""Money: a fund's lots are spent oldest first, never twice, and traced across a purchase."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.donations import service as donations
from services.donations.spent import spent_in
from services.errors import NotFound
from services.journal.kinds import EntryKind
from services.journal.models import Entry, EntrySecret
from services.journal.read import entry_count, moves_of_lots
from tests.gifts import (
    JSON,
    another_desk,
    buying,
    earmark,
    entries,
    give,
    goods,
    in_fund,
    money,
    paying,
    standing,
)
from tests.world import World


def buy(api: TestClient, world: World, body: JSON) -> JSON:
    answer = api.post("/api/v1/purchases", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_funds_balance_is_what_stands_on_its_account(api: TestClient, world: World) -> None:
    empty = api.get("/api/v1/funds").json()
    assert [(fund["code"], fund["currency"], fund["available_minor"]) for fund in empty] == [
        ("RELIEF-CNY", "CNY", 0)
    ]
    give(api, world, money(700))
    give(api, world, money(300))
    give(api, world, money(50, earmark=earmark("item", "gloves")))
    buy(api, world, buying(400))
    fund = api.get("/api/v1/funds").json()[0]
    assert fund["available_minor"] == 650
    assert fund["by_earmark"] == [
        {"earmark": None, "available_minor": 600},
        {"earmark": {"kind": "item", "target": "gloves"}, "available_minor": 50},
    ]


def test_what_a_payment_was_for_is_not_in_the_log(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, money(1000))
    body = paying(500, purpose="Driver Li's lorry")
    told = api.post("/api/v1/payments", json=body, headers=world.bearer("dispatcher")).json()
    assert told["purpose"] == "Driver Li's lorry"
    with database.transaction() as session:
        entry = session.get_one(Entry, UUID(told["entry_id"]))
        assert b"Driver" not in entry.body
        secret = session.get_one(EntrySecret, entry.id)
        assert secret.fields == {"purpose": "Driver Li's lorry"}


def test_money_and_goods_move_in_one_entry(
    api: TestClient, world: World, database: Database
) -> None:
    first = give(api, world, money(300))
    second = give(api, world, money(500), at="2020-02-03T12:00:00Z")
    body = buying(600)
    told = buy(api, world, body)
    assert (told["price_minor"], told["currency"], told["quantity_base"]) == (600, "CNY", 100)
    assert told["money"] == [
        {"lot_id": str(first), "amount_minor": 300},
        {"lot_id": str(second), "amount_minor": 300},
    ]
    bought = UUID(told["lot_id"])
    with database.transaction() as session:
        moves = moves_of_lots(session, [first, second, bought])
        price = spent_in(session, UUID(told["entry_id"])).amount
    purchase = [move for move in moves if move.kind is EntryKind.PURCHASE]
    assert price == 600
    assert {move.entry_id for move in purchase} == {UUID(body["id"])}
    assert {move.document for move in purchase} == {f"purchase:{body['id']}"}
    assert [(move.commodity, move.source, move.target, move.quantity) for move in purchase] == [
        ("CNY", "fund:RELIEF-CNY/available", "supplier:SUPP1/traded", 300),
        ("CNY", "fund:RELIEF-CNY/available", "supplier:SUPP1/traded", 300),
        ("gloves", "supplier:SUPP1/traded", "site:W1/available", 100),
    ]
    stock = api.get("/api/v1/stock", headers=world.bearer("dispatcher")).json()
    assert [(row["lot_id"], row["origin"], row["batch"]) for row in stock] == [
        (str(bought), f"purchase:{body['id']}/line:1", "P-1")
    ]
    mine = api.get("/api/v1/donations", headers=world.bearer("donor")).json()
    assert [(one["became"]["on_hand"], one["became"]["spent"]) for one in mine] == [
        (0, 300),
        (200, 300),
    ]


def test_the_oldest_receipt_is_spent_first_whenever_it_was_recorded(
    api: TestClient, world: World
) -> None:
    hours = (14, 11, 15, 10, 13, 12)
    lots = {hour: give(api, world, money(100), at=f"2020-02-03T{hour}:00:00Z") for hour in hours}
    told = buy(api, world, buying(560))
    assert told["money"] == [
        {"lot_id": str(lots[hour]), "amount_minor": 100 if hour < 15 else 60}
        for hour in sorted(hours)
    ]


def test_money_that_came_later_cannot_be_spent_yet(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, money(1000), at="2020-02-06T12:00:00Z")
    answer = api.post("/api/v1/purchases", json=buying(500), headers=world.bearer("dispatcher"))
    assert (answer.status_code, answer.json()["available"]) == (409, 0)
    assert in_fund(database) == 1000


def test_too_little_money_says_what_is_there(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, money(300))
    give(api, world, money(900, earmark=earmark("site", "H1")))
    before = entries(database)
    for path, body, field in (
        ("/api/v1/purchases", buying(301), "price_minor"),
        ("/api/v1/payments", paying(301), "amount_minor"),
    ):
        answer = api.post(path, json=body, headers=world.bearer("dispatcher"))
        assert answer.status_code == 409, answer.text
        problem = answer.json()
        assert problem["type"] == "urn:medrelay:problem:insufficient-money"
        assert problem["errors"][0]["field"] == field
        assert problem["holds"] == {"unearmarked": 300, "site:H1": 900}
        assert problem["available"] == 300
    assert (entries(database), in_fund(database)) == (before, 1200)
    again = api.post("/api/v1/purchases", json=buying(300), headers=world.bearer("dispatcher"))
    assert again.status_code == 201, "the refused purchase left nothing behind"


def test_money_for_an_item_buys_that_item_alone(
    api: TestClient, world: World, database: Database
) -> None:
    mark = earmark("item", "gloves")
    give(api, world, money(500, earmark=mark))
    headers = world.bearer("dispatcher")
    wrong = buying(100, earmark=mark, item="surgical_mask")
    refused = api.post("/api/v1/purchases", json=wrong, headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "item")
    unnamed = api.post("/api/v1/purchases", json=buying(100), headers=headers)
    assert unnamed.status_code == 409
    told = buy(api, world, buying(100, earmark=mark))
    assert told["earmark"] == mark
    with database.transaction() as session:
        assert donations.earmarks_of(session, [UUID(told["lot_id"])]) == {}


@pytest.mark.parametrize("mark", [earmark("site", "H1"), earmark("region", "420000")])
def test_what_earmarked_money_buys_inherits_the_earmark(
    api: TestClient, world: World, database: Database, mark: JSON
) -> None:
    plain = give(api, world, money(500))
    marked = give(api, world, money(500, earmark=mark))
    give(api, world, money(500, earmark=earmark("site", "H2")))
    told = buy(api, world, buying(400, earmark=mark))
    assert told["money"] == [{"lot_id": str(marked), "amount_minor": 400}]
    with database.transaction() as session:
        found = donations.earmarks_of(session, [UUID(told["lot_id"])])[UUID(told["lot_id"])]
        assert (found.kind.value, found.target) == (mark["kind"], mark["target"])
    more = api.post(
        "/api/v1/purchases", json=buying(101, earmark=mark), headers=world.bearer("dispatcher")
    )
    assert more.status_code == 409, "it isn't topped up from other money"
    assert standing(database, plain) == {"fund:RELIEF-CNY/available": 500}


@pytest.mark.parametrize(
    ("path", "body"), [("/api/v1/purchases", buying(60)), ("/api/v1/payments", paying(60))]
)
def test_the_same_twice_spends_once(
    api: TestClient, world: World, database: Database, path: str, body: JSON
) -> None:
    give(api, world, money(100))
    headers = world.bearer("dispatcher")
    first = api.post(path, json=body, headers=headers)
    again = api.post(path, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200), again.text
    assert first.json() == again.json()
    field = "price_minor" if "price_minor" in body else "amount_minor"
    other = api.post(path, json=body | {field: 10}, headers=headers)
    assert other.json()["type"] == "urn:medrelay:problem:id-reused"
    assert in_fund(database) == 40


def test_a_purchase_and_a_payment_share_no_id(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, money(100))
    body = buying(60)
    buy(api, world, body)
    headers = world.bearer("dispatcher")
    answer = api.post("/api/v1/payments", json=paying(10, id=body["id"]), headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:medrelay:problem:id-reused"
    assert in_fund(database) == 40


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"fund": "NO-FUND"}, "fund"),
        ({"supplier": "NOBODY"}, "supplier"),
        ({"supplier": "HOSP1"}, "supplier"),
        ({"site": "W9"}, "site"),
        ({"item": "unobtainium"}, "item"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": "two"}, "quantity"),
        ({"quantity": 10**12 + 1}, "quantity"),
        ({"quantity": 10**12}, "quantity"),
        ({"unit": "lorry"}, "unit"),
        ({"price_minor": 0}, "price_minor"),
        ({"price_minor": -1}, "price_minor"),
        ({"price_minor": 1.5}, "price_minor"),
        ({"price_minor": 10**12 + 1}, "price_minor"),
        ({"bought_at": "2020-02-30T15:00:00Z"}, "bought_at"),
        ({"bought_at": "2999-02-03T15:00:00Z"}, "bought_at"),
        ({"produced_on": "2020-02-06"}, "produced_on"),
        ({"expires_on": "2020-02-03"}, "expires_on"),
        ({"earmark": {"kind": "site", "target": "H9"}}, "earmark.target"),
        ({"earmark": {"kind": "item", "target": "surgical_mask"}}, "item"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_bad_purchase_names_field_value_and_mend(
    api: TestClient, world: World, database: Database, changes: JSON, field: str
) -> None:
    give(api, world, money(1000))
    refuse(api, world, "/api/v1/purchases", buying() | changes, field)
    assert (entries(database), in_fund(database)) == (1, 1000)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"fund": "NO-FUND"}, "fund"),
        ({"payee": "NOBODY"}, "payee"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -1}, "amount_minor"),
        ({"amount_minor": 1.5}, "amount_minor"),
        ({"amount_minor": "all"}, "amount_minor"),
        ({"amount_minor": 10**12 + 1}, "amount_minor"),
        ({"purpose": ""}, "purpose"),
        ({"paid_at": "2020-02-30T15:00:00Z"}, "paid_at"),
        ({"paid_at": "2999-02-03T15:00:00Z"}, "paid_at"),
    ],
)
def test_a_bad_payment_names_field_value_and_mend(
    api: TestClient, world: World, database: Database, changes: JSON, field: str
) -> None:
    give(api, world, money(1000))
    refuse(api, world, "/api/v1/payments", paying() | changes, field)
    assert (entries(database), in_fund(database)) == (1, 1000)


def refuse(api: TestClient, world: World, path: str, body: JSON, field: str) -> None:
    answer = api.post(path, json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code in {404, 422}, answer.text
    error = answer.json()["errors"][0]
    assert (error["field"], bool(error["mend"])) == (field, True)


def test_a_payment_is_a_disbursement_to_an_organisation(
    api: TestClient, world: World, database: Database
) -> None:
    lot = give(api, world, money(1000))
    body = paying(400)
    answer = api.post("/api/v1/payments", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["entry_id"], told["amount_minor"], told["payee"]) == (body["id"], 400, "CARR1")
    assert standing(database, lot) == {
        "fund:RELIEF-CNY/available": 600,
        "organisation:CARR1/paid": 400,
    }
    with database.transaction() as session:
        assert entry_count(session, [EntryKind.DISBURSE_MONEY]) == 1
    gift = api.get("/api/v1/donations", headers=world.bearer("donor")).json()[0]
    assert (gift["became"]["on_hand"], gift["became"]["paid_out"]) == (600, 400)


def test_only_the_funds_own_dispatchers_spend_from_it(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, money(1000))
    foreign_desk = another_desk(database)
    headers = [world.bearer(user) for user in ("donor", "hospital", "maker", "approver", "auditor")]
    for header in [*headers, foreign_desk]:
        for path, body in (("/api/v1/purchases", buying()), ("/api/v1/payments", paying())):
            assert api.post(path, json=body, headers=header).status_code == 403
    factory = api.post(
        "/api/v1/purchases", json=buying(site="F1"), headers=world.bearer("dispatcher")
    )
    assert factory.status_code == 403
    assert in_fund(database) == 1000


def test_racing_purchases_never_overspend_a_fund(
    api: TestClient, world: World, database: Database
) -> None:
    for _ in range(5):
        give(api, world, money(100))

    def send(number: int) -> int:
        path, body = ("/api/v1/purchases", buying(60))
        if number % 4 == 0:
            path, body = ("/api/v1/payments", paying(60))
        return api.post(path, json=body, headers=world.bearer("dispatcher")).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    # 500 in lots of 100: eight times 60, though no one lot holds but one of them.
    assert sorted(answers) == [201] * 8 + [409] * 8
    assert in_fund(database) == 500 - 8 * 60


def test_the_same_purchase_from_many_sides_is_one(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, money(1000))
    body = buying(100)

    def send(_: int) -> int:
        answer = api.post("/api/v1/purchases", json=body, headers=world.bearer("dispatcher"))
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(send, range(8)))
    assert answers == [200] * 7 + [201]
    assert in_fund(database) == 900


def test_a_price_is_of_purchases_alone(api: TestClient, world: World, database: Database) -> None:
    lot = give(api, world, goods())
    with database.transaction() as session:
        entry_id = moves_of_lots(session, [lot])[0].entry_id
        with pytest.raises(NotFound):
            spent_in(session, entry_id)
        with pytest.raises(NotFound):
            spent_in(session, lot)
