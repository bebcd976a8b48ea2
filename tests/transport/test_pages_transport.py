"""Transport's day on pages without a script: ordered, papers, on the road, diverted, received."""

import html
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.catalog.models import TradeItem
from services.database import Database
from services.journal.clock import local_date
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.labelling import label
from services.transport.sscc import make_sscc
from tests.browser import Browser, went_to
from tests.shipments import Goods, a_lot, a_need, bring_to, outstanding, plan, show, where
from tests.test_pages_public import check_strict
from tests.world import user_id

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def test_a_transfer_lives_its_day_on_pages(
    browser: Open, api: TestClient, database: Database
) -> None:
    with database.transaction() as session:
        lot = a_lot(session, Goods(150))
    desk, carrier = browser("dispatcher"), browser("carrier")
    assert "Order a transfer" in desk.get("/en/transfers")
    new = "/en/transfers/new?origin=W1"
    wanted = {
        "destination": "H1",
        "depart_on": "2020-02-04",
        "reason": "H1 runs short",
        "occurred_at": "2020-02-03T20:00",
        "lines[0].quantity_base": "151",
    }
    refused = desk.fill(new, wanted, "/en/transfers/new")
    assert refused.status_code == 409
    assert 'value="151"' in refused.text
    sending = wanted | {"lines[0].quantity_base": "100"}
    path = went_to(desk.fill(new, sending, "/en/transfers/new"))
    shipment = re.findall(r"/en/shipments/([0-9a-f-]{36})", desk.get(path))[0]
    here = f"/en/shipments/{shipment}"
    assert "B-7" in desk.get(f"{here}/pick-list")
    label = desk.fill(f"{here}/waybill", {"units": "2"}, f"{here}/labels")
    assert went_to(label) == f"{here}/waybill"
    waybill = desk.get(f"{here}/waybill")
    assert waybill.count("(00) 09521234") == 2
    assert 'src="data:image/svg+xml' in waybill
    load_list = desk.get("/en/shipments/load-list?origin=W1&day=2020-02-04")
    assert load_list.count("(00) 09521234") == 2
    assert 'name="reason"' not in desk.get(f"{here}/divert?destination=H2")
    at = {"pick": "09:00", "load": "09:10", "dispatch": "09:20"}
    for step, clock in at.items():
        done = desk.fill(here, {"occurred_at": f"2020-02-04T{clock}"}, f"{here}/{step}")
        assert went_to(done) == here
    told = {"occurred_at": "2020-02-04T10:00", "place": "Xiaogan"}
    position = carrier.fill(f"{here}/report", told | {"expected_at": "2020-02-04T12:00"})
    assert went_to(position) == here
    assert "Xiaogan" in carrier.get(here)
    away = {"occurred_at": "2020-02-04T10:30", "due_on": "2020-02-05"}
    place = f"{here}/divert?destination=H2"
    diverted = desk.fill(place, away | {"reason": "the bridge is down"}, f"{here}/divert")
    assert went_to(diverted) == here
    assert "diverted H1 → H2" in desk.get(here)
    assert "Diverted" in desk.get(path)
    door = {"occurred_at": "2020-02-04T14:00", "received_by_name": "Dr Wu"}
    assert went_to(carrier.fill(here, door, f"{here}/deliver")) == here
    hospital = browser("hospital2")
    count = {"occurred_at": "2020-02-04T15:00", "lines[0].accepted": "99", "lines[0].short": "1"}
    assert went_to(hospital.fill(here, count, f"{here}/receive")) == here
    assert where(database, lot)["site:H2/available"] == 99
    assert show(api, UUID(shipment))["state"] == "partly_received"
    browser("donor").get(path, 403)


def test_two_shipments_of_a_day_are_made_one_by_a_button(
    browser: Open, api: TestClient, database: Database
) -> None:
    one, other = plan(database, Goods(10)), plan(database, Goods(20))
    desk = browser("dispatcher")
    first = min(one.id, other.id)
    form = desk.form("/en/shipments", f"/en/shipments/{first}/join")
    assert went_to(desk.send(form)) == f"/en/shipments/{first}"
    assert len(show(api, first)["lines"]) == 2
    assert "/join" not in desk.get("/en/shipments")
    assert "Joined into another" in desk.get("/en/shipments?state=joined")


