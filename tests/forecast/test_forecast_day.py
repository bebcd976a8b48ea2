"""A hospital's and a desk's whole day with reports and forecast, through the API."""

from datetime import date
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.requests.forecast.models import Driver
from services.requests.forecast.rates import DEFAULTS
from tests.forecast.reporting import a_day, act, open_offer, send, told, two_days
from tests.shipments import Goods, bring_to, count, plan
from tests.world import World


def test_a_day_from_the_report_to_the_request(api: TestClient, world: World) -> None:
    offer = two_days(api, world)
    line = next(each for each in offer["lines"] if each["item"] == "gloves")
    # 400 a day; 72 patients stay 72 (two counts say no trend); a week of it, less 600 in hand.
    assert (line["method"], line["use_per_day_milli"]) == ("burn_rate", 400_000)
    assert (line["days_left"], line["priority"]) == (1.5, "asap")
    assert (line["forecast_base"], line["suggested_base"]) == (2800, 2200)
    # By the rates: 60 suspected or mild at 30, 10 severe at 100, 2 critical at 340, for a week.
    assert line["essential_base"] == 7 * (60 * 30 + 10 * 100 + 2 * 340)
    changed = {"lines": [{"item": "gloves", "quantity": 50, "unit": "box"}]}
    body = changed | {"posted_at": "2020-02-04T16:30:00Z"}
    for _ in range(2):
        accepted = act(api, world, f"supply-offers/{offer['id']}/accept", body)
        assert accepted.status_code == 200, accepted.text
    assert accepted.json()["state"] == "accepted"
    request = told(api, world, f"requests/{accepted.json()['request_id']}")
    (need,) = request["needs"]
    assert (need["quantity_base"], need["suggested_base"]) == (2500, 2200)
    assert (need["stock_on_hand_base"], need["use_per_day_base"]) == (600, 400)
    # Posted on the 5th where the hospital is; it lasts a day and a half.
    assert (need["priority"], need["need_by"]) == ("asap", "2020-02-06")
    assert len(told(api, world, "needs")) == 1
    again = two_days_later(api, world)
    assert again["asked_base"] == 2500
    assert again["suggested_base"] == max(0, again["forecast_base"] - 200 - 2500)


def two_days_later(api: TestClient, world: World) -> dict[str, int]:
    """What a third report offers of gloves, the same being asked for already."""
    send(api, world, a_day("2020-02-05", 200))
    offer = open_offer(api, world)
    return next(each for each in offer["lines"] if each["item"] == "gloves")


def test_what_came_through_the_journal_was_not_used(
    api: TestClient, world: World, database: Database
) -> None:
    """100 gloves come between the counts, so that 500 were used where 400 are gone."""
    sent = plan(database, Goods(100))
    send(api, world, a_day("2020-02-03", 1000))
    waiting = {each["item"]: each for each in told(api, world, "supplies")}["gloves"]
    assert waiting["coming_base"] == 100
    bring_to(api, sent.id, "receive", [count(1, 100)])
    later = {each["item"]: each for each in told(api, world, "supplies")}["gloves"]
    assert (later["on_hand_base"], later["coming_base"]) == (1100, 0)
    send(api, world, a_day("2020-02-04", 600, counted_at="2020-02-04T15:00:00Z"))
    supply = {each["item"]: each for each in told(api, world, "supplies")}["gloves"]
    assert (supply["use_per_day_milli"], supply["on_hand_base"]) == (500_000, 600)
    early = a_day("2020-02-04", 600, counted_at="2020-02-04T10:30:00Z")
    send(api, world, early)
    supply = {each["item"]: each for each in told(api, world, "supplies")}["gloves"]
    assert (supply["use_per_day_milli"], supply["on_hand_base"]) == (400_000, 700)


def test_what_came_in_another_way_was_not_used_either(api: TestClient, world: World) -> None:
    send(api, world, a_day("2020-02-03", 1000))
    bought = [{"item": "gloves", "quantity": 1500, "received": 900}]
    send(api, world, a_day("2020-02-04", stock=bought))
    supply = {each["item"]: each for each in told(api, world, "supplies")}["gloves"]
    assert supply["use_per_day_milli"] == 400_000


def test_what_was_never_counted_is_not_taken_for_none(api: TestClient, world: World) -> None:
    send(api, world, a_day(stock=[]))
    assert told(api, world, "supplies") == []
    assert told(api, world, "supply-offers") == []
    asked = act(api, world, "supply-offers", {"id": str(uuid4()), "site": "H1"})
    assert asked.status_code == 409
    assert "not_counted" in asked.json()["detail"]
    never = act(api, world, "supply-offers", {"id": str(uuid4()), "site": "H2"}, "hospital2")
    assert (never.status_code, never.json()["type"]) == (409, "urn:medrelay:problem:no-forecast")
    assert "no report" in never.json()["detail"]


