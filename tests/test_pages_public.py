"""What everybody sees: the home page, traces, entries and the log, strict about what they load."""

import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.journal.kinds import site_account
from services.journal.post import reverse
from services.journal.read import get_lots
from services.journal.seal import seal
from tests import gifts, shipments
from tests.browser import Browser, PageForms
from tests.world import World, stock

Open = Callable[[str | None], Browser]
PUBLIC = ["/", "/sign-in", "/log", "/donations/nothing", "/entries/nothing", "/nothing"]
OWN = {
    "hospital": ["/me", "/needs", "/needs/new", "/shipments", "/stock"],
    "maker": ["/me", "/capacity", "/capacity/plan", "/capacity/output", "/stock"],
    "donor": ["/me", "/gifts", "/gifts/goods", "/gifts/money"],
    "carrier": ["/me", "/shipments"],
    "dispatcher": ["/me", "/runs", "/needs", "/stock", "/gifts", "/gifts/goods", "/funds"],
    "approver": ["/me", "/runs", "/needs", "/stock", "/capacity", "/gifts", "/shipments"],
    "auditor": ["/me", "/runs", "/needs", "/stock", "/capacity", "/gifts", "/shipments"],
    "admin": [
        "/me",
        "/people",
        "/runs",
        "/needs/new",
        "/capacity/plan",
        "/gifts/money",
        "/shipments",
    ],
}


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


@pytest.mark.parametrize("who", [None, *OWN])
def test_every_page_is_strict_and_labelled(
    browser: Open, database: Database, who: str | None
) -> None:
    shipments.plan(database, shipments.Goods(100))
    person = browser(who)
    for path in OWN[who] if who else PUBLIC:
        for language in ("en", "zh"):
            answer = person.client.get(f"/{language}{path}")
            assert answer.status_code in ({404, 422} if "nothing" in path else {200}), path
            check_strict(answer.headers["content-security-policy"], answer.text)


def check_strict(policy: str, html: str) -> None:
    """Nothing inline, nothing from elsewhere, one heading, and a label for every field."""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)", html)
    links = re.findall(r'(?:src|href|action)="([^"]*)"', html)
    assert links
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in links)
    assert html.count("<h1") == 1
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert sorted(set(ids)) == sorted(ids)
    for form in PageForms(html).forms:
        assert {name for name, at in form.shown.items() if at not in form.labels} == set()


def test_the_home_page_says_what_it_shows_even_when_there_is_nothing(browser: Open) -> None:
    page = browser(None).get("/en/")
    assert "Anybody can check where every piece went." in page
    assert "No hospital has asked for anything yet." in page
    assert "No donation has been received yet." in page


def test_the_home_page_adds_up_what_came_in_and_where_it_is(
    browser: Open, database: Database
) -> None:
    sent = shipments.plan(database, shipments.Goods(300))
    with database.transaction() as session:
        stock(session, "W2", "surgical_mask", 4000)
    page = browser(None).get("/en/")
    assert "4,300 pieces of medical supplies have come in so far." in page
    assert "Hospitals asked for 300 pieces; 0% of that has reached them." in page
    who = browser("dispatcher")
    address = f"/en/shipments/{sent.id}"
    who.fill(address, {}, f"{address}/pick")
    who.fill(address, {}, f"{address}/dispatch")
    page = browser(None).get("/en/")
    assert re.search(r"0 of them are in the hands of hospitals, 300 are on their way", page)
    assert '<rect class="bar-way" x="0.0" width="100.0" height="10"/>' in page
    browser("carrier").fill(address, {}, f"{address}/deliver")
    form = browser("hospital").form(address, f"{address}/receive")
    browser("hospital").send(form, **{"lines[0].accepted": "240", "lines[0].short": "60"})
    page = browser(None).get("/en/")
    assert "80% of that has reached them" in page
    assert '<rect class="bar-got" x="0.0" width="80.0" height="10"/>' in page


