"""Pages of lanes, and of links for drivers."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import OrganisationKind, Role
from services.parties.pages import organisations_of_kind, sites_by_code
from services.parties.service import Actor
from services.transport import links, loads, service
from services.transport.api import LANES_BY, lanes_out
from services.transport.labelling import qr_code
from services.transport.models import Lane
from services.transport.pages import names, names_of_users
from services.transport.schemas import LaneIn
from services.transport.schemas_tracks import LinkIn, LinkOut
from services.web.forms import Form, SentForm, now_input
from services.web.http import Code, DatabaseSession
from services.web.i18n import language_of
from services.web.lists import LEFT_EMPTY, Asked, ListAsked, csv_file, cut_page
from services.web.pages import redirect, render

router = APIRouter()


@router.get("/lanes")
def list_lanes(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    origin: Annotated[Code | None, LEFT_EMPTY, Query()] = None,
    destination: Annotated[Code | None, LEFT_EMPTY, Query()] = None,
    day: Annotated[date | None, LEFT_EMPTY, Query()] = None,
) -> Response:
    """Ways with what their carriers state and what was observed, and how full a day is."""
    rows = service.lanes(session, origin=origin, destination=destination)
    listing = cut_page(rows, LANES_BY, asked).map(lambda page: lanes_out(session, page))
    if asked.is_csv:
        return csv_file(listing.rows, "lanes")
    filters = {"origin": origin, "destination": destination, "day": day}
    return render(
        request,
        "lanes.html",
        listing=listing,
        filters=Form({name: str(value or "") for name, value in filters.items()}),
        day=day,
        loaded=loads.of_day(session, day) if day else {},
        may_change=_may_change(actor),
        **names(request, session),
    )


@router.get("/lanes/edit")
def show_lane(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    origin: Annotated[Code, Query()] = "",
    destination: Annotated[Code, Query()] = "",
) -> Response:
    """One lane's figures to be changed; or an empty form for a new one."""
    known = session.get(Lane, (origin, destination))
    form = Form.blank(keeps_cold="true", cost_per_piece_micro=0)
    if known is not None:
        values = known.model_dump() | {"keeps_cold": "true" if known.keeps_cold else ""}
        form = Form.blank(**values)
    return _lane_page(request, session, actor, form)


@router.post("/lanes/edit")
def put_lane(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    keeps_cold = {"keeps_cold": "true" if form["keeps_cold"] else "false"}
    with form.attempt(session):
        body = form.read(LaneIn, leave_out=("id", "keeps_cold"), instead=keeps_cold)
        service.put_lane(session, actor, body)
    if form.slips:
        return _lane_page(request, session, actor, form)
    return redirect(request, "/lanes", done="lane-saved")


@router.get("/drivers")
def list_links(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    """Links that were made for drivers, and a form for the next one."""
    return _links_page(request, session, actor, asked, _first_link(actor))


@router.post("/drivers")
def make_link(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    """The new link, shown this once with a code to be photographed; so nothing is redirected."""
    made: list[str | None] = []
    with form.attempt(session):
        made.append(links.make_link(session, actor, form.read(LinkIn))[1])
    if form.slips:
        return _links_page(request, session, actor, Asked(request), form)
    address = None
    if made[0] is not None:
        address = f"{request.base_url}{language_of(request.url.path)}/driver/{made[0]}"
    answer = render(
        request,
        "carrier_link.html",
        address=address,
        code=qr_code(address) if address else None,
        label=form["label"],
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/drivers/{link_id}/revoke")
def revoke(
    request: Request, link_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    links.revoke(session, actor, link_id)
    return redirect(request, "/drivers", done="link-revoked")


def _may_change(actor: Actor) -> bool:
    return actor.role in {Role.DISPATCHER, Role.ADMIN}


def _lane_page(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    subject = f"lane:{form['origin']}/{form['destination']}"
    changes = changes_of(session, [subject])[subject]
    return render(
        request,
        "lane.html",
        form.status,
        form=form,
        may_change=_may_change(actor),
        places=sites_by_code(session),
        carrier_choices=organisations_of_kind(session, OrganisationKind.CARRIER),
        changes=changes,
        people=names_of_users(session, changes),
    )


def _first_link(actor: Actor) -> Form:
    carrier = actor.organisation if actor.role is Role.CARRIER else None
    return Form.blank(carrier=carrier, day=now_input()[:10], hours=18)


def _links_page(
    request: Request, session: Session, actor: Actor, asked: Asked, form: Form
) -> Response:
    listing = links.find_links(session, actor, asked)
    if asked.is_csv:
        rows = [LinkOut.model_validate(row) for row in listing.rows]
        return csv_file(rows, "drivers-links")
    own = actor.organisation if actor.role is Role.CARRIER else None
    return render(
        request,
        "carrier_links.html",
        form.status,
        listing=listing,
        makers=links.made_by(session, listing.rows),
        now=links.now(),
        form=form,
        may_make=actor.role in {Role.DISPATCHER, Role.CARRIER, Role.ADMIN},
        carrier_choices=[
            each
            for each in organisations_of_kind(session, OrganisationKind.CARRIER)
            if own in {None, each.code}
        ],
        **names(request, session),
    )
