"""Production orders: a desk calls pieces off a factory's day, and the maker says yes or no."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlmodel import Session, col, select

from services.capacity.factories import own_factory, require_visible
from services.capacity.makers import check_may_make
from services.capacity.models import OrderStatus, ProductionOrder
from services.capacity.plans import plan_day
from services.capacity.promised import hold_day, made_by_order, promised
from services.capacity.schemas_orders import OrderIn
from services.catalog import service as catalog
from services.database import among
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.clock import local_date, refuse_future
from services.journal.once import claim, digest_of
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role, SiteKind
from services.parties.service import Actor
from services.web.lists import Asked, Listing, select_page


class NotEnoughCapacity(Conflict):
    code, title = "not-enough-capacity", "This day hasn't so much left to order"


class OrderClosed(Conflict):
    code, title = "order-closed", "This order can't be changed any more"


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order with the pieces that were made for it."""

    order: ProductionOrder
    made: int

    @property
    def progress(self) -> str:
        """How far it is made: open, partly or complete."""
        if self.made >= self.order.quantity_base:
            return "complete"
        return "partly" if self.made > 0 else "open"


def subject_of(order_id: UUID) -> str:
    """What an order's history is filed under."""
    return f"production_order:{order_id}"


def place_order(session: Session, actor: Actor, body: OrderIn) -> tuple[Ordered, bool]:
    """Call pieces off a factory's planned day; the same body twice is once.

    Raises:
        NotFound: an unknown site or item.
        InvalidInput: no factory, or a day, unit or quantity that can't be.
        MakerNotApproved: output of the item isn't taken from this maker.
        NotEnoughCapacity: the day's plan less what is promised already is less than that.
        EntryIdReused: the id belongs to something else.

    """
    parties.require_role(actor, Role.DISPATCHER)
    site = parties.get_site(session, body.site)
    if site.kind is not SiteKind.FACTORY:
        raise InvalidInput(
            f"Site {site.code} is a {site.kind}",
            field="site",
            value=site.code,
            mend="name a factory; see GET /api/v1/sites?kind=factory",
        )
    ordered_at = body.occurred_at or datetime.now(UTC)
    refuse_future(ordered_at)
    order = ProductionOrder(
        id=body.id,
        site=site.code,
        item=catalog.get_item(session, body.item).code,
        day=_day_to_come(body.day, ordered_at),
        quantity_base=catalog.to_pieces(session, body.item, body.quantity, body.unit),
        status=OrderStatus.ASKED,
        note=body.note,
        ordered_by=actor.user_id,
        ordered_at=ordered_at,
        content_digest=digest_of(body),
    )
    if not claim(session, order):
        return get_order(session, actor, body.id), False
    check_may_make(session, site.organisation, order.item)
    _check_room(session, order)
    record_change(session, actor, subject_of(order.id), f"ordered {order.quantity_base}", body.note)
    return Ordered(session.get_one(ProductionOrder, order.id), 0), True


def _day_to_come(day: date, ordered_at: datetime) -> date:
    """A day that wasn't over when it was ordered: by world time, so that the past can be told."""
    first = local_date(ordered_at)
    if day < first:
        raise InvalidInput(
            f"{day} was over when it was ordered",
            field="day",
            value=day.isoformat(),
            mend=f"give a day from {first} on",
        )
    return plan_day(day, "day")


def _check_room(session: Session, order: ProductionOrder) -> None:
    """With the day held, nobody else orders off it or fills it before this is written."""
    hold_day(session, order.site, order.item, order.day)
    [day] = promised(session, order.day, order.day, sites=[order.site], items=[order.item])
    # This order is among the ordered already.
    if day.room >= 0:
        return
    left = max(0, day.room + order.quantity_base)
    raise NotEnoughCapacity(
        f"{order.site} plans {day.planned or 0} of {order.item} on {order.day}, "
        f"and {left} of them can still be ordered",
        field="quantity",
        value=order.quantity_base,
        mend="order less, on another day, or from another maker",
        planned_base=day.planned or 0,
        open_base=left,
    )


def get_order(session: Session, actor: Actor, order_id: UUID) -> Ordered:
    """An order of one's own factory, or any at a desk.

    Raises:
        NotFound, Forbidden: there is none, or it is another organisation's.

    """
    order = session.get(ProductionOrder, order_id)
    if order is None:
        raise NotFound(f"There is no production order {order_id}", field="id", value=order_id)
    require_visible(session, actor, order.site)
    return Ordered(order, made_by_order(session, [order.id])[order.id])


