"""The outbox: what was sent goes after a while; what failed stays, to be sent again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from services.alerts.models import Alert, AlertKind
from services.alerts.service import close_others
from services.alerts.telling_models import AlertMessage, Means, MessageKind, MessageState
from services.alerts.watch import watch
from services.database import Database
from tests.alerts.raised import late_shipment
from tests.alerts.smtp_server import Mailbox
from tests.alerts.test_alerts_mail import reachable
from tests.world import World, user_id

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)


def message(session: Session, alert: Alert | None, **changes: Any) -> AlertMessage:
    given: dict[str, Any] = {
        "kind": MessageKind.ALERT if alert else MessageKind.CONFIRM,
        "alert_id": alert.id if alert else None,
        "user_id": user_id("hospital"),
        "state": MessageState.SENT,
        "queued_at": NOW,
        "next_try_at": NOW,
        "settled_at": NOW,
    }
    row = AlertMessage(id=uuid4(), **(given | changes))
    session.add(row)
    session.flush()
    return row


@pytest.mark.parametrize(
    ("state", "over", "days", "stays"),
    [
        (MessageState.SENT, True, 31, False),
        (MessageState.DROPPED, True, 31, False),
        (MessageState.SENT, True, 29, True),
        (MessageState.FAILED, True, 400, True),
        (MessageState.QUEUED, True, 400, True),
        # Who was told of it is to hear of its end.
        (MessageState.SENT, False, 400, True),
    ],
)
def test_what_was_sent_long_ago_goes_when_its_alert_is_over(
    session: Session, state: MessageState, over: bool, days: int, stays: bool
) -> None:
    settled = None if state is MessageState.QUEUED else NOW
    message(session, late_shipment(session), state=state, settled_at=settled)
    if over:
        close_others(session, AlertKind.SHIPMENT_LATE, [])
    watch(session, NOW + timedelta(days=days))
    assert len(session.exec(select(AlertMessage.id)).all()) == stays


def test_a_digest_goes_after_the_last_of_its_lines(session: Session) -> None:
    message(session, None)
    digest = message(session, None, kind=MessageKind.DIGEST)
    for at in range(2):
        line = {"kind": MessageKind.LINE, "digest_id": digest.id}
        message(session, late_shipment(session, f"shipment:{at}"), **line)
    kinds = []
    for still in (["shipment:1"], []):
        close_others(session, AlertKind.SHIPMENT_LATE, still)
        watch(session, NOW + timedelta(days=31))
        kinds.append(sorted(session.exec(select(AlertMessage.kind)).all()))
    assert kinds == [["digest", "line"], ["digest"]]
    watch(session, NOW + timedelta(days=31))
    assert session.exec(select(AlertMessage)).all() == []


def test_what_failed_is_sent_again_by_an_administrator_and_by_nobody_else(
    clients: Any, database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    box.answers = {"DATA": "554 not wanted"}
    with database.transaction() as session:
        reachable(session, "hospital")
        late_shipment(session)
    assert look() == 1
    admin = clients("admin")
    (failed,) = admin.get("alert-messages", state="failed")
    assert (failed["username"], failed["answer"]) == ("hospital", "554 not wanted")
    assert admin.get("alert-messages", state="sent") == []
    path = f"alert-messages/{failed['id']}/again"
    for who in ("hospital", "dispatcher", "auditor"):
        clients(who).get("alert-messages", 403)
        clients(who).post(path, {}, 403)
    admin.post(f"alert-messages/{uuid4()}/again", {}, 404)
    box.answers = {}
    assert look(days=1) == 0
    for _ in range(2):
        assert admin.post(path, {})["state"] == "queued"
    assert look(days=10) == 1
    assert len(box.mails) == 1
    assert admin.post(path, {}, 409)["type"] == "urn:medrelay:problem:message-not-failed"
    assert look(days=20) == 0


def test_a_digest_that_failed_is_sent_again_with_its_lines(
    clients: Any, database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    box.answers = {"DATA": "554 not wanted"}
    with database.transaction() as session:
        reachable(session, "hospital", means=Means.DIGEST)
        for at in range(2):
            late_shipment(session, f"shipment:{at}", path=f"/shipments/{at}")
    assert look() == 0
    assert look(days=2) == 1
    (failed,) = clients("admin").get("alert-messages")
    assert (failed["kind"], failed["state"]) == ("digest", "failed")
    box.answers = {}
    clients("admin").post(f"alert-messages/{failed['id']}/again", {})
    assert look(days=2) == 1
    (mail,) = box.mails
    assert "/en/shipments/0" in mail.get_content()
    assert "/en/shipments/1" in mail.get_content()
    with database.transaction() as session:
        assert {row.state for row in session.exec(select(AlertMessage))} == {MessageState.SENT}


def test_the_page_shows_what_failed_and_sends_it_again(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        alert = late_shipment(session)
        row = message(session, alert, state=MessageState.FAILED, answer="550 <no> such user")
    admin = world.bearer("admin")
    for language, words in (("en", "Send it again"), ("zh", "重新发送")):
        page = api.get(f"/{language}/alerts/outbox", headers=admin).text
        assert words in page
        assert "550 &lt;no&gt; such user" in page
    assert "/en/alerts/outbox" in api.get("/en/alerts", headers=admin).text
    assert api.get("/en/alerts/outbox", headers=world.bearer("dispatcher")).status_code == 403
    again = f"/en/alerts/outbox/{row.id}/again"
    assert api.post(again, headers=admin).status_code == 200
    assert "Send it again" not in api.get("/en/alerts/outbox", headers=admin).text
    assert "To be sent" in api.get("/en/alerts/outbox?state=", headers=admin).text
    file = api.get("/en/alerts/outbox?state=queued&format=csv", headers=admin)
    assert len(file.text.splitlines()) == 2
