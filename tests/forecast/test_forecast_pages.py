"""A hospital's and a desk's day with the forecast on pages, without scripts, in both languages."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.requests.forecast.method import Gap
from services.requests.forecast.models import Driver, Method, OfferState
from services.requests.forecast.rates import DEFAULTS, JHCHS, LMIS
from services.web.pages import environment
from tests.browser import Browser, went_to
from tests.forecast.reporting import a_day, send, told, two_days
from tests.test_pages_public import check_strict
from tests.world import World

Open = Callable[[str | None], Browser]
NEW = "/en/daily-reports/new"


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def test_a_day_on_pages_from_the_report_to_the_needs(
    browser: Open, api: TestClient, world: World
) -> None:
    hospital = browser("hospital")
    assert "Report now" in hospital.get("/en/daily-reports")
    people = {"patients_mild": "50", "patients_severe": "10", "patients_critical": "2"}
    line = {"stock[0].item": "gloves", "stock[0].quantity": "20", "stock[0].unit": "box"}
    form = hospital.form(f"{NEW}?day=2020-02-03", NEW)
    assert form.values["day"] == "2020-02-03"
    for _ in range(2):
        assert went_to(hospital.send(form, **people, **line)) == "/en/forecast"
    assert len(told(api, world, "daily-reports", history=True)) == 1
    # The next day's form is filled in with this one; the stock is what changes.
    form = hospital.form(f"{NEW}?day=2020-02-04", NEW)
    assert (form.values["patients_mild"], form.values["stock[0].quantity"]) == ("50", "20")
    assert form.values["stock[0].unit"] == "box"
    sent = hospital.send(form, **{"stock[0].quantity": "12"})
    assert went_to(sent) == "/en/forecast"
    page = hospital.get("/en/forecast")
    assert "1.5 days" in page
    offer = re.search(r"/en/forecast/offers/[0-9a-f-]{36}", page)
    assert offer is not None
    shown = hospital.form(offer[0], f"{offer[0]}/accept")
    assert shown.values["lines[0].quantity"] == "2200"
    changed = {"lines[0].quantity": "2,500"}
    for _ in range(2):
        assert went_to(hospital.send(shown, **changed)) == "/en/needs"
    assert [need["quantity_base"] for need in told(api, world, "needs")] == [2500]
    assert "Asked for" in hospital.get(offer[0])


def test_what_is_wrong_on_the_form_stands_beside_it(browser: Open) -> None:
    hospital = browser("hospital")
    wrong = hospital.fill(NEW, {"patients_mild": "many", "patients_severe": "1"})
    assert wrong.status_code == 422
    assert 'id="patients_mild-slip"' in wrong.text
    assert 'value="many"' in wrong.text
    more = hospital.fill(NEW, {"patients_mild": "7"} | {"day": "2020-02-03"})
    assert more.status_code == 422
    line = {"stock[0].quantity": "5"}
    people = {"patients_mild": "1", "patients_severe": "1", "patients_critical": "1"}
    nameless = hospital.fill(NEW, people | line)
    assert nameless.status_code == 422
    assert 'id="stock-0-item-slip"' in nameless.text
    form = hospital.form(NEW)
    wider = hospital.post(NEW, form.values | {"more": "1"})
    assert wider.status_code == 200
    assert wider.text.count("<legend>") > hospital.get(NEW).count("<legend>")


def test_a_desk_sees_what_runs_out_who_is_silent_and_changes_a_rate(
    browser: Open, api: TestClient, world: World
) -> None:
    two_days(api, world)
    desk = browser("dispatcher")
    assert "1.5 days" in desk.get("/en/forecast")
    assert "H2 en" in desk.get("/en/forecast/missing?day=2020-02-04")
    path = "/en/forecast/rates/gloves/patient_mild"
    saved = desk.fill(path, {"rate_milli": "45", "source": "our ward book"})
    assert went_to(saved).startswith("/en/forecast/rates")
    page = desk.get("/en/forecast/rates?item=gloves")
    assert "45" in page
    assert "our ward book" in page
    assert "30 (assumed" in desk.get(path)
    stale = desk.post(path, {"rate_milli": "1", "source": "abc", "version": "0"})
    assert stale.status_code == 409
    hospital = browser("hospital")
    assert "<form class" not in hospital.get(path)
    hospital.get("/en/forecast/missing", 403)


def test_a_desk_looks_at_an_offer_and_does_not_answer_it(
    browser: Open, api: TestClient, world: World
) -> None:
    offer = two_days(api, world)
    path = f"/en/forecast/offers/{offer['id']}"
    desk = browser("dispatcher")
    assert "/accept" not in desk.get(path)
    assert desk.post(f"{path}/accept", {}).status_code == 403
    browser("hospital2").get(path, 403)
    hospital = browser("hospital")
    without = hospital.fill(path, {}, f"{path}/dismiss")
    assert without.status_code == 422
    gone = hospital.fill(path, {"reason": "enough is here"}, f"{path}/dismiss")
    assert went_to(gone) == "/en/forecast"
    assert "enough is here" in hospital.get(path)


def test_every_page_is_strict_and_speaks_both_languages(
    browser: Open, api: TestClient, world: World
) -> None:
    offer = two_days(api, world)
    send(api, world, a_day("2020-02-04", 0, stock=[{"item": "surgical_mask", "quantity": 1}]))
    paths = (
        *("forecast", "daily-reports", "daily-reports?history=1", "daily-reports/new"),
        *("forecast/sites/H1", "forecast/sites/H2", f"forecast/offers/{offer['id']}"),
        *("forecast/missing", "forecast/rates", "forecast/rates/gloves/test"),
    )
    admin = browser("admin")
    for path in paths:
        for language in ("en", "zh"):
            answer = admin.client.get(f"/{language}/{path}")
            assert answer.status_code == 200, path
            check_strict(answer.headers["content-security-policy"], answer.text)
    made = admin.fill("/en/forecast/sites/H1", {"horizon_days": "14"}, _OFFER)
    assert went_to(made).startswith("/en/forecast/offers/")
    refused = admin.fill("/en/forecast/sites/H1", {"horizon_days": "99"}, _OFFER)
    assert refused.status_code == 422
    for path in ("forecast?format=csv", "daily-reports?format=csv", "forecast/rates?format=csv"):
        answer = admin.client.get(f"/en/{path}")
        assert answer.headers["content-type"].startswith("text/csv"), path


_OFFER = "/en/forecast/sites/H1/offer"


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("DRIVER", list(Driver)),
        ("METHOD", list(Method)),
        ("OFFER", list(OfferState)),
        ("GAP", list(Gap)),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_of_the_forecast_has_its_words(
    table: str, codes: list[str], language: str
) -> None:
    words = getattr(environment(language).get_template("labels_forecast.html").module, table)
    assert [code for code in codes if not words.get(str(code))] == []


def test_every_source_of_our_own_is_told_in_both_languages() -> None:
    words = environment("zh").get_template("labels_forecast.html").module.SOURCE
    explained = {rate.source for rate in DEFAULTS} - {JHCHS, LMIS}
    assert explained == set(words)
    assert [source for source in words if words[source] == source] == []


@pytest.mark.parametrize(
    ("by", "told"),
    [("stock", "库存可用到2020年2月9日"), ("coming", "在途"), ("asked", "已提出的申请")],
)
def test_why_nothing_is_suggested_stands_in_words(by: str, told: str) -> None:
    words = environment("zh").get_template("labels_forecast.html").module
    assert told in words.covered(by, date(2020, 2, 9))
