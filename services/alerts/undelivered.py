"""The outbox as administrators see it: what went out, what failed, and sending that again."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.alerts.schemas import LetterOut
from services.alerts.telling_models import AlertMessage, MessageKind, MessageState, Webhook
from services.errors import Conflict, NotFound
from services.parties.changes import record_change
from services.parties.models import Role, User
from services.parties.service import Actor, require_role
from services.web.lists import Asked, Listing, select_page

ORDER = {
    "queued_at": col(AlertMessage.queued_at).desc(),
    "state": col(AlertMessage.state),
    "attempts": col(AlertMessage.attempts),
}


class MessageNotFailed(Conflict):
    code, title = "message-not-failed", "This message didn't fail"


def letters(
    session: Session, actor: Actor, state: MessageState | None, asked: Asked
) -> Listing[LetterOut]:
    """Every message with its addressee, the newest first; a digest stands for its lines.

    Raises:
        Forbidden: not an administrator.

    """
    require_role(actor, Role.ADMIN)
    statement: Any = (
        select(AlertMessage, User.username, Webhook.url)
        .join(User, col(User.id) == col(AlertMessage.user_id), isouter=True)
        .join(Webhook, col(Webhook.id) == col(AlertMessage.webhook_id), isouter=True)
        .where(AlertMessage.kind != MessageKind.LINE)
    )
    if state is not None:
        statement = statement.where(AlertMessage.state == state)
    listing = select_page(session, statement, ORDER, asked, tie=col(AlertMessage.id))
    return listing.map(lambda rows: [_letter(*row) for row in rows])


def send_again(session: Session, actor: Actor, message_id: UUID) -> LetterOut:
    """Put a message that failed into the outbox anew; twice is once.

    Raises:
        Forbidden: not an administrator. NotFound: there is no such message, or it is gone.
        MessageNotFailed: it was sent, or left out because there was nothing to send.

    """
    require_role(actor, Role.ADMIN)
    row = session.get(AlertMessage, message_id, with_for_update=True, populate_existing=True)
    if row is None or row.kind is MessageKind.LINE:
        raise NotFound(f"There is no message {message_id}", field="message_id", value=message_id)
    if row.state is MessageState.FAILED:
        now = datetime.now(UTC)
        row.state, row.settled_at, row.attempts = MessageState.QUEUED, None, 0
        # How long it is tried counts from now.
        row.queued_at = row.next_try_at = now
        session.flush()
        lines = sa.update(AlertMessage).where(col(AlertMessage.digest_id) == row.id)
        session.connection().execute(lines.values(state=MessageState.QUEUED, settled_at=None))
        record_change(session, actor, f"alert_message:{row.id}", "sent again")
    elif row.state is not MessageState.QUEUED:
        raise MessageNotFailed(
            f"Message {message_id} is {row.state}", field="message_id", value=message_id
        )
    user = session.get(User, row.user_id) if row.user_id else None
    hook = session.get(Webhook, row.webhook_id) if row.webhook_id else None
    return _letter(row, user.username if user else None, hook.url if hook else None)


def _letter(row: AlertMessage, username: str | None, url: str | None) -> LetterOut:
    return LetterOut(
        **row.model_dump(include=set(LetterOut.model_fields)), username=username, url=url
    )
