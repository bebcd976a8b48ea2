"""Offers: a request worked out from a report, which its hospital accepts, changes or dismisses.

An offer is written down as it was worked out, so that what was suggested stays beside what was
asked for. A newer one of a site takes the place of an open one; accepting twice asks once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.clock import local_date
from services.journal.once import claim, digest_of
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.requests import service as requests
from services.requests.forecast.method import Cover, Need, covered_by, suggest
from services.requests.forecast.models import (
    DailyReport,
    OfferState,
    SupplyOffer,
    SupplyOfferLine,
)
from services.requests.forecast.reports import take_turn
from services.requests.forecast.schemas import (
    AcceptLine,
    OfferAccept,
    OfferDismiss,
    OfferIn,
)
from services.requests.forecast.supply import HORIZON_DAYS, Outlook, outlooks, total_patients
from services.requests.models import Priority
from services.requests.schemas import NeedIn, RequestIn
from services.web.http import MAX_QUANTITY

MOST_NEEDS = 200


class NoForecast(Conflict):
    code, title = "no-forecast", "Nothing can be forecast for this place yet"


class OfferDecided(Conflict):
    code, title = "offer-decided", "This offer was decided already"


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer with its lines, by item."""

    offer: SupplyOffer
    lines: tuple[SupplyOfferLine, ...]


def make_offer(session: Session, actor: Actor, body: OfferIn) -> tuple[Offer, bool]:
    """Work out a site's offer from its newest report; the same id again is the same offer.

    Raises:
        NotFound, Forbidden: an unknown site, or another organisation's.
        NoForecast: the site hasn't reported, or nothing can be said of any item; it says why.

    """
    if actor.role in DESKS:
        parties.get_site(session, body.site)
    else:
        parties.require_site(session, actor, body.site, Role.HOSPITAL)
    first = session.get(SupplyOffer, body.id)
    if first is None:
        found = outlooks(session, [body.site], body.horizon_days)
        if not found:
            raise NoForecast(
                f"Site {body.site} has sent no report: nothing is known of its patients and stock",
                field="site",
                value=body.site,
                mend="send a daily report first",
            )
        written = _write(session, actor, body, found[0])
        if written is not None:
            return written, True
        first = session.get_one(SupplyOffer, body.id)
    claim(session, _digested(first, body))
    return get_offer(session, first.id), False


def offer_after(session: Session, actor: Actor, report: DailyReport) -> Offer | None:
    """The offer that a new report gives; None where nothing is lacking or can be forecast.

    A report of a day before the newest corrects the past, and so the forecast too: its offer is
    worked out from the newest report all the same.
    """
    found = outlooks(session, [report.site])
    body = OfferIn(id=uuid5(report.id, "offer"), site=report.site, horizon_days=HORIZON_DAYS)
    if any(line.suggested_base for line in _lines(body.id, found[0])):
        return _write(session, actor, body, found[0])
    # Nothing is lacking any more: what an older report suggested isn't either.
    _supersede(session, report.site)
    return None


def _write(session: Session, actor: Actor, body: OfferIn, outlook: Outlook) -> Offer | None:
    """Write an offer with its lines; None where the id is there already."""
    lines = _lines(body.id, outlook)
    if not lines:
        gaps = sorted({str(supply.told) for supply in outlook.supplies})
        raise NoForecast(
            f"Of no item at {body.site} anything can be forecast: {', '.join(gaps) or 'no_report'}",
            field="site",
            value=body.site,
            mend="report the stock of an item on a second day, or give it a rate",
        )
    offer = _digested(
        SupplyOffer(
            id=body.id,
            site=outlook.site,
            report_id=outlook.report.id,
            day=outlook.report.day,
            horizon_days=body.horizon_days,
            growth_percent=round(100 * outlook.projection.growth, 1),
            patients_now=total_patients(outlook.report),
            patients_then=min(round(outlook.projection.points[-1]), 2**31 - 1),
            made_by=actor.user_id,
            made_at=datetime.now(UTC),
            content_digest="",
        ),
        body,
    )
    take_turn(session, outlook.site)
    _supersede(session, outlook.site)
    if not claim(session, offer):
        return None
    session.add_all(lines)
    session.flush()
    return get_offer(session, offer.id)


