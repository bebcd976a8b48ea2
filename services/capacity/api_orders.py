"""Endpoints of production orders and surplus offers."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from services.capacity import orders, surplus
from services.capacity.factories import visible_sites
from services.capacity.models import OfferStatus, OrderStatus
from services.capacity.orders import Ordered
from services.capacity.schemas_orders import (
    OfferIn,
    OfferOut,
    OrderIn,
    OrderOut,
    OrderReasonIn,
    TakeIn,
)
from services.capacity.shown import offers_out, orders_out
from services.parties.access import CurrentActor
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter()


def _order(session: DatabaseSession, found: Ordered) -> OrderOut:
    return orders_out(session, [found])[0]


@router.post("/production-orders", status_code=status.HTTP_201_CREATED)
def place_order(
    body: OrderIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> OrderOut:
    """Call pieces off a factory's planned day; never more than is planned and not yet promised."""
    found, created = orders.place_order(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return _order(session, found)


@router.get("/production-orders", response_model=list[OrderOut])
def list_orders(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Annotated[str | None, Query()] = None,
    item: Annotated[str | None, Query()] = None,
    status: Annotated[OrderStatus | None, Query()] = None,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
) -> Any:
    """Production orders, the newest day first: to your own factories, or all at a desk."""
    listing = orders.list_orders(
        session,
        asked,
        sites=visible_sites(session, actor, site),
        item=item,
        status=status,
        first=first,
        last=last,
    )
    shown = listing.map(lambda rows: orders_out(session, rows))
    return answer(shown, response, "production-orders")


@router.get("/production-orders/{id}")
def show_order(id: UUID, session: DatabaseSession, actor: CurrentActor) -> OrderOut:  # noqa: A002
    """A production order with how far it is made, and its history."""
    return _order(session, orders.get_order(session, actor, id))


@router.post("/production-orders/{id}/accept")
def accept_order(id: UUID, session: DatabaseSession, actor: CurrentActor) -> OrderOut:  # noqa: A002
    """Say that your factory will make it."""
    return _order(session, orders.accept(session, actor, id))


@router.post("/production-orders/{id}/decline")
def decline_order(
    id: UUID,  # noqa: A002
    body: OrderReasonIn,
    session: DatabaseSession,
    actor: CurrentActor,
) -> OrderOut:
    """Say why your factory won't make it."""
    return _order(session, orders.decline(session, actor, id, body.reason))


@router.post("/production-orders/{id}/cancel")
def cancel_order(
    id: UUID,  # noqa: A002
    body: OrderReasonIn,
    session: DatabaseSession,
    actor: CurrentActor,
) -> OrderOut:
    """Call an order off, unless it is complete; what was made of it stays in stock."""
    return _order(session, orders.cancel(session, actor, id, body.reason))


@router.post("/surplus-offers", status_code=status.HTTP_201_CREATED)
def offer_surplus(
    body: OfferIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> OfferOut:
    """Offer what a factory of yours makes on top of its plan."""
    found, created = surplus.offer(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return offers_out(session, [found])[0]


@router.get("/surplus-offers", response_model=list[OfferOut])
def list_offers(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Annotated[str | None, Query()] = None,
    item: Annotated[str | None, Query()] = None,
    status: Annotated[OfferStatus | None, Query()] = None,
    ready_by: Annotated[date | None, Query()] = None,
) -> Any:
    """Surplus offers, the newest first: of your own factories, or all at a desk."""
    listing = surplus.list_offers(
        session,
        asked,
        sites=visible_sites(session, actor, site),
        item=item,
        status=status,
        ready_by=ready_by,
    )
    shown = listing.map(lambda rows: offers_out(session, rows))
    return answer(shown, response, "surplus-offers")


@router.post("/surplus-offers/{id}/take", status_code=status.HTTP_201_CREATED)
def take_up_offer(
    id: UUID,  # noqa: A002
    body: TakeIn,
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
) -> OrderOut:
    """Take an offer up, whole or in part: it becomes an order, accepted already."""
    found, created = surplus.take_up(session, actor, id, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return _order(session, found)


@router.post("/surplus-offers/{id}/withdraw")
def withdraw_offer(
    id: UUID,  # noqa: A002
    body: OrderReasonIn,
    session: DatabaseSession,
    actor: CurrentActor,
) -> OfferOut:
    """Take back what nobody took up of an offer of yours."""
    return offers_out(session, [surplus.withdraw(session, actor, id, body.reason)])[0]
