"""The watch looks at every desk, one process at a time, and one desk's trouble is its own."""

import importlib
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from services.alerts.models import Alert, AlertKind
from services.database import Database
from services.jobs import watch
from services.jobs.watch import WATCHES, Watcher, watch_chain
from services.settings import PROJECT_ROOT
from tests.world import World, stock


def test_a_watch_that_breaks_stops_no_other_and_writes_nothing(database: Database) -> None:
    def broken(session: Session, now: datetime) -> None:
        stock(session)
        raise ZeroDivisionError(now)

    seen: list[datetime] = []
    watches = {"broken": broken, "good": lambda _, now: seen.append(now)}
    assert Watcher(database, 60, watches).look() == ["good"]
    assert len(seen) == 1
    with database.transaction() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM entry")) == 0


def test_a_watch_that_breaks_is_an_alert_to_administrators_until_it_ends_well(
    api: TestClient, world: World, database: Database
) -> None:
    trouble: list[Exception] = [ZeroDivisionError("a secret")]

    def desk(session: Session, now: datetime) -> None:
        for error in trouble:
            raise error

    def told(who: str) -> list[tuple[str, bool]]:
        found = api.get("/api/v1/alerts?kind=watch_stopped", headers=world.bearer(who)).json()
        return [(each["says"], each["closed_at"] is None) for each in found]

    watcher = Watcher(database, 60, {"transport": desk})
    says = "The look at “transport” fails, so its alerts may be missing: ZeroDivisionError."
    for _ in range(2):
        assert watcher.look() == []
        assert told("admin") == [(says, True)]
    assert [told(who) for who in ("dispatcher", "auditor", "hospital")] == [[], [], []]
    trouble.clear()
    assert watcher.look() == ["transport"]
    assert told("admin") == [(says, False)]


def test_a_database_that_is_busy_is_waited_for_but_not_for_ever(database: Database) -> None:
    def busy(session: Session, now: datetime) -> None:
        session.execute(sa.text("SET LOCAL statement_timeout = 1"))
        session.execute(sa.text("SELECT pg_sleep(1)"))

    watcher = Watcher(database, 60, {"desk": busy})
    for told in (0, 0, 1, 1):
        assert watcher.look() == []
        with database.transaction() as session:
            assert len(session.exec(select(Alert)).all()) == told


def test_two_processes_do_not_look_at_one_desk_at_once(database: Database) -> None:
    inner: list[list[str]] = []

    def looks_again(session: Session, now: datetime) -> None:
        other = Watcher(database, 60, {"desk": lambda *_: None, "free": lambda *_: None})
        inner.append(other.look())

    assert Watcher(database, 60, {"desk": looks_again}).look() == ["desk"]
    assert inner == [["free"]]


def test_a_long_wait_for_the_chain_is_told_until_it_is_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_BACKLOG_FROM", 2)
    now = datetime.now(UTC)
    with database.transaction() as session:
        stock(session, key="one")
        watch_chain(session, now)
        assert session.exec(select(Alert)).all() == []
        stock(session, key="two")
        watch_chain(session, now)
        watch_chain(session, now)
        told = session.exec(select(Alert)).one()
        assert (told.kind, told.closed_at, told.facts) == (
            AlertKind.CHAIN_BACKLOG,
            None,
            {"entries": 2},
        )
    monkeypatch.setattr(watch, "_BACKLOG_FROM", 3)
    with database.transaction() as session:
        watch_chain(session, now)
    with database.transaction() as session:
        assert session.exec(select(Alert)).one().closed_at is not None


def test_the_watch_of_every_desk_is_looked_at_and_ends_well(database: Database) -> None:
    folder = PROJECT_ROOT / "services"
    found = {path for path in folder.glob("**/watch.py") if path.parent.name != "jobs"}
    assert len(found) >= 7
    registered = {watch.__module__ for watch in WATCHES.values()}
    for path in found:
        dotted = ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts)
        assert importlib.import_module(dotted).watch.__module__ in registered, dotted
    assert Watcher(database, 60, WATCHES).look() == list(WATCHES)
