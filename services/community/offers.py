"""What points give: offers, their slots, and how much of the point's stock is promised."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlmodel import Session, col, func, select

from services.catalog import service as catalog
from services.community.models import Booking, BookingState, PointOffer
from services.community.schemas import OfferIn
from services.database import among
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.clock import local_date, refuse_far_day
from services.journal.kinds import AccountKind
from services.journal.once import claim, digest_of
from services.journal.read import Holding, holdings
from services.journal.stops import stopped_lots
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role, Site, SiteKind
from services.parties.service import Actor
from services.settings import get_settings

# Who looks after a relief point is of the hospital's role (see `services.inventory`).
STAFF = Role.HOSPITAL
_LONGEST = timedelta(days=92)
_IN_HAND = ("available", "received")


class OfferClosed(Conflict):
    code, title = "offer-closed", "This point gives no more of that"


@dataclass(frozen=True, slots=True)
class OfferState:
    """An offer beside what the point has and has promised, in pieces: readings of the journal."""

    offer: PointOffer
    region: str
    in_stock: int
    promised: int

    @property
    def bookable(self) -> int:
        """How many more households the point can promise to serve."""
        if self.offer.closed_at is not None:
            return 0
        return max(0, self.in_stock - self.promised) // self.offer.pieces


@dataclass(frozen=True, slots=True)
class Slot:
    """When a household may come, and how many more may book it."""

    starts_at: datetime
    free: int


def make_offer(session: Session, actor: Actor, body: OfferIn) -> tuple[PointOffer, bool]:
    """Let a point of one's own give something out; the same body twice is one offer.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: not a relief point, or hours and days that can't be.
        EntryIdReused: the id belongs to something else.

    """
    site = parties.require_site(session, actor, body.site, STAFF)
    _check(session, site, body)
    offer = PointOffer(
        **body.model_dump(),
        made_by=actor.user_id,
        made_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    created = claim(session, offer)
    if created:
        record_change(session, actor, f"offer:{body.id}", f"offered {body.pieces} {body.item}")
    return session.get_one(PointOffer, body.id), created


def _check(session: Session, site: Site, body: OfferIn) -> None:
    catalog.get_item(session, body.item)
    require_point(site)
    refuse_far_day(body.first_day, "first_day")
    if not body.first_day <= body.last_day <= body.first_day + _LONGEST:
        raise InvalidInput(
            f"An offer can't end on {body.last_day}",
            field="last_day",
            value=body.last_day.isoformat(),
            mend=f"give a day from {body.first_day} to {body.first_day + _LONGEST}",
        )
    if not _starts(body.first_day, body.opens_at, body.closes_at, body.slot_minutes):
        raise InvalidInput(
            f"No slot of {body.slot_minutes} minutes fits between the hours",
            field="closes_at",
            value=body.closes_at.isoformat(),
            mend="give a later hour, or shorter slots",
        )


def require_point(site: Site) -> None:
    if site.kind is not SiteKind.RELIEF_POINT:
        raise InvalidInput(
            f"Site {site.code} is a {site.kind}",
            field="site",
            value=site.code,
            mend="name a community point; see GET /api/v1/sites?kind=relief_point",
        )


def close_offer(session: Session, actor: Actor, offer_id: UUID, reason: str) -> PointOffer:
    """Take no more bookings; who has booked still gets their pieces. Closing twice is once."""
    offer = locked_offer(session, offer_id)
    parties.require_site(session, actor, offer.site, STAFF)
    if offer.closed_at is None:
        offer.closed_at = datetime.now(UTC)
        record_change(session, actor, f"offer:{offer.id}", "closed", reason)
        session.flush()
    return offer


def locked_offer(session: Session, offer_id: UUID) -> PointOffer:
    """The offer, held until the transaction ends: bookings of one offer come one after another."""
    offer = session.get(PointOffer, offer_id, with_for_update=True, populate_existing=True)
    if offer is None:
        raise no_offer(offer_id)
    return offer


def get_offer(session: Session, offer_id: UUID) -> PointOffer:
    offer = session.get(PointOffer, offer_id)
    if offer is None:
        raise no_offer(offer_id)
    return offer


def no_offer(offer_id: UUID) -> NotFound:
    return NotFound(
        f"There is no offer {offer_id}",
        field="offer_id",
        value=offer_id,
        mend="see GET /api/v1/community/offers",
    )


def find_offers(
    session: Session,
    *,
    sites: Sequence[str] | None = None,
    region: str | None = None,
    item: str | None = None,
    day: date | None = None,
    closed: bool = False,
) -> list[PointOffer]:
    """Offers that are open on a day or later, by site and item; with ``closed``, those too."""
    statement = (
        select(PointOffer)
        .join(Site, col(Site.code) == col(PointOffer.site))
        .order_by(col(PointOffer.site), col(PointOffer.item), col(PointOffer.first_day))
    )
    if sites is not None:
        statement = statement.where(among(PointOffer.site, sites))
    if region is not None:
        chains = parties.regions_above(session)
        inside = [code for code, chain in chains.items() if region in chain]
        statement = statement.where(among(Site.region, inside))
    if item is not None:
        statement = statement.where(PointOffer.item == item)
    if day is not None:
        statement = statement.where(PointOffer.last_day >= day)
    if not closed:
        statement = statement.where(col(PointOffer.closed_at).is_(None))
    return list(session.exec(statement))


def states(session: Session, offers: Iterable[PointOffer]) -> list[OfferState]:
    """Each offer beside the point's stock as of today, in the order given."""
    listed = list(offers)
    codes = {offer.site for offer in listed}
    regions = {
        site.code: site.region for site in session.exec(select(Site).where(among(Site.code, codes)))
    }
    promised = promised_pieces(session, codes)
    today = local_date(datetime.now(UTC))
    in_hand = {
        (site, item): _sum(stock_in_hand(session, site, item, today))
        for site, item in {(offer.site, offer.item) for offer in listed}
    }
    return [
        OfferState(
            offer,
            regions[offer.site],
            in_hand[offer.site, offer.item],
            promised.get((offer.site, offer.item), 0),
        )
        for offer in listed
    ]


