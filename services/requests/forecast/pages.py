"""Pages of the daily report: a hospital sends its day; desks see who sent none."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.database import among
from services.journal.clock import local_date
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role, Site, SiteKind
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.requests.forecast import pages_offers, pages_rates, reports, service
from services.requests.forecast.api import reports_out
from services.requests.forecast.models import DailyReport
from services.requests.forecast.schemas import DailyReportIn, MissingOut
from services.web.forms import Form, SentForm
from services.web.http import Code, DatabaseSession
from services.web.lists import LEFT_EMPTY, ListAsked, csv_file, cut_page, select_page
from services.web.pages import redirect, render

router = APIRouter()
router.include_router(pages_offers.router)
router.include_router(pages_rates.router)

_LINES_AT_FIRST = 3
_LINES_MORE = 5
_PEOPLE = (
    *("patients_suspected", "patients_mild", "patients_severe", "patients_critical"),
    *("shifts_doctor", "shifts_nurse", "shifts_cleaner", "shifts_other", "tests_done"),
)
Wanted = Annotated[Code | None, Query()]


@router.get("/daily-reports")
def list_reports(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    history: str = "",
) -> Response:
    """What was reported, the newest day first; with ``history`` also what was replaced."""
    sites = service.visible_sites(session, actor, site or None)
    statement = select(DailyReport)
    if sites is not None:
        statement = statement.where(among(DailyReport.site, sites))
    if not history:
        statement = statement.where(reports.is_current())
    order = {
        "day": col(DailyReport.day).desc(),
        "site": col(DailyReport.site),
        "recorded_at": col(DailyReport.recorded_at),
    }
    found = select_page(session, statement, order, asked, tie=col(DailyReport.sequence).desc())
    listing = found.map(lambda rows: reports_out(session, list(rows)))
    if asked.is_csv:
        return csv_file(listing.rows, "daily-reports")
    own = _own_sites(session, actor)
    today = local_date(datetime.now(UTC))
    silent = reports.missing_on(session, today, [each.code for each in own]) if own else []
    return render(
        request,
        "daily_reports.html",
        listing=listing,
        at_desk=actor.role in DESKS,
        may_report=actor.role in {Role.HOSPITAL, Role.ADMIN},
        silent=[each.site for each in silent],
        today=today,
        sites=sites_by_code(session),
        items={item.code: item for item in catalog.items(session)},
        filters=Form({"site": site, "history": history}),
    )


@router.get("/daily-reports/new")
def show_form(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    site: Wanted = None,
    day: Annotated[date | None, LEFT_EMPTY] = None,
) -> Response:
    """The form for a day, filled in with what was reported last."""
    parties.require_role(actor, Role.HOSPITAL)
    own = _own_sites(session, actor)
    chosen = site or (own[0].code if len(own) == 1 else None)
    if chosen is not None:
        parties.require_site(session, actor, chosen, Role.HOSPITAL)
    wanted = day or local_date(datetime.now(UTC))
    form, last = _filled(session, chosen, wanted)
    return _form_page(request, session, actor, form, _LINES_AT_FIRST, last)


@router.post("/daily-reports/new")
def send_report(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.HOSPITAL)
    if form["more"]:
        lines = len(form.rows("stock")) + _LINES_MORE
        return _form_page(request, session, actor, form, lines, None)
    form.drop_blank_rows("stock", ("quantity", "received"))
    with form.attempt(session):
        service.report_day(session, actor, form.read(DailyReportIn))
    if form.slips:
        return _form_page(request, session, actor, form, len(form.rows("stock")), None)
    return redirect(request, "/forecast", done="report-sent")


@router.get("/forecast/missing")
def list_missing(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    day: Annotated[date | None, LEFT_EMPTY] = None,
) -> Response:
    """Who hasn't reported (desks), the longest silent first."""
    parties.require_role(actor, *DESKS)
    wanted = day or local_date(datetime.now(UTC))
    rows = [MissingOut.model_validate(each) for each in reports.missing_on(session, wanted)]
    order = {
        "silent": lambda row: row.last_recorded_at,
        "site": lambda row: row.site,
        "last_day": lambda row: row.last_day,
    }
    listing = cut_page(rows, order, asked)
    if asked.is_csv:
        return csv_file(listing.rows, "missing-reports")
    return render(
        request,
        "forecast_missing.html",
        listing=listing,
        day=wanted,
        sites=sites_by_code(session),
        filters=Form({"day": wanted.isoformat()}),
    )


def _own_sites(session: Session, actor: Actor) -> list[Site]:
    """Where the actor reports for: hospitals and relief points of their organisation."""
    if actor.role is Role.ADMIN:
        return list(sites_by_code(session, *reports.REPORTING).values())
    if actor.role is not Role.HOSPITAL:
        return []
    kinds: tuple[SiteKind, ...] = reports.REPORTING
    return [each for each in parties.sites_of(session, actor.organisation) if each.kind in kinds]


def _filled(session: Session, site: str | None, day: date) -> tuple[Form, DailyReport | None]:
    """A form with the site's newest report up to the day: of that day itself, or of one before."""
    form = Form.blank(day=day, site=site)
    known = reports.current_reports(session, sites=[site], last_days=14) if site else []
    last = next((each for each in reversed(known) if each.day <= day), None)
    if last is None:
        return form, None
    form.values |= {name: str(getattr(last, name)) for name in _PEOPLE}
    for index, row in enumerate(reports.stock_of(session, [last])[last.id]):
        line = {"item": row.item, "quantity": str(row.quantity), "unit": row.unit}
        form.values |= {f"stock[{index}].{name}": value for name, value in line.items()}
    return form, last


def _form_page(
    request: Request,
    session: Session,
    actor: Actor,
    form: Form,
    lines: int,
    last: DailyReport | None,
) -> Response:
    return render(
        request,
        "daily_report.html",
        form.status,
        form=form,
        lines=form.rows("stock", at_least=max(lines, len(form.rows("stock")) + (last is not None))),
        last=last,
        own_sites=_own_sites(session, actor),
        items={item.code: item for item in catalog.items(session)},
        units=catalog.units(session),
    )
