"""Pages of transport: shipments, what happened to them, and the next step for who may take it."""

from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.errors import NotFound
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role
from services.parties.pages import names_of_organisations, sites_by_code
from services.parties.service import Actor
from services.transport import acts, diverting, receiving, service
from services.transport.calls import calls_of
from services.transport.manifest import Manifest, manifests, pick_list
from services.transport.models import Shipment, ShipmentState
from services.transport.schemas import (
    ActIn,
    CancelIn,
    DeliverIn,
    DivertIn,
    LoadIn,
    LoseIn,
    ReceiveIn,
    VerifyIn,
)
from services.transport.steps import Step, next_steps
from services.web.forms import Form, SentForm, now_input
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.pages import redirect, render

router = APIRouter()

_DONE = {
    Step.PICK: "shipment-picked",
    Step.LOAD: "shipment-loaded",
    Step.DISPATCH: "shipment-dispatched",
    Step.ARRIVE: "shipment-arrived",
    Step.DIVERT: "shipment-diverted",
    Step.DELIVER: "shipment-delivered",
    Step.RECEIVE: "shipment-received",
    Step.VERIFY: "shipment-verified",
    Step.LOSE: "shipment-lost",
    Step.CANCEL: "shipment-cancelled",
}
# These stand beside another step's form, folded away.
_UNWANTED = frozenset({Step.LOSE, Step.CANCEL, Step.DIVERT, Step.LOAD, Step.ARRIVE})
_SHOWN_AT_MOST = 500


@router.get("/shipments")
def list_shipments(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    state: ShipmentState | None = None,
) -> Response:
    """Shipments that one has a part in, those with something to do first."""
    found = service.find_shipments(session, actor, state=state, limit=_SHOWN_AT_MOST)
    rows = [(each, _possible(session, actor, each.shipment)) for each in manifests(session, found)]
    rows.sort(key=lambda row: not row[1])
    return render(
        request,
        "shipments.html",
        rows=rows,
        states=list(ShipmentState),
        filters=Form({"state": state.value if state else ""}),
        **_names(request, session),
    )


@router.get("/shipments/{shipment_id}")
def show_shipment(
    request: Request, shipment_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    shipment = service.get_shipment(session, actor, shipment_id)
    return _page(request, session, actor, shipment, {})


@router.post("/shipments/{shipment_id}/{step}")
def take_step(
    request: Request,
    shipment_id: UUID,
    step: str,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    if step not in set(Step):
        raise NotFound(f"There is no step {step}")
    shipment = service.get_shipment(session, actor, shipment_id)
    with form.attempt(session):
        _act(session, actor, shipment_id, Step(step), form)
    if form.slips:
        session.refresh(shipment)
        return _page(request, session, actor, shipment, {Step(step): form})
    return redirect(request, f"/shipments/{shipment_id}", done=_DONE[Step(step)])


_ACTS: dict[Step, tuple[Callable[..., Shipment], type[ActIn]]] = {
    Step.PICK: (acts.pick, ActIn),
    Step.LOAD: (acts.load, LoadIn),
    Step.DISPATCH: (acts.send, ActIn),
    Step.ARRIVE: (acts.arrive, LoadIn),
    Step.DELIVER: (acts.deliver, DeliverIn),
    Step.DIVERT: (diverting.divert, DivertIn),
    Step.RECEIVE: (receiving.receive, ReceiveIn),
    Step.VERIFY: (acts.verify, VerifyIn),
    Step.LOSE: (acts.lose, LoseIn),
    Step.CANCEL: (acts.cancel, CancelIn),
}


def _act(session: Session, actor: Actor, shipment_id: UUID, step: Step, form: Form) -> None:
    act, body = _ACTS[step]
    act(session, actor, shipment_id, form.read(body))


def _possible(session: Session, actor: Actor, shipment: Shipment) -> list[Step]:
    """The next steps that this actor may take; the acts themselves check it again."""
    carries = actor.role is Role.CARRIER and actor.organisation == shipment.carrier
    own = {site.code for site in parties.sites_of(session, actor.organisation)}
    dispatches = actor.role is Role.DISPATCHER
    holds = shipment.origin in own and actor.role not in {Role.APPROVER, Role.AUDITOR}
    may = {
        Step.PICK: dispatches or holds,
        Step.LOAD: dispatches or holds or carries,
        Step.DISPATCH: dispatches or holds or carries,
        Step.ARRIVE: carries,
        Step.DIVERT: dispatches,
        Step.DELIVER: carries,
        Step.RECEIVE: receiving.may_receive(actor, shipment, own),
        Step.VERIFY: dispatches or actor.role is Role.AUDITOR,
        Step.LOSE: dispatches or carries,
        Step.CANCEL: dispatches,
    }
    allowed = actor.role is Role.ADMIN
    return [step for step in next_steps(shipment.state) if allowed or may[step]]


def _page(
    request: Request,
    session: Session,
    actor: Actor,
    shipment: Shipment,
    sent: Mapping[Step, Form],
) -> Response:
    manifest = manifests(session, [shipment])[0]
    possible = _possible(session, actor, shipment)
    forms = {step: _first_form(step, manifest) for step in possible} | dict(sent)
    for step in _UNWANTED & forms.keys():
        forms[step].keyed(step.value)
    return render(
        request,
        "shipment.html",
        max((form.status for form in forms.values()), default=200),
        manifest=manifest,
        shipment=shipment,
        forms={step.value: form for step, form in forms.items()},
        to_pick=pick_list(manifest) if Step.PICK in possible else [],
        on_rounds=calls_of(session, [shipment]).get(shipment.id),
        may_see_rounds=actor.role in {*DESKS, Role.CARRIER},
        **_names(request, session),
    )


def _first_form(step: Step, manifest: Manifest) -> Form:
    values = {"occurred_at": now_input()}
    if step is Step.DIVERT:
        values |= {"id": str(uuid4()), "due_on": manifest.shipment.due_on.isoformat()}
    if step is Step.RECEIVE:
        for index, line in enumerate(manifest.lines):
            at = f"lines[{index}]"
            values |= {
                f"{at}.line": str(line.line),
                f"{at}.accepted": str(line.quantity),
                f"{at}.rejected": "0",
                f"{at}.short": "0",
            }
    return Form(values)


def _names(request: Request, session: Session) -> dict[str, object]:
    return {
        "sites": sites_by_code(session),
        "carriers": names_of_organisations(session, language_of(request.url.path)),
        "items": {item.code: item for item in catalog.items(session)},
    }