def _sum(held: Iterable[Holding]) -> int:
    return sum(holding.quantity for holding in held)


def stock_in_hand(session: Session, site: str, item: str, day: date) -> list[Holding]:
    """What a point can hand out on a day, first to expire first: neither expired nor recalled."""
    held = [
        holding
        for holding in holdings(
            session,
            kinds=[AccountKind.SITE, AccountKind.RECIPIENT],
            holder=f"site:{site}",
            commodity=item,
        )
        if holding.state in _IN_HAND and (holding.expires_on is None or holding.expires_on > day)
    ]
    stopped = stopped_lots(session, {holding.lot_id for holding in held})
    return [holding for holding in held if holding.lot_id not in stopped]


def promised_pieces(session: Session, sites: Iterable[str]) -> dict[tuple[str, str], int]:
    """By site and item, pieces that households have booked and not come for yet."""
    rows = session.exec(
        select(Booking.site, Booking.item, func.sum(Booking.pieces))
        .where(among(Booking.site, sites), Booking.state == BookingState.BOOKED)
        .group_by(Booking.site, Booking.item)
    )
    return {(site, item): int(pieces) for site, item, pieces in rows}


def slots(session: Session, offer: PointOffer, day: date) -> list[Slot]:
    """The slots of a day, with how many more bookings each takes; none outside the offer."""
    if offer.closed_at is not None or not offer.first_day <= day <= offer.last_day:
        return []
    starts = _starts(day, offer.opens_at, offer.closes_at, offer.slot_minutes)
    rows = session.exec(
        select(Booking.slot_starts_at, func.count())
        .where(
            Booking.offer_id == offer.id,
            among(Booking.slot_starts_at, starts),
            col(Booking.state).in_([BookingState.BOOKED, BookingState.HANDED_OUT]),
        )
        .group_by(col(Booking.slot_starts_at))
    )
    taken = dict(rows.all())
    most = offer.bookings_per_slot
    return [Slot(each, max(0, most - taken.get(each, 0))) for each in starts]


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """When a local day begins and ends; for days that a calendar can hold."""
    refuse_far_day(day)
    zone = get_settings().zone
    begins = datetime.combine(day, time(), zone)
    return begins.astimezone(UTC), (begins + timedelta(days=1)).astimezone(UTC)


def _starts(day: date, opens_at: time, closes_at: time, minutes: int) -> list[datetime]:
    """When the slots of a local day begin; each ends before the point closes."""
    zone = get_settings().zone
    length = timedelta(minutes=minutes)
    here = datetime.combine(day, opens_at.replace(tzinfo=None), zone)
    end = datetime.combine(day, closes_at.replace(tzinfo=None), zone)
    found = []
    while here + length <= end:
        found.append(here.astimezone(UTC))
        here += length
    return found
