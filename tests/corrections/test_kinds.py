"""Every kind of entry that a desk posts: taken back it leaves no trace in any figure, or is refused
with the act that is done instead."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.corrections.rules import Instead, rule_of
from services.database import Database
from services.jobs.desk_check import check_desks
from services.journal.kinds import STATEMENTS, EntryKind
from services.journal.models import Entry
from services.journal.read import holdings
from tests import gifts
from tests.community.points import add_point, book, hand_out, offer, put_in_hand
from tests.corrections.acts import (
    JSON,
    all_is_well,
    correct,
    corrected,
    entries,
    entry_of,
    outlook,
    refused,
    sent,
)
from tests.donations.acts import ORDERED, Desk, committing, delivering, ordering, releasing
from tests.test_capacity import output
from tests.test_inventory import a_count
from tests.world import World, stock

LATER = "2020-02-10T08:00:00Z"


@pytest.fixture
def desk(api: TestClient, world: World) -> Desk:
    return Desk(api, world)


def books(database: Database) -> dict[object, int]:
    """What stands of every lot on every account."""
    with database.transaction() as session:
        held = holdings(session, above_zero=False)
        return {(each.account, each.lot_id): each.quantity for each in held}


def lot_act(lot: UUID, quantity: int, **more: object) -> JSON:
    return {
        "id": str(uuid4()),
        "site": "W1",
        "lot_id": str(lot),
        "quantity": quantity,
        "occurred_at": LATER,
        "reason": "as it was found",
    } | more


_ACTS: dict[str, Callable[[UUID], tuple[str, JSON]]] = {
    "sort": lambda lot: ("/stock/sort", lot_act(lot, 5, taken_from="available", put_to="damaged")),
    "lose": lambda lot: ("/stock/losses", lot_act(lot, 5, cause="theft")),
    "repack": lambda lot: ("/stock/repacks", lot_act(lot, 5, into=[2, 3])),
    "count": lambda lot: ("/counts", a_count(lot, 990)),
}


@pytest.mark.parametrize("act", _ACTS)
def test_what_a_warehouse_did_is_undone(
    api: TestClient, database: Database, desk: Desk, act: str
) -> None:
    with database.transaction() as session:
        lot = stock(session)
    before = books(database)
    path, body = _ACTS[act](lot)
    desk.post(path, body)
    assert books(database) != before
    refused(correct(api, body["id"], "approver"), 403, "forbidden")
    corrected(api, body["id"], "dispatcher")
    assert books(database) == before
    # The same act, for another try, is a new one.
    desk.post(path, body | {"id": str(uuid4())})
    assert all_is_well(database)


def test_a_count_is_taken_back_before_the_one_that_was_made_after_it(
    api: TestClient, database: Database, desk: Desk
) -> None:
    with database.transaction() as session:
        lot = stock(session)
    before = books(database)
    first, second = a_count(lot, 990), a_count(lot, 980, occurred_at=LATER)
    desk.post("/counts", first)
    desk.post("/counts", second)
    seen = outlook(api, first["id"], "dispatcher")
    assert "counted again later" in seen["because"]
    refused(correct(api, first["id"], "dispatcher"), 409, "not-correctable")
    corrected(api, second["id"], "dispatcher")
    corrected(api, first["id"], "dispatcher")
    assert books(database) == before


def test_output_that_was_never_made_is_made_by_nobody(
    api: TestClient, database: Database, desk: Desk
) -> None:
    before = books(database)
    body = output()
    desk.post("/productions", body, user="maker")
    refused(correct(api, body["id"], "hospital"), 403, "forbidden")
    corrected(api, body["id"], "maker")
    assert books(database) == before
    assert [each["quantity_base"] for each in desk.get("/productions")] == [0]
    desk.post("/productions", output(quantity=1), user="maker")
    assert all_is_well(database)


def test_a_gift_counted_wrong_is_received_again(
    api: TestClient, database: Database, desk: Desk, world: World
) -> None:
    gift = gifts.pledge(api, world, gifts.goods(earmark=gifts.earmark("site", "H1")))
    wrong = gifts.receive(api, world, gift, [{"line": 1, "accepted": 3, "unit": "carton"}])
    corrected(api, wrong["entry_id"], "dispatcher")
    again = desk.get(f"/donations/{gift['id']}")
    assert (again["status"], again["entry_id"]) == ("pledged", None)
    assert again["lines"][0]["received_base"] == 0
    line = {"line": 1, "accepted": 1, "unit": "carton", "refused": 2, "reason": "damaged"}
    right = gifts.receive(api, world, gift, [line])
    assert right["entry_id"] != wrong["entry_id"]
    assert right["lines"][0]["received_base"] == 2000
    followed = desk.get(f"/audit/donations/{gift['id']}/trace", user=None)
    assert followed["ok"]
    assert sorted(lot["opened"] for lot in followed["lots"]) == [0, 2000]
    # And once more: what was corrected can be wrong too.
    corrected(api, right["entry_id"], "dispatcher")
    third = gifts.receive(api, world, gift)
    assert third["lines"][0]["received_base"] == 6000
    assert all_is_well(database)
    with database.transaction() as session:
        assert list(check_desks(session)) == []


def test_money_given_wrongly_is_given_again_and_given_back(
    api: TestClient, database: Database, desk: Desk, world: World
) -> None:
    gift = gifts.pledge(api, world, gifts.money(1000))
    wrong = gifts.receive(api, world, gift)
    corrected(api, wrong["entry_id"], "dispatcher")
    assert gifts.in_fund(database) == 0
    gifts.receive(api, world, gift, [{"line": 1, "accepted": 800}])
    back = {"of": "donation", "subject": gift["id"], "amount_minor": 100, "purpose": "too much"}
    refund = {"id": str(uuid4()), "refunded_at": LATER} | back
    desk.post("/refunds", refund)
    assert gifts.in_fund(database) == 700
    corrected(api, refund["id"], "dispatcher")
    assert gifts.in_fund(database) == 800
    fund = desk.fund()
    assert (fund["available_minor"], fund["came_in_minor"]) == (800, 800)


def test_what_was_spent_is_in_the_fund_again(
    api: TestClient, database: Database, desk: Desk, world: World
) -> None:
    gifts.give(api, world, gifts.money(10_000))
    before = books(database)
    bought, paid, set_aside = gifts.buying(), gifts.paying(), committing(700)
    desk.post("/purchases", bought)
    desk.post("/payments", paid)
    desk.post("/commitments", set_aside)
    some = releasing(200)
    desk.post(f"/commitments/{set_aside['id']}/release", some)
    # A commitment that was used in part is undone in its order.
    seen = outlook(api, set_aside["id"], "dispatcher")
    assert [each["entry_id"] for each in seen["in_the_way"]] == [some["id"]]
    for each in (some, set_aside, paid, bought):
        corrected(api, each["id"], "dispatcher")
    assert books(database) == before
    assert {act["amount_minor"] for act in desk.get("/money-acts")} == {0}
    refund = {"of": "payment", "subject": paid["id"], "amount_minor": 1, "purpose": "no"}
    desk.post("/refunds", {"id": str(uuid4()), "refunded_at": LATER} | refund, status=422)


def test_a_delivery_that_did_not_come_is_due_again(
    api: TestClient, database: Database, desk: Desk, world: World
) -> None:
    gifts.give(api, world, gifts.money(10_000))
    order = ordering()
    desk.post("/purchase-orders", order)
    desk.post(f"/purchase-orders/{order['id']}/order", ORDERED, status=200)
    for _ in range(2):
        came = delivering()
        desk.post(f"/purchase-orders/{order['id']}/deliveries", came)
        assert desk.get(f"/purchase-orders/{order['id']}")["state"] == "delivered"
        corrected(api, came["id"], "dispatcher")
        read = desk.get(f"/purchase-orders/{order['id']}")
        assert (read["state"], read["committed_minor"]) == ("ordered", 1000)
    placed = entry_of(database, f"order:{order['id']}", "commit_money")
    refused(correct(api, placed, "dispatcher"), 409, "not-correctable")


@pytest.mark.parametrize("of", ["purchase", "delivery"])
def test_what_a_seller_gave_back_comes_back_once(
    api: TestClient, database: Database, desk: Desk, world: World, of: str
) -> None:
    gifts.give(api, world, gifts.money(10_000))
    if of == "purchase":
        bought = gifts.buying()
        desk.post("/purchases", bought)
    else:
        order, bought = ordering(), delivering()
        desk.post("/purchase-orders", order)
        desk.post(f"/purchase-orders/{order['id']}/order", ORDERED, status=200)
        desk.post(f"/purchase-orders/{order['id']}/deliveries", bought)
    refund = {"of": of, "subject": bought["id"], "amount_minor": 100, "purpose": "too dear"}
    refund |= {"id": str(uuid4()), "refunded_at": LATER}
    desk.post("/refunds", refund)
    refused(correct(api, bought["id"], "dispatcher"), 409, "not-correctable")
    corrected(api, refund["id"], "dispatcher")
    corrected(api, bought["id"], "dispatcher")
    fund = desk.fund()
    assert fund["available_minor"] + fund["committed_minor"] == 10_000


def test_what_comes_back_to_a_cancelled_order_is_free(
    api: TestClient, database: Database, desk: Desk, world: World
) -> None:
    gifts.give(api, world, gifts.money(10_000))
    order, came = ordering(), delivering({"line": 1, "accepted": 40})
    path = f"/purchase-orders/{order['id']}"
    desk.post("/purchase-orders", order)
    desk.post(f"{path}/order", ORDERED, status=200)
    desk.post(f"{path}/deliveries", came)
    off = {"cancelled_at": LATER, "reason": "no more comes"}
    desk.post(f"{path}/cancel", off, status=200)
    corrected(api, came["id"], "dispatcher")
    read = desk.get(path)
    assert (read["state"], read["committed_minor"]) == ("cancelled", 0)
    assert desk.fund()["available_minor"] == 10_000
    assert all_is_well(database)


def test_who_was_handed_nothing_can_still_come(
    api: TestClient, database: Database, world: World
) -> None:
    with database.transaction() as session:
        add_point(session)
        put_in_hand(session, 100)
    made = book(api, offer(api, world)).json()
    for _ in range(2):
        assert hand_out(api, world, made["pickup_code"]).status_code in {200, 201}
        entry_id = entry_of(database, f"booking:{made['id']}", "hand_out")
        corrected(api, entry_id, "hospital")
    told = api.get(f"/api/v1/community/bookings/{made['id']}").json()
    assert told["state"] == "booked"
    assert all_is_well(database)


def test_who_reads_the_log_gets_nobodys_pieces(
    api: TestClient, database: Database, world: World
) -> None:
    """The entry names the booking, and who knows a booking's id is shown its code otherwise."""
    with database.transaction() as session:
        add_point(session)
        put_in_hand(session, 100)
    made = book(api, offer(api, world)).json()
    path = f"/api/v1/community/bookings/{made['id']}"
    assert api.get(path).json()["pickup_code"] == made["pickup_code"]
    done = hand_out(api, world, made["pickup_code"])
    assert made["id"] not in done.text
    assert api.get(path).json()["pickup_code"] is None
    corrected(api, entry_of(database, f"booking:{made['id']}", "hand_out"), "hospital")
    assert api.get(path).json()["pickup_code"] is None
    page = api.get(f"/en/community/bookings/{made['id']}")
    assert page.status_code == 200
    assert made["pickup_code"] not in page.text
    refused(api.post(f"{path}/cancel"), 409, "booking-settled")
    assert hand_out(api, world, made["pickup_code"]).status_code == 200


