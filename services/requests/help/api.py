"""Endpoints of calls for help: anybody calls and sees what came of it; desks take it up."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from sqlmodel import col

from services.parties.access import CurrentActor
from services.requests.help import service
from services.requests.help.models import CallState, HelpCall
from services.requests.help.schemas import (
    Assignment,
    CallIn,
    CallOut,
    DeskCallOut,
    Reply,
    TakeUp,
)
from services.web.http import DatabaseSession
from services.web.limits import Caller
from services.web.lists import ListAsked, answer, select_page

router = APIRouter(prefix="/help-calls", tags=["calls for help"])

ORDER = {
    "called_at": col(HelpCall.called_at).desc(),
    "region": col(HelpCall.region),
    "state": col(HelpCall.state),
    "site": col(HelpCall.site),
}


@router.post("", status_code=status.HTTP_201_CREATED)
def call_for_help(
    body: CallIn, session: DatabaseSession, caller: Caller, response: Response
) -> CallOut:
    """Call for help, without an account; its id is how you see what came of it."""
    call, created = service.call_for_help(session, body, caller)
    if not created:
        response.status_code = status.HTTP_200_OK
    return CallOut.model_validate(call)


@router.get("", response_model=list[CallOut])
def list_calls(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    state: Annotated[CallState | None, Query()] = None,
    region: Annotated[str | None, Query(description="This region and those under it")] = None,
) -> Any:
    """Calls that you may look into, newest first."""
    statement = service.calls(session, actor, states=[state] if state else (), region=region)
    listing = select_page(session, statement, ORDER, asked, tie=col(HelpCall.id))
    told = listing.map(lambda rows: [CallOut.model_validate(row) for row in rows])
    return answer(told, response, "calls-for-help")


@router.get("/{call_id}")
def show_call(call_id: UUID, session: DatabaseSession) -> CallOut:
    """What came of a call, to whoever knows its id."""
    return CallOut.model_validate(service.get_call(session, call_id))


@router.get("/{call_id}/desk")
def show_at_desk(call_id: UUID, session: DatabaseSession, actor: CurrentActor) -> DeskCallOut:
    """A call with place and contact, for whoever may look into it."""
    return DeskCallOut.model_validate(service.open_at_desk(session, actor, call_id))


@router.post("/{call_id}/assign")
def assign(
    call_id: UUID, body: Assignment, session: DatabaseSession, actor: CurrentActor
) -> CallOut:
    """Hand a call to the site that is to look into it."""
    return CallOut.model_validate(service.assign(session, actor, call_id, body))


@router.post("/{call_id}/take-up")
def take_up(call_id: UUID, body: TakeUp, session: DatabaseSession, actor: CurrentActor) -> CallOut:
    """Make a call a need of a site of yours."""
    return CallOut.model_validate(service.take_up(session, actor, call_id, body))


@router.post("/{call_id}/answer")
def give_answer(
    call_id: UUID, body: Reply, session: DatabaseSession, actor: CurrentActor
) -> CallOut:
    """Settle a call without a need: the caller is told this."""
    return CallOut.model_validate(service.reply(session, actor, call_id, body))


@router.post("/{call_id}/refuse")
def refuse(call_id: UUID, body: Reply, session: DatabaseSession, actor: CurrentActor) -> CallOut:
    """Turn a call down: the caller is told why."""
    return CallOut.model_validate(service.reply(session, actor, call_id, body, refuse=True))
