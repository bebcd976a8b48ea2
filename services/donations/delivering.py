"""What comes against an order: goods in and committed money out, in one entry a delivery."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.database import among
from services.donations.checks import check_dates
from services.donations.models import EarmarkKind, LotEarmark
from services.donations.money_acts import currencies_of, set_aside
from services.donations.money_models import OrderDelivery, OrderLine, OrderStatus, PurchaseOrder
from services.donations.money_schemas import DeliveredLineIn, DeliveryIn, OrderState
from services.donations.orders import (
    lines_of,
    locked_order,
    not_open,
    order_account,
    subject_of,
)
from services.donations.picking import Picked, move_all, pick_from
from services.donations.service import earmark_fact, earmarks_of
from services.errors import InvalidInput
from services.journal.clock import refuse_future
from services.journal.flows import moved_by
from services.journal.kinds import AccountKind, AccountRef, EntryKind, site_account
from services.journal.models import Lot
from services.journal.once import claim, digest_of, said_before
from services.journal.post import post
from services.journal.read import TracedMove, lots_opened_by, moves_of_lots
from services.journal.record import Draft, NewLot, NewMove
from services.parties.changes import record_change
from services.parties.service import Actor


@dataclass(frozen=True, slots=True)
class _Came:
    """One line of a delivery, in pieces, and what it costs in minor units."""

    told: DeliveredLineIn
    line: OrderLine
    accepted: int
    refused: int
    price: int


def deliver(
    session: Session, actor: Actor, order_id: UUID, body: DeliveryIn
) -> tuple[OrderDelivery, bool]:
    """Take a delivery in and pay for it out of what was committed. The same body twice is once.

    Each line costs its part of the line's price by pieces; the last pieces cost what is left, so
    that nothing is lost in rounding. What is refused is neither stock nor paid for, and still due.

    Raises:
        NotFound, Forbidden: no such order, or another organisation's fund.
        OrderNotOpen: it isn't ordered.
        InvalidInput: a line, quantity, date or time that can't be.

    """
    first = said_before(session, OrderDelivery, actor.user_id, body)
    if first is not None:
        return _of_order(first, order_id), False
    order, fund = locked_order(session, actor, order_id)
    refuse_future(body.delivered_at, "delivered_at")
    delivery = OrderDelivery(
        id=body.id,
        order_id=order_id,
        refused=[],
        delivered_at=body.delivered_at,
        recorded_by=actor.user_id,
        recorded_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    if not claim(session, delivery):
        return _of_order(session.get_one(OrderDelivery, body.id), order_id), False
    if order.status is not OrderStatus.ORDERED:
        raise not_open(order, "order it first, or draft a new order")
    came = _came(session, order, body)
    delivery = session.get_one(OrderDelivery, body.id)
    delivery.refused = [_refused(each) for each in came if each.refused]
    price = sum(each.price for each in came)
    if any(each.accepted for each in came):
        account = order_account(order)
        money: Picked = (
            pick_from(session, fund, account, price, body.delivered_at, "delivered_at")
            if price
            else []
        )
        _post(session, actor, order, delivery, came, money)
    record_change(session, actor, subject_of(order_id), _told(came))
    session.flush()
    return delivery, True


def _of_order(first: OrderDelivery, order_id: UUID) -> OrderDelivery:
    if first.order_id != order_id:
        raise InvalidInput(
            f"Delivery {first.id} is of another order",
            field="id",
            value=first.id,
            mend="make a new UUID for something new",
        )
    return first


def _came(session: Session, order: PurchaseOrder, body: DeliveryIn) -> list[_Came]:
    lines = {line.line: line for line in lines_of(session, order.id)}
    delivered = delivered_by_line(session, [order.id])[order.id]
    found: list[_Came] = []
    for index, told in enumerate(body.lines):
        where = f"lines[{index}]"
        if told.line not in lines or told.line in {each.told.line for each in found}:
            raise InvalidInput(
                f"Line {told.line} isn't a line of this order, or was told already",
                field=f"{where}.line",
                value=told.line,
                mend=f"name the lines once each: {', '.join(map(str, sorted(lines)))}",
            )
        line = lines[told.line]
        accepted, refused = (
            _pieces(session, line, quantity, told.unit, f"{where}.accepted")
            for quantity in (told.accepted, told.refused)
        )
        before = delivered.get(told.line, 0)
        if before + accepted > line.quantity_base:
            raise InvalidInput(
                f"{line.quantity_base - before} pieces are due, and {accepted} came",
                field=f"{where}.accepted",
                value=told.accepted,
                mend="take in what is due; draft an order for the rest",
            )
        check_dates(told.produced_on, told.expires_on, body.delivered_at, f"{where}.")
        price = _price(line, before + accepted) - _price(line, before)
        found.append(_Came(told, line, accepted, refused, price))
    if not any(each.accepted or each.refused for each in found):
        raise InvalidInput("Nothing came", field="lines", value=0, mend="say what came")
    return found


def _pieces(session: Session, line: OrderLine, quantity: int, unit: str, field: str) -> int:
    pieces = catalog.to_pieces(session, line.item, quantity or 1, unit, field=field)
    return pieces if quantity else 0


def _price(line: OrderLine, pieces: int) -> int:
    """What the first ``pieces`` of a line cost, in whole minor units."""
    return line.price_minor * pieces // line.quantity_base


def _refused(came: _Came) -> dict[str, object]:
    reason = came.told.reason
    assert reason is not None, "the schema asks for it"
    return {"line": came.line.line, "pieces": came.refused, "reason": reason.value}


def _told(came: Iterable[_Came]) -> str:
    parts = [
        f"line {each.line.line}: {each.accepted}"
        + (f", refused {each.refused} ({each.told.reason})" if each.refused else "")
        for each in came
    ]
    return "delivered " + "; ".join(parts)


def delivered_lot(delivery_id: UUID, line: int) -> UUID:
    """The lot that a line of a delivery opens."""
    return uuid5(delivery_id, f"line/{line}")


def _post(
    session: Session,
    actor: Actor,
    order: PurchaseOrder,
    delivery: OrderDelivery,
    came: Sequence[_Came],
    money: Picked,
) -> None:
    seller = AccountRef(f"supplier:{order.supplier}", "traded")
    shelf = site_account(order.site, "available")
    taken = [each for each in came if each.accepted]
    lots = [
        NewLot(
            delivered_lot(delivery.id, each.line.line),
            each.line.item,
            f"purchase:{delivery.id}/line:{each.line.line}",
            batch=each.told.batch,
            produced_on=each.told.produced_on,
            expires_on=each.told.expires_on,
        )
        for each in taken
    ]
    earmark = _earmark(session, order, money)
    refused = [{**each, "pieces": str(each["pieces"])} for each in delivery.refused]
    post(
        session,
        Draft(
            id=delivery.id,
            kind=EntryKind.PURCHASE,
            occurred_at=delivery.delivered_at,
            actor=actor.reference,
            document=f"order:{order.id}",
            lots=lots,
            moves=[
                *move_all(money, order_account(order), seller),
                *(
                    NewMove(lot.id, seller, shelf, each.accepted)
                    for lot, each in zip(lots, taken, strict=True)
                ),
            ],
            facts={"earmark": earmark} | ({"refused": refused} if refused else {}),
        ),
    )
    if earmark and earmark["kind"] != EarmarkKind.ITEM:
        session.add_all(
            LotEarmark(lot_id=lot.id, kind=EarmarkKind(earmark["kind"]), target=earmark["target"])
            for lot in lots
        )


def _earmark(session: Session, order: PurchaseOrder, money: Picked) -> dict[str, str] | None:
    """Whom the goods are for: as the money that paid, as far as its donors haven't released it."""
    if not earmarks_of(session, [lot_id for lot_id, _ in money]):
        return None
    return earmark_fact(order.earmark_kind, order.earmark)


