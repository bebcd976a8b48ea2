"""The page on which goods that are under way are taken to another place."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from services.dispatch import diversions
from services.journal.clock import local_date
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import Role
from services.parties.service import Actor
from services.requests.service import Served
from services.transport import service
from services.transport.manifest import ManifestLine, manifests
from services.transport.models import Shipment
from services.transport.pages import names
from services.transport.schemas import DivertIn
from services.transport.steps import Step, next_steps
from services.web.forms import Form, SentForm, now_input
from services.web.http import Code, DatabaseSession
from services.web.pages import redirect, render

router = APIRouter()


@router.get("/shipments/{shipment_id}/divert")
def show_form(
    request: Request,
    shipment_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    destination: Annotated[Code | None, Query()] = None,
) -> Response:
    """First the place is asked for, then what goes there and for which of its needs."""
    shipment = _own(session, actor, shipment_id)
    form = Form(
        {
            "id": str(uuid4()),
            "occurred_at": now_input(),
            "due_on": max(shipment.due_on, local_date(datetime.now(UTC))).isoformat(),
            "destination": destination or "",
        }
    )
    return _page(request, session, shipment, form)


@router.post("/shipments/{shipment_id}/divert")
def divert(
    request: Request,
    shipment_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    shipment = _own(session, actor, shipment_id)
    goes: list[UUID] = []
    form.drop_blank_rows("lines", ["quantity_base"])
    with form.attempt(session):
        body = form.read(DivertIn)
        goes.append(diversions.divert(session, actor, shipment_id, body).id)
    if form.slips:
        return _page(request, session, shipment, form)
    return redirect(request, f"/shipments/{goes[0]}", done="shipment-diverted")


def _own(session: Session, actor: Actor, shipment_id: UUID) -> Shipment:
    parties.require_role(actor, Role.DISPATCHER)
    return service.get_shipment(session, actor, shipment_id)


def _page(request: Request, session: Session, shipment: Shipment, form: Form) -> Response:
    session.refresh(shipment)
    lines = _laid_out(form, manifests(session, [shipment])[0].lines)
    place = form["destination"]
    needs = diversions.waiting(session, place) if place else []
    return render(
        request,
        "shipment_divert.html",
        form.status,
        form=form,
        shipment=shipment,
        lines=[(line, _serving(session, line, needs)) for line in lines],
        possible=Step.DIVERT in next_steps(shipment.state),
        **names(request, session),
    )


def _laid_out(form: Form, lines: tuple[ManifestLine, ...]) -> list[ManifestLine]:
    """The lines with their inputs: those first that were filled in, as the slips number them.

    What is first shown takes everything, and whoever takes less says so.
    """
    typed = [form[f"lines[{row}].line"] for row in form.rows("lines")]
    by_number = {str(line.line): line for line in lines}
    shown = [by_number.pop(number) for number in typed if number in by_number]
    shown += by_number.values()
    for row, line in enumerate(shown):
        form.values[f"lines[{row}].line"] = str(line.line)
        whole = "" if typed else str(line.quantity)
        form.values.setdefault(f"lines[{row}].quantity_base", whole)
        form.values.setdefault(f"lines[{row}].need_id", "")
    return shown


def _serving(session: Session, line: ManifestLine, needs: list[Served]) -> list[Served]:
    """The needs there that a line's goods may serve, by what is in them."""
    accepted = diversions.accepted_for(session, line.lot.commodity)
    return [each for each in needs if each.need.item in accepted]
