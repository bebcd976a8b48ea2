"""The public's figures: what came in, what went out, what is where, and who got how much."""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from services.catalog import service as catalog
from services.journal.kinds import AccountKind
from services.journal.read import totals
from services.parties.models import Site, SiteKind
from services.requests import service as requests

_ORIGINS = (AccountKind.DONOR, AccountKind.SUPPLIER, AccountKind.PRODUCER)


@dataclass(frozen=True, slots=True)
class Total:
    """``quantity`` of a commodity in one state, over every holder, in its base unit."""

    commodity: str
    kind: str
    state: str
    quantity: int


@dataclass(slots=True)
class ItemFigures:
    """Pieces of one item. What came in is on hand, reserved, under way, handed over or lost."""

    item: str
    came_in: int = 0
    on_hand: int = 0
    reserved: int = 0
    in_transit: int = 0
    handed_over: int = 0
    rejected: int = 0
    lost: int = 0


@dataclass(slots=True)
class SiteFigures:
    """Pieces asked for by one site, and how far they came.

    What lapsed was asked for and never came: to the public it is ``outstanding`` as before.
    """

    site: str
    needed: int = 0
    reserved: int = 0
    in_transit: int = 0
    received: int = 0
    outstanding: int = 0

    @property
    def fill_ppm(self) -> int:
        return 1_000_000 * self.received // self.needed if self.needed else 0


@dataclass(frozen=True, slots=True)
class Overview:
    items: list[ItemFigures]
    hospitals: list[SiteFigures]
    stocks: dict[str, dict[str, int]] = field(default_factory=dict)


_STATE_FIELD = {
    "available": "on_hand",
    **dict.fromkeys(("quarantine", "on_hold", "recalled", "expired", "damaged"), "on_hand"),
    "reserved": "reserved",
    "in_transit": "in_transit",
    "received": "handed_over",
    "consumed": "handed_over",
    "rejected": "rejected",
    "lost": "lost",
}


def overview(session: Session) -> Overview:
    """Everything that the public home shows, from the journal and the needs as they stand."""
    figures = {item.code: ItemFigures(item.code) for item in catalog.items(session)}
    stocks: dict[str, dict[str, int]] = defaultdict(dict)
    for (commodity, kind, holder, state), quantity in totals(session).items():
        item = figures.get(commodity)
        if item is None:
            continue
        if kind in _ORIGINS:
            item.came_in -= quantity
        elif state in _STATE_FIELD:
            name = _STATE_FIELD[state]
            setattr(item, name, getattr(item, name) + quantity)
        if kind is AccountKind.SITE and state == "available":
            stocks[holder.removeprefix("site:")][commodity] = quantity
    return Overview(
        items=[item for item in figures.values() if item.came_in],
        hospitals=_hospitals(session),
        stocks={site: dict(sorted(items.items())) for site, items in sorted(stocks.items())},
    )


def _hospitals(session: Session) -> list[SiteFigures]:
    sites = session.exec(select(Site))
    askers = {SiteKind.HOSPITAL, SiteKind.RELIEF_POINT}
    found = {site.code: SiteFigures(site.code) for site in sites if site.kind in askers}
    for state in requests.served(session, requests.find_needs(session)):
        figures = found.get(state.need.site)
        if figures is None:
            continue
        figures.reserved += state.reserved
        figures.in_transit += state.in_transit
        figures.received += state.received
        figures.outstanding += state.unmet
        figures.needed += state.committed + state.unmet
    return sorted((each for each in found.values() if each.needed), key=lambda each: each.site)


def document(figures: Overview) -> dict[str, Any]:
    """The overview as JSON-safe objects."""
    return {
        "items": [asdict(item) for item in figures.items],
        "hospitals": [asdict(each) | {"fill_ppm": each.fill_ppm} for each in figures.hospitals],
        "stocks": figures.stocks,
    }


def totals_by_state(session: Session, at: datetime | None) -> list[Total]:
    """Totals over all holders, in a stable order."""
    summed: dict[tuple[str, str, str], int] = defaultdict(int)
    for (commodity, kind, _holder, state), quantity in totals(session, at=at).items():
        summed[commodity, kind.value, state] += quantity
    return [Total(*key, quantity) for key, quantity in sorted(summed.items()) if quantity]
