"""Pages of stock: what is where, one lot and what is done with it, what expires, what to pick."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.catalog.scanning import fitting, take_scan
from services.errors import NotFound
from services.inventory import (
    acts,
    cards,
    disposals,
    giving_back,
    listing,
    pages_catalogue,
    pages_counts,
    pages_disposals,
    pages_recalls,
    picking,
    service,
)
from services.inventory.access import kept_sites, visible_sites
from services.inventory.act_schemas import (
    DESTROYED,
    ConsumeIn,
    ExpiredIn,
    GiveBackIn,
    Held,
    LossCause,
    LossIn,
    PlaceIn,
    RepackIn,
    Shelf,
    SortIn,
    ToGiverIn,
    Unusable,
)
from services.inventory.api import State, check_day
from services.inventory.disposal_schemas import DisposalIn
from services.inventory.pages_base import names, names_with_organisations, packed
from services.inventory.schemas import CardLineOut, PickAsked
from services.journal.reversals import HowItStands, how_they_stand
from services.journal.stops import stopped_lots
from services.parties.access import CurrentActor
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Form, SentForm, now_input
from services.web.http import DatabaseSession, Moment
from services.web.lists import LEFT_EMPTY, ListAsked, csv_file, cut_page
from services.web.pages import redirect, render

_PICK_FIELDS = frozenset({"site", "item", "quantity", "unit", "arrives_on", "scan"})
_USUAL_DAYS = 60

router = APIRouter()
for part in (pages_recalls, pages_counts, pages_disposals, pages_catalogue):
    router.include_router(part.router)


@router.get("/stock")
def show_stock(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    item: str = "",
    site: str = "",
    state: Annotated[State | None, LEFT_EMPTY] = None,
    scan: str = "",
) -> Response:
    """Stock by place, item and lot, what expires first on top: one's own, or all at a desk.

    ``scan`` shows the lots that what a scanner read can be of, to put them away or sort them.
    """
    filters = Form({"item": item, "site": site, "state": state or "", "scan": scan})
    known = names(session)
    own = visible_sites(session, actor, None)
    visible = list(known["sites"]) if own is None else own
    wanted = [code for code in visible if site in {"", code}]
    rows = service.stock(session, sites=wanted, item=item or None)
    with filters.attempt(session):
        rows = fitting(session, scan, rows)
    found = listing.stock_listing(session, asked, rows, state, own=own is not None)
    if asked.is_csv:
        return csv_file(found.rows, "stock")
    return render(
        request,
        "stock.html",
        filters.status,
        listing=found,
        states=service.STATES,
        holders=[known["sites"][code] for code in visible],
        filters=filters,
        packing=packed(session),
        **known,
    )


@router.get("/stock/lots/{lot_id}")
def show_lot(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    lot_id: UUID,
    site: str = "",
) -> Response:
    """One lot at one site: what stands there, its card, and what its keeper can do with it."""
    lot = acts.get_lot(session, lot_id)
    if not site:
        raise NotFound("This page is of a lot at a place", field="site", value=site)
    visible_sites(session, actor, site)
    return _lot_page(request, session, actor, (lot.id, site), asked, {})


_Act = Callable[[Session, Actor, Any], Any]
_ACTS: Mapping[str, tuple[type[Any], _Act, str]] = MappingProxyType(
    {
        "sort": (SortIn, acts.sort_lot, "stock-sorted"),
        "lose": (LossIn, acts.write_off, "stock-lost"),
        "give-back": (GiveBackIn, acts.give_back, "stock-given-back"),
        "to-giver": (ToGiverIn, giving_back.to_giver, "stock-to-giver"),
        "destroy": (DisposalIn, disposals.ask, "disposal-asked"),
        "use": (ConsumeIn, acts.consume, "stock-used"),
        "repack": (RepackIn, acts.repack, "stock-repacked"),
        "place": (PlaceIn, acts.put_away, "stock-placed"),
    }
)


@router.post("/stock/lots/{lot_id}/{act}")
def do_act(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    lot_id: UUID,
    act: str,
    form: SentForm,
) -> Response:
    """One of the forms of a lot's page."""
    if act not in _ACTS:
        raise NotFound(f"There is nothing at {request.url.path}")
    schema, work, done = _ACTS[act]
    acts.get_lot(session, lot_id)
    form.keyed(act)
    with form.attempt(session):
        more = _as_typed(form["parts"]) | {"lot_id": str(lot_id)}
        work(session, actor, form.read(schema, leave_out=("parts",), instead=more))
    if not form.slips:
        return redirect(request, f"/stock/lots/{lot_id}", site=form["site"], done=done)
    visible_sites(session, actor, form["site"])
    return _lot_page(request, session, actor, (lot_id, form["site"]), asked, {act: form})


def _as_typed(parts: str) -> dict[str, str]:
    """A repacking's new lots, as typed with commas: ``60, 40``."""
    split = [each.strip() for each in parts.replace("，", ",").split(",") if each.strip()]
    return {f"into[{at}]": each for at, each in enumerate(split[:100])}


