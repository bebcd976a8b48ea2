"""Alerts on pages, without scripts: read, acknowledged, handed on, muted, and chosen."""

import re
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from services.alerts import signing
from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.service import close_alert
from services.alerts.telling_models import AlertMessage, AlertMute, Webhook
from services.database import Database
from services.parties.models import User
from services.settings import get_settings
from tests.alerts.raised import late_shipment
from tests.browser import Browser, went_to
from tests.test_pages_public import check_strict
from tests.world import user_id

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MEDRELAY_WEBHOOK_KEY", "22" * 32)
    get_settings.cache_clear()
    signing._key.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()
    signing._key.cache_clear()


def strict(browser: Browser, path: str) -> None:
    answer = browser.client.get(path)
    check_strict(answer.headers["content-security-policy"], answer.text)


def test_a_desks_whole_day_on_pages(browser: Open, database: Database) -> None:
    """What waits is counted in every head; a person knows of it, hands it on, has it quiet."""
    desk = browser("dispatcher")
    assert ">Alerts</a>" in desk.get("/en/stock")
    with database.transaction() as session:
        late = late_shipment(session, severity=Severity.CRITICAL)
        late_shipment(session, "shipment:2")
    assert "Alerts (2)" in desk.get("/en/stock")
    assert "提醒（2）" in desk.get("/zh/stock")
    assert "Alerts (2)" not in browser("approver").get("/en/stock")
    page = f"/en/alerts/{late.id}"
    listed = desk.get("/en/alerts")
    strict(desk, "/en/alerts")
    assert listed.index("Alarm</span>") < listed.index("Warning</span>")
    assert "What CARR1 en brings from W1 en to H1 en was due on 5 Feb 2020." in listed
    assert f'href="{page}"' in listed
    strict(desk, page)
    assert "/en/shipments/1" in desk.get(page)

    known = desk.fill(page, {"reason": "at the <bridge>"}, f"{page}/acknowledge")
    assert went_to(known) == page
    assert "at the &lt;bridge&gt;" in desk.get(page)
    assert "Alerts (1)" in desk.get("/en/stock")
    assert went_to(desk.fill(page, {"username": "admin"}, f"{page}/assign")) == page
    assert "for admin" in desk.get("/en/alerts")
    assert str(late.id) in browser("admin").get("/en/alerts?mine=true")
    assert str(late.id) not in desk.get("/en/alerts?mine=true")

    form = desk.form(page, f"{page}/mute")
    for _ in range(2):
        assert went_to(desk.send(form, what="kind", how_long="week")) == page
    with database.transaction() as session:
        (mute,) = session.exec(select(AlertMute)).all()
        assert (mute.kind, mute.subject) == (AlertKind.SHIPMENT_LATE, None)
    assert str(late.id) not in desk.get("/en/alerts")
    assert str(late.id) in desk.get("/en/alerts?state=muted")
    assert ">Alerts</a>" in desk.get("/en/stock")
    quiet = desk.get("/en/alerts/settings")
    strict(desk, "/en/alerts/settings")
    assert "One change" in quiet
    desk.send(desk.form("/en/alerts/settings", f"/en/alerts/mutes/{mute.id}/end"))
    assert "Alerts (1)" in desk.get("/en/stock")

    with database.transaction() as session:
        close_alert(session, AlertKind.SHIPMENT_LATE, "shipment:1")
    over = desk.get(page)
    assert "Over since" in over
    assert f"{page}/acknowledge" not in over
    file = desk.client.get("/en/alerts?format=csv")
    assert len(file.text.splitlines()) == 3
    for filters in ("?kind=x&severity=y&state=z&region=%00&item=n", "?sort=-severity&limit=1"):
        desk.get(f"/en/alerts{filters}")
    browser("hospital2").get(page, 404)
    browser(None).get("/en/", 200)
    assert browser(None).client.get("/en/alerts").status_code == 303


def test_one_chooses_what_one_is_told_of(browser: Open, database: Database) -> None:
    with database.transaction() as session:
        late_shipment(session)
    hospital = browser("hospital")
    assert "No mail is sent from here" in hospital.get("/en/alerts/settings")
    chosen = {"kinds.recall": "true", "regions.420000": "true", "means": "digest"}
    saved = hospital.fill("/en/alerts/settings", chosen | {"digest_hour": "7"})
    assert went_to(saved) == "/en/alerts/settings"
    form = hospital.form("/en/alerts/settings")
    assert form.values["kinds.recall"] == "true"
    assert "kinds.shortage" not in form.values
    assert (form.values["means"], form.values["digest_hour"]) == ("digest", "7")
    assert "Nothing asks for attention here." in hospital.get("/en/alerts")
    wrong = hospital.fill("/en/alerts/settings", {"digest_hour": "24"})
    assert wrong.status_code == 422
    assert 'id="digest_hour-slip"' in wrong.text
    assert hospital.form("/en/alerts/settings").values["digest_hour"] == "7"
    unknown = hospital.send(form, **{"items.nothing": "true"})
    assert unknown.status_code == 422
    assert "There is no nothing" in unknown.text


