"""A warehouse's and a hospital's day on pages without JavaScript, in both languages."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.catalog.maintain import put_gtin
from services.catalog.schemas import GtinIn
from services.database import Database
from services.inventory.act_schemas import Held, LossCause, Shelf
from services.inventory.models import LineState, SheetState
from services.inventory.picking import Skipped
from services.inventory.recall_schemas import RecallCause
from services.inventory.service import STATES
from services.web.pages import environment
from tests.browser import Browser, went_to
from tests.inventory.goods import came_today, donated, spread, standing
from tests.test_pages_public import check_strict

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


@pytest.fixture
def lot(database: Database) -> UUID:
    with database.transaction() as session:
        lot = donated(session, expires=date(2090, 1, 1))
        spread(session, lot)
        return lot


@pytest.mark.parametrize(
    "asked",
    ["/stock?state=&item=&site=&scan=", "/stock/disposals?state=", "/stock/expiring?day=&item="],
)
def test_what_is_left_empty_in_a_search_narrows_nothing(browser: Open, asked: str) -> None:
    assert browser("dispatcher").client.get(f"/en{asked}").status_code == 200


def test_a_scan_finds_the_lot_and_fills_in_what_is_counted_or_recalled(
    browser: Open, database: Database, lot: UUID
) -> None:
    with database.transaction() as session:
        put_gtin(session, "gloves", GtinIn(gtin="09506000134352", unit="box"))
        donated(session, 30, batch="OTHER")
    desk = browser("dispatcher")
    scan = "(01)09506000134352(10)B7"
    found = desk.get(f"/en/stock?scan={scan}")
    assert str(lot) in found
    assert "OTHER" not in found
    answer = desk.client.get("/en/stock?scan=hello")
    assert answer.status_code == 422
    assert "To mend:" in answer.text
    typed = {"scan": scan, "site": "W1", "reason": "monthly"}
    answer = desk.fill("/en/counts", typed, action="/en/counts")
    assert (answer.status_code, 'value="gloves" selected' in answer.text) == (200, True)
    answer = desk.fill("/en/recalls", {"scan": scan, "reason": "x"}, action="/en/recalls")
    assert (answer.status_code, 'value="B7"' in answer.text) == (200, True)
    assert desk.get("/en/recalls").count("<tr>") == 0


def test_what_expires_is_told_as_of_a_day(browser: Open, database: Database) -> None:
    with database.transaction() as session:
        donated(session, 30, batch="OLD", expires=date(2020, 2, 12))
    desk = browser("dispatcher")
    page = "/en/stock/expiring?days=5&day=2020-02-10"
    assert "2 days left" in desk.get(page)
    assert "2 days left" not in desk.get("/en/stock/expiring?days=5")
    page = "/en/stock/expiring?days=5&day=2020-02-12"
    answer = desk.fill(page, {}, action="/en/stock/expiring/take-off")
    assert went_to(answer) == "/en/stock/expiring"
    assert desk.client.get("/en/stock/expiring?day=9999-12-31").status_code == 422


@pytest.mark.parametrize(
    ("pieces", "english", "chinese"),
    [
        (1, "1 piece", "1 件"),
        (50, "1 box", "1 盒"),
        (51, "1 box + 1 piece", "1 盒 + 1 件"),
        (2000, "1 carton", "1 箱"),
        (4157, "2 cartons + 3 boxes + 7 pieces", "2 箱 + 3 盒 + 7 件"),
    ],
)
def test_packs_are_told_in_their_number(pieces: int, english: str, chinese: str) -> None:
    units = [("carton", 2000), ("box", 50)]
    for language, told in (("en", english), ("zh", chinese)):
        packs = environment(language).get_template("inventory_packs.html").make_module()
        shown = re.sub(r"<[^>]*>", "", str(packs.both(pieces, units)))  # type: ignore[attr-defined]
        assert shown in {told, f"{pieces:,} ({told})"} or (pieces == 1 and shown == "1")


def test_a_unit_without_words_needs_no_plural() -> None:
    labels = environment("en").get_template("labels.html").make_module()
    assert str(labels.items_in(1, "bag_20")) == "1 × bag_20"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("days", "english"), [(1, "1 day"), (1.5, "1.5 days"), (0, "0 days")])
def test_days_agree_with_their_number(days: float, english: str) -> None:
    labels = environment("en").get_template("labels.html").make_module()
    assert str(labels.days(days)) == english  # type: ignore[attr-defined]


def test_cards_and_recalls_name_who_and_what(browser: Open, lot: UUID) -> None:
    desk = browser("dispatcher")
    pages = [f"stock/lots/{lot}?site={site}" for site in ("W1", "H1")]
    pages.append("stock/card?site=W1&item=gloves")
    answer = desk.fill(
        "/en/recalls?item=gloves&batch=B7",
        {"cause": "quality", "reason": "holes"},
        action="/en/recalls",
    )
    pages.append((went_to(answer) or "").removeprefix("/en/"))
    for page in pages:
        for language in ("en", "zh"):
            shown = re.sub(r"<[^>]*>", "", desk.get(f"/{language}/{page}").partition("<h1")[2])
            for raw in ("site:", "shipment:", "donor:", "need:", "/given", "/reserved"):
                assert raw not in shown, (page, raw)
    assert "for a need" in desk.get(f"/en/{pages[0]}")


def test_a_desk_sorts_repacks_writes_off_and_recalls(
    browser: Open, database: Database, lot: UUID
) -> None:
    desk = browser("dispatcher")
    assert "5 boxes" in desk.get("/en/stock")
    page = f"/en/stock/lots/{lot}?site=W1"
    for act, typed in (
        ("place", {"place": "Rack 4"}),
        ("sort", {"quantity": "1", "unit": "box", "put_to": "quarantine", "reason": "x"}),
        ("lose", {"quantity": "10", "cause": "wet", "reason": "roof"}),
        ("repack", {"quantity": "100", "parts": "60, 40", "reason": "kits"}),
    ):
        answer = desk.fill(page, typed, action=f"/en/stock/lots/{lot}/{act}")
        assert went_to(answer) == f"/en/stock/lots/{lot}"
    held = standing(database, lot)
    assert (held["W1/quarantine"], held["W1/lost"], held["W1/converted"]) == (50, 10, 100)
    assert "Rack 4" in desk.get("/en/stock")
    wrong = {"quantity": "100", "parts": "60, 41", "reason": "kits"}
    answer = desk.fill(page, wrong, action=f"/en/stock/lots/{lot}/repack")
    assert answer.status_code == 422
    assert "60, 41" in answer.text
    opening = {"item": "gloves", "batch": "B7", "cause": "quality", "reason": "holes"}
    answer = desk.fill("/en/recalls", opening, action="/en/recalls")
    recall = went_to(answer)
    shown = desk.get(recall)
    assert "Stopped" in shown
    assert "HOSP1" in shown
    assert "It is recalled" in desk.get(page)
    assert "· dispatcher ·" in shown  # who opened it
    assert "Stopped" in browser("hospital").get(recall)
    answer = desk.fill(recall, {"reason": "fine"}, action=f"{recall}/lift")
    assert went_to(answer) == recall
    assert standing(database, lot)["H1/quarantine"] == 250


def test_a_hospital_uses_and_gives_back(browser: Open, database: Database, lot: UUID) -> None:
    ward = browser("hospital")
    assert "With the hospital" in ward.get("/en/stock")
    page = f"/en/stock/lots/{lot}?site=H1"
    for act, typed in (
        ("use", {"quantity": "30", "reason": "ward 3"}),
        ("give-back", {"quantity": "2", "unit": "box", "reason": "ward closed"}),
    ):
        answer = ward.fill(page, typed, action=f"/en/stock/lots/{lot}/{act}")
        assert went_to(answer).startswith("/en/stock/lots/")
    held = standing(database, lot)
    assert (held["H1/consumed"], held["H1/available"], held["H1/received"]) == (30, 100, 120)
    ward.get(f"/en/stock/lots/{lot}?site=W1", 403)
    ward.get(f"/en/stock/lots/{lot}", 404)


def test_a_count_on_pages_is_blind(browser: Open, database: Database) -> None:
    with database.transaction() as session:
        lot = donated(session, 1234)
    desk = browser("dispatcher")
    answer = desk.fill("/en/counts", {"site": "W1", "reason": "monthly"}, action="/en/counts")
    sheet = went_to(answer)
    assert "1,234" not in desk.get(sheet)
    form = desk.form(sheet, action=f"{sheet}/lines")
    (field,) = [name for name in form.values if name.endswith(".counted")]
    answer = desk.send(form, **{field: "1230"})
    assert went_to(answer) == sheet
    assert "1,230" in desk.get(sheet)
    assert standing(database, lot)["W1/available"] == 1230


def test_what_expired_goes_off_the_shelf_by_one_button(browser: Open, database: Database) -> None:
    today = datetime.now(UTC).date()
    with database.transaction() as session:
        old = came_today(session, "OLD", today - timedelta(days=1))
        came_today(session, "NEW", today + timedelta(days=20))
    desk = browser("dispatcher")
    page = desk.get("/en/stock/expiring")
    assert "OLD" in page
    assert "NEW" in page
    answer = desk.fill("/en/stock/expiring", {}, action="/en/stock/expiring/take-off")
    assert went_to(answer) == "/en/stock/expiring"
    assert standing(database, old) == {"W1/expired": 10}


def test_the_catalogue_and_the_scanner(browser: Open, database: Database, lot: UUID) -> None:
    desk = browser("dispatcher")
    new = {"code": "shield", "name_en": "Shield", "name_zh": "面屏", "category": "ppe"}
    frozen = new | {"least_centi": "-25", "most_centi": "−15.5"}
    assert "such as -2.5" in desk.fill("/en/catalogue", new | {"least_centi": "icy"}).text
    assert went_to(desk.fill("/en/catalogue", frozen | {"code": "kit"})).startswith(
        "/en/catalogue/kit"
    )
    assert "kept from -25 °C to -15.5 °C" in desk.get("/en/catalogue/kit")
    assert went_to(desk.fill("/en/catalogue", new, action="/en/catalogue")).startswith(
        "/en/catalogue/shield"
    )
    gtin = {"gtin": "09506000134352", "unit": "box"}
    page = "/en/catalogue/gloves"
    assert went_to(desk.fill(page, gtin, action=f"{page}/gtin")) == page
    wrong = desk.fill(page, gtin | {"gtin": "09506000134353"}, action=f"{page}/gtin")
    assert "check digit" in wrong.text
    scanned = desk.get("/en/scan?text=(01)09506000134352(10)B7(37)3")
    assert "150" in scanned
    assert "B7" in scanned
    desk.get("/en/scan?text=hello", 422)
    picked = desk.get("/en/stock/pick?site=W1&item=gloves&quantity=300&unit=piece")
    assert "50 pieces more are wanted" in picked
    assert "set aside for a need" in picked


def _check(person: Browser, path: str) -> None:
    answer = person.client.get(path)
    assert answer.status_code == 200, path
    check_strict(answer.headers["content-security-policy"], answer.text)


PATHS = ("/stock", "/stock/expiring", "/stock/pick", "/recalls", "/counts", "/catalogue", "/scan")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_strict_in_both_languages(browser: Open, lot: UUID, language: str) -> None:
    for who in ("dispatcher", "hospital", "maker"):
        person = browser(who)
        for path in PATHS:
            _check(person, f"/{language}{path}")
    desk = browser("auditor")
    for path in (
        f"/stock/lots/{lot}?site=W1",
        "/stock/card?site=W1&item=gloves",
        "/catalogue/gloves",
    ):
        _check(desk, f"/{language}{path}")
    browser(None).get(f"/{language}/recalls", 303)


def test_lists_come_as_files(browser: Open, lot: UUID) -> None:
    desk = browser("dispatcher")
    for path in ("/stock", "/stock/expiring", "/recalls", "/counts"):
        answer = desk.client.get(f"/en{path}?format=csv")
        assert answer.headers["content-type"].startswith("text/csv"), path
    card = desk.client.get("/en/stock/card?site=W1&item=gloves&format=csv")
    assert card.text.count("\n") == 4


WORDS: dict[str, Any] = {
    "STATE": {*STATES, *Held, *Shelf},
    "CAUSE": set(LossCause),
    "RECALL_CAUSE": set(RecallCause),
    "SKIPPED": set(Skipped),
    "SHEET": set(SheetState),
    "LINE": set(LineState),
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_has_its_words(language: str) -> None:
    words: Any = environment(language).get_template("labels_inventory.html").module
    for name, codes in WORDS.items():
        assert {str(code) for code in codes} <= set(getattr(words, name)), name
        if language == "zh":
            assert all(re.search("[\u4e00-\u9fff]", text) for text in getattr(words, name).values())


def test_the_date_of_a_batch_is_on_its_page(browser: Open, lot: UUID) -> None:
    assert "2090" in browser("dispatcher").get(f"/zh/stock/lots/{lot}?site=W1")
