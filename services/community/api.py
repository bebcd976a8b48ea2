"""Endpoints of community points: residents book without an account, staff hand out by code."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from sqlmodel import Session, col, select

from services.community import lapsing, offers, register, service
from services.community.identity import code_of
from services.community.models import Booking, BookingState, PointOffer
from services.community.offers import OfferState
from services.community.schemas import (
    BookingIn,
    BookingOut,
    DeskBookingOut,
    HandOutIn,
    MissedOut,
    MissIn,
    OfferClose,
    OfferIn,
    OfferOut,
    RegisterOut,
    SlotOut,
)
from services.database import among
from services.journal.clock import local_date, refuse_far_day
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS
from services.parties.service import Actor
from services.web.forms import FILE_BODY, SentFile
from services.web.http import DatabaseSession
from services.web.limits import Caller
from services.web.lists import Asked, ListAsked, Listing, answer, cut_page, select_page

router = APIRouter(prefix="/community", tags=["community points"])

ORDER = {
    "slot_starts_at": col(Booking.slot_starts_at),
    "site": col(Booking.site),
    "item": col(Booking.item),
    "state": col(Booking.state),
}


def offer_out(state: OfferState) -> OfferOut:
    return OfferOut(
        **state.offer.model_dump(exclude={"made_by", "made_at", "content_digest"}),
        region=state.region,
        in_stock=state.in_stock,
        promised=state.promised,
        bookable=state.bookable,
    )


def booking_out(booking: Booking, code: str | None) -> BookingOut:
    return BookingOut(**booking.model_dump(include=set(BookingOut.model_fields)), pickup_code=code)


def desk_booking_out(booking: Booking) -> DeskBookingOut:
    return DeskBookingOut.model_validate(booking)


@router.get("/offers", response_model=list[OfferOut])
def list_offers(
    session: DatabaseSession,
    asked: ListAsked,
    response: Response,
    site: Annotated[str | None, Query()] = None,
    region: Annotated[str | None, Query(description="This region and those under it")] = None,
    item: Annotated[str | None, Query()] = None,
    day: Annotated[date | None, Query(description="Open on this day or later")] = None,
) -> Any:
    """What community points give to households now: for anybody, without an account."""
    found = offers.find_offers(
        session, sites=[site] if site else None, region=region, item=item, day=day
    )
    rows = [offer_out(state) for state in offers.states(session, found)]
    order = {name: _by(name) for name in ("site", "item", "region", "bookable", "last_day")}
    return answer(cut_page(rows, order, asked), response, "offers")


def _by(name: str) -> Any:
    return lambda row: getattr(row, name)


@router.post("/offers", status_code=status.HTTP_201_CREATED)
def make_offer(
    body: OfferIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> OfferOut:
    """Let a point of yours give something to each household. The same id again answers 200."""
    offer, created = offers.make_offer(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return _one(session, offer)


@router.post("/offers/{offer_id}/close")
def close_offer(
    offer_id: UUID, body: OfferClose, session: DatabaseSession, actor: CurrentActor
) -> OfferOut:
    """Take no more bookings; who has booked still gets their pieces."""
    return _one(session, offers.close_offer(session, actor, offer_id, body.reason))


@router.get("/offers/{offer_id}/slots")
def list_slots(
    offer_id: UUID, session: DatabaseSession, day: Annotated[date | None, Query()] = None
) -> list[SlotOut]:
    """The times of a day (today where none is named), and how many more may book each."""
    wanted = day or local_date(datetime.now(UTC))
    refuse_far_day(wanted)
    offer = offers.get_offer(session, offer_id)
    return [SlotOut.model_validate(slot) for slot in offers.slots(session, offer, wanted)]


@router.post("/offers/{offer_id}/bookings", status_code=status.HTTP_201_CREATED)
def book(
    offer_id: UUID,
    body: BookingIn,
    session: DatabaseSession,
    caller: Caller,
    response: Response,
) -> BookingOut:
    """Book a household's share, without an account: approved at once, with a code to show."""
    booking, created = service.book(session, offer_id, body, caller)
    if not created:
        response.status_code = status.HTTP_200_OK
    # The same body again names the household again, so the code may be told again.
    return booking_out(booking, code_of(booking.id))