def test_a_lane_is_changed_and_its_history_shown(browser: Open) -> None:
    desk = browser("dispatcher")
    edit = "/en/lanes/edit?origin=W1&destination=H1"
    changed = {"volume_l_per_day": "30,000", "duration_days": "2"}
    assert went_to(desk.fill(edit, changed, "/en/lanes/edit")) == "/en/lanes"
    page = desk.get("/en/lanes?day=2020-02-04")
    assert "30,000" in page
    assert "duration_days 1 → 2" in desk.get(edit)
    wrong = desk.fill(edit, {"volume_l_per_day": "-1"}, "/en/lanes/edit")
    assert wrong.status_code == 422
    assert 'id="volume_l_per_day-slip"' in wrong.text
    assert '<form class="sheet"' not in browser("carrier").get(edit)
    forbidden = browser("carrier").post("/en/lanes/edit", {"origin": "W1", "destination": "H1"})
    assert forbidden.status_code in {403, 422}


def test_a_link_is_shown_once_with_a_code(browser: Open) -> None:
    desk = browser("dispatcher")
    form = desk.form("/en/drivers")
    made = desk.send(form, carrier="CARR1", day="2020-02-04", label="van 3")
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    assert 'src="data:image/svg+xml' in made.text
    address = re.findall(r'href="http://testserver(/en/driver/[^"]+)"', made.text)[0]
    assert "Jobs of the day" in browser(None).get(address)
    again = desk.send(form, carrier="CARR1", day="2020-02-04", label="van 3")
    assert "/driver/" not in again.text
    page = desk.get("/en/drivers")
    assert "van 3" in page
    revoke = re.findall(r'action="(/en/drivers/[^"]+/revoke)"', page)[0]
    assert went_to(desk.post(revoke, {})) == "/en/drivers"
    browser(None).get(address, 404)
    browser("hospital").get("/en/drivers", 403)


def test_long_shipments_are_shown_in_parts(browser: Open, database: Database) -> None:
    sent = plan(database, *(Goods(at + 1) for at in range(35)))
    desk = browser("dispatcher")
    here = f"/en/shipments/{sent.id}"
    first = desk.get(here)
    assert "1–10 of 35" in first
    assert "31–35 of 35" in desk.get(f"{here}?offset=30")
    assert "The whole list: 35 lots" in first


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_are_strict_in_both_languages(
    browser: Open, database: Database, language: str
) -> None:
    sent = plan(database, Goods(10))
    desk = browser("dispatcher")
    for path in (
        "shipments",
        f"shipments/{sent.id}",
        f"shipments/{sent.id}/pick-list",
        f"shipments/{sent.id}/waybill",
        f"shipments/{sent.id}/report",
        "shipments/load-list?origin=W1&day=2020-02-04",
        "transfers",
        "transfers/new?origin=W1",
        "lanes?day=2020-02-04",
        "lanes/edit",
        "drivers",
    ):
        answer = desk.client.get(f"/{language}/{path}")
        assert answer.status_code == 200, path
        # A code is an image within the page, which the policy allows and nothing else.
        html = re.sub(r'src="data:image/svg\+xml[^"]*"', 'src="/"', answer.text)
        check_strict(answer.headers["content-security-policy"], html)
    for name in ("shipments", "transfers", "lanes", "drivers"):
        sheet = desk.client.get(f"/{language}/{name}?format=csv")
        assert sheet.headers["content-type"].startswith("text/csv"), name


def test_a_part_is_diverted_to_a_need_on_pages(
    browser: Open, api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(100), Goods(40, item="n95_respirator"))
    bring_to(api, sent.id, "dispatch")
    with database.transaction() as session:
        need = a_need(session, Goods(60), "H2")
    desk, here = browser("dispatcher"), f"/en/shipments/{sent.id}"
    assert f'href="{here}/divert"' in desk.get(here)
    assert 'name="destination"' in desk.get(f"{here}/divert")
    assert "a need of gloves" in desk.get(f"{here}/divert?destination=H2")
    row = [line["item"] for line in show(api, sent.id)["lines"]].index("gloves")
    some = {
        "occurred_at": "2020-02-04T16:30",
        "due_on": "2020-02-05",
        "reason": "H2 has none left",
        f"lines[{1 - row}].quantity_base": "",
        f"lines[{row}].quantity_base": "61",
        f"lines[{row}].need_id": str(need),
    }
    place, action = f"{here}/divert?destination=H2", f"{here}/divert"
    refused = desk.fill(place, some, action)
    assert refused.status_code == 409
    assert "60 pieces outstanding, not 61" in refused.text
    assert 'value="61"' in refused.text
    done = desk.fill(place, some | {f"lines[{row}].quantity_base": "60"}, action)
    assert went_to(done) != here
    assert "taken out of another shipment" in desk.get(went_to(done))
    assert "in part diverted H1 → H2" in desk.get(here)
    assert outstanding(database, need) == 0
    zh = browser("dispatcher").get(place.replace("/en/", "/zh/"))
    assert "改送件数" in zh


