"""Pages of funds: what they hold and did, goods bought at once, payments, and the other acts."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.donations import committing, funds, money_lists, order_pages
from services.donations.fund_states import fund_states
from services.donations.gift_pages import earmark_fields, shown_names
from services.donations.models import Fund
from services.donations.money_models import MoneyActKind
from services.donations.money_schemas import (
    AppropriationIn,
    CommitmentIn,
    MoneyMoveIn,
    RefundIn,
    RefundOf,
    ReleaseIn,
)
from services.donations.refunding import fund_of, refund
from services.donations.schemas import PaymentIn, PurchaseIn
from services.donations.service import currency_of, get_fund
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Organisation, OrganisationKind, Region, Role, SiteKind
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.web.forms import Form, SentForm, minor_units, now_input
from services.web.http import Code, DatabaseSession
from services.web.lists import Asked, ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()
router.include_router(order_pages.router)

_SELLERS = frozenset({OrganisationKind.SUPPLIER, OrganisationKind.MANUFACTURER})


@router.get("/funds")
def show_funds(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    """What each fund holds, by what it may be spent on; a dispatcher spends it here."""
    parties.require_role(actor, *DESKS)
    if asked.is_csv:
        return csv_file(money_lists.funds_list(session, asked, None).rows, "funds")
    return _funds_page(request, session, actor, asked, {})


@router.post("/funds/purchase")
def buy(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    with form.attempt(session):
        currency = currency_of(session, form["fund"])
        given = {"price_minor": minor_units(form, "price_minor", currency)} | earmark_fields(form)
        body = form.read(PurchaseIn, leave_out=("earmark",), instead=given)
        funds.purchase(session, actor, body)
    if form.slips:
        return _funds_page(request, session, actor, asked, {"purchase": form})
    return redirect(request, "/funds", done="purchase-made")


@router.post("/funds/payment")
def pay(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    with form.attempt(session):
        currency = currency_of(session, form["fund"])
        given = {"amount_minor": minor_units(form, "amount_minor", currency)}
        funds.pay(session, actor, form.read(PaymentIn, instead=given))
    if form.slips:
        return _funds_page(request, session, actor, asked, {"payment": form})
    return redirect(request, "/funds", done="payment-made")


def _funds_page(
    request: Request, session: Session, actor: Actor, asked: Asked, sent: Mapping[str, Form]
) -> Response:
    own = own_funds(session, actor)
    purchase = sent.get("purchase") or Form.blank(bought_at=now_input())
    payment = sent.get("payment") or Form.blank(paid_at=now_input())
    open_commitments = [
        act
        for act in money_lists.all_acts(session, MoneyActKind.COMMITMENT)
        if act.left_minor and act.fund in {fund.code for fund in own}
    ]
    return render(
        request,
        "funds.html",
        max(purchase.status, payment.status),
        states=fund_states(session),
        own=own,
        may_spend=bool(own) and actor.role in {Role.DISPATCHER, Role.ADMIN},
        purchase=purchase,
        payment=payment.keyed("payment"),
        commitments=open_commitments,
        listing=money_lists.funds_list(session, asked, None),
        **trade_choices(session),
        **shown_names(request, session),
    )


def own_funds(session: Session, actor: Actor) -> list[Fund]:
    """Funds that the actor may spend from, by code."""
    statement = select(Fund).order_by(col(Fund.code))
    if actor.role is not Role.ADMIN:
        statement = statement.where(Fund.organisation == actor.organisation)
    return list(session.exec(statement))


def trade_choices(session: Session) -> dict[str, object]:
    """What forms about money let choose."""
    traders = list(session.exec(select(Organisation).order_by(col(Organisation.code))))
    return {
        "warehouses": sites_by_code(session, SiteKind.WAREHOUSE),
        "sellers": [each for each in traders if each.kind in _SELLERS],
        "payees": traders,
        "authorities": [each for each in traders if each.kind is OrganisationKind.AUTHORITY],
        "units": catalog.units(session),
        "places": sites_by_code(session, SiteKind.HOSPITAL, SiteKind.RELIEF_POINT),
        "earmark_regions": list(session.exec(select(Region).order_by(col(Region.code)))),
    }


@router.get("/funds/flows")
def show_flows(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    """Pledged, committed and paid; incoming, internal and outgoing: by fund and in total."""
    parties.require_role(actor, *DESKS)
    listing = money_lists.fts_list(session, asked, None)
    if asked.is_csv:
        return csv_file(listing.rows, "fts")
    named = {fund.code: fund for fund in session.exec(select(Fund))}
    return render(request, "fund_flows.html", listing=listing, funds=named)


@router.get("/funds/acts")
def show_acts(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    kind: str = "",
    fund: str = "",
) -> Response:
    """Appropriations, commitments, releases, moves and refunds; a dispatcher adds to them here."""
    parties.require_role(actor, *DESKS)
    wanted = MoneyActKind(kind) if kind in set(MoneyActKind) else None
    listing = money_lists.acts_list(session, asked, wanted, fund or None)
    if asked.is_csv:
        return csv_file(listing.rows, "money-acts")
    return _acts_page(request, session, actor, asked, {}, kind=kind, fund=fund)


def _acts_page(
    request: Request,
    session: Session,
    actor: Actor,
    asked: Asked,
    sent: Mapping[str, Form],
    *,
    kind: str = "",
    fund: str = "",
) -> Response:
    wanted = MoneyActKind(kind) if kind in set(MoneyActKind) else None
    own = own_funds(session, actor)
    times = {
        "appropriation": "appropriated_at",
        "commitment": "committed_at",
        "release": "released_at",
        "move": "moved_at",
        "refund": "refunded_at",
    }
    forms = {
        name: (sent.get(name) or Form.blank(**{at: now_input()})).keyed(name)
        for name, at in times.items()
    }
    commitments = money_lists.all_acts(session, MoneyActKind.COMMITMENT)
    return render(
        request,
        "money_acts.html",
        max(form.status for form in forms.values()),
        listing=money_lists.acts_list(session, asked, wanted, fund or None),
        filters=Form({"kind": kind, "fund": fund}),
        forms=forms,
        own=own,
        all_funds=list(session.exec(select(Fund).order_by(col(Fund.code)))),
        commitments=[act for act in commitments if act.left_minor],
        may_act=bool(own) and actor.role in {Role.DISPATCHER, Role.ADMIN},
        **trade_choices(session),
        **shown_names(request, session),
    )


@router.post("/funds/acts/{kind}")
def act_on_money(
    request: Request,
    kind: MoneyActKind,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    with form.attempt(session):
        _act(session, actor, kind, form)
    if form.slips:
        return _acts_page(request, session, actor, asked, {kind.value: form})
    return redirect(request, "/funds/acts", done="money-act-made")


def _act(session: Session, actor: Actor, kind: MoneyActKind, form: Form) -> None:
    """Read a form as the body of its act, amounts with the decimals of the fund's currency."""
    if kind is MoneyActKind.RELEASE:
        commitment = committing.get_commitment(session, _id(form["commitment"]))
        typed = _typed(form, currency_of(session, commitment.fund)) if form["amount_minor"] else {}
        body = form.read(ReleaseIn, leave_out=("commitment",), instead=typed)
        committing.release(session, actor, commitment.id, body)
    elif kind is MoneyActKind.REFUND:
        of, _, subject = form["subject"].partition(":")
        found = fund_of(session, RefundOf(of) if of in set(RefundOf) else None, _id(subject))
        given = {"of": of, "subject": subject} | _typed(form, currency_of(session, found))
        refund(session, actor, form.read(RefundIn, leave_out=("of_kind",), instead=given))
    else:
        typed = _typed(form, currency_of(session, form["fund"])) | earmark_fields(form)
        if kind is MoneyActKind.APPROPRIATION:
            appropriation = form.read(AppropriationIn, leave_out=("earmark",), instead=typed)
            committing.appropriate(session, actor, appropriation)
        elif kind is MoneyActKind.COMMITMENT:
            committing.commit_money(session, actor, form.read(CommitmentIn, instead=typed))
        else:
            move = form.read(MoneyMoveIn, leave_out=("earmark",), instead=typed)
            committing.move_money(session, actor, move)


def _typed(form: Form, currency: str) -> dict[str, str]:
    return {"amount_minor": minor_units(form, "amount_minor", currency)}


def _id(text: str) -> UUID:
    """What was chosen, as an id; one that nothing has where it is none."""
    try:
        return UUID(text.strip())
    except ValueError:
        return UUID(int=0)


@router.get("/funds/{code}")
def show_fund(
    request: Request,
    code: Code,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
) -> Response:
    """A fund's statement: every entry that moved its money."""
    parties.require_role(actor, *DESKS)
    fund = get_fund(session, code)
    listing = money_lists.statement_list(session, asked, code)
    if asked.is_csv:
        return csv_file(listing.rows, f"fund-{code}")
    state = next(each for each in fund_states(session) if each.fund.code == fund.code)
    return render(request, "fund_statement.html", fund=fund, state=state, listing=listing)
