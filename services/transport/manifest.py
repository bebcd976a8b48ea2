"""What a shipment carries and what became of each line: readings of the journal."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.journal.kinds import AccountRef
from services.journal.models import Lot
from services.journal.read import get_lots, moves_of_accounts
from services.parties.models import User
from services.transport.models import (
    Receipt,
    Shipment,
    ShipmentEvent,
    ShipmentLine,
    ShipmentState,
)
from services.transport.track_models import CarrierLink

# Nothing has left these shipments' transit accounts, so there is nothing to look up.
_UNTOUCHED = frozenset(
    {
        ShipmentState.PLANNED,
        ShipmentState.PICKED,
        ShipmentState.LOADED,
        ShipmentState.DISPATCHED,
        ShipmentState.ARRIVED,
        ShipmentState.CANCELLED,
        ShipmentState.JOINED,
    }
)
# Where accepted goods come to stand that may not be used: stopped, too old, or warm on the way.
HELD = ("recalled", "expired", "quarantine")


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """A line with its lot, and what became of it, in pieces; ``reason`` is the consignee's.

    ``held`` of what was accepted was put aside on receipt: recalled, or in quarantine.
    """

    line: int
    need_id: UUID | None
    transfer_id: UUID | None
    lot: Lot
    quantity: int
    accepted: int
    held: int
    rejected: int
    short: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class ManifestEvent:
    """An event with the organisation of whoever reported it: by a link, its carrier."""

    event: ShipmentEvent
    organisation: str


@dataclass(frozen=True, slots=True)
class Manifest:
    shipment: Shipment
    events: tuple[ManifestEvent, ...]
    lines: tuple[ManifestLine, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """``quantity`` pieces to take of one lot, for these lines of the shipment."""

    lot: Lot
    quantity: int
    lines: tuple[int, ...]


def pick_list(manifest: Manifest) -> list[Pick]:
    """What to take of each lot; lines of a lot stand together, what expires first comes first."""
    groups = [list(lines) for _, lines in groupby(manifest.lines, key=lambda line: line.lot.id)]
    return [
        Pick(
            group[0].lot,
            sum(line.quantity for line in group),
            tuple(line.line for line in group),
        )
        for group in groups
    ]


def in_transit(line: ShipmentLine) -> AccountRef:
    """The account of what is on its way for the line's purpose on its shipment."""
    return AccountRef(f"shipment:{line.shipment_id}", "in_transit", line.purpose)


def manifests(session: Session, shipments: Sequence[Shipment]) -> list[Manifest]:
    """The shipments with their events and lines, in the order given."""
    ids = [shipment.id for shipment in shipments]
    lines = _lines(session, ids)
    lots = get_lots(session, {line.lot_id for each in lines.values() for line in each})
    moved = {shipment.id for shipment in shipments if shipment.state not in _UNTOUCHED}
    fates = _fates(session, [line for key in moved for line in lines[key]])
    reasons = _reasons(session, ids)
    events = _events(session, ids)
    return [
        Manifest(
            shipment,
            tuple(events[shipment.id]),
            tuple(
                _line(row, lots[row.lot_id], fates, reasons.get((row.shipment_id, row.line)))
                for row in lines[shipment.id]
            ),
        )
        for shipment in shipments
    ]


def lines_of(session: Session, shipment: Shipment) -> list[ShipmentLine]:
    """A shipment's lines in their order: by item, then what expires first."""
    return _lines(session, [shipment.id])[shipment.id]


_Fates = dict[tuple[str, UUID], dict[str, int]]


def _line(row: ShipmentLine, lot: Lot, fates: _Fates, reason: str | None) -> ManifestLine:
    fate = fates.get((str(in_transit(row)), row.lot_id), {})
    held = sum(fate.get(state, 0) for state in {*HELD, row.sent_back_as or ""})
    if fate and row.sent_back_as is not None:
        # It left that very state, and came into the account as less of it.
        held += row.quantity_base
    return ManifestLine(
        line=row.line,
        need_id=row.need_id,
        transfer_id=row.transfer_id,
        lot=lot,
        quantity=row.quantity_base,
        accepted=sum(fate.get(state, 0) for state in ("received", "available")) + held,
        held=held,
        rejected=fate.get("rejected", 0) if row.sent_back_as is None else 0,
        short=fate.get("lost", 0),
        reason=reason,
    )


def _fates(session: Session, lines: Collection[ShipmentLine]) -> _Fates:
    """For each line's transit account and lot, what left it, by the state that it came to.

    What came into the account counts against it, so that a reversal takes back what it reverses.
    """
    if not lines:
        return {}
    accounts = {str(in_transit(line)) for line in lines}
    fates: _Fates = defaultdict(lambda: defaultdict(int))
    for move in moves_of_accounts(session, accounts):
        if move.source in accounts:
            state = AccountRef.parse(move.target).state
            fates[move.source, move.lot_id][state] += move.quantity
        if move.target in accounts:
            state = AccountRef.parse(move.source).state
            fates[move.target, move.lot_id][state] -= move.quantity
    return fates


def _lines(session: Session, ids: Iterable[UUID]) -> dict[UUID, list[ShipmentLine]]:
    statement = select(ShipmentLine).where(
        among(ShipmentLine.shipment_id, ids), col(ShipmentLine.quantity_base) > 0
    )
    found: dict[UUID, list[ShipmentLine]] = defaultdict(list)
    for row in session.exec(statement.order_by(col(ShipmentLine.line))):
        found[row.shipment_id].append(row)
    return found


def _reasons(session: Session, ids: Iterable[UUID]) -> dict[tuple[UUID, int], str]:
    rows = session.exec(select(Receipt).where(among(Receipt.shipment_id, ids)))
    return {(row.shipment_id, row.line): row.reason for row in rows}


def _events(session: Session, ids: Iterable[UUID]) -> dict[UUID, list[ManifestEvent]]:
    rows = session.exec(
        select(ShipmentEvent, sa.func.coalesce(CarrierLink.carrier, User.organisation))
        .join(User, col(User.id) == col(ShipmentEvent.actor))
        .outerjoin(CarrierLink, col(CarrierLink.id) == col(ShipmentEvent.via_link))
        .where(among(ShipmentEvent.shipment_id, ids))
        .order_by(col(ShipmentEvent.occurred_at), col(ShipmentEvent.sequence))
    )
    found: dict[UUID, list[ManifestEvent]] = defaultdict(list)
    for event, organisation in rows:
        found[event.shipment_id].append(ManifestEvent(event, organisation))
    return found
