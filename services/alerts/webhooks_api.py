"""Endpoints of webhooks: registered, tried, looked into and removed by their organisation."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response, status
from sqlmodel import Session, col, select

from services.alerts import webhooks
from services.alerts.schemas import (
    MessageOut,
    NewSecretIn,
    TestIn,
    WebhookIn,
    WebhookMade,
    WebhookOut,
)
from services.alerts.telling_models import AlertMessage, Webhook
from services.parties.access import CurrentActor
from services.web.http import DatabaseSession
from services.web.lists import Asked, ListAsked, Listing, answer, select_page

router = APIRouter(prefix="/webhooks", tags=["alerts"])

ORDER = {
    "queued_at": col(AlertMessage.queued_at).desc(),
    "state": col(AlertMessage.state),
    "attempts": col(AlertMessage.attempts),
}


def messages_to(session: Session, row: Webhook, asked: Asked) -> Listing[MessageOut]:
    """What was sent to a webhook and how it went, the newest first."""
    statement = select(AlertMessage).where(AlertMessage.webhook_id == row.id)
    listing = select_page(session, statement, ORDER, asked, tie=col(AlertMessage.id))
    return listing.map(lambda rows: [MessageOut.model_validate(each) for each in rows])


@router.get("")
def list_webhooks(session: DatabaseSession, actor: CurrentActor) -> list[WebhookOut]:
    """Your organisation's webhooks."""
    return [WebhookOut.model_validate(row) for row in webhooks.webhooks_of(session, actor)]


@router.post("", status_code=status.HTTP_201_CREATED)
def register(
    body: WebhookIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> WebhookMade:
    """Register an address; its secret is shown this once. It is told what your role may see."""
    row, secret = webhooks.register(session, actor, body)
    if secret is None:
        response.status_code = status.HTTP_200_OK
    return _made(row, secret)


@router.get("/{webhook_id}")
def show_webhook(webhook_id: UUID, session: DatabaseSession, actor: CurrentActor) -> WebhookOut:
    return WebhookOut.model_validate(webhooks.get_webhook(session, actor, webhook_id))


@router.get("/{webhook_id}/messages", response_model=list[MessageOut])
def list_messages(
    webhook_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
) -> Any:
    """What was sent there, and how it went."""
    row = webhooks.get_webhook(session, actor, webhook_id)
    return answer(messages_to(session, row, asked), response, "webhook-messages")


@router.post("/{webhook_id}/test", status_code=status.HTTP_202_ACCEPTED)
def send_test(
    webhook_id: UUID, body: TestIn, session: DatabaseSession, actor: CurrentActor
) -> MessageOut:
    """Send a test, within seconds; also to a webhook that is disabled."""
    return MessageOut.model_validate(webhooks.send_test(session, actor, webhook_id, body.id))


@router.post("/{webhook_id}/secret")
def change_secret(
    webhook_id: UUID, body: NewSecretIn, session: DatabaseSession, actor: CurrentActor
) -> WebhookMade:
    """A new secret, shown this once; for a day the one before signs too, unless ``at_once``."""
    secret = webhooks.change_secret(session, actor, webhook_id, body)
    return _made(webhooks.get_webhook(session, actor, webhook_id), secret)


@router.post("/{webhook_id}/enable")
def enable(webhook_id: UUID, session: DatabaseSession, actor: CurrentActor) -> WebhookOut:
    """Send to it again."""
    return WebhookOut.model_validate(webhooks.enable(session, actor, webhook_id))


@router.post("/{webhook_id}/remove")
def remove(webhook_id: UUID, session: DatabaseSession, actor: CurrentActor) -> WebhookOut:
    """Send nothing more to it, for good."""
    return WebhookOut.model_validate(webhooks.remove(session, actor, webhook_id))


def _made(row: Webhook, secret: str | None) -> WebhookMade:
    return WebhookMade(**WebhookOut.model_validate(row).model_dump(), secret=secret)
