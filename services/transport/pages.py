"""Pages of transport: shipments, what happened to them, and the next step for who may take it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlmodel import Session, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.database import among
from services.errors import NotFound
from services.files.service import attach, attachments_of
from services.journal.read import entries_of
from services.journal.reversals import how_they_stand
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import Change, changes_of
from services.parties.models import DESKS, Role, User
from services.parties.pages import names_of_organisations, sites_by_code
from services.parties.service import Actor
from services.transport import acts, cold, joining, receiving, service
from services.transport.api import asked_for, shipments_out
from services.transport.api_tracks import PROOF
from services.transport.calls import calls_of
from services.transport.handling import HOLDERS, carries
from services.transport.manifest import Manifest, manifests, pick_list
from services.transport.models import Shipment, ShipmentState
from services.transport.scanning import Seen, mark_scanned
from services.transport.schemas import (
    ActIn,
    CancelIn,
    DeliverIn,
    LoadIn,
    LoseIn,
    ReceiveIn,
    VerifyIn,
)
from services.transport.schemas_orders import JoinIn
from services.transport.service import Wanted
from services.transport.steps import Step, next_steps
from services.transport.tracking import expected_at, on_the_way, positions_of
from services.web.forms import Form, SentForm, now_input
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.lists import Asked, ListAsked, csv_file, cut_page
from services.web.pages import redirect, render

router = APIRouter()

_DONE = {
    Step.PICK: "shipment-picked",
    Step.LOAD: "shipment-loaded",
    Step.DISPATCH: "shipment-dispatched",
    Step.ARRIVE: "shipment-arrived",
    Step.DELIVER: "shipment-delivered",
    Step.RECEIVE: "shipment-received",
    Step.VERIFY: "shipment-verified",
    Step.LOSE: "shipment-lost",
    Step.CANCEL: "shipment-cancelled",
}
# These stand beside another step's form, folded away.
_UNWANTED = frozenset({Step.LOSE, Step.CANCEL, Step.LOAD, Step.ARRIVE})
# So many lines of a shipment at once: a hospital's may have hundreds.
_LINES_A_PAGE = 10


@router.get("/shipments")
def list_shipments(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    wanted: Annotated[Wanted, Depends(asked_for)],
) -> Response:
    """Shipments that one has a part in, those with something to do first."""
    found = service.find_shipments(session, actor, asked, wanted, first=_to_do(actor))
    if asked.is_csv:
        return csv_file(shipments_out(session, actor, found.rows), "shipments")
    rows = [
        (each, _possible(session, actor, each.shipment)) for each in manifests(session, found.rows)
    ]
    desk = actor.role in {Role.DISPATCHER, Role.ADMIN}
    return render(
        request,
        "shipments.html",
        listing=found,
        rows=rows,
        together=joining.joinable(session, found.rows) if desk else [],
        states=list(ShipmentState),
        filters=Form({name: str(value or "") for name, value in asdict(wanted).items()}),
        may_order=actor.role in {*HOLDERS, Role.DISPATCHER, Role.ADMIN},
        sees_links=actor.role in {*DESKS, Role.CARRIER},
        **names(request, session),
    )


def _to_do(actor: Actor) -> list[ShipmentState]:
    """States in which shipments of one's own wait for one, most likely; those are shown first."""
    waits = {
        Role.HOSPITAL: [ShipmentState.DELIVERED],
        Role.CARRIER: [
            ShipmentState.PICKED,
            ShipmentState.LOADED,
            ShipmentState.DISPATCHED,
            ShipmentState.ARRIVED,
        ],
        Role.AUDITOR: [ShipmentState.RECEIVED, ShipmentState.PARTLY_RECEIVED],
    }
    at_desk = [
        ShipmentState.PLANNED,
        ShipmentState.PICKED,
        ShipmentState.RECEIVED,
        ShipmentState.PARTLY_RECEIVED,
    ]
    return waits.get(actor.role, at_desk)


