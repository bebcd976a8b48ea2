"""Endpoints of funds: what they hold, orders, purchases, payments, and what else moves money."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from sqlmodel import Session

from services.donations import committing, delivering, funds, money_lists, orders
from services.donations.models import Payment, Purchase
from services.donations.money_models import MoneyAct, MoneyActKind, OrderStatus
from services.donations.money_schemas import (
    AppropriationIn,
    CommitmentIn,
    DeliveryIn,
    FtsOut,
    FundEntryOut,
    MoneyActOut,
    MoneyMoveIn,
    OrderCancelIn,
    OrderEditIn,
    OrderIn,
    OrderOut,
    OrderPlaceIn,
    RefundIn,
    ReleaseIn,
)
from services.donations.refunding import refund
from services.donations.schemas import (
    EarmarkOut,
    FundOut,
    PaymentIn,
    PaymentOut,
    PurchaseIn,
    PurchaseOut,
    SpentMoney,
)
from services.donations.spent import spent_in
from services.journal.reversals import HowItStands, how_they_stand
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["funds"])

Fund = Annotated[Code | None, Query(description="Of this fund alone")]
Currency = Annotated[Code | None, Query(description="Of this currency alone, such as CNY")]


@router.get("/funds", response_model=list[FundOut])
def list_funds(
    session: DatabaseSession, asked: ListAsked, response: Response, currency: Currency = None
) -> Any:
    """Funds and what they hold, in minor units, by what the money may be spent on."""
    return answer(money_lists.funds_list(session, asked, currency), response, "funds")


@router.get("/funds/{fund}/statement", response_model=list[FundEntryOut])
def list_fund_entries(
    fund: Code, session: DatabaseSession, asked: ListAsked, response: Response
) -> Any:
    """Every entry that moved a fund's money, newest first: what came, left, or was committed."""
    return answer(money_lists.statement_list(session, asked, fund), response, f"fund-{fund}")


@router.get("/fts", response_model=list[FtsOut])
def list_flows(
    session: DatabaseSession, asked: ListAsked, response: Response, currency: Currency = None
) -> Any:
    """Pledges, commitments and paid contributions, incoming, internal and outgoing (FTS's terms).

    One row a fund, then one total a currency, with ``fund`` null.
    """
    return answer(money_lists.fts_list(session, asked, currency), response, "fts")


def _status(response: Response, *, created: bool) -> None:
    response.status_code = status.HTTP_201_CREATED if created else status.HTTP_200_OK


