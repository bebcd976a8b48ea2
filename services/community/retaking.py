"""A handing out that didn't happen: the booking stands again, as it did before."""

from uuid import UUID

from sqlmodel import Session

from services.community.models import Booking, BookingState
from services.community.offers import locked_offer
from services.community.service import find_booking


def book_again(session: Session, booking_id: UUID) -> Booking:
    """Bring a booking back to booked, by whoever took its handing out back in the journal."""
    locked_offer(session, find_booking(session, booking_id).offer_id)
    booking = session.get_one(Booking, booking_id, with_for_update=True, populate_existing=True)
    if booking.state is BookingState.HANDED_OUT:
        booking.state, booking.settled_at, booking.settled_by = BookingState.BOOKED, None, None
        session.flush()
    return booking
