"""Purchase orders: drafted, ordered with their price committed, delivered in parts, cancelled."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.donations.checks import check_earmark, get_warehouse
from services.donations.committing import standing
from services.donations.funds import check_seller
from services.donations.models import EarmarkKind, Fund
from services.donations.money_models import OrderLine, OrderStatus, PurchaseOrder
from services.donations.money_schemas import (
    OrderCancelIn,
    OrderEditIn,
    OrderIn,
    OrderLineIn,
    OrderPlaceIn,
    OrderTerms,
)
from services.donations.picking import (
    available,
    committed,
    locked_fund,
    move_all,
    pick,
    pick_from,
)
from services.donations.service import get_fund, require_fund
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.clock import refuse_future
from services.journal.kinds import AccountRef, EntryKind
from services.journal.once import claim, digest_of, said_before
from services.journal.post import post
from services.journal.record import Draft
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor


class OrderNotOpen(Conflict):
    code, title = "order-not-open", "The order isn't in a state for this"


class OrderChanged(Conflict):
    code, title = "order-changed", "The draft was changed since"


# A line's terms; what is counted from them isn't typed.
_TERMS = {"item", "quantity", "unit", "price_minor"}


def subject_of(order_id: UUID) -> str:
    """How an order's history names it."""
    return f"order:{order_id}"


def order_account(order: PurchaseOrder) -> AccountRef:
    """Where the money that the order commits stands."""
    return committed(order.fund, f"order:{order.id}")


