"""The lists of stock: filtered by state and date, sorted, in pages; and what expires when."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlmodel import Session

from services.inventory import acts, service
from services.inventory.schemas import ExpiringOut, StockOut
from services.inventory.service import Stock
from services.journal.clock import local_date
from services.web.lists import Asked, Listing, cut_page

STOCK_ORDER: Mapping[str, Callable[[Stock], Any]] = {
    "site": lambda row: (row.site, row.item),
    "item": lambda row: (row.item, row.site),
    "batch": lambda row: row.batch,
    "expires_on": lambda row: row.expires_on,
    **{state: attrgetter(state) for state in service.STATES},
}
EXPIRY_ORDER: Mapping[str, Callable[[ExpiringOut], Any]] = {
    "expires_on": lambda row: row.expires_on,
    "site": lambda row: (row.site, row.item),
    "item": lambda row: (row.item, row.site),
    "available": lambda row: row.available,
}


def stock_listing(
    session: Session, asked: Asked, rows: list[Stock], state: str | None, *, own: bool
) -> Listing[StockOut]:
    """Rows with something in a state, with each lot's place at its site.

    Where no state is asked for, what hospitals have received of their own is left out unless they
    ask themselves (``own``): a desk looks for what it can send.
    """
    wanted = [row for row in rows if (row.of(state) if state else own or _is_on_shelf(row))]
    listing = cut_page(wanted, STOCK_ORDER, asked)
    places = acts.places_of(session, [row.lot_id for row in listing.rows if row.lot_id])
    return listing.map(lambda part: [_out(row, places) for row in part])


def _is_on_shelf(row: Stock) -> bool:
    return any(row.of(state) for state in service.STATES if state != "received")


def _out(row: Stock, places: Mapping[tuple[str, UUID], str]) -> StockOut:
    place = places.get((row.site, row.lot_id), "") if row.lot_id else ""
    told = {name: getattr(row, name) for name in StockOut.model_fields if name != "place"}
    return StockOut(**told, place=place)


def expiring(
    session: Session, *, sites: list[str] | None, item: str | None, days: int, day: date | None
) -> list[ExpiringOut]:
    """Lots on shelves that expire within ``days`` of the local ``day``, or have expired.

    What hospitals have received is told where ``sites`` are asked for, and not of everywhere.
    """
    today = day or local_date(datetime.now(UTC))
    until = today + timedelta(days=days)
    return [
        ExpiringOut(
            site=row.site,
            item=row.item,
            lot_id=row.lot_id,
            batch=row.batch,
            expires_on=row.expires_on,
            days_left=(row.expires_on - today).days,
            available=row.available,
            reserved=row.reserved,
            received=row.received,
        )
        for row in service.stock(session, sites=sites, item=item)
        if row.lot_id is not None
        and row.expires_on is not None
        and row.expires_on <= until
        and row.available + row.reserved + (row.received if sites is not None else 0)
    ]
