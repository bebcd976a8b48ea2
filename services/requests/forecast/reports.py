"""Daily reports: written once, corrected by later ones, and who has sent none."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.database import among
from services.errors import InvalidInput
from services.journal.clock import end_of_day, local_date, refuse_future
from services.journal.once import claim, digest_of
from services.parties import service as parties
from services.parties.models import Role, Site, SiteKind
from services.parties.service import Actor
from services.requests.forecast.models import DailyReport, DailyStock
from services.requests.forecast.schemas import DailyReportIn, StockIn

FIRST_DAY = date(2000, 1, 1)
REPORTING = (SiteKind.HOSPITAL, SiteKind.RELIEF_POINT)


@dataclass(frozen=True, slots=True)
class Missing:
    """A hospital's site without a report for ``day``; None where it never sent one."""

    site: str
    region: str
    day: date
    last_day: date | None
    last_recorded_at: datetime | None


def post_report(session: Session, actor: Actor, body: DailyReportIn) -> tuple[DailyReport, bool]:
    """Write a site's day; the same body under the same id is written once.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: a day, moment, unit or quantity that can't be, or an item named twice.
        EntryIdReused: the id belongs to a report with other content.

    """
    site = parties.require_site(session, actor, body.site, Role.HOSPITAL)
    _check_kind(site)
    now = datetime.now(UTC)
    report = DailyReport(
        **body.model_dump(exclude={"stock", "counted_at"}),
        counted_at=_counted_at(body, now),
        reported_by=actor.user_id,
        recorded_at=now,
        content_digest=digest_of(body),
    )
    take_turn(session, site.code)
    if not claim(session, report):
        return session.get_one(DailyReport, body.id), False
    named: set[str] = set()
    for index, line in enumerate(body.stock):
        session.add(_stock(session, report, index, line, named))
    session.flush()
    return session.get_one(DailyReport, body.id), True


def take_turn(session: Session, site: str) -> None:
    """Wait for whoever reports or forecasts for a site just now, so that there is a last word."""
    session.connection().execute(_IN_TURN, {"key": f"daily-report/{site}"})


_IN_TURN = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


def _check_kind(site: Site) -> None:
    if site.kind not in REPORTING:
        raise InvalidInput(
            f"Site {site.code} is a {site.kind}: no patients lie there",
            field="site",
            value=site.code,
            mend="name a hospital or a relief point",
        )


def _counted_at(body: DailyReportIn, now: datetime) -> datetime:
    today = local_date(now)
    if not FIRST_DAY <= body.day <= today:
        raise InvalidInput(
            f"{body.day} lies ahead, or too far back",
            field="day",
            value=body.day.isoformat(),
            mend=f"give a day from {FIRST_DAY} to {today}",
        )
    if body.counted_at is None:
        return now if body.day == today else end_of_day(body.day)
    refuse_future(body.counted_at, "counted_at")
    if local_date(body.counted_at) != body.day:
        raise InvalidInput(
            f"The stock was counted on {local_date(body.counted_at)}, the report is of {body.day}",
            field="counted_at",
            value=body.counted_at.isoformat(),
            mend="give a moment of the report's day, or leave it out",
        )
    return body.counted_at


def _stock(
    session: Session, report: DailyReport, index: int, line: StockIn, named: set[str]
) -> DailyStock:
    where = f"stock[{index}]"
    item = catalog.get_item(session, line.item, field=f"{where}.item")
    if item.code in named:
        raise InvalidInput(
            f"{item.code} stands in this report twice",
            field=f"{where}.item",
            value=item.code,
            mend="add both up in one line",
        )
    named.add(item.code)
    return DailyStock(
        report_id=report.id,
        item=item.code,
        quantity=line.quantity,
        unit=line.unit,
        quantity_base=_pieces(session, item.code, line.quantity, line.unit, f"{where}.quantity"),
        received_base=_pieces(session, item.code, line.received, line.unit, f"{where}.received"),
    )


def _pieces(session: Session, item: str, quantity: int, unit: str, field: str) -> int:
    """Any quantity of a unit that the item has, in pieces; none is none of every such unit."""
    pieces = catalog.to_pieces(session, item, quantity or 1, unit, field=field)
    return pieces if quantity else 0


def current_reports(
    session: Session,
    *,
    sites: Collection[str] | None = None,
    last_days: int | None = None,
    day: date | None = None,
) -> list[DailyReport]:
    """For each site and day the report that counts, by site and day.

    ``last_days`` keeps each site's days that many before its newest one, itself included.
    """
    statement = (
        select(DailyReport)
        .where(is_current())
        .order_by(col(DailyReport.site), col(DailyReport.day))
    )
    if sites is not None:
        statement = statement.where(among(DailyReport.site, sites))
    if day is not None:
        statement = statement.where(DailyReport.day == day)
    if last_days is not None:
        newest = (
            sa.select(col(DailyReport.site), sa.func.max(col(DailyReport.day)).label("day"))
            .group_by(col(DailyReport.site))
            .subquery()
        )
        statement = statement.join(newest, newest.c.site == col(DailyReport.site)).where(
            col(DailyReport.day) > newest.c.day - last_days
        )
    return list(session.exec(statement))


def stock_of(session: Session, reports: Iterable[DailyReport]) -> dict[UUID, list[DailyStock]]:
    """What each report says of each item, by item."""
    found: dict[UUID, list[DailyStock]] = defaultdict(list)
    wanted = among(DailyStock.report_id, [report.id for report in reports])
    for row in session.exec(select(DailyStock).where(wanted).order_by(col(DailyStock.item))):
        found[row.report_id].append(row)
    return found


def is_current() -> sa.ColumnElement[bool]:
    """Whether a report counts: none of its site and day was recorded after it."""
    later = aliased(DailyReport)
    return ~sa.exists().where(
        col(later.site) == col(DailyReport.site),
        col(later.day) == col(DailyReport.day),
        col(later.sequence) > col(DailyReport.sequence),
    )


def current_among(session: Session, reports: Sequence[DailyReport]) -> set[UUID]:
    """The ids of those of the reports that count."""
    wanted = among(DailyReport.id, [report.id for report in reports])
    return set(session.exec(select(DailyReport.id).where(wanted, is_current())))


def missing_on(session: Session, day: date, sites: Collection[str] | None = None) -> list[Missing]:
    """Hospitals' sites without a report for a day: who was silent longest comes first."""
    told = (
        sa.select(
            col(DailyReport.site),
            sa.func.max(col(DailyReport.day)).label("last_day"),
            sa.func.max(col(DailyReport.recorded_at)).label("last_recorded_at"),
            sa.func.bool_or(col(DailyReport.day) == day).label("has"),
        )
        .group_by(col(DailyReport.site))
        .subquery()
    )
    statement = (
        sa.select(col(Site.code), col(Site.region), told.c.last_day, told.c.last_recorded_at)
        .outerjoin(told, told.c.site == col(Site.code))
        .where(col(Site.kind).in_(REPORTING), sa.func.coalesce(told.c.has, sa.false()).is_(False))
        .order_by(told.c.last_recorded_at.asc().nulls_first(), col(Site.code))
    )
    if sites is not None:
        statement = statement.where(among(Site.code, sites))
    rows = session.connection().execute(statement)
    return [Missing(row[0], row[1], day, row[2], row[3]) for row in rows]


def silent_since(session: Session, before: datetime) -> list[Missing]:
    """Sites that have reported, and whose last word was recorded before a moment."""
    today = local_date(before + timedelta(days=1))
    return [
        each
        for each in missing_on(session, today)
        if each.last_recorded_at is not None and each.last_recorded_at < before
    ]
