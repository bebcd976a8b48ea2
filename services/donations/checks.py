"""What gifts and purchases may say of dates, places and earmarks; each refusal names the mend."""

from datetime import date, datetime, timedelta

from sqlmodel import Session

from services.catalog import service as catalog
from services.donations.models import EarmarkKind
from services.donations.schemas import EarmarkIn
from services.errors import InvalidInput, NotFound
from services.journal.clock import local_date
from services.parties import service as parties
from services.parties.models import Site, SiteKind

FIRST_DAY = date(2000, 1, 1)
_LONGEST_LIFE = timedelta(days=30 * 366)
_FURTHEST = timedelta(days=5 * 366)
_CONSIGNEES = frozenset({SiteKind.HOSPITAL, SiteKind.RELIEF_POINT})


def get_warehouse(session: Session, code: str) -> Site:
    site = parties.get_site(session, code)
    require_warehouse(site)
    return site


def require_warehouse(site: Site) -> None:
    """Gifts and purchases come in where they are counted and dispatched from."""
    if site.kind is not SiteKind.WAREHOUSE:
        raise InvalidInput(
            f"Site {site.code} is a {site.kind}, and this comes in at warehouses",
            field="site",
            value=site.code,
            mend="name a warehouse; see GET /api/v1/sites?kind=warehouse",
        )


def check_earmark(session: Session, earmark: EarmarkIn | None, *, money: bool) -> None:
    """Raise unless the earmark names something that it can be for."""
    if earmark is None:
        return
    field = "earmark.target"
    if earmark.kind is EarmarkKind.ITEM:
        if not money:
            raise InvalidInput(
                "Goods are what they are; only money can be given for an item",
                field="earmark.kind",
                value=earmark.kind,
                mend="earmark goods for a site or a region",
            )
        catalog.get_item(session, earmark.target, field=field)
    elif earmark.kind is EarmarkKind.REGION:
        if earmark.target not in parties.regions_above(session):
            raise NotFound(
                f"There is no region {earmark.target}",
                field=field,
                value=earmark.target,
                mend="see GET /api/v1/regions",
            )
    elif parties.get_site(session, earmark.target, field=field).kind not in _CONSIGNEES:
        raise InvalidInput(
            f"Nothing is given for {earmark.target}: it only passes things on",
            field=field,
            value=earmark.target,
            mend="name a hospital or a relief point",
        )


def check_dates(
    produced_on: date | None, expires_on: date | None, arrived_at: datetime, where: str = ""
) -> None:
    """Raise unless it was produced before it arrived, and hadn't expired by then."""
    arrived_on = local_date(arrived_at)
    if produced_on is not None and not FIRST_DAY <= produced_on <= arrived_on:
        raise InvalidInput(
            f"It can't have been produced on {produced_on}",
            field=f"{where}produced_on",
            value=produced_on.isoformat(),
            mend=f"give a day from {FIRST_DAY} to {arrived_on}",
        )
    if expires_on is None:
        return
    first = max(arrived_on, produced_on + timedelta(days=1)) if produced_on else arrived_on
    last = (produced_on or arrived_on) + _LONGEST_LIFE
    if not first <= expires_on <= last:
        raise InvalidInput(
            f"It can't expire on {expires_on}, or has expired already",
            field=f"{where}expires_on",
            value=expires_on.isoformat(),
            mend=f"give a day from {first} to {last}",
        )


def check_later_day(day: date | None, given_at: datetime, field: str) -> None:
    """Raise unless a day that is looked forward to lies after the gift, and not too far."""
    first = local_date(given_at)
    last = first + _FURTHEST
    if day is not None and not first <= day <= last:
        raise InvalidInput(
            f"{day} lies before the gift, or too far ahead",
            field=field,
            value=day.isoformat(),
            mend=f"give a day from {first} to {last}",
        )
