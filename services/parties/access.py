"""The actor as a dependency of endpoints: a bearer token for programs, a cookie for people."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.errors import Forbidden, Unauthenticated
from services.parties import service
from services.parties.service import Actor
from services.web.http import DatabaseSession

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_name(request: Request) -> str:
    """``__Host-`` cookies exist on HTTPS only; plain HTTP is for one's own machine."""
    return "__Host-medrelay" if request.url.scheme == "https" else "medrelay"


_BEARER = HTTPBearer(auto_error=False, description="A token from POST /api/v1/tokens or /sign-in")


def _find_actor(
    request: Request,
    session: DatabaseSession,
    token: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Actor | None:
    if token is not None:
        actor = service.actor_of_token(session, token.credentials.strip())
        if actor is None:
            raise Unauthenticated("This token isn't valid", mend="ask for a new token")
    else:
        cookie = request.cookies.get(cookie_name(request))
        actor = service.actor_of_sign_in(session, cookie) if cookie else None
        if actor is not None:
            refuse_foreign_form(request)
    request.state.actor = actor
    return actor


def _require_actor(actor: Annotated[Actor | None, Depends(_find_actor)]) -> Actor:
    if actor is None:
        raise Unauthenticated(
            "This needs a signed-in user or a token",
            mend="send Authorization: Bearer <token>, or sign in at /en/sign-in",
        )
    return actor


def refuse_foreign_form(request: Request) -> None:
    """A cookie is sent by the browser whoever asks for it: writes must come from our own pages."""
    if request.method in _SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    same = site == "same-origin" or (origin and _host_of(origin) == request.headers["host"])
    if not same:
        raise Forbidden("This form was sent from another site", mend="send it from its own page")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as http://[
        return None


CurrentActor = Annotated[Actor, Depends(_require_actor)]
MaybeActor = Annotated[Actor | None, Depends(_find_actor)]
