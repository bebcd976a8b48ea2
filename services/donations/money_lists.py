"""The lists of money's papers, as the API and the pages show them: filtered, sorted, in pages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from services.donations.delivering import OrderReading, read_orders
from services.donations.fts import fts_rows
from services.donations.fund_states import FundState, fund_states
from services.donations.models import EarmarkKind, Payment, Purchase
from services.donations.money_acts import act_states
from services.donations.money_models import MoneyAct, MoneyActKind, OrderStatus, PurchaseOrder
from services.donations.money_schemas import (
    DeliveryOut,
    FtsOut,
    FundEntryOut,
    MoneyActOut,
    OrderLineOut,
    OrderOut,
    OrderState,
)
from services.donations.orders import terms_of
from services.donations.picking import Earmark
from services.donations.schemas import EarmarkedMoney, EarmarkOut, FundOut
from services.donations.service import get_fund
from services.journal.flows import statement_of
from services.journal.once import digest_of
from services.journal.reversals import HowItStands, how_they_stand
from services.web.lists import Asked, Listing, cut_page, select_page
from services.web.pages import currency_decimals


def funds_list(session: Session, asked: Asked, currency: str | None) -> Listing[FundOut]:
    rows = [
        fund_out(state) for state in fund_states(session) if currency in {None, state.fund.currency}
    ]
    names = ("code", "currency", "organisation", "available_minor", "committed_minor")
    return cut_page(rows, {name: _by(name) for name in names}, asked)


def _by(name: str) -> Any:
    return lambda row: getattr(row, name)


def fund_out(state: FundState) -> FundOut:
    return FundOut(
        **state.fund.model_dump(),
        decimals=currency_decimals(state.fund.currency),
        available_minor=state.available,
        by_earmark=[
            EarmarkedMoney(earmark=earmark_out(earmark), available_minor=amount)
            for earmark, amount in state.by_earmark.items()
        ],
        committed_minor=state.committed,
        came_in_minor=state.came_in,
        moved_in_minor=state.moved_in,
        moved_out_minor=state.moved_out,
        paid_minor=state.paid,
        returned_minor=state.returned,
    )


def earmark_out(earmark: Earmark | tuple[EarmarkKind | None, str | None]) -> EarmarkOut | None:
    if not earmark or not earmark[0] or not earmark[1]:
        return None
    return EarmarkOut(kind=earmark[0], target=earmark[1])


def statement_list(session: Session, asked: Asked, code: str) -> Listing[FundEntryOut]:
    """A fund's entries, the newest first."""
    fund = get_fund(session, code)
    statement, order, tie = statement_of(f"fund:{fund.code}")
    newest = {"newest": order["occurred"].desc()} | order
    listing = select_page(session, statement, newest, asked, tie=tie)
    return listing.map(lambda rows: _fund_entries(session, rows))


def _fund_entries(session: Session, rows: Sequence[Any]) -> list[FundEntryOut]:
    stand = how_they_stand(session, [row[0] for row in rows])
    return [
        FundEntryOut(
            **asdict(stand[row[0]]),
            kind=row[1].value,
            occurred_at=row[2],
            recorded_at=row[3],
            document=row[4],
            came_minor=int(row[5]),
            left_minor=int(row[6]),
            within_minor=int(row[7]),
        )
        for row in rows
    ]


def acts_list(
    session: Session, asked: Asked, kind: MoneyActKind | None, fund: str | None
) -> Listing[MoneyActOut]:
    statement = select(MoneyAct)
    if kind is not None:
        statement = statement.where(MoneyAct.kind == kind)
    if fund is not None:
        statement = statement.where(MoneyAct.fund == fund)
    order = {
        "recorded": col(MoneyAct.recorded_at),
        "acted": col(MoneyAct.acted_at),
        "kind": col(MoneyAct.kind),
        "fund": col(MoneyAct.fund),
    }
    listing = select_page(session, statement, order, asked, tie=col(MoneyAct.id))
    return listing.map(lambda acts: acts_out(session, acts))


def all_acts(session: Session, kind: MoneyActKind) -> list[MoneyActOut]:
    """Every act of a kind, in the order of recording."""
    statement = select(MoneyAct).where(MoneyAct.kind == kind)
    return acts_out(session, list(session.exec(statement.order_by(col(MoneyAct.recorded_at)))))


