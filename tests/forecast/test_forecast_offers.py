"""Offers are answered once, whoever asks and however often; the watch tells who is silent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import Session, col, select

from services.alerts.models import Alert, AlertKind, Severity
from services.database import Database
from services.requests.forecast.watch import watch
from tests.forecast.reporting import JSON, a_day, act, send, told, two_days
from tests.world import World


def test_accepted_many_times_at_once_it_is_posted_once(api: TestClient, world: World) -> None:
    path = f"supply-offers/{two_days(api, world)['id']}/accept"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: act(api, world, path, {}), range(4)))
    assert [each.status_code for each in answers] == [200] * 4
    assert len({each.json()["request_id"] for each in answers}) == 1
    assert len(told(api, world, "needs")) == len(told(api, world, "supply-offers")[0]["lines"])


def test_an_offer_is_answered_once_and_for_all(api: TestClient, world: World) -> None:
    offer = two_days(api, world)
    dismiss = f"supply-offers/{offer['id']}/dismiss"
    body = {"reason": "the province sends enough"}
    for _ in range(2):
        answer = act(api, world, dismiss, body)
        assert (answer.status_code, answer.json()["state"]) == (200, "dismissed")
    for path, other in ((dismiss, {"reason": "or not"}), (dismiss[:-7] + "accept", {})):
        refused = act(api, world, path, other)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "offer_id")
    assert told(api, world, "needs") == []


def test_a_newer_report_takes_an_open_offers_place(api: TestClient, world: World) -> None:
    offer = two_days(api, world)
    send(api, world, a_day("2020-02-05", 300))
    late = act(api, world, f"supply-offers/{offer['id']}/accept", {})
    assert late.status_code == 409
    assert [each["state"] for each in told(api, world, "supply-offers", state="open")] == ["open"]


def test_where_nothing_is_lacking_nothing_is_offered(api: TestClient, world: World) -> None:
    two_days(api, world)
    plenty = [{"item": "gloves", "quantity": 90_000, "received": 90_000}]
    send(api, world, a_day("2020-02-05", stock=plenty))
    assert [each["state"] for each in told(api, world, "supply-offers")] == ["superseded"] * 2
    assert told(api, world, "supplies")[0]["on_hand_base"] == 90_000


def test_an_offer_of_nothing_says_what_covers_it_and_until_when(
    api: TestClient, world: World
) -> None:
    two_days(api, world)
    send(api, world, a_day("2020-02-05", stock=[{"item": "gloves", "quantity": 6000}]))
    body = {"id": str(uuid4()), "site": "H1", "horizon_days": 7}
    made = act(api, world, "supply-offers", body).json()
    line = next(each for each in made["lines"] if each["item"] == "gloves")
    assert (line["suggested_base"], line["covered_by"]) == (0, "stock")
    lasts = timedelta(days=int(line["days_left"]))
    assert line["covered_until"] == (date(2020, 2, 5) + lasts).isoformat()


def test_what_was_asked_for_already_covers_the_rest(api: TestClient, world: World) -> None:
    offer = two_days(api, world)
    assert {each["covered_by"] for each in offer["lines"] if each["suggested_base"]} == {None}
    assert act(api, world, f"supply-offers/{offer['id']}/accept", {}).status_code == 200
    made = act(api, world, "supply-offers", {"id": str(uuid4()), "site": "H1"}).json()
    line = next(each for each in made["lines"] if each["item"] == "gloves")
    assert (line["suggested_base"], line["covered_by"]) == (0, "asked")
    assert line["covered_until"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lines": [{"item": "cap", "quantity": 1}]}, "lines[0].item"),
        ({"lines": [{"item": "gloves", "quantity": 1}] * 2}, "lines[1].item"),
        ({"lines": [{"item": "gloves", "quantity": 0}]}, "lines"),
        ({"lines": [{"item": "gloves", "quantity": -1}]}, "lines[0].quantity"),
        ({"lines": [{"item": "gloves", "quantity": 1, "unit": "lorry"}]}, "unit"),
        ({"posted_at": "2999-01-01T00:00:00Z"}, "posted_at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_answer_changes_nothing(
    api: TestClient, world: World, body: JSON, field: str
) -> None:
    offer = two_days(api, world)
    answer = act(api, world, f"supply-offers/{offer['id']}/accept", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert told(api, world, f"supply-offers/{offer['id']}")["state"] == "open"
    assert told(api, world, "needs") == []


def test_only_its_hospital_answers_an_offer(api: TestClient, world: World) -> None:
    offer = two_days(api, world)
    for user in ("hospital2", "dispatcher", "donor"):
        for path, body in (("accept", {}), ("dismiss", {"reason": "not mine"})):
            answer = act(api, world, f"supply-offers/{offer['id']}/{path}", body, user)
            assert answer.status_code == 403, (user, path)
    assert told(api, world, f"supply-offers/{offer['id']}", "dispatcher")["state"] == "open"
    unknown = act(api, world, f"supply-offers/{uuid4()}/accept", {})
    assert unknown.status_code == 404


def test_huge_figures_are_told_and_break_nothing(api: TestClient, world: World) -> None:
    most = {"patients_mild": 10**6, "patients_suspected": 10**6, "shifts_nurse": 10**6}
    for day, gloves in (("2020-02-03", 10**12), ("2020-02-04", 0)):
        answer = send(api, world, a_day(day, gloves, **most))
        assert answer.status_code == 201, answer.text
    offer = told(api, world, "supply-offers", state="open")[0]
    accepted = act(api, world, f"supply-offers/{offer['id']}/accept", {})
    assert accepted.status_code == 200, accepted.text


def open_alerts(session: Session, kind: AlertKind) -> list[Alert]:
    return list(
        session.exec(select(Alert).where(Alert.kind == kind, col(Alert.closed_at).is_(None)))
    )


def test_the_watch_tells_who_stopped_reporting_until_they_do(
    api: TestClient, world: World, database: Database
) -> None:
    two_days(api, world)
    now = datetime.now(UTC)
    with database.transaction() as session:
        watch(session, now)
        # Recorded just now, whatever year it is of; and who never reported isn't shouted at.
        assert open_alerts(session, AlertKind.REPORT_MISSING) == []
    for _ in range(2):
        with database.transaction() as session:
            watch(session, now + timedelta(hours=27))
            (alert,) = open_alerts(session, AlertKind.REPORT_MISSING)
            assert (alert.site, alert.organisation) == ("H1", "HOSP1")
            assert alert.facts == {"site": "H1", "last_day": "2020-02-04"}
    send(api, world, a_day("2020-02-05"))
    with database.transaction() as session:
        watch(session, datetime.now(UTC))
        assert open_alerts(session, AlertKind.REPORT_MISSING) == []


def test_the_watch_tells_what_runs_out_until_it_does_not(
    api: TestClient, world: World, database: Database
) -> None:
    two_days(api, world)
    with database.transaction() as session:
        watch(session, datetime.now(UTC))
        (low,) = open_alerts(session, AlertKind.SUPPLY_LOW)
        assert (low.site, low.item, low.severity) == ("H1", "gloves", Severity.WARNING)
        assert low.facts["days_left"] == "1.5"
        assert low.path == "/forecast/sites/H1"
    with database.transaction() as session:
        # Two days later nobody knows what is there: it is the silence that is told.
        watch(session, datetime.now(UTC) + timedelta(hours=49))
        assert open_alerts(session, AlertKind.SUPPLY_LOW) == []
    send(api, world, a_day("2020-02-05", 50))
    with database.transaction() as session:
        watch(session, datetime.now(UTC))
        (low,) = open_alerts(session, AlertKind.SUPPLY_LOW)
        assert low.severity is Severity.CRITICAL
    bought = [{"item": "gloves", "quantity": 90_000, "received": 90_300}]
    send(api, world, a_day("2020-02-06", stock=bought))
    with database.transaction() as session:
        watch(session, datetime.now(UTC))
        assert open_alerts(session, AlertKind.SUPPLY_LOW) == []
        moved = session.scalar(sa.text("SELECT count(*) FROM entry"))
    assert moved == 0
