"""Who didn't come: what they had booked is free again."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.community.models import Booking, BookingState, PointOffer
from services.community.offers import STAFF
from services.community.schemas import MissIn
from services.community.service import settle
from services.journal.clock import refuse_future
from services.parties import service as parties
from services.parties.service import Actor

# A household that comes late is still served for this long.
GRACE = timedelta(hours=24)


def miss(session: Session, actor: Actor, body: MissIn) -> int:
    """Free what nobody came for at a point of one's own by the world's time; done twice, once.

    Raises:
        NotFound, Forbidden: no such site, or another organisation's.
        InvalidInput: a time that hasn't come.

    """
    site = parties.require_site(session, actor, body.site, STAFF)
    refuse_future(body.at, "at")
    return let_lapse(session, body.at, site=site.code)


def let_lapse(
    session: Session,
    at: datetime,
    *,
    site: str | None = None,
    recorded_before: datetime | None = None,
) -> int:
    """Free what households didn't come for by ``at``; how many bookings that were.

    ``recorded_before`` spares what was written down only just now about a time long past.
    """
    late = (
        select(Booking)
        .join(PointOffer, col(PointOffer.id) == col(Booking.offer_id))
        .where(
            Booking.state == BookingState.BOOKED,
            col(Booking.slot_starts_at)
            + sa.func.make_interval(0, 0, 0, 0, 0, col(PointOffer.slot_minutes))
            <= at - GRACE,
        )
        .with_for_update(of=Booking, skip_locked=True)
    )
    if recorded_before is not None:
        late = late.where(col(Booking.recorded_at) <= recorded_before)
    if site is not None:
        late = late.where(Booking.site == site)
    missed = session.exec(late).all()
    for booking in missed:
        settle(session, booking, BookingState.MISSED, None, at)
    return len(missed)
