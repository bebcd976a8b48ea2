"""The page of a region's desk: what waits for it, from every desk's own readings."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.community import offers
from services.database import among
from services.dispatch.desk_models import ShortageLevel
from services.dispatch.shortages import LEVELS, shortages
from services.journal.clock import local_date
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Region, Site
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.requests import living
from services.requests.desks import desk_of_region, desks, may_decide
from services.requests.help import service as help_calls
from services.requests.help.models import WAITING, HelpCall
from services.requests.listing import StateFilter, Wanted, list_needs
from services.requests.models import LIVE, Need
from services.requests.service import Served, served
from services.web.forms import Form
from services.web.http import DatabaseSession
from services.web.lists import Asked
from services.web.pages import render

router = APIRouter()

# So many lines of each kind; the lists that they link to have the rest.
_SHOWN = 12


@router.get("/region-desk")
def show_region(
    request: Request, session: DatabaseSession, actor: CurrentActor, region: str = ""
) -> Response:
    """One region, and those within it: its own desk's, where nobody names another."""
    parties.require_role(actor, *DESKS)
    regions = {row.code: row for row in session.exec(select(Region).order_by(col(Region.code)))}
    code = region if region in regions else _own_region(session, actor, list(regions))
    first = Asked(request, limit=_SHOWN, sort="priority")
    desk = desk_of_region(session, code)
    return render(
        request,
        "region_desk.html",
        region=regions[code],
        regions=regions,
        filters=Form({"region": code}),
        desk=parties.get_organisation(session, desk) if desk else None,
        may_decide=may_decide(session, actor, code),
        # Of one priority the oldest first: they come in the order in which they were recorded.
        to_approve=list_needs(
            session, actor, Wanted(region=code, state=StateFilter.SUBMITTED), first
        ),
        lapsing=_lapsing(session, code),
        lapses_at=living.lapses_at,
        short=_short(session, code),
        calls=_calls(session, actor, code),
        low=_low(session, code),
        sites=sites_by_code(session),
        items={item.code: item for item in catalog.items(session)},
    )


def _own_region(session: Session, actor: Actor, known: list[str]) -> str:
    """The region that the actor's organisation is the desk of.

    Where it is of none, the smallest that holds all its places; where it has none, the first.
    """
    own = sorted(code for code, desk in desks(session).items() if desk == actor.organisation)
    above = parties.regions_above(session)
    chains = [above[site.region] for site in parties.sites_of(session, actor.organisation)]
    shared = [code for code in chains[0] if all(code in it for it in chains)] if chains else []
    return (own or shared or known)[0]


def _sites_in(session: Session, region: str) -> list[str]:
    above = parties.regions_above(session)
    return [site.code for site in session.exec(select(Site)) if region in above[site.region]]


def _lapsing(session: Session, region: str) -> list[Served]:
    """Needs that lapse unless their hospitals say a word, the silent longest first."""
    last_word: Any = Need.last_word_recorded_at
    statement = (
        select(Need)
        .where(
            among(Need.site, _sites_in(session, region)),
            col(Need.status).in_(LIVE),
            living.silent(datetime.now(UTC), last_word, warned=True),
        )
        .order_by(last_word, col(Need.sequence))
        .limit(_SHOWN)
    )
    return [each for each in served(session, session.exec(statement)) if living.is_lapsing(each)]


def _short(session: Session, region: str) -> list[Any]:
    """How each item is covered here, where it isn't enough: the worst first."""
    found = [
        each
        for each in shortages(session)
        if each.region == region and each.level is not ShortageLevel.ENOUGH
    ]
    return sorted(found, key=lambda each: (-LEVELS.index(each.level), each.item))[:_SHOWN]


def _calls(session: Session, actor: Actor, region: str) -> list[HelpCall]:
    """Calls for help that nobody has settled, the oldest first."""
    statement = help_calls.calls(session, actor, states=WAITING, region=region)
    return list(session.exec(statement.order_by(col(HelpCall.called_at)).limit(_SHOWN)))


def _low(session: Session, region: str) -> list[offers.OfferState]:
    """Points that have too little left for the households of one slot, the emptiest first."""
    today = local_date(datetime.now(UTC))
    states = offers.states(session, offers.find_offers(session, region=region, day=today))
    low = [each for each in states if each.bookable < each.offer.bookings_per_slot]
    return sorted(low, key=lambda each: (each.bookable, each.offer.site))[:_SHOWN]