def test_desks_see_every_site_the_worst_first(api: TestClient, world: World) -> None:
    two_days(api, world)
    for day, gloves in (("2020-02-03", 1000), ("2020-02-04", 500)):
        send(api, world, a_day(day, gloves, site="H2"), "hospital2")
    shown = told(api, world, "supplies", "dispatcher", item="gloves")
    assert [(each["site"], each["days_left"]) for each in shown] == [("H2", 1.0), ("H1", 1.5)]
    one = told(api, world, "supplies", "dispatcher", site="H1", item="gloves")
    assert [each["site"] for each in one] == ["H1"]


def test_a_longer_horizon_is_worked_out_on_demand(api: TestClient, world: World) -> None:
    two_days(api, world)
    body = {"id": str(uuid4()), "site": "H1", "horizon_days": 14}
    made = [act(api, world, "supply-offers", body) for _ in range(2)]
    assert [each.status_code for each in made] == [201, 200]
    assert made[0].json() == made[1].json()
    lines = {each["item"]: each for each in made[0].json()["lines"]}
    assert lines["gloves"]["forecast_base"] == 5600
    states = [each["state"] for each in told(api, world, "supply-offers")]
    assert states == ["open", "superseded", "superseded"][: len(states)]
    other = act(api, world, "supply-offers", body | {"horizon_days": 3})
    assert other.status_code == 422
    for wrong in (0, 29, "7"):
        bad = act(api, world, "supply-offers", body | {"id": str(uuid4()), "horizon_days": wrong})
        assert bad.status_code == 422


def test_a_desk_changes_a_rate_and_the_history_keeps_it(api: TestClient, world: World) -> None:
    desk, path = world.bearer("dispatcher"), "/api/v1/supply-rates/gloves/patient_mild"
    body = {"rate_milli": 60_000, "source": "our own count", "assumed": False, "version": 0}
    first = api.put(path, json=body, headers=desk)
    assert (first.status_code, first.json()["version"]) == (200, 1)
    assert api.put(path, json=body, headers=desk).json() == first.json()
    stale = api.put(path, json=body | {"rate_milli": 1}, headers=desk)
    assert (stale.status_code, stale.json()["errors"][0]["field"]) == (409, "version")
    rates = {(each["item"], each["driver"]): each for each in told(api, world, "supply-rates")}
    assert rates["gloves", "patient_mild"]["rate_milli"] == 60_000
    assert rates["gloves", "patient_mild"]["source"] == "our own count"
    send(api, world, a_day(patients_suspected=0, patients_severe=0, patients_critical=0))
    lines = {each["item"]: each for each in open_offer(api, world)["lines"]}
    assert lines["gloves"]["essential_base"] == 7 * 50 * 60
    assert api.put(path, json=body, headers=world.bearer("hospital")).status_code == 403
    for bad in ({"rate_milli": -1}, {"source": ""}, {"rate_milli": 10**9}, {"x": 1}):
        assert api.put(path, json=body | bad, headers=desk).status_code == 422
    nowhere = api.put("/api/v1/supply-rates/x/patient_mild", json=body, headers=desk)
    assert nowhere.status_code == 404
    odd = api.put("/api/v1/supply-rates/gloves/moon", json=body, headers=desk)
    assert odd.status_code == 422


def test_every_default_names_its_source_and_says_what_is_assumed() -> None:
    assert {rate.driver for rate in DEFAULTS} <= set(Driver)
    assert len({(rate.item, rate.driver) for rate in DEFAULTS}) == len(DEFAULTS)
    for rate in DEFAULTS:
        assert rate.assumed == rate.source.startswith("assumed"), rate
    by_staff = {rate.item for rate in DEFAULTS if rate.driver.value.startswith("shift")}
    by_patients = {rate.item for rate in DEFAULTS if rate.driver.value.startswith("patient")}
    assert not by_staff & by_patients


@pytest.mark.parametrize("posted", ["2020-02-04T16:30:00Z", None])
def test_an_offer_is_accepted_in_one_step(
    api: TestClient, world: World, posted: str | None
) -> None:
    offer = two_days(api, world)
    accepted = act(api, world, f"supply-offers/{offer['id']}/accept", {"posted_at": posted})
    assert accepted.status_code == 200, accepted.text
    needs = told(api, world, "needs")
    assert {need["quantity_base"] for need in needs} == {need["suggested_base"] for need in needs}
    assert all(date.fromisoformat(need["need_by"]) for need in needs)
