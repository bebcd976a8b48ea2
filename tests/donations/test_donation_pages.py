"""The desk of donations lives its day on pages without JavaScript: gifts, papers, orders, money."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests.browser import Browser, went_to
from tests.donations.acts import Desk, add_fund
from tests.gifts import earmark, give, goods, money
from tests.test_pages_public import check_strict
from tests.world import World

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def test_the_desks_day_on_pages(browser: Open, desk: Desk) -> None:
    office, donor = browser("dispatcher"), browser("donor")
    campaign = {
        "code": "masks",
        "name_en": "Masks",
        "name_zh": "口罩",
        "starts_on": "2020-01-26",
        "goals[0].commodity": "gloves",
        "goals[0].quantity_base": "12,000",
        "goals[1].commodity": "CNY",
        "goals[1].quantity_base": "1,000.50",
    }
    assert went_to(office.fill("/en/campaigns/new", campaign)) == "/en/campaigns/masks"
    public = browser(None)
    assert "1,000.50 CNY" in public.get("/en/campaigns/masks")
    line = {"lines[0].item": "gloves", "lines[0].quantity": "3", "lines[0].unit": "carton"}
    more = {
        "earmark": "site:H1",
        "given_at": "2020-02-03T09:00:00",
        "campaign": "masks",
        "expected_on": "2020-02-05",
    }
    assert went_to(donor.fill("/en/gifts/goods", line | more)) == "/en/gifts"
    gift = desk.get("/donations", "donor")[0]
    page = f"/en/gifts/{gift['id']}"
    assert "Expected" in donor.get(page)
    assert went_to(donor.fill(page, {"expected_on": "2020-02-06"}, f"{page}/expect")) == page
    rule = {"reason": "as asked"}
    assert went_to(office.fill("/en/receiving", rule, "/en/receiving/W1")) == "/en/receiving"
    counted = {
        "lines[0].accepted": "5,900",
        "lines[0].refused": "100",
        "occurred_at": "2020-02-06T10:00:00",
    }
    wrong = office.fill(page, counted, f"{page}/paper")
    assert wrong.status_code == 422
    told = counted | {"lines[0].reason": "damaged"}
    assert went_to(office.fill(page, told, f"{page}/paper")) == page
    for part, user in (("kind", "dispatcher"), ("quality", "approver"), ("quantity", "auditor")):
        assert "not signed yet" in browser(user).get(page)
        sent = browser(user).post(f"{page}/sign", {"part": part, "version": "1"})
        assert went_to(sent) == page
    shown = donor.get(page)
    check_strict("default-src 'none'", shown)
    assert "damaged goods" in shown
    assert f"/audit/entries/{desk.get('/donations', 'donor')[0]['entry_id']}/receipt" in shown
    trace = public.get(f"/en/donations/{gift['id']}")
    assert "Not taken: 100 pieces of gloves" in " ".join(trace.split())
    statement = donor.get("/zh/gifts/statement")
    assert gift["id"] in statement
    assert "5,900" in statement
    assert "49%" in public.get("/en/campaigns")
    assert "5,900" in donor.get("/en/earmarks")
    released = {"released_at": "2020-02-07T10:00:00", "reason": "enough"}
    assert went_to(donor.fill(page, released, f"{page}/release")) == page
    assert "Released" in public.get(f"/en/donations/{gift['id']}")
    browser("donor2").get(page, 403)


def test_money_is_ordered_committed_refunded_and_moved_on_pages(
    browser: Open, desk: Desk, world: World, database: Database
) -> None:
    add_fund(database, "OTHER-CNY", "CNY")
    give(desk.api, world, money(100_000))
    office = browser("dispatcher")
    order = {
        "fund": "RELIEF-CNY",
        "supplier": "SUPP1",
        "lines[0].item": "gloves",
        "lines[0].quantity": "4",
        "lines[0].unit": "box",
        "lines[0].price_minor": "400.00",
    }
    page = went_to(office.fill("/en/orders/new", order))
    placed = office.fill(page, {"ordered_at": "2020-02-04T10:00:00"}, f"{page}/order")
    assert went_to(placed) == page
    came = {
        "delivered_at": "2020-02-08T10:00:00",
        "lines[0].accepted": "150",
        "lines[0].refused": "50",
        "lines[0].reason": "bad_quality",
    }
    form = office.form(page, f"{page}/deliver")
    assert form.values["lines[0].accepted"] == "200"
    for _ in range(2):
        assert went_to(office.send(form, **came)) == page
    assert "Partly delivered" in office.get(page)
    off = {"cancelled_at": "2020-02-09T10:00:00", "reason": "no more"}
    assert went_to(office.fill(page, off, f"{page}/cancel")) == page
    acts = "/en/funds/acts"
    committed = {
        "payee": "CARR1",
        "amount_minor": "250.50",
        "purpose": "freight",
        "committed_at": "2020-02-09T10:00:00",
        "fund": "RELIEF-CNY",
    }
    assert went_to(office.fill(acts, committed, f"{acts}/commitment")) == acts
    too_much = office.fill(acts, committed | {"amount_minor": "5,000"}, f"{acts}/commitment")
    assert too_much.status_code == 409
    released = {"amount_minor": "50.50", "purpose": "less", "released_at": "2020-02-10T10:00:00"}
    assert went_to(office.fill(acts, released, f"{acts}/release")) == acts
    give_back_and_move(office, desk.get("/purchase-orders")[0]["deliveries"][0]["id"])
    fund = desk.fund()
    assert (fund["committed_minor"], fund["paid_minor"]) == (20_000, 29_000)
    for path in ("/en/funds", "/zh/funds/flows", "/en/funds/RELIEF-CNY", "/zh/orders", acts):
        check_strict("default-src 'none'", browser("auditor").get(path))
        browser("donor").get(path, 403)
    assert "It adds up" in office.get("/en/funds/RELIEF-CNY")


def give_back_and_move(office: Browser, delivery: str) -> None:
    """A refund of a delivery, a move to another fund and an appropriation, each on its form."""
    acts = "/en/funds/acts"
    back = {
        "subject": f"delivery:{delivery}",
        "amount_minor": "10",
        "purpose": "torn",
        "refunded_at": "2020-02-11T10:00:00",
    }
    assert went_to(office.fill(acts, back, f"{acts}/refund")) == acts
    lost = office.fill(acts, back | {"subject": "hope:7"}, f"{acts}/refund")
    assert lost.status_code == 404
    moved = {
        "fund": "RELIEF-CNY",
        "other_fund": "OTHER-CNY",
        "amount_minor": "100",
        "purpose": "theirs",
        "moved_at": "2020-02-12T10:00:00",
    }
    assert went_to(office.fill(acts, moved, f"{acts}/move")) == acts
    public = {
        "fund": "RELIEF-CNY",
        "amount_minor": "1,000",
        "purpose": "decree",
        "appropriated_at": "2020-02-12T10:00:00",
    }
    assert went_to(office.fill(acts, public, f"{acts}/appropriation")) == acts


def test_yen_are_typed_and_shown_without_decimals(
    browser: Open, desk: Desk, database: Database
) -> None:
    add_fund(database, "RELIEF-JPY", "JPY")
    donor = browser("donor")
    typed = {"fund": "RELIEF-JPY", "amount_minor": "1,250.5", "given_at": "2020-02-01T09:00:00"}
    assert donor.fill("/en/gifts/money", typed).status_code == 422
    assert went_to(donor.fill("/en/gifts/money", typed | {"amount_minor": "1,250"})) == "/en/gifts"
    gift = desk.get("/donations", "donor")[0]
    assert gift["amount_minor"] == 1250
    page = f"/en/gifts/{gift['id']}"
    office = browser("dispatcher")
    assert office.form(page, f"{page}/receive").values["lines[0].accepted"] == "1250"
    came = office.fill(page, {"occurred_at": "2020-02-02T09:00:00"}, f"{page}/receive")
    assert went_to(came) == page
    trace = browser(None).get(f"/en/donations/{gift['id']}")
    assert "1,250 JPY</strong> can still be spent from" in trace
    assert "in stock" not in trace
    assert "the fund RELIEF-JPY" not in trace


def test_lists_on_pages_filter_and_download(browser: Open, desk: Desk, world: World) -> None:
    give(desk.api, world, goods(earmark=earmark("region", "420000")))
    desk.post("/donations", money(5), "donor")
    office = browser("dispatcher")
    assert "gloves" not in office.get("/en/gifts?status=pledged&kind=")
    assert "gloves" in office.get("/en/gifts?status=received&sort=-given")
    office.get("/en/gifts?status=eaten", 422)
    for path in ("gifts", "gifts/statement", "earmarks", "funds", "funds/acts", "campaigns"):
        assert "﻿" in office.get(f"/en/{path}?format=csv"), path
    assert "waits" in office.get("/zh/earmarks?waiting=true&format=csv")
