"""What arrives when: shipments that are planned or under way, by destination and day."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import Session

from services.dispatch.promise import lines_coming
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

    ``day`` is the carrier's newest estimate (``estimated``), else the day that was planned.
    """

    destination: str
    day: date
    item: str
    quantity_base: int
    shipment_id: UUID
    origin: str
    state: ShipmentState
    depart_on: date
    due_on: date
    estimated: bool

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
    """By destination, day and item, what is on each shipment."""
    rows = lines_coming(session, sites)
    lots = get_lots(session, {line.lot_id for _, line in rows})
    shipments: dict[UUID, Shipment] = {shipment.id: shipment for shipment, _ in rows}
    pieces: dict[tuple[UUID, str], int] = defaultdict(int)
    for shipment, line in rows:
        pieces[shipment.id, lots[line.lot_id].commodity] += line.quantity_base
    told = positions_of(session, shipments)
    found = []
    for (shipment_id, code), quantity in pieces.items():
        shipment = shipments[shipment_id]
        estimate = expected_at(told.get(shipment_id, ()))
        day = local_date(estimate) if estimate else shipment.due_on
        wanted = (
            item in {None, code}
            and (first is None or day >= first)
            and (last is None or day <= last)
        )
        if wanted:
            found.append(_arriving(shipment, day, code, quantity, estimated=estimate is not None))
    return sorted(found, key=lambda each: (each.destination, each.day, each.item, each.origin))


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
