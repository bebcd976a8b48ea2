"""The watch calls for papers that wait and factories that are silent, by both clocks."""

from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient
from sqlmodel import Session, col, select

from services.alerts.models import Alert, AlertKind, Severity
from services.capacity.watch import watch
from services.database import Database
from tests.capacity.papers import Desk, day, paper
from tests.world import World

NOW = datetime.now(UTC)


def look(database: Database, hours: float = 0) -> list[Alert]:
    """What is called for so many hours from now."""
    with database.transaction() as session:
        watch(session, NOW + timedelta(hours=hours))
        watch(session, NOW + timedelta(hours=hours))
        return open_alerts(session)


def open_alerts(session: Session) -> list[Alert]:
    return list(session.exec(select(Alert).where(col(Alert.closed_at).is_(None))))


def test_a_paper_is_called_for_until_it_is_decided(
    api: TestClient, world: World, database: Database
) -> None:
    desk = Desk(api, world)
    desk.put("/makers/MAKER", paper(), "maker")
    [alert] = look(database)
    assert (alert.kind, alert.severity) == (AlertKind.MAKER_TO_APPROVE, Severity.NOTICE)
    assert alert.path == "/capacity/makers/MAKER"
    [alert] = look(database, 25.5)
    assert (alert.severity, alert.facts["hours"]) == (Severity.WARNING, 25)
    desk.post("/makers/MAKER/approve", {"version": 1}, "dispatcher")
    assert look(database, 25) == []


def test_silence_is_called_for_when_both_clocks_say_so(
    api: TestClient, world: World, database: Database
) -> None:
    desk = Desk(api, world)
    # A day of 2020 planned just now, and one of tomorrow.
    for on in ("2020-02-04", "2020-02-05", day(1)):
        desk.plan(1000, on)
    desk.plan(0, "2020-02-06")
    assert look(database, 23) == []
    [alert] = look(database, 25)
    assert (alert.kind, alert.site, alert.organisation) == (AlertKind.MAKER_SILENT, "F1", "MAKER")
    assert alert.facts == {
        "site": "F1",
        "reports": 2,
        "first": "2020-02-04",
        "last": "2020-02-05",
    }
    # Output reported, or a word why there is none: both end the silence.
    desk.made(1, day="2020-02-04")
    body = {"site": "F1", "item": "gloves", "day": "2020-02-05", "reason": "power"}
    desk.put("/shortfalls", body, "maker")
    assert look(database, 25) == []
    [alert] = look(database, 24 * 3 + 1)
    assert alert.facts["first"] == day(1)
    # What is too old is only in the list.
    assert look(database, 24 * 40) == []


def test_how_long_is_a_rule(api: TestClient, world: World, database: Database) -> None:
    desk = Desk(api, world)
    desk.plan(1000, "2020-02-04")
    rules = {"silent_hours": 2, "reason": "we plan by the hour"}
    desk.call("PATCH", "/capacity-rules", "dispatcher", json=rules)
    assert len(look(database, 3)) == 1