def _digested(offer: SupplyOffer, body: OfferIn) -> SupplyOffer:
    return SupplyOffer(
        **offer.model_dump(exclude={"content_digest"}), content_digest=digest_of(body)
    )


def _lines(offer_id: UUID, outlook: Outlook) -> list[SupplyOfferLine]:
    """A line for each item that can be forecast."""
    return [
        SupplyOfferLine(
            offer_id=offer_id,
            item=supply.item,
            method=supply.told.method,
            stock_base=supply.stock,
            received_since_base=supply.received_since,
            coming_base=supply.coming,
            asked_base=supply.asked,
            use_per_day_milli=supply.told.use_per_day_milli,
            days_left_tenths=supply.told.days_left_tenths,
            burn_base=supply.told.burn,
            essential_base=supply.told.essential,
            forecast_base=supply.told.forecast,
            suggested_base=_told(
                suggest(supply.told.forecast, supply.on_hand, supply.coming, supply.asked)
            ),
        )
        for supply in outlook.supplies
        if isinstance(supply.told, Need)
    ]


def _supersede(session: Session, site: str) -> None:
    """Of a site one offer is open: the newest."""
    session.connection().execute(
        sa.update(SupplyOffer)
        .where(col(SupplyOffer.site) == site, col(SupplyOffer.state) == OfferState.OPEN)
        .values(state=OfferState.SUPERSEDED, decided_at=datetime.now(UTC))
    )


def get_offer(session: Session, offer_id: UUID) -> Offer:
    """An offer with its lines; NotFound where there is none."""
    offer = session.get(SupplyOffer, offer_id)
    if offer is None:
        raise NotFound(f"There is no offer {offer_id}", field="offer_id", value=offer_id)
    return with_lines(session, [offer])[0]


def with_lines(session: Session, offers: Sequence[SupplyOffer]) -> list[Offer]:
    """Offers with their lines, in the order given."""
    lines: dict[UUID, list[SupplyOfferLine]] = defaultdict(list)
    wanted = among(SupplyOfferLine.offer_id, [offer.id for offer in offers])
    order = select(SupplyOfferLine).where(wanted).order_by(col(SupplyOfferLine.item))
    for line in session.exec(order):
        lines[line.offer_id].append(line)
    return [Offer(offer, tuple(lines[offer.id])) for offer in offers]


def open_offers(session: Session, sites: Collection[str]) -> list[Offer]:
    """What waits for an answer at these sites, newest first."""
    statement = (
        select(SupplyOffer)
        .where(among(SupplyOffer.site, sites), SupplyOffer.state == OfferState.OPEN)
        .order_by(col(SupplyOffer.sequence).desc())
    )
    return with_lines(session, list(session.exec(statement)))


def accept_offer(
    session: Session, actor: Actor, offer_id: UUID, body: OfferAccept
) -> tuple[Offer, bool]:
    """Post the offer as a request, as it is or as changed; the same answer again asks nothing new.

    Raises:
        NotFound, Forbidden: there is no such offer, or it is another organisation's.
        OfferDecided: it was answered otherwise, or a newer one took its place.
        InvalidInput: nothing is left to ask for, or a line can't be.

    """
    offer = _locked(session, actor, offer_id)
    digest = digest_of(body)
    if offer.state is OfferState.ACCEPTED and offer.decision_digest == digest:
        return get_offer(session, offer_id), False
    _refuse_decided(offer)
    posted_at = body.posted_at or datetime.now(UTC)
    needs = _needs(get_offer(session, offer_id), body.lines, local_date(posted_at))
    request, _ = requests.post_request(
        session,
        actor,
        RequestIn(
            id=uuid5(offer.id, "request"),
            site=offer.site,
            posted_at=body.posted_at,
            needs=needs,
            note=body.note,
            # What is open for an item is taken off the suggestion already: this comes on top.
            duplicate="keep",
        ),
    )
    _decide(session, actor, offer, OfferState.ACCEPTED, None)
    offer.decision_digest, offer.request_id = digest, request.id
    session.add(offer)
    session.flush()
    return get_offer(session, offer_id), True


def dismiss_offer(
    session: Session, actor: Actor, offer_id: UUID, body: OfferDismiss
) -> tuple[Offer, bool]:
    """Say that nothing of it is wanted, and why; raises as ``accept_offer`` does."""
    offer = _locked(session, actor, offer_id)
    if offer.state is OfferState.DISMISSED and offer.reason == body.reason:
        return get_offer(session, offer_id), False
    _refuse_decided(offer)
    _decide(session, actor, offer, OfferState.DISMISSED, body.reason)
    session.flush()
    return get_offer(session, offer_id), True


