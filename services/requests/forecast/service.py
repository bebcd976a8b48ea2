"""What doors ask for: a report with the offer that it gives, and what may be seen by whom."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from services.parties import service as parties
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.requests.forecast.method import Gap, Need
from services.requests.forecast.models import DailyReport, Method
from services.requests.forecast.offers import Offer, offer_after
from services.requests.forecast.reports import post_report
from services.requests.forecast.schemas import DailyReportIn
from services.requests.forecast.supply import Outlook, Supply, outlooks

__all__ = ["Lasting", "lasting", "report_day", "visible_sites"]


@dataclass(frozen=True, slots=True)
class Lasting:
    """An item at a site, and how long it lasts; ``gap`` says why that can't be said."""

    site: str
    region: str
    item: str
    day: date
    recorded_at: datetime
    on_hand_base: int
    coming_base: int
    method: Method | None
    use_per_day_milli: int | None
    days_left: float | None
    gap: Gap | None


def report_day(
    session: Session, actor: Actor, body: DailyReportIn
) -> tuple[DailyReport, Offer | None, bool]:
    """Write a report and work out what it makes to offer; repeated, nothing happens again."""
    report, created = post_report(session, actor, body)
    offer = offer_after(session, actor, report) if created else None
    return report, offer, created


def visible_sites(session: Session, actor: Actor, site: str | None) -> list[str] | None:
    """Sites whose reports the actor may see: None for all, at a desk.

    Raises:
        NotFound: the site asked for doesn't exist.
        Forbidden: it is another organisation's, or the actor is neither hospital nor desk.

    """
    if actor.role in DESKS:
        return [parties.get_site(session, site).code] if site else None
    if site:
        return [parties.require_site(session, actor, site, Role.HOSPITAL).code]
    parties.require_role(actor, Role.HOSPITAL)
    return [row.code for row in parties.sites_of(session, actor.organisation)]


def lasting(
    session: Session, sites: Collection[str] | None, *, item: str | None = None
) -> list[Lasting]:
    """Days of supply of every item at every site (of these), the shortest first."""
    found = [
        _lasting(session, outlook, supply)
        for outlook in outlooks(session, sites)
        for supply in outlook.supplies
        if item in {None, supply.item} and _is_told(supply)
    ]
    return sorted(found, key=_worst_first)


def _is_told(supply: Supply) -> bool:
    """Whether there is anything to say: an item that nobody counts and nobody needs is left out."""
    return supply.told not in {Gap.NO_USE, Gap.NOT_COUNTED} or supply.stock > 0


def _worst_first(each: Lasting) -> tuple[bool, float, str, str]:
    return (each.days_left is None, each.days_left or 0.0, each.site, each.item)


def _lasting(session: Session, outlook: Outlook, supply: Supply) -> Lasting:
    told = supply.told
    need = told if isinstance(told, Need) else None
    tenths = need.days_left_tenths if need else None
    return Lasting(
        site=outlook.site,
        region=parties.get_site(session, outlook.site).region,
        item=supply.item,
        day=outlook.report.day,
        recorded_at=outlook.report.recorded_at,
        on_hand_base=supply.on_hand,
        coming_base=supply.coming,
        method=need.method if need else None,
        use_per_day_milli=need.use_per_day_milli if need else None,
        days_left=None if tenths is None else tenths / 10,
        gap=told if isinstance(told, Gap) else None,
    )
