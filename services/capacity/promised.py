"""What of a factory's day is promised already, and what is still open: never twice."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from services.capacity.made import Produced, find_productions, produced
from services.capacity.models import (
    LIVE_ORDERS,
    CapacityPlan,
    OrderStatus,
    Production,
    ProductionOrder,
)
from services.database import among

Key = tuple[str, str, date]


@dataclass(frozen=True, slots=True)
class Promised:
    """A factory's day for one item, in pieces.

    ``ordered`` are live orders off the plan; ``made`` is all that was reported for the day, and
    ``unordered`` what of it was made for no live order. ``due`` is accepted, taken-up surplus too,
    and not yet made.
    """

    site: str
    item: str
    day: date
    planned: int | None
    ordered: int
    made: int
    unordered: int
    due: int
    reported: bool

    @property
    def room(self) -> int:
        """What is planned and promised to nobody; below nothing where a plan was lowered since."""
        return (self.planned or 0) - self.ordered - self.unordered

    @property
    def open(self) -> int:
        """What may still be ordered."""
        return max(0, self.room)


def promised(
    session: Session,
    first_day: date | None = None,
    last_day: date | None = None,
    *,
    sites: Collection[str] | None = None,
    items: Collection[str] | None = None,
) -> list[Promised]:
    """Each day that was planned, ordered or worked, from the first to the last, by site and item.

    Whether what was made has left the shelf since is the journal's to say, not this.
    """
    planned = {
        (row.site, row.item, row.day): row.planned_base
        for row in _within(session, CapacityPlan, first_day, last_day, sites, items)
    }
    orders = [
        order
        for order in _within(session, ProductionOrder, first_day, last_day, sites, items)
        if order.status in LIVE_ORDERS
    ]
    made_for = made_by_order(session, [order.id for order in orders])
    made = find_productions(session, sites=sites, first=first_day, last=last_day)
    if items is not None:
        made = [one for one in made if one.production.item in items]
    live = _live_among(session, made)
    by_key = _by_day(made, live)
    ordered: dict[Key, int] = defaultdict(int)
    due: dict[Key, int] = defaultdict(int)
    for order in orders:
        key = (order.site, order.item, order.day)
        if order.offer_id is None:
            ordered[key] += order.quantity_base
        if order.status is OrderStatus.ACCEPTED:
            due[key] += max(0, order.quantity_base - made_for[order.id])
    return [
        Promised(
            *key,
            planned=planned.get(key),
            ordered=ordered[key],
            made=by_key[key].made,
            unordered=by_key[key].unordered,
            due=due[key],
            reported=by_key[key].reported,
        )
        for key in sorted({*planned, *ordered, *due, *by_key})
    ]


def due_orders(session: Session, first: date, last: date) -> list[tuple[ProductionOrder, int]]:
    """Accepted orders for these days, each with the pieces that aren't made yet."""
    orders = [
        order
        for order in _within(session, ProductionOrder, first, last, None, None)
        if order.status is OrderStatus.ACCEPTED
    ]
    made_for = made_by_order(session, [order.id for order in orders])
    return [(each, max(0, each.quantity_base - made_for[each.id])) for each in orders]


@dataclass(slots=True)
class _Made:
    made: int = 0
    unordered: int = 0
    reported: bool = False


def _by_day(made: Iterable[Produced], live: Collection[UUID]) -> dict[Key, _Made]:
    found: dict[Key, _Made] = defaultdict(_Made)
    for one in made:
        row = one.production
        day = found[row.site, row.item, row.day]
        day.made += one.quantity
        # A report that was taken back isn't one.
        day.reported |= one.quantity > 0
        if row.order_id not in live:
            day.unordered += one.quantity
    return found


def _live_among(session: Session, made: Iterable[Produced]) -> set[UUID]:
    """Of the orders that these were made for, those that still stand."""
    named = {one.production.order_id for one in made if one.production.order_id}
    statement = select(ProductionOrder.id).where(
        among(ProductionOrder.id, named), among(ProductionOrder.status, LIVE_ORDERS)
    )
    return set(session.exec(statement)) if named else set()


def _within(
    session: Session,
    table: Any,
    first: date | None,
    last: date | None,
    sites: Collection[str] | None,
    items: Collection[str] | None,
) -> list[Any]:
    statement = select(table)
    if first is not None:
        statement = statement.where(table.day >= first)
    if last is not None:
        statement = statement.where(table.day <= last)
    if sites is not None:
        statement = statement.where(among(table.site, sites))
    if items is not None:
        statement = statement.where(among(table.item, items))
    return list(session.exec(statement))


def made_by_order(session: Session, order_ids: Collection[UUID]) -> dict[UUID, int]:
    """Pieces made for each order, as the journal says."""
    statement = select(Production).where(among(Production.order_id, order_ids))
    found: dict[UUID, int] = dict.fromkeys(order_ids, 0)
    for one in produced(session, list(session.exec(statement))):
        assert one.production.order_id is not None
        found[one.production.order_id] += one.quantity
    return found


def hold_day(session: Session, site: str, item: str, day: date) -> CapacityPlan | None:
    """The day's plan, held until the transaction ends; whoever orders off it or fills it waits."""
    return session.exec(
        select(CapacityPlan)
        .where(
            col(CapacityPlan.site) == site,
            col(CapacityPlan.item) == item,
            col(CapacityPlan.day) == day,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
