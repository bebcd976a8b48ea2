"""An act of several entries and a recall of the same lots take turns, and both end well."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from services.corrections import service as corrections
from services.database import Database
from services.inventory import counting, recalls
from services.inventory.recall_schemas import RecallCause, RecallIn
from services.journal.read import holdings
from services.journal.verify import check_journal
from services.parties.models import Role
from services.parties.service import Actor
from services.transport import receiving
from tests.corrections.acts import correct, entries
from tests.shipments import Goods, Sent, a_lot, act, bring_to, count, plan
from tests.world import World, user_id

WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class RecallBetween:
    """A recall in a session of its own, begun between the first two entries of an act."""

    def __init__(self, database: Database, patch: pytest.MonkeyPatch) -> None:
        self.database, self.patch = database, patch
        self.pool = ThreadPoolExecutor(1)
        self.recall: Future[None] | None = None

    def after(self, module: Any, name: str) -> None:
        """Begin it after the first call of this function, which goes on once the recall waits."""
        real = getattr(module, name)

        def once(*given: Any, **named: Any) -> Any:
            done = real(*given, **named)
            if self.recall is None:
                self.recall = self.pool.submit(self._open)
                self._wait()
            return done

        self.patch.setattr(module, name, once)

    def _open(self) -> None:
        actor = Actor(user_id("dispatcher"), "dispatcher", Role.DISPATCHER, "RELIEF")
        body = RecallIn(
            id=uuid4(),
            item="gloves",
            batch="B-7",
            cause=RecallCause.QUALITY,
            reason="torn",
            occurred_at=datetime(2020, 2, 10, 8, tzinfo=UTC),
        )
        with self.database.transaction() as session:
            recalls.open_recall(session, actor, body)

    def _wait(self) -> None:
        assert self.recall is not None
        waits = 0
        while not self.recall.done() and not waits:
            # Each time anew: one transaction sees the server's processes of its first look only.
            with self.database.transaction() as session:
                waits = session.execute(WAITING).scalar_one()

    def gathered(self, lots: Sequence[UUID]) -> list[int]:
        """What the recall gathered of each of these, once it is through."""
        assert self.recall is not None, "the act posts by another function now"
        self.recall.result()
        with self.database.transaction() as session:
            assert list(check_journal(session)) == []
            found = holdings(session, lot_ids=lots, state="recalled")
        held = {one.lot_id: one.quantity for one in found}
        return [held.get(lot, 0) for lot in lots]


@pytest.fixture
def between(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecallBetween]:
    between = RecallBetween(database, monkeypatch)
    with between.pool:
        yield between


def received(api: TestClient, sent: Sent) -> Any:
    """The lot whose turn is last is used, by the first entry; the other is rejected by the next."""
    bring_to(api, sent.id, "deliver")
    used = 1 + sent.lots.index(max(sent.lots))
    lines = [count(used, 10), count(3 - used, 0, 10, reason="wet")]
    return act(api, sent.id, "receive", lines=lines)


def test_a_receipt_in_several_parts(
    api: TestClient, database: Database, between: RecallBetween
) -> None:
    sent = plan(database, Goods(10), Goods(10))
    between.after(receiving, "post_act")
    assert received(api, sent).status_code == 200
    assert between.gathered(sent.lots) == [10, 10]


def test_a_correction_of_several_entries(
    api: TestClient, database: Database, between: RecallBetween
) -> None:
    sent = plan(database, Goods(10), Goods(10))
    assert received(api, sent).status_code == 200
    said = dict(entries(database, f"shipment:{sent.id}"))
    between.after(corrections, "reverse")
    assert correct(api, said["reject"], "hospital").status_code == 201
    # They are under way again, where a recall doesn't gather.
    assert between.gathered(sent.lots) == [0, 0]


def test_a_count_of_several_lots(
    api: TestClient,
    database: Database,
    world: World,
    between: RecallBetween,
) -> None:
    with database.transaction() as session:
        lots = [a_lot(session, Goods(100)) for _ in range(2)]
    sheet = {"id": str(uuid4()), "site": "W1", "reason": "month's end"}
    sender = world.bearer("dispatcher")
    assert api.post("/api/v1/count-sheets", json=sheet, headers=sender).status_code == 201
    lines = [{"lot_id": str(lot), "counted": 99} for lot in sorted(lots, reverse=True)]
    between.after(counting, "count")
    answer = api.post(
        f"/api/v1/count-sheets/{sheet['id']}/counts",
        json={"lines": lines, "occurred_at": "2020-02-04T08:00:00Z"},
        headers=sender,
    )
    assert answer.status_code == 200, answer.text
    assert between.gathered(lots) == [99, 99]
