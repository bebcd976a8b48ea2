"""The outbox's page, for administrators."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.alerts import undelivered
from services.alerts.schemas import LetterOut
from services.alerts.telling_models import MessageState
from services.parties.access import CurrentActor
from services.settings import get_settings
from services.web.forms import Form
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter(prefix="/outbox")


@router.get("")
def show_outbox(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    state: str = MessageState.FAILED,
) -> Response:
    """What failed, unless something else is asked for."""
    chosen = MessageState(state) if state in set(MessageState) else None
    letters = undelivered.letters(session, actor, chosen, asked)
    if asked.is_csv:
        return csv_file(letters.rows, "alert-messages", LetterOut)
    return render(
        request,
        "alert_outbox.html",
        letters=letters,
        filters=Form({"state": state}),
        states=list(MessageState),
        days=get_settings().outbox_days,
    )


@router.post("/{message_id}/again")
def send_again(
    request: Request, message_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    undelivered.send_again(session, actor, message_id)
    return redirect(request, "/alerts/outbox", done="message-again")