@router.post("/purchases", status_code=status.HTTP_201_CREATED)
def buy_goods(
    body: PurchaseIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> PurchaseOut:
    """Buy goods from a fund of yours into a warehouse of yours, in one entry."""
    bought, created = funds.purchase(session, actor, body)
    _status(response, created=created)
    return purchases_out(session, [bought])[0]


@router.get("/purchases", response_model=list[PurchaseOut])
def list_purchases(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    fund: Fund = None,
) -> Any:
    """Purchases at once, for the desks; what was bought by an order is with the orders."""
    parties.require_role(actor, *DESKS)
    listing = money_lists.purchases_list(session, asked, fund)
    made = listing.map(lambda rows: purchases_out(session, rows))
    return answer(made, response, "purchases")


def purchases_out(session: Session, rows: Sequence[Purchase]) -> list[PurchaseOut]:
    stand = how_they_stand(session, [row.id for row in rows])
    return [_purchase_out(session, row, stand[row.id]) for row in rows]


def _purchase_out(session: Session, bought: Purchase, stands: HowItStands) -> PurchaseOut:
    spent = spent_in(session, bought.id)
    assert spent.goods_lot, "a purchase brings goods"
    assert spent.item, "a purchase brings goods"
    return PurchaseOut(
        id=bought.id,
        **asdict(stands),
        fund=bought.fund,
        currency=spent.currency,
        supplier=bought.supplier,
        site=bought.site,
        bought_at=bought.bought_at,
        item=spent.item,
        quantity_base=spent.quantity,
        lot_id=spent.goods_lot,
        price_minor=spent.amount,
        money=[SpentMoney(lot_id=lot, amount_minor=amount) for lot, amount in spent.money],
        earmark=EarmarkOut.model_validate(spent.earmark) if spent.earmark else None,
    )


@router.post("/payments", status_code=status.HTTP_201_CREATED)
def pay_out(
    body: PaymentIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> PaymentOut:
    """Pay an organisation out of a fund of yours, or out of what was committed to it."""
    payment, created = funds.pay(session, actor, body)
    _status(response, created=created)
    return payments_out(session, [payment])[0]


@router.get("/payments", response_model=list[PaymentOut])
def list_payments(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    fund: Fund = None,
) -> Any:
    """Payments, for the desks."""
    parties.require_role(actor, *DESKS)
    listing = money_lists.payments_list(session, asked, fund)
    made = listing.map(lambda rows: payments_out(session, rows))
    return answer(made, response, "payments")


def payments_out(session: Session, rows: Sequence[Payment]) -> list[PaymentOut]:
    stand = how_they_stand(session, [row.id for row in rows])
    return [_payment_out(session, row, stand[row.id]) for row in rows]


def _payment_out(session: Session, payment: Payment, stands: HowItStands) -> PaymentOut:
    spent = spent_in(session, payment.id)
    return PaymentOut(
        **payment.model_dump(include={"id", "fund", "payee", "purpose", "paid_at", "commitment"}),
        **asdict(stands),
        currency=spent.currency,
        amount_minor=spent.amount,
        money=[SpentMoney(lot_id=lot, amount_minor=amount) for lot, amount in spent.money],
    )


@router.get("/money-acts", response_model=list[MoneyActOut])
def list_money_acts(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    kind: MoneyActKind | None = None,
    fund: Fund = None,
) -> Any:
    """Appropriations, commitments, releases, moves and refunds, for the desks."""
    parties.require_role(actor, *DESKS)
    return answer(money_lists.acts_list(session, asked, kind, fund), response, "money-acts")


def _act(session: Session, response: Response, done: tuple[MoneyAct, bool]) -> MoneyActOut:
    _status(response, created=done[1])
    return money_lists.acts_out(session, [done[0]])[0]


@router.post("/appropriations", status_code=status.HTTP_201_CREATED)
def appropriate_money(
    body: AppropriationIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> MoneyActOut:
    """Write down public money that an authority assigns to a fund of yours."""
    return _act(session, response, committing.appropriate(session, actor, body))


@router.post("/commitments", status_code=status.HTTP_201_CREATED)
def commit_money(
    body: CommitmentIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> MoneyActOut:
    """Set money of a fund of yours aside for a payee: never more than is there."""
    return _act(session, response, committing.commit_money(session, actor, body))


@router.post("/commitments/{commitment_id}/release", status_code=status.HTTP_201_CREATED)
def release_money(
    commitment_id: UUID,
    body: ReleaseIn,
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
) -> MoneyActOut:
    """Make committed money available again, all that is left or a part."""
    return _act(session, response, committing.release(session, actor, commitment_id, body))


@router.post("/money-moves", status_code=status.HTTP_201_CREATED)
def move_between_funds(
    body: MoneyMoveIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> MoneyActOut:
    """Move money of a fund of yours to another fund of the same currency."""
    return _act(session, response, committing.move_money(session, actor, body))


@router.post("/refunds", status_code=status.HTTP_201_CREATED)
def refund_money(
    body: RefundIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> MoneyActOut:
    """Money back: from a supplier or payee to the fund, or from the fund to who gave."""
    return _act(session, response, refund(session, actor, body))


@router.post("/purchase-orders", status_code=status.HTTP_201_CREATED)
def draft_purchase_order(
    body: OrderIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> OrderOut:
    """Draft an order to a supplier; it commits nothing yet."""
    order, created = orders.draft_order(session, actor, body)
    _status(response, created=created)
    return money_lists.orders_out(session, [order])[0]


@router.get("/purchase-orders", response_model=list[OrderOut])
def list_purchase_orders(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    state: Annotated[OrderStatus | None, Query(alias="status")] = None,
    fund: Fund = None,
    supplier: Annotated[Code | None, Query()] = None,
) -> Any:
    """Orders, newest first, for the desks; ``status`` is draft, ordered or cancelled."""
    parties.require_role(actor, *DESKS)
    listing = money_lists.orders_list(session, asked, state, fund, supplier)
    made = listing.map(lambda rows: money_lists.orders_out(session, rows))
    return answer(made, response, "purchase-orders")


@router.get("/purchase-orders/{order_id}")
def show_purchase_order(order_id: UUID, session: DatabaseSession, actor: CurrentActor) -> OrderOut:
    """An order: ordered beside delivered, committed beside paid."""
    parties.require_role(actor, *DESKS)
    return money_lists.orders_out(session, [orders.get_order(session, order_id)])[0]


@router.put("/purchase-orders/{order_id}")
def edit_purchase_order(
    order_id: UUID, body: OrderEditIn, session: DatabaseSession, actor: CurrentActor
) -> OrderOut:
    """Change a draft as a whole, before it is ordered; ``version`` is the one that you read."""
    order = orders.edit_order(session, actor, order_id, body)
    return money_lists.orders_out(session, [order])[0]


@router.post("/purchase-orders/{order_id}/order")
def place_purchase_order(
    order_id: UUID, body: OrderPlaceIn, session: DatabaseSession, actor: CurrentActor
) -> OrderOut:
    """Order what was drafted: its price is committed in the fund."""
    order = orders.place_order(session, actor, order_id, body)
    return money_lists.orders_out(session, [order])[0]


@router.post("/purchase-orders/{order_id}/deliveries", status_code=status.HTTP_201_CREATED)
def deliver_purchase_order(
    order_id: UUID,
    body: DeliveryIn,
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
) -> OrderOut:
    """Take a delivery in, pay for it out of what was committed, refuse what is no good."""
    _, created = delivering.deliver(session, actor, order_id, body)
    _status(response, created=created)
    return money_lists.orders_out(session, [orders.get_order(session, order_id)])[0]


@router.post("/purchase-orders/{order_id}/cancel")
def cancel_purchase_order(
    order_id: UUID, body: OrderCancelIn, session: DatabaseSession, actor: CurrentActor
) -> OrderOut:
    """Cancel what wasn't delivered yet; its money is available again."""
    order = orders.cancel_order(session, actor, order_id, body)
    return money_lists.orders_out(session, [order])[0]
