"""Endpoints of shortages, of what arrives when, and of what may be promised."""

from collections.abc import Callable, Mapping
from datetime import date
from operator import attrgetter
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.dispatch import arrivals, promise, shortage_rules, shortages
from services.dispatch.api import READERS
from services.dispatch.desk_models import ShortageLevel
from services.dispatch.shortage_schemas import (
    ArrivingOut,
    PromiseOut,
    ShortageOut,
    ShortageRuleIn,
    ShortageRuleOut,
)
from services.journal.clock import refuse_far_day
from services.parties.access import CurrentActor
from services.parties.service import require_role
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer, cut_page

router = APIRouter(tags=["dispatch"])

_Order = Mapping[str, Callable[[Any], Any]]
SHORTAGE_ORDER: _Order = {
    "region": lambda row: (row.region, row.item),
    "item": lambda row: (row.item, row.region),
    "level": lambda row: shortages.LEVELS.index(row.level),
    **{
        name: attrgetter(name)
        for name in ("outstanding", "free", "uncovered", "uncovered_ppm", "days_tenths")
    },
}
ARRIVAL_ORDER: _Order = {
    **{
        name: attrgetter(name)
        for name in ("destination", "day", "item", "quantity_base", "origin", "days_late")
    },
    "state": lambda row: row.state or "",
}
PROMISE_ORDER: _Order = {
    "site": lambda row: (row.site, row.item, row.day),
    "item": lambda row: (row.item, row.site, row.day),
    **{
        name: attrgetter(name)
        for name in ("day", "on_hand", "reserved", "due", "available_to_promise")
    },
}


@router.get("/shortages", response_model=list[ShortageOut])
def list_shortages(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    region: str | None = None,
    item: str | None = None,
    level: ShortageLevel | None = None,
    here: bool | None = None,
    day: Annotated[date | None, Query(description="As it looks from this day; else now")] = None,
) -> object:
    """How short each item is in each region, and why. `here`: only regions that sites lie in."""
    require_role(actor, *READERS)
    if day is not None:
        refuse_far_day(day)
    wanted = {"region": region, "item": item, "level": level, "here": here}
    rows = [
        ShortageOut.model_validate(each)
        for each in shortages.shortages(session, day=day)
        if all(value is None or getattr(each, name) == value for name, value in wanted.items())
    ]
    return answer(cut_page(rows, SHORTAGE_ORDER, asked), response, "shortages")


@router.put("/shortage-rules")
def put_rule(
    body: ShortageRuleIn, session: DatabaseSession, actor: CurrentActor
) -> ShortageRuleOut:
    """Draw a region's lines between the levels, for one item or (`*`) for all."""
    return ShortageRuleOut.model_validate(shortage_rules.put_rule(session, actor, body))


@router.get("/arrivals", response_model=list[ArrivingOut])
def list_arrivals(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: Code | None = None,
    item: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> object:
    """What arrives when: a hospital sees its own, desks see all."""
    sites = arrivals.visible_sites(session, actor, site)
    found = arrivals.arrivals(session, sites, item=item, first=first, last=last)
    rows = [ArrivingOut.model_validate(each) for each in found]
    return answer(cut_page(rows, ARRIVAL_ORDER, asked), response, "arrivals")


@router.get("/available-to-promise", response_model=list[PromiseOut])
def list_promises(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    site: str | None = None,
    item: str | None = None,
    day: date | None = None,
    days: Annotated[int, Query(ge=1, le=promise.MOST_DAYS, description="Days from day on")] = 1,
) -> object:
    """On hand less reserved, plus due, by site, item and day."""
    require_role(actor, *READERS)
    if day is not None:
        refuse_far_day(day)
    found = promise.promises(
        session,
        first=day,
        days=days,
        sites=None if site is None else [site],
        items=None if item is None else [item],
    )
    rows = [PromiseOut.model_validate(each) for each in found]
    return answer(cut_page(rows, PROMISE_ORDER, asked), response, "available-to-promise")
