"""Pages of campaigns, for everybody; of earmarks and of receiving, for those they concern."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.donations import campaigns, papers
from services.donations.campaign_schemas import CampaignIn
from services.donations.campaigns_api import campaign_list, campaign_out, one
from services.donations.gift_lists import HonourFilter, honour_list, usernames
from services.donations.gift_pages import shown_names
from services.donations.models import Fund
from services.donations.page_filters import honour_filter
from services.donations.receiving import rule_of
from services.donations.receiving_schemas import ReceivingRuleIn
from services.parties import service as parties
from services.parties.access import CurrentActor, MaybeActor
from services.parties.changes import Change, changes_of
from services.parties.models import DESKS, Role, SiteKind
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.web.forms import Form, SentForm, minor_units
from services.web.http import Code, DatabaseSession, Input
from services.web.lists import ListAsked, csv_file
from services.web.pages import in_currency, redirect, render

router = APIRouter()

_GOALS_AT_FIRST = 2
_GOALS_MORE = 3


@router.get("/campaigns")
def list_campaigns(
    request: Request, session: DatabaseSession, actor: MaybeActor, asked: ListAsked
) -> Response:
    """Every campaign and how far it is."""
    found = campaign_list(session, asked, is_closed=None)
    listing = found.map(
        lambda rows: [campaign_out(each) for each in campaigns.read_campaigns(session, rows)]
    )
    if asked.is_csv:
        return csv_file(listing.rows, "campaigns")
    return render(
        request,
        "campaigns.html",
        listing=listing,
        may_write=actor is not None and actor.role in {Role.DISPATCHER, Role.ADMIN},
        **shown_names(request, session),
    )


@router.get("/campaigns/new")
def show_campaign_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    return _form_page(request, session, Form(), _GOALS_AT_FIRST)


@router.post("/campaigns/new")
def write_campaign(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    """Make a campaign or change it: its code says which."""
    parties.require_role(actor, Role.DISPATCHER)
    form.drop_blank_rows("goals", ("quantity_base",))
    if form["more"]:
        return _form_page(request, session, form, len(form.rows("goals")) + _GOALS_MORE)
    with form.attempt(session):
        code = form.read(_Coded, leave_out=_not_code(form)).code
        body = form.read(CampaignIn, leave_out=("code",), instead=_goals(session, form))
        campaigns.put_campaign(session, actor, code, body)
    if form.slips:
        return _form_page(request, session, form, 1)
    return redirect(request, f"/campaigns/{form['code'].strip()}", done="campaign-written")


class _Coded(Input):
    """The code that is typed beside a campaign's body."""

    code: Code


def _not_code(form: Form) -> list[str]:
    return [name for name in form.values if name != "code"]


def _goals(session: Session, form: Form) -> dict[str, str]:
    """Goals in money are typed with the currency's decimals."""
    currencies = set(session.exec(select(Fund.currency)))
    typed = {}
    for index in form.rows("goals"):
        commodity = form[f"goals[{index}].commodity"]
        if commodity in currencies:
            name = f"goals[{index}].quantity_base"
            typed[name] = minor_units(form, name, commodity)
    return typed


def _form_page(request: Request, session: Session, form: Form, goals: int) -> Response:
    currencies = session.exec(select(Fund.currency).distinct().order_by(col(Fund.currency)))
    return render(
        request,
        "campaign_form.html",
        form.status,
        form=form,
        goals=form.rows("goals", at_least=goals),
        all_currencies=list(currencies),
        **shown_names(request, session),
    )


@router.get("/campaigns/{code}")
def show_campaign(
    request: Request, code: Code, session: DatabaseSession, actor: MaybeActor
) -> Response:
    """A campaign for everybody: what it asks for, what came and what was used."""
    it = one(session, campaigns.get_campaign(session, code))
    may_write = actor is not None and actor.role in {Role.DISPATCHER, Role.ADMIN}
    changes: list[Change] = []
    if actor is not None and actor.role in DESKS:
        subject = campaigns.subject_of(code)
        changes = changes_of(session, [subject])[subject]
    values: dict[str, str] = {}
    for index, goal in enumerate(each for each in it.goals if each.goal_base):
        is_money = goal.commodity_class == "money"
        amount = in_currency(goal.goal_base or 0, goal.commodity) if is_money else goal.goal_base
        values[f"goals[{index}].commodity"] = goal.commodity
        values[f"goals[{index}].quantity_base"] = str(amount)
    for name in ("code", "name_en", "name_zh", "about_en", "about_zh", "starts_on", "ends_on"):
        values[name] = str(getattr(it, name) or "")
    form = Form(values | ({"closed": "true"} if it.closed_at else {}))
    return render(
        request,
        "campaign.html",
        it=it,
        may_write=may_write,
        form=form,
        goals=form.rows("goals", at_least=1),
        all_currencies=sorted(set(session.exec(select(Fund.currency)))),
        changes=changes,
        names=usernames(session, {each.changed_by for each in changes if each.changed_by}),
        **shown_names(request, session),
    )


@router.get("/earmarks")
def list_earmarks(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    wanted: Annotated[HonourFilter, Depends(honour_filter)],
) -> Response:
    """How each earmark is honoured: a donor's own gifts', or, at a desk, all."""
    parties.require_role(actor, Role.DONOR, *DESKS)
    listing = honour_list(session, actor, asked, wanted)
    if asked.is_csv:
        return csv_file(listing.rows, "earmarks")
    return render(
        request,
        "gift_earmarks.html",
        listing=listing,
        filters=Form(
            {
                "kind": wanted.kind or "",
                "waiting": "" if wanted.waiting is None else str(wanted.waiting).lower(),
            }
        ),
        at_desk=actor.role in DESKS,
        **shown_names(request, session),
    )


@router.get("/receiving")
def show_rules(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """How each warehouse receives gifts."""
    parties.require_role(actor, *DESKS)
    return _rules_page(request, session, actor, {})


@router.post("/receiving/{site}")
def set_rule(
    request: Request,
    site: Code,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        given = {"three_signatures": "true" if form["to"] == "three" else "false"}
        body = form.read(ReceivingRuleIn, leave_out=("to",), instead=given)
        papers.set_rule(session, actor, site, body)
    if form.slips:
        return _rules_page(request, session, actor, {site: form})
    return redirect(request, "/receiving", done="receiving-changed")


def _rules_page(
    request: Request, session: Session, actor: Actor, sent: dict[str, Form]
) -> Response:
    warehouses = sites_by_code(session, SiteKind.WAREHOUSE)
    changes = changes_of(session, [f"receiving:{code}" for code in warehouses])
    people = {each.changed_by for some in changes.values() for each in some if each.changed_by}
    mine = [site.code for site in parties.sites_of(session, actor.organisation)]
    return render(
        request,
        "gift_receiving.html",
        max((form.status for form in sent.values()), default=200),
        rows=[(site, rule_of(session, code)) for code, site in warehouses.items()],
        own=list(warehouses) if actor.role is Role.ADMIN else mine,
        may_change=actor.role in {Role.DISPATCHER, Role.ADMIN},
        forms=sent,
        blank=Form({"reason": ""}),
        changes=changes,
        names=usernames(session, people),
    )
