"""Endpoints of capacity: what makers plan and what they made, with its certificates."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from services.capacity import api_makers, api_orders, days, made, plans, service
from services.capacity.factories import own_factory, visible_sites
from services.capacity.promised import promised
from services.capacity.schemas import (
    CapacityPlanIn,
    DayState,
    PlanDayOut,
    ProductionIn,
    ProductionOut,
)
from services.capacity.schemas_makers import FileOut, ShortfallIn, ShortfallOut
from services.capacity.schemas_orders import PromisedOut
from services.capacity.shown import days_out, productions_out, promised_out
from services.catalog import service as catalog
from services.files.service import attach, open_attachment
from services.parties.access import CurrentActor
from services.web.forms import FILE_BODY, SentFile
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, answer, cut_page

router = APIRouter(tags=["capacity"])
router.include_router(api_makers.router)
router.include_router(api_orders.router)

Site = Annotated[str | None, Query()]
Item = Annotated[str | None, Query()]
First = Annotated[date | None, Query(alias="from")]
Last = Annotated[date | None, Query(alias="to")]
# By the answer's own field names.
DAY_ORDER = {
    "site": lambda it: (it.site, it.item, it.day),
    "item": lambda it: (it.item, it.site, it.day),
    "day": lambda it: (it.day, it.site, it.item),
    "planned_base": lambda it: it.planned_base,
    "actual_base": lambda it: it.actual_base,
    "ordered_base": lambda it: it.ordered_base,
    "open_base": lambda it: it.open_base,
    "due_base": lambda it: it.due_base,
}


@router.put("/capacity-plans")
def put_capacity_plan(
    body: CapacityPlanIn, session: DatabaseSession, actor: CurrentActor
) -> list[PlanDayOut]:
    """Say what a factory of yours plans to make by item and day; the newest word counts."""
    rows = plans.put_plan(session, actor, body)
    keys = {(row.item, row.day) for row in rows}
    shown = days.days(
        session,
        sites=[body.site],
        first=min(row.day for row in rows),
        last=max(row.day for row in rows),
    )
    return days_out([it for it in shown if (it.promised.item, it.promised.day) in keys])


@router.get("/capacity-plans", response_model=list[PlanDayOut])
def list_capacity_plans(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Site = None,
    item: Item = None,
    state: Annotated[
        DayState | None, Query(description="unreported: who is silent; short: a reason is missing")
    ] = None,
    first: First = None,
    last: Last = None,
) -> Any:
    """Planned beside actual, by site, item and day: your own factories', or all at a desk."""
    sites = visible_sites(session, actor, site)
    found = days.days(session, sites=sites, items=_one(session, item), first=first, last=last)
    rows = days_out([it for it in found if state in {None, it.state}])
    return answer(cut_page(rows, DAY_ORDER, asked), response, "capacity-plans")


@router.put("/shortfalls")
def tell_shortfall(
    body: ShortfallIn, session: DatabaseSession, actor: CurrentActor
) -> ShortfallOut:
    """Say why a factory of yours made less than planned on a day; the newest word counts."""
    return ShortfallOut.model_validate(days.tell_shortfall(session, actor, body))


@router.get("/capacity-promised", response_model=list[PromisedOut])
def list_promised(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Site = None,
    item: Item = None,
    first: First = None,
    last: Last = None,
) -> Any:
    """What of each day is ordered, made, still open to be ordered, and accepted but to come."""
    sites = visible_sites(session, actor, site)
    found = promised(session, first, last, sites=sites, items=_one(session, item))
    return answer(cut_page(promised_out(found), DAY_ORDER, asked), response, "capacity-promised")


@router.post("/productions", status_code=status.HTTP_201_CREATED)
def report_production(
    body: ProductionIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ProductionOut:
    """Report output: it stands on the factory's shelf as a lot. Repeating it answers 200."""
    found, created = service.report_production(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return productions_out(session, [found])[0]


@router.get("/productions", response_model=list[ProductionOut])
def list_productions(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Site = None,
    item: Item = None,
    order: Annotated[UUID | None, Query(description="Made for this production order")] = None,
    certificate: Annotated[
        bool | None, Query(description="false: without a certificate of conformity")
    ] = None,
    first: First = None,
    last: Last = None,
) -> Any:
    """Reported output, by site and day: your own factories', or all at a desk."""
    listing = made.list_productions(
        session,
        asked,
        sites=visible_sites(session, actor, site),
        item=item,
        first=first,
        last=last,
        order_id=order,
        certificate=certificate,
    )
    shown = listing.map(lambda rows: productions_out(session, rows))
    return answer(shown, response, "productions")


@router.post(
    "/productions/{id}/files", status_code=status.HTTP_201_CREATED, openapi_extra=FILE_BODY
)
def attach_file(
    id: UUID,  # noqa: A002
    session: DatabaseSession,
    actor: CurrentActor,
    file: SentFile,
    kind: Literal["certificate", "other"] = "certificate",
) -> FileOut:
    """Attach a certificate of conformity, or another file, to output of yours.

    PDF, PNG, JPEG or UTF-8 text up to 5 MB; the same file again is the same attachment.
    """
    found = made.get_production(session, actor, id)
    own_factory(session, actor, found.production.site)
    return FileOut.model_validate(attach(session, actor, made.subject_of(id), kind, file))


@router.get("/productions/{id}/files/{sha256}")
def open_file(
    id: UUID,  # noqa: A002
    sha256: str,
    session: DatabaseSession,
    actor: CurrentActor,
) -> Response:
    """A file that is attached to output: for its maker and for desks."""
    made.get_production(session, actor, id)
    return open_attachment(session, made.subject_of(id), sha256)


def _one(session: DatabaseSession, item: str | None) -> list[str] | None:
    return None if item is None else [catalog.get_item(session, item).code]