def test_only_what_can_go_is_offered_and_the_place_is_asked_for(
    browser: Open, database: Database
) -> None:
    today = local_date(datetime.now(UTC))
    with database.transaction() as session:
        days = [today, today + timedelta(9), None, today + timedelta(1)]
        lots = [a_lot(session, Goods(10, expires_on=day)) for day in days]
    desk = browser("dispatcher")
    for asked in ("", "?origin=", "?origin=NOWHERE"):
        assert "From the shelf of" in desk.get(f"/en/transfers/new{asked}")
    page = desk.get("/en/transfers/new?origin=W1")
    offered = re.findall(r'lot_id" value="([^"]+)"', page)
    assert offered == [str(lots[at]) for at in (3, 1, 2)]
    # Filled in too high, and for a day on which the first is bad: it is shown first, and says so.
    wanted = {"destination": "H1", "reason": "H1 runs short", "lines[1].quantity_base": "11"}
    wanted |= {"due_on": (today + timedelta(2)).isoformat()}
    refused = desk.fill("/en/transfers/new?origin=W1", wanted, "/en/transfers/new").text
    assert re.findall(r'lot_id" value="([^"]+)"', refused) == [str(lots[1]), str(lots[2])]
    assert 'name="lines[0].quantity_base" type="text" value="11"' in refused
    assert "调出地点" in browser("dispatcher").get("/zh/transfers/new")


def test_a_scanner_at_the_door_finds_the_line_or_says_it_is_of_another_shipment(
    browser: Open, api: TestClient, database: Database
) -> None:
    day = date(2020, 6, 30)
    sent = plan(database, Goods(100, expires_on=day), Goods(40, item="n95_respirator"))
    bring_to(api, sent.id, "deliver")
    with database.transaction() as session:
        boxes = {"gloves": "09506000134352", "n95_respirator": "09506000134369"}
        boxes |= {"surgical_mask": "09506000134376"}
        session.add_all(TradeItem(gtin=gtin, item=item, unit="box") for item, gtin in boxes.items())
        desk = Actor(user_id("dispatcher"), "dispatcher", Role.DISPATCHER, "RELIEF")
        (unit,) = label(session, desk, sent.id, 1)
    line = {each["item"]: each["line"] for each in show(api, sent.id)["lines"]}
    hospital, here = browser("hospital"), f"/en/shipments/{sent.id}"
    action = f"{here}/receive"
    typed = {"lines[0].accepted": "7"}

    def scan(text: str, seen: str = "") -> Any:
        return hospital.send(hospital.form(here, action), **typed, scan=text, seen=seen)

    def marked(page: str) -> list[int]:
        return [int(n) for n in re.findall(r'id="line-(\d)">\s*<legend><span class="tag', page)]

    found = scan(f"(01){boxes['gloves']}(17)200630(10)B-7")
    assert (found.status_code, marked(found.text)) == (200, [line["gloves"]])
    # What was typed stays, the field is free for the next one, and nothing is received yet.
    assert 'name="lines[0].accepted" type="text" value="7"' in found.text
    assert 'name="scan" type="text" value=""' in found.text
    assert show(api, sent.id)["state"] == "delivered"
    link = f"https://id.gs1.org/01/{boxes['n95_respirator']}/10/B-7"
    assert marked(scan(link, str(line["gloves"])).text) == [1, 2]
    assert "no. 1 of this shipment" in scan(f"(00){unit.sscc}").text
    assert marked(scan("(01)04012345678901(10)B-7").text) == [1, 2]
    for other, why in (
        (f"(01){boxes['gloves']}(10)B-8", "No line is of gloves, batch B-8"),
        (f"(01){boxes['gloves']}(17)200701(10)B-7", "expiring on 2020-07-01"),
        (f"(01){boxes['surgical_mask']}", "No line is of surgical_mask"),
        ("04012345678901", "GTIN 04012345678901"),
        (f"(00){make_sscc('9521234', 99)}", "none of its pallets"),
        ("soap", "application identifier"),
    ):
        refused = scan(other, str(line["gloves"]))
        assert (refused.status_code, marked(refused.text)) == (422, [line["gloves"]]), other
        assert why in html.unescape(refused.text)
    whole = {f"lines[{at}].accepted": str(n) for at, n in ((line["gloves"] - 1, 100),)}
    assert went_to(hospital.fill(here, whole | {"occurred_at": "2020-02-04T20:00"}, action)) == here
