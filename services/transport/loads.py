"""How much each lane carries on a day, by what is planned and hasn't been called off."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.journal.read import get_lots
from services.transport.models import Shipment, ShipmentLine, ShipmentState

_OFF = (ShipmentState.CANCELLED, ShipmentState.JOINED)


@dataclass(frozen=True, slots=True)
class DayLoad:
    """What leaves on a lane on one day, in litres and kilograms begun."""

    shipments: int
    volume_l: int
    weight_kg: int


def of_day(session: Session, day: date) -> dict[tuple[str, str], DayLoad]:
    """By origin and destination, for every lane on which something leaves that day."""
    rows = session.exec(
        select(Shipment, ShipmentLine)
        .join(ShipmentLine, col(ShipmentLine.shipment_id) == col(Shipment.id))
        .where(Shipment.depart_on == day, col(Shipment.state).not_in(_OFF))
    ).all()
    lots = get_lots(session, {line.lot_id for _, line in rows})
    items = {item.code: item for item in catalog.items(session)}
    shipments: dict[tuple[str, str], set[UUID]] = defaultdict(set)
    volumes: dict[tuple[str, str], int] = defaultdict(int)
    weights: dict[tuple[str, str], int] = defaultdict(int)
    for shipment, line in rows:
        way = (shipment.origin, shipment.destination)
        item = items[lots[line.lot_id].commodity]
        shipments[way].add(shipment.id)
        volumes[way] += line.quantity_base * item.volume_ml
        weights[way] += line.quantity_base * item.weight_g
    return {
        way: DayLoad(len(ids), -(-volumes[way] // 1000), -(-weights[way] // 1000))
        for way, ids in shipments.items()
    }
