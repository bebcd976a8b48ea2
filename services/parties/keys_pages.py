"""The keys that one's own organisation signs with, on its own page: registered and revoked there.

A key itself never comes here: what is pasted is what `medrelay keygen` prints on its owner's side.
"""

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.parties import keys, service
from services.parties.access import CurrentActor
from services.parties.keys_api import KeyIn
from services.parties.service import Actor
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.pages import redirect, render

router = APIRouter()


def show_own_page(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    """What somebody can do next, and the keys of their organisation."""
    return render(
        request,
        "me.html",
        form.status,
        organisation=service.get_organisation(session, actor.organisation),
        sites=service.sites_of(session, actor.organisation),
        keys=keys.keys_of(session, actor.organisation),
        form=form,
    )


@router.get("/me")
def show_me(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    return show_own_page(request, session, actor, Form())


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
