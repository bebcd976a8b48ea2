"""Endpoints of requests: what hospitals need."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from services.errors import NotFound
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.requests import service
from services.requests.models import Need, SupplyRequest
from services.requests.schemas import NeedCancel, NeedEdit, NeedOut, RequestIn, RequestOut
from services.requests.service import Served
from services.web.http import DatabaseSession

router = APIRouter(tags=["requests"])


def need_out(state: Served) -> NeedOut:
    return NeedOut(
        **state.need.model_dump(exclude={"sequence"}),
        reserved_base=state.reserved,
        in_transit_base=state.in_transit,
        received_base=state.received,
        outstanding_base=state.outstanding,
        progress=state.progress,
        notice=state.notice,
    )


@router.post("/requests", status_code=status.HTTP_201_CREATED)
def post_request(
    body: RequestIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> RequestOut:
    """Post needs for a hospital of yours. Repeating it with the same id answers 200."""
    request, created = service.post_request(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return _request_out(session, request)


@router.get("/requests/{request_id}")
def show_request(request_id: UUID, session: DatabaseSession, actor: CurrentActor) -> RequestOut:
    """A request and how far each of its needs is served."""
    request = session.get(SupplyRequest, request_id)
    if request is None:
        raise NotFound(f"There is no request {request_id}", field="request_id", value=request_id)
    if actor.role not in DESKS:
        parties.require_site(session, actor, request.site, Role.HOSPITAL)
    return _request_out(session, request)


@router.get("/needs")
def list_needs(
    session: DatabaseSession,
    actor: CurrentActor,
    site: Annotated[str | None, Query()] = None,
    item: Annotated[str | None, Query()] = None,
) -> list[NeedOut]:
    """Needs that you may see: your own sites', or, at a desk, everybody's."""
    needs = service.find_needs(session, sites=_visible_sites(session, actor, site), item=item)
    return [need_out(state) for state in service.served(session, needs)]


@router.patch("/needs/{need_id}")
def edit_need(
    need_id: UUID, body: NeedEdit, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Change quantity, unit, priority or date of an open need."""
    return _one(session, service.edit_need(session, actor, need_id, body))


@router.post("/needs/{need_id}/cancel")
def cancel_need(
    need_id: UUID, body: NeedCancel, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Ask for no more; what is under way still comes.

    What is reserved for it (``reserved_base``, and ``notice`` says so) stays reserved until it is
    sent, or a dispatcher cancels its shipment: POST /shipments/{id}/cancel frees it.
    """
    return _one(session, service.cancel_need(session, actor, need_id, body.reason))


def _visible_sites(session: DatabaseSession, actor: Actor, site: str | None) -> list[str] | None:
    if actor.role in DESKS:
        return [site] if site else None
    own = [row.code for row in parties.sites_of(session, actor.organisation)]
    return [code for code in own if site in {None, code}]


def _one(session: DatabaseSession, need: Need) -> NeedOut:
    return need_out(service.served(session, [need])[0])


def _request_out(session: DatabaseSession, request: SupplyRequest) -> RequestOut:
    needs = service.find_needs(session, request_id=request.id)
    return RequestOut(
        id=request.id,
        site=request.site,
        posted_at=request.posted_at,
        note=request.note,
        needs=[need_out(state) for state in service.served(session, needs)],
    )
