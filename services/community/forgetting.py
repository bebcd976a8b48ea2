"""Forgetting who booked: what is left says that somebody did, and nothing links it to another."""

from uuid import UUID

from sqlmodel import Session

from services.community.identity import nobody
from services.community.models import Booking, BookingState
from services.community.service import cancel, find_booking


def forget_booking(session: Session, booking_id: UUID) -> int:
    """Delete a booking's household, and cancel it where it is open; how many fields that were.

    The household may book again at once. Forgetting twice is once.

    Raises:
        NotFound: there is no such booking.

    """
    if find_booking(session, booking_id).state is BookingState.BOOKED:
        cancel(session, booking_id)
    booking = session.get_one(Booking, booking_id, with_for_update=True, populate_existing=True)
    if booking.household == nobody(booking_id):
        return 0
    # The digest of the body is keyed too, but made of the household's number.
    booking.household, booking.content_digest = nobody(booking_id), ""
    session.flush()
    return 1
