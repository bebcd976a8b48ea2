"""The same or like acts from two sessions at once: the later one sees what the first did."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from services.database import Database
from services.inventory import acts, recalls
from services.inventory.act_schemas import ExpiredIn, Held, Shelf, SortIn
from services.inventory.recall_schemas import LiftIn, RecallCause, RecallIn
from services.parties.models import Role
from services.parties.service import Actor
from tests.inventory.goods import donated, standing
from tests.world import user_id

WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
DESK = Actor(user_id("dispatcher"), "dispatcher", Role.DISPATCHER, "RELIEF")
DAY = datetime(2020, 2, 10, 10, tzinfo=UTC)
Work = Callable[[Session], Any]


class Other:
    """Work in a second session, begun from within the first one's."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.pool = ThreadPoolExecutor(1)
        self.work: Future[Any] | None = None

    def begin(self, work: Work) -> None:
        """Begin it, and go on once it is through or waits for the first session."""
        if self.work is not None:
            return
        self.work = self.pool.submit(self._in_a_transaction, work)
        while not self.work.done() and not self._waits():
            pass

    def _waits(self) -> bool:
        # Within one transaction PostgreSQL would show the same moment again and again.
        with self.database.transaction() as session:
            return bool(session.execute(WAITING).scalar_one())

    def _in_a_transaction(self, work: Work) -> Any:
        with self.database.transaction() as session:
            return work(session)

    def result(self) -> Any:
        assert self.work is not None
        return self.work.result()


@pytest.fixture
def other(database: Database) -> Iterator[Other]:
    found = Other(database)
    with found.pool:
        yield found


@pytest.fixture
def lot(database: Database) -> UUID:
    with database.transaction() as session:
        return donated(session)


def test_two_recalls_of_a_lot_lifted_at_once_free_it(
    database: Database, lot: UUID, other: Other
) -> None:
    opened = []
    for what in ({"lot_id": lot}, {"item": "gloves", "batch": "B7"}):
        body = RecallIn(**what, cause=RecallCause.OTHER, reason="x", occurred_at=DAY)
        with database.transaction() as session:
            opened.append(recalls.open_recall(session, DESK, body)[0].id)
    lift = LiftIn(reason="all is well", occurred_at=DAY)
    with database.transaction() as session:
        recalls.lift_recall(session, DESK, opened[0], lift)
        other.begin(lambda second: recalls.lift_recall(second, DESK, opened[1], lift).id)
    assert other.result() == opened[1]
    assert standing(database, lot) == {"W1/quarantine": 1000}


def a_sorting(lot: UUID) -> tuple[Work, str]:
    plain = {"id": uuid4(), "site": "W1", "lot_id": lot, "reason": "x", "occurred_at": DAY}
    states = {"taken_from": Held.AVAILABLE, "put_to": Shelf.DAMAGED}
    body = SortIn(**plain, **states, quantity=600)
    return lambda session: acts.sort_lot(session, DESK, body).posted.created, "W1/damaged"


def a_taking_off(lot: UUID) -> tuple[Work, str]:
    line = {"site": "W1", "lot_id": lot}
    day = datetime(2021, 2, 1, tzinfo=UTC)
    body = ExpiredIn.model_validate({"id": uuid4(), "lines": [line], "occurred_at": day})
    return lambda session: acts.take_off_expired(session, DESK, body).posted.created, "W1/expired"


@pytest.mark.parametrize("act", [a_sorting, a_taking_off])
def test_an_act_sent_twice_at_once_is_done_once(
    database: Database,
    lot: UUID,
    other: Other,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[UUID], tuple[Work, str]],
) -> None:
    work, moved_to = act(lot)
    real = vars(acts)["holdings"]

    def holdings(*given: Any, **named: Any) -> Any:
        other.begin(work)
        return real(*given, **named)

    monkeypatch.setattr(acts, "holdings", holdings)
    with database.transaction() as session:
        created = work(session)
    assert {created, other.result()} == {True, False}
    assert standing(database, lot)[moved_to] in {600, 1000}
