"""Pages on which goods and money are given, and the names that pages of gifts show."""

from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.donations import campaigns, service
from services.donations.models import Fund
from services.donations.schemas import GoodsIn, MoneyIn
from services.donations.service import currency_of
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import Organisation, OrganisationKind, Region, Role, SiteKind
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
GIVERS = (Role.DONOR, Role.DISPATCHER)


@router.get("/gifts/goods")
def show_goods_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, *GIVERS)
    form = Form.blank(given_at=now_input())
    return _gift_page(request, session, actor, "gift_goods.html", form, _LINES_AT_FIRST)


@router.post("/gifts/goods")
def pledge_goods(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, *GIVERS)
    form.drop_blank_rows("lines", _DECISIVE)
    if form["more"]:
        lines = len(form.rows("lines")) + _LINES_MORE
        return _gift_page(request, session, actor, "gift_goods.html", form, lines)
    with form.attempt(session):
        given = {"kind": "goods"} | earmark_fields(form)
        service.pledge(session, actor, form.read(GoodsIn, leave_out=("earmark",), instead=given))
    if form.slips:
        return _gift_page(request, session, actor, "gift_goods.html", form, 1)
    return redirect(request, "/gifts", done="donation-pledged")


@router.get("/gifts/money")
def show_money_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, *GIVERS)
    form = Form.blank(given_at=now_input())
    return _gift_page(request, session, actor, "gift_money.html", form, 0)


@router.post("/gifts/money")
def pledge_money(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, *GIVERS)
    with form.attempt(session):
        currency = currency_of(session, form["fund"])
        given = {"kind": "money", "amount_minor": minor_units(form, "amount_minor", currency)}
        given |= earmark_fields(form)
        service.pledge(session, actor, form.read(MoneyIn, leave_out=("earmark",), instead=given))
    if form.slips:
        return _gift_page(request, session, actor, "gift_money.html", form, 0)
    return redirect(request, "/gifts", done="donation-pledged")


def earmark_fields(form: Form) -> dict[str, str]:
    """``site:H1`` of the one choice as the two fields of the schema."""
    kind, _, target = form["earmark"].partition(":")
    return {"earmark.kind": kind, "earmark.target": target} if kind else {}


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
        funds=list(session.exec(select(Fund).order_by(col(Fund.code)))),
        campaigns=campaigns.open_campaigns(session),
        places=places,
        earmark_regions=list(session.exec(select(Region).order_by(col(Region.code)))),
        # A desk writes down what others give; a donor gives in their own name.
        donors=list(session.exec(donors.order_by(col(Organisation.code))))
        if actor.role is not Role.DONOR
        else [],
        **shown_names(request, session),
    )


def shown_names(request: Request, session: Session) -> dict[str, Any]:
    """Things and places by code, for templates that show them by name."""
    return {
        "items": {item.code: item for item in catalog.items(session)},
        "sites": sites_by_code(session),
        "regions": {region.code: region for region in session.exec(select(Region))},
        "organisations": names_of_organisations(session, language_of(request.url.path)),
        "currencies": {fund.code: fund.currency for fund in session.exec(select(Fund))},
    }
