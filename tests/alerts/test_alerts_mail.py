"""Mail about alerts, through a real SMTP server on loopback: at once, once a day, and refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from services.alerts import acting, outbox, sending, subscriptions
from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.schemas import MuteIn, SubscriptionIn
from services.alerts.sending import Channel
from services.alerts.service import close_alert
from services.alerts.telling_models import AlertMessage, Means, MessageKind, MessageState
from services.database import Database
from services.jobs.deliver import Messenger
from services.parties.email import EmailIn, set_email
from services.parties.models import Role, User
from services.parties.service import Actor
from services.settings import Settings
from tests.alerts.raised import late_shipment
from tests.alerts.smtp_server import Mailbox
from tests.world import USERS, user_id

# Shanghai's 20:00.
NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def look(database: Database, box: Mailbox) -> Callable[..., int]:
    """One look of the messenger at a time after NOW."""

    def look(**after: float) -> int:
        settings = mail_settings(box.port)
        clock = lambda: NOW + timedelta(**after)  # noqa: E731
        return Messenger(settings, database, Channel.MAIL, clock).look()

    return look


def mail_settings(port: int, **changes: Any) -> Settings:
    given = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_starttls": False,
        "public_url": "https://relief.example.org/",
    }
    return Settings(**(given | changes))


def actor(username: str) -> Actor:
    role, organisation = USERS[username]
    return Actor(user_id(username), username, role, organisation)


def reachable(session: Session, username: str, language: str = "en", **wants: Any) -> None:
    body = EmailIn(email=f"{username}@example.org", language=language)  # type: ignore[arg-type]
    set_email(session, actor(username), body)
    session.get_one(User, user_id(username)).email_confirmed_at = NOW
    session.flush()
    if wants:
        given = {"least_severity": Severity.NOTICE, "means": Means.AT_ONCE} | wants
        subscriptions.subscribe(session, actor(username), SubscriptionIn(**given))


def messages(database: Database) -> list[AlertMessage]:
    with database.transaction() as session:
        return list(session.exec(select(AlertMessage).order_by(col(AlertMessage.kind))))


def test_an_alert_is_mailed_once_in_the_readers_language(
    database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    with database.transaction() as session:
        reachable(session, "hospital", "zh")
        late_shipment(session)
    assert look() == 1
    assert look(hours=1) == 0
    (mail,) = box.mails
    (row,) = messages(database)
    assert row.state is MessageState.SENT
    assert (mail["To"], mail["From"]) == ("hospital@example.org", "medrelay@localhost")
    assert mail["Message-ID"] == f"<{row.id}@relief.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Subject"].startswith("警告：运单延误: CARR1 中从W1 中运往H1 中")
    text = mail.get_content()
    assert "https://relief.example.org/zh/shipments/1" in text.splitlines()
    assert "https://relief.example.org/zh/alerts/settings" in text
    assert "&" not in text


def test_only_who_asked_is_mailed(
    database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    with database.transaction() as session:
        reachable(session, "hospital2")
        reachable(session, "dispatcher")  # by default, of critical ones alone
        reachable(session, "hospital", regions=["420500"])
        reachable(session, "admin", kinds=[AlertKind.RECALL])
        reachable(session, "approver", means=Means.PAGE)
        late_shipment(session, roles=[Role.DISPATCHER, Role.APPROVER])
    assert look() == 0
    assert messages(database) == []
    # Graver now: who asked for grave ones alone is told, and nobody twice.
    with database.transaction() as session:
        late_shipment(session, severity=Severity.CRITICAL)
    assert look() == 1
    assert [mail["To"] for mail in box.mails] == ["dispatcher@example.org"]
    with database.transaction() as session:
        late_shipment(session, severity=Severity.WARNING)
        late_shipment(session, severity=Severity.CRITICAL)
    assert look(hours=1) == 0


def test_what_is_muted_or_over_is_not_mailed(
    database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    with database.transaction() as session:
        for name in ("dispatcher", "admin", "hospital"):
            reachable(session, name, means=Means.AT_ONCE)
        late_shipment(session)
        late_shipment(session, "recall:1", kind=AlertKind.RECALL)
        close_alert(session, AlertKind.RECALL, "recall:1")
        until = datetime.now(UTC) + timedelta(days=90)
        mute = {"kind": "shipment_late", "until": until, "whole_organisation": True}
        acting.mute(session, actor("dispatcher"), MuteIn(id=user_id("a mute"), **mute))
    messenger = Messenger(mail_settings(box.port), database, Channel.MAIL)
    assert messenger.look() == 1
    assert [mail["To"] for mail in box.mails] == ["hospital@example.org"]


def test_without_a_server_nothing_is_queued(database: Database) -> None:
    with database.transaction() as session:
        reachable(session, "hospital")
        late_shipment(session)
    assert Messenger(Settings(), database, Channel.MAIL).look() == 0
    assert messages(database) == []


def test_an_address_that_refuses_for_good_is_left_alone_until_it_is_given_anew(
    database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    box.refused["hospital@example.org"] = "550 5.1.1 no such user"
    with database.transaction() as session:
        reachable(session, "hospital")
        late_shipment(session, "shipment:1")
        late_shipment(session, "shipment:2")
    assert look() == 2
    states = {(row.state, row.attempts, row.answer) for row in messages(database)}
    assert (MessageState.FAILED, 1, "550 5.1.1 no such user") in states
    assert len(states) == 2
    with database.transaction() as session:
        late_shipment(session, "shipment:3")
        assert session.get_one(User, user_id("hospital")).email_refused_at is not None
    assert look(days=1) == 0
    assert len(messages(database)) == 2
    box.refused.clear()
    with database.transaction() as session:
        reachable(session, "hospital")
        late_shipment(session, "shipment:4")
    assert look(days=1) == 1


@pytest.mark.parametrize(
    ("verb", "said", "state"),
    [
        ("EHLO", "421 too busy", MessageState.QUEUED),
        ("MAIL", "451 later", MessageState.QUEUED),
        ("MAIL", "550 not from you", MessageState.QUEUED),
        ("DATA", "452 full", MessageState.QUEUED),
        ("DATA", "554 not wanted", MessageState.FAILED),
    ],
)
def test_a_server_in_trouble_is_asked_again_later(
    database: Database, box: Mailbox, look: Callable[..., int], verb: str, said: str, state: Any
) -> None:
    with database.transaction() as session:
        reachable(session, "hospital")
        late_shipment(session)
    box.answers = {verb: said}
    assert look() == 1
    (row,) = messages(database)
    assert (row.state, row.attempts) == (state, 1)
    assert row.answer
    with database.transaction() as session:
        assert session.get_one(User, user_id("hospital")).email_refused_at is None
    box.answers = {}
    assert look(seconds=30) == 0
    assert look(minutes=3) == (1 if state is MessageState.QUEUED else 0)
    assert len(box.mails) == (1 if state is MessageState.QUEUED else 0)


def test_a_server_that_is_gone_for_days_is_given_up(database: Database, box: Mailbox) -> None:
    with database.transaction() as session:
        reachable(session, "hospital")
        late_shipment(session)
    now = NOW
    settings = mail_settings(1)
    for _ in range(100):
        Messenger(settings, database, Channel.MAIL, lambda at=now: at).look()
        (row,) = messages(database)
        if row.state is not MessageState.QUEUED:
            break
        assert row.next_try_at > now
        now = row.next_try_at
    assert row.state is MessageState.FAILED
    assert timedelta(days=3) <= now - NOW < timedelta(days=4)
    assert 15 < row.attempts < 40


def test_who_is_killed_while_sending_leaves_it_to_be_sent_again_under_the_same_id(
    database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    settings = mail_settings(box.port)
    with database.transaction() as session:
        reachable(session, "hospital")
        late_shipment(session)
        outbox.spread(session, settings, NOW)
    with database.transaction() as session:
        taken = sending.take(session, settings, Channel.MAIL, NOW)
    assert taken is not None
    assert taken.send().sent
    # Killed here: nobody writes down that it went. Meanwhile nobody else takes it.
    assert look(minutes=4) == 0
    assert look(minutes=6) == 1
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"]
    (row,) = messages(database)
    assert (row.state, row.attempts) == (MessageState.SENT, 2)


def test_a_digest_comes_at_its_hour_with_what_is_still_so(
    database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    with database.transaction() as session:
        reachable(session, "hospital", means=Means.DIGEST, digest_hour=21)
        for at in range(3):
            late_shipment(session, f"shipment:{at}", path=f"/shipments/{at}")
    assert look() == 0  # 20:00 in Shanghai
    with database.transaction() as session:
        close_alert(session, AlertKind.SHIPMENT_LATE, "shipment:2")
    assert look(hours=0.9) == 0
    assert look(hours=1.1) == 1
    (mail,) = box.mails
    assert mail["Subject"] == "Alerts of the day: 3"
    text = mail.get_content()
    assert "/en/shipments/0" in text
    assert "/en/shipments/1" in text
    assert "/en/shipments/2" not in text
    assert "One more is over already." in text
    rows = messages(database)
    assert {row.state for row in rows} == {MessageState.SENT}
    assert [row.kind for row in rows].count(MessageKind.LINE) == 3
    # What comes after the hour waits for the next day's.
    with database.transaction() as session:
        late_shipment(session, "shipment:9")
    assert look(hours=2) == 0
    assert look(hours=24) == 0
    assert look(hours=25.1) == 1


def test_who_wants_no_mail_any_more_gets_no_digest(
    database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    with database.transaction() as session:
        reachable(session, "hospital", means=Means.DIGEST, digest_hour=21)
        late_shipment(session)
    look()
    with database.transaction() as session:
        reachable(session, "hospital", means=Means.PAGE, digest_hour=21)
    assert look(hours=2) == 0
    assert [row.state for row in messages(database)] == [MessageState.DROPPED]
    assert box.mails == []


def test_two_messengers_send_each_message_once(database: Database, box: Mailbox) -> None:
    settings = mail_settings(box.port)
    with database.transaction() as session:
        reachable(session, "hospital")
        for at in range(2):
            late_shipment(session, f"shipment:{at}")
        outbox.spread(session, settings, NOW)
    with database.transaction() as one, database.transaction() as other:
        first = sending.take(one, settings, Channel.MAIL, NOW)
        second = sending.take(other, settings, Channel.MAIL, NOW)
        assert first is not None
        assert second is not None
        assert first.message_id != second.message_id
        assert outbox.spread(other, settings, NOW) == 0


@given(st.uuids(), st.integers(1, 200))
def test_pauses_grow_up_to_six_hours(message_id: Any, attempts: int) -> None:
    now = datetime.now(UTC)
    row = AlertMessage(
        id=message_id,
        kind=MessageKind.ALERT,
        state=MessageState.QUEUED,
        queued_at=now,
        next_try_at=now,
        attempts=attempts,
    )
    after = sending.pause_after(row)
    row.attempts += 1
    assert (
        timedelta(minutes=1) <= after <= sending.pause_after(row) <= timedelta(hours=6, minutes=1)
    )


def test_an_alert_is_for_whom_the_list_shows_it_to(session: Session) -> None:
    """The outbox asks in Python what the list asks in SQL: they agree about everybody."""
    from services.alerts.seeing import visible_to  # noqa: PLC0415

    late_shipment(session, "a:1", roles=[])
    late_shipment(session, "a:2", organisation=None)
    late_shipment(session, "a:3", organisation=None, roles=[Role.AUDITOR, Role.HOSPITAL])
    late_shipment(session, "a:4", organisation="RELIEF", roles=[])
    alerts = list(session.exec(select(Alert)))
    for user in session.exec(select(User)):
        seen = set(session.exec(select(Alert.id).where(visible_to(user.role, user.organisation))))
        told = {each.id for each in alerts if outbox.is_for(each, user.role, user.organisation)}
        assert seen == told, user.username
