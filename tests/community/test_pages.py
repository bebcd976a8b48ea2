"""The point's pages, without scripts: a resident books, and the staff hands out."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from services.community import identity
from services.community.models import BookingState
from services.database import Database
from services.journal.clock import local_date
from services.web.pages import environment
from tests.browser import Browser, went_to
from tests.community.points import STAFF, add_point, put_in_hand
from tests.test_pages_public import check_strict


@pytest.fixture(autouse=True)
def point(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "secret", lambda: b"k" * 32)
    with database.transaction() as session:
        add_point(session)
        put_in_hand(session, 100)


def strict(browser: Browser, path: str) -> str:
    answer = browser.client.get(path)
    assert answer.status_code == 200
    check_strict(answer.headers["content-security-policy"], answer.text)
    return str(answer.text)


def test_a_resident_books_and_is_served_without_scripts(
    api: TestClient, database: Database
) -> None:
    staff = Browser(api, database, STAFF)
    today = local_date(datetime.now(UTC))
    offer = {
        "item": "surgical_mask",
        "first_day": str(today),
        "last_day": str(today + timedelta(days=5)),
    }
    assert went_to(staff.fill("/en/point/offers/new", offer)) == "/en/point"
    resident = Browser(api, database)
    page = strict(resident, "/zh/community?region=420000")
    assert "还够 20 户" in page
    path = re.findall(r"/zh/community/offers/[\w-]+", page)[0]
    day = str(today + timedelta(days=2))
    shown = resident.form(f"{path}?day={day}", f"{path}/book")
    slots = re.findall(r'<option value="([^"]+)">\d\d:\d\d', resident.get(f"{path}?day={day}"))
    assert len(slots) == 16
    refused = resident.send(shown, slot_starts_at=slots[3], household="12")
    assert refused.status_code == 422
    assert 'id="household-slip"' in refused.text
    assert 'value="12"' not in refused.text
    answer = resident.send(shown, slot_starts_at=slots[3], household="420102 1980 0001")
    booked = went_to(answer)
    page = strict(resident, booked)
    code = re.findall(r"<strong>([0-9A-Z]{4}-[0-9A-Z]{4})</strong>", page)[0]
    assert went_to(resident.send(shown, slot_starts_at=slots[3], household="420102 1980 0001"))
    blank = {"slot_starts_at": "", "household": "420102-1980-0001"}
    assert resident.fill(f"{path}?day={day}", blank, f"{path}/book").status_code == 422
    comers = strict(staff, f"/en/point?day={day}")
    strict(staff, "/en/point/offers/new")
    strict(resident, f"{path}?day={day}")
    assert code not in comers
    wrong = staff.fill("/en/point", {"pickup_code": "AAAA-AAAA"}, "/en/point/hand-out")
    assert (wrong.status_code, "No booking has this code" in wrong.text) == (404, True)
    right = {"pickup_code": code.lower(), "household": "420102-1980-0001"}
    assert went_to(staff.fill("/en/point", right, "/en/point/hand-out")) == "/en/point"
    assert "Handed out" in staff.get(f"/en/point?day={day}")
    assert "handed_out" in staff.get(f"/en/point?day={day}&format=csv")
    assert "已发放" in resident.get(booked.replace("/en/", "/zh/"))


def test_a_booking_is_given_up_on_its_page(api: TestClient, database: Database) -> None:
    staff, resident = Browser(api, database, STAFF), Browser(api, database)
    went_to(staff.fill("/en/point/offers/new", {"item": "surgical_mask"}))
    path = re.findall(r"/en/community/offers/[\w-]+", resident.get("/en/community"))[0]
    day = str(local_date(datetime.now(UTC)) + timedelta(days=1))
    page = f"{path}?day={day}"
    slot = re.findall(r'<option value="([^"]+)">\d\d:\d\d', resident.get(page))[0]
    form = resident.form(page, f"{path}/book")
    booked = went_to(resident.send(form, slot_starts_at=slot, household="420102 1980 0001"))
    assert went_to(resident.fill(booked, {}, f"{booked}/cancel")) == booked
    assert "Given up" in resident.get(booked)
    close = re.findall(r"/en/point/offers/[\w-]+/close", staff.get("/en/point"))[0]
    empty = staff.fill("/en/point", {"reason": ""}, close)
    assert empty.status_code == 422
    assert went_to(staff.fill("/en/point", {"reason": "all gone"}, close)) == "/en/point"
    assert resident.get(page).count("no more of that") == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_state_of_a_booking_has_its_words(language: str) -> None:
    words = environment(language).get_template("labels_community.html").module.BOOKING
    assert [state for state in BookingState if not words.get(state.value)] == []


def test_nobody_else_sees_the_staffs_page(api: TestClient, database: Database) -> None:
    Browser(api, database).get("/en/point", 303)
    Browser(api, database, "donor").get("/en/point", 403)
    Browser(api, database, "auditor").get("/en/point")
