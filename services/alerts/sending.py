"""One message on its way: taken from the outbox, made, sent, and how it went.

It is taken in one transaction and settled in another; in between no transaction is open. Whoever
is killed in between leaves it due again after `LEASE`: each is sent at least once, and a repeat
bears the same Message-ID or webhook-id.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.alerts import mail, outbox, posting
from services.alerts.mail_links import LinkPurpose, mail_link
from services.alerts.models import Alert
from services.alerts.showing import shown
from services.alerts.signing import headers_of
from services.alerts.telling_models import AlertMessage, MessageKind, MessageState, Webhook
from services.alerts.webhooks import allowed, disable, secrets_of
from services.parties.models import User
from services.settings import Settings, get_settings

LEASE = timedelta(minutes=5)
GIVE_UP_AFTER = timedelta(days=3)
_LONGEST_PAUSE = timedelta(hours=6)
_GONE = 410


class Channel(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How sending went. ``for_good``: trying again is of no use; ``nobody``: nor is any other."""

    sent: bool
    answer: str
    for_good: bool = False
    nobody: bool = False
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is this sender's for the time of a lease, and how to send it."""

    message_id: UUID
    to: str
    send: Callable[[], Outcome]


def take(session: Session, settings: Settings, channel: Channel, now: datetime) -> Taken | None:
    """The message that has been due the longest, put off for others; None where none is due."""
    addressee = AlertMessage.user_id if channel is Channel.MAIL else AlertMessage.webhook_id
    row = session.exec(
        select(AlertMessage)
        .where(
            AlertMessage.state == MessageState.QUEUED,
            AlertMessage.kind != MessageKind.LINE,
            AlertMessage.next_try_at <= now,
            col(addressee).is_not(None),
        )
        .order_by(col(AlertMessage.next_try_at), col(AlertMessage.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    row.attempts += 1
    row.next_try_at = now + max(LEASE, pause_after(row))
    session.flush()
    make = _mail_of if channel is Channel.MAIL else _post_of
    return make(session, settings, row, now)


def pause_after(row: AlertMessage) -> timedelta:
    """How long to wait after so many attempts: one minute, then twice as long each time.

    A part that follows from the message's id keeps many that failed together from coming together.
    """
    doubled = timedelta(minutes=2 ** min(row.attempts - 1, 20))
    spread = timedelta(seconds=row.id.int % 60)
    return min(doubled, _LONGEST_PAUSE) + spread


def settle(session: Session, taken: Taken, outcome: Outcome, now: datetime) -> MessageState:
    """Write down how sending went; who was told by another meanwhile stays told."""
    row = session.get(AlertMessage, taken.message_id, with_for_update=True, populate_existing=True)
    assert row is not None
    if row.state is not MessageState.QUEUED:
        return row.state
    row.answer = outcome.answer[:500]
    if outcome.sent:
        row.state = MessageState.SENT
    elif outcome.dropped:
        row.state = MessageState.DROPPED
    elif outcome.for_good or now - row.queued_at >= GIVE_UP_AFTER:
        row.state = MessageState.FAILED
    else:
        row.next_try_at = now + pause_after(row)
    if row.state is not MessageState.QUEUED:
        row.settled_at = now
    session.flush()
    if row.kind is MessageKind.DIGEST and row.settled_at is not None:
        lines = sa.update(AlertMessage).where(col(AlertMessage.digest_id) == row.id)
        session.connection().execute(lines.values(state=row.state, settled_at=now))
    _mark_addressee(session, row, taken, outcome, now)
    return row.state


def _mark_addressee(
    session: Session, row: AlertMessage, taken: Taken, outcome: Outcome, now: datetime
) -> None:
    if row.user_id is not None:
        user = session.get(User, row.user_id, with_for_update=True, populate_existing=True)
        if outcome.nobody and user is not None and user.email == taken.to:
            user.email_refused_at = now
    elif row.webhook_id is not None and not outcome.dropped:
        _mark_webhook(session, row.webhook_id, outcome, now)


def _mark_webhook(session: Session, webhook_id: UUID, outcome: Outcome, now: datetime) -> None:
    hook = session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    assert hook is not None
    if outcome.sent:
        hook.failing_since = None
        return
    hook.failing_since = hook.failing_since or now
    longest = timedelta(days=get_settings().webhook_days_until_disabled)
    if outcome.nobody or now - hook.failing_since >= longest:
        disable(session, hook, now)


def _mail_of(session: Session, settings: Settings, row: AlertMessage, now: datetime) -> Taken:
    user = session.get_one(User, row.user_id)
    if row.kind is MessageKind.CONFIRM:
        return _question_of(settings, row, user, now)
    if user.email is None or not outbox.takes_mail(user):
        return _dropped(row, "there is no confirmed address to send to")
    language = user.language or "en"
    alerts = _alerts_of(session, row)
    if all(alert.closed_at is not None for alert in alerts):
        return _dropped(row, "it was over before it was sent")
    told = shown(session, alerts, language)
    stop = mail_link(settings, LinkPurpose.STOP, user, language, now)
    reader = mail.Reader(row.id, user.email, language, stop)
    made = (
        mail.digest_mail(settings, reader, told, now)
        if row.kind is MessageKind.DIGEST
        else mail.alert_mail(settings, reader, told[0], now)
    )
    return Taken(row.id, user.email, lambda: _send_mail(settings, made))


def _question_of(settings: Settings, row: AlertMessage, user: User, now: datetime) -> Taken:
    if user.email is None or not user.active or user.email_confirmed_at is not None:
        return _dropped(row, "there is nothing to confirm any more")
    reader = mail.Reader(row.id, user.email, user.language or "en")
    confirm = mail_link(settings, LinkPurpose.CONFIRM, user, reader.language, now)
    made = mail.question_mail(settings, reader, user.username, confirm, now)
    return Taken(row.id, user.email, lambda: _send_mail(settings, made))


def _send_mail(settings: Settings, made: EmailMessage) -> Outcome:
    try:
        mail.send(settings, made)
    except mail.MailRefused as error:
        return Outcome(
            sent=False, answer=error.answer, for_good=error.for_good, nobody=error.address
        )
    return Outcome(sent=True, answer="taken")


def _post_of(session: Session, settings: Settings, row: AlertMessage, now: datetime) -> Taken:
    hook = session.get_one(Webhook, row.webhook_id)
    is_test = row.kind is MessageKind.TEST
    if hook.removed_at is not None or (hook.disabled_at is not None and not is_test):
        return _dropped(row, "the webhook is disabled")
    alerts = _alerts_of(session, row)
    if row.kind is MessageKind.ALERT and alerts[0].closed_at is not None:
        return _dropped(row, "it was over before it was sent")
    body = json.dumps(_event(session, settings, row, alerts), ensure_ascii=False).encode()
    stamped = int(now.timestamp())
    headers = headers_of(secrets_of(hook, now), f"msg_{row.id.hex}", stamped, body)
    return Taken(row.id, hook.url, lambda: _send_post(hook.url, headers, body))


def _send_post(url: str, headers: dict[str, str], body: bytes) -> Outcome:
    try:
        status = posting.post(url, headers, body, allowed())
    except posting.NotPosted as error:
        return Outcome(sent=False, answer=str(error))
    sent = 200 <= status < 300
    return Outcome(sent=sent, answer=f"status {status}", nobody=status == _GONE)


def _event(
    session: Session, settings: Settings, row: AlertMessage, alerts: list[Alert]
) -> dict[str, Any]:
    """The body of a webhook: ``type``, ``timestamp`` and ``data``, as Standard Webhooks advises."""
    if not alerts:
        return {"type": "test", "timestamp": _utc(row.queued_at), "data": {"id": str(row.id)}}
    (alert,) = alerts
    (english,), (chinese,) = (shown(session, alerts, language) for language in ("en", "zh"))
    leave_out = {"says", "acknowledged_at", "acknowledged_by", "assigned_to"}
    data = english.model_dump(mode="json", exclude=leave_out)
    said = {"en": english.says, "zh": chinese.says}
    link = mail.link(settings, "en", alert.path)
    over_at = alert.closed_at if row.kind is MessageKind.CLOSED else None
    return {
        "type": "alert.closed" if over_at else "alert.raised",
        "timestamp": _utc(over_at or alert.raised_at),
        "data": data | {"says": said, "url": link},
    }


def _alerts_of(session: Session, row: AlertMessage) -> list[Alert]:
    statement = select(Alert).order_by(col(Alert.raised_at), col(Alert.id))
    if row.kind is MessageKind.DIGEST:
        lines = select(AlertMessage.alert_id).where(AlertMessage.digest_id == row.id)
        return list(session.exec(statement.where(col(Alert.id).in_(lines))))
    return list(session.exec(statement.where(Alert.id == row.alert_id)))


def _dropped(row: AlertMessage, why: str) -> Taken:
    return Taken(row.id, "", lambda: Outcome(sent=False, answer=why, dropped=True))


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
