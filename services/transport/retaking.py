"""Taking back what was said of a shipment: its receipt, its loss or its departure.

The entries are reversed by whoever calls this; here is what else says the same: the shipment's
state, which goes back to what it was before, and the reasons beside a receipt's lines. Both sides
stay in its history.
"""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.alerts.models import AlertKind
from services.alerts.service import close_alert
from services.errors import Conflict
from services.journal.kinds import EntryKind
from services.parties.service import Actor
from services.transport.handling import locked
from services.transport.models import Receipt, Shipment, ShipmentEvent, ShipmentState
from services.transport.steps import events_of

_S = ShipmentState
LEAVING = frozenset({EntryKind.DISPATCH, EntryKind.SEND_BACK})
_UNDER_WAY = frozenset({_S.DISPATCHED, _S.ARRIVED})
_COUNTED = frozenset({_S.RECEIVED, _S.PARTLY_RECEIVED, _S.REFUSED, _S.LOST})


class NothingToTakeBack(Conflict):
    code, title = "nothing-to-take-back", "The shipment isn't where this could be taken back"


def step_back(
    session: Session, actor: Actor, shipment_id: UUID, kind: EntryKind, reason: str
) -> Shipment:
    """Bring a shipment to the state that it had before its receipt, loss or departure.

    Raises:
        NothingToTakeBack: it was never in the state that this entry brought it to.

    """
    shipment = locked(session, shipment_id)
    events = events_of(session, shipment)
    states = frozenset({_S.DISPATCHED}) if kind in LEAVING else _COUNTED
    reached = [at for at, event in enumerate(events) if event.state in states]
    if not reached or not reached[-1]:
        raise NothingToTakeBack(
            f"Shipment {shipment_id} is {shipment.state}", field="entry_id", value=shipment_id
        )
    at = reached[-1]
    # Diverted on the way, and back again, it left once all the same.
    while kind in LEAVING and events[at - 1].state in _UNDER_WAY:
        at -= 1
    before = events[at - 1].state
    note = f"{reason} ({shipment.state} → {before}{_reasons(session, shipment)})"
    session.connection().execute(sa.delete(Receipt).where(col(Receipt.shipment_id) == shipment_id))
    shipment.state = before
    session.add(
        ShipmentEvent(
            shipment_id=shipment_id,
            state=before,
            occurred_at=events[-1].occurred_at,
            recorded_at=datetime.now(UTC),
            actor=actor.user_id,
            note=note,
        )
    )
    session.flush()
    for told in (AlertKind.SHIPMENT_LOST, AlertKind.RECEIPT_DISPUTED):
        close_alert(session, told, f"shipment:{shipment_id}")
    return shipment


def _reasons(session: Session, shipment: Shipment) -> str:
    """What the consignee said of the lines that weren't accepted whole."""
    statement = select(Receipt).where(Receipt.shipment_id == shipment.id)
    rows = session.exec(statement.order_by(col(Receipt.line)))
    return "".join(f"; line {row.line}: {row.reason}" for row in rows)
