"""Where and in which language somebody is written to; nothing is sent from here."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlmodel import Session

from services.parties.access import CurrentActor
from services.parties.changes import record_change
from services.parties.models import User
from services.parties.service import Actor
from services.web.http import DatabaseSession, FromRow, Input, example

router = APIRouter(tags=["parties"])

# What RFC 5321 calls a mailbox, in its plain form: no quotes, no comments, no brackets.
_MAILBOX = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?)*$"  # noqa: E501


class EmailIn(Input):
    """Without an address, nothing is sent."""

    model_config = example(email="ward7@hospital.example.org", language="zh")

    email: Annotated[str | None, Field(max_length=254, pattern=_MAILBOX)] = None
    language: Literal["en", "zh"] = "en"


class EmailOut(FromRow):
    email: str | None
    language: str | None
    refused: bool


def email_of(session: Session, actor: Actor) -> EmailOut:
    user = session.get_one(User, actor.user_id)
    return EmailOut(
        email=user.email, language=user.language, refused=user.email_refused_at is not None
    )


def set_email(session: Session, actor: Actor, body: EmailIn) -> EmailOut:
    """Set the actor's address; given anew, one that refused our mail is tried again."""
    user = session.get_one(User, actor.user_id, with_for_update=True, populate_existing=True)
    # The address itself is nobody else's business: the history says that it changed.
    if user.email != body.email:
        record_change(session, actor, f"user:{user.username}", "address for mail changed")
    user.email, user.language, user.email_refused_at = body.email, body.language, None
    session.flush()
    return email_of(session, actor)


@router.get("/email")
def show_email(session: DatabaseSession, actor: CurrentActor) -> EmailOut:
    """Where you are written to."""
    return email_of(session, actor)


@router.put("/email")
def change_email(body: EmailIn, session: DatabaseSession, actor: CurrentActor) -> EmailOut:
    """Say where and in which language you are written to; without an address, you aren't."""
    return set_email(session, actor, body)