def acts_out(session: Session, acts: Sequence[MoneyAct]) -> list[MoneyActOut]:
    stand = how_they_stand(session, [act.id for act in acts])
    return [
        MoneyActOut(
            **state.act.model_dump(exclude={"acted_by", "content_digest"}),
            **asdict(stand[state.act.id]),
            currency=state.currency,
            amount_minor=state.amount,
            left_minor=state.left,
        )
        for state in act_states(session, acts)
    ]


def orders_list(
    session: Session,
    asked: Asked,
    status: OrderStatus | None,
    fund: str | None,
    supplier: str | None,
) -> Listing[PurchaseOrder]:
    statement = select(PurchaseOrder)
    if status is not None:
        statement = statement.where(PurchaseOrder.status == status)
    if fund is not None:
        statement = statement.where(PurchaseOrder.fund == fund)
    if supplier is not None:
        statement = statement.where(PurchaseOrder.supplier == supplier)
    order = {
        "newest": col(PurchaseOrder.recorded_at).desc(),
        "recorded": col(PurchaseOrder.recorded_at),
        "expected": col(PurchaseOrder.expected_on),
        "supplier": col(PurchaseOrder.supplier),
        "fund": col(PurchaseOrder.fund),
        "status": col(PurchaseOrder.status),
    }
    return select_page(session, statement, order, asked, tie=col(PurchaseOrder.id))


def orders_out(session: Session, orders: Sequence[PurchaseOrder]) -> list[OrderOut]:
    readings = read_orders(session, orders)
    stand = how_they_stand(session, [each.id for one in readings for each in one.deliveries])
    return [_order_out(reading, stand) for reading in readings]


def _order_out(reading: OrderReading, stand: Mapping[UUID, HowItStands]) -> OrderOut:
    order = reading.order
    return OrderOut(
        **order.model_dump(
            include={
                "id",
                "fund",
                "supplier",
                "site",
                "expected_on",
                "note",
                "recorded_at",
                "ordered_at",
                "cancelled_at",
            }
        ),
        state=OrderState(reading.state),
        version=digest_of(terms_of(order, reading.lines)),
        currency=reading.currency,
        earmark=earmark_out((order.earmark_kind, order.earmark)),
        price_minor=reading.price,
        committed_minor=reading.committed,
        paid_minor=sum(reading.paid.get(each.id, 0) for each in reading.deliveries),
        lines=[
            OrderLineOut(
                **line.model_dump(exclude={"order_id"}),
                delivered_base=reading.delivered.get(line.line, 0),
                refused_base=reading.refused(line.line),
            )
            for line in reading.lines
        ],
        deliveries=[
            DeliveryOut(
                id=each.id,
                **(asdict(stand[each.id]) if each.id in stand else {"entry_id": None}),
                delivered_at=each.delivered_at,
                paid_minor=reading.paid.get(each.id, 0),
                lots=[lot.id for lot in reading.lots.get(each.id, [])],
            )
            for each in reading.deliveries
        ],
    )


def purchases_list(session: Session, asked: Asked, fund: str | None) -> Listing[Purchase]:
    statement = select(Purchase)
    if fund is not None:
        statement = statement.where(Purchase.fund == fund)
    order = {
        "bought": col(Purchase.bought_at),
        "fund": col(Purchase.fund),
        "supplier": col(Purchase.supplier),
    }
    return select_page(session, statement, order, asked, tie=col(Purchase.id))


def payments_list(session: Session, asked: Asked, fund: str | None) -> Listing[Payment]:
    statement = select(Payment)
    if fund is not None:
        statement = statement.where(Payment.fund == fund)
    order = {
        "paid": col(Payment.paid_at),
        "fund": col(Payment.fund),
        "payee": col(Payment.payee),
    }
    return select_page(session, statement, order, asked, tie=col(Payment.id))


def fts_list(session: Session, asked: Asked, currency: str | None) -> Listing[FtsOut]:
    rows = [
        FtsOut.model_validate(row) for row in fts_rows(session) if currency in {None, row.currency}
    ]
    return cut_page(rows, {"currency": _by("currency"), "fund": _by("fund")}, asked)
