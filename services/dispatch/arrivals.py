"""What arrives when: shipments planned or under way, and what a plan expects, by site and day."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import Session

from services.dispatch.expected import expectations
from services.dispatch.promise import lines_coming
from services.dispatch.schemas import ExpectedOut
from services.journal.clock import local_date
from services.journal.read import get_lots
from services.parties import service as parties
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.transport.models import Shipment, ShipmentState
from services.transport.tracking import expected_at, positions_of


@dataclass(frozen=True, slots=True)
class Arriving:
    """``quantity_base`` pieces of an item on one shipment.

    ``day`` is the carrier's newest estimate (``estimated``), else the day that was planned. What
    the newest approved plan only expects has no shipment, but the paper that should bring it.
    """

    destination: str
    day: date
    item: str
    quantity_base: int
    shipment_id: UUID | None
    origin: str
    state: ShipmentState | None
    depart_on: date | None
    due_on: date
    estimated: bool
    expected_by: str | None = None

    @property
    def days_late(self) -> int:
        """Days after the planned one; below zero, before it."""
        return (self.day - self.due_on).days


def visible_sites(session: Session, actor: Actor, site: str | None) -> list[str] | None:
    """Whose arrivals the actor may see: at a desk all (None), a hospital's people their own.

    Raises:
        NotFound, Forbidden: no such site, another organisation's, or neither desk nor hospital.

    """
    if actor.role in DESKS:
        return [parties.get_site(session, site).code] if site else None
    if site:
        return [parties.require_site(session, actor, site, Role.HOSPITAL).code]
    parties.require_role(actor, Role.HOSPITAL)
    return [row.code for row in parties.sites_of(session, actor.organisation)]


def arrivals(
    session: Session,
    sites: Collection[str] | None,
    *,
    item: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[Arriving]:
    """By destination, day and item, what is on each shipment, and what is expected."""
    rows = lines_coming(session, sites)
    lots = get_lots(session, {line.lot_id for _, line in rows})
    shipments: dict[UUID, Shipment] = {shipment.id: shipment for shipment, _ in rows}
    pieces: dict[tuple[UUID, str], int] = defaultdict(int)
    for shipment, line in rows:
        pieces[shipment.id, lots[line.lot_id].commodity] += line.quantity_base
    told = positions_of(session, shipments)
    found = [_expected(each) for each in expectations(session, sites=sites)]
    for (shipment_id, code), quantity in pieces.items():
        shipment = shipments[shipment_id]
        estimate = expected_at(told.get(shipment_id, ()))
        day = local_date(estimate) if estimate else shipment.due_on
        found.append(_arriving(shipment, day, code, quantity, estimated=estimate is not None))
    wanted = [
        each
        for each in found
        if item in {None, each.item}
        and (first is None or each.day >= first)
        and (last is None or each.day <= last)
    ]
    return sorted(wanted, key=lambda each: (each.destination, each.day, each.item, each.origin))


def _expected(each: ExpectedOut) -> Arriving:
    return Arriving(
        destination=each.destination,
        day=each.due_on,
        item=each.item,
        quantity_base=each.pieces,
        shipment_id=None,
        origin=each.origin,
        state=None,
        depart_on=None,
        due_on=each.due_on,
        estimated=False,
        expected_by=each.paper,
    )


def _arriving(
    shipment: Shipment, day: date, item: str, quantity: int, *, estimated: bool
) -> Arriving:
    return Arriving(
        destination=shipment.destination,
        day=day,
        item=item,
        quantity_base=quantity,
        shipment_id=shipment.id,
        origin=shipment.origin,
        state=shipment.state,
        depart_on=shipment.depart_on,
        due_on=shipment.due_on,
        estimated=estimated,
    )
