"""Pages of purchase orders: draft, order, take deliveries in, cancel."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.catalog.scanning import take_scan
from services.donations import delivering, money_lists, orders
from services.donations.gift_lists import usernames
from services.donations.gift_pages import earmark_fields, shown_names
from services.donations.models import Fund
from services.donations.money_models import OrderStatus, PurchaseOrder
from services.donations.money_schemas import (
    DeliveryIn,
    OrderCancelIn,
    OrderEditIn,
    OrderIn,
    OrderOut,
    OrderPlaceIn,
    OrderState,
)
from services.donations.service import currency_of
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import DESKS, Organisation, OrganisationKind, Region, Role, SiteKind
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.web.forms import Form, SentForm, minor_units, now_input
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, csv_file
from services.web.pages import in_currency, redirect, render

router = APIRouter()

_LINES_AT_FIRST = 2
_LINES_MORE = 3
_SPENDERS = (Role.DISPATCHER, Role.ADMIN)


@router.get("/orders")
def list_orders(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    status: str = "",
) -> Response:
    """Orders to suppliers, the newest first."""
    parties.require_role(actor, *DESKS)
    wanted = OrderStatus(status) if status in set(OrderStatus) else None
    found = money_lists.orders_list(session, asked, wanted, None, None)
    listing = found.map(lambda rows: money_lists.orders_out(session, rows))
    if asked.is_csv:
        return csv_file(listing.rows, "purchase-orders")
    return render(
        request,
        "order_list.html",
        listing=listing,
        filters=Form({"status": status}),
        may_order=actor.role in _SPENDERS,
        **shown_names(request, session),
    )


@router.get("/orders/new")
def show_order_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    return _form_page(request, session, actor, Form.blank(), _LINES_AT_FIRST)


@router.post("/orders/new")
def draft_order(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    form.drop_blank_rows("lines", ("item", "quantity", "price_minor"))
    if form["more"]:
        return _form_page(request, session, actor, form, len(form.rows("lines")) + _LINES_MORE)
    with form.attempt(session):
        given = _prices(form, currency_of(session, form["fund"]))
        body = form.read(OrderIn, leave_out=("earmark",), instead=given | earmark_fields(form))
        orders.draft_order(session, actor, body)
    if form.slips:
        return _form_page(request, session, actor, form, 1)
    return redirect(request, f"/orders/{form['id']}", done="order-drafted")


@router.get("/orders/{order_id}/edit")
def show_draft(
    request: Request, order_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """A draft's own form, with what it says now."""
    parties.require_role(actor, Role.DISPATCHER)
    order = orders.get_order(session, order_id)
    told = money_lists.orders_out(session, [order])[0]
    form = Form({"version": told.version, "site": told.site, "note": told.note or ""})
    form.values["expected_on"] = told.expected_on.isoformat() if told.expected_on else ""
    for index, line in enumerate(told.lines):
        typed = {"item": line.item, "quantity": str(line.quantity), "unit": line.unit}
        typed["price_minor"] = str(in_currency(line.price_minor, told.currency))
        form.values |= {f"lines[{index}].{name}": value for name, value in typed.items()}
    return _form_page(request, session, actor, form, len(told.lines), order)


