"""Pages of donations: pledge goods or money, see what became of it, count it in."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.donations import funds, receiving, service
from services.donations.became import DonationState
from services.donations.fund_states import fund_states
from services.donations.models import Donation
from services.donations.schemas import (
    DonationCancel,
    GoodsIn,
    MoneyIn,
    PaymentIn,
    PurchaseIn,
    ReceiveIn,
)
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Organisation, OrganisationKind, Region, Role, SiteKind
from services.parties.pages import names_of_organisations, sites_by_code
from services.parties.service import Actor
from services.web.forms import Form, SentForm, minor_units, now_input
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.pages import redirect, render

router = APIRouter()

_LINES_AT_FIRST = 2
_LINES_MORE = 3
_DECISIVE = ("item", "quantity")
_GIVERS = (Role.DONOR, Role.DISPATCHER)


@router.get("/gifts")
def list_gifts(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """One's own donations, or all at a desk: those to be received first, then newest first."""
    at_desk = actor.role in DESKS
    if not at_desk:
        parties.require_role(actor, Role.DONOR)
    found = service.find_donations(session, donor=None if at_desk else actor.organisation)
    states = service.states(session, found)[::-1]
    states.sort(key=lambda state: state.status != "pledged")
    return render(
        request,
        "gifts.html",
        gifts=states,
        at_desk=at_desk,
        may_give=actor.role in {*_GIVERS, Role.ADMIN},
        may_receive=actor.role in {Role.DISPATCHER, Role.ADMIN},
        **_names(request, session),
    )


@router.get("/gifts/goods")
def show_goods_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, *_GIVERS)
    form = Form.blank(given_at=now_input())
    return _gift_page(request, session, actor, "gift_goods.html", form, _LINES_AT_FIRST)


@router.post("/gifts/goods")
def pledge_goods(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, *_GIVERS)
    form.drop_blank_rows("lines", _DECISIVE)
    if form["more"]:
        lines = len(form.rows("lines")) + _LINES_MORE
        return _gift_page(request, session, actor, "gift_goods.html", form, lines)
    with form.attempt(session):
        given = {"kind": "goods"} | _earmark(form)
        service.pledge(session, actor, form.read(GoodsIn, leave_out=("earmark",), instead=given))
    if form.slips:
        return _gift_page(request, session, actor, "gift_goods.html", form, 1)
    return redirect(request, "/gifts", done="donation-pledged")


@router.get("/gifts/money")
def show_money_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, *_GIVERS)
    form = Form.blank(given_at=now_input())
    return _gift_page(request, session, actor, "gift_money.html", form, 0)


@router.post("/gifts/money")
def pledge_money(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, *_GIVERS)
    with form.attempt(session):
        given = {"kind": "money", "amount_minor": minor_units(form, "amount_minor")}
        given |= _earmark(form)
        service.pledge(session, actor, form.read(MoneyIn, leave_out=("earmark",), instead=given))
    if form.slips:
        return _gift_page(request, session, actor, "gift_money.html", form, 0)
    return redirect(request, "/gifts", done="donation-pledged")


