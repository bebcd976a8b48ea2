"""The keys that one's own organisation signs with, on its own page: registered and revoked there.

A key itself never comes here: what is pasted is what `medrelay keygen` prints on its owner's side.
"""

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.parties import email, keys, service
from services.parties.access import CurrentActor
from services.parties.email import EmailIn
from services.parties.keys_api import KeyIn
from services.parties.service import Actor
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.pages import redirect, render

router = APIRouter()


def show_own_page(
    request: Request, session: Session, actor: Actor, form: Form, email_form: Form | None = None
) -> Response:
    """What somebody can do next, where they are written to, and their organisation's keys."""
    return render(
        request,
        "me.html",
        email_form.status if email_form else form.status,
        organisation=service.get_organisation(session, actor.organisation),
        sites=service.sites_of(session, actor.organisation),
        keys=keys.keys_of(session, actor.organisation),
        form=form,
        email_form=email_form or _email_form(request, session, actor),
        email=email.email_of(session, actor),
    )


@router.get("/me")
def show_me(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    return show_own_page(request, session, actor, Form())


@router.post("/me/email")
def save_email(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        email.set_email(session, actor, form.read(EmailIn))
    if form.slips:
        return show_own_page(request, session, actor, Form(), form)
    return redirect(request, "/me", done="email-set")


def _email_form(request: Request, session: Session, actor: Actor) -> Form:
    """What is set, or the language of the page for who sets it first."""
    now = email.email_of(session, actor)
    language = now.language or language_of(request.url.path)
    return Form({"email": now.email or "", "language": language})


@router.post("/me/keys")
def register(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        body = form.read(KeyIn)
        keys.register(session, actor, actor.organisation, body.vkey, body.sig)
    if form.slips:
        return show_own_page(request, session, actor, form)
    return redirect(request, "/me", done="key-registered")


@router.post("/me/keys/{key_id}/revoke")
def revoke(
    request: Request, key_id: str, session: DatabaseSession, actor: CurrentActor
) -> Response:
    keys.revoke(session, actor, actor.organisation, key_id)
    return redirect(request, "/me", done="key-revoked")
