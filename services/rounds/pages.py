"""Pages of rounds: plan a day, its map, the driver's sheet, and the fleet with its hours."""

from datetime import time
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import OrganisationKind, Role, SiteKind
from services.parties.pages import names_of_organisations, organisations_of_kind, sites_by_code
from services.parties.service import Actor
from services.rounds import fleet, service
from services.rounds.drawing import draw
from services.rounds.schemas import RoundOut, RoundsIn, SiteHoursIn, VehicleIn
from services.rounds.why import stranded
from services.transport import service as transport
from services.transport.models import (
    DEFAULT_CLOSES_AT,
    DEFAULT_OPENS_AT,
    DEFAULT_SERVICE_MINUTES,
    UNPLANNED,
    Shipment,
)
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.pages import redirect, render

router = APIRouter()


@router.get("/rounds")
def list_rounds(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """Plans of rounds, and a form for the next one."""
    parties.require_role(actor, *service.READERS)
    waiting = service.waiting_days(session)
    first = waiting[0][0].isoformat() if waiting else None
    return _list_page(request, session, actor, Form.blank(day=first, speed_kmh=50))


@router.post("/rounds")
def start_rounds(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    started: list[UUID] = []
    with form.attempt(session):
        started.append(service.start(session, actor, form.read(RoundsIn))[0].id)
    if form.slips:
        return _list_page(request, session, actor, form)
    return redirect(request, f"/rounds/{started[0]}", done="rounds-started")


@router.get("/rounds/{plan_id}")
def show_rounds(
    request: Request, plan_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """A plan: its map, its rounds, and what is left out and why."""
    language = language_of(request.url.path)
    plan = service.rounds_out(session, actor, service.get_plan(session, plan_id), language)
    sites = sites_by_code(session)
    return render(
        request,
        "rounds_plan.html",
        plan=plan,
        waits=plan.state in UNPLANNED,
        may_add=actor.role in {Role.DISPATCHER, Role.CARRIER, Role.ADMIN},
        drawn=draw(plan.plan, sites),
        **_names(request, session),
    )


@router.get("/rounds/{plan_id}/{number}")
def show_sheet(
    request: Request, plan_id: UUID, number: int, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """The driver's sheet: one round, to be printed or read on a phone."""
    each = service.get_round(session, actor, plan_id, number)
    sites = sites_by_code(session)
    return render(
        request,
        "round_sheet.html",
        plan=service.get_plan(session, plan_id),
        round=each,
        drawn=draw([each], sites),
        shipments=_shipments(session, actor, each),
        **_names(request, session),
    )


def _shipments(session: Session, actor: Actor, each: RoundOut) -> dict[UUID, Shipment]:
    """Those on the round: what was cancelled meanwhile is not to be loaded."""
    ids = {load.shipment_id for stop in each.stops for load in stop.loads}
    return {key: transport.get_shipment(session, actor, key) for key in ids}


@router.get("/fleet")
def show_fleet(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    carrier: str = "",
    depot: str = "",
) -> Response:
    """Lorries and opening hours; the address may name whose lorries are missing where."""
    parties.require_role(actor, *service.READERS)
    vehicle = _first_vehicle(actor, carrier, depot)
    return _fleet_page(request, session, actor, vehicle, _first_hours())


@router.post("/fleet/vehicles")
def put_vehicle(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        fleet.put_vehicle(session, actor, form.read(VehicleIn))
    if form.slips:
        return _fleet_page(request, session, actor, form, _first_hours())
    return redirect(request, "/fleet", done="vehicle-saved")


@router.post("/fleet/vehicles/{carrier}/{code}/remove")
def remove_vehicle(
    request: Request, carrier: str, code: str, session: DatabaseSession, actor: CurrentActor
) -> Response:
    fleet.remove_vehicle(session, actor, carrier, code)
    return redirect(request, "/fleet", done="vehicle-removed")


@router.post("/fleet/hours")
def put_hours(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        fleet.put_site_hours(session, actor, form.read(SiteHoursIn))
    if form.slips:
        return _fleet_page(request, session, actor, _first_vehicle(actor), form)
    return redirect(request, "/fleet", done="hours-saved")


def _first_vehicle(actor: Actor, carrier: str = "", depot: str = "") -> Form:
    own = actor.organisation if actor.role is Role.CARRIER else carrier
    day = {"starts_at": "07:00", "shift_minutes": 600, "most_rounds": 3}
    return Form.blank(carrier=own, depot=depot, count=1, **day)


def _first_hours() -> Form:
    return Form.blank(
        opens_at=_clock(DEFAULT_OPENS_AT),
        closes_at=_clock(DEFAULT_CLOSES_AT),
        service_minutes=DEFAULT_SERVICE_MINUTES,
    )


def _clock(moment: time) -> str:
    return moment.strftime("%H:%M")


def _list_page(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    vehicles = fleet.vehicles(session)
    return render(
        request,
        "rounds.html",
        form.status,
        form=form,
        plans=service.summaries(session, actor, service.plans(session)),
        waiting=service.waiting_days(session),
        stranded=stranded(session, language_of(request.url.path)),
        any_vehicles=bool(vehicles),
        depots=_depots(session, {each.depot for each in vehicles}),
        may_start=actor.role in {Role.DISPATCHER, Role.ADMIN},
        sites=sites_by_code(session),
    )


def _depots(session: Session, codes: set[str]) -> dict[str, object]:
    return {code: site for code, site in sites_by_code(session).items() if code in codes}


def _fleet_page(
    request: Request, session: Session, actor: Actor, vehicle: Form, hours: Form
) -> Response:
    own = actor.organisation if actor.role is Role.CARRIER else None
    carriers = [
        each
        for each in organisations_of_kind(session, OrganisationKind.CARRIER)
        if own in {None, each.code}
    ]
    return render(
        request,
        "fleet.html",
        max(vehicle.status, hours.status),
        vehicle=vehicle,
        hours=hours.keyed("hours"),
        vehicles=fleet.vehicles(session, carrier=own),
        all_hours=fleet.site_hours(session),
        carrier_choices=carriers,
        depots=sites_by_code(session, SiteKind.WAREHOUSE, SiteKind.FACTORY),
        may_change=actor.role in {Role.DISPATCHER, Role.CARRIER, Role.ADMIN},
        may_say_hours=actor.role in {Role.DISPATCHER, Role.ADMIN},
        **_names(request, session),
    )


def _names(request: Request, session: Session) -> dict[str, object]:
    return {
        "sites": sites_by_code(session),
        "carriers": names_of_organisations(session, language_of(request.url.path)),
        "items": {item.code: item for item in catalog.items(session)},
    }
