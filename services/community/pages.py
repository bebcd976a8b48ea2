"""Pages of community points: residents find a point, book and see their code; staff hand out."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.community import offers, register, service
from services.community.api import bookings_of, desk_booking_out
from services.community.models import PointOffer
from services.community.schemas import BookingIn, HandOutIn, OfferClose, OfferIn
from services.journal.clock import local_date
from services.parties import service as parties
from services.parties.access import CurrentActor, MaybeActor
from services.parties.models import DESKS, Region, Role, Site, SiteKind
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.web.forms import Form, SentForm, Upload
from services.web.http import DatabaseSession
from services.web.limits import Caller
from services.web.lists import LEFT_EMPTY, ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()

# So many days ahead a resident is shown times to choose from.
_DAYS_AHEAD = 14


@router.get("/community")
def show_points(
    request: Request,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
    region: str = "",
    item: str = "",
) -> Response:
    """What each point gives now, to anybody."""
    found = offers.find_offers(
        session, region=region or None, item=item or None, day=local_date(datetime.now(UTC))
    )
    return render(
        request,
        "community.html",
        states=offers.states(session, found),
        sites=sites_by_code(session, SiteKind.RELIEF_POINT),
        items=_items(session),
        regions=session.exec(select(Region).order_by(col(Region.code))).all(),
        filters=Form({"region": region, "item": item}),
    )


@router.get("/community/offers/{offer_id}")
def show_offer(
    request: Request,
    offer_id: UUID,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
    day: Annotated[date | None, LEFT_EMPTY] = None,
) -> Response:
    return _offer_page(request, session, offers.get_offer(session, offer_id), day, Form.blank())


@router.post("/community/offers/{offer_id}/book")
def book(
    request: Request,
    offer_id: UUID,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
    caller: Caller,
    form: SentForm,
) -> Response:
    offer = offers.get_offer(session, offer_id)
    day = form.values.pop("day", "")
    with form.attempt(session):
        body = form.read(BookingIn)
        service.book(session, offer_id, body, caller)
    if form.slips:
        form.values.pop("household", None)
        return _offer_page(request, session, offer, _day(day), form)
    return redirect(request, f"/community/bookings/{body.id}")


@router.get("/community/bookings/{booking_id}")
def show_booking(
    request: Request,
    booking_id: UUID,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
) -> Response:
    booking = service.find_booking(session, booking_id)
    return render(
        request,
        "community_booking.html",
        booking=booking,
        code=service.code_to_show(session, booking),
        item=catalog.get_item(session, booking.item),
        site=parties.get_site(session, booking.site),
        form=Form(),
    )


@router.post("/community/bookings/{booking_id}/cancel")
def cancel(
    request: Request,
    booking_id: UUID,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
    form: SentForm,
) -> Response:
    booking = service.find_booking(session, booking_id)
    with form.attempt(session):
        service.cancel(session, booking_id)
    if form.slips:
        return redirect(request, f"/community/bookings/{booking.id}")
    return redirect(request, f"/community/bookings/{booking.id}", done="booking-cancelled")


@router.get("/point")
def show_desk(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    day: Annotated[date | None, LEFT_EMPTY] = None,
) -> Response:
    """What the staff of a point need: a place for the code, and who comes when."""
    _require_staff(actor)
    wanted = day or local_date(datetime.now(UTC))
    if asked.is_csv:
        rows = bookings_of(session, actor, asked, day=wanted).rows
        return csv_file([desk_booking_out(row) for row in rows], f"bookings-{wanted}")
    return _desk_page(request, session, actor, asked, wanted, Form.blank())


@router.post("/point/hand-out")
def hand_out(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    _require_staff(actor)
    with form.attempt(session):
        service.hand_out(session, actor, form.read(HandOutIn, leave_out=["id"]))
    if form.slips:
        form.values.pop("household", None)
        today = local_date(datetime.now(UTC))
        return _desk_page(request, session, actor, asked, today, form)
    return redirect(request, "/point", done="handed-out")


@router.get("/point/offers/new")
def show_offer_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    today = local_date(datetime.now(UTC))
    form = Form.blank(
        pieces=5,
        period_days=10,
        opens_at="09:00",
        closes_at="17:00",
        slot_minutes=30,
        bookings_per_slot=10,
        first_day=today,
        last_day=today + timedelta(days=13),
    )
    return _form_page(request, session, actor, form)


@router.post("/point/offers/new")
def make_offer(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        offers.make_offer(session, actor, form.read(OfferIn))
    if form.slips:
        return _form_page(request, session, actor, form)
    return redirect(request, "/point", done="offer-made")


@router.post("/point/offers/{offer_id}/close")
def close_offer(
    request: Request,
    offer_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        offers.close_offer(session, actor, offer_id, form.read(OfferClose).reason)
    if form.slips:
        today = local_date(datetime.now(UTC))
        return _desk_page(request, session, actor, asked, today, Form.blank(), {offer_id: form})
    return redirect(request, "/point", done="offer-closed")


@router.post("/point/{site}/register")
def put_register(
    request: Request,
    site: str,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    """Take a new register for a point, or none any more."""
    with form.attempt(session):
        if form["drop"]:
            register.drop_register(session, actor, site)
        else:
            upload = form.files.get("file") or Upload("", b"")
            register.put_register(session, actor, site, upload)
    if form.slips:
        today = local_date(datetime.now(UTC))
        return _desk_page(request, session, actor, asked, today, Form.blank(), {site: form})
    return redirect(request, "/point", done="register-kept")


def _require_staff(actor: Actor) -> None:
    if actor.role not in DESKS:
        parties.require_role(actor, offers.STAFF)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _items(session: Session) -> dict[str, object]:
    return {item.code: item for item in catalog.items(session)}


def _offer_page(
    request: Request, session: Session, offer: PointOffer, day: date | None, form: Form
) -> Response:
    today = local_date(datetime.now(UTC))
    first = max(today, offer.first_day)
    last = min(first + timedelta(days=_DAYS_AHEAD), offer.last_day)
    days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
    wanted = day if day in days else first
    now = datetime.now(UTC)
    return render(
        request,
        "community_offer.html",
        form.status,
        state=offers.states(session, [offer])[0],
        item=catalog.get_item(session, offer.item),
        site=parties.get_site(session, offer.site),
        days=days,
        day=wanted,
        slots=[each for each in offers.slots(session, offer, wanted) if each.starts_at > now],
        form=form,
    )


def _desk_page(
    request: Request,
    session: Session,
    actor: Actor,
    asked: ListAsked,
    day: date,
    form: Form,
    sent: dict[UUID | str, Form] | None = None,
) -> Response:
    at_desk, may_serve = actor.role in DESKS, actor.role in {offers.STAFF, Role.ADMIN}
    own = [site.code for site in parties.sites_of(session, actor.organisation)]
    found = offers.find_offers(session, sites=None if at_desk else own)
    points = _own_points(session, actor) if may_serve else []
    return render(
        request,
        "point.html",
        max([form.status, *(each.status for each in (sent or {}).values())]),
        bookings=bookings_of(session, actor, asked, day=day),
        states=offers.states(session, found),
        sites=sites_by_code(session),
        own_points=points,
        households=register.households_on(session, [site.code for site in points]),
        items=_items(session),
        day=day,
        may_serve=may_serve,
        form=form,
        sent=sent or {},
        blank=Form(),
    )


def _own_points(session: Session, actor: Actor) -> list[Site]:
    every = sites_by_code(session, SiteKind.RELIEF_POINT).values()
    return [
        site
        for site in every
        if actor.role is Role.ADMIN or site.organisation == actor.organisation
    ]


def _form_page(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    parties.require_role(actor, offers.STAFF)
    return render(
        request,
        "point_offer.html",
        form.status,
        form=form,
        own_sites=_own_points(session, actor),
        items=_items(session),
    )