def draft_order(session: Session, actor: Actor, body: OrderIn) -> tuple[PurchaseOrder, bool]:
    """Write an order down; it commits nothing yet. The same body twice is one.

    Raises:
        NotFound, Forbidden: an unknown code, or another organisation's fund or site.
        InvalidInput: a seller, quantity, unit or earmark that can't be.
        EntryIdReused: the id belongs to an order with other content.

    """
    if (first := said_before(session, PurchaseOrder, actor.user_id, body)) is not None:
        return first, False
    parties.require_role(actor, Role.DISPATCHER)
    fund = require_fund(get_fund(session, body.fund), actor)
    parties.require_site(session, actor, body.site, Role.DISPATCHER)
    get_warehouse(session, body.site)
    check_seller(session, body.supplier)
    check_earmark(session, body.earmark, money=True)
    order = PurchaseOrder(
        id=body.id,
        fund=fund.code,
        supplier=body.supplier,
        site=body.site,
        status=OrderStatus.DRAFT,
        earmark_kind=body.earmark.kind if body.earmark else None,
        earmark=body.earmark.target if body.earmark else None,
        expected_on=body.expected_on,
        note=body.note,
        drafted_by=actor.user_id,
        recorded_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    lines = [_new_line(session, order, index, line) for index, line in enumerate(body.lines)]
    created = claim(session, order)
    if created:
        session.add_all(lines)
        session.flush()
        record_change(session, actor, subject_of(body.id), "drafted")
    return session.get_one(PurchaseOrder, body.id), created


def _new_line(session: Session, order: PurchaseOrder, index: int, line: OrderLineIn) -> OrderLine:
    where = f"lines[{index}]"
    item = catalog.get_item(session, line.item, field=f"{where}.item")
    if order.earmark_kind is EarmarkKind.ITEM and order.earmark != item.code:
        raise InvalidInput(
            f"Money given for {order.earmark} can't buy {item.code}",
            field=f"{where}.item",
            value=item.code,
            mend=f"order {order.earmark}, or spend other money",
        )
    return OrderLine(
        order_id=order.id,
        line=index + 1,
        item=item.code,
        quantity=line.quantity,
        unit=line.unit,
        quantity_base=catalog.to_pieces(
            session, item.code, line.quantity, line.unit, field=f"{where}.quantity"
        ),
        price_minor=line.price_minor,
    )


def terms_of(order: PurchaseOrder, lines: Iterable[OrderLine]) -> OrderTerms:
    """What of an order could be changed while it was a draft, as it says now."""
    return OrderTerms(
        site=order.site,
        lines=[OrderLineIn.model_validate(line.model_dump(include=_TERMS)) for line in lines],
        expected_on=order.expected_on,
        note=order.note,
    )


def edit_order(session: Session, actor: Actor, order_id: UUID, body: OrderEditIn) -> PurchaseOrder:
    """Change a draft as a whole: its lines, site, day and note. The same twice is once.

    Raises:
        NotFound, Forbidden: no such order, an unknown code, or another organisation's.
        OrderNotOpen: it is no draft any more.
        OrderChanged: somebody else changed the draft since.
        InvalidInput: a quantity, unit or item that can't be.

    """
    order, _ = locked_order(session, actor, order_id)
    old = lines_of(session, order_id)
    before = terms_of(order, old)
    after = OrderTerms(**body.model_dump(exclude={"version", "reason"}))
    if after == before:
        return order
    if order.status is not OrderStatus.DRAFT:
        raise not_open(order, "cancel it, and draft a new order")
    if body.version != digest_of(before):
        raise _changed(body.version, "read it again, and change what it says now")
    parties.require_site(session, actor, body.site, Role.DISPATCHER)
    get_warehouse(session, body.site)
    lines = [_new_line(session, order, index, line) for index, line in enumerate(body.lines)]
    for line in old:
        session.delete(line)
    session.flush()
    session.add_all(lines)
    order.site, order.expected_on, order.note = body.site, body.expected_on, body.note
    what = f"draft changed: {_told(before, after)}"
    record_change(session, actor, subject_of(order_id), what, body.reason)
    session.flush()
    return order


def _changed(version: str, mend: str) -> OrderChanged:
    return OrderChanged(
        "The draft says something else by now", field="version", value=version, mend=mend
    )


def _told(before: OrderTerms, after: OrderTerms) -> str:
    """What is another than before, as in ``site W1 → W2; gloves 100 piece for 1000 → …``."""
    parts = [
        f"{name} {old or '–'} → {new or '–'}"
        for name in ("site", "expected_on", "note")
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]
    if before.lines != after.lines:
        parts.append(f"{_lines_told(before)} → {_lines_told(after)}")
    return "; ".join(parts)


def _lines_told(terms: OrderTerms) -> str:
    return ", ".join(
        f"{line.item} {line.quantity} {line.unit} for {line.price_minor}" for line in terms.lines
    )


def place_order(
    session: Session, actor: Actor, order_id: UUID, body: OrderPlaceIn
) -> PurchaseOrder:
    """Order it: its price is committed in the fund. Ordering twice is once.

    Raises:
        NotFound, Forbidden: no such order, or another organisation's fund.
        OrderNotOpen: it was cancelled.
        OrderChanged: somebody changed the draft since its ``version`` was read.
        InsufficientMoney: the fund didn't hold that much for this at the time.

    """
    order, fund = locked_order(session, actor, order_id)
    refuse_future(body.ordered_at, "ordered_at")
    if order.status is OrderStatus.ORDERED:
        return order
    if order.status is not OrderStatus.DRAFT:
        raise not_open(order, "draft a new order")
    lines = lines_of(session, order_id)
    if body.version not in {None, digest_of(terms_of(order, lines))}:
        raise _changed(body.version, "read it again, and order what it says now")
    price = sum(line.price_minor for line in lines)
    earmark = (order.earmark_kind, order.earmark) if order.earmark_kind and order.earmark else None
    money = pick(session, fund, price, earmark, body.ordered_at, "price_minor")
    post(
        session,
        Draft(
            id=uuid5(order_id, "order"),
            kind=EntryKind.COMMIT_MONEY,
            occurred_at=body.ordered_at,
            actor=actor.reference,
            document=f"order:{order_id}",
            moves=move_all(money, available(fund.code), order_account(order)),
            facts={"supplier": order.supplier},
        ),
    )
    order.status, order.ordered_at = OrderStatus.ORDERED, body.ordered_at
    record_change(session, actor, subject_of(order_id), "draft → ordered")
    session.flush()
    return order


def cancel_order(
    session: Session, actor: Actor, order_id: UUID, body: OrderCancelIn
) -> PurchaseOrder:
    """Cancel what wasn't delivered: its money is available again. Cancelling twice is once.

    Raises:
        NotFound, Forbidden: no such order, or another organisation's fund.
        OrderNotOpen: all of it was delivered.
        InvalidInput: a time before it was ordered, or one that can't be.

    """
    order, fund = locked_order(session, actor, order_id)
    refuse_future(body.cancelled_at, "cancelled_at")
    if order.status is OrderStatus.CANCELLED:
        return order
    account = order_account(order)
    left = standing(session, account)
    if order.status is OrderStatus.ORDERED:
        if not left:
            raise not_open(order, "all of it was delivered; a refund gives money back")
        money = pick_from(session, fund, account, left, body.cancelled_at, "cancelled_at")
        post(
            session,
            Draft(
                id=uuid5(order_id, "cancel"),
                kind=EntryKind.RELEASE_MONEY,
                occurred_at=body.cancelled_at,
                actor=actor.reference,
                document=f"order:{order_id}",
                moves=move_all(money, account, available(fund.code)),
                concealed={"reason": body.reason},
            ),
        )
    what = f"{order.status.value} → cancelled"
    order.status, order.cancelled_at = OrderStatus.CANCELLED, body.cancelled_at
    record_change(session, actor, subject_of(order_id), what, body.reason)
    session.flush()
    return order


def locked_order(session: Session, actor: Actor, order_id: UUID) -> tuple[PurchaseOrder, Fund]:
    """The order and its fund, both rows held; the fund has to be the actor's organisation's."""
    parties.require_role(actor, Role.DISPATCHER)
    order = get_order(session, order_id)
    fund = locked_fund(session, actor, order.fund)
    session.refresh(order, with_for_update={"key_share": True})
    return order, fund


def get_order(session: Session, order_id: UUID) -> PurchaseOrder:
    order = session.get(PurchaseOrder, order_id)
    if order is None:
        raise NotFound(
            f"There is no order {order_id}",
            field="order_id",
            value=order_id,
            mend="see GET /api/v1/purchase-orders",
        )
    return order


def lines_of(session: Session, order_id: UUID) -> list[OrderLine]:
    statement = select(OrderLine).where(OrderLine.order_id == order_id)
    return list(session.exec(statement.order_by(col(OrderLine.line))))


def not_open(order: PurchaseOrder, mend: str) -> OrderNotOpen:
    return OrderNotOpen(
        f"Order {order.id} is {order.status}", field="order_id", value=order.id, mend=mend
    )
