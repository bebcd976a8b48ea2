"""Pages of production orders and surplus: lists, forms, and each with its history."""

from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.capacity import made, orders, surplus
from services.capacity.models import OfferStatus, OrderStatus
from services.capacity.pages_common import (
    chosen,
    filters,
    names_of,
    own_factories,
    wanted_sites,
)
from services.capacity.schemas_orders import (
    OfferIn,
    OfferOut,
    OrderIn,
    OrderOut,
    OrderReasonIn,
    TakeIn,
)
from services.capacity.shown import offers_out, orders_out, productions_out
from services.catalog import service as catalog
from services.errors import InvalidInput
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Form, SentForm, minor_units
from services.web.http import DatabaseSession
from services.web.lists import Asked, ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()


@router.get("/capacity/orders")
def show_orders(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    item: str = "",
    status: str = "",
) -> Response:
    """Production orders, the newest day on top."""
    found = orders.list_orders(
        session,
        asked,
        sites=wanted_sites(session, actor, site),
        item=item or None,
        status=chosen(status, OrderStatus),
    )
    listing = found.map(lambda rows: orders_out(session, rows))
    if asked.is_csv:
        return csv_file(listing.rows, "production-orders", OrderOut)
    return render(
        request,
        "capacity_orders.html",
        listing=listing,
        statuses=list(OrderStatus),
        may_order=actor.role in {Role.DISPATCHER, Role.ADMIN},
        **filters(session, actor, site=site, item=item, status=status),
    )


@router.get("/capacity/orders/new")
def show_order_form(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    site: str = "",
    item: str = "",
    day: str = "",
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    return _order_form(request, session, actor, Form.blank(site=site, item=item, day=day))


@router.post("/capacity/orders/new")
def place_order(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    placed = None
    with form.attempt(session):
        placed, _ = orders.place_order(session, actor, form.read(OrderIn))
    if form.slips or placed is None:
        return _order_form(request, session, actor, form)
    return redirect(request, f"/capacity/orders/{placed.order.id}", done="production-ordered")


def _order_form(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    return render(
        request,
        "capacity_order_new.html",
        form.status,
        form=form,
        units=catalog.units(session),
        **filters(session, actor),
    )


@router.get("/capacity/orders/{id}")
def show_order(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    id: UUID,  # noqa: A002
) -> Response:
    return _order_page(request, session, actor, id, Form())


@router.post("/capacity/orders/{id}/settle")
def settle_order(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    id: UUID,  # noqa: A002
    form: SentForm,
) -> Response:
    """The maker accepts or declines, a desk cancels; ``act`` says which."""
    orders.get_order(session, actor, id)
    with form.attempt(session):
        if form["act"] == "accept":
            orders.accept(session, actor, id)
        else:
            body = form.read(OrderReasonIn, leave_out=["act"])
            acts = {"decline": orders.decline, "cancel": orders.cancel}
            if form["act"] not in acts:
                raise InvalidInput("There is no such step", field="act", mend="choose one")
            acts[form["act"]](session, actor, id, body.reason)
    if form.slips:
        return _order_page(request, session, actor, id, form)
    return redirect(request, f"/capacity/orders/{id}", done="order-settled")


def _order_page(
    request: Request, session: Session, actor: Actor, order_id: UUID, form: Form
) -> Response:
    found = orders.get_order(session, actor, order_id)
    subject = orders.subject_of(order_id)
    history = changes_of(session, [subject])[subject]
    booked = made.list_productions(
        session, Asked(request, limit=100), sites=None, order_id=order_id
    )
    own = {site.code for site in own_factories(session, actor)}
    live = found.order.status in {OrderStatus.ASKED, OrderStatus.ACCEPTED}
    return render(
        request,
        "capacity_order.html",
        form.status,
        it=orders_out(session, [found])[0],
        form=form,
        booked=productions_out(session, booked.rows),
        # Plans are made above here, so the application hands in what they expect of an order.
        expected=request.app.state.find_expected(session, paper=subject),
        history=history,
        names=names_of(session, actor, history),
        is_maker=found.order.site in own,
        may_cancel=live
        and found.progress != "complete"
        and actor.role in {Role.DISPATCHER, Role.ADMIN},
        **filters(session, actor),
    )


@router.get("/capacity/surplus")
def show_offers(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    item: str = "",
    status: str = "",
) -> Response:
    """Surplus offers, the newest on top."""
    found = surplus.list_offers(
        session,
        asked,
        sites=wanted_sites(session, actor, site),
        item=item or None,
        status=chosen(status, OfferStatus),
    )
    listing = found.map(lambda rows: offers_out(session, rows))
    if asked.is_csv:
        return csv_file(listing.rows, "surplus-offers", OfferOut)
    return render(
        request,
        "capacity_offers.html",
        listing=listing,
        statuses=list(OfferStatus),
        may_offer=actor.role in {Role.MANUFACTURER, Role.ADMIN},
        **filters(session, actor, site=site, item=item, status=status),
    )


@router.get("/capacity/surplus/new")
def show_offer_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    return _offer_form(request, session, actor, Form.blank(currency="CNY"))


@router.post("/capacity/surplus/new")
def make_offer(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    with form.attempt(session):
        priced = form["price_minor"].strip() != ""
        price = (
            {"price_minor": minor_units(form, "price_minor", form["currency"])} if priced else {}
        )
        without = [] if priced else ["currency"]
        surplus.offer(session, actor, form.read(OfferIn, leave_out=without, instead=price))
    if form.slips:
        return _offer_form(request, session, actor, form)
    return redirect(request, "/capacity/surplus", done="surplus-offered")


def _offer_form(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    return render(
        request,
        "capacity_offer_new.html",
        form.status,
        form=form,
        own_sites=own_factories(session, actor),
        units=catalog.units(session),
        **filters(session, actor),
    )


@router.get("/capacity/surplus/{id}")
def show_offer(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    id: UUID,  # noqa: A002
) -> Response:
    return _offer_page(request, session, actor, id, Form.blank())


@router.post("/capacity/surplus/{id}/take")
def take_up(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    id: UUID,  # noqa: A002
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    taken = None
    with form.attempt(session):
        taken, _ = surplus.take_up(session, actor, id, form.read(TakeIn))
    if form.slips or taken is None:
        return _offer_page(request, session, actor, id, form)
    return redirect(request, f"/capacity/orders/{taken.order.id}", done="production-ordered")


@router.post("/capacity/surplus/{id}/withdraw")
def withdraw(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    id: UUID,  # noqa: A002
    form: SentForm,
) -> Response:
    with form.attempt(session):
        surplus.withdraw(session, actor, id, form.read(OrderReasonIn, leave_out=["id"]).reason)
    if form.slips:
        return _offer_page(request, session, actor, id, form)
    return redirect(request, f"/capacity/surplus/{id}", done="offer-withdrawn")


def _offer_page(
    request: Request, session: Session, actor: Actor, offer_id: UUID, form: Form
) -> Response:
    found = surplus.get_offer(session, actor, offer_id)
    subject = surplus.subject_of(offer_id)
    history = changes_of(session, [subject])[subject]
    is_open = found.status is OfferStatus.OPEN
    own = {site.code for site in own_factories(session, actor)}
    return render(
        request,
        "capacity_offer.html",
        form.status,
        it=offers_out(session, [found])[0],
        form=form,
        units=catalog.units(session),
        history=history,
        names=names_of(session, actor, history),
        may_take=is_open and actor.role in {Role.DISPATCHER, Role.ADMIN},
        may_withdraw=is_open and found.site in own,
        **filters(session, actor),
    )
