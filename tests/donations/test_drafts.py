"""A draft order is changed until it is ordered, and nobody overwrites what they haven't read."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests.browser import Browser, went_to
from tests.donations.acts import CANCELLED, JSON, ORDERED, Desk, add_fund, ordering, problem
from tests.gifts import another_desk, earmark, give, money
from tests.world import World

Open = Callable[[str | None], Browser]
DEARER = {"item": "surgical_mask", "quantity": 3, "unit": "box", "price_minor": 2500}


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def _changing(order: JSON, **changes: object) -> JSON:
    line = {"item": "gloves", "quantity": 40, "unit": "piece", "price_minor": 400}
    terms = {"site": "W2", "expected_on": "2020-02-20", "lines": [line, DEARER]}
    return terms | {"version": order["version"], "reason": "they have forty"} | changes


def test_a_draft_is_changed_whole_and_says_so(desk: Desk, browser: Open, world: World) -> None:
    give(desk.api, world, money(10_000))
    first = ordering()
    order = desk.post("/purchase-orders", first)
    path, body = f"/purchase-orders/{order['id']}", _changing(order)
    told = desk.put(path, body)
    assert (told["site"], told["expected_on"], told["price_minor"]) == ("W2", "2020-02-20", 2900)
    assert [(line["item"], line["quantity_base"]) for line in told["lines"]] == [
        ("gloves", 40),
        ("surgical_mask", 150),
    ]
    assert told["version"] != order["version"]
    # The very same again is one change; the draft's own body again is the draft as it stands.
    assert desk.put(path, body) == told
    assert desk.post("/purchase-orders", first, status=200) == told
    page = browser("dispatcher").get(f"/en/orders/{order['id']}")
    assert page.count("draft changed: site W1 → W2; expected_on – → 2020-02-20;") == 1
    assert "they have forty" in page
    placed = desk.post(f"{path}/order", ORDERED, status=200)
    assert placed["committed_minor"] == 2900


def test_who_read_an_older_draft_overwrites_nothing(desk: Desk) -> None:
    order = desk.post("/purchase-orders", ordering())
    path = f"/purchase-orders/{order['id']}"
    told = desk.put(path, _changing(order))
    late = desk.put(path, _changing(order, site="W1"), status=409)
    assert problem(late) == ("order-changed", "version")
    assert desk.get(path) == told


def test_nobody_orders_what_they_have_not_read(desk: Desk, browser: Open, world: World) -> None:
    give(desk.api, world, money(10_000))
    order = desk.post("/purchase-orders", ordering())
    path, of = f"/purchase-orders/{order['id']}", f"/orders/{order['id']}"
    told = desk.put(path, _changing(order))
    late = desk.post(f"{path}/order", ORDERED | {"version": order["version"]}, status=409)
    assert problem(late) == ("order-changed", "version")
    assert desk.get(path) == told
    page = browser("dispatcher")
    form = page.form(f"/en{of}", f"/en{of}/order")
    now = form.values | {"ordered_at": "2020-02-05T18:00"}
    assert page.post(form.action, now | {"version": order["version"]}).status_code == 409
    assert desk.get(path) == told
    assert went_to(page.post(form.action, now)) == f"/en{of}"
    placed = desk.get(path)
    assert (placed["state"], placed["committed_minor"]) == ("ordered", 2900)
    # Ordered already, it is ordered: whichever version is named.
    body = ORDERED | {"version": order["version"]}
    assert desk.post(f"{path}/order", body, status=200) == placed


@pytest.mark.parametrize("act", ["order", "cancel"])
def test_what_is_ordered_or_called_off_is_no_draft(desk: Desk, world: World, act: str) -> None:
    give(desk.api, world, money(10_000))
    order = desk.post("/purchase-orders", ordering())
    path = f"/purchase-orders/{order['id']}"
    desk.post(f"{path}/{act}", ORDERED if act == "order" else CANCELLED, status=200)
    late = desk.put(path, _changing(order), status=409)
    assert problem(late) == ("order-not-open", "order_id")


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"site": "H1"}, 403, "site"),
        ({"site": "nowhere"}, 404, "site"),
        ({"lines": []}, 422, "lines"),
        ({"lines": [DEARER | {"item": "gold"}]}, 404, "lines[0].item"),
        ({"lines": [DEARER | {"quantity": 0}]}, 422, "lines[0].quantity"),
        ({"lines": [DEARER]}, 422, "lines[0].item"),
        ({"version": "x"}, 409, "version"),
    ],
)
def test_a_change_that_cannot_be_names_its_field(
    desk: Desk, changes: JSON, status: int, field: str
) -> None:
    order = desk.post("/purchase-orders", ordering(earmark=earmark("item", "gloves")))
    path = f"/purchase-orders/{order['id']}"
    line = ordering()["lines"]
    told = desk.put(path, _changing(order, **({"lines": line} | changes)), status=status)
    assert problem(told)[1] == field
    assert desk.get(path) == order


def test_only_the_funds_own_desk_changes_a_draft(desk: Desk, database: Database) -> None:
    order = desk.post("/purchase-orders", ordering())
    path = f"/purchase-orders/{order['id']}"
    desk.put(path, _changing(order), "hospital", 403)
    other = another_desk(database)
    answer = desk.api.put(f"/api/v1{path}", json=_changing(order), headers=other)
    assert answer.status_code == 403


def test_a_draft_is_changed_on_its_page(desk: Desk, browser: Open, database: Database) -> None:
    add_fund(database, "RELIEF-JPY", "JPY")
    order = desk.post("/purchase-orders", ordering(fund="RELIEF-JPY"))
    office = browser("dispatcher")
    page = f"/en/orders/{order['id']}"
    assert f'href="{page}/edit"' in office.get(page)
    assert "/edit" not in browser("auditor").get(page)
    form = office.form(f"{page}/edit")
    assert went_to(office.send(form, **{"lines[0].quantity": "70", "expected_on": ""})) == page
    told = desk.get(f"/purchase-orders/{order['id']}")
    assert (told["lines"][0]["quantity_base"], told["price_minor"]) == (70, 1000)
    # Whoever had the form open before is told, and what they typed is kept.
    late = office.send(form, **{"lines[0].quantity": "80"})
    assert late.status_code == 409
    assert "says something else by now" in late.text
    assert 'value="80"' in late.text
