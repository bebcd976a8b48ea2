"""The public's pages: what came in and went out, where a donation went, and how to check it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.audit import service
from services.audit.anchoring import progress
from services.audit.overview import Total, overview, totals_by_state
from services.audit.signed import signed_count, signers_of
from services.audit.trace import Trace, TracedLot, trace
from services.catalog import service as catalog
from services.donations.became import lots_of
from services.donations.models import Donation, Fund
from services.errors import NotFound
from services.journal.kinds import ALLOWED_MOVES, AccountKind
from services.journal.read import find_entry, find_leaf, holdings
from services.journal.reversals import both_sides, reversals_of
from services.parties.access import MaybeActor
from services.parties.models import Organisation, Region
from services.parties.pages import names_of_organisations, sites_by_code
from services.requests import service as requests
from services.transport.models import Shipment
from services.web.forms import Form, Slip
from services.web.http import DatabaseSession
from services.web.i18n import language_of, to_gettext, wall_zone
from services.web.pages import redirect, render

router = APIRouter()

_LATEST = 8
# How many times as many donations are looked through for those that were received.
_LOOK_THROUGH = 25
_NO_SUCH_DONATION = to_gettext("There is no donation with this number")


@dataclass(slots=True)
class MoneyFigures:
    """Minor units of one currency. What came in is available, spent on goods, or paid out."""

    currency: str
    came_in: int = 0
    available: int = 0
    spent: int = 0
    paid_out: int = 0


_MONEY_FIELD = {"available": "available", "traded": "spent", "paid": "paid_out"}


@router.get("/")
def show_home(
    request: Request,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
    donation: str = "",
) -> Response:
    """Everything in figures; with ``donation``, to its trace."""
    form = Form({"donation": donation})
    if donation:
        found = _as_uuid(donation)
        if found and session.get(Donation, found):
            return redirect(request, f"/donations/{found}")
        slip = Slip("donation", "no-such-donation", _NO_SUCH_DONATION, "", "")
        form.slips.append(slip)
        form.status = 404
    figures = overview(session)
    totals = totals_by_state(session, None)
    expired = _expired(session)
    return render(
        request,
        "home.html",
        form.status,
        form=form,
        figures=figures,
        money=_money(session, totals),
        stocktakes=_stocktakes(totals),
        expired=expired,
        expired_pieces=sum(expired.by_item.values()),
        came_in=sum(item.came_in for item in figures.items),
        handed_over=sum(item.handed_over for item in figures.items),
        in_transit=sum(item.in_transit for item in figures.items),
        on_hand=sum(item.on_hand + item.reserved for item in figures.items),
        needed=sum(each.needed for each in figures.hospitals),
        latest=_latest(session, language_of(request.url.path)),
        log=service.log_status(session),
        **_names(request, session),
    )


@router.get("/donations/{donation_id}")
def show_trace(
    request: Request,
    donation_id: str,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
) -> Response:
    """Where each piece of a donation went."""
    found = _as_uuid(donation_id)
    if found is None:
        raise NotFound(f"{donation_id[:80]} isn't the number of a donation")
    followed = trace(session, found)
    fund = session.get(Fund, followed.donation.fund) if followed.donation.fund else None
    return render(
        request,
        "trace.html",
        trace=followed,
        fund=fund,
        region=_region(session, followed),
        stands=_stands(session, followed),
        taken_back=_taken_back(session, followed),
        shipments=_destinations(session, followed),
        **_names(request, session),
    )


@router.get("/entries/{entry_id}")
def show_entry(
    request: Request,
    entry_id: UUID,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
) -> Response:
    """One entry: what it says, and its place in the log."""
    entry = find_entry(session, entry_id)
    if entry is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    leaf = find_leaf(session, entry_id)
    anchored = leaf is not None and leaf.index < service.anchored_size(session)
    return render(
        request,
        "entry.html",
        entry=entry,
        text=entry.body.decode(),
        leaf=leaf,
        anchored=anchored,
        signatures=signers_of(entry),
        both=both_sides(session, entry),
        moves_something=bool(ALLOWED_MOVES[entry.kind]),
        organisations=names_of_organisations(session, language_of(request.url.path)),
        log=service.log_status(session),
    )


@router.get("/log")
def show_log(
    request: Request,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
) -> Response:
    """How far the log has come, and how anybody can check it."""
    log = service.log_status(session)
    note = service.newest_checkpoint(session).note if log.anchored else None
    far, signed = progress(session), signed_count(session)
    return render(request, "log.html", log=log, far=far, note=note, signed=signed)


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


@dataclass(slots=True)
class Expired:
    """Free pieces whose expiry date has passed, by item, and by site and item."""

    by_item: dict[str, int]
    by_site: dict[str, int]


def _expired(session: Session) -> Expired:
    """What stands on the books as free stock but may not be handed to anybody any more."""
    today = datetime.now(wall_zone()).date()
    found = Expired(defaultdict(int), defaultdict(int))
    for state in ("available", "quarantine"):
        for held in holdings(session, kinds=[AccountKind.SITE], state=state):
            if held.expires_on is not None and held.expires_on < today:
                found.by_item[held.commodity] += held.quantity
                if state == "available":
                    found.by_site[held.holder.removeprefix("site:")] += held.quantity
    return found


def _stocktakes(totals: Sequence[Total]) -> dict[str, int]:
    """Pieces of each item that stocktakes missed; below zero where they found more."""
    found: dict[str, int] = defaultdict(int)
    for total in totals:
        if total.state == "adjusted":
            found[total.commodity] += total.quantity
    return {item: quantity for item, quantity in found.items() if quantity}


def _money(session: Session, totals: Sequence[Total]) -> list[MoneyFigures]:
    """By currency: what came into the funds, and what they did with it."""
    items = {item.code for item in catalog.items(session)}
    found: dict[str, MoneyFigures] = {}
    for total in totals:
        if total.commodity in items:
            continue
        money = found.setdefault(total.commodity, MoneyFigures(total.commodity))
        if total.kind == "donor":
            money.came_in -= total.quantity
        elif total.state in _MONEY_FIELD:
            name = _MONEY_FIELD[total.state]
            setattr(money, name, getattr(money, name) + total.quantity)
    return list(found.values())


def _latest(session: Session, language: str) -> list[tuple[Donation, str | None]]:
    """The newest received donations with their donor's name, None for who isn't to be named."""
    statement = (
        select(Donation, Organisation)
        .join(Organisation, col(Organisation.code) == col(Donation.donor))
        .where(col(Donation.cancelled_at).is_(None))
        .order_by(col(Donation.given_at).desc(), col(Donation.id))
    )
    found: list[tuple[Donation, str | None]] = []
    # What is only promised is no help yet, however much of it there is.
    for start in range(0, _LATEST * _LOOK_THROUGH, _LATEST):
        rows = session.exec(statement.offset(start).limit(_LATEST)).all()
        lots = lots_of(session, [donation.id for donation, _ in rows])
        found += [
            (donation, None if donation.anonymous or not donor.public else _name(donor, language))
            for donation, donor in rows
            if lots[donation.id]
        ]
        if len(found) >= _LATEST or len(rows) < _LATEST:
            break
    return found[:_LATEST]


def _name(thing: Organisation, language: str) -> str:
    return thing.name_zh if language == "zh" else thing.name_en


def _region(session: Session, followed: Trace) -> Region | None:
    donation = followed.donation
    named = donation.earmark_kind == "region" and donation.earmark
    return session.get(Region, donation.earmark) if named else None


@dataclass(slots=True)
class Stand:
    """What of a lot is in one state at one place; ``meant_for`` is the site it is set aside for."""

    state: str
    holder: str
    meant_for: str | None
    quantity: int = 0


def _stands(session: Session, followed: Trace) -> dict[UUID, list[Stand]]:
    """Where each lot is, added up by place: one line for all the needs of one hospital."""
    lots = _all_lots(followed)
    needs = {each.account: _need_of(each.account) for lot in lots for each in lot.standings}
    sites = {
        need.id: need.site
        for need in requests.get_needs(session, {each for each in needs.values() if each}).values()
    }
    places = _destinations(session, followed)
    found: dict[UUID, list[Stand]] = {}
    for lot in lots:
        added: dict[tuple[str, str, str | None], Stand] = {}
        for each in lot.standings:
            need = needs[each.account]
            meant_for = sites.get(need) if need and each.state == "reserved" else None
            place = places.get(each.holder, each.holder)
            key = (each.state, place, meant_for)
            stand = added.setdefault(key, Stand(each.state, each.holder, meant_for))
            stand.quantity += each.quantity
        found[lot.lot_id] = list(added.values())
    return found


def _need_of(account: str) -> UUID | None:
    """The need that an account's goods are for, off its purpose."""
    _, named, need_id = account.partition("/need:")
    return UUID(need_id) if named else None