def test_statements_and_corrections_stand(api: TestClient, database: Database) -> None:
    with database.transaction() as session:
        lot = stock(session)
    body = lot_act(lot, 5, cause="theft")
    sent(api, "/stock/losses", body, "dispatcher")
    done = corrected(api, body["id"], "dispatcher")
    refused(correct(api, done["reversal_id"], "dispatcher"), 409, "not-correctable")
    seen = outlook(api, body["id"], "dispatcher")
    assert (seen["possible"], seen["reversal_id"]) == (False, done["reversal_id"])
    assert len(entries(database, f"lose:{body['id']}")) == 2


def _entry(kind: EntryKind, document: str | None) -> Entry:
    entry: Entry = Entry.model_construct(kind=kind, document=document)  # type: ignore[call-arg]
    return entry


_PAPERS = ("run", "transfer", "shipment", "order", "commitment", "donation", "recall", "lose")


@pytest.mark.parametrize("kind", list(EntryKind))
def test_no_kind_is_forgotten(kind: EntryKind) -> None:
    """Each is taken back for some paper, or says what is done instead."""
    entry = _entry(kind, None)
    if kind in {*STATEMENTS, EntryKind.REVERSE}:
        assert isinstance(rule_of(entry), Instead)
        return
    unknown = rule_of(entry)
    papers = (*_PAPERS, "appropriation", "production", "purchase", "consume", "booking", "count")
    more = ("reclassify", "expired", "repack", "give_back", "money-move", "payment", "refund")
    found = [rule_of(_entry(kind, f"{paper}:1")) for paper in (*papers, *more)]
    assert any(rule is not unknown for rule in found)
