"""A day of a hospital and of its region's desk, on pages without scripts."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.requests.models import Priority
from services.requests.watch import watch
from tests.browser import Browser, went_to
from tests.requests.hospital import Desk, grow_older, reserve
from tests.test_pages_public import check_strict

Open = Callable[[str], Browser]
SOON = (datetime.now(UTC).date() + timedelta(days=5)).isoformat()


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def line(quantity: str = "300", item: str = "gloves", **more: str) -> dict[str, str]:
    said = {"item": item, "quantity": quantity, "need_by": SOON} | more
    return {f"needs[0].{name}": value for name, value in said.items()}


def only_need(api: TestClient, **query: Any) -> dict[str, Any]:
    [need] = Desk(api, "hospital").get("/needs", **query)
    return dict(need)


def test_a_draft_is_sent_given_back_changed_and_approved_in_part(
    browser: Open, api: TestClient
) -> None:
    hospital, desk = browser("hospital"), browser("dispatcher")
    rule = {"position": "10", "outcome": "approve", "item": "gloves", "max_quantity_base": "50"}
    form = desk.form("/en/needs/rules", "/en/needs/rules/new")
    for _ in range(2):
        assert went_to(desk.send(form, **rule)) == "/en/needs/rules"
    assert desk.get("/zh/needs/rules").count("/remove") == 1
    assert "/remove" not in desk.get("/en/needs/rules?item=surgical_mask&sort=-region")
    assert "gloves,50" in desk.client.get("/en/needs/rules?format=csv").text
    stock = {"stock_on_hand_base": "90", "use_per_day_base": "60"}
    assert went_to(hospital.fill("/en/needs/new", line(**stock) | {})) == "/en/needs"
    first = only_need(api)
    hospital.fill(
        f"/en/needs/{first['id']}", {"reason": "a slip"}, f"/en/needs/{first['id']}/cancel"
    )
    form = hospital.form("/en/needs/new")
    drafted = hospital.send(form, **line(**stock), keep_draft="1")
    assert went_to(drafted) == "/en/needs"
    page = f"/en/needs/{only_need(api, state='draft')['id']}"
    assert "Delete this draft" in hospital.get(page)
    desk.get(page, 404)
    assert went_to(hospital.fill(page, {}, f"{page}/submit")) == "/en/needs"

    seen = desk.get(page)
    check_strict("default-src 'none'", seen)
    assert "it lasts 1.5 days" in seen
    assert "1.5 days" in desk.get("/en/needs?state=submitted")
    assert "Approve it" not in browser("auditor").get(page)
    assert "Approve it" not in hospital.get(page)
    more = desk.fill(page, {"reason": "80 beds"}, f"{page}/return")
    assert went_to(more) == "/en/needs"
    told = hospital.get(page)
    assert "80 beds" in told
    assert went_to(hospital.fill(page, {"quantity": "200"}, f"{page}/edit")) == "/en/needs"
    assert went_to(hospital.fill(page, {}, f"{page}/submit")) == "/en/needs"
    wiped_out = desk.fill(page, {"approved_base": ""}, f"{page}/approve")
    assert wiped_out.status_code == 422
    assert 'id="approve-approved_base-slip"' in wiped_out.text
    no_reason = desk.fill(page, {"approved_base": "120"}, f"{page}/approve")
    assert no_reason.status_code == 422
    assert 'id="approve-reason-slip"' in no_reason.text
    less = {"approved_base": "120", "reason": "short"}
    assert went_to(desk.fill(page, less, f"{page}/approve")) == "/en/needs"
    assert only_need(api, state="approved")["outstanding_base"] == 120
    history = browser("auditor").get(page.replace("/en/", "/zh/"))
    assert "submitted → approved: 120 of 200 pieces" in history
    assert "批准" in history


def test_asking_again_offers_three_ways_with_both_quantities(
    browser: Open, api: TestClient
) -> None:
    hospital = browser("hospital")
    assert went_to(hospital.fill("/en/needs/new", line("5,000"))) == "/en/needs"
    again = hospital.fill("/en/needs/new", line("6"))
    assert again.status_code == 409
    for words in ("you asked for 5,000 pieces", "This line asks for 6 pieces"):
        assert words in again.text
    for choice in ("add", "replace", "keep_one"):
        assert f'<option value="{choice}">' in again.text
    chinese = hospital.fill("/zh/needs/new", line("6"))
    assert "5,000 件" in chinese.text
    form = hospital.form("/en/needs/new")
    instead = hospital.send(form, **line("6", duplicate="replace"))
    assert went_to(instead) == "/en/needs"
    assert only_need(api, state="open")["quantity_base"] == 6
    wrong = hospital.send(hospital.form("/en/needs/new"), **line("7", duplicate="perhaps"))
    assert wrong.status_code == 422


def test_one_click_keeps_needs_alive_and_one_brings_them_back(
    browser: Open, api: TestClient, database: Database
) -> None:
    hospital = browser("hospital")
    hospital.fill("/en/needs/new", line())
    page = f"/en/needs/{only_need(api)['id']}"
    assert "We still need all of it" not in hospital.get("/en/needs")
    grow_older(database, 60)
    assert "One need lapses soon" in hospital.get("/en/needs")
    assert went_to(hospital.fill("/en/needs", {}, "/en/needs/confirm")) == "/en/needs"
    assert "lapses soon" not in hospital.get("/en/needs")
    with database.transaction() as session:
        reserve(session, only_need(api)["id"], 40)
    grow_older(database, 80)
    with database.transaction() as session:
        watch(session, datetime.now(UTC))
    told = hospital.get(page)
    assert "It has lapsed" in told
    assert "What is set aside for it stays so" in told
    assert "It has lapsed" in browser("dispatcher").get(page)
    assert went_to(hospital.fill(page, {}, f"{page}/confirm")) == "/en/needs"
    assert only_need(api)["status"] == "approved"


def test_enough_is_said_and_taken_back(browser: Open, api: TestClient) -> None:
    hospital = browser("hospital")
    hospital.fill("/en/needs/new", line())
    page = "/en/needs/stops"
    assert hospital.fill(page, {"item": "gloves"}).status_code == 422
    unsaid = hospital.fill(page, {"reason": "full"})
    assert unsaid.status_code == 422
    assert 'id="item-slip"' in unsaid.text
    stopping = hospital.form(page)
    for _ in range(2):
        assert went_to(hospital.send(stopping, item="gloves", reason="full")) == page
    assert only_need(api)["status"] == "cancelled"
    refused = hospital.fill("/zh/needs/new", line())
    assert refused.status_code == 409
    assert "不再需要" in refused.text
    assert "full" in browser("dispatcher").get(page)
    assert "/resume" not in browser("dispatcher").get(page)
    assert "full" not in browser("hospital2").get(page)
    stop = Desk(api, "hospital").get("/supply-stops")[0]["id"]
    assert went_to(hospital.fill(page, {}, f"{page}/{stop}/resume")) == page
    assert went_to(hospital.fill(page, {"item": "*", "reason": "moving"})) == page
    stop = Desk(api, "hospital").get("/supply-stops", standing=True)[0]
    assert stop["item"] is None
    assert went_to(hospital.fill(page, {}, f"{page}/{stop['id']}/resume")) == page
    assert went_to(hospital.fill("/en/needs/new", line())) == "/en/needs"


def test_pages_refuse_whom_they_must(browser: Open, api: TestClient) -> None:
    hospital = browser("hospital")
    hospital.fill("/en/needs/new", line())
    page = f"/en/needs/{only_need(api)['id']}"
    for user, path, values in (
        ("auditor", f"{page}/approve", {"version": "1", "approved_base": "5"}),
        ("hospital", f"{page}/refuse", {"reason": "no"}),
        ("dispatcher", f"{page}/edit", {"version": "1", "quantity": "5"}),
        ("dispatcher", f"{page}/confirm", {}),
        ("hospital2", f"{page}/confirm", {}),
        ("hospital", "/en/needs/rules/new", {"position": "1", "outcome": "ask"}),
        ("dispatcher", "/en/needs/stops", {"site": "H1", "item": "*", "reason": "no"}),
        ("dispatcher", "/en/needs/confirm", {}),
    ):
        assert browser(user).post(path, values).status_code == 403, (user, path)
    for user, path in (("donor", "/en/needs/stops"), ("hospital", "/en/needs/rules")):
        browser(user).get(path, 403)


@pytest.mark.parametrize(
    "query", ["sort=-quantity_base", "state=all&need_by=x&region=no&priority=z"]
)
def test_a_list_is_sorted_filtered_and_comes_as_a_file(browser: Open, query: str) -> None:
    hospital = browser("hospital")
    hospital.fill("/en/needs/new", line("5"))
    hospital.fill("/en/needs/new", line("7", "surgical_mask", priority="stat"))
    page = hospital.get(f"/en/needs?{query}")
    assert page.index("surgical_mask</a>") < page.index("gloves</a>")
    check_strict("default-src 'none'", page)
    file = hospital.client.get(f"/en/needs?{query}&format=csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.count("\n") == 3
    assert "stat" in file.text.splitlines()[1]


@pytest.mark.parametrize("path", ["/en/needs", "/en/needs/new"])
def test_priorities_stand_the_most_urgent_first(
    api: TestClient, database: Database, path: str
) -> None:
    page = Browser(api, database, "hospital").get(path)
    choice = re.findall(r'(?s)<select[^>]*name="[^"]*priority".*?</select>', page)[0]
    found = [each for each in re.findall(r'value="([a-z]*)"', choice) if each]
    assert found == [each.value for each in Priority]


def test_who_says_nothing_asks_as_urgent(api: TestClient, database: Database) -> None:
    form = Browser(api, database, "hospital").form("/en/needs/new")
    assert form.values["needs[0].priority"] == "urgent"
