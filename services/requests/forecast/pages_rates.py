"""The page of rates: what is reckoned with, who says so, and a desk's own word on it."""

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import Role
from services.requests.forecast import rates
from services.requests.forecast.models import Driver
from services.requests.forecast.rates import Rate
from services.requests.forecast.schemas import RateIn, RateOut
from services.web.forms import Form, SentForm, from_steps, in_steps
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, csv_file, cut_page
from services.web.pages import redirect, render

router = APIRouter()
_DECIMALS = 3


@router.get("/forecast/rates")
def show_rates(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    item: str = "",
) -> Response:
    """Every rate with its source, by item."""
    told = [rate for rate in rates.all_rates(session) if item in {"", rate.item}]
    rows = [RateOut.model_validate(rate) for rate in told]
    order = {
        "item": lambda row: row.item,
        "driver": lambda row: row.driver,
        "rate_milli": lambda row: row.rate_milli,
    }
    listing = cut_page(rows, order, asked)
    if asked.is_csv:
        return csv_file(listing.rows, "supply-rates")
    return render(
        request,
        "forecast_rates.html",
        listing=listing,
        may_change=actor.role in {Role.DISPATCHER, Role.ADMIN},
        items={each.code: each for each in catalog.items(session)},
        filters=Form({"item": item}),
    )


@router.get("/forecast/rates/{item}/{driver}")
def show_rate(
    request: Request, item: Code, driver: Driver, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """One rate, its history, and, for a desk, the form to change it."""
    catalog.get_item(session, item)
    rate = _find(session, item, driver)
    form = Form.blank(
        rate_milli=from_steps(rate.rate_milli, _DECIMALS) if rate else None,
        source=rate.source if rate else None,
        version=rate.version if rate else 0,
    )
    del form.values["id"]
    if rate and rate.assumed:
        form.values["assumed"] = "true"
    return _page(request, session, actor.role, item, driver, form)


@router.post("/forecast/rates/{item}/{driver}")
def put_rate(
    request: Request,
    item: Code,
    driver: Driver,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.DISPATCHER)
    with form.attempt(session):
        typed = {"rate_milli": in_steps(form, "rate_milli", _DECIMALS)}
        rates.put_rate(session, actor, item, driver, form.read(RateIn, instead=typed))
    if form.slips:
        return _page(request, session, actor.role, item, driver, form)
    return redirect(request, "/forecast/rates", done="rate-saved", item=item)


def _find(session: Session, item: str, driver: Driver) -> Rate | None:
    every = rates.all_rates(session)
    return next((rate for rate in every if (rate.item, rate.driver) == (item, driver)), None)


def _page(
    request: Request, session: Session, role: Role, item: str, driver: Driver, form: Form
) -> Response:
    subject = rates.subject(item, driver)
    return render(
        request,
        "forecast_rate.html",
        form.status,
        item=catalog.get_item(session, item),
        driver=driver,
        rate=_find(session, item, driver),
        may_change=role in {Role.DISPATCHER, Role.ADMIN},
        changes=changes_of(session, [subject])[subject],
        form=form,
    )