def cover_of(line: SupplyOfferLine) -> Cover | None:
    """Why nothing of an item is suggested; None where something is."""
    on_hand = max(0, line.stock_base + line.received_since_base)
    return covered_by(line.forecast_base, on_hand, line.coming_base, line.asked_base)


def covered_until(offer: SupplyOffer, line: SupplyOfferLine) -> date | None:
    """The day on which the stock runs out, where it covers the whole need; the calendar's end."""
    if cover_of(line) is not Cover.STOCK or line.days_left_tenths is None:
        return None
    days = min(line.days_left_tenths // 10, (date.max - offer.day).days)
    return offer.day + timedelta(days=days)


def priority_of(line: SupplyOfferLine) -> Priority:
    """How urgent an item is by the days that it lasts: the thresholds are assumed."""
    tenths = line.days_left_tenths
    if tenths is None or tenths >= 70:
        return Priority.ROUTINE
    if tenths >= 30:
        return Priority.URGENT
    return Priority.ASAP if tenths >= 10 else Priority.STAT


def _locked(session: Session, actor: Actor, offer_id: UUID) -> SupplyOffer:
    offer = session.get(SupplyOffer, offer_id, with_for_update=True, populate_existing=True)
    if offer is None:
        raise NotFound(f"There is no offer {offer_id}", field="offer_id", value=offer_id)
    parties.require_site(session, actor, offer.site, Role.HOSPITAL)
    return offer


def _refuse_decided(offer: SupplyOffer) -> None:
    if offer.state is not OfferState.OPEN:
        raise OfferDecided(
            f"Offer {offer.id} is {offer.state}",
            field="offer_id",
            value=offer.id,
            mend="look at the newest offer, or post a request of your own",
        )


def _decide(
    session: Session, actor: Actor, offer: SupplyOffer, state: OfferState, reason: str | None
) -> None:
    record_change(session, actor, f"offer:{offer.id}", f"{offer.state} → {state}", reason)
    offer.state, offer.reason = state, reason
    offer.decided_by, offer.decided_at = actor.user_id, datetime.now(UTC)
    session.add(offer)


def _needs(offer: Offer, changed: Iterable[AcceptLine], posted_on: date) -> list[NeedIn]:
    """The request's lines: the suggestions, with what the hospital changed."""
    changes: dict[str, AcceptLine] = {}
    known = {line.item for line in offer.lines}
    for index, change in enumerate(changed):
        if change.item in changes or change.item not in known:
            why = "stands here twice" if change.item in changes else "isn't in this offer"
            raise InvalidInput(
                f"{change.item} {why}",
                field=f"lines[{index}].item",
                value=change.item,
                mend="name items of the offer, once each",
            )
        changes[change.item] = change
    needs = [
        need
        for line in offer.lines
        if (need := _need(line, changes.get(line.item), posted_on, offer.offer.horizon_days))
    ]
    if not 0 < len(needs) <= MOST_NEEDS:
        raise InvalidInput(
            f"{len(needs)} items are left to ask for",
            field="lines",
            mend=f"leave 1 to {MOST_NEEDS} items with a quantity above 0, or dismiss the offer",
        )
    return needs


def _need(
    line: SupplyOfferLine, change: AcceptLine | None, posted_on: date, horizon_days: int
) -> NeedIn | None:
    quantity = line.suggested_base if change is None else change.quantity
    if not quantity:
        return None
    lasts = horizon_days if line.days_left_tenths is None else line.days_left_tenths // 10
    need_by = posted_on + timedelta(days=min(lasts, horizon_days))
    return NeedIn(
        item=line.item,
        quantity=quantity,
        unit=change.unit if change else "piece",
        priority=(change and change.priority) or priority_of(line),
        need_by=(change and change.need_by) or need_by,
        stock_on_hand_base=_told(line.stock_base + line.received_since_base),
        use_per_day_base=_told(-(-line.use_per_day_milli // 1000)),
        suggested_base=line.suggested_base,
    )


def _told(pieces: int) -> int:
    """Pieces as a need may say them."""
    return min(max(0, pieces), MAX_QUANTITY)
