"""A need lives by its hospital's word: by two clocks, and each for what it is good for."""

from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from optimizer.policy import Policy
from services.database import Database
from services.dispatch.snapshot import take_snapshot
from services.requests.watch import watch
from tests.browser import Browser, went_to
from tests.dispatch.test_limits import plan
from tests.requests.hospital import Desk, grow_older, open_alerts, reserve
from tests.world import World


@pytest.fixture
def hospital(api: TestClient) -> Desk:
    return Desk(api, "hospital")


def look(database: Database, after: timedelta = timedelta(0)) -> None:
    with database.transaction() as session:
        watch(session, datetime.now(UTC) + after)


def statuses(hospital: Desk) -> list[str]:
    return [need["status"] for need in hospital.get("/needs")]


@pytest.mark.parametrize(
    ("priority", "hours"), [("stat", 24), ("asap", 48), ("urgent", 72), ("routine", 168)]
)
def test_the_more_urgent_the_sooner_it_lapses(
    hospital: Desk, database: Database, priority: str, hours: int
) -> None:
    need = hospital.ask(priority=priority)
    lapses = datetime.fromisoformat(need["lapses_at"])
    assert abs(lapses - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=5)
    grow_older(database, hours * 0.7)
    look(database)
    assert open_alerts(database) == {}
    grow_older(database, hours * 0.06)
    look(database)
    assert ("need_lapsing", "site:H1") in open_alerts(database)
    assert statuses(hospital) == ["approved"]
    grow_older(database, hours * 0.25)
    look(database)
    assert statuses(hospital) == ["lapsed"]
    assert set(open_alerts(database)) == {("need_lapsed", "site:H1")}


def test_what_is_written_down_late_does_not_lapse_at_once(
    hospital: Desk, database: Database
) -> None:
    assert hospital.ask(priority="stat", posted_at="2020-02-03T08:00:00Z")
    look(database)
    assert statuses(hospital) == ["approved"]
    assert open_alerts(database) == {}


def test_a_desk_lapses_by_the_worlds_time(api: TestClient, hospital: Desk) -> None:
    desk = Desk(api, "dispatcher")
    old = hospital.ask(posted_at="2020-02-03T08:00:00Z")
    young = hospital.ask(item="surgical_mask", posted_at="2020-02-05T08:00:00Z")
    confirmed = hospital.ask(item="n95_respirator", posted_at="2020-02-03T08:00:00Z")
    hospital.post(f"/needs/{confirmed['id']}/confirm", occurred_at="2020-02-04T08:00:00Z")
    hospital.refused("POST", "/needs/lapse", 403, at="2020-02-06T08:00:00Z")
    desk.refused("POST", "/needs/lapse", 422, at="2999-01-01T00:00:00Z")
    assert desk.post("/needs/lapse", at="2020-02-06T07:59:00Z") == []
    lapsed = desk.post("/needs/lapse", at="2020-02-06T08:00:00Z")
    assert [need["id"] for need in lapsed] == [old["id"]]
    assert desk.post("/needs/lapse", at="2020-02-06T08:00:00Z") == []
    assert desk.post("/needs/lapse", at="2020-02-07T08:00:00Z", site="H2") == []
    assert [need["id"] for need in desk.post("/needs/lapse", at="2020-02-07T08:00:00Z")] == [
        confirmed["id"]
    ]
    assert hospital.get(f"/needs/{young['id']}")["status"] == "approved"


def test_to_the_public_what_lapsed_was_asked_for_and_never_came(
    api: TestClient, hospital: Desk
) -> None:
    def told() -> list[tuple[int, int]]:
        figures = api.get("/api/v1/audit/overview").json()["hospitals"]
        return [(each["needed"], each["outstanding"]) for each in figures]

    need = hospital.ask(posted_at="2020-02-03T08:00:00Z")
    asked = need["quantity_base"]
    assert told() == [(asked, asked)]
    Desk(api, "dispatcher").post("/needs/lapse", at="2020-02-10T08:00:00Z")
    assert hospital.get("/needs")[0]["outstanding_base"] == 0
    assert told() == [(asked, asked)]


def test_a_word_in_the_past_takes_nothing_back_and_none_lies_ahead(hospital: Desk) -> None:
    need = hospital.ask(posted_at="2020-02-05T08:00:00Z")
    url = f"/needs/{need['id']}/confirm"
    hospital.refused("POST", url, 422, occurred_at="2999-01-01T00:00:00Z")
    said = hospital.post(url, occurred_at="2020-02-04T08:00:00Z")
    assert (said["last_word_at"], said["version"]) == ("2020-02-05T08:00:00Z", 1)


