"""A maker's and a desk's whole day on pages without JavaScript; and words for every code."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import get_args

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from services.capacity.models import OfferStatus, OrderStatus, ShortfallReason
from services.capacity.schemas import DayState
from services.capacity.schemas_makers import PaperKind, Standing
from services.database import Database
from services.web.pages import environment
from tests.browser import ORIGIN, Browser, PageForms, went_to
from tests.capacity.papers import PDF, Desk, an_offer, day, paper
from tests.test_pages_public import check_strict
from tests.world import World

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def press(user: Browser, path: str, action: str, act: str, **values: str) -> Response:
    """Press the button of that name in the form that goes to ``action``."""
    html = user.get(path)
    assert f'name="act" value="{act}"' in html, f"{path} has no button {act}"
    forms = [form for form in PageForms(html).forms if form.action == f"{path}/{action}"]
    return user.post(f"{path}/{action}", forms[-1].values | {"act": act} | values)


def choose_file(user: Browser, path: str, **values: str) -> Response:
    """Choose a file in the page's form that takes one, and send it as a browser does."""
    assert 'enctype="multipart/form-data"' in user.get(path)
    form = user.form(path, f"{path}/files")
    sent = form.values | values
    sent.pop("file")
    return user.client.post(form.action, data=sent, files={"file": PDF}, headers=ORIGIN)


def test_a_day_on_pages_from_the_paper_to_the_certificate(browser: Open) -> None:
    maker, desk = browser("maker"), browser("dispatcher")
    own = "/en/capacity/makers/MAKER"
    handed_in = maker.fill(
        f"{own}/paper",
        {
            "licence_number": "L-1",
            "products[0].item": "gloves",
            "products[0].registration_number": "R-1",
        },
    )
    assert went_to(handed_in) == own
    assert went_to(choose_file(maker, own, kind="licence")) == own
    assert "Waits for a desk" in desk.get("/en/capacity/makers")
    unsaid = press(desk, own, "decide", "ask-back")
    assert unsaid.status_code == 422
    assert 'id="reason-slip"' in unsaid.text or "To mend" in unsaid.text
    assert went_to(press(desk, own, "decide", "ask-back", reason="the date?")) == own
    assert "the date?" in maker.get(own)
    assert went_to(maker.fill(f"{own}/paper", {})) == own
    assert went_to(press(desk, own, "decide", "approve")) == own
    assert "Its output is taken." in maker.get(own)
    download = re.findall(rf'href="({own}/files/\w+)"', desk.get(own))
    assert desk.client.get(download[0]).content == PDF[1]
    browser("hospital").get(own, 403)
    # A day is planned, and the desk orders off it.
    line = {"days[0].item": "gloves", "days[0].day": day(), "days[0].planned": "1000"}
    assert went_to(maker.fill("/en/capacity/plan", line)) == "/en/capacity"
    wanted = {"site": "F1", "item": "gloves", "day": day(), "quantity": "1,001"}
    refused = desk.fill("/en/capacity/orders/new", wanted)
    assert refused.status_code == 409
    assert 'id="quantity-slip"' in refused.text
    form = desk.form("/en/capacity/orders/new")
    order = went_to(desk.send(form, **wanted | {"quantity": "400"}))
    assert went_to(desk.send(form, **wanted | {"quantity": "400"})) == order
    assert went_to(press(maker, order, "settle", "accept")) == order
    made = {"day": day(), "batch": "B-7", "produced_on": day(), "quantity": "400"}
    link = f"/en/capacity/output?order={order.rpartition('/')[2]}"
    assert link in maker.get(order)
    reported = maker.fill(link, made, "/en/capacity/output")
    assert went_to(reported) == "/en/capacity"
    assert "Complete" in desk.get(order)
    assert "settle" not in maker.get(order)
    # Its certificate is missing, and then attached.
    outputs = "/en/capacity/outputs"
    assert "B-7" in desk.get(f"{outputs}?certificate=missing")
    lot = re.findall(rf'href="({outputs}/[\w-]+)"', maker.get(outputs))[0]
    assert "multipart" not in desk.get(lot)
    assert went_to(choose_file(maker, lot)) == lot
    assert "B-7" not in desk.get(f"{outputs}?certificate=missing")
    assert "400" in desk.get("/en/capacity")


def test_surplus_on_pages(browser: Open) -> None:
    maker, desk = browser("maker"), browser("dispatcher")
    wrong = {"item": "gloves", "quantity": "300", "ready_on": day(1), "until": day(2)}
    told = maker.fill("/en/capacity/surplus/new", wrong | {"price_minor": "12.345"})
    assert told.status_code == 422
    assert 'id="price_minor-slip"' in told.text
    form = wrong | {"price_minor": "1,250.5"}
    assert went_to(maker.fill("/en/capacity/surplus/new", form)) == "/en/capacity/surplus"
    assert went_to(maker.fill("/en/capacity/surplus/new", wrong)) == "/en/capacity/surplus"
    listed = desk.get("/en/capacity/surplus?sort=-until")
    assert "1,250.50 CNY" in listed
    first, second = re.findall(r'href="(/en/capacity/surplus/[\w-]{36})"', listed)
    order = went_to(desk.fill(first, {"quantity": "100"}, f"{first}/take"))
    assert order.startswith("/en/capacity/orders/")
    assert "200 pieces of it are left." in maker.get(first)
    withdrawn = maker.fill(second, {"reason": "sold"}, f"{second}/withdraw")
    assert went_to(withdrawn) == second
    assert "sold" in desk.get(second)


