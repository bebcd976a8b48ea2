"""From alerts to messages: whom each alert is sent to, once, and the digests of the day.

Called by the loop in `services.jobs.deliver`, a transaction each, by one process at a time.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.alerts.mail import is_on
from services.alerts.models import Alert, Severity
from services.alerts.seeing import SEVERITIES
from services.alerts.subscriptions import default_of
from services.alerts.telling_models import (
    AlertMessage,
    AlertMute,
    AlertSubscription,
    Means,
    MessageKind,
    MessageState,
    Webhook,
)
from services.database import among
from services.parties import service as parties
from services.parties.models import DESKS, Role, User
from services.settings import Settings

_AT_A_TIME = 100
_REACHABLE = (
    col(User.active),
    col(User.email).is_not(None),
    col(User.email_refused_at).is_(None),
)


@dataclass(frozen=True, slots=True)
class _Mute:
    """Whom a mute concerns, and of what."""

    row: AlertMute

    def covers(self, alert: Alert, user_id: UUID | None, organisation: str) -> bool:
        whose = self.row.organisation == organisation or (
            user_id is not None and self.row.user_id == user_id
        )
        return (
            whose
            and self.row.kind in {None, alert.kind}
            and self.row.subject in {None, alert.subject}
        )


@dataclass(frozen=True, slots=True)
class _Readers:
    """Everybody who might be told, and what they asked for; read once for many alerts."""

    people: Sequence[tuple[User, AlertSubscription]]
    webhooks: Sequence[Webhook]
    mutes: Sequence[_Mute]
    above: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def means(self, alert: Alert, user: User, wants: AlertSubscription) -> Means:
        """How somebody is told of an alert, beside the page."""
        told = (
            is_for(alert, user.role, user.organisation)
            and is_grave(alert, wants.least_severity)
            and (not wants.kinds or alert.kind in wants.kinds)
            and (not wants.items or alert.item is None or alert.item in wants.items)
            and self._in_regions(alert, wants.regions)
            and not self.is_quiet(alert, user.id, user.organisation)
        )
        return wants.means if told else Means.PAGE

    def is_quiet(self, alert: Alert, user_id: UUID | None, organisation: str) -> bool:
        return any(mute.covers(alert, user_id, organisation) for mute in self.mutes)

    def _in_regions(self, alert: Alert, regions: Sequence[str]) -> bool:
        if not regions or alert.region is None:
            return True
        return not set(regions).isdisjoint(self.above.get(alert.region, ()))


def ask(session: Session, settings: Settings, now: datetime) -> int:
    """Ask each new address once whether it is its user's; how many were asked."""
    if not is_on(settings):
        return 0
    asked = select(User).where(
        *_REACHABLE, col(User.email_confirmed_at).is_(None), col(User.email_asked_at).is_(None)
    )
    users = session.exec(asked.limit(_AT_A_TIME).with_for_update()).all()
    for user in users:
        user.email_asked_at = now
    session.flush()
    rows = [_row(MessageKind.CONFIRM, now, user_id=user.id) for user in users]
    if rows:
        session.connection().execute(insert(AlertMessage).values(rows))
    return len(rows)


def spread(session: Session, settings: Settings, now: datetime) -> int:
    """Write the messages about alerts that are new, graver or over; how many alerts those were.

    Who was told already isn't told again. That it is over, webhooks hear that heard of it before.
    """
    untold = list(
        session.exec(
            select(Alert)
            .where(col(Alert.told_at).is_(None))
            .order_by(col(Alert.raised_at), col(Alert.id))
            .limit(_AT_A_TIME)
            .with_for_update()
        )
    )
    if not untold:
        return 0
    readers = _readers(session, settings, now)
    rows = _ends(session, [alert.id for alert in untold if alert.closed_at], now)
    for alert in untold:
        if alert.closed_at is None:
            rows += _messages(alert, readers, now)
    if rows:
        session.connection().execute(insert(AlertMessage).values(rows).on_conflict_do_nothing())
    for alert in untold:
        alert.told_at = now
    session.flush()
    return len(untold)


def _messages(alert: Alert, readers: _Readers, now: datetime) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for user, wants in readers.people:
        means = readers.means(alert, user, wants)
        if means is not Means.PAGE:
            kind = MessageKind.LINE if means is Means.DIGEST else MessageKind.ALERT
            found.append(_row(kind, now, alert_id=alert.id, user_id=user.id))
    for hook in readers.webhooks:
        told = (
            is_for(alert, hook.role, hook.organisation)
            and is_grave(alert, hook.least_severity)
            and (not hook.kinds or alert.kind in hook.kinds)
            and not readers.is_quiet(alert, None, hook.organisation)
        )
        if told:
            found.append(_row(MessageKind.ALERT, now, alert_id=alert.id, webhook_id=hook.id))
    return found