def test_everything_of_a_hospital_is_confirmed_at_once(
    api: TestClient, hospital: Desk, database: Database
) -> None:
    other = Desk(api, "hospital2")
    foreign = other.ask(site="H2")
    hospital.ask()
    hospital.ask(item="surgical_mask")
    hospital.ask(item="n95_respirator", draft=True)
    grow_older(database, 70)
    other.refused("POST", "/needs/confirm", 403, site="H1")
    assert hospital.post("/needs/confirm") == {"needs": 2}
    look(database, timedelta(hours=3))
    assert statuses(hospital) == ["approved", "approved", "draft"]
    assert other.get(f"/needs/{foreign['id']}")["status"] == "lapsed"
    other.refused("POST", f"/needs/{hospital.get('/needs')[0]['id']}/confirm", 403)


def test_a_lapsed_need_is_asked_of_nobody_until_its_hospital_edits_or_confirms_it(
    api: TestClient, world: World, hospital: Desk, database: Database
) -> None:
    need = hospital.ask()
    look(database, timedelta(hours=73))
    refused = api.post(
        "/api/v1/runs", json={"day": "2020-02-03"}, headers=world.bearer("dispatcher")
    )
    assert refused.status_code == 409
    edit = hospital.send("PATCH", f"/needs/{need['id']}", version=2, quantity=80)
    assert (edit.json()["status"], edit.json()["approved_base"]) == ("approved", 80)
    assert plan(api, world, database)["needs"][0]["requested"] == 80


def test_what_is_all_set_aside_asks_for_nothing_and_does_not_lapse(
    hospital: Desk, database: Database
) -> None:
    need = hospital.ask(quantity=60)
    with database.transaction() as session:
        reserve(session, need["id"], 60)
    grow_older(database, 500)
    look(database)
    assert hospital.get(f"/needs/{need['id']}")["progress"] == "allocated"
    assert open_alerts(database) == {}


def test_only_what_is_approved_is_asked_of_the_allocator(
    api: TestClient, hospital: Desk, database: Database
) -> None:
    desk = Desk(api, "dispatcher")
    desk.rule(1, "ask")
    less = hospital.ask(quantity=100)
    hospital.ask(item="surgical_mask")
    desk.post(f"/needs/{less['id']}/approve", version=1, approved_base=30, reason="short")
    with database.transaction() as session:
        problem = take_snapshot(session, date(2020, 2, 3), 7, Policy())
    assert [(need.id, need.quantity) for need in problem.needs] == [(less["id"], 30)]


def lapsed(hospital: Desk, database: Database) -> str:
    """A need that lapsed; returns its page."""
    page = f"/needs/{hospital.ask(quantity=100)['id']}"
    grow_older(database, 500)
    look(database)
    assert hospital.get(page)["status"] == "lapsed"
    return page


@pytest.mark.parametrize("act", ["confirm", "edit"])
def test_what_was_asked_anew_since_it_lapsed_is_not_asked_for_twice(
    hospital: Desk, database: Database, act: str
) -> None:
    page = lapsed(hospital, database)
    newer = f"/needs/{hospital.ask(quantity=300)['id']}"
    way = ("POST", f"{page}/confirm") if act == "confirm" else ("PATCH", page)
    said = {"version": hospital.get(page)["version"]} if act == "edit" else {}
    told = hospital.refused(*way, 409, **said)
    assert told["type"] == "urn:medrelay:problem:duplicate-need"
    assert [hospital.get(each)["status"] for each in (page, newer)] == ["lapsed", "approved"]
    assert hospital.send(*way, **said, duplicate="replace").status_code == 200
    assert [hospital.get(each)["status"] for each in (page, newer)] == ["approved", "cancelled"]


def test_of_a_lapsed_need_and_a_newer_one_one_may_be_kept(
    hospital: Desk, database: Database
) -> None:
    page = lapsed(hospital, database)
    newer = f"/needs/{hospital.ask(quantity=300)['id']}"
    assert hospital.post(f"{page}/confirm", duplicate="keep_one")["status"] == "cancelled"
    assert hospital.get(newer)["status"] == "approved"


def test_what_is_stopped_lives_no_more_until_it_is_resumed(
    hospital: Desk, database: Database
) -> None:
    page = lapsed(hospital, database)
    stop = hospital.post("/supply-stops", site="H1", item="gloves", reason="enough is here")
    told = hospital.refused("POST", f"{page}/confirm", 409)
    assert told["stop_id"] == stop["id"]
    hospital.post(f"/supply-stops/{stop['id']}/resume")
    assert hospital.post(f"{page}/confirm")["status"] == "approved"


def test_the_page_asks_which_of_the_two_is_wanted(
    hospital: Desk, api: TestClient, database: Database
) -> None:
    page = lapsed(hospital, database)
    newer = f"/needs/{hospital.ask(quantity=300)['id']}"
    person = Browser(api, database, "hospital")
    again = person.fill(f"/en{page}", {"duplicate": "replace"}, f"/en{page}/confirm")
    assert went_to(again) == "/en/needs"
    assert [hospital.get(each)["status"] for each in (page, newer)] == ["approved", "cancelled"]