def test_a_donations_number_leads_to_its_trace(
    browser: Open, api: TestClient, world: World
) -> None:
    body = gifts.goods()
    api.post("/api/v1/donations", json=body, headers=world.bearer("donor"))
    anybody = browser(None)
    found = anybody.client.get("/en/", params={"donation": f" {body['id']} "})
    assert found.headers["location"] == f"/en/donations/{body['id']}"
    assert "DONOR1 en" not in anybody.get("/en/")
    assert "promised goods to W1 en" in anybody.get(f"/en/donations/{body['id']}")
    received = {"occurred_at": "2020-02-03T10:00:00Z"}
    path = f"/api/v1/donations/{body['id']}/receive"
    assert api.post(path, json=received, headers=world.bearer("dispatcher")).status_code == 200
    assert "DONOR1 en" in anybody.get("/en/")
    assert "gave goods to W1 en" in anybody.get(f"/en/donations/{body['id']}")
    for number in ("nonsense", str(uuid4())):
        answer = anybody.client.get("/zh/", params={"donation": number})
        assert answer.status_code == 404
        assert "没有这个编号的捐赠" in answer.text
        assert f'value="{number}"' in answer.text


def test_who_is_not_to_be_named_is_named_nowhere(
    browser: Open, api: TestClient, world: World
) -> None:
    body = gifts.goods(anonymous=True)
    api.post("/api/v1/donations", json=body, headers=world.bearer("donor"))
    received = {"occurred_at": "2020-02-03T10:00:00Z"}
    path = f"/api/v1/donations/{body['id']}/receive"
    assert api.post(path, json=received, headers=world.bearer("dispatcher")).status_code == 200
    for page in ("/en/", f"/en/donations/{body['id']}", f"/zh/donations/{body['id']}"):
        assert "DONOR1" not in browser(None).get(page)


def test_an_entry_shows_its_bytes_and_how_far_the_log_has_come(
    browser: Open, database: Database
) -> None:
    with database.transaction() as session:
        lot = stock(session, "W1", "gloves", 10)
        entry_id = get_lots(session, [lot])[lot].entry_id
    anybody = browser(None)
    written = anybody.get(f"/en/entries/{entry_id}")
    assert "will be sealed and anchored" in written
    assert "&#34;quantity&#34;:&#34;10&#34;" in written
    with database.transaction() as session:
        assert seal(session) == 1
    assert "will be anchored within seconds" in anybody.get(f"/en/entries/{entry_id}")
    assert "The newest entries follow" in anybody.get("/en/log")
    anybody.get(f"/en/entries/{uuid4()}", 404)


def test_a_reversal_shows_in_the_trace(
    browser: Open, api: TestClient, world: World, database: Database
) -> None:
    body = gifts.goods()
    api.post("/api/v1/donations", json=body, headers=world.bearer("donor"))
    received = {"occurred_at": "2020-02-03T10:00:00Z"}
    path = f"/api/v1/donations/{body['id']}"
    told = api.post(f"{path}/receive", json=received, headers=world.bearer("dispatcher")).json()
    with database.transaction() as session:
        reverse(
            session,
            UUID(told["entry_id"]),
            reversal_id=uuid4(),
            actor="organisation:RELIEF",
            reason="counted twice",
        )
    page = browser(None).get(f"/en/donations/{body['id']}")
    assert "Correction" in page
    assert str(site_account("W1", "available")) not in page
    assert "Doesn&#39;t add up" not in page


def test_a_page_that_is_not_there_is_told_in_the_pages_language(browser: Open) -> None:
    assert "没有找到" in browser(None).get("/zh/nothing", 404)
    assert "There is no such thing" in browser(None).get("/en/nothing", 404)
    answer = browser(None).client.get("/english")
    assert answer.headers["content-type"] == "application/problem+json"


def test_each_page_leads_to_itself_in_the_other_language(browser: Open) -> None:
    page = browser("dispatcher").get("/en/stock?site=W1")
    assert 'href="/zh/stock?site=W1" lang="zh"' in page
    assert '<html lang="zh-Hans">' in browser(None).get("/zh/")


@pytest.mark.parametrize("who", [each for each in OWN if each])
def test_every_task_that_a_person_is_shown_can_be_opened(
    browser: Open, database: Database, who: str
) -> None:
    person = browser(who)
    shown = re.findall(r'<li class="card"><h3><a href="([^"]+)"', person.get("/zh/me"))
    assert len(shown) >= 3
    for path in shown:
        answer = person.client.get(path)
        assert answer.status_code == 200, path
        if not path.startswith("/api/"):
            check_strict(answer.headers["content-security-policy"], answer.text)
