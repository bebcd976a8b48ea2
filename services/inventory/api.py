"""Endpoints of inventory: stock and stocktakes."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from services.catalog import service as catalog
from services.inventory import acts_api, recalls_api, service
from services.inventory.access import visible_sites
from services.inventory.schemas import CountIn, CountOut, StockOut
from services.inventory.service import Counted
from services.parties.access import CurrentActor
from services.web.http import DatabaseSession, Moment

router = APIRouter(tags=["inventory"])
router.include_router(acts_api.router)
router.include_router(recalls_api.router)


def count_out(counted: Counted) -> CountOut:
    return CountOut(
        **counted.count.model_dump(exclude={"counted_by", "content_digest"}),
        entry_id=counted.entry_id,
        before_base=counted.before,
        difference_base=counted.difference,
    )


@router.get("/stock")
def show_stock(
    session: DatabaseSession,
    actor: CurrentActor,
    site: Annotated[str | None, Query()] = None,
    item: Annotated[str | None, Query()] = None,
    at: Annotated[
        Moment | None,
        Query(description="As of this moment in the world; then by site and item, without lots"),
    ] = None,
) -> list[StockOut]:
    """What stands where, in pieces: at your own sites, or, at a desk, everywhere."""
    sites = visible_sites(session, actor, site)
    if item is not None:
        catalog.get_item(session, item)
    if at is None:
        rows = service.stock(session, sites=sites, item=item)
    else:
        rows = service.stock_at(session, at, sites=sites, item=item)
    return [StockOut(**asdict(row)) for row in rows]


@router.post("/counts", status_code=status.HTTP_201_CREATED)
def count_stock(
    body: CountIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> CountOut:
    """A stocktake of one lot at a site of yours: posts the difference, or nothing.

    It finds again at most what ever came to that shelf; a lot that never stood there is refused.
    """
    counted, created = service.count(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return count_out(counted)
