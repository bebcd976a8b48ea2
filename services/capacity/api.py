"""Endpoints of capacity: what makers plan and what they made."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from services.capacity import service
from services.capacity.schemas import (
    CapacityPlanIn,
    PlanDayOut,
    ProductionIn,
    ProductionOut,
)
from services.capacity.service import PlannedDay, Produced
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.web.http import DatabaseSession

router = APIRouter(tags=["capacity"])


def plan_day_out(day: PlannedDay) -> PlanDayOut:
    return PlanDayOut(
        site=day.site,
        item=day.item,
        day=day.day,
        planned_base=day.planned,
        actual_base=day.actual,
    )


def production_out(made: Produced) -> ProductionOut:
    production = made.production
    return ProductionOut(
        id=production.id,
        entry_id=production.id,
        lot_id=made.lot_id,
        site=production.site,
        item=production.item,
        day=production.day,
        quantity_base=made.quantity,
        batch=made.batch,
        produced_on=made.produced_on,
        expires_on=made.expires_on,
        expiry_source=production.expiry_source,
        occurred_at=made.occurred_at,
    )


@router.put("/capacity-plans")
def put_capacity_plan(
    body: CapacityPlanIn, session: DatabaseSession, actor: CurrentActor
) -> list[PlanDayOut]:
    """Say what a factory of yours plans to make by item and day; the newest word counts."""
    rows = service.put_plan(session, actor, body)
    days = {(row.item, row.day) for row in rows}
    shown = service.planned_beside_actual(
        session,
        sites=[body.site],
        first=min(row.day for row in rows),
        last=max(row.day for row in rows),
    )
    return [plan_day_out(day) for day in shown if (day.item, day.day) in days]


@router.get("/capacity-plans")
def list_capacity_plans(
    session: DatabaseSession,
    actor: CurrentActor,
    site: Annotated[str | None, Query()] = None,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
) -> list[PlanDayOut]:
    """Planned beside actual, by site, item and day: your own factories', or all at a desk."""
    days = service.planned_beside_actual(
        session, sites=_visible_sites(session, actor, site), first=first, last=last
    )
    return [plan_day_out(day) for day in days]


@router.post("/productions", status_code=status.HTTP_201_CREATED)
def report_production(
    body: ProductionIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ProductionOut:
    """Report output: it stands on the factory's shelf as a lot. Repeating it answers 200."""
    made, created = service.report_production(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return production_out(made)


@router.get("/productions")
def list_productions(
    session: DatabaseSession,
    actor: CurrentActor,
    site: Annotated[str | None, Query()] = None,
) -> list[ProductionOut]:
    """Reported output, by site and day: your own factories', or all at a desk."""
    made = service.find_productions(session, sites=_visible_sites(session, actor, site))
    return [production_out(one) for one in made]


def _visible_sites(session: DatabaseSession, actor: Actor, site: str | None) -> list[str] | None:
    """Sites whose plans the actor may see; None for all.

    Raises:
        NotFound: the site asked for doesn't exist.
        Forbidden: it is another organisation's.

    """
    if actor.role in DESKS:
        return [parties.get_site(session, site).code] if site else None
    if site:
        return [parties.require_site(session, actor, site, Role.MANUFACTURER).code]
    parties.require_role(actor, Role.MANUFACTURER)
    return [row.code for row in parties.sites_of(session, actor.organisation)]
