"""The day of the demonstration: what README's "What to try" says works, step by step."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.jobs.watch import WATCHES, Watcher
from services.scenarios.client import ApiCaller
from services.scenarios.load import read_scenario
from services.scenarios.scenario import HUBEI_2020, Scenario
from services.scenarios.second_act.community import CommunityPoint
from services.scenarios.second_act.stage import Stage
from services.scenarios.today.play import Today
from tests.browser import Browser, went_to
from tests.pristine import PristineDatabase
from tests.scenarios.stage import empty_database, on_stage

pytestmark = pytest.mark.slow

PASSWORDS = "demo-{}-2020"


@dataclass
class Opened:
    """The demonstration as it stands, but for its story of 2020; and who opens it."""

    client: TestClient
    database: Database
    scenario: Scenario

    def play(self, moment: datetime) -> None:
        with ApiCaller(self.client, "admin", PASSWORDS.format("admin")) as api:
            CommunityPoint(Stage(self.scenario, api)).register()
            Today(self.scenario, api, moment).play()

    def browser(self, username: str | None = None) -> Browser:
        """Somebody's browser, signed in on the page with the password that the demo prints."""
        person = Browser(self.client, self.database)
        if username is not None:
            given = {"username": username, "password": PASSWORDS.format(username)}
            assert person.fill("/en/sign-in", given).status_code == 303
        return person

    def rows(self, username: str, path: str) -> list[dict[str, Any]]:
        with ApiCaller(self.client, "admin", PASSWORDS.format("admin")) as api:
            found: list[dict[str, Any]] = api.get(username, path)
            return found