def _all_lots(followed: Trace) -> list[TracedLot]:
    return [*followed.lots, *(lot for bought in followed.purchases for lot in bought.lots)]


def _taken_back(session: Session, followed: Trace) -> dict[UUID, UUID]:
    """Of the steps of a donation's way, those that were taken back, and by which entry."""
    steps = {move.entry_id for lot in _all_lots(followed) for move in lot.moves}
    return {original: entry.id for original, entry in reversals_of(session, steps).items()}


def _destinations(session: Session, followed: Trace) -> dict[str, str]:
    """Where each shipment that carries some of it goes, by the shipment's account holder."""
    accounts = {
        account
        for lot in _all_lots(followed)
        for move in lot.moves
        for account in (move.source, move.target)
    }
    holders = {account.partition("/")[0] for account in accounts}
    ids = [UUID(each.partition(":")[2]) for each in holders if each.startswith("shipment:")]
    rows = session.exec(select(Shipment).where(col(Shipment.id).in_(ids)))
    return {f"shipment:{row.id}": row.destination for row in rows}


def _names(request: Request, session: Session) -> dict[str, Any]:
    return {
        "items": {item.code: item for item in catalog.items(session)},
        "sites": sites_by_code(session),
        "organisations": names_of_organisations(session, language_of(request.url.path)),
    }
