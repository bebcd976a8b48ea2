"""Numbers for a shipment's pallets and parcels, and what stands on its papers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import segno
import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.catalog.models import Item
from services.database import among
from services.errors import Conflict, Unavailable
from services.parties import service as parties
from services.parties.models import Role
from services.parties.service import Actor
from services.settings import get_settings
from services.transport.handling import HOLDERS, carries, locked
from services.transport.manifest import Manifest
from services.transport.models import ShipmentState
from services.transport.sscc import SsccExhausted, make_sscc
from services.transport.track_models import LogisticUnit

_SERIAL = sa.Sequence("sscc_serial")
_ENDED = frozenset({ShipmentState.CANCELLED, ShipmentState.JOINED, ShipmentState.LOST})


class NothingToLabel(Conflict):
    code, title = "nothing-to-label", "This shipment goes nowhere"


class NumbersUsedUp(Unavailable):
    code, title = "numbers-used-up", "Every number of this GS1 prefix is given"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a shipment takes up, and whether any of it must stay cold."""

    pieces: int
    volume_ml: int
    weight_g: int
    cold: bool


def label(session: Session, actor: Actor, shipment_id: UUID, units: int) -> list[LogisticUnit]:
    """Number a shipment's pallets and parcels up to so many; those that have a number keep it.

    Raises:
        NothingToLabel: it was cancelled, lost or joined into another.
        NumbersUsedUp: the prefix has no serial left.

    """
    shipment = locked(session, shipment_id)
    if not carries(actor, shipment) and actor.role is not Role.DISPATCHER:
        parties.require_site(session, actor, shipment.origin, *HOLDERS)
    if shipment.state in _ENDED:
        raise NothingToLabel(
            f"Shipment {shipment_id} is {shipment.state}", field="shipment_id", value=shipment_id
        )
    there = units_of(session, [shipment_id]).get(shipment_id, [])
    for number in range(len(there) + 1, units + 1):
        there.append(
            LogisticUnit(
                sscc=_next_sscc(session),
                shipment_id=shipment_id,
                number=number,
                issued_by=actor.user_id,
                issued_at=datetime.now(UTC),
            )
        )
    session.add_all(there)
    session.flush()
    return there


def _next_sscc(session: Session) -> str:
    """The next serial; one whose transaction is rolled back is passed over for good.

    The extension digit takes over where the serials of one are used up.
    """
    serial = session.execute(sa.select(_SERIAL.next_value())).scalar_one()
    prefix = get_settings().gs1_company_prefix
    extension, rest = divmod(int(serial), 10 ** (16 - len(prefix)))
    if extension > 9:
        raise NumbersUsedUp(
            f"Prefix {prefix} has no serial left", mend="set MEDRELAY_GS1_COMPANY_PREFIX to another"
        ) from SsccExhausted(str(serial))
    return make_sscc(prefix, rest, extension)


def units_of(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[LogisticUnit]]:
    """The numbered pallets and parcels of each shipment that has any, in order."""
    found: dict[UUID, list[LogisticUnit]] = {}
    statement = select(LogisticUnit).where(among(LogisticUnit.shipment_id, ids))
    for unit in session.exec(statement.order_by(col(LogisticUnit.number))):
        found.setdefault(unit.shipment_id, []).append(unit)
    return found


def weigh(session: Session, manifest: Manifest) -> Weighed:
    """What the pieces sent take up, by what the catalogue says of a piece."""
    codes = {line.lot.commodity for line in manifest.lines}
    items = {row.code: row for row in session.exec(select(Item).where(among(Item.code, codes)))}
    lines = [(line.quantity, items[line.lot.commodity]) for line in manifest.lines]
    return Weighed(
        pieces=sum(quantity for quantity, _ in lines),
        volume_ml=sum(quantity * item.volume_ml for quantity, item in lines),
        weight_g=sum(quantity * item.weight_g for quantity, item in lines),
        cold=any(item.cold for _, item in lines),
    )


def qr_code(text: str) -> str:
    """A QR code (ISO/IEC 18004) of a text as the address of an image, needing no other file."""
    address: str = segno.make_qr(text, error="m").svg_data_uri(scale=4, border=4)
    return address