@pytest.fixture(scope="module")
def opened(
    pristine: PristineDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """Opened yesterday, and again today; nothing of 2020 but its parties."""
    scenario = read_scenario(HUBEI_2020)
    with (
        empty_database(pristine) as database,
        on_stage(database, scenario, tmp_path_factory.mktemp("today")) as client,
    ):
        demo = Opened(client, database, scenario)
        now = datetime.now(UTC)
        demo.play(now - timedelta(days=1))
        before = demo.rows("auditor", "/needs?limit=1000")
        demo.play(now)
        assert len(demo.rows("auditor", "/needs?limit=1000")) > len(before)
        Watcher(database, 60, WATCHES).look()
        yield demo


def link(page: str, pattern: str) -> str:
    """The first address on a page that fits."""
    found = re.search(rf'href="({pattern})"', page)
    assert found, f"no {pattern} on the page"
    return found[1].replace("&amp;", "&")


UUID = "[0-9a-f-]{36}"


def chosen(person: Browser, path: str, field: str, label: str) -> str:
    """A list's page after its filter was set to the choice that has this label."""
    select = re.search(rf'(?s)<select[^>]* name="{field}".*?</select>', person.get(path))
    assert select, f"{path} has no filter {field}"
    choice = re.search(rf'<option value="([^"]*)"[^>]*>{label}<', select[0])
    assert choice, f"{path}, {field}: there is no {label}"
    return person.get(f"{path}?{field}={choice[1]}")


def from_welcome(person: Browser, words: str) -> str:
    """Where the page after signing in leads to by these words."""
    page = person.get("/en/me")
    found = re.search(rf'<a [^>]*href="([^"]+)"[^>]*>(?:<[^>]+>)*{words}<', page)
    assert found, f"/en/me doesn't say {words}"
    return found[1]


def shipment_on_its_way(person: Browser) -> str:
    page = chosen(person, "/en/shipments", "state", "On its way")
    return link(page, f"/en/shipments/{UUID}")


def tomorrow() -> str:
    zone = timezone(timedelta(hours=8))
    return (datetime.now(zone).date() + timedelta(days=1)).isoformat()


def test_a_hospital_reports_its_day_and_accepts_the_request_that_is_worked_out(
    opened: Opened,
) -> None:
    hospital = opened.browser("hospital")
    form = hospital.form(from_welcome(hospital, "Report the day"))
    at = next(name for name, value in form.values.items() if value == "goggles")
    answer = hospital.send(form, **{at.replace(".item", ".quantity"): "120"})
    assert went_to(answer).startswith("/en/forecast")
    place = link(
        hospital.get(from_welcome(hospital, "How long it lasts")), "/en/forecast/sites/HB017"
    )
    offer = link(hospital.get(place), f"/en/forecast/offers/{UUID}")
    assert went_to(hospital.fill(offer, {}, f"{offer}/accept")).startswith("/en/needs")
    assert "12,000" in chosen(hospital, "/en/needs", "state", "To be approved")


def test_a_carrier_delivers_and_the_hospital_counts_in(opened: Opened) -> None:
    carrier, hospital = opened.browser("carrier"), opened.browser("hospital")
    shipment = shipment_on_its_way(carrier)
    assert carrier.fill(shipment, {}, f"{shipment}/deliver").status_code == 303
    counted = {"lines[0].accepted": "790", "lines[0].rejected": "10", "lines[0].reason": "wet"}
    assert hospital.fill(shipment, counted, f"{shipment}/receive").status_code == 303
    assert "wet" in hospital.get(shipment)
    assert "<svg" in carrier.get(link(carrier.get("/en/rounds"), f"/en/rounds/{UUID}"))


def test_a_dispatcher_finds_something_to_decide_at_every_desk(opened: Opened) -> None:
    desk = opened.browser("dispatcher")
    need = link(chosen(desk, "/en/needs", "state", "To be approved"), f"/en/needs/{UUID}")
    some = {"approved_base": "2000", "reason": "for a fortnight"}
    assert desk.fill(need, some, f"{need}/approve").status_code == 303
    gift = link(chosen(desk, "/en/gifts", "status", "Promised"), f"/en/gifts/{UUID}")
    assert desk.fill(gift, {}, f"{gift}/receive").status_code == 303
    call = link(desk.get(from_welcome(desk, "Calls for help")), f"/en/help/desk/{UUID}")
    said = {"answer": "Masks come tomorrow"}
    assert desk.fill(call, said, f"{call}/answer").status_code == 303
    alert = link(desk.get("/en/alerts?kind=lot_expiring"), f"/en/alerts/{UUID}")
    assert desk.fill(alert, {"reason": "I look"}, f"{alert}/acknowledge").status_code == 303
    shipment = link(chosen(desk, "/en/shipments", "state", "Planned"), f"/en/shipments/{UUID}")
    for step in ("pick", "dispatch"):
        assert desk.fill(shipment, {}, f"{shipment}/{step}").status_code == 303
    assert "PR-GLOVES" in desk.get("/en/stock/expiring")
    assert desk.fill("/en/rounds", {}).status_code == 303
    assert link(desk.get(from_welcome(desk, "Purchase orders")), f"/en/orders/{UUID}")
    assert "Hubei relief fund" in desk.get(from_welcome(desk, "Funds"))
    assert "N95-class respirator" in desk.get(from_welcome(desk, "Shortages"))


def test_an_approver_approves_the_plan_that_waits(opened: Opened) -> None:
    approver = opened.browser("approver")
    assert "plan_to_decide" in str(opened.rows("approver", "/alerts?kind=plan_to_decide"))
    plan = link(approver.get(from_welcome(approver, "Runs and plans")), f"/en/runs/{UUID}")
    assert "first come" in approver.get(plan).lower()
    assert approver.fill(plan, {}, f"{plan}/approve").status_code == 303
    assert "Approved" in approver.get(plan)


def test_a_maker_accepts_an_order_and_reports_what_it_made(opened: Opened) -> None:
    maker = opened.browser("manufacturer")
    order = link(maker.get(from_welcome(maker, "Orders to you")), f"/en/capacity/orders/{UUID}")
    accept = maker.form(order, f"{order}/settle")
    assert maker.send(accept, act="accept").status_code == 303
    yesterday = (datetime.now(timezone(timedelta(hours=8))) - timedelta(days=1)).date().isoformat()
    made = {
        "item": "surgical_mask",
        "quantity": "25",
        "unit": "carton",
        "day": yesterday,
        "batch": "MINE-1",
        "produced_on": yesterday,
    }
    assert maker.fill(from_welcome(maker, "Report output"), made).status_code == 303
    assert "MINE-1" in maker.get("/en/stock")


def test_a_resident_books_for_tomorrow_and_the_point_hands_out(opened: Opened) -> None:
    resident, point = opened.browser(), opened.browser("point")
    offer = link(resident.get("/en/community"), f"/en/community/offers/{UUID}")
    page = f"{offer}?day={tomorrow()}"
    slot = re.search(rf'value="({tomorrow()}T[^"]*)"', resident.get(page))
    assert slot
    form = resident.form(page, f"{offer}/book")
    booked = went_to(resident.send(form, slot_starts_at=slot[1], household="MADE-UP-1"))
    code = re.search(r">\s*([0-9A-Z]{4}-[0-9A-Z]{4})\s*<", resident.get(booked))
    assert code
    assert (
        point.fill(
            from_welcome(point, "Community point"), {"pickup_code": code[1]}, "/en/point/hand-out"
        ).status_code
        == 303
    )


def test_a_donor_follows_a_gift_to_the_hospital_and_gives_another(opened: Opened) -> None:
    donor = opened.browser("donor")
    gifts = donor.get(from_welcome(donor, "Your gifts"))
    assert "face" in gifts.lower()
    assert "Yangtze Shipping General Hospital" in "".join(
        donor.get(each) for each in set(re.findall(rf'href="(/en/donations/{UUID})"', gifts))
    )
    line = {"lines[0].item": "gloves", "lines[0].quantity": "3", "lines[0].unit": "carton"}
    assert donor.fill("/en/gifts/goods", line).status_code == 303