def _ends(session: Session, over: Sequence[UUID], now: datetime) -> list[dict[str, Any]]:
    """For each webhook that was told, or may have been: an answer to that can be lost.

    What is being taken from the outbox just now is waited for.
    """
    told = session.exec(
        select(AlertMessage.alert_id, AlertMessage.webhook_id)
        .where(
            among(AlertMessage.alert_id, over),
            AlertMessage.kind == MessageKind.ALERT,
            col(AlertMessage.webhook_id).is_not(None),
            (col(AlertMessage.state) == MessageState.SENT)
            | ((col(AlertMessage.state) == MessageState.QUEUED) & (col(AlertMessage.attempts) > 0)),
        )
        .with_for_update()
    )
    return [
        _row(MessageKind.CLOSED, now, alert_id=alert_id, webhook_id=webhook_id)
        for alert_id, webhook_id in told
    ]


def _row(
    kind: MessageKind,
    now: datetime,
    *,
    alert_id: UUID | None = None,
    user_id: UUID | None = None,
    webhook_id: UUID | None = None,
) -> dict[str, Any]:
    return AlertMessage(
        id=uuid4(),
        kind=kind,
        alert_id=alert_id,
        user_id=user_id,
        webhook_id=webhook_id,
        state=MessageState.QUEUED,
        queued_at=now,
        next_try_at=now,
    ).model_dump()


def is_for(alert: Alert, role: Role, organisation: str) -> bool:
    """What `seeing.visible_to` asks of rows, asked of one alert."""
    wanted = DESKS if role is Role.ADMIN else (role,)
    return alert.organisation == organisation or any(each in alert.roles for each in wanted)


def is_grave(alert: Alert, least: Severity) -> bool:
    return SEVERITIES.index(Severity(alert.severity)) <= SEVERITIES.index(Severity(least))


def _readers(session: Session, settings: Settings, now: datetime) -> _Readers:
    chosen = {row.user_id: row for row in session.exec(select(AlertSubscription))}
    users = session.exec(select(User).where(*_REACHABLE, col(User.email_confirmed_at).is_not(None)))
    hooks = select(Webhook).where(
        col(Webhook.disabled_at).is_(None), col(Webhook.removed_at).is_(None)
    )
    mutes = select(AlertMute).where(col(AlertMute.ended_at).is_(None), col(AlertMute.until) > now)
    return _Readers(
        people=[
            (user, chosen.get(user.id) or default_of(user)) for user in users if is_on(settings)
        ],
        webhooks=list(session.exec(hooks)),
        mutes=[_Mute(row) for row in session.exec(mutes)],
        above=parties.regions_above(session),
    )


def bundle(session: Session, settings: Settings, now: datetime) -> int:
    """Make digests of what waited for its reader's hour; how many digests were made.

    What was left from before an hour that nobody was there for goes with the next look. Who wants
    no mail any more gets none.
    """
    waiting = session.exec(
        select(AlertMessage.id, AlertMessage.user_id, AlertMessage.queued_at)
        .where(
            AlertMessage.kind == MessageKind.LINE,
            AlertMessage.state == MessageState.QUEUED,
            col(AlertMessage.digest_id).is_(None),
        )
        .with_for_update()
    ).all()
    lines: dict[UUID, list[tuple[UUID, datetime]]] = defaultdict(list)
    for line, user_id, queued_at in waiting:
        assert user_id is not None
        lines[user_id].append((line, queued_at))
    made = 0
    for user in session.exec(select(User).where(among(User.id, list(lines)))):
        wants = session.get(AlertSubscription, user.id) or default_of(user)
        if wants.means is Means.PAGE or not takes_mail(user):
            left_out = {"state": MessageState.DROPPED, "settled_at": now}
            _change(session, [line for line, _ in lines[user.id]], **left_out)
            continue
        due = _last_hour(settings, wants.digest_hour, now)
        ready = [line for line, queued_at in lines[user.id] if queued_at < due]
        if ready:
            row = _row(MessageKind.DIGEST, now, user_id=user.id)
            session.connection().execute(insert(AlertMessage).values(**row))
            _change(session, ready, digest_id=row["id"])
            made += 1
    return made


def takes_mail(user: User) -> bool:
    """Whether mail about alerts may be sent to somebody's address."""
    return user.active and user.email_confirmed_at is not None and user.email_refused_at is None


def _last_hour(settings: Settings, hour: int, now: datetime) -> datetime:
    """When that hour last struck on the wall."""
    local = now.astimezone(settings.zone)
    today = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    struck = today if today <= local else today - timedelta(days=1)
    return struck.astimezone(UTC)


def _change(session: Session, ids: Sequence[UUID], **values: Any) -> None:
    statement = sa.update(AlertMessage).where(among(AlertMessage.id, ids)).values(**values)
    session.connection().execute(statement)
