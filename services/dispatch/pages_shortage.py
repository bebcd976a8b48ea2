"""Pages of shortages, of what arrives when, and of what may be promised."""

from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.dispatch import arrivals, promise, shortage_rules, shortages
from services.dispatch.api import READERS
from services.dispatch.desk_models import ShortageLevel, ShortageRule
from services.dispatch.shortage_api import ARRIVAL_ORDER, PROMISE_ORDER, SHORTAGE_ORDER
from services.dispatch.shortage_schemas import (
    ArrivingOut,
    PromiseOut,
    ShortageOut,
    ShortageRuleIn,
    ShortageRuleOut,
)
from services.journal.clock import refuse_far_day
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Region, Role
from services.parties.pages import sites_by_code
from services.parties.service import Actor, require_role
from services.web.forms import Form, SentForm, from_steps, in_steps
from services.web.http import DatabaseSession
from services.web.lists import Asked, ListAsked, csv_file, cut_page
from services.web.pages import redirect, render

router = APIRouter()


@router.get("/shortages")
def show_shortages(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    region: str = "",
    item: str = "",
    day: str = "",
) -> Response:
    """As it is now, or as it looks from a day."""
    require_role(actor, *READERS)
    filters = Form({"region": region, "item": item, "day": day})
    return _shortages_page(request, session, actor, asked, filters, _blank_rule(region))


@router.post("/shortages")
def put_rule(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
    asked: ListAsked,
) -> Response:
    require_role(actor, *READERS)
    with form.attempt(session):
        typed = {name: in_steps(form, name, *as_typed) for name, as_typed in _TYPED.items()}
        shortage_rules.put_rule(session, actor, form.read(ShortageRuleIn, instead=typed))
    if form.slips:
        return _shortages_page(request, session, actor, asked, Form(), form)
    return redirect(request, "/shortages", done="shortage-rule-set")


# Days with one decimal, and shares in percent: their decimals, and the most that there can be.
_TYPED = {f"{level}_days_tenths": (1, 366) for level in shortages.LEVELS[1:]} | {
    f"{level}_share_ppm": (4, 100) for level in shortages.LEVELS[1:]
}


def _blank_rule(region: str) -> Form:
    usual = ShortageRuleIn(region="-", why="-").model_dump(exclude={"region", "why"})
    shown = {name: from_steps(usual[name], decimals) for name, (decimals, _) in _TYPED.items()}
    return Form({name: str(value) for name, value in usual.items()} | shown | {"region": region})


def _shortages_page(
    request: Request, session: Session, actor: Actor, asked: Asked, filters: Form, form: Form
) -> Response:
    found = shortages.shortages(session, day=_day(filters["day"]))
    every = [ShortageOut.model_validate(each) for each in found]
    rows = [
        each
        for each in every
        if filters["region"] in {"", each.region} and filters["item"] in {"", each.item}
    ]
    if asked.is_csv:
        return csv_file(cut_page(rows, SHORTAGE_ORDER, asked).rows, "shortages", ShortageOut)
    # The worst first; where nobody asks for a region or an item, only what isn't enough.
    chosen = bool(filters["region"] or filters["item"])
    told = [each for each in rows if chosen or each.level is not ShortageLevel.ENOUGH]
    told.sort(key=lambda each: -shortages.LEVELS.index(each.level))
    listing = cut_page(told, SHORTAGE_ORDER, asked)
    by_item: dict[str, list[ShortageOut]] = {}
    for each in told:
        by_item.setdefault(each.item, []).append(each)
    regions = {row.code: row for row in session.exec(select(Region).order_by(col(Region.code)))}
    rules = session.exec(select(ShortageRule).order_by(col(ShortageRule.region)).limit(500))
    return render(
        request,
        "shortages.html",
        form.status,
        filters=filters,
        form=form.keyed("rule"),
        listing=listing,
        # A list by item, of which one opens what one looks for; sorted, it is one table.
        by_item={} if asked.sort or asked.offset else by_item,
        grid={(each.region, each.item): each for each in every},
        regions=regions,
        shown_regions=[code for code in regions if any(each.region == code for each in every)],
        shown_items=sorted({each.item for each in every}),
        items=_items(session),
        rules=[ShortageRuleOut.model_validate(rule) for rule in rules],
        levels=list(shortages.LEVELS),
        may_set=actor.role in {Role.DISPATCHER, Role.APPROVER, Role.ADMIN},
    )


@router.get("/arrivals")
def show_arrivals(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    item: str = "",
) -> Response:
    sites = arrivals.visible_sites(session, actor, site or None)
    found = arrivals.arrivals(session, sites, item=item or None)
    listing = cut_page([ArrivingOut.model_validate(each) for each in found], ARRIVAL_ORDER, asked)
    if asked.is_csv:
        return csv_file(listing.rows, "arrivals", ArrivingOut)
    return render(
        request,
        "arrivals.html",
        filters=Form({"site": site, "item": item}),
        listing=listing,
        sites=sites_by_code(session),
        items=_items(session),
        at_desk=actor.role in DESKS,
    )


@router.get("/promise")
def show_promise(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    item: str = "",
    days: str = "",
    day: str = "",
) -> Response:
    """Today, or each of some days from a day on."""
    require_role(actor, *READERS)
    wanted = int(days) if days.isascii() and days.isdigit() and len(days) < 3 else 1
    wanted = min(max(1, wanted), promise.MOST_DAYS)
    found = promise.promises(
        session,
        first=_day(day),
        days=wanted,
        sites=[site] if site else None,
        items=[item] if item else None,
    )
    listing = cut_page([PromiseOut.model_validate(each) for each in found], PROMISE_ORDER, asked)
    if asked.is_csv:
        return csv_file(listing.rows, "available-to-promise", PromiseOut)
    return render(
        request,
        "run_promise.html",
        filters=Form({"site": site, "item": item, "days": str(wanted), "day": day}),
        listing=listing,
        sites=sites_by_code(session),
        items=_items(session),
    )


def _day(text: str) -> date | None:
    """The day that is asked about; what is no day is now. InvalidInput where it is far away."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    refuse_far_day(day)
    return day


def _items(session: Session) -> dict[str, Any]:
    return {item.code: item for item in catalog.items(session)}