def test_one_gives_an_address(browser: Open, database: Database) -> None:
    donor = browser("donor")
    wrong = donor.fill("/zh/me", {"email": "nobody"}, "/zh/me/email")
    assert wrong.status_code == 422
    assert 'id="email-slip"' in wrong.text
    saved = donor.fill("/zh/me", {"email": "giver@example.org"}, "/zh/me/email")
    assert went_to(saved) == "/zh/me"
    with database.transaction() as session:
        user = session.get_one(User, user_id("donor"))
        assert (user.email, user.language) == ("giver@example.org", "zh")
    strict(donor, "/zh/me")


def test_a_webhook_is_registered_tried_and_removed(
    browser: Open, database: Database, keyed: None
) -> None:
    desk = browser("dispatcher")
    page = "/en/alerts/webhooks"
    strict(desk, page)
    inside = desk.fill(page, {"url": "https://10.0.0.1/"})
    assert inside.status_code == 422
    assert 'id="url-slip"' in inside.text
    form = desk.form(page)
    made = desk.send(form, url="https://example.org/hook", **{"kinds.recall": "true"})
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    assert "whsec_" in made.text
    check_strict(made.headers["content-security-policy"], made.text)
    with database.transaction() as session:
        (hook,) = session.exec(select(Webhook)).all()
        assert hook.kinds == ["recall"]
    own = f"{page}/{hook.id}"
    assert (
        went_to(desk.send(form, url="https://example.org/hook", **{"kinds.recall": "true"})) == own
    )
    assert "whsec_" not in desk.get(own)
    test = desk.form(own, f"{own}/test")
    for _ in range(2):
        assert went_to(desk.send(test)) == own
    with database.transaction() as session:
        assert len(session.exec(select(AlertMessage)).all()) == 1
    assert "To be sent" in desk.get(own)
    assert "whsec_" in desk.send(desk.form(own, f"{own}/secret")).text
    stale = desk.post(f"{own}/secret", {"version": "1"})
    assert stale.status_code == 409
    assert desk.post(f"{own}/secret", {"version": "x"}).status_code == 422
    assert desk.post(f"{own}/test", {"id": "x"}).status_code == 422
    assert went_to(desk.send(desk.form(own, f"{own}/remove"))) == page
    assert "Left out" in desk.get(own)
    assert f"{own}/test" not in desk.get(own)
    browser("hospital").get(own, 404)
    with database.transaction() as session:
        assert session.exec(select(Alert)).all() == []


def test_alerts_stand_by_kind_and_what_waits_first(browser: Open, database: Database) -> None:
    with database.transaction() as session:
        for at in range(27):
            late_shipment(session, f"shipment:{at}")
        grave = {"kind": AlertKind.RECALL, "severity": Severity.CRITICAL}
        recall = late_shipment(session, "recall:1", **grave)
        late_shipment(session, "lot:1", kind=AlertKind.LOT_EXPIRED)
        close_alert(session, AlertKind.LOT_EXPIRED, "lot:1")
    desk = browser("dispatcher")
    text = desk.get("/en/alerts")
    assert text.index("A recall: 1 waiting, 0 acknowledged") < text.index("late: 27 waiting, 0 ack")
    assert "Goods expired:" not in text
    # What somebody knows of stands below what nobody does, however grave.
    desk.fill(f"/en/alerts/{recall.id}", {}, f"/en/alerts/{recall.id}/acknowledge")
    text = desk.get("/en/alerts?region=420100")
    assert text.index("late: 27 waiting") < text.index("A recall: 0 waiting, 1 acknowledged")
    assert len(re.findall(r'href="/en/alerts/[0-9a-f-]{36}"', text)) == 5 + 1
    assert 'href="/en/alerts?region=420100&amp;kind=shipment_late">All 27 of this kind</a>' in text
    whole = desk.get("/en/alerts?kind=shipment_late")
    assert len(re.findall(r'href="/en/alerts/[0-9a-f-]{36}"', whole)) == 25
    assert "1–25 of 27" in whole
    assert "1–1 of 1" in desk.get("/en/alerts?state=closed")
    assert "待处理27条，已知悉0条" in desk.get("/zh/alerts")
    strict(desk, "/en/alerts?kind=shipment_late&sort=region")
