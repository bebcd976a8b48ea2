"""Stock by site, item and lot, now and as of any moment: readings of the journal."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlmodel import Session

from services.journal.clock import local_date
from services.journal.kinds import AccountKind
from services.journal.read import Holding, holdings, totals

# All that stands at a site; what was received is the hospital's own, to use or to give back.
STATES = (
    "available",
    "reserved",
    "quarantine",
    "on_hold",
    "recalled",
    "expired",
    "damaged",
    "rejected",
    "received",
)
_AT_SITES = (AccountKind.SITE, AccountKind.RECIPIENT)


@dataclass(frozen=True, slots=True)
class Stock:
    """What stands at a site, in pieces: one lot, or, as of a past moment, one item."""

    site: str
    item: str
    lot_id: UUID | None
    batch: str | None
    produced_on: date | None
    expires_on: date | None
    origin: str | None
    available: int
    reserved: int
    quarantine: int
    on_hold: int
    recalled: int
    expired: int
    damaged: int
    rejected: int
    received: int

    def of(self, state: str) -> int:
        """The pieces in one of ``STATES``."""
        return int(getattr(self, state))


@dataclass(frozen=True, slots=True)
class OnHand:
    """What a site has of an item, in pieces: free and good, and set aside for needs."""

    available: int
    reserved: int


def stock(
    session: Session, *, sites: Collection[str] | None = None, item: str | None = None
) -> list[Stock]:
    """What stands where now, by site, item and lot, first to expire first."""
    held: dict[tuple[str, UUID], dict[str, int]] = defaultdict(lambda: dict.fromkeys(STATES, 0))
    told: dict[tuple[str, UUID], Holding] = {}
    for holding in holdings(session, kinds=_AT_SITES, commodity=item):
        kind, _, site = holding.holder.partition(":")
        if kind == "site" and (sites is None or site in sites):
            held[site, holding.lot_id][holding.state] += holding.quantity
            told.setdefault((site, holding.lot_id), holding)
    rows = [
        Stock(
            site=site,
            item=told[site, lot_id].commodity,
            lot_id=lot_id,
            batch=told[site, lot_id].batch,
            produced_on=told[site, lot_id].produced_on,
            expires_on=told[site, lot_id].expires_on,
            origin=told[site, lot_id].origin,
            **quantities,
        )
        for (site, lot_id), quantities in held.items()
    ]
    # The journal's own order, first to expire first, stays within a site and item.
    return sorted(rows, key=lambda row: (row.site, row.item))


def on_hand(
    session: Session,
    *,
    good_on: date | None = None,
    sites: Collection[str] | None = None,
    item: str | None = None,
) -> dict[tuple[str, str], OnHand]:
    """What is free and what is set aside now, as ``{(site, item): OnHand}``.

    Lots that have expired by the local day ``good_on`` (today where it isn't given) aren't counted
    as available: nothing can be picked of them.
    """
    day = good_on or local_date(datetime.now(UTC))
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in stock(session, sites=sites, item=item):
        if row.expires_on is None or row.expires_on > day:
            found[row.site, row.item][0] += row.available
        found[row.site, row.item][1] += row.reserved
    return {key: OnHand(*both) for key, both in found.items()}


def stock_at(
    session: Session,
    at: datetime,
    *,
    sites: Collection[str] | None = None,
    item: str | None = None,
) -> list[Stock]:
    """What stood where at a moment of the world, by site and item."""
    held: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(STATES, 0))
    for (commodity, kind, holder, state), quantity in totals(session, at=at).items():
        place, _, site = holder.partition(":")
        wanted = (sites is None or site in sites) and item in {None, commodity}
        if kind in _AT_SITES and place == "site" and wanted:
            held[site, commodity][state] += quantity
    return [
        Stock(
            site=site,
            item=commodity,
            lot_id=None,
            batch=None,
            produced_on=None,
            expires_on=None,
            origin=None,
            **quantities,
        )
        for (site, commodity), quantities in sorted(held.items())
    ]