def deliveries_of(session: Session, order_ids: Collection[UUID]) -> dict[UUID, list[OrderDelivery]]:
    """Each order's deliveries, in the order of recording."""
    found: dict[UUID, list[OrderDelivery]] = defaultdict(list)
    statement = select(OrderDelivery).where(among(OrderDelivery.order_id, order_ids))
    for row in session.exec(
        statement.order_by(col(OrderDelivery.recorded_at), col(OrderDelivery.id))
    ):
        found[row.order_id].append(row)
    return found


def delivered_by_line(session: Session, order_ids: Collection[UUID]) -> dict[UUID, dict[int, int]]:
    """By order and line, the pieces that came from the supplier: a reading of the journal."""
    order_of = {
        delivery.id: order_id
        for order_id, some in deliveries_of(session, order_ids).items()
        for delivery in some
    }
    lots = {lot.id: lot for lot in lots_opened_by(session, list(order_of))}
    found: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for move in moves_of_lots(session, list(lots)):
        lot = lots[move.lot_id]
        line = int(lot.origin.rpartition(":")[2])
        # What is given back to the supplier was delivered all the same.
        if move.kind is EntryKind.PURCHASE:
            found[order_of[lot.entry_id]][line] += move.quantity
        elif move.kind is EntryKind.REVERSE and _is_to_supplier(move):
            found[order_of[lot.entry_id]][line] -= move.quantity
    return found