def hold_order(session: Session, order_id: UUID, *, field: str = "id") -> Ordered:
    """An order held until the transaction ends, with what was made for it by now."""
    order = session.exec(
        select(ProductionOrder)
        .where(ProductionOrder.id == order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if order is None:
        raise NotFound(f"There is no production order {order_id}", field=field, value=order_id)
    return Ordered(order, made_by_order(session, [order.id])[order.id])


def accept(session: Session, actor: Actor, order_id: UUID) -> Ordered:
    """The maker says that it will make it; said again, it stays so."""
    held = hold_order(session, order_id)
    own_factory(session, actor, held.order.site)
    return _settle(session, actor, held, OrderStatus.ACCEPTED, [OrderStatus.ASKED], None)


def decline(session: Session, actor: Actor, order_id: UUID, reason: str) -> Ordered:
    """The maker says why it won't; of what it accepted, as long as nothing was made for it."""
    held = hold_order(session, order_id)
    own_factory(session, actor, held.order.site)
    may = [OrderStatus.ASKED] if held.made else [OrderStatus.ASKED, OrderStatus.ACCEPTED]
    return _settle(session, actor, held, OrderStatus.DECLINED, may, reason)


def cancel(session: Session, actor: Actor, order_id: UUID, reason: str) -> Ordered:
    """A desk calls an order off, unless it is complete. What was made of it stays in stock."""
    parties.require_role(actor, Role.DISPATCHER)
    held = hold_order(session, order_id)
    may = [] if held.progress == "complete" else [OrderStatus.ASKED, OrderStatus.ACCEPTED]
    return _settle(session, actor, held, OrderStatus.CANCELLED, may, reason)


def _settle(
    session: Session,
    actor: Actor,
    held: Ordered,
    status: OrderStatus,
    may_from: Sequence[OrderStatus],
    reason: str | None,
) -> Ordered:
    order = held.order
    if order.status is status:
        return held
    if order.status not in may_from:
        raise OrderClosed(
            f"Production order {order.id} is {order.status}, and {held.progress}",
            mend="talk to the other side; a desk can order again",
        )
    record_change(session, actor, subject_of(order.id), f"{order.status} → {status}", reason)
    order.status = status
    session.flush()
    return held


def check_booking(session: Session, order_id: UUID, site: str, item: str) -> None:
    """Hold an order that output is to be booked against.

    Raises:
        NotFound: there is no such order.
        InvalidInput: it is another factory's, or of another item.
        OrderClosed: nothing more is to be made for it.

    """
    held = hold_order(session, order_id, field="order_id")
    order = held.order
    if (order.site, order.item) != (site, item):
        raise InvalidInput(
            f"Production order {order_id} is of {order.item} from {order.site}",
            field="order_id",
            value=order_id,
            mend="name an order of this factory and item, or none",
        )
    if order.status is not OrderStatus.ACCEPTED or held.progress == "complete":
        raise OrderClosed(
            f"Production order {order_id} is {order.status}, and {held.progress}",
            field="order_id",
            value=order_id,
            mend="accept it first, or leave it out",
        )


def list_orders(
    session: Session,
    asked: Asked,
    *,
    sites: Sequence[str] | None,
    item: str | None = None,
    status: OrderStatus | None = None,
    first: date | None = None,
    last: date | None = None,
) -> Listing[Ordered]:
    """Orders, the newest day first."""
    statement = select(ProductionOrder)
    if sites is not None:
        statement = statement.where(among(ProductionOrder.site, sites))
    if item is not None:
        statement = statement.where(ProductionOrder.item == item)
    if status is not None:
        statement = statement.where(ProductionOrder.status == status)
    if first is not None:
        statement = statement.where(ProductionOrder.day >= first)
    if last is not None:
        statement = statement.where(ProductionOrder.day <= last)
    order = {
        "day": col(ProductionOrder.day).desc(),
        "site": col(ProductionOrder.site),
        "item": col(ProductionOrder.item),
        "quantity": col(ProductionOrder.quantity_base),
        "status": col(ProductionOrder.status),
        "ordered_at": col(ProductionOrder.ordered_at),
    }
    listing = select_page(session, statement, order, asked, tie=col(ProductionOrder.id))
    return listing.map(lambda rows: with_made(session, rows))


def with_made(session: Session, rows: Sequence[ProductionOrder]) -> list[Ordered]:
    """Orders with what was made for each."""
    made = made_by_order(session, [order.id for order in rows])
    return [Ordered(order, made[order.id]) for order in rows]


def open_orders(session: Session, sites: Sequence[str]) -> list[Ordered]:
    """What these factories accepted and haven't made whole: what output can be booked against."""
    rows = session.exec(
        select(ProductionOrder)
        .where(among(ProductionOrder.site, sites), ProductionOrder.status == OrderStatus.ACCEPTED)
        .order_by(col(ProductionOrder.day), col(ProductionOrder.id))
    )
    return [each for each in with_made(session, list(rows)) if each.progress != "complete"]
