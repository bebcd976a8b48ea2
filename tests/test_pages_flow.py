"""Makers, donors, desks and carriers do their part on pages, from output to receipt."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.dispatch.models import RunState
from services.dispatch.solving import solve_run
from services.journal.kinds import AccountKind
from services.journal.read import holdings
from tests import shipments
from tests.browser import Browser, went_to
from tests.test_pages_public import check_strict
from tests.world import World, stock

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def held(database: Database, holder: str, state: str) -> int:
    with database.transaction() as session:
        found = holdings(session, holder=holder, state=state)
        return sum(holding.quantity for holding in found)


def listed(api: TestClient, world: World, path: str, user: str) -> Any:
    return api.get(f"/api/v1/{path}", headers=world.bearer(user)).json()


def test_a_maker_plans_and_reports(browser: Open, database: Database) -> None:
    maker = browser("maker")
    plan = {"days[0].item": "gloves", "days[0].day": "2020-02-04", "days[0].planned": "40"}
    answer = maker.fill("/en/capacity/plan", plan | {"days[0].unit": "box"})
    assert went_to(answer) == "/en/capacity"
    output = {
        "item": "gloves",
        "quantity": "1,500",
        "day": "2020-02-04",
        "batch": "B-1",
        "produced_on": "2020-02-04",
    }
    form = maker.form("/en/capacity/output")
    for _ in range(2):
        assert went_to(maker.send(form, **output)) == "/en/capacity"
    page = maker.get("/en/capacity")
    assert "2,000" in page
    assert "1,500" in page
    assert "75%" in page
    assert held(database, "site:F1", "available") == 1500
    late = maker.fill("/en/capacity/output", output | {"expires_on": "2020-02-01"})
    assert late.status_code == 422
    assert 'id="expires_on-slip"' in late.text
    browser("hospital").get("/en/capacity", 403)


def test_a_donor_gives_goods_and_a_desk_counts_them_in(
    browser: Open, api: TestClient, world: World, database: Database
) -> None:
    donor = browser("donor")
    line = {"lines[0].item": "gloves", "lines[0].quantity": "3", "lines[0].unit": "carton"}
    more = {"earmark": "site:H1", "given_at": "2020-02-03T09:00:00", "anonymous": "true"}
    assert went_to(donor.fill("/en/gifts/goods", line | more)) == "/en/gifts"
    gift = listed(api, world, "donations", "donor")[0]
    assert gift["anonymous"] is True
    assert gift["earmark"] == {"kind": "site", "target": "H1"}
    assert gift["given_at"] == "2020-02-03T01:00:00Z"
    page = f"/en/gifts/{gift['id']}"
    assert "Receive it" not in donor.get(page)
    public = browser(None)
    assert "has not come in yet" in public.get(f"/en/donations/{gift['id']}")
    desk = browser("dispatcher")
    counted = {"lines[0].accepted": "5,900", "occurred_at": "2020-02-03T10:00:00"}
    assert went_to(desk.fill(page, counted, f"{page}/receive")) == page
    assert held(database, "site:W1", "available") == 5900
    trace = public.get(f"/en/donations/{gift['id']}")
    assert "5,900" in trace
    assert "W1 en" in trace
    assert "DONOR1" not in trace
    browser("donor2").get(page, 403)


def test_a_gift_in_money_is_typed_with_decimals_and_followed_across_a_purchase(
    browser: Open, api: TestClient, world: World
) -> None:
    donor = browser("donor")
    wrong = donor.fill("/en/gifts/money", {"amount_minor": "12.345"})
    assert wrong.status_code == 422
    assert 'value="12.345"' in wrong.text
    assert 'id="amount_minor-slip"' in wrong.text
    given = {"amount_minor": "1,250.5", "given_at": "2020-02-01T09:00:00"}
    assert went_to(donor.fill("/en/gifts/money", given)) == "/en/gifts"
    gift = listed(api, world, "donations", "donor")[0]
    assert gift["amount_minor"] == 125_050
    page = f"/en/gifts/{gift['id']}"
    received = browser("dispatcher").fill(
        page, {"occurred_at": "2020-02-01T10:00:00"}, f"{page}/receive"
    )
    assert went_to(received) == page
    buying = {
        "supplier": "SUPP1",
        "item": "gloves",
        "quantity": "2",
        "unit": "box",
        "price_minor": "500",
        "bought_at": "2020-02-04T15:00:00",
    }
    form = browser("dispatcher").form("/en/funds", "/en/funds/purchase")
    for _ in range(2):
        assert went_to(browser("dispatcher").send(form, **buying)) == "/en/funds"
    too_much = {"payee": "CARR1", "amount_minor": "750.51", "purpose": "Transport"}
    paid = browser("dispatcher").fill("/en/funds", too_much, "/en/funds/payment")
    assert paid.status_code == 409
    assert 'id="payment-amount_minor-slip"' in paid.text
    assert "750.50" in browser("auditor").get("/en/funds")
    trace = browser(None).get(f"/en/donations/{gift['id']}")
    assert "750.50 CNY" in trace
    assert "100 pieces of gloves" in trace
    assert "500.00 CNY" in trace


def test_a_pledge_is_taken_back(browser: Open, api: TestClient, world: World) -> None:
    donor = browser("donor")
    line = {"lines[0].item": "gloves", "lines[0].quantity": "3"}
    donor.fill("/en/gifts/goods", line | {"given_at": "2020-02-03T09:00:00"})
    gift = listed(api, world, "donations", "donor")[0]
    page = f"/zh/gifts/{gift['id']}"
    assert went_to(donor.fill(page, {"reason": "mistake"}, f"{page}/cancel")) == page
    assert listed(api, world, "donations", "donor")[0]["status"] == "cancelled"
    assert "撤回" in browser(None).get(f"/zh/donations/{gift['id']}")


def test_a_shipment_goes_from_pick_to_a_receipt_line_by_line(
    browser: Open, api: TestClient, world: World, database: Database
) -> None:
    sent = shipments.plan(database, shipments.Goods(100), shipments.Goods(50, "surgical_mask"))
    page = f"/en/shipments/{sent.id}"
    hospital = browser("hospital")
    assert "/receive" not in hospital.get(page)
    for step, who in (("pick", "dispatcher"), ("dispatch", "carrier"), ("deliver", "carrier")):
        assert went_to(browser(who).fill(page, {}, f"{page}/{step}")) == page
    check_strict("default-src 'none'", browser("carrier").get(page))
    form = hospital.form(page, f"{page}/receive")
    assert (form.values["lines[0].accepted"], form.values["lines[1].accepted"]) == ("100", "50")
    wrong = hospital.send(form, **{"lines[0].accepted": "101"})
    assert wrong.status_code == 422
    assert 'id="lines-0-accepted-slip"' in wrong.text
    assert 'value="101"' in wrong.text
    no_reason = {"lines[0].accepted": "90", "lines[0].rejected": "10"}
    assert 'id="lines-0-reason-slip"' in hospital.send(form, **no_reason).text
    assert held(database, "site:H1", "received") == 0
    told = no_reason | {"lines[0].reason": "wet <b>", "lines[1].accepted": "45"}
    for _ in range(2):
        assert went_to(hospital.send(form, **told, **{"lines[1].short": "5"})) == page
    assert held(database, "site:H1", "received") == 135
    shown = browser("auditor").get(page)
    assert "wet &lt;b&gt;" in shown
    assert "Partly received" in shown
    assert went_to(browser("auditor").fill(page, {}, f"{page}/verify")) == page
    for stranger, status in (("hospital2", 403), ("carrier2", 403)):
        browser(stranger).get(page, status)
    assert str(sent.id) in hospital.get("/en/shipments")
    assert str(sent.id) not in browser("hospital2").get("/en/shipments")


def test_a_run_is_watched_explained_and_approved_by_another_person(
    browser: Open, api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        shipments.a_need(session, shipments.Goods(2000))
        stock(session, "W1", "gloves", 500)
    desk = browser("dispatcher")
    form = desk.form("/en/runs")
    for _ in range(2):
        started = desk.send(form, day="2020-02-03")
    page = went_to(started)
    run_id = page.rpartition("/")[2]
    waiting = desk.get(page)
    assert '<noscript><meta http-equiv="refresh"' in waiting
    assert f'data-run="{run_id}"' in waiting
    assert solve_run(database, UUID(run_id)) is RunState.PROPOSED
    proposed = desk.get(page)
    check_strict("default-src 'none'", browser("approver").get(page))
    assert "http-equiv" not in proposed
    assert "500 of 2,000 pieces needed can be served, 25%" in proposed
    assert "Short: all that is left for it, 500 pieces in 1 lot, is used up" in proposed
    assert "First come, first served" in proposed
    assert "Another person, an approver, has to approve this plan." in proposed
    assert desk.post(f"{page}/approve", {}).status_code == 403
    assert went_to(browser("approver").fill(page, {"note": "go"}, f"{page}/approve")) == page
    assert held(database, "site:W1", "reserved") == 500
    assert browser("approver").post(f"{page}/approve", {}).status_code == 409
    assert "H1 en" in desk.get("/en/shipments")
    browser("hospital").get(page, 403)


def test_a_rejection_needs_a_reason(browser: Open, database: Database) -> None:
    with database.transaction() as session:
        shipments.a_need(session, shipments.Goods(20))
    desk = browser("dispatcher")
    page = went_to(desk.fill("/en/runs", {"day": "2020-02-03"}))
    solve_run(database, UUID(page.rpartition("/")[2]))
    assert "No lot of its item" in desk.get(page)
    assert desk.fill(page, {"note": ""}, f"{page}/reject").status_code == 422
    assert went_to(desk.fill(page, {"note": "no stock"}, f"{page}/reject")) == page
    assert "no stock" in desk.get(page)


def test_a_run_for_a_day_without_needs_says_so(browser: Open) -> None:
    answer = browser("dispatcher").fill("/en/runs", {"day": "2020-02-03", "horizon_days": "7"})
    assert answer.status_code == 409
    assert "No need posted by 2020-02-03 is outstanding" in answer.text
    assert 'value="2020-02-03"' in answer.text


def test_the_stock_is_shown_by_lot_to_those_it_concerns(browser: Open, database: Database) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 1234)
        stock(session, "W2", "surgical_mask", 777)
        assert holdings(session, kinds=[AccountKind.SITE])
    everything = browser("dispatcher").get("/en/stock")
    assert "1,234" in everything
    assert "777" in everything
    one = browser("dispatcher").get("/en/stock?site=W2")
    assert "1,234" not in one
    assert "777" in one
    assert "1,234" not in browser("maker").get("/en/stock")
