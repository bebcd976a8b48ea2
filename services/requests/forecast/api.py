"""Endpoints of daily reports, rates of use, days of supply and offers."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.database import among
from services.errors import NotFound
from services.journal.clock import local_date
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS
from services.requests.forecast import offers, rates, reports, service
from services.requests.forecast.models import DailyReport, Driver, OfferState, SupplyOffer
from services.requests.forecast.offers import Offer
from services.requests.forecast.schemas import (
    DailyReportIn,
    DailyReportOut,
    MissingOut,
    OfferAccept,
    OfferDismiss,
    OfferIn,
    OfferLineOut,
    OfferOut,
    RateIn,
    RateOut,
    StockOut,
    SupplyOut,
)
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer, cut_page, select_page

router = APIRouter(tags=["forecast"])
Wanted = Annotated[Code | None, Query()]


def reports_out(session: Session, found: list[DailyReport]) -> list[DailyReportOut]:
    stock = reports.stock_of(session, found)
    current = reports.current_among(session, found)
    return [
        DailyReportOut(
            **report.model_dump(exclude={"sequence", "content_digest"}),
            current=report.id in current,
            stock=[StockOut.model_validate(row) for row in stock[report.id]],
        )
        for report in found
    ]


def offer_out(found: Offer) -> OfferOut:
    lines = [
        OfferLineOut(
            **line.model_dump(exclude={"offer_id", "days_left_tenths"}),
            days_left=None if line.days_left_tenths is None else line.days_left_tenths / 10,
            covered_by=offers.cover_of(line),
            covered_until=offers.covered_until(found.offer, line),
            priority=offers.priority_of(line),
        )
        for line in found.lines
    ]
    return OfferOut(**found.offer.model_dump(), lines=lines)


@router.post("/daily-reports", status_code=status.HTTP_201_CREATED)
def post_daily_report(
    body: DailyReportIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> DailyReportOut:
    """Report a site's day; a later report for the day takes its place. Repeating it answers 200.

    What it makes to offer is found at GET /supply-offers.
    """
    report, _, created = service.report_day(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return reports_out(session, [report])[0]


@router.get("/daily-reports", response_model=list[DailyReportOut])
def list_daily_reports(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Wanted = None,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
    history: Annotated[bool, Query(description="Also those that a later one replaced")] = False,
) -> Any:
    """Daily reports that you may see, the newest day first."""
    statement = select(DailyReport)
    sites = service.visible_sites(session, actor, site)
    if sites is not None:
        statement = statement.where(among(DailyReport.site, sites))
    if first is not None:
        statement = statement.where(DailyReport.day >= first)
    if last is not None:
        statement = statement.where(DailyReport.day <= last)
    if not history:
        statement = statement.where(reports.is_current())
    order = {
        "day": col(DailyReport.day).desc(),
        "site": col(DailyReport.site),
        "recorded_at": col(DailyReport.recorded_at),
    }
    found = select_page(session, statement, order, asked, tie=col(DailyReport.sequence).desc())
    listing = found.map(lambda rows: reports_out(session, list(rows)))
    return answer(listing, response, "daily-reports")


@router.get("/daily-reports/missing", response_model=list[MissingOut])
def list_missing_reports(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    day: Annotated[date | None, Query(description="Left out: today")] = None,
) -> Any:
    """Hospitals' sites without a report for a day (desks): the longest silent first."""
    parties.require_role(actor, *DESKS)
    found = reports.missing_on(session, day or local_date(datetime.now(UTC)))
    rows = [MissingOut.model_validate(each) for each in found]
    order = {
        "silent": lambda row: row.last_recorded_at,
        "site": lambda row: row.site,
        "region": lambda row: row.region,
        "last_day": lambda row: row.last_day,
    }
    return answer(cut_page(rows, order, asked), response, "missing-reports")


