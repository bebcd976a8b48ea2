"""A driver's pages: today's jobs of a carrier, by a link that expires; no account, no script.

The secret is in the address, so no browser sends it by itself: no form of another site can act by
it. Nothing here links elsewhere or is kept by a browser, so that the address doesn't wander.
"""

from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.errors import NotFound
from services.files.service import attach
from services.transport import acts, links, tracking
from services.transport.api_tracks import PROOF
from services.transport.labelling import units_of
from services.transport.manifest import manifests
from services.transport.models import Shipment
from services.transport.pages import names
from services.transport.pages_papers import cold_goods, keep_readings
from services.transport.schemas import ActIn, DeliverIn, LoadIn
from services.transport.schemas_tracks import PositionIn
from services.transport.steps import Driver, Step, next_steps
from services.transport.track_models import CarrierLink
from services.web.forms import Form, SentForm, now_input
from services.web.http import DatabaseSession
from services.web.pages import redirect, render, unkept

router = APIRouter()

_STEPS: dict[Step, tuple[Callable[..., Shipment], type[ActIn]]] = {
    Step.LOAD: (acts.load, LoadIn),
    Step.DISPATCH: (acts.send, ActIn),
    Step.ARRIVE: (acts.arrive, LoadIn),
    Step.DELIVER: (acts.deliver, DeliverIn),
}
_DONE = {
    "load": "shipment-loaded",
    "dispatch": "shipment-dispatched",
    "arrive": "shipment-arrived",
    "deliver": "shipment-delivered",
    "report": "position-told",
    "temperatures": "readings-kept",
}


@router.get("/driver/{secret}")
def show_jobs(request: Request, secret: str, session: DatabaseSession) -> Response:
    """What is to be fetched and brought, and what has been."""
    link, _ = links.open_link(session, secret)
    jobs = manifests(session, links.jobs(session, link))
    return unkept(
        render(
            request,
            "carrier_jobs.html",
            link=link,
            secret=secret,
            jobs=jobs,
            **names(request, session),
        )
    )


@router.get("/driver/{secret}/{shipment_id}")
def show_job(
    request: Request, secret: str, shipment_id: UUID, session: DatabaseSession
) -> Response:
    link, driver = links.open_link(session, secret)
    return _job_page(request, session, link, driver, secret, shipment_id, {})


@router.post("/driver/{secret}/{shipment_id}/{what}")
def do(
    request: Request,
    secret: str,
    shipment_id: UUID,
    what: str,
    session: DatabaseSession,
    form: SentForm,
) -> Response:
    """Departure, position, arrival, delivery with name and photograph, temperatures."""
    link, driver = links.open_link(session, secret)
    links.get_job(session, link, shipment_id)
    if what not in _DONE:
        raise NotFound(f"A driver has no step {what}")
    with form.attempt(session):
        _act(session, driver, shipment_id, what, form)
    if form.slips:
        return _job_page(request, session, link, driver, secret, shipment_id, {what: form})
    return unkept(redirect(request, f"/driver/{secret}/{shipment_id}", done=_DONE[what]))


def _act(session: Session, driver: Driver, shipment_id: UUID, what: str, form: Form) -> None:
    if what == "report":
        tracking.report(session, driver, shipment_id, form.read(PositionIn))
    elif what == "temperatures":
        keep_readings(session, driver, shipment_id, form)
    else:
        act, body = _STEPS[Step(what)]
        act(session, driver, shipment_id, form.read(body))
    if what == "deliver" and "proof" in form.files:
        subject = f"shipment:{shipment_id}"
        attach(session, driver, subject, PROOF, form.files["proof"], field="proof")


def _job_page(
    request: Request,
    session: Session,
    link: CarrierLink,
    driver: Driver,  # noqa: ARG001 — that there is one was checked
    secret: str,
    shipment_id: UUID,
    sent: dict[str, Form],
) -> Response:
    shipment = links.get_job(session, link, shipment_id)
    session.refresh(shipment)
    open_to = [step.value for step in next_steps(shipment.state) if step in _STEPS]
    if tracking.on_the_way(shipment):
        open_to += ["report", "temperatures"]
    forms = {name: Form.blank(occurred_at=now_input()) for name in open_to} | sent
    for name, form in forms.items():
        form.keyed(name)
    return unkept(
        render(
            request,
            "carrier_job.html",
            max((form.status for form in sent.values()), default=200),
            link=link,
            secret=secret,
            shipment=shipment,
            manifest=manifests(session, [shipment])[0],
            units=units_of(session, [shipment.id]).get(shipment.id, []),
            positions=tracking.positions_of(session, [shipment.id]).get(shipment.id, []),
            forms=forms,
            **cold_goods(session, shipment),
            **names(request, session),
        )
    )
