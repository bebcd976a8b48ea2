"""Available to promise: what stands at a site and nobody has been promised, and what comes there.

On hand less reserved, plus due, by day. Due are transfers on their way to the site, production
orders that their maker accepted, and purchase orders that were placed for a day. Goods for a need
are promised to it, and so in no site's figure; a lot counts up to the day before it expires.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlmodel import Session, col, select

from services.capacity.orders import subject_of
from services.capacity.service import due_orders
from services.catalog import service as catalog
from services.database import among
from services.donations.delivering import read_orders
from services.donations.models import EarmarkKind
from services.donations.money_models import OrderStatus, PurchaseOrder
from services.journal.clock import local_date
from services.journal.kinds import AccountKind
from services.journal.read import Holding, get_lots, holdings
from services.journal.stops import stopped_lots
from services.transport.models import Shipment, ShipmentLine, ShipmentState

# Sent or to be sent, and not on the shelf yet.
COMING = (
    ShipmentState.PLANNED,
    ShipmentState.PICKED,
    ShipmentState.LOADED,
    ShipmentState.DISPATCHED,
    ShipmentState.ARRIVED,
    ShipmentState.DELIVERED,
)
MOST_DAYS = 60


class DueKind(StrEnum):
    TRANSFER = "transfer"
    PRODUCTION = "production"
    PURCHASE = "purchase"


@dataclass(frozen=True, slots=True)
class Due:
    """``pieces`` that will stand at a site on a day; ``subject`` names the paper they come by.

    It names one thing due: an order, or one line of a shipment or purchase order. What is on its
    way is of a lot; of what was bought with earmarked money it is known for whom it will be.
    """

    site: str
    item: str
    day: date
    pieces: int
    kind: DueKind
    subject: str
    lot_id: UUID | None = None
    expires_on: date | None = None
    earmark: tuple[EarmarkKind, str] | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """One item at a site on a day, in pieces; ``due`` is all that comes up to that day."""

    site: str
    item: str
    day: date
    on_hand: int
    reserved: int
    due: int

    @property
    def available_to_promise(self) -> int:
        return self.on_hand - self.reserved + self.due


def promises(
    session: Session,
    *,
    first: date | None = None,
    days: int = 1,
    sites: Collection[str] | None = None,
    items: Collection[str] | None = None,
) -> list[Promise]:
    """A row for each site, item and day from ``first`` (today) on, by site, item and day."""
    start = first or local_date(datetime.now(UTC))
    shelves = _shelves(session, sites, items)
    coming = dues(session, first=start, days=days, sites=sites, items=items)
    dues_of: dict[tuple[str, str], list[Due]] = defaultdict(list)
    for due in coming:
        dues_of[due.site, due.item].append(due)
    return [
        _promise(key, start + timedelta(days=ahead), shelves[key], dues_of[key])
        for key in sorted(shelves.keys() | dues_of.keys())
        for ahead in range(days)
    ]


def _promise(
    key: tuple[str, str], day: date, lots: Collection[Holding], coming: Collection[Due]
) -> Promise:
    good = [lot for lot in lots if lot.expires_on is None or lot.expires_on > day]
    reserved = sum(lot.quantity for lot in lots if lot.state == "reserved")
    free = sum(lot.quantity for lot in good if lot.state == "available")
    due = sum(each.pieces for each in coming if each.day <= day)
    return Promise(*key, day, on_hand=free + reserved, reserved=reserved, due=due)


def _shelves(
    session: Session, sites: Collection[str] | None, items: Collection[str] | None
) -> dict[tuple[str, str], list[Holding]]:
    """What is available or reserved at each site, but what is recalled."""
    known = {item.code for item in catalog.items(session)}
    found = [
        lot
        for state in ("available", "reserved")
        for lot in holdings(session, kinds=[AccountKind.SITE], state=state)
        if lot.commodity in known
        and (sites is None or lot.holder.removeprefix("site:") in sites)
        and (items is None or lot.commodity in items)
    ]
    stopped = stopped_lots(session, {lot.lot_id for lot in found})
    shelves: dict[tuple[str, str], list[Holding]] = defaultdict(list)
    for lot in found:
        if lot.lot_id not in stopped or lot.state == "reserved":
            shelves[lot.holder.removeprefix("site:"), lot.commodity].append(lot)
    return shelves


def dues(
    session: Session,
    *,
    first: date,
    days: int = 1,
    sites: Collection[str] | None = None,
    items: Collection[str] | None = None,
) -> list[Due]:
    """What comes to each site up to the last of these days, the earliest first.

    What is late by ``first`` counts on that day where it is under way, and not at all where it is
    only ordered.
    """
    last = first + timedelta(days=days - 1)
    every = [
        *_transfers(session, first, last),
        *_production(session, first, last),
        *_purchases(session, first, last),
    ]
    wanted = [
        due
        for due in every
        if due.pieces > 0
        and (sites is None or due.site in sites)
        and (items is None or due.item in items)
    ]
    return sorted(wanted, key=lambda due: (due.day, due.site, due.item, due.subject))


def _transfers(session: Session, first: date, last: date) -> Iterator[Due]:
    """What a transfer brings from shelf to shelf; a need's goods are that need's."""
    statement = (
        select(Shipment, ShipmentLine)
        .join(ShipmentLine, col(ShipmentLine.shipment_id) == col(Shipment.id))
        .where(
            col(Shipment.state).in_(COMING),
            col(ShipmentLine.transfer_id).is_not(None),
            col(ShipmentLine.sent_back_as).is_(None),
            col(Shipment.due_on) <= last,
        )
    )
    rows = session.exec(statement).all()
    lots = get_lots(session, {line.lot_id for _, line in rows})
    stopped = stopped_lots(session, set(lots))
    for shipment, line in rows:
        lot, day = lots[line.lot_id], max(first, shipment.due_on)
        if line.lot_id in stopped or (lot.expires_on is not None and lot.expires_on <= day):
            continue
        yield Due(
            shipment.destination,
            lot.commodity,
            day,
            line.quantity_base,
            DueKind.TRANSFER,
            f"shipment:{shipment.id}/{line.line}",
            lot_id=lot.id,
            expires_on=lot.expires_on,
        )


def _production(session: Session, first: date, last: date) -> Iterator[Due]:
    for order, pieces in due_orders(session, first, last):
        subject = subject_of(order.id)
        yield Due(order.site, order.item, order.day, pieces, DueKind.PRODUCTION, subject)


def _purchases(session: Session, first: date, last: date) -> Iterator[Due]:
    statement = select(PurchaseOrder).where(
        PurchaseOrder.status == OrderStatus.ORDERED,
        col(PurchaseOrder.expected_on) >= first,
        col(PurchaseOrder.expected_on) <= last,
    )
    for reading in read_orders(session, list(session.exec(statement))):
        order = reading.order
        assert order.expected_on is not None
        kind, target = order.earmark_kind, order.earmark
        for line in reading.lines:
            came = reading.delivered.get(line.line, 0) + reading.refused(line.line)
            yield Due(
                order.site,
                line.item,
                order.expected_on,
                max(0, line.quantity_base - came),
                DueKind.PURCHASE,
                f"order:{order.id}/{line.line}",
                earmark=(kind, target) if kind and target else None,
            )


def lines_coming(
    session: Session, sites: Collection[str] | None
) -> list[tuple[Shipment, ShipmentLine]]:
    """Every line of a shipment that is planned or under way to these sites."""
    statement = (
        select(Shipment, ShipmentLine)
        .join(ShipmentLine, col(ShipmentLine.shipment_id) == col(Shipment.id))
        .where(col(Shipment.state).in_(COMING))
    )
    if sites is not None:
        statement = statement.where(among(Shipment.destination, sites))
    return list(session.exec(statement).all())