def _is_to_supplier(move: TracedMove) -> bool:
    return AccountRef.parse(move.target).kind is AccountKind.SUPPLIER


@dataclass(frozen=True, slots=True)
class OrderReading:
    """An order with what was delivered, committed and paid of it."""

    order: PurchaseOrder
    currency: str
    lines: tuple[OrderLine, ...]
    delivered: Mapping[int, int]
    deliveries: tuple[OrderDelivery, ...]
    lots: Mapping[UUID, list[Lot]]
    paid: Mapping[UUID, int]
    committed: int

    @property
    def price(self) -> int:
        return sum(line.price_minor for line in self.lines)

    @property
    def state(self) -> OrderState:
        if self.order.status is not OrderStatus.ORDERED:
            return OrderState(self.order.status.value)
        if all(self.delivered.get(each.line, 0) >= each.quantity_base for each in self.lines):
            return OrderState.DELIVERED
        return OrderState.PARTLY_DELIVERED if any(self.delivered.values()) else OrderState.ORDERED

    def refused(self, line: int) -> int:
        """Pieces of a line that were sent back, over all deliveries."""
        told = (each for delivery in self.deliveries for each in delivery.refused)
        return sum(int(each["pieces"]) for each in told if each["line"] == line)


def read_orders(session: Session, orders: Sequence[PurchaseOrder]) -> list[OrderReading]:
    """How each order stands, in the order given."""
    ids = [order.id for order in orders]
    deliveries = deliveries_of(session, ids)
    delivery_ids = [each.id for some in deliveries.values() for each in some]
    lots: dict[UUID, list[Lot]] = defaultdict(list)
    for lot in lots_opened_by(session, delivery_ids):
        lots[lot.entry_id].append(lot)
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    statement = select(OrderLine).where(among(OrderLine.order_id, ids))
    for line in session.exec(statement.order_by(col(OrderLine.line))):
        lines[line.order_id].append(line)
    delivered = delivered_by_line(session, ids)
    paid = moved_by(session, delivery_ids, AccountKind.FUND)
    left = set_aside(session)
    currencies = currencies_of(session, {order.fund for order in orders})
    return [
        OrderReading(
            order,
            currencies[order.fund],
            tuple(lines[order.id]),
            delivered[order.id],
            tuple(deliveries[order.id]),
            lots,
            paid,
            left.get(f"order:{order.id}", 0),
        )
        for order in orders
    ]
