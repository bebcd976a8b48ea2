"""Where and in which language somebody is written to; nothing is sent from here.

Before its user has confirmed an address, by the link in a mail, nothing but that mail goes there.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlmodel import Session, col, func, select

from services.errors import Conflict
from services.parties.access import CurrentActor
from services.parties.changes import Change, record_change
from services.parties.models import Role, User
from services.parties.service import Actor, get_user, require_role
from services.web.http import DatabaseSession, FromRow, Input, example

router = APIRouter(tags=["parties"])

# What RFC 5321 calls a mailbox, in its plain form: no quotes, no comments, no brackets.
_MAILBOX = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?)*$"  # noqa: E501


_SET, _ASKED = "address for mail changed", "asked again whether the address is theirs"
_MOST_A_DAY = 10


class AddressChangedOften(Conflict):
    code, title = "address-changed-often", "So many mails have gone out about your address today"


class EmailIn(Input):
    """Without an address, nothing is sent."""

    model_config = example(email="ward7@hospital.example.org", language="zh")

    email: Annotated[str | None, Field(max_length=254, pattern=_MAILBOX)] = None
    language: Literal["en", "zh"] = "en"


class UserEmailIn(EmailIn):
    """``confirmed``: the administrator knows that it is theirs, and nobody is asked."""

    model_config = example(email="ward7@hospital.example.org", language="zh", confirmed=True)

    confirmed: bool = False


class EmailOut(FromRow):
    """``confirmed``: its user has opened the link that was sent there, or an admin knows it."""

    email: str | None
    language: str | None
    refused: bool
    confirmed: bool


def email_of(session: Session, actor: Actor) -> EmailOut:
    return _told(session.get_one(User, actor.user_id))


def set_email(session: Session, actor: Actor, body: EmailIn) -> EmailOut:
    """Set the actor's address; given anew, one that refused our mail is tried again.

    Who isn't known to be behind it is asked by mail: again where the same address is given again.

    Raises:
        AddressChangedOften: ten such mails were sent within a day.

    """
    user = session.get_one(User, actor.user_id, with_for_update=True, populate_existing=True)
    is_other = user.email != body.email
    if is_other or (body.email and user.email_confirmed_at is None):
        if body.email is not None:
            _require_patience(session, user)
        _put(session, actor, user, body, _SET if is_other else _ASKED)
    user.language, user.email_refused_at = body.language, None
    session.flush()
    return _told(user)


def set_email_of(session: Session, actor: Actor, username: str, body: UserEmailIn) -> EmailOut:
    """Set somebody's address as an administrator, confirmed or to be confirmed by them.

    Raises:
        Forbidden: not an administrator. NotFound: no such user.

    """
    require_role(actor, Role.ADMIN)
    found = get_user(session, username)
    user = session.get_one(User, found.id, with_for_update=True, populate_existing=True)
    if user.email != body.email:
        _put(session, actor, user, body, _SET)
    if body.confirmed and body.email and user.email_confirmed_at is None:
        user.email_confirmed_at = datetime.now(UTC)
        record_change(session, actor, f"user:{username}", "address for mail confirmed")
    user.language, user.email_refused_at = body.language, None
    session.flush()
    return _told(user)


def _put(session: Session, actor: Actor, user: User, body: EmailIn, what: str) -> None:
    # The address itself is nobody else's business: the history says that it changed.
    record_change(session, actor, f"user:{user.username}", what)
    user.email, user.email_asked_at, user.email_confirmed_at = body.email, None, None


def _require_patience(session: Session, user: User) -> None:
    since = datetime.now(UTC) - timedelta(days=1)
    asked = select(func.count()).where(
        Change.subject == f"user:{user.username}",
        col(Change.what).in_([_SET, _ASKED]),
        col(Change.changed_at) > since,
    )
    if session.exec(asked).one() >= _MOST_A_DAY:
        raise AddressChangedOften(
            f"The address was changed or asked about {_MOST_A_DAY} times within a day",
            field="email",
            mend="try again tomorrow, or ask an administrator",
        )


def _told(user: User) -> EmailOut:
    return EmailOut(
        email=user.email,
        language=user.language,
        refused=user.email_refused_at is not None,
        confirmed=user.email_confirmed_at is not None,
    )


@router.get("/email")
def show_email(session: DatabaseSession, actor: CurrentActor) -> EmailOut:
    """Where you are written to."""
    return email_of(session, actor)


@router.put("/email")
def change_email(body: EmailIn, session: DatabaseSession, actor: CurrentActor) -> EmailOut:
    """Say where and in which language you are written to; without an address, you aren't.

    A mail is sent there with a link to confirm it; given again before that, another.
    """
    return set_email(session, actor, body)


@router.put("/users/{username}/email")
def change_email_of(
    username: str, body: UserEmailIn, session: DatabaseSession, actor: CurrentActor
) -> EmailOut:
    """Give a user an address, known to be theirs or to be confirmed by them (administrators)."""
    return set_email_of(session, actor, username, body)
