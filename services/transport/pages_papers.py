"""What goes on paper: the pick list, the waybill, and what a lorry loads on a day."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from services.errors import InvalidInput
from services.files.service import open_attachment
from services.parties.access import CurrentActor
from services.parties.service import Actor
from services.transport import cold, labelling, service, tracking
from services.transport.manifest import manifests, pick_list
from services.transport.models import Shipment, ShipmentState
from services.transport.pages import names
from services.transport.schemas_tracks import LabelIn, PositionIn
from services.transport.service import Wanted
from services.web.forms import Form, SentForm, now_input
from services.web.http import Code, DatabaseSession, Input
from services.web.i18n import language_of
from services.web.lists import MAX_LIMIT, Asked
from services.web.pages import redirect, render

router = APIRouter()
_LOADS = frozenset({ShipmentState.PLANNED, ShipmentState.PICKED, ShipmentState.LOADED})


@router.get("/shipments/load-list")
def show_load_list(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    day: Annotated[date, Query()],
    origin: Annotated[Code, Query()],
    carrier: Annotated[Code | None, Query()] = None,
) -> Response:
    """Everything that leaves a place on a day, shipment by shipment, to be ticked off."""
    wanted = Wanted(origin=origin, carrier=carrier, depart_on=day)
    found = service.find_shipments(session, actor, Asked(request, limit=MAX_LIMIT), wanted)
    loads = manifests(session, [each for each in found.rows if each.state in _LOADS])
    return render(
        request,
        "shipment_load_list.html",
        loads=[(each, labelling.weigh(session, each)) for each in loads],
        units=labelling.units_of(session, [each.shipment.id for each in loads]),
        day=day,
        origin=origin,
        **names(request, session),
    )


@router.get("/shipments/{shipment_id}/pick-list")
def show_pick_list(
    request: Request, shipment_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    shipment = service.get_shipment(session, actor, shipment_id)
    manifest = manifests(session, [shipment])[0]
    return render(
        request,
        "shipment_pick_list.html",
        shipment=shipment,
        to_pick=pick_list(manifest),
        **names(request, session),
    )


@router.get("/shipments/{shipment_id}/waybill")
def show_waybill(
    request: Request, shipment_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    there = labelling.units_of(session, [shipment_id]).get(shipment_id, [])
    form = Form.blank(units=len(there) or 1)
    return _waybill_page(request, session, actor, shipment_id, form)


@router.post("/shipments/{shipment_id}/labels")
def make_labels(
    request: Request,
    shipment_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        body = form.read(LabelIn, leave_out=("id",))
        labelling.label(session, actor, shipment_id, body.units)
    if form.slips:
        return _waybill_page(request, session, actor, shipment_id, form)
    return redirect(request, f"/shipments/{shipment_id}/waybill", done="shipment-labelled")


@router.get("/shipments/{shipment_id}/files/{sha256}")
def open_file(
    shipment_id: UUID, sha256: str, session: DatabaseSession, actor: CurrentActor
) -> Response:
    service.get_shipment_with_names(session, actor, shipment_id)
    return open_attachment(session, f"shipment:{shipment_id}", sha256)


@router.get("/shipments/{shipment_id}/report")
def show_report(
    request: Request, shipment_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """Two forms: where it is and when it comes, and a logger's readings."""
    return _report_page(request, session, actor, shipment_id, _blank(), _blank())


@router.post("/shipments/{shipment_id}/report")
def report(
    request: Request,
    shipment_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        tracking.report(session, actor, shipment_id, form.read(PositionIn))
    if form.slips:
        return _report_page(request, session, actor, shipment_id, form, _blank())
    return redirect(request, f"/shipments/{shipment_id}", done="position-told")


@router.post("/shipments/{shipment_id}/report/temperatures")
def add_temperatures(
    request: Request,
    shipment_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        keep_readings(session, actor, shipment_id, form)
    if form.slips:
        return _report_page(request, session, actor, shipment_id, _blank(), form)
    return redirect(request, f"/shipments/{shipment_id}", done="readings-kept")


def keep_readings(session: Session, actor: Actor, shipment_id: UUID, form: Form) -> None:
    """Keep the file of a form as the readings of its id."""
    if "file" not in form.files:
        raise InvalidInput("There is no file in it", field="file", mend="choose the readings' file")
    told = form.read(_ReadingsIn)
    cold.add_readings(session, actor, shipment_id, told.id, form.files["file"], told.item)


def cold_goods(session: Session, shipment: Shipment) -> dict[str, object]:
    """For the form of readings: the cold items on it, and whether they are kept apart."""
    alike = cold.kept_alike(session, shipment)
    return {
        "cold_goods": [code for each in alike for code in each.items],
        "kept_apart": len(alike) > 1,
    }


class _ReadingsIn(Input):
    id: UUID
    item: Code | None = None


def _blank() -> Form:
    return Form.blank(occurred_at=now_input())


def _report_page(
    request: Request,
    session: Session,
    actor: Actor,
    shipment_id: UUID,
    position: Form,
    readings: Form,
) -> Response:
    shipment = service.get_shipment(session, actor, shipment_id)
    return render(
        request,
        "shipment_report.html",
        max(position.status, readings.status),
        shipment=shipment,
        position=position,
        readings=readings.keyed("readings"),
        **cold_goods(session, shipment),
        under_way=tracking.on_the_way(shipment),
        **names(request, session),
    )


def _waybill_page(
    request: Request, session: Session, actor: Actor, shipment_id: UUID, form: Form
) -> Response:
    """The paper that goes with the goods; its code leads back to the shipment's page."""
    shipment = service.get_shipment(session, actor, shipment_id)
    manifest = manifests(session, [shipment])[0]
    here = f"{request.base_url}{language_of(request.url.path)}/shipments/{shipment_id}"
    return render(
        request,
        "waybill.html",
        form.status,
        shipment=shipment,
        manifest=manifest,
        weighed=labelling.weigh(session, manifest),
        units=labelling.units_of(session, [shipment_id]).get(shipment_id, []),
        form=form,
        code=labelling.qr_code(here),
        here=here,
        **names(request, session),
    )
