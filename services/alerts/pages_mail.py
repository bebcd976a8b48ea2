"""Pages that links in mail lead to; who has the link needs no account.

A GET changes nothing, since mail programs open links by themselves. The POST to stop is also what
a mail program sends whose reader presses its own button (RFC 8058): it gets no redirect.
"""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.alerts.mail_links import LinkPurpose, follow, reader_of
from services.parties.models import User
from services.web.http import DatabaseSession
from services.web.pages import render, unkept

router = APIRouter(prefix="/mail")


@router.get("/{purpose}/{token}")
def show_link(
    request: Request, purpose: LinkPurpose, token: str, session: DatabaseSession
) -> Response:
    return _page(request, purpose, reader_of(session, purpose, token, datetime.now(UTC)))


@router.post("/{purpose}/{token}")
def follow_link(
    request: Request, purpose: LinkPurpose, token: str, session: DatabaseSession
) -> Response:
    user = follow(session, purpose, token, datetime.now(UTC))
    return _page(request, purpose, user, done=True)


def _page(request: Request, purpose: LinkPurpose, user: User, *, done: bool = False) -> Response:
    page = render(request, "mail_link.html", purpose=purpose.value, user=user, is_done=done)
    return unkept(page)
