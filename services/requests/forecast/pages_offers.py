"""Pages of the forecast: how long supplies last, and what is offered from it."""

from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import DESKS, Role
from services.parties.pages import sites_by_code
from services.requests.forecast import offers, service
from services.requests.forecast.api import offer_out
from services.requests.forecast.models import OfferState
from services.requests.forecast.offers import Offer
from services.requests.forecast.schemas import (
    LONGEST_HORIZON,
    OfferAccept,
    OfferDismiss,
    OfferIn,
    SupplyOut,
)
from services.requests.forecast.supply import HORIZON_DAYS, outlooks
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, csv_file, cut_page
from services.web.pages import redirect, render

router = APIRouter()


@router.get("/forecast")
def show_supplies(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    item: str = "",
) -> Response:
    """How long everything lasts, the worst first: at one's own places, or, at a desk, at all."""
    visible = service.visible_sites(session, actor, site or None)
    told = service.lasting(session, visible, item=item or None)
    rows = [SupplyOut.model_validate(each) for each in told]
    order = {
        "days_left": lambda row: row.days_left,
        "site": lambda row: row.site,
        "item": lambda row: row.item,
        "on_hand_base": lambda row: row.on_hand_base,
        "day": lambda row: row.day,
    }
    listing = cut_page(rows, order, asked)
    if asked.is_csv:
        return csv_file(listing.rows, "supplies")
    at_desk = actor.role in DESKS
    return render(
        request,
        "forecast.html",
        listing=listing,
        offers=[] if at_desk else offers.open_offers(session, visible or []),
        at_desk=at_desk,
        may_report=actor.role in {Role.HOSPITAL, Role.ADMIN},
        items={each.code: each for each in catalog.items(session)},
        sites=sites_by_code(session),
        filters=Form({"site": site, "item": item}),
    )


@router.get("/forecast/sites/{site}")
def show_site(
    request: Request, site: str, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """One place: its newest report, what lasts how long, and what is offered."""
    service.visible_sites(session, actor, site)
    return _site_page(request, session, actor.role, site, Form.blank(horizon_days=HORIZON_DAYS))


@router.post("/forecast/sites/{site}/offer")
def make_offer(
    request: Request, site: str, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    service.visible_sites(session, actor, site)
    made: Offer | None = None
    with form.attempt(session):
        made, _ = offers.make_offer(session, actor, form.read(OfferIn, instead={"site": site}))
    if form.slips or made is None:
        return _site_page(request, session, actor.role, site, form)
    return redirect(request, f"/forecast/offers/{made.offer.id}")


@router.get("/forecast/offers/{offer_id}")
def show_offer(
    request: Request, offer_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    found = offers.get_offer(session, offer_id)
    service.visible_sites(session, actor, found.offer.site)
    values = {
        f"lines[{index}].{name}": value
        for index, line in enumerate(found.lines)
        for name, value in (
            ("item", line.item),
            ("quantity", str(line.suggested_base)),
            ("unit", "piece"),
            ("priority", offers.priority_of(line).value),
        )
    }
    return _offer_page(request, session, found, Form(values), Form())


@router.post("/forecast/offers/{offer_id}/accept")
def accept_offer(
    request: Request, offer_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    _own_offer(session, actor, offer_id)
    with form.attempt(session):
        offers.accept_offer(session, actor, offer_id, form.read(OfferAccept))
    if form.slips:
        return _offer_page(request, session, offers.get_offer(session, offer_id), form, Form())
    return redirect(request, "/needs", done="needs-posted")


@router.post("/forecast/offers/{offer_id}/dismiss")
def dismiss_offer(
    request: Request, offer_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    _own_offer(session, actor, offer_id)
    with form.attempt(session):
        offers.dismiss_offer(session, actor, offer_id, form.read(OfferDismiss))
    if form.slips:
        found = offers.get_offer(session, offer_id)
        return _offer_page(request, session, found, Form(), form)
    return redirect(request, "/forecast", done="offer-dismissed")


def _own_offer(session: Session, actor: parties.Actor, offer_id: UUID) -> None:
    """Refuse who may not answer before a form is looked at."""
    found = offers.get_offer(session, offer_id)
    parties.require_site(session, actor, found.offer.site, Role.HOSPITAL)


def _site_page(request: Request, session: Session, role: Role, site: str, form: Form) -> Response:
    found = outlooks(session, [site])
    return render(
        request,
        "forecast_site.html",
        form.status,
        site=parties.get_site(session, site),
        outlook=found[0] if found else None,
        offers=offers.open_offers(session, [site]),
        may_report=role in {Role.HOSPITAL, Role.ADMIN},
        items={each.code: each for each in catalog.items(session)},
        longest=LONGEST_HORIZON,
        form=form,
    )


def _offer_page(
    request: Request, session: Session, found: Offer, form: Form, dismiss: Form
) -> Response:
    actor: parties.Actor = request.state.actor
    site = parties.get_site(session, found.offer.site)
    own = actor.role is Role.ADMIN or (
        actor.role is Role.HOSPITAL and site.organisation == actor.organisation
    )
    subject = f"offer:{found.offer.id}"
    return render(
        request,
        "forecast_offer.html",
        max(form.status, dismiss.status),
        offer=offer_out(found),
        may_decide=own and found.offer.state is OfferState.OPEN,
        site=site,
        items={each.code: each for each in catalog.items(session)},
        units=catalog.units(session),
        changes=changes_of(session, [subject])[subject],
        form=form,
        dismiss=dismiss.keyed("dismiss"),
    )
