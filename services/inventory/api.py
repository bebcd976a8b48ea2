"""Endpoints of inventory: stock by state, what expires, what to pick, stock cards, stocktakes."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from services.catalog import service as catalog
from services.errors import InvalidInput
from services.inventory import (
    acts,
    acts_api,
    cards,
    catalogue_api,
    disposals_api,
    listing,
    picking,
    recalls_api,
    service,
    sheets,
    sheets_api,
)
from services.inventory.access import visible_sites
from services.inventory.counting import Counted
from services.inventory.models import CountSheet
from services.inventory.schemas import (
    CardLineOut,
    CountIn,
    CountOut,
    ExpiringOut,
    PickOut,
    StockOut,
)
from services.parties.access import CurrentActor
from services.parties.models import DESKS
from services.web.http import MAX_QUANTITY, DatabaseSession, Moment
from services.web.lists import ListAsked, answer, cut_page

router = APIRouter(tags=["inventory"])
for part in (acts_api, catalogue_api, disposals_api, recalls_api, sheets_api):
    router.include_router(part.router)
State = Literal[
    "available",
    "reserved",
    "quarantine",
    "on_hold",
    "recalled",
    "expired",
    "damaged",
    "rejected",
    "received",
]
_CARD_ORDER: dict[str, Any] = {"occurred_at": lambda line: line.occurred_at}


def count_out(counted: Counted) -> CountOut:
    return CountOut(
        **counted.count.model_dump(exclude={"counted_by", "content_digest"}),
        entry_id=counted.entry_id,
        before_base=counted.before,
        difference_base=counted.difference,
    )


@router.get("/stock", response_model=list[StockOut])
def show_stock(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
    asked: ListAsked,
    site: Annotated[str | None, Query()] = None,
    item: Annotated[str | None, Query()] = None,
    state: Annotated[State | None, Query(description="Only what has some of it in this")] = None,
    at: Annotated[
        Moment | None,
        Query(description="As of this moment in the world; then by site and item, without lots"),
    ] = None,
) -> Any:
    """What stands where, in pieces: at your own sites, or, at a desk, everywhere."""
    sites = visible_sites(session, actor, site)
    if item is not None:
        catalog.get_item(session, item)
    if at is None:
        rows = service.stock(session, sites=sites, item=item)
    else:
        rows = service.stock_at(session, at, sites=sites, item=item)
    own = actor.role not in DESKS
    return answer(listing.stock_listing(session, asked, rows, state, own=own), response, "stock")


@router.get("/stock/expiring", response_model=list[ExpiringOut])
def show_expiring(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
    asked: ListAsked,
    site: Annotated[str | None, Query()] = None,
    item: Annotated[str | None, Query()] = None,
    days: Annotated[int, Query(ge=0, le=3660, description="Within so many days")] = 60,
    day: Annotated[date | None, Query(description="Counted from this day; else from today")] = None,
    on: Annotated[date | None, Query(deprecated=True, description="As ``day``")] = None,
) -> Any:
    """What on shelves expires soon or has expired, what expires first on top."""
    sites = visible_sites(session, actor, site)
    check_day(day, "day")
    check_day(on)
    rows = listing.expiring(session, sites=sites, item=item, days=days, day=day or on)
    rows.sort(key=lambda row: row.expires_on)
    return answer(cut_page(rows, listing.EXPIRY_ORDER, asked), response, "expiring")


@router.get("/stock/pick")
def suggest_pick(
    session: DatabaseSession,
    actor: CurrentActor,
    site: Annotated[str, Query()],
    item: Annotated[str, Query()],
    quantity: Annotated[int, Query(ge=1, le=MAX_QUANTITY)],
    unit: Annotated[str, Query(max_length=64)] = "piece",
    arrives_on: Annotated[date | None, Query(description="Still good on this day")] = None,
) -> PickOut:
    """Which lots to take, first expired first out, and what was skipped and why."""
    visible_sites(session, actor, site)
    check_day(arrives_on, "arrives_on")
    pieces = catalog.to_pieces(session, item, quantity, unit)
    found = picking.suggest_pick(session, site, item, pieces, arrives_on)
    return PickOut.model_validate(found)


@router.get("/stock/card", response_model=list[CardLineOut])
def show_card(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
    asked: ListAsked,
    site: Annotated[str, Query()],
    lot_id: Annotated[UUID | None, Query()] = None,
    item: Annotated[str | None, Query()] = None,
    at: Annotated[Moment | None, Query(description="Up to this moment in the world")] = None,
) -> Any:
    """Every movement of a lot, or of an item, at a site, with the running balance."""
    visible_sites(session, actor, site)
    if (lot_id is None) == (item is None):
        raise InvalidInput(
            "A card is of one lot or of one item", field="lot_id", value=lot_id, mend="give one"
        )
    if lot_id is not None:
        acts.get_lot(session, lot_id)
    if item is not None:
        catalog.get_item(session, item)
    lines = cards.stock_card(session, site, lot_id=lot_id, item=item, at=at)
    rows = [CardLineOut.model_validate(line) for line in lines]
    return answer(cut_page(rows, _CARD_ORDER, asked), response, "stock-card")


@router.post("/counts", status_code=status.HTTP_201_CREATED)
def count_stock(
    body: CountIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> CountOut:
    """A stocktake of one lot at a site of yours: posts the difference, or nothing.

    It finds again at most what ever came to that shelf; a lot that never stood there is refused.
    Further off than the threshold it posts nothing yet: ``sheet_id`` names the count in which
    another person counts it again (``POST /count-sheets/{id}/counts``).
    """
    found, created = sheets.count_at_once(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    if isinstance(found, CountSheet):
        if created:
            response.status_code = status.HTTP_202_ACCEPTED
        return CountOut.model_validate(body.model_dump() | {"sheet_id": found.id})
    return count_out(found)


def check_day(day: date | None, field: str = "on") -> None:
    """Days near the calendar's ends can't be counted from."""
    if day is not None and not 2000 <= day.year < 9900:
        raise InvalidInput(
            f"{day} is no day to count from",
            field=field,
            value=day.isoformat(),
            mend="give a day of these years",
        )
