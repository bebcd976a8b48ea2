"""What was taken back says so where it stands, with the day and the reason, and counts nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests import gifts
from tests.browser import Browser
from tests.corrections.acts import WHY, corrected
from tests.donations.acts import ORDERED, Desk, committing, delivering, ordering, refunding
from tests.world import World

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


@pytest.fixture
def desk(api: TestClient, world: World) -> Desk:
    return Desk(api, world)


def _told(row: dict[str, Any], reversal_id: str) -> bool:
    """Whether a row says that it was taken back, when, by what and why."""
    assert row["said_by"] == "RELIEF"
    return (row["reversal_id"], row["taken_back_because"]) == (reversal_id, WHY) and bool(
        row["taken_back_at"]
    )


def _is_marked(page: str, reversal_id: str) -> bool:
    return f'<a class="tag bad" href="/en/entries/{reversal_id}">' in page and WHY in page


def test_what_was_spent_and_taken_back_says_so_and_counts_nothing(
    browser: Open, desk: Desk, world: World
) -> None:
    gifts.give(desk.api, world, gifts.money(10_000))
    bought = desk.post("/purchases", gifts.buying())
    refund = desk.post("/refunds", refunding("purchase", bought["id"], 60))
    paid = desk.post("/payments", gifts.paying())
    kept = desk.post("/commitments", committing(700))
    office = browser("dispatcher")
    acts, statement = "/en/funds/acts", "/en/funds/RELIEF-CNY"
    link = f'href="/en/entries/{kept["id"]}/correct"'
    assert link in office.get(acts)
    assert link in office.get(statement)
    assert link not in browser("auditor").get(statement)
    undone = {
        each["id"]: corrected(desk.api, each["id"], "dispatcher")["reversal_id"]
        for each in (refund, bought, paid, kept)
    }
    purchase, payment = desk.get("/purchases")[0], desk.get("/payments")[0]
    assert (purchase["price_minor"], purchase["quantity_base"], purchase["money"]) == (0, 0, [])
    assert (payment["amount_minor"], payment["money"]) == (0, [])
    assert _told(purchase, undone[bought["id"]])
    assert _told(payment, undone[paid["id"]])
    assert all(_told(act, undone[act["id"]]) for act in desk.get("/money-acts"))
    rows = {row["entry_id"]: row for row in desk.get("/funds/RELIEF-CNY/statement")}
    assert all(_told(rows[entry_id], reversal) for entry_id, reversal in undone.items())
    assert {act["amount_minor"] for act in desk.get("/money-acts")} == {0}
    assert {row["outgoing_paid_minor"] for row in desk.get("/fts")} == {0}
    assert desk.fund()["available_minor"] == 10_000
    assert all(_is_marked(office.get(statement), each) for each in undone.values())
    assert _is_marked(office.get(acts), undone[kept["id"]])
    assert link not in office.get(acts)


def test_a_delivery_taken_back_says_so_on_its_order(
    browser: Open, desk: Desk, world: World
) -> None:
    gifts.give(desk.api, world, gifts.money(10_000))
    order, came = ordering(), delivering()
    path = f"/purchase-orders/{order['id']}"
    desk.post("/purchase-orders", order)
    desk.post(f"{path}/order", ORDERED, status=200)
    desk.post(f"{path}/deliveries", came)
    office = browser("dispatcher")
    page = f"/en/orders/{order['id']}"
    assert f'href="/en/entries/{came["id"]}/correct"' in office.get(page)
    undone = corrected(desk.api, came["id"], "dispatcher")["reversal_id"]
    told = desk.get(path)
    assert (told["paid_minor"], told["lines"][0]["delivered_base"]) == (0, 0)
    assert _told(told["deliveries"][0], undone)
    assert _is_marked(office.get(page), undone)


def test_a_gift_whose_receipt_was_taken_back_says_so_and_why_to_the_desk_alone(
    browser: Open, desk: Desk, world: World
) -> None:
    gift = gifts.pledge(desk.api, world, gifts.goods(earmark=gifts.earmark("site", "H1")))
    received = gifts.receive(desk.api, world, gift)
    assert desk.get("/earmarks")[0]["waits_base"] == 6000
    page = f"/en/gifts/{gift['id']}"
    office, donor = browser("dispatcher"), browser("donor")
    assert f'href="/en/entries/{received["entry_id"]}/correct"' in office.get(page)
    assert "/correct" not in donor.get(page)
    undone = corrected(desk.api, received["entry_id"], "dispatcher")["reversal_id"]
    told = desk.get(f"/donations/{gift['id']}", "donor")["receipts_taken_back"][0]
    assert (told["reversal_id"], told["taken_back_because"]) == (undone, None)
    assert desk.get("/earmarks") == []
    for path in (page, "/en/gifts"):
        assert _is_marked(office.get(path), undone)
        assert f'href="/en/entries/{undone}"' in donor.get(path)
        assert WHY not in donor.get(path)
