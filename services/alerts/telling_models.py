"""Who wants to be told of which alerts, and the messages about them on their way."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.alerts.models import AlertKind, Severity
from services.database import JSON, TEXT, UTC_TIME, Row, enum_type
from services.parties.models import Role


class Means(StrEnum):
    """How somebody is told, beside the page."""

    PAGE = "page"
    AT_ONCE = "at_once"
    DIGEST = "digest"


class MessageState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


class MessageKind(StrEnum):
    """A line isn't sent by itself: it stands in the digest that ``digest_id`` names."""

    ALERT = "alert"
    CLOSED = "closed"
    CONFIRM = "confirm"
    DIGEST = "digest"
    LINE = "line"
    TEST = "test"


class AlertSubscription(Row, table=True):
    """What one person wants to see and how; an empty list means all.

    ``least_severity`` counts for mail alone. ``digest_hour`` is an hour on the wall's clock.
    """

    __tablename__ = "alert_subscription"

    user_id: UUID = Field(primary_key=True, foreign_key="app_user.id")
    kinds: list[AlertKind] = Field(sa_type=JSON)
    items: list[str] = Field(sa_type=JSON)
    regions: list[str] = Field(sa_type=JSON)
    least_severity: Severity = Field(sa_type=enum_type(Severity))
    means: Means = Field(sa_type=enum_type(Means))
    digest_hour: int


class AlertMute(Row, table=True):
    """Quiet about a kind, a subject, or a kind of a subject, until a time.

    For one person (``user_id``), or for everybody of ``organisation``: one of the two is null.
    """

    __tablename__ = "alert_mute"

    id: UUID = Field(primary_key=True)
    kind: AlertKind | None = Field(default=None, sa_type=enum_type(AlertKind))
    subject: str | None = None
    user_id: UUID | None = Field(default=None, foreign_key="app_user.id", index=True)
    organisation: str | None = Field(default=None, foreign_key="organisation.code", index=True)
    until: datetime = Field(sa_type=UTC_TIME)
    reason: str | None = None
    muted_by: UUID = Field(foreign_key="app_user.id")
    muted_at: datetime = Field(sa_type=UTC_TIME)
    ended_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    content_digest: str


class Webhook(Row, table=True):
    """A program of an organisation that is told of alerts by HTTP.

    It is told what a person of ``organisation`` and ``role`` may see: who registered it, then. Its
    secret isn't kept: it follows from a key outside the database, its id and ``secret_version``.
    For a while after ``secret_changed_at`` the one before signs too; never where that is null.
    """

    id: UUID = Field(primary_key=True)
    organisation: str = Field(foreign_key="organisation.code", index=True)
    role: Role = Field(sa_type=enum_type(Role))
    url: str
    kinds: list[AlertKind] = Field(sa_type=JSON)
    least_severity: Severity = Field(sa_type=enum_type(Severity))
    secret_version: int = 1
    secret_changed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    registered_by: UUID = Field(foreign_key="app_user.id")
    registered_at: datetime = Field(sa_type=UTC_TIME)
    failing_since: datetime | None = Field(default=None, sa_type=UTC_TIME)
    disabled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    removed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    content_digest: str


class AlertMessage(Row, table=True):
    """The outbox: one message to one person or one webhook, sent at least once.

    At most one for an alert and a person, and one of a kind for an alert and a webhook: that it is
    so, and that it is so no longer. It is due when it is
    queued and ``next_try_at`` has come; who takes it puts that off, so that a sender that is
    killed leaves it due again.
    """

    __tablename__ = "alert_message"
    __table_args__ = (
        sa.UniqueConstraint("alert_id", "user_id", name="uq_alert_message_alert_id_user_id"),
        sa.UniqueConstraint(
            "alert_id", "webhook_id", "kind", name="uq_alert_message_alert_id_webhook_id_kind"
        ),
        sa.CheckConstraint("(user_id IS NULL) <> (webhook_id IS NULL)", name="one_addressee"),
        sa.CheckConstraint(
            "(alert_id IS NULL) = (kind IN ('digest', 'test', 'confirm'))", name="alert_of_its_own"
        ),
        sa.Index(
            "ix_alert_message_due", "next_try_at", postgresql_where=sa.text("state = 'queued'")
        ),
        sa.Index(
            "ix_alert_message_settled",
            "settled_at",
            postgresql_where=sa.text("state IN ('sent', 'dropped')"),
        ),
    )

    id: UUID = Field(primary_key=True)
    kind: MessageKind = Field(sa_type=enum_type(MessageKind))
    alert_id: UUID | None = Field(default=None, foreign_key="alert.id")
    user_id: UUID | None = Field(default=None, foreign_key="app_user.id", index=True)
    webhook_id: UUID | None = Field(default=None, foreign_key="webhook.id", index=True)
    digest_id: UUID | None = Field(default=None, foreign_key="alert_message.id", index=True)
    state: MessageState = Field(sa_type=enum_type(MessageState))
    queued_at: datetime = Field(sa_type=UTC_TIME)
    next_try_at: datetime = Field(sa_type=UTC_TIME)
    attempts: int = 0
    settled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    # What the other side last said, for whoever looks into it.
    answer: str | None = Field(default=None, sa_type=TEXT)
