"""How much each lane carries on a day, by what is planned and hasn't been called off."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col

from services.catalog.models import Item
from services.journal.models import Lot
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
    pieces = col(ShipmentLine.quantity_base)
    statement = (
        sa.select(
            col(Shipment.origin),
            col(Shipment.destination),
            sa.func.count(sa.distinct(col(Shipment.id))),
            sa.func.sum(pieces * col(Item.volume_ml)),
            sa.func.sum(pieces * col(Item.weight_g)),
        )
        .join(ShipmentLine, col(ShipmentLine.shipment_id) == col(Shipment.id))
        .join(Lot, col(Lot.id) == col(ShipmentLine.lot_id))
        .join(Item, col(Item.code) == col(Lot.commodity))
        .where(col(Shipment.depart_on) == day, col(Shipment.state).not_in(_OFF))
        .group_by(col(Shipment.origin), col(Shipment.destination))
    )
    return {
        (origin, destination): DayLoad(count, -(-int(volume) // 1000), -(-int(weight) // 1000))
        for origin, destination, count, volume, weight in session.connection().execute(statement)
    }
