"""Late shipments are told of, by their own time and not by the date on the wall."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from sqlmodel import col, select

from services.alerts.models import Alert, AlertKind
from services.database import Database
from services.transport.watch import is_late, watch
from tests.shipments import Goods, act, bring_to, count, plan
from tests.world import World

DUE = datetime(2020, 2, 5, 15, 59, 59, tzinfo=UTC)


def late(database: Database, after: timedelta = timedelta()) -> list[str]:
    with database.transaction() as session:
        watch(session, datetime.now(UTC) + after)
        watch(session, datetime.now(UTC) + after)
        open_alerts = select(Alert).where(
            Alert.kind == AlertKind.SHIPMENT_LATE, col(Alert.closed_at).is_(None)
        )
        return [alert.subject for alert in session.exec(open_alerts)]


def test_what_is_entered_today_of_long_ago_is_not_late_today(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(10))
    bring_to(api, sent.id, "dispatch")
    assert late(database) == []
    # Due on the 5th, it left on the 4th at 2 in the morning: it has 38 hours from then.
    assert late(database, timedelta(hours=37)) == []
    assert late(database, timedelta(hours=39)) == [f"shipment:{sent.id}"]
    lines = [count(1, 10)]
    for step in ("deliver", "receive"):
        body = {"lines": lines} if step == "receive" else {}
        assert act(api, sent.id, step, **body).status_code == 200
    assert late(database, timedelta(days=9)) == []


def test_a_late_shipment_names_its_item_where_it_brings_no_other(database: Database) -> None:
    one = plan(database, Goods(10), Goods(5))
    two = plan(database, Goods(10), Goods(5, item="surgical_mask"), destination="H2", origin="W2")
    late(database, timedelta(days=9))
    with database.transaction() as session:
        told = {each.subject: each.item for each in session.exec(select(Alert))}
    assert told == {f"shipment:{one.id}": "gloves", f"shipment:{two.id}": None}


def test_an_estimate_beyond_the_due_day_is_told_at_once(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(10))
    bring_to(api, sent.id, "dispatch")
    tell(api, sent.id, "2020-02-05T02:00:00Z", "2020-02-05T12:00:00Z")
    assert late(database) == []
    tell(api, sent.id, "2020-02-05T05:00:00Z", "2020-02-07T12:00:00Z")
    assert late(database) == [f"shipment:{sent.id}"]
    tell(api, sent.id, "2020-02-05T06:00:00Z", "2020-02-05T12:00:00Z")
    assert late(database) == []


def tell(api: TestClient, shipment: UUID, at: str, expected: str) -> None:
    body = {"id": str(uuid4()), "occurred_at": at, "expected_at": expected}
    path = f"/api/v1/shipments/{shipment}/positions"
    answer = api.post(path, json=body, headers=World().bearer("carrier"))
    assert answer.status_code == 201, answer.text


def test_whose_last_word_came_after_the_due_day_is_late_at_once() -> None:
    now = datetime.now(UTC)
    assert is_late(DUE, (DUE + timedelta(hours=1), now - timedelta(seconds=1)), now)
    assert not is_late(DUE, (DUE - timedelta(hours=1), now - timedelta(minutes=59)), now)
    assert is_late(DUE, (DUE - timedelta(hours=1), now - timedelta(minutes=61)), now)
