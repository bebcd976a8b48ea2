"""Webhooks: where an organisation's own programs are told of alerts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.posting import Allowed, check_url
from services.alerts.schemas import NewSecretIn, WebhookIn
from services.alerts.service import close_alert, raise_alert
from services.alerts.signing import secret_of
from services.alerts.telling_models import (
    AlertMessage,
    MessageKind,
    MessageState,
    Webhook,
)
from services.errors import Conflict, Forbidden, NotFound
from services.journal.once import claim, digest_of
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.settings import get_settings

MOST_WEBHOOKS = 10
# How long a receiver may go on with the secret before.
BOTH_SECRETS_FOR = timedelta(days=1)


class WebhookGone(Conflict):
    code, title = "webhook-gone", "This webhook was removed"


class TooManyWebhooks(Conflict):
    code, title = "too-many-webhooks", "An organisation has so many webhooks already"


class SecretChanged(Conflict):
    code, title = "secret-changed", "The secret was changed already"


class MessageIdReused(Conflict):
    code, title = "message-id-reused", "This id belongs to another message"


def may_register(actor: Actor) -> bool:
    return actor.role is not Role.AUDITOR


def may_change(actor: Actor, row: Webhook) -> bool:
    """Its secret and its fate are for those who may see what it is told, and for administrators."""
    return row.organisation == actor.organisation and actor.role in {row.role, Role.ADMIN}


def subject_of(webhook_id: UUID) -> str:
    return f"webhook:{webhook_id}"


def allowed() -> Allowed:
    settings = get_settings()
    return Allowed(settings.webhook_private_addresses, settings.webhook_plain_loopback)


def register(session: Session, actor: Actor, body: WebhookIn) -> tuple[Webhook, str | None]:
    """Register an address for one's own organisation; the secret is None where it was before.

    It is told what its registrar's role and organisation may see.

    Raises:
        InvalidInput: no such address may be posted to. Forbidden: an auditor.
        TooManyWebhooks: there are ten. EntryIdReused: the id belongs to another webhook.

    """
    if not may_register(actor):
        raise Forbidden("An auditor changes nothing", mend="leave it to a dispatcher")
    check_url(body.url, allowed())
    known = session.get(Webhook, body.id)
    if known is not None and known.organisation != actor.organisation:
        raise NotFound(f"There is no webhook {body.id} of yours", field="id", value=body.id)
    if known is None and len(webhooks_of(session, actor)) >= MOST_WEBHOOKS:
        raise TooManyWebhooks(
            f"{actor.organisation} has {MOST_WEBHOOKS} webhooks", mend="remove one first"
        )
    row = Webhook(
        id=body.id,
        organisation=actor.organisation,
        role=actor.role,
        url=body.url,
        kinds=list(dict.fromkeys(body.kinds)),
        least_severity=body.least_severity,
        registered_by=actor.user_id,
        registered_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    if not claim(session, row):
        return session.get_one(Webhook, body.id), None
    record_change(session, actor, subject_of(row.id), f"registered for {row.url}")
    return session.get_one(Webhook, row.id), secret_of(row.id, row.secret_version)


def webhooks_of(session: Session, actor: Actor) -> list[Webhook]:
    """Those of the actor's organisation that weren't removed."""
    statement = (
        select(Webhook)
        .where(Webhook.organisation == actor.organisation, col(Webhook.removed_at).is_(None))
        .order_by(col(Webhook.registered_at), col(Webhook.id))
    )
    return list(session.exec(statement))


def get_webhook(session: Session, actor: Actor, webhook_id: UUID) -> Webhook:
    """A webhook of the actor's organisation, removed ones too, held still.

    Raises:
        NotFound: there is none.

    """
    row = session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    if row is None or row.organisation != actor.organisation:
        raise NotFound(
            f"There is no webhook {webhook_id} of yours", field="webhook_id", value=webhook_id
        )
    return row


def change_secret(session: Session, actor: Actor, webhook_id: UUID, body: NewSecretIn) -> str:
    """A new secret in the place of the one of this version, which signs beside it for a day.

    ``at_once``: it signs nothing any more, for where somebody else knows it.

    Raises:
        SecretChanged: the secret isn't of that version.

    """
    row = _in_use(session, actor, webhook_id)
    if row.secret_version != body.version:
        raise SecretChanged(
            f"The secret is of version {row.secret_version}", field="version", value=body.version
        )
    row.secret_version = body.version + 1
    row.secret_changed_at = None if body.at_once else datetime.now(UTC)
    session.flush()
    what = f"secret {body.version} → {row.secret_version}{' at once' if body.at_once else ''}"
    record_change(session, actor, subject_of(row.id), what)
    return secret_of(row.id, row.secret_version)


def secrets_of(row: Webhook, now: datetime) -> list[str]:
    """What its messages are signed with now: the newest, and for a day the one before."""
    versions = [row.secret_version]
    if row.secret_changed_at is not None and now - row.secret_changed_at < BOTH_SECRETS_FOR:
        versions.append(row.secret_version - 1)
    return [secret_of(row.id, version) for version in versions]


def enable(session: Session, actor: Actor, webhook_id: UUID) -> Webhook:
    """Send to it again; what was left out meanwhile stays so."""
    row = _in_use(session, actor, webhook_id)
    if row.disabled_at is not None:
        row.disabled_at = row.failing_since = None
        session.flush()
        record_change(session, actor, subject_of(row.id), "enabled")
        close_alert(session, AlertKind.WEBHOOK_DISABLED, subject_of(row.id))
    return row


def remove(session: Session, actor: Actor, webhook_id: UUID) -> Webhook:
    """Send nothing more to it, for good; twice is once."""
    row = _to_change(session, actor, webhook_id)
    if row.removed_at is None:
        row.removed_at = datetime.now(UTC)
        session.flush()
        drop_queued(session, row, "the webhook was removed")
        record_change(session, actor, subject_of(row.id), "removed")
        close_alert(session, AlertKind.WEBHOOK_DISABLED, subject_of(row.id))
    return row


def disable(session: Session, row: Webhook, now: datetime) -> None:
    """Send nothing more to one that has failed for too long, and tell its organisation."""
    if row.disabled_at is not None or row.removed_at is not None:
        return
    row.disabled_at = now
    session.flush()
    drop_queued(session, row, "the webhook is disabled")
    record_change(session, None, subject_of(row.id), "disabled")
    raise_alert(
        session,
        AlertKind.WEBHOOK_DISABLED,
        subject_of(row.id),
        Severity.WARNING,
        path=f"/alerts/webhooks/{row.id}",
        organisation=row.organisation,
        facts={
            "host": check_url(row.url, Allowed(private=True, plain_loopback=True)).netloc,
            "since": (row.failing_since or now).isoformat(),
        },
    )


def send_test(session: Session, actor: Actor, webhook_id: UUID, message_id: UUID) -> AlertMessage:
    """Put a test in the outbox; the same id twice is one test.

    Raises:
        MessageIdReused: the id belongs to another message. WebhookGone: it was removed.

    """
    row = _in_use(session, actor, webhook_id)
    now = datetime.now(UTC)
    message = AlertMessage(
        id=message_id,
        kind=MessageKind.TEST,
        webhook_id=row.id,
        state=MessageState.QUEUED,
        queued_at=now,
        next_try_at=now,
    )
    session.connection().execute(
        insert(AlertMessage).values(**message.model_dump()).on_conflict_do_nothing()
    )
    found = session.get_one(AlertMessage, message_id)
    if (found.kind, found.webhook_id) != (MessageKind.TEST, row.id):
        raise MessageIdReused(f"{message_id} is another message", field="id", value=message_id)
    return found


def drop_queued(session: Session, row: Webhook, why: str) -> None:
    session.connection().execute(
        sa.update(AlertMessage)
        .where(
            col(AlertMessage.webhook_id) == row.id,
            col(AlertMessage.state) == MessageState.QUEUED,
        )
        .values(state=MessageState.DROPPED, settled_at=datetime.now(UTC), answer=why)
    )


def _in_use(session: Session, actor: Actor, webhook_id: UUID) -> Webhook:
    row = _to_change(session, actor, webhook_id)
    if row.removed_at is not None:
        raise WebhookGone(
            f"Webhook {webhook_id} was removed", mend="register it anew, with another id"
        )
    return row


def _to_change(session: Session, actor: Actor, webhook_id: UUID) -> Webhook:
    row = get_webhook(session, actor, webhook_id)
    if not may_change(actor, row):
        raise Forbidden(
            f"This webhook is told what a {row.role} may see",
            mend=f"leave it to somebody of your organisation who is a {row.role}, or to its admin",
        )
    return row
