"""What people do about an alert: say that they know of it, hand it to one, keep it quiet."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from services.alerts.models import Alert
from services.alerts.schemas import AcknowledgeIn, AssignIn, MuteIn
from services.alerts.seeing import get_alert, visible_to
from services.alerts.telling_models import AlertMute
from services.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.journal.once import claim, digest_of
from services.parties.changes import record_change
from services.parties.models import Role, User
from services.parties.service import Actor

LONGEST_MUTE = timedelta(days=90)


class AlertOver(Conflict):
    code, title = "alert-over", "This alert is over"


def subject_of(alert_id: UUID) -> str:
    return f"alert:{alert_id}"


def acknowledge(session: Session, actor: Actor, alert_id: UUID, body: AcknowledgeIn) -> Alert:
    """Say that one knows and looks into it; the first who says so stands there, also afterwards.

    Raises:
        NotFound: no such alert for the actor. Forbidden: an auditor. AlertOver: it is closed.

    """
    alert = _mine_to_act_on(session, actor, alert_id)
    if alert.acknowledged_at is not None:
        return alert
    _require_open(alert)
    alert.acknowledged_by, alert.acknowledged_at = actor.user_id, datetime.now(UTC)
    session.flush()
    record_change(session, actor, subject_of(alert.id), "acknowledged", body.reason)
    return alert


def assign(session: Session, actor: Actor, alert_id: UUID, body: AssignIn) -> Alert:
    """Hand an alert to a person of one's own organisation who sees it, or to nobody.

    Raises:
        NotFound: no such alert for the actor. Forbidden: an auditor. AlertOver: it is closed.
        InvalidInput: no such person there, or they don't see it.

    """
    alert = _mine_to_act_on(session, actor, alert_id)
    person = _assignee(session, actor, alert, body.username) if body.username else None
    assigned = person.id if person else None
    if alert.assigned_to == assigned:
        return alert
    _require_open(alert)
    before = session.get(User, alert.assigned_to) if alert.assigned_to else None
    alert.assigned_to = assigned
    session.flush()
    names = [each.username if each else "nobody" for each in (before, person)]
    what = f"assigned {names[0]} → {names[1]}"
    record_change(session, actor, subject_of(alert.id), what, body.reason)
    return alert


def mute(session: Session, actor: Actor, body: MuteIn) -> tuple[AlertMute, bool]:
    """Keep a kind, a subject or both quiet until a time; the same body twice is one mute.

    Raises:
        InvalidInput: the time is over, or too far ahead. Forbidden: an auditor for others.
        EntryIdReused: the id belongs to another mute.

    """
    if body.whole_organisation:
        _require_hands(actor)
    row = AlertMute(
        id=body.id,
        kind=body.kind,
        subject=body.subject,
        user_id=None if body.whole_organisation else actor.user_id,
        organisation=actor.organisation if body.whole_organisation else None,
        until=body.until,
        reason=body.reason,
        muted_by=actor.user_id,
        muted_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    known = session.get(AlertMute, body.id)
    if known is None:
        _check_until(body.until)
    elif known.muted_by != actor.user_id:
        raise NotFound(f"There is no mute {body.id} of yours", field="id", value=body.id)
    if not claim(session, row):
        return session.get_one(AlertMute, body.id), False
    what = f"muted {_what(row)} until {body.until:%Y-%m-%dT%H:%MZ} {_for_whom(row)}"
    record_change(session, actor, mute_subject(row.id), what, body.reason)
    return session.get_one(AlertMute, row.id), True


def end_mute(session: Session, actor: Actor, mute_id: UUID) -> AlertMute:
    """Let it be heard again; ended twice is ended once.

    Raises:
        NotFound: no such mute of the actor or their organisation. Forbidden: an auditor.

    """
    row = session.get(AlertMute, mute_id, with_for_update=True, populate_existing=True)
    owners = (actor.user_id, actor.organisation)
    if row is None or (row.user_id != owners[0] and row.organisation != owners[1]):
        raise NotFound(f"There is no mute {mute_id} of yours", field="mute_id", value=mute_id)
    if row.organisation:
        _require_hands(actor)
    if row.ended_at is None:
        row.ended_at = datetime.now(UTC)
        session.flush()
        record_change(session, actor, mute_subject(row.id), "ended")
    return row


def mutes(session: Session, actor: Actor) -> list[AlertMute]:
    """What is quiet now for the actor, the one that ends first on top."""
    statement = (
        select(AlertMute)
        .where(
            (col(AlertMute.user_id) == actor.user_id)
            | (col(AlertMute.organisation) == actor.organisation),
            col(AlertMute.ended_at).is_(None),
            col(AlertMute.until) > datetime.now(UTC),
        )
        .order_by(col(AlertMute.until), col(AlertMute.id))
    )
    return list(session.exec(statement))


def mute_subject(mute_id: UUID) -> str:
    return f"alert_mute:{mute_id}"


def colleagues(session: Session, actor: Actor, alert: Alert) -> list[User]:
    """Whom the actor may hand an alert to: people of the same organisation who see it."""
    statement = (
        select(User)
        .where(
            User.organisation == actor.organisation,
            col(User.active),
            User.role != Role.AUDITOR,
        )
        .order_by(col(User.username))
    )
    return [user for user in session.exec(statement) if _sees(session, user, alert)]


def _sees(session: Session, user: User, alert: Alert) -> bool:
    statement = select(Alert.id).where(
        Alert.id == alert.id, visible_to(user.role, user.organisation)
    )
    return session.exec(statement).first() is not None


def _assignee(session: Session, actor: Actor, alert: Alert, username: str) -> User:
    for person in colleagues(session, actor, alert):
        if person.username == username:
            return person
    raise InvalidInput(
        f"{username} isn't of your organisation, or doesn't see this alert",
        field="username",
        value=username,
        mend="name somebody of your own organisation who may act on it",
    )


def _mine_to_act_on(session: Session, actor: Actor, alert_id: UUID) -> Alert:
    alert = get_alert(session, actor, alert_id, held=True)
    _require_hands(actor)
    return alert


def _require_hands(actor: Actor) -> None:
    if actor.role is Role.AUDITOR:
        raise Forbidden(
            "An auditor looks on and decides nothing for others", mend="leave it to a dispatcher"
        )


def _require_open(alert: Alert) -> None:
    if alert.closed_at is not None:
        raise AlertOver(f"Alert {alert.id} is over", field="alert_id", value=alert.id)


def _check_until(until: datetime) -> None:
    now = datetime.now(UTC)
    if not now < until <= now + LONGEST_MUTE:
        raise InvalidInput(
            f"{until.isoformat()} isn't within the next {LONGEST_MUTE.days} days",
            field="until",
            value=until.isoformat(),
            mend=f"give a time from now to {LONGEST_MUTE.days} days ahead",
        )


def _what(row: AlertMute) -> str:
    return " of ".join(filter(None, (row.kind.value if row.kind else "", row.subject)))


def _for_whom(row: AlertMute) -> str:
    return f"for {row.organisation}" if row.organisation else "for themselves"
