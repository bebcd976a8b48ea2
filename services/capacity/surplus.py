"""Surplus: what a maker offers on top of its plan, and a desk takes up or lets lapse."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from services.capacity import orders
from services.capacity.factories import own_factory, require_visible
from services.capacity.makers import check_may_make
from services.capacity.models import OfferStatus, OrderStatus, ProductionOrder, SurplusOffer
from services.capacity.orders import Ordered
from services.capacity.plans import plan_day
from services.capacity.schemas_orders import OfferIn, TakeIn
from services.catalog import service as catalog
from services.database import among
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.clock import local_date
from services.journal.once import claim, digest_of
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.web.lists import Asked, Listing, select_page

# Whatever day an offer names, a desk has so long to see it.
_LEAST_STAY = timedelta(days=1)


class OfferClosed(Conflict):
    code, title = "offer-closed", "This offer isn't open any more, or not for so much"


def subject_of(offer_id: UUID) -> str:
    """What an offer's history is filed under."""
    return f"surplus_offer:{offer_id}"


def offer(session: Session, actor: Actor, body: OfferIn) -> tuple[SurplusOffer, bool]:
    """Offer surplus of an own factory; the same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: a day, unit or quantity that can't be.
        MakerNotApproved: output of the item isn't taken from this maker.

    """
    site = own_factory(session, actor, body.site)
    item = catalog.get_item(session, body.item)
    plan_day(body.ready_on, "ready_on")
    plan_day(body.until, "until")
    row = SurplusOffer(
        id=body.id,
        site=site.code,
        item=item.code,
        quantity_base=catalog.to_pieces(session, item.code, body.quantity, body.unit),
        taken_base=0,
        ready_on=body.ready_on,
        until=body.until,
        price_minor=body.price_minor,
        currency=body.currency,
        note=body.note,
        status=OfferStatus.OPEN,
        offered_by=actor.user_id,
        offered_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    if not claim(session, row):
        return session.get_one(SurplusOffer, body.id), False
    check_may_make(session, site.organisation, item.code)
    record_change(session, actor, subject_of(row.id), f"offered {row.quantity_base}", body.note)
    return session.get_one(SurplusOffer, body.id), True


def get_offer(session: Session, actor: Actor, offer_id: UUID) -> SurplusOffer:
    """An offer of one's own factory, or any at a desk.

    Raises:
        NotFound, Forbidden: there is none, or it is another organisation's.

    """
    found = session.get(SurplusOffer, offer_id)
    if found is None:
        raise NotFound(f"There is no surplus offer {offer_id}", field="id", value=offer_id)
    require_visible(session, actor, found.site)
    return found


def withdraw(session: Session, actor: Actor, offer_id: UUID, reason: str) -> SurplusOffer:
    """The maker takes back what nobody took up of it.

    Raises:
        OfferClosed: it is taken whole, or has lapsed.

    """
    found = get_offer(session, actor, offer_id)
    own_factory(session, actor, found.site)
    session.refresh(found, with_for_update=True)
    if found.status is OfferStatus.WITHDRAWN:
        return found
    if found.status is not OfferStatus.OPEN:
        raise OfferClosed(f"Surplus offer {offer_id} is {found.status}", mend="talk to the desk")
    found.status = OfferStatus.WITHDRAWN
    record_change(session, actor, subject_of(offer_id), "withdrawn", reason)
    session.flush()
    return found


def take_up(session: Session, actor: Actor, offer_id: UUID, body: TakeIn) -> tuple[Ordered, bool]:
    """A desk takes an offer up, whole or in part: it becomes an order that is accepted already.

    Raises:
        NotFound: there is no such offer.
        OfferClosed: it isn't open any more, or less is left of it.
        EntryIdReused: the id belongs to something else.

    """
    parties.require_role(actor, Role.DISPATCHER)
    found = get_offer(session, actor, offer_id)
    session.refresh(found, with_for_update=True)
    left = found.quantity_base - found.taken_base
    wanted = left
    if body.quantity is not None:
        wanted = catalog.to_pieces(session, found.item, body.quantity, body.unit)
    order = ProductionOrder(
        id=body.id,
        site=found.site,
        item=found.item,
        day=found.ready_on,
        quantity_base=wanted,
        status=OrderStatus.ACCEPTED,
        offer_id=offer_id,
        note=found.note,
        ordered_by=actor.user_id,
        ordered_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    if not claim(session, order):
        _refuse_other_offer(session, order)
        return orders.get_order(session, actor, body.id), False
    if found.status is not OfferStatus.OPEN or not 0 < wanted <= left:
        raise OfferClosed(
            f"Surplus offer {offer_id} is {found.status}, and {left} of it are left",
            field="quantity",
            value=wanted,
            mend="take less, or another offer",
        )
    check_may_make(session, parties.get_site(session, found.site).organisation, found.item)
    found.taken_base += wanted
    if found.taken_base == found.quantity_base:
        found.status = OfferStatus.TAKEN
    record_change(session, actor, subject_of(offer_id), f"{wanted} taken up")
    record_change(session, actor, orders.subject_of(order.id), f"ordered {wanted} of an offer")
    session.flush()
    return orders.get_order(session, actor, order.id), True


def _refuse_other_offer(session: Session, order: ProductionOrder) -> None:
    """The body doesn't name the offer, so its digest can't tell two of them apart."""
    if session.get_one(ProductionOrder, order.id).offer_id != order.offer_id:
        raise InvalidInput(
            f"Production order {order.id} took up another offer",
            field="id",
            value=order.id,
            mend="make a new UUID for something new",
        )


def lapse_offers(session: Session, now: datetime) -> int:
    """Lapse open offers whose last day is over, a day after they were written at the earliest."""
    due = session.exec(
        select(SurplusOffer)
        .where(
            SurplusOffer.status == OfferStatus.OPEN,
            col(SurplusOffer.until) < local_date(now),
            col(SurplusOffer.offered_at) <= now - _LEAST_STAY,
        )
        .order_by(col(SurplusOffer.id))
        .limit(500)
        .with_for_update(skip_locked=True)
    ).all()
    for found in due:
        found.status = OfferStatus.LAPSED
        record_change(session, None, subject_of(found.id), "lapsed", f"open until {found.until}")
    return len(due)


def list_offers(
    session: Session,
    asked: Asked,
    *,
    sites: Sequence[str] | None,
    item: str | None = None,
    status: OfferStatus | None = None,
    ready_by: date | None = None,
) -> Listing[SurplusOffer]:
    """Offers, the newest first."""
    statement = select(SurplusOffer)
    if sites is not None:
        statement = statement.where(among(SurplusOffer.site, sites))
    if item is not None:
        statement = statement.where(SurplusOffer.item == item)
    if status is not None:
        statement = statement.where(SurplusOffer.status == status)
    if ready_by is not None:
        statement = statement.where(SurplusOffer.ready_on <= ready_by)
    order = {
        "offered_at": col(SurplusOffer.offered_at).desc(),
        "ready_on": col(SurplusOffer.ready_on),
        "until": col(SurplusOffer.until),
        "site": col(SurplusOffer.site),
        "item": col(SurplusOffer.item),
        "quantity": col(SurplusOffer.quantity_base),
        "status": col(SurplusOffer.status),
    }
    return select_page(session, statement, order, asked, tie=col(SurplusOffer.id))
