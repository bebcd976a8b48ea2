"""Booking and handing out: approved in one step, or refused with the reason and the mend."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.community.identity import body_digest, code_hash, code_of, household_hash
from services.community.models import Booking, BookingState, PointOffer
from services.community.offers import (
    STAFF,
    OfferClosed,
    locked_offer,
    promised_pieces,
    slots,
    stock_in_hand,
)
from services.community.register import check_register
from services.community.schemas import BookingIn, HandOutIn
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.clock import local_date, refuse_future
from services.journal.flows import is_reversed
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.once import claim
from services.journal.post import post
from services.journal.read import Holding, find_entry
from services.journal.record import Draft, NewMove
from services.parties import service as parties
from services.parties.service import Actor
from services.web.limits import Throttle, TooMany


class TooManyCodes(TooMany):
    code, title = "too-many-codes", "Too many wrong codes"
    what = "Too many codes were typed that no booking has"
    instead = "wait, then read the code off once more"


_guesses = Throttle(tries=30, window_s=60, refusal=TooManyCodes)


class QuotaUsed(Conflict):
    code, title = "quota-used", "Your household has booked its share already"


class SlotFull(Conflict):
    code, title = "slot-full", "This time is booked up"


class NothingLeft(Conflict):
    code, title = "nothing-left", "All that the point has is promised"


class BookingSettled(Conflict):
    code, title = "booking-settled", "This booking is over"


class OtherHousehold(Conflict):
    code, title = "other-household", "The paper isn't the one that was booked with"


def book(session: Session, offer_id: UUID, body: BookingIn, caller: str) -> tuple[Booking, bool]:
    """Promise a household its pieces at a slot, at once; the same body twice is one booking.

    Raises:
        NotFound: there is no such offer.
        OfferClosed: it takes no bookings any more.
        InvalidInput: no slot begins then, or it is over.
        NotOnRegister, TooManyNumbers: see `register.check_register`.
        SlotFull, NothingLeft: too many have booked the slot, or all that the point has.
        QuotaUsed: the household has had, or has booked, its share of the period.
        EntryIdReused: the id belongs to something else.

    """
    offer = locked_offer(session, offer_id)
    now = datetime.now(UTC)
    booking = Booking(
        id=body.id,
        offer_id=offer.id,
        site=offer.site,
        item=offer.item,
        household=household_hash(body.household),
        code_hash=code_hash(code_of(body.id)),
        slot_starts_at=body.slot_starts_at,
        pieces=offer.pieces,
        booked_at=body.booked_at or now,
        recorded_at=now,
        content_digest=body_digest(f"{offer_id}{body.model_dump_json()}"),
    )
    with session.begin_nested():
        if not claim(session, booking):
            return session.get_one(Booking, body.id), False
        kept = session.get_one(Booking, body.id)
        kept.on_register = check_register(session, booking, caller)
        _take_turns(session, booking)
        _check_slot(session, offer, booking)
        _check_quota(session, offer, booking)
        _check_stock(session, offer, booking)
    return kept, True


def _take_turns(session: Session, booking: Booking) -> None:
    """A household that books at two points at once waits for itself."""
    session.connection().execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"booking/{booking.household}/{booking.item}"},
    )


def _check_slot(session: Session, offer: PointOffer, booking: Booking) -> None:
    if offer.closed_at is not None:
        raise OfferClosed(
            f"Offer {offer.id} is closed",
            field="offer_id",
            value=offer.id,
            mend="choose another point; see GET /api/v1/community/offers",
        )
    refuse_future(booking.booked_at, "booked_at")
    day = local_date(booking.slot_starts_at)
    # The booking itself stands in its slot already.
    free = {each.starts_at: each.free for each in slots(session, offer, day)}
    length = timedelta(minutes=offer.slot_minutes)
    over = booking.slot_starts_at + length <= booking.booked_at
    if booking.slot_starts_at not in free or over:
        raise InvalidInput(
            "That slot is over" if over else "No slot begins then",
            field="slot_starts_at",
            value=booking.slot_starts_at.isoformat(),
            mend=f"choose a free one; see GET /api/v1/community/offers/{offer.id}/slots",
        )
    if _booked_in_slot(session, booking) > offer.bookings_per_slot:
        raise SlotFull(
            f"{offer.bookings_per_slot} households have booked this time",
            field="slot_starts_at",
            value=booking.slot_starts_at.isoformat(),
            mend="choose another time",
        )


def _booked_in_slot(session: Session, booking: Booking) -> int:
    return session.exec(
        select(sa.func.count())
        .select_from(Booking)
        .where(
            Booking.offer_id == booking.offer_id,
            Booking.slot_starts_at == booking.slot_starts_at,
            col(Booking.state).in_([BookingState.BOOKED, BookingState.HANDED_OUT]),
        )
    ).one()


def _check_quota(session: Session, offer: PointOffer, booking: Booking) -> None:
    """One share in a period, wherever it is booked: the next slot lies a whole period away."""
    period = timedelta(days=offer.period_days)
    near = session.exec(
        select(Booking.slot_starts_at)
        .where(
            Booking.household == booking.household,
            Booking.item == booking.item,
            Booking.id != booking.id,
            col(Booking.state).in_([BookingState.BOOKED, BookingState.HANDED_OUT]),
            col(Booking.slot_starts_at) > booking.slot_starts_at - period,
            col(Booking.slot_starts_at) < booking.slot_starts_at + period,
        )
        .order_by(col(Booking.slot_starts_at).desc())
    ).first()
    if near is not None:
        raise QuotaUsed(
            f"This household has booked its share for {local_date(near)}; "
            f"each gets one in {offer.period_days} days",
            field="slot_starts_at",
            value=booking.slot_starts_at.isoformat(),
            mend=f"choose a time from {local_date(near + period)} on, or cancel the other booking",
        )


def _check_stock(session: Session, offer: PointOffer, booking: Booking) -> None:
    # Two offers of one item promise from the same shelf: each has to see what the other promised.
    session.connection().execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"promised/{offer.site}/{offer.item}"},
    )
    day = local_date(booking.slot_starts_at)
    in_hand = sum(held.quantity for held in stock_in_hand(session, offer.site, offer.item, day))
    promised = promised_pieces(session, [offer.site])[offer.site, offer.item]
    if promised > in_hand:
        raise NothingLeft(
            f"The point has {in_hand} pieces, and others have booked them",
            field="offer_id",
            value=offer.id,
            mend="choose another point, or look again later",
        )


def find_booking(session: Session, booking_id: UUID) -> Booking:
    booking = session.get(Booking, booking_id)
    if booking is None:
        raise NotFound(f"There is no booking {booking_id}", field="booking_id", value=booking_id)
    return booking


def code_to_show(session: Session, booking: Booking) -> str | None:
    """The code, to whoever knows the id; None once the public log names the id to everybody."""
    return None if _is_in_log(session, booking) else code_of(booking.id)


def _is_in_log(session: Session, booking: Booking) -> bool:
    """Whether its pieces were ever handed out, taken back or not."""
    return find_entry(session, uuid5(booking.id, "hand_out")) is not None


def cancel(session: Session, booking_id: UUID) -> Booking:
    """Give a booking up, by its id that only its household knows; twice is once.

    Raises:
        NotFound: there is no such booking.
        BookingSettled: the pieces were handed out, once at least, or the time is long over.

    """
    offer = locked_offer(session, find_booking(session, booking_id).offer_id)
    booking = _locked(session, booking_id)
    assert booking.offer_id == offer.id
    if booking.state is BookingState.CANCELLED:
        return booking
    _require_booked(booking)
    if _is_in_log(session, booking):
        raise BookingSettled(
            "Its handing out was taken back, so anybody can read this id in the log",
            field="booking_id",
            value=booking.id,
            mend="show the code at the point, or let the time go by",
        )
    settle(session, booking, BookingState.CANCELLED, None, datetime.now(UTC))
    return booking


def _locked(session: Session, booking_id: UUID) -> Booking:
    """The booking as it is now, held until the transaction ends: it is settled once."""
    return session.get_one(Booking, booking_id, with_for_update=True, populate_existing=True)


def _require_booked(booking: Booking) -> None:
    if booking.state is not BookingState.BOOKED:
        raise BookingSettled(
            f"This booking is {booking.state.replace('_', ' ')}",
            field="booking_id",
            value=booking.id,
            mend="book again",
        )


def settle(
    session: Session,
    booking: Booking,
    state: BookingState,
    actor: Actor | None,
    moment: datetime,
) -> None:
    booking.state = state
    booking.settled_at = moment
    booking.settled_by = actor.user_id if actor else None
    session.flush()


def booking_of_code(session: Session, actor: Actor, code: str) -> Booking:
    """The booking at a point of one's own that a code belongs to.

    Raises:
        NotFound: no booking has it; TooManyCodes: after many wrong ones.
        Forbidden: it is another organisation's point.

    """
    key = str(actor.user_id)
    _guesses.check(key)
    statement = select(Booking).where(Booking.code_hash == code_hash(code))
    booking = session.exec(statement).first()
    if booking is None:
        _guesses.count(key)
        raise NotFound(
            "No booking has this code", field="pickup_code", mend="read it off once more"
        )
    parties.require_site(session, actor, booking.site, STAFF)
    return booking


def hand_out(session: Session, actor: Actor, body: HandOutIn) -> tuple[Booking, bool]:
    """Give a household what it booked, against its code; the same code again changes nothing.

    Raises:
        NotFound, TooManyCodes, Forbidden: see `booking_of_code`.
        OtherHousehold: the paper that is shown isn't the one that was booked with.
        BookingSettled: it was cancelled, or missed.
        NothingLeft: the point no longer has so many that may be handed out.

    """
    found = booking_of_code(session, actor, body.pickup_code)
    locked_offer(session, found.offer_id)
    booking = _locked(session, found.id)
    if body.household is not None and household_hash(body.household) != booking.household:
        raise OtherHousehold(
            "It was booked with another number",
            field="household",
            mend="ask for the paper that it was booked with",
        )
    if booking.state is BookingState.HANDED_OUT:
        return booking, False
    _require_booked(booking)
    moment = body.occurred_at or datetime.now(UTC)
    refuse_future(moment)
    _post(session, actor, booking, moment)
    settle(session, booking, BookingState.HANDED_OUT, actor, moment)
    return booking, True


def _post(session: Session, actor: Actor, booking: Booking, moment: datetime) -> None:
    held = stock_in_hand(session, booking.site, booking.item, local_date(moment))
    moves = _first_expired_first(held, booking)
    post(
        session,
        Draft(
            id=_next_entry(session, booking),
            kind=EntryKind.HAND_OUT,
            occurred_at=moment,
            actor=actor.reference,
            document=f"booking:{booking.id}",
            moves=moves,
            facts={"pieces": str(booking.pieces)},
        ),
    )


def _next_entry(session: Session, booking: Booking) -> UUID:
    """The entry of a handing out; where one was taken back, the next has an id of its own."""
    entry_id, again = uuid5(booking.id, "hand_out"), 1
    while is_reversed(session, entry_id):
        again += 1
        entry_id = uuid5(booking.id, f"hand_out/{again}")
    return entry_id


def _first_expired_first(held: Sequence[Holding], booking: Booking) -> list[NewMove]:
    wanted, moves = booking.pieces, []
    for holding in held:
        some = min(wanted, holding.quantity)
        if some:
            target = site_account(booking.site, "consumed")
            moves.append(NewMove(holding.lot_id, AccountRef.parse(holding.account), target, some))
            wanted -= some
    if wanted:
        raise NothingLeft(
            f"The point has {booking.pieces - wanted} pieces that may be handed out",
            field="pickup_code",
            mend="count the shelf, or ask the resident to come again",
        )
    return moves
