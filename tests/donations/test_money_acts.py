"""A fund's money: never more committed than is there, and every act adds up."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from services.database import Database
from services.journal.models import Entry
from tests.donations.acts import (
    CANCELLED,
    JSON,
    ORDERED,
    Desk,
    add_fund,
    appropriating,
    committing,
    delivering,
    moving,
    ordering,
    problem,
    refunding,
    releasing,
)
from tests.gifts import another_desk, buying, earmark, entries, give, goods, money, paying, standing
from tests.world import World


def adds_up(fund: JSON) -> bool:
    came = fund["came_in_minor"] + fund["moved_in_minor"]
    kept = fund["available_minor"] + fund["committed_minor"]
    return bool(
        came == kept + fund["paid_minor"] + fund["returned_minor"] + fund["moved_out_minor"]
    )


def test_committed_money_is_paid_released_and_spent_by_nobody_else(
    desk: Desk, world: World
) -> None:
    give(desk.api, world, money(1000))
    act = desk.post("/commitments", committing(600))
    assert (act["amount_minor"], act["left_minor"], act["party"]) == (600, 600, "CARR1")
    assert problem(desk.post("/purchases", buying(500), status=409))[0] == "insufficient-money"
    paid = desk.post("/payments", paying(250, commitment=act["id"]))
    assert (paid["amount_minor"], paid["commitment"]) == (250, act["id"])
    released = desk.post(f"/commitments/{act['id']}/release", releasing(100))
    assert (released["kind"], released["subject"]) == ("release", act["id"])
    fund = desk.fund()
    assert (fund["available_minor"], fund["committed_minor"], fund["paid_minor"]) == (500, 250, 250)
    assert adds_up(fund)
    rest = desk.post(f"/commitments/{act['id']}/release", releasing())
    assert rest["amount_minor"] == 250
    assert desk.get("/money-acts?kind=commitment")[0]["left_minor"] == 0
    again = desk.post(f"/commitments/{act['id']}/release", releasing(), status=422)
    assert problem(again) == ("invalid-input", "amount_minor")


def test_a_commitment_pays_its_own_payee_alone(desk: Desk, world: World) -> None:
    give(desk.api, world, money(1000))
    act = desk.post("/commitments", committing(600))
    other = desk.post("/payments", paying(10, commitment=act["id"], payee="CARR2"), status=422)
    assert problem(other) == ("invalid-input", "commitment")
    too_much = desk.post("/payments", paying(601, commitment=act["id"]), status=409)
    assert too_much["available"] == 600
    missing = desk.post("/payments", paying(10, commitment=str(uuid4())), status=404)
    assert problem(missing) == ("not-found", "commitment")


def test_the_same_act_twice_is_one(desk: Desk, world: World, database: Database) -> None:
    give(desk.api, world, money(1000))
    add_fund(database, "OTHER-CNY", "CNY")
    bought = desk.post("/purchases", buying(100))
    for path, body in (
        ("/commitments", committing(60)),
        ("/appropriations", appropriating(60)),
        ("/money-moves", moving(60, "OTHER-CNY")),
        ("/refunds", refunding("purchase", bought["id"], 60)),
    ):
        first = desk.post(path, body)
        before = entries(database)
        assert desk.post(path, body, status=200) == first
        assert entries(database) == before
        changed = desk.post(path, body | {"amount_minor": 61}, status=422)
        assert problem(changed)[0] == "id-reused"


def test_public_money_is_a_fund_like_any_other(
    desk: Desk, world: World, database: Database
) -> None:
    body = appropriating(5000, purpose="by Director Li", earmark=earmark("site", "H1"))
    act = desk.post("/appropriations", body)
    with database.transaction() as session:
        entry = session.get_one(Entry, UUID(act["entry_id"]))
        assert b"treasury:RELIEF/appropriated" in entry.body
        assert b"Director Li" not in entry.body
    fund = desk.fund()
    assert fund["came_in_minor"] == 5000
    assert fund["by_earmark"][0]["earmark"] == {"kind": "site", "target": "H1"}
    back = desk.post("/refunds", refunding("appropriation", act["id"], 2000))
    assert back["party"] == "RELIEF"
    assert desk.fund()["returned_minor"] == 2000
    assert adds_up(desk.fund())
    wrong = desk.post("/appropriations", appropriating(5, authority="DONOR1"), status=422)
    assert problem(wrong) == ("invalid-input", "authority")


def test_money_moves_between_funds_of_one_currency_with_its_earmark(
    desk: Desk, world: World, database: Database
) -> None:
    add_fund(database, "OTHER-CNY", "CNY")
    add_fund(database, "RELIEF-JPY", "JPY")
    mark = earmark("item", "gloves")
    lot = give(desk.api, world, money(900, earmark=mark))
    desk.post("/money-moves", moving(400, "OTHER-CNY", earmark=mark))
    assert standing(database, lot) == {
        "fund:OTHER-CNY/available": 400,
        "fund:RELIEF-CNY/available": 500,
    }
    other = desk.fund("OTHER-CNY")
    assert (other["moved_in_minor"], other["came_in_minor"]) == (400, 0)
    assert other["by_earmark"][0]["earmark"] == mark
    assert adds_up(other)
    assert adds_up(desk.fund())
    early = buying(100, fund="OTHER-CNY", earmark=mark, bought_at="2020-02-04T10:00:00Z")
    assert desk.post("/purchases", early, status=409)["available"] == 0, "it wasn't there by then"
    desk.post("/purchases", early | {"bought_at": "2020-02-06T10:00:00Z"})
    for fund in ("RELIEF-JPY", "RELIEF-CNY"):
        refused = desk.post("/money-moves", moving(1, fund, earmark=mark), status=422)
        assert problem(refused) == ("invalid-input", "other_fund")


def test_an_order_commits_is_delivered_in_parts_and_pays_to_the_last_fen(
    desk: Desk, world: World, database: Database
) -> None:
    give(desk.api, world, money(2000))
    line = {"item": "gloves", "quantity": 3, "unit": "box", "price_minor": 1000}
    order = desk.post("/purchase-orders", ordering(line))
    assert (order["state"], order["price_minor"], order["committed_minor"]) == ("draft", 1000, 0)
    path = f"/purchase-orders/{order['id']}"
    first = delivering({"line": 1, "accepted": 1, "unit": "box"})
    assert problem(desk.post(f"{path}/deliveries", first, status=409))[0] == "order-not-open"
    for _ in range(2):
        ordered = desk.post(f"{path}/order", ORDERED, status=200)
    assert (ordered["state"], ordered["committed_minor"]) == ("ordered", 1000)
    part = desk.post(f"{path}/deliveries", first)
    assert (part["state"], part["paid_minor"], part["committed_minor"]) == (
        "partly_delivered",
        333,
        667,
    )
    assert desk.post(f"{path}/deliveries", first, status=200) == part
    more = {"line": 1, "accepted": 1, "refused": 1, "unit": "box", "reason": "damaged"}
    desk.post(f"{path}/deliveries", delivering(more))
    whole = desk.post(f"{path}/deliveries", delivering({"line": 1, "accepted": 50}))
    assert (whole["state"], whole["paid_minor"], whole["committed_minor"]) == ("delivered", 1000, 0)
    assert (whole["lines"][0]["delivered_base"], whole["lines"][0]["refused_base"]) == (150, 50)
    assert desk.fund()["available_minor"] == 1000
    assert adds_up(desk.fund())
    late = desk.post(f"{path}/deliveries", delivering({"line": 1, "accepted": 1}), status=422)
    assert problem(late) == ("invalid-input", "lines[0].accepted")
    assert problem(desk.post(f"{path}/cancel", CANCELLED, status=409))[0] == "order-not-open"
    assert desk.get(path)["state"] == "delivered"


def test_a_cancelled_order_gives_its_money_free(desk: Desk, world: World) -> None:
    give(desk.api, world, money(1000))
    order = desk.post("/purchase-orders", ordering())
    path = f"/purchase-orders/{order['id']}"
    desk.post(f"{path}/order", ORDERED, status=200)
    desk.post(f"{path}/deliveries", delivering({"line": 1, "accepted": 30}))
    for _ in range(2):
        over = desk.post(f"{path}/cancel", CANCELLED, status=200)
    assert (over["state"], over["committed_minor"], over["paid_minor"]) == ("cancelled", 0, 300)
    assert desk.fund()["available_minor"] == 700
    assert problem(desk.post(f"{path}/order", ORDERED, status=409))[0] == "order-not-open"
    draft = desk.post("/purchase-orders", ordering())
    gone = desk.post(f"/purchase-orders/{draft['id']}/cancel", CANCELLED, status=200)
    assert gone["state"] == "cancelled"
    assert desk.fund()["available_minor"] == 700


def test_everything_refused_moves_nothing(desk: Desk, world: World, database: Database) -> None:
    give(desk.api, world, money(1000))
    order = desk.post("/purchase-orders", ordering())
    path = f"/purchase-orders/{order['id']}"
    desk.post(f"{path}/order", ORDERED, status=200)
    before = entries(database)
    line = {"line": 1, "accepted": 0, "refused": 100, "reason": "bad_quality"}
    told = desk.post(f"{path}/deliveries", delivering(line))
    assert (told["state"], told["deliveries"][0]["entry_id"]) == ("ordered", None)
    assert entries(database) == before


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"line": 2, "accepted": 1}, "lines[0].line"),
        ({"line": 1, "accepted": 101}, "lines[0].accepted"),
        ({"line": 1, "accepted": 0}, "lines"),
        ({"line": 1, "accepted": 1, "refused": 1}, "lines[0]"),
        ({"line": 1, "accepted": 1, "reason": "damaged"}, "lines[0]"),
        ({"line": 1, "accepted": 1, "unit": "lorry"}, "unit"),
        ({"line": 1, "accepted": 1, "expires_on": "2020-01-01"}, "lines[0].expires_on"),
    ],
)
def test_a_bad_delivery_names_its_field(desk: Desk, world: World, line: JSON, field: str) -> None:
    give(desk.api, world, money(1000))
    order = desk.post("/purchase-orders", ordering())
    path = f"/purchase-orders/{order['id']}"
    desk.post(f"{path}/order", ORDERED, status=200)
    refused = desk.post(f"{path}/deliveries", delivering(line), status=422)
    assert problem(refused)[1] == field
    assert desk.get(path)["deliveries"] == []


def test_earmarked_money_orders_for_whom_it_was_given(
    desk: Desk, world: World, database: Database
) -> None:
    give(desk.api, world, money(1000, earmark=earmark("site", "H1")))
    order = desk.post("/purchase-orders", ordering(earmark=earmark("site", "H1")))
    path = f"/purchase-orders/{order['id']}"
    desk.post(f"{path}/order", ORDERED, status=200)
    told = desk.post(f"{path}/deliveries", delivering())
    honours = desk.get("/earmarks")
    bought = next(row for row in honours if row["lot_id"] == told["deliveries"][0]["lots"][0])
    assert (bought["target"], bought["waits_base"], bought["donation_id"]) == ("H1", 100, None)
    item = ordering(earmark=earmark("item", "surgical_mask"))
    assert problem(desk.post("/purchase-orders", item, status=422)) == (
        "invalid-input",
        "lines[0].item",
    )


def test_a_supplier_and_a_payee_give_back_no_more_than_they_got(desk: Desk, world: World) -> None:
    first = give(desk.api, world, money(300))
    second = give(desk.api, world, money(500), at="2020-02-03T12:00:00Z")
    bought = desk.post("/purchases", buying(600))
    assert [each["lot_id"] for each in bought["money"]] == [str(first), str(second)]
    paid = desk.post("/payments", paying(100))
    act = desk.post("/refunds", refunding("purchase", bought["id"], 400))
    assert (act["amount_minor"], act["party"]) == (400, "SUPP1")
    mine = desk.get("/donations", "donor")
    assert [each["became"]["spent"] for each in mine] == [200, 0], "the last paid comes back first"
    left = desk.post("/refunds", refunding("purchase", bought["id"], 201), status=409)
    assert left["available"] == 200
    desk.post("/refunds", refunding("payment", paid["id"], 100))
    assert desk.post("/refunds", refunding("payment", paid["id"], 1), status=409)["available"] == 0
    early = refunding("purchase", bought["id"], 1, refunded_at="2020-02-04T00:00:00Z")
    assert problem(desk.post("/refunds", early, status=422)) == ("invalid-input", "refunded_at")
    fund = desk.fund()
    assert (fund["paid_minor"], fund["available_minor"]) == (200, 600)
    assert adds_up(fund)


def test_a_donor_gets_back_what_is_still_there(desk: Desk, world: World) -> None:
    body = money(1000)
    give(desk.api, world, body)
    desk.post("/purchases", buying(700))
    too_much = desk.post("/refunds", refunding("donation", body["id"], 301), status=409)
    assert too_much["available"] == 300
    desk.post("/refunds", refunding("donation", body["id"], 300))
    gift = desk.get(f"/donations/{body['id']}", "donor")
    assert (gift["lines"][0]["received_base"], gift["became"]["returned"]) == (1000, 300)
    assert gift["state"] == "used_up"
    trace = desk.get(f"/audit/donations/{body['id']}/trace", None)
    assert trace["ok"]
    assert trace["lots"][0]["opened"] == 1000
    stands = {each["state"]: each["quantity"] for each in trace["lots"][0]["standings"]}
    assert stands == {"returned": 300, "traded": 700}
    fund = desk.fund()
    assert (fund["came_in_minor"], fund["returned_minor"]) == (1000, 300)
    assert adds_up(fund)


@pytest.mark.parametrize("of", ["purchase", "delivery", "payment", "donation", "appropriation"])
def test_what_nobody_paid_is_not_refunded(desk: Desk, world: World, of: str) -> None:
    refused = desk.post("/refunds", refunding(of, str(uuid4()), 1), status=404)
    assert problem(refused) == ("not-found", "subject")
    in_kind = goods()
    give(desk.api, world, in_kind)
    desk.post("/refunds", refunding("donation", in_kind["id"], 1), status=404)
    pledged = desk.post("/donations", money(5), "donor")
    early = desk.post("/refunds", refunding("donation", pledged["id"], 1), status=422)
    assert problem(early) == ("invalid-input", "subject")


def test_only_the_funds_own_dispatchers_act_on_it(
    desk: Desk, world: World, database: Database
) -> None:
    give(desk.api, world, money(1000))
    act = desk.post("/commitments", committing(100))
    order = desk.post("/purchase-orders", ordering())
    acts = [
        ("/commitments", committing(1)),
        ("/appropriations", appropriating(1)),
        (f"/commitments/{act['id']}/release", releasing(1)),
        ("/purchase-orders", ordering()),
        (f"/purchase-orders/{order['id']}/order", ORDERED),
        (f"/purchase-orders/{order['id']}/cancel", CANCELLED),
    ]
    headers = [world.bearer(user) for user in ("donor", "hospital", "approver", "auditor")]
    for header in [*headers, another_desk(database)]:
        for path, body in acts:
            assert desk.api.post(f"/api/v1{path}", json=body, headers=header).status_code == 403
    for path in ("/money-acts", "/purchase-orders", "/purchases", "/payments"):
        assert desk.get(path, "donor", 403)["status"] == 403


def test_racing_commitments_never_promise_a_fen_twice(desk: Desk, world: World) -> None:
    for _ in range(5):
        give(desk.api, world, money(100))

    def send(number: int) -> int:
        path, body = ("/commitments", committing(60)) if number % 2 else ("/payments", paying(60))
        headers = world.bearer("dispatcher")
        return desk.api.post(f"/api/v1{path}", json=body, headers=headers).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(send, range(12)))
    assert answers == [201] * 8 + [409] * 4
    assert adds_up(desk.fund())


def test_currencies_keep_their_own_decimals_and_totals(
    desk: Desk, world: World, database: Database
) -> None:
    for code, currency in (("RELIEF-JPY", "JPY"), ("RELIEF-KWD", "KWD")):
        add_fund(database, code, currency)
        give(desk.api, world, money(5000, fund=code))
    give(desk.api, world, money(700))
    desk.post("/donations", money(40), "donor")
    desk.post("/purchase-orders", ordering())
    assert {fund["code"]: fund["decimals"] for fund in desk.get("/funds")} == {
        "RELIEF-CNY": 2,
        "RELIEF-JPY": 0,
        "RELIEF-KWD": 3,
    }
    rows = {(row["fund"], row["currency"]): row for row in desk.get("/fts", None)}
    assert {key for key in rows if key[0] is None} == {(None, "CNY"), (None, "JPY"), (None, "KWD")}
    total = rows[None, "CNY"]
    assert (total["incoming_pledge_minor"], total["incoming_paid_minor"]) == (40, 700)
    assert (total["outgoing_pledge_minor"], total["outgoing_commitment_minor"]) == (1000, 0)
    assert rows[None, "JPY"]["incoming_paid_minor"] == 5000


def test_a_funds_statement_tells_every_entry(desk: Desk, world: World) -> None:
    give(desk.api, world, money(1000))
    desk.post("/commitments", committing(600))
    desk.post("/payments", paying(100))
    rows = desk.get("/funds/RELIEF-CNY/statement", None)
    assert [
        (row["kind"], row["came_minor"], row["left_minor"], row["within_minor"]) for row in rows
    ] == [
        ("disburse_money", 0, 100, 0),
        ("commit_money", 0, 0, 600),
        ("receive_gift", 1000, 0, 0),
    ]
    one = desk.get("/funds/RELIEF-CNY/statement?sort=came&limit=1", None)
    assert len(one) == 1
    assert desk.get("/funds/NOPE/statement", None, 404)["status"] == 404
