"""Links in mail that do one thing for whom it was sent to: confirm the address, or stop the mail.

A token is the base 64 of a user's id, the second at which it ends, and an HMAC-SHA256 (RFC 2104) of
both with its purpose and the address. It is stored nowhere, and one that was sent to an address is
worth nothing for the next.
"""

import base64
import hmac
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col

from services.alerts.schemas import SubscriptionIn, SubscriptionOut
from services.alerts.signing import derived
from services.alerts.subscriptions import subscribe, subscription_of
from services.alerts.telling_models import AlertMessage, Means, MessageState
from services.errors import NotFound
from services.parties.changes import record_change
from services.parties.models import User
from services.parties.service import Actor
from services.settings import Settings

_HEAD_BYTES = 24


class LinkPurpose(StrEnum):
    CONFIRM = "confirm"
    STOP = "stop"


LASTS = {LinkPurpose.CONFIRM: timedelta(days=7), LinkPurpose.STOP: timedelta(days=365)}


class MailLinkOver(NotFound):
    code, title = "mail-link-over", "This link does nothing any more"


def mail_link(
    settings: Settings, purpose: LinkPurpose, user: User, language: str, now: datetime
) -> str:
    """The address of the page where whoever reads the mail does it."""
    head = user.id.bytes + int((now + LASTS[purpose]).timestamp()).to_bytes(8)
    token = base64.urlsafe_b64encode(head + _seal(purpose, head, user)).decode().rstrip("=")
    return f"{settings.pages_url}/{language}/alerts/mail/{purpose}/{token}"


def reader_of(session: Session, purpose: LinkPurpose, token: str, now: datetime) -> User:
    """Whom a link was sent to, held still.

    Raises:
        MailLinkOver: it isn't ours, is too old, or was sent to an address that isn't theirs now.

    """
    user = _sealed_for(session, purpose, token, now)
    if user is None or not user.active:
        raise MailLinkOver(
            "This link is too old, or was sent to another address",
            mend="sign in, and see your own page for a new one",
        )
    return user


def follow(session: Session, purpose: LinkPurpose, token: str, now: datetime) -> User:
    """Do what a link is for; followed twice, it is done once. Raises as `reader_of` does."""
    user = reader_of(session, purpose, token, now)
    actor = Actor(user.id, user.username, user.role, user.organisation)
    if purpose is LinkPurpose.STOP:
        _stop(session, actor, user, now)
    elif user.email_confirmed_at is None:
        user.email_confirmed_at = now
        record_change(session, actor, f"user:{user.username}", "address for mail confirmed")
        session.flush()
    return user


def _stop(session: Session, actor: Actor, user: User, now: datetime) -> None:
    wants = SubscriptionOut.model_validate(subscription_of(session, user)).model_dump()
    subscribe(session, actor, SubscriptionIn(**(wants | {"means": Means.PAGE})))
    session.connection().execute(
        sa.update(AlertMessage)
        .where(col(AlertMessage.user_id) == user.id, col(AlertMessage.state) == MessageState.QUEUED)
        .values(state=MessageState.DROPPED, settled_at=now, answer="no more mail is wanted")
    )


def _sealed_for(session: Session, purpose: LinkPurpose, token: str, now: datetime) -> User | None:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    head, seal = raw[:_HEAD_BYTES], raw[_HEAD_BYTES:]
    if len(head) < _HEAD_BYTES or int.from_bytes(head[16:]) < now.timestamp():
        return None
    user = session.get(User, UUID(bytes=head[:16]), with_for_update=True, populate_existing=True)
    fits = user is not None and user.email and hmac.compare_digest(seal, _seal(purpose, head, user))
    return user if fits else None


def _seal(purpose: LinkPurpose, head: bytes, user: User) -> bytes:
    return derived("mail", purpose, head.hex(), user.email or "")