@router.get("/bookings/{booking_id}")
def show_booking(booking_id: UUID, session: DatabaseSession) -> BookingOut:
    """A booking and its code, to whoever knows its id: keep that to yourself."""
    booking = service.find_booking(session, booking_id)
    return booking_out(booking, service.code_to_show(session, booking))


@router.post("/bookings/{booking_id}/cancel")
def cancel_booking(booking_id: UUID, session: DatabaseSession) -> BookingOut:
    """Give it up, so that somebody else can have it; twice is once."""
    booking = service.cancel(session, booking_id)
    return booking_out(booking, service.code_to_show(session, booking))


@router.get("/bookings", response_model=list[DeskBookingOut])
def list_bookings(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Annotated[str | None, Query()] = None,
    day: Annotated[date | None, Query(description="Slots of this local day")] = None,
    state: Annotated[BookingState | None, Query()] = None,
) -> Any:
    """Bookings at your points, or, at a desk, at all: neither who booked nor the codes."""
    listing = bookings_of(session, actor, asked, site=site, day=day, state=state)
    told = listing.map(lambda rows: [desk_booking_out(row) for row in rows])
    return answer(told, response, "bookings")


def bookings_of(
    session: Session,
    actor: Actor,
    asked: Asked,
    *,
    site: str | None = None,
    day: date | None = None,
    state: BookingState | None = None,
) -> Listing[Booking]:
    """Bookings at the actor's points (at a desk: at all), by their times."""
    statement = select(Booking)
    if actor.role not in DESKS:
        own = [each.code for each in parties.sites_of(session, actor.organisation)]
        statement = statement.where(among(Booking.site, own))
    if site is not None:
        statement = statement.where(Booking.site == site)
    if day is not None:
        first, last = offers.bounds_of(day)
        statement = statement.where(
            col(Booking.slot_starts_at) >= first, col(Booking.slot_starts_at) < last
        )
    if state is not None:
        statement = statement.where(Booking.state == state)
    return select_page(session, statement, ORDER, asked, tie=col(Booking.id))


@router.post("/hand-outs")
def hand_out(body: HandOutIn, session: DatabaseSession, actor: CurrentActor) -> DeskBookingOut:
    """Hand out what a code was given for; the same code again changes nothing."""
    booking, _ = service.hand_out(session, actor, body)
    return desk_booking_out(booking)


@router.post("/bookings/miss")
def miss_bookings(body: MissIn, session: DatabaseSession, actor: CurrentActor) -> MissedOut:
    """Free what nobody came for at your point, by world time: for what is written in late.

    The system's own watch frees it a day after the slot, and after it was written down.
    """
    return MissedOut(missed=lapsing.miss(session, actor, body))


@router.get("/points/{site}/register")
def show_register(site: str, session: DatabaseSession, actor: CurrentActor) -> RegisterOut:
    """How many households a point of yours has on its register; never which."""
    code = parties.require_site(session, actor, site, offers.STAFF).code
    return RegisterOut(site=code, households=register.households_on(session, [code]).get(code, 0))


@router.put("/points/{site}/register", openapi_extra=FILE_BODY)
def put_register(
    site: str, session: DatabaseSession, actor: CurrentActor, file: SentFile
) -> RegisterOut:
    """Let a CSV of identity numbers, one in each row, be the point's register of households.

    Only their keyed hashes are kept. From then on a booking needs a number that is among them.
    """
    return RegisterOut(site=site, households=register.put_register(session, actor, site, file))


@router.delete("/points/{site}/register")
def drop_register(site: str, session: DatabaseSession, actor: CurrentActor) -> RegisterOut:
    """Do without a register: bookings are taken as they come, and marked as not checked."""
    register.drop_register(session, actor, site)
    return RegisterOut(site=site, households=0)


def _one(session: Session, offer: PointOffer) -> OfferOut:
    return offer_out(offers.states(session, [offer])[0])