def _lot_page(
    request: Request,
    session: Session,
    actor: Actor,
    what: tuple[UUID, str],
    asked: ListAsked,
    sent: Mapping[str, Form],
) -> Response:
    lot_id, site = what
    lot = acts.get_lot(session, lot_id)
    lines = cards.stock_card(session, site, lot_id=lot_id)
    own = service.stock(session, sites=[site], item=lot.commodity)
    standing = next((row for row in own if row.lot_id == lot_id), None)
    place = acts.places_of(session, [lot_id]).get((site, lot_id), "")
    card = cut_page(lines[::-1], {"occurred_at": lambda line: line.occurred_at}, asked)
    return render(
        request,
        "stock_lot.html",
        next((form.status for form in sent.values()), 200),
        lot=lot,
        site=site,
        standing=standing,
        place=place,
        states=service.STATES,
        stop=stopped_lots(session, [lot_id]).get(lot_id),
        card=card,
        stands=_stands(session, actor, card.rows),
        forms={name: sent.get(name) or _blank(name, site, place) for name in _ACTS},
        keeps=site in {each.code for each in kept_sites(session, actor)},
        may_recall=actor.role in {Role.DISPATCHER, Role.APPROVER, Role.ADMIN},
        held=list(Held),
        shelves=list(Shelf),
        causes=[cause for cause in LossCause if cause not in DESTROYED],
        unusable=[state for state in Unusable if standing and standing.of(state)],
        giver=giving_back.giver_of(session, lot),
        units=[catalog.BASE_UNIT, *(unit for unit, _ in packed(session).get(lot.commodity, []))],
        packing=packed(session),
        **names_with_organisations(request, session),
    )


def _stands(
    session: Session, actor: Actor, lines: Sequence[cards.CardLine]
) -> dict[UUID, HowItStands]:
    """Of each entry on a card, who said it, and whether it was taken back."""
    ids = {line.entry_id for line in lines}
    return how_they_stand(session, ids, reader=actor.reads_reasons_of)


def _blank(act: str, site: str, place: str) -> Form:
    if act == "place":
        return Form({"site": site, "place": place}).keyed(act)
    put = {"sort": "quarantine", "give-back": "available"}.get(act)
    taken = "available" if act in {"sort", "lose"} else None
    form = Form.blank(site=site, occurred_at=now_input(), unit="piece", put_to=put)
    return Form(form.values | ({"taken_from": taken} if taken else {})).keyed(act)


@router.get("/stock/card")
def show_card(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str,
    item: str,
    at: Annotated[Moment | None, Query()] = None,
) -> Response:
    """An item's movements at a place, with the running balance, up to any moment."""
    visible_sites(session, actor, site)
    catalog.get_item(session, item)
    lines = cards.stock_card(session, site, item=item, at=at)
    found = cut_page(lines[::-1], {"occurred_at": lambda line: line.occurred_at}, asked)
    if asked.is_csv:
        return csv_file([CardLineOut.model_validate(line) for line in found.rows], "stock-card")
    return render(
        request,
        "stock_card.html",
        card=found,
        stands=_stands(session, actor, found.rows),
        site=site,
        item=item,
        packing=packed(session),
        **names_with_organisations(request, session),
    )


@dataclass(frozen=True, slots=True)
class _Expiring:
    """What of the list of what expires is asked for: ``days`` from a day, today where none is."""

    site: str = ""
    item: str = ""
    days: int = _USUAL_DAYS
    day: date | None = None


@router.get("/stock/expiring")
def show_expiring(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    item: str = "",
    days: Annotated[Annotated[int, Field(ge=0, le=3660)] | None, LEFT_EMPTY] = None,
    day: Annotated[date | None, LEFT_EMPTY] = None,
) -> Response:
    """What expires soon or has expired, and one button that takes the expired off the shelf."""
    check_day(day, "day")
    wanted = _Expiring(site, item, _USUAL_DAYS if days is None else days, day)
    return _expiring_page(request, session, actor, asked, wanted, Form.blank())


@router.post("/stock/expiring/take-off")
def take_off_expired(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        acts.take_off_expired(session, actor, form.read(ExpiredIn))
    if not form.slips:
        return redirect(request, "/stock/expiring", done="stock-expired")
    return _expiring_page(request, session, actor, asked, _Expiring(), form)


def _expiring_page(
    request: Request,
    session: Session,
    actor: Actor,
    asked: ListAsked,
    wanted: _Expiring,
    form: Form,
) -> Response:
    sites = visible_sites(session, actor, wanted.site or None)
    rows = listing.expiring(
        session, sites=sites, item=wanted.item or None, days=wanted.days, day=wanted.day
    )
    rows.sort(key=lambda row: row.expires_on)
    found = cut_page(rows, listing.EXPIRY_ORDER, asked)
    if asked.is_csv:
        return csv_file(found.rows, "expiring")
    kept = {each.code for each in kept_sites(session, actor)}
    filters = {
        "site": wanted.site,
        "item": wanted.item,
        "days": str(wanted.days),
        "day": str(wanted.day or ""),
    }
    return render(
        request,
        "stock_expiring.html",
        form.status,
        listing=found,
        gone=[r for r in found.rows if r.days_left <= 0 and r.available and r.site in kept],
        form=form,
        # Taken off a shelf of the past, it was so by the end of that day.
        now=f"{wanted.day}T23:59" if wanted.day else now_input(),
        filters=Form(filters),
        packing=packed(session),
        **names(session),
    )


@router.get("/stock/pick")
def suggest_pick(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """Which lots to take for so many of an item, and what was skipped and why."""
    form = Form({name: request.query_params.get(name, "") for name in _PICK_FIELDS})
    found, pieces = None, 0
    take_scan(session, form)
    with form.attempt(session):
        if form["site"] and form["item"] and form["quantity"]:
            wanted = form.read(PickAsked, leave_out=("scan",))
            visible_sites(session, actor, wanted.site)
            pieces = catalog.to_pieces(session, wanted.item, wanted.quantity, wanted.unit)
            found = picking.suggest_pick(
                session, wanted.site, wanted.item, pieces, wanted.arrives_on
            )
    own = visible_sites(session, actor, None)
    known = names(session)
    return render(
        request,
        "stock_pick.html",
        form.status,
        form=form,
        found=found,
        pieces=pieces,
        holders=[s for code, s in known["sites"].items() if own is None or code in own],
        units=catalog.units(session),
        packing=packed(session),
        **known,
    )