@router.post("/orders/{order_id}/edit")
def edit_draft(
    request: Request,
    order_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    order = orders.get_order(session, order_id)
    form.drop_blank_rows("lines", ("item", "quantity", "price_minor"))
    if form["more"]:
        lines = len(form.rows("lines")) + _LINES_MORE
        return _form_page(request, session, actor, form, lines, order)
    with form.attempt(session):
        prices = _prices(form, currency_of(session, order.fund))
        orders.edit_order(session, actor, order_id, form.read(OrderEditIn, instead=prices))
    if form.slips:
        return _form_page(request, session, actor, form, 1, order)
    return redirect(request, f"/orders/{order_id}", done="order-drafted")


def _prices(form: Form, currency: str) -> dict[str, str]:
    """The price of each line as typed, in minor units."""
    names = [f"lines[{index}].price_minor" for index in form.rows("lines")]
    return {name: minor_units(form, name, currency) for name in names}


def _form_page(
    request: Request,
    session: Session,
    actor: Actor,
    form: Form,
    lines: int,
    draft: PurchaseOrder | None = None,
) -> Response:
    """An order's form: of a new one, or of a ``draft`` that is changed."""
    funds = select(Fund).order_by(col(Fund.code))
    sellers = (OrganisationKind.SUPPLIER, OrganisationKind.MANUFACTURER)
    suppliers = select(Organisation).where(col(Organisation.kind).in_(sellers))
    return render(
        request,
        "order_form.html",
        form.status,
        form=form,
        draft=draft,
        lines=form.rows("lines", at_least=lines),
        own=[
            fund
            for fund in session.exec(funds)
            if actor.role is Role.ADMIN or fund.organisation == actor.organisation
        ],
        sellers=list(session.exec(suppliers.order_by(col(Organisation.code)))),
        warehouses=sites_by_code(session, SiteKind.WAREHOUSE),
        units=catalog.units(session),
        places=sites_by_code(session, SiteKind.HOSPITAL, SiteKind.RELIEF_POINT),
        earmark_regions=list(session.exec(select(Region).order_by(col(Region.code)))),
        **shown_names(request, session),
    )


@router.get("/orders/{order_id}")
def show_order(
    request: Request, order_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    parties.require_role(actor, *DESKS)
    return _page(request, session, actor, order_id, {})


@router.post("/orders/{order_id}/order")
def place_order(
    request: Request,
    order_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        orders.place_order(session, actor, order_id, form.read(OrderPlaceIn))
    if form.slips:
        return _page(request, session, actor, order_id, {"order": form})
    return redirect(request, f"/orders/{order_id}", done="order-placed")


@router.post("/orders/{order_id}/deliver")
def deliver_order(
    request: Request,
    order_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    told = money_lists.orders_out(session, [orders.get_order(session, order_id)])[0]
    items = {f"lines[{at}].": line.item for at, line in enumerate(told.lines)}
    if take_scan(session, form, items):
        return _page(request, session, actor, order_id, {"deliver": form})
    with form.attempt(session):
        for index in form.rows("lines"):
            form.values[f"lines[{index}].accepted"] = form[f"lines[{index}].accepted"] or "0"
        delivering.deliver(session, actor, order_id, form.read(DeliveryIn))
    if form.slips:
        return _page(request, session, actor, order_id, {"deliver": form})
    return redirect(request, f"/orders/{order_id}", done="order-delivered")


@router.post("/orders/{order_id}/cancel")
def cancel_order(
    request: Request,
    order_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        orders.cancel_order(session, actor, order_id, form.read(OrderCancelIn))
    if form.slips:
        return _page(request, session, actor, order_id, {"cancel": form})
    return redirect(request, f"/orders/{order_id}", done="order-cancelled")


def _page(
    request: Request, session: Session, actor: Actor, order_id: UUID, sent: Mapping[str, Form]
) -> Response:
    order = orders.get_order(session, order_id)
    told = money_lists.orders_out(session, [order])[0]
    forms = _blank_forms(actor, told) | dict(sent)
    if "order" in forms:
        # The page shows what the draft says now, a form that was refused or not.
        forms["order"].values["version"] = told.version
    subject = orders.subject_of(order_id)
    changes = changes_of(session, [subject])[subject]
    return render(
        request,
        "order.html",
        max((form.status for form in forms.values()), default=200),
        it=told,
        forms={name: form.keyed(name) for name, form in forms.items()},
        changes=changes,
        names=usernames(session, {each.changed_by for each in changes if each.changed_by}),
        # Plans are made above here, so the application hands in what they expect of an order.
        expected=request.app.state.find_expected(session, paper=subject),
        **shown_names(request, session),
    )


def _blank_forms(actor: Actor, order: OrderOut) -> dict[str, Form]:
    """What the actor may do with an order as it stands, each with its empty form."""
    if actor.role not in _SPENDERS:
        return {}
    forms: dict[str, Form] = {}
    if order.state is OrderState.DRAFT:
        forms["order"] = Form({"ordered_at": now_input()})
    if order.state in {OrderState.ORDERED, OrderState.PARTLY_DELIVERED}:
        due = Form.blank(delivered_at=now_input())
        for index, line in enumerate(order.lines):
            due.values[f"lines[{index}].line"] = str(line.line)
            left = line.quantity_base - line.delivered_base
            due.values[f"lines[{index}].accepted"] = str(left)
        forms["deliver"] = due
    if order.state not in {OrderState.CANCELLED, OrderState.DELIVERED}:
        forms["cancel"] = Form({"cancelled_at": now_input(), "reason": ""})
    return forms