@pytest.mark.parametrize(
    ("currency", "typed", "minor", "shown"),
    [("JPY", "1,250", 1250, "1,250 JPY"), ("IQD", "1,250.125", 1_250_125, "1,250.125 IQD")],
)
def test_a_price_has_its_currencys_decimals(
    browser: Open, api: TestClient, world: World, currency: str, typed: str, minor: int, shown: str
) -> None:
    maker = browser("maker")
    form = {"item": "gloves", "quantity": "300", "ready_on": day(1), "until": day(2)}
    form |= {"currency": currency, "price_minor": typed}
    assert went_to(maker.fill("/en/capacity/surplus/new", form)) == "/en/capacity/surplus"
    assert Desk(api, world).get("/surplus-offers", "maker")[0]["price_minor"] == minor
    listed = maker.get("/en/capacity/surplus")
    assert shown in listed
    (offer,) = re.findall(r'href="(/en/capacity/surplus/[\w-]{36})"', listed)
    assert shown in maker.get(offer)


def test_a_short_day_is_explained_on_its_page(browser: Open, api: TestClient, world: World) -> None:
    calls = Desk(api, world)
    calls.plan(1000, day(-1))
    maker, desk = browser("maker"), browser("dispatcher")
    silent = "/en/capacity?state=unreported"
    assert "Not reported" in desk.get(silent)
    assert "Say why" not in desk.get(silent)
    [link] = re.findall(r'href="(/en/capacity/shortfall\?[^"]+)"', maker.get(silent))
    page = link.replace("&amp;", "&")
    form = {"reason": "power", "note": "no current"}
    assert went_to(maker.fill(page, form, "/en/capacity/shortfall")) == "/en/capacity"
    assert "no current" in desk.get("/en/capacity?state=explained")
    assert "no current" not in desk.get(silent)
    browser("dispatcher").get("/en/capacity/rules")
    rules = {"silent_hours": "48", "reason": "weekends", "registration_required": "true"}
    assert went_to(desk.fill("/en/capacity/rules", rules)) == "/en/capacity/makers"
    assert "weekends" in desk.get("/en/capacity/rules")
    assert calls.get("/capacity-rules")["silent_hours"] == 48
    assert calls.get("/capacity-rules")["registration_required"] is True


def test_a_list_is_sorted_cut_and_a_file(browser: Open, api: TestClient, world: World) -> None:
    calls = Desk(api, world)
    for ahead in range(3):
        calls.plan(1000 + ahead, day(ahead))
    desk = browser("dispatcher")
    page = desk.get("/en/capacity?limit=2&sort=-planned_base")
    assert 'aria-sort="descending"' in page
    assert page.index("1,002") < page.index("1,001")
    assert "1,000" not in page
    assert "1–2 of 3" in page
    file = desk.client.get("/en/capacity?format=csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert len(file.text.splitlines()) == 4
    for path in ("outputs", "orders", "surplus", "makers"):
        empty = desk.client.get(f"/en/capacity/{path}?format=csv")
        assert empty.text.startswith(("\ufeffid,", "\ufefforganisation,")), path
    desk.get("/en/capacity?sort=colour", 422)
    desk.get("/en/capacity?state=colour&site=F1")
    desk.get("/en/capacity?site=F9", 404)
    browser("maker").get("/en/capacity?site=W1", 403)


PATHS = ("", "/outputs", "/orders", "/surplus", "/makers", "/makers/MAKER", "/rules", "/orders/new")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_opens_in_both_languages(
    browser: Open, api: TestClient, world: World, language: str
) -> None:
    calls = Desk(api, world)
    calls.plan(1000)
    calls.order(400)
    calls.made(5)
    calls.put("/makers/MAKER", paper(), "maker")
    calls.upload("/makers/MAKER/files", "maker", 201)
    calls.post("/surplus-offers", an_offer(price_minor=5, currency="CNY"), "maker")
    base, admin = f"/{language}/capacity", browser("admin")
    forms = ("/plan", "/output", "/shortfall", "/surplus/new", "/makers/MAKER/paper")
    paths = [f"{base}{path}" for path in (*PATHS, *forms)]
    for kind in ("outputs", "orders", "surplus"):
        paths += re.findall(rf'href="({base}/{kind}/[\w-]{{36}})"', admin.get(f"{base}/{kind}"))
    assert len(paths) == len(PATHS) + len(forms) + 3
    for path in paths:
        answer = admin.client.get(path)
        assert answer.status_code == 200, path
        check_strict(answer.headers["content-security-policy"], answer.text)


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("MAKER", get_args(Standing)),
        ("DAY", get_args(DayState)),
        ("SHORTFALL", list(ShortfallReason)),
        ("ORDER", list(OrderStatus)),
        ("MADE", ("open", "partly", "complete")),
        ("OFFER", list(OfferStatus)),
        ("PAPER", (*get_args(PaperKind), "certificate")),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_has_its_words(language: str, table: str, codes: list[str | StrEnum]) -> None:
    module = environment(language).get_template("labels_capacity.html").module
    words = getattr(module, table)
    assert set(words) == {str(code) for code in codes}
    assert all(words.values())
