"""What goes in and out of the endpoints of alerts."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from services.alerts.models import AlertKind, Severity
from services.alerts.telling_models import Means
from services.parties.models import Role
from services.web.http import Code, FromRow, Input, Moment, example

Reason = Annotated[str, Field(min_length=1, max_length=500)]
_MOST_CHOSEN = 200


class AcknowledgeIn(Input):
    """Say that you know and look into it."""

    model_config = example(reason="the lorry is at the bridge")

    reason: Reason | None = None


class AssignIn(Input):
    """To whom an alert is handed; without a name, to nobody."""

    model_config = example(username="dispatch1", reason="knows the carrier")

    username: Code | None = None
    reason: Reason | None = None


class MuteIn(Input):
    """What is to be quiet until when: a kind, a subject, or a kind of a subject."""

    model_config = example(
        id="7e2f3c9e-3f55-4b5c-9c1a-3a1f0f6f2d77",
        kind="shipment_late",
        until="2026-12-31T00:00:00Z",
        reason="the road is closed until then",
    )

    id: UUID
    kind: AlertKind | None = None
    subject: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    until: Moment
    whole_organisation: bool = False
    reason: Reason | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.kind is None and self.subject is None:
            raise ValueError("name a kind, a subject, or both")
        return self


class MuteOut(FromRow):
    id: UUID
    kind: AlertKind | None
    subject: str | None
    organisation: str | None
    until: datetime
    reason: str | None
    muted_at: datetime
    ended_at: datetime | None


class ChangeOut(FromRow):
    what: str
    reason: str | None
    organisation: str | None
    changed_at: datetime


class AlertOut(BaseModel):
    """``says`` is the sentence in the language asked for; ``path`` lacks its ``/en`` or ``/zh``."""

    id: UUID
    kind: AlertKind
    severity: Severity
    says: str
    subject: str
    organisation: str | None
    site: str | None
    region: str | None
    item: str | None
    path: str
    raised_at: datetime
    renewed_at: datetime
    closed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assigned_to: str | None
    facts: dict[str, Any]


class AlertDetail(AlertOut):
    history: list[ChangeOut]


class SubscriptionIn(Input):
    """What you want to see, and how you are told; empty lists mean all."""

    model_config = example(
        kinds=["shipment_late", "recall"],
        items=[],
        regions=["420000"],
        least_severity="warning",
        means="digest",
        digest_hour=8,
    )

    kinds: Annotated[list[AlertKind], Field(default_factory=list, max_length=_MOST_CHOSEN)]
    items: Annotated[list[Code], Field(default_factory=list, max_length=_MOST_CHOSEN)]
    regions: Annotated[list[Code], Field(default_factory=list, max_length=_MOST_CHOSEN)]
    least_severity: Severity
    means: Means
    digest_hour: Annotated[int, Field(strict=True, ge=0, le=23)] = 8


class SubscriptionOut(FromRow):
    kinds: list[AlertKind]
    items: list[str]
    regions: list[str]
    least_severity: Severity
    means: Means
    digest_hour: int


class WebhookIn(Input):
    """Where an organisation's program is told of alerts; empty ``kinds`` mean all."""

    model_config = example(
        id="8e2f3c9e-3f55-4b5c-9c1a-3a1f0f6f2d88",
        url="https://relief.example.org/hooks/medrelay",
        kinds=["recall"],
        least_severity="warning",
    )

    id: UUID
    url: Annotated[str, Field(min_length=1, max_length=500)]
    kinds: Annotated[list[AlertKind], Field(default_factory=list, max_length=_MOST_CHOSEN)]
    least_severity: Severity = Severity.NOTICE


class WebhookOut(FromRow):
    id: UUID
    organisation: str
    role: Role
    url: str
    kinds: list[AlertKind]
    least_severity: Severity
    secret_version: int
    secret_changed_at: datetime | None
    registered_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    removed_at: datetime | None


class WebhookMade(WebhookOut):
    secret: Annotated[str | None, Field(description="Shown this once; null where repeated")]


class NewSecretIn(Input):
    """Ask for a new secret in the place of the one of this ``version``.

    For a day both sign, so that a receiver can change over; ``at_once`` where the old one is known
    to others.
    """

    model_config = example(version=1)

    version: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    at_once: bool = False


class TestIn(Input):
    """The id makes a test one test, however often it is sent."""

    model_config = example(id="9e2f3c9e-3f55-4b5c-9c1a-3a1f0f6f2d99")

    id: UUID


class MessageOut(FromRow):
    """One message of the outbox and how far it came."""

    id: UUID
    kind: str
    alert_id: UUID | None
    state: str
    queued_at: datetime
    next_try_at: datetime
    attempts: int
    settled_at: datetime | None
    answer: str | None


class LetterOut(MessageOut):
    """With its addressee: a person, or a webhook."""

    username: str | None
    url: str | None