@router.post("/shipments/{shipment_id}/join")
def join(
    request: Request,
    shipment_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    """Put the others of its way and day into this one."""
    into = service.get_shipment(session, actor, shipment_id)
    same_day = Wanted(
        origin=into.origin,
        destination=into.destination,
        carrier=into.carrier,
        depart_on=into.depart_on,
        state=ShipmentState.PLANNED,
    )
    alike = service.find_shipments(session, actor, Asked(request), same_day)
    groups = joining.joinable(session, alike.rows)
    others = [each.id for group in groups for each in group if each.id != shipment_id]
    if others:
        body = JoinIn(shipments=others, reason=form["reason"].strip() or "the same way and day")
        joining.join(session, actor, shipment_id, body)
    return redirect(request, f"/shipments/{shipment_id}", done="shipments-joined")


@router.get("/shipments/{shipment_id}")
def show_shipment(
    request: Request,
    shipment_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    offset: Annotated[int, Query(ge=0, le=10**6)] = 0,
) -> Response:
    shipment = service.get_shipment(session, actor, shipment_id)
    return _page(request, session, actor, shipment, {}, offset)


@router.post("/shipments/{shipment_id}/{step}")
def take_step(
    request: Request,
    shipment_id: UUID,
    step: str,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    if step not in _ACTS:
        raise NotFound(f"There is no step {step}")
    shipment = service.get_shipment(session, actor, shipment_id)
    if form["scan"].strip():
        return _scanned(request, session, actor, shipment, form)
    with form.attempt(session):
        _act(session, actor, shipment_id, Step(step), form)
        if step == Step.DELIVER and "proof" in form.files:
            subject = f"shipment:{shipment_id}"
            attach(session, actor, subject, PROOF, form.files["proof"], field="proof")
    if form.slips:
        session.refresh(shipment)
        return _page(request, session, actor, shipment, {Step(step): form})
    return redirect(request, f"/shipments/{shipment_id}", done=_DONE[Step(step)])


def _scanned(
    request: Request, session: Session, actor: Actor, shipment: Shipment, form: Form
) -> Response:
    """The form of the receipt again, with the lines marked that a scanner was held to."""
    seen = mark_scanned(session, manifests(session, [shipment])[0], form)
    return _page(request, session, actor, shipment, {Step.RECEIVE: form}, seen=seen)


_ACTS: dict[Step, tuple[Callable[..., Shipment], type[ActIn]]] = {
    Step.PICK: (acts.pick, ActIn),
    Step.LOAD: (acts.load, LoadIn),
    Step.DISPATCH: (acts.send, ActIn),
    Step.ARRIVE: (acts.arrive, LoadIn),
    Step.DELIVER: (acts.deliver, DeliverIn),
    Step.RECEIVE: (receiving.receive, ReceiveIn),
    Step.VERIFY: (acts.verify, VerifyIn),
    Step.LOSE: (acts.lose, LoseIn),
    Step.CANCEL: (acts.cancel, CancelIn),
}


def _act(session: Session, actor: Actor, shipment_id: UUID, step: Step, form: Form) -> None:
    act, body = _ACTS[step]
    act(session, actor, shipment_id, form.read(body, leave_out=("scan", "seen")))


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
    offset: int = 0,
    seen: Seen | None = None,
) -> Response:
    manifest = manifests(session, [shipment])[0]
    lines = Asked(request, limit=_LINES_A_PAGE, offset=offset)
    possible = _possible(session, actor, shipment)
    forms = {step: _first_form(step, manifest) for step in possible if step in _ACTS} | dict(sent)
    for step in _UNWANTED & forms.keys():
        forms[step].keyed(step.value)
    return render(
        request,
        "shipment.html",
        max((form.status for form in forms.values()), default=200),
        manifest=manifest,
        carried=cut_page(manifest.lines, {}, lines),
        shipment=shipment,
        **_told(session, actor, shipment),
        may_divert=Step.DIVERT in possible,
        may_report=actor.role in {Role.DISPATCHER, Role.ADMIN} or carries(actor, shipment),
        forms={step.value: form for step, form in forms.items()},
        seen=seen,
        to_pick=pick_list(manifest) if Step.PICK in possible else [],
        on_rounds=calls_of(session, [shipment]).get(shipment.id),
        may_see_rounds=actor.role in {*DESKS, Role.CARRIER},
        **names(request, session),
    )


def _told(session: Session, actor: Actor, shipment: Shipment) -> dict[str, object]:
    """What was told of it beside its steps: positions, temperatures, files, what was changed."""
    subject = f"shipment:{shipment.id}"
    positions = positions_of(session, [shipment.id]).get(shipment.id, [])
    changes = changes_of(session, [subject])[subject]
    entries = entries_of(session, subject)
    stands = how_they_stand(session, [it.id for it in entries], reader=actor.reads_reasons_of)
    return {
        "entries": [(it, stands[it.id]) for it in entries if it.reverses is None],
        "positions": positions,
        "expected_at": expected_at(positions) if on_the_way(shipment) else None,
        "under_way": on_the_way(shipment),
        "logs": cold.logs_of(session, [shipment.id]).get(shipment.id, []),
        "papers": attachments_of(session, [subject])[subject],
        "changes": changes,
        "people": names_of_users(session, changes),
    }


def _first_form(step: Step, manifest: Manifest) -> Form:
    values = {"occurred_at": now_input()}
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


def names_of_users(session: Session, changes: Sequence[Change]) -> dict[UUID, str]:
    """The names of those who changed something, by id."""
    ids = {each.changed_by for each in changes if each.changed_by}
    return dict(session.exec(select(User.id, User.display_name).where(among(User.id, ids))).all())


def names(request: Request, session: Session) -> dict[str, object]:
    return {
        "sites": sites_by_code(session),
        "carriers": names_of_organisations(session, language_of(request.url.path)),
        "items": {item.code: item for item in catalog.items(session)},
    }