@router.get("/gifts/{donation_id}")
def show_gift(
    request: Request, donation_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    return _page(request, session, actor, _visible(session, actor, donation_id), {})


@router.post("/gifts/{donation_id}/receive")
def receive_gift(
    request: Request,
    donation_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    donation = _visible(session, actor, donation_id)
    with form.attempt(session):
        counted = {}
        if donation.fund is not None:
            counted = {"lines[0].accepted": minor_units(form, "lines[0].accepted")}
        receiving.receive(session, actor, donation_id, form.read(ReceiveIn, instead=counted))
    if form.slips:
        return _page(request, session, actor, donation, {"receive": form})
    return redirect(request, f"/gifts/{donation_id}", done="donation-received")


@router.post("/gifts/{donation_id}/cancel")
def cancel_gift(
    request: Request,
    donation_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    donation = _visible(session, actor, donation_id)
    with form.attempt(session):
        service.cancel(session, actor, donation_id, form.read(DonationCancel).reason)
    if form.slips:
        return _page(request, session, actor, donation, {"cancel": form})
    return redirect(request, f"/gifts/{donation_id}", done="donation-cancelled")


@router.get("/funds")
def show_funds(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """What each fund holds, by what it may be spent on; a dispatcher spends it here."""
    parties.require_role(actor, *DESKS)
    purchase, payment = Form.blank(bought_at=now_input()), Form.blank(paid_at=now_input())
    return _funds_page(request, session, actor, purchase, payment)


@router.post("/funds/purchase")
def buy(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    with form.attempt(session):
        given = {"price_minor": minor_units(form, "price_minor")} | _earmark(form)
        body = form.read(PurchaseIn, leave_out=("earmark",), instead=given)
        funds.purchase(session, actor, body)
    if form.slips:
        payment = Form.blank(paid_at=now_input())
        return _funds_page(request, session, actor, form, payment)
    return redirect(request, "/funds", done="purchase-made")


@router.post("/funds/payment")
def pay(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    with form.attempt(session):
        given = {"amount_minor": minor_units(form, "amount_minor")}
        funds.pay(session, actor, form.read(PaymentIn, instead=given))
    if form.slips:
        purchase = Form.blank(bought_at=now_input())
        return _funds_page(request, session, actor, purchase, form)
    return redirect(request, "/funds", done="payment-made")


def _funds_page(
    request: Request, session: Session, actor: Actor, purchase: Form, payment: Form
) -> Response:
    own = [
        state
        for state in fund_states(session)
        if actor.role is Role.ADMIN or state.fund.organisation == actor.organisation
    ]
    traders = list(session.exec(select(Organisation).order_by(col(Organisation.code))))
    sellers = {OrganisationKind.SUPPLIER, OrganisationKind.MANUFACTURER}
    return render(
        request,
        "funds.html",
        max(purchase.status, payment.status),
        states=fund_states(session),
        own=[state.fund for state in own],
        may_spend=bool(own) and actor.role in {Role.DISPATCHER, Role.ADMIN},
        purchase=purchase,
        payment=payment.keyed("payment"),
        warehouses=sites_by_code(session, SiteKind.WAREHOUSE),
        sellers=[each for each in traders if each.kind in sellers],
        payees=traders,
        units=catalog.units(session),
        places=sites_by_code(session, SiteKind.HOSPITAL, SiteKind.RELIEF_POINT),
        regions=list(session.exec(select(Region).order_by(col(Region.code)))),
        **_names(request, session),
    )


def _visible(session: Session, actor: Actor, donation_id: UUID) -> Donation:
    donation = service.get_donation(session, donation_id)
    if actor.role not in DESKS:
        service.require_donor(actor, donation)
    return donation


def _earmark(form: Form) -> dict[str, str]:
    """``site:H1`` of the one choice as the two fields of the schema."""
    kind, _, target = form["earmark"].partition(":")
    return {"earmark.kind": kind, "earmark.target": target} if kind else {}


def _page(
    request: Request,
    session: Session,
    actor: Actor,
    donation: Donation,
    sent: Mapping[str, Form],
) -> Response:
    state = service.states(session, [donation])[0]
    at_desk = actor.role in {Role.DISPATCHER, Role.ADMIN}
    open_to = ["receive"] if at_desk else []
    open_to += ["cancel"] if at_desk or actor.role is Role.DONOR else []
    forms = {
        name: sent[name] if name in sent else _receipt_form(state)
        for name in open_to
        if state.status == "pledged" or name in sent
    }
    return render(
        request,
        "gift.html",
        max((form.status for form in forms.values()), default=200),
        gift=state,
        donation=donation,
        forms=forms,
        currencies={each.fund.code: each.fund.currency for each in fund_states(session)},
        **_names(request, session),
    )


def _receipt_form(state: DonationState) -> Form:
    """What was pledged, to be changed where less came."""
    values = {"occurred_at": now_input()}
    for index, line in enumerate(state.lines):
        whole = f"{line.pledged // 100}.{line.pledged % 100:02}" if line.item is None else None
        values[f"lines[{index}].line"] = str(line.line)
        values[f"lines[{index}].accepted"] = whole or str(line.pledged)
    return Form(values)


def _gift_page(
    request: Request, session: Session, actor: Actor, template: str, form: Form, lines: int
) -> Response:
    places = sites_by_code(session, SiteKind.HOSPITAL, SiteKind.RELIEF_POINT)
    donors = select(Organisation).where(Organisation.kind == OrganisationKind.DONOR)
    return render(
        request,
        template,
        form.status,
        form=form,
        lines=form.rows("lines", at_least=lines),
        units=catalog.units(session),
        warehouses=sites_by_code(session, SiteKind.WAREHOUSE),
        funds=[state.fund for state in fund_states(session)],
        places=places,
        regions=list(session.exec(select(Region).order_by(col(Region.code)))),
        # A desk writes down what others give; a donor gives in their own name.
        donors=list(session.exec(donors.order_by(col(Organisation.code))))
        if actor.role is not Role.DONOR
        else [],
        **_names(request, session),
    )


def _names(request: Request, session: Session) -> dict[str, object]:
    return {
        "items": {item.code: item for item in catalog.items(session)},
        "sites": sites_by_code(session),
        "organisations": names_of_organisations(session, language_of(request.url.path)),
    }
