"""Endpoints of requests: what hospitals need."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from sqlmodel import Session

from services.errors import NotFound
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.requests import confirming, service
from services.requests.history import subject_of
from services.requests.listing import StateFilter, Wanted, list_needs, list_requests, with_needs
from services.requests.models import Need, NeedStatus, Priority, SupplyRequest
from services.requests.schemas import (
    ChangeOut,
    Confirmation,
    ConfirmationOfAll,
    Confirmed,
    NeedCancel,
    NeedEdit,
    NeedOut,
    RequestIn,
    RequestOut,
    StageOut,
    Submission,
    need_out,
)
from services.requests.served import Served, roll_up, state_of_request
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["requests"])


@router.post("/requests", status_code=status.HTTP_201_CREATED)
def post_request(
    body: RequestIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> RequestOut:
    """Post needs for a hospital of yours. Repeating it with the same id answers 200."""
    request, created = service.post_request(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return _request_out(session, actor, request)


@router.get("/requests", response_model=list[RequestOut])
def show_requests(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
    asked: ListAsked,
    site: Annotated[Code | None, Query()] = None,
    region: Annotated[Code | None, Query(description="With all regions within it")] = None,
) -> Any:
    """Requests that you may see, with how far each of their needs is served."""
    listing = list_requests(session, actor, Wanted(site=site, region=region), asked)
    return answer(listing.map(lambda rows: [_told(*each) for each in rows]), response, "requests")


@router.get("/requests/{request_id}")
def show_request(request_id: UUID, session: DatabaseSession, actor: CurrentActor) -> RequestOut:
    """A request and how far each of its needs is served."""
    request = service.get_request(session, request_id)
    if actor.role not in DESKS:
        parties.require_site(session, actor, request.site, Role.HOSPITAL)
    return _request_out(session, actor, request)


@router.post("/requests/{request_id}/submit")
def submit_request(
    request_id: UUID, body: Submission, session: DatabaseSession, actor: CurrentActor
) -> RequestOut:
    """Send all drafts of a request to the desk, and again what the desk gave back of it."""
    return _request_out(session, actor, service.submit_request(session, actor, request_id, body))


@router.get("/needs", response_model=list[NeedOut])
def show_needs(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
    asked: ListAsked,
    site: Annotated[Code | None, Query()] = None,
    region: Annotated[Code | None, Query(description="With all regions within it")] = None,
    item: Annotated[Code | None, Query()] = None,
    priority: Annotated[Priority | None, Query()] = None,
    state: Annotated[StateFilter | None, Query(description="Its progress, or open")] = None,
    need_by: Annotated[date | None, Query(description="Needed by this day or before")] = None,
) -> Any:
    """Needs that you may see: your own sites', or, at a desk, everybody's."""
    wanted = Wanted(site, region, item, priority, state, need_by)
    listing = list_needs(session, actor, wanted, asked)
    return answer(listing.map(lambda rows: [need_out(it) for it in rows]), response, "needs")


@router.post("/needs/confirm")
def confirm_all(
    body: ConfirmationOfAll, session: DatabaseSession, actor: CurrentActor
) -> Confirmed:
    """Say of everything that your sites wait for that it is still needed."""
    count = confirming.confirm_all(session, actor, body.site, body.occurred_at)
    return Confirmed(needs=count)


@router.get("/needs/{need_id}")
def show_need(need_id: UUID, session: DatabaseSession, actor: CurrentActor) -> NeedOut:
    """One need and how far it is served."""
    return one(session, seen_need(session, actor, need_id))


@router.get("/needs/{need_id}/changes")
def show_changes(need_id: UUID, session: DatabaseSession, actor: CurrentActor) -> list[ChangeOut]:
    """Everything that was decided on a need, oldest first: when, by whose people, and why."""
    subject = subject_of(seen_need(session, actor, need_id).id)
    return [
        ChangeOut(**row.model_dump(include=set(ChangeOut.model_fields)))
        for row in changes_of(session, [subject])[subject]
    ]


@router.patch("/needs/{need_id}")
def edit_need(
    need_id: UUID, body: NeedEdit, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Change quantity, unit, priority, date, or stock and use, of an open need.

    More than was asked for before is approved again, by a rule or by the desk.
    """
    return one(session, service.edit_need(session, actor, need_id, body))


@router.delete("/needs/{need_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_draft(need_id: UUID, session: DatabaseSession, actor: CurrentActor) -> None:
    """Delete a draft."""
    service.delete_draft(session, actor, need_id)


@router.post("/needs/{need_id}/submit")
def submit_need(
    need_id: UUID, body: Submission, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Send a draft to the desk, or again what the desk gave back."""
    return one(session, service.submit_need(session, actor, need_id, body))


@router.post("/needs/{need_id}/confirm")
def confirm_need(
    need_id: UUID, body: Confirmation, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Say that a need is still one. It begins its life anew; a lapsed one is revived."""
    return one(session, confirming.confirm(session, actor, need_id, body))


@router.post("/needs/{need_id}/cancel")
def cancel_need(
    need_id: UUID, body: NeedCancel, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Ask for no more; what is under way still comes.

    What is reserved for it (``reserved_base``, and ``notice`` says so) stays reserved until it is
    sent, or a dispatcher cancels its shipment: POST /shipments/{id}/cancel frees it.
    """
    return one(session, service.cancel_need(session, actor, need_id, body.reason))


def seen_need(session: Session, actor: Actor, need_id: UUID) -> Need:
    """A need that the actor may see: of an own site, or, at a desk, any that was submitted."""
    need = service.get_needs(session, [need_id]).get(need_id)
    hidden = need is not None and need.status is NeedStatus.DRAFT and actor.role is not Role.ADMIN
    if need is None or (hidden and actor.role in DESKS):
        raise NotFound(f"There is no need {need_id}", field="need_id", value=need_id)
    if actor.role not in DESKS:
        parties.require_site(session, actor, need.site, Role.HOSPITAL)
    return need


def one(session: Session, need: Need) -> NeedOut:
    return need_out(service.served(session, [need])[0])


def _request_out(session: Session, actor: Actor, request: SupplyRequest) -> RequestOut:
    return _told(*with_needs(session, [request], actor)[0])


def _told(request: SupplyRequest, states: list[Served]) -> RequestOut:
    return RequestOut(
        id=request.id,
        site=request.site,
        posted_at=request.posted_at,
        note=request.note,
        state=state_of_request(states),
        stages=StageOut(**roll_up(states)),
        needs=[need_out(state) for state in states],
    )