@router.get("/daily-reports/{report_id}")
def show_daily_report(
    report_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> DailyReportOut:
    """One report, with its stock."""
    report = session.get(DailyReport, report_id)
    if report is None:
        raise NotFound(f"There is no report {report_id}", field="report_id", value=report_id)
    service.visible_sites(session, actor, report.site)
    return reports_out(session, [report])[0]


@router.get("/supply-rates", response_model=list[RateOut])
def list_rates(
    session: DatabaseSession,
    actor: CurrentActor,  # noqa: ARG001 — whoever is signed in may see what is reckoned with
    asked: ListAsked,
    response: Response,
    item: Wanted = None,
) -> Any:
    """How much of an item goes with a patient's day, a shift or a test, and who says so."""
    rows = [
        RateOut.model_validate(rate)
        for rate in rates.all_rates(session)
        if item in {None, rate.item}
    ]
    order = {
        "item": lambda row: row.item,
        "driver": lambda row: row.driver,
        "rate_milli": lambda row: row.rate_milli,
    }
    return answer(cut_page(rows, order, asked), response, "supply-rates")


@router.put("/supply-rates/{item}/{driver}")
def put_rate(
    item: Code, driver: Driver, body: RateIn, session: DatabaseSession, actor: CurrentActor
) -> RateOut:
    """A desk's figure for an item and what it goes with, and where it is from; kept in history."""
    rate, _ = rates.put_rate(session, actor, item, driver, body)
    return RateOut.model_validate(rate)


@router.get("/supplies", response_model=list[SupplyOut])
def list_supplies(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Wanted = None,
    item: Wanted = None,
) -> Any:
    """How many days each item lasts at each site: the worst first."""
    sites = service.visible_sites(session, actor, site)
    if item is not None:
        catalog.get_item(session, item)
    rows = [SupplyOut.model_validate(each) for each in service.lasting(session, sites, item=item)]
    order = {
        "days_left": lambda row: row.days_left,
        "site": lambda row: row.site,
        "item": lambda row: row.item,
        "region": lambda row: row.region,
        "on_hand_base": lambda row: row.on_hand_base,
    }
    return answer(cut_page(rows, order, asked), response, "supplies")


@router.post("/supply-offers", status_code=status.HTTP_201_CREATED)
def make_offer(
    body: OfferIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> OfferOut:
    """Work out a request from a site's newest report; each report makes one for 7 days."""
    offer, created = offers.make_offer(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return offer_out(offer)


@router.get("/supply-offers", response_model=list[OfferOut])
def list_offers(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Wanted = None,
    state: OfferState | None = None,
) -> Any:
    """Requests worked out from reports, the newest first."""
    statement = select(SupplyOffer)
    sites = service.visible_sites(session, actor, site)
    if sites is not None:
        statement = statement.where(among(SupplyOffer.site, sites))
    if state is not None:
        statement = statement.where(SupplyOffer.state == state)
    order = {
        "made_at": col(SupplyOffer.sequence).desc(),
        "day": col(SupplyOffer.day),
        "site": col(SupplyOffer.site),
        "state": col(SupplyOffer.state),
    }
    found = select_page(session, statement, order, asked, tie=col(SupplyOffer.sequence).desc())
    listing = found.map(
        lambda rows: [offer_out(each) for each in offers.with_lines(session, list(rows))]
    )
    return answer(listing, response, "supply-offers")


@router.get("/supply-offers/{offer_id}")
def show_offer(offer_id: UUID, session: DatabaseSession, actor: CurrentActor) -> OfferOut:
    """One offer, with what either method gave beside what was taken."""
    found = offers.get_offer(session, offer_id)
    service.visible_sites(session, actor, found.offer.site)
    return offer_out(found)


@router.post("/supply-offers/{offer_id}/accept")
def accept_offer(
    offer_id: UUID, body: OfferAccept, session: DatabaseSession, actor: CurrentActor
) -> OfferOut:
    """Post it as your request, as it is or changed; asked twice the same, it is posted once."""
    offer, _ = offers.accept_offer(session, actor, offer_id, body)
    return offer_out(offer)


@router.post("/supply-offers/{offer_id}/dismiss")
def dismiss_offer(
    offer_id: UUID, body: OfferDismiss, session: DatabaseSession, actor: CurrentActor
) -> OfferOut:
    """Say that nothing of it is wanted, and why."""
    offer, _ = offers.dismiss_offer(session, actor, offer_id, body)
    return offer_out(offer)
