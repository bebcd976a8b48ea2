"""Transfer orders: goods from one site's shelf to another's that no need asks for.

What nobody can use is sent back as what it is: it is never set aside, and never on a shelf.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.journal.clock import refuse_far_day
from services.journal.kinds import EntryKind, site_account
from services.journal.once import claim, digest_of
from services.journal.post import InsufficientStock, post
from services.journal.read import get_lots
from services.journal.record import Draft, NewMove
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.transport import acts
from services.transport.handling import HOLDERS, locked, standing
from services.transport.manifest import lines_of
from services.transport.models import (
    Lane,
    Shipment,
    ShipmentEvent,
    ShipmentLine,
    ShipmentState,
    transfer_purpose,
)
from services.transport.order_models import Transfer, TransferLine
from services.transport.schemas import CancelIn
from services.transport.schemas_orders import TransferIn, TransferLineIn
from services.transport.service import NoLane, require_carrier_organisation
from services.web.lists import Asked, Listing, select_page

_AS_ORDERED = {"id", "origin", "destination", "depart_on", "reason", "sent_back_as"}
_LONGEST_WAY = timedelta(days=60)


class NotAlone(Conflict):
    code, title = "not-alone", "The shipment carries other goods too"


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order with its lines, and the shipment that carries it now."""

    transfer: Transfer
    lines: tuple[TransferLine, ...]
    shipment: Shipment | None


def order(session: Session, actor: Actor, body: TransferIn) -> tuple[Transfer, bool]:
    """Set the goods aside and plan their shipment; the same body under the same id is done once.

    Dispatchers order any transfer; others may send off what stands on a shelf of their own.

    Raises:
        NotFound, Forbidden, InvalidInput: a site, lot, carrier or day that can't be.
        NoLane: nobody serves the way, and no carrier is named.
        InsufficientStock, LotRecalled: the shelf doesn't hold it, or it is stopped.

    """
    _require_shelf(session, actor, body.origin)
    parties.get_site(session, body.destination, field="destination")
    transfer = Transfer(
        **body.model_dump(include=_AS_ORDERED),
        created_by=actor.user_id,
        occurred_at=body.occurred_at,
        recorded_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    if not claim(session, transfer):
        return session.get_one(Transfer, body.id), False
    refuse_far_day(body.depart_on, "depart_on")
    carrier, due_on = _way(session, body)
    session.add_all(
        TransferLine(
            transfer_id=body.id, line=number, lot_id=line.lot_id, quantity_base=line.quantity_base
        )
        for number, line in enumerate(body.lines, start=1)
    )
    if body.sent_back_as is None:
        _reserve(session, actor, body)
    shipment = Shipment(
        id=uuid5(body.id, "shipment"),
        origin=body.origin,
        destination=body.destination,
        carrier=carrier,
        depart_on=body.depart_on,
        due_on=due_on,
        state=ShipmentState.PLANNED,
    )
    session.add(shipment)
    session.flush()
    _write_lines(session, actor, body, shipment)
    if body.sent_back_as is not None:
        _refuse_missing(session, shipment)
    record_change(session, actor, f"transfer:{body.id}", "ordered", body.reason)
    return session.get_one(Transfer, body.id), True


def _require_shelf(session: Session, actor: Actor, site: str) -> None:
    if actor.role is Role.DISPATCHER:
        parties.get_site(session, site, field="origin")
    else:
        parties.require_site(session, actor, site, *HOLDERS)


def _way(session: Session, body: TransferIn) -> tuple[str, date]:
    """Who carries it and when it is due: as the order says, or else as the lane does."""
    lane = session.get(Lane, (body.origin, body.destination))
    if body.carrier is None and lane is None:
        raise NoLane(
            f"No carrier serves the way from {body.origin} to {body.destination}",
            field="carrier",
            value=f"{body.origin}/{body.destination}",
            mend="name a carrier, or register the lane (PUT /api/v1/lanes)",
        )
    if body.due_on is None and lane is None:
        raise InvalidInput(
            "Without a lane nobody knows how long it takes",
            field="due_on",
            mend="say on which day it is due",
        )
    due_on = body.due_on or body.depart_on + timedelta(days=lane.duration_days if lane else 0)
    if not body.depart_on <= due_on <= body.depart_on + _LONGEST_WAY:
        raise InvalidInput(
            f"It can't leave on {body.depart_on} and be due on {due_on}",
            field="due_on",
            value=due_on.isoformat(),
            mend=f"give a day from {body.depart_on} to {body.depart_on + _LONGEST_WAY}",
        )
    if body.carrier is not None:
        return require_carrier_organisation(session, body.carrier), due_on
    assert lane is not None
    return lane.carrier, due_on


def _reserve(session: Session, actor: Actor, body: TransferIn) -> None:
    shelf = site_account(body.origin, "available")
    aside = site_account(body.origin, "reserved", transfer_purpose(body.id))
    post(
        session,
        Draft(
            id=uuid5(body.id, "reserve"),
            kind=EntryKind.RESERVE,
            occurred_at=body.occurred_at,
            actor=actor.reference,
            document=f"transfer:{body.id}",
            moves=[NewMove(line.lot_id, shelf, aside, line.quantity_base) for line in body.lines],
            facts={"destination": body.destination},
        ),
    )


def _write_lines(session: Session, actor: Actor, body: TransferIn, shipment: Shipment) -> None:
    """The shipment's lines as they are to be picked, and the beginning of its life."""
    lots = get_lots(session, {line.lot_id for line in body.lines})

    def picked(line: TransferLineIn) -> tuple[str, date, UUID]:
        lot = lots[line.lot_id]
        return lot.commodity, lot.expires_on or date.max, lot.id

    session.add_all(
        ShipmentLine(
            shipment_id=shipment.id,
            line=number,
            transfer_id=body.id,
            lot_id=line.lot_id,
            quantity_base=line.quantity_base,
            sent_back_as=body.sent_back_as,
        )
        for number, line in enumerate(sorted(body.lines, key=picked), start=1)
    )
    session.add(
        ShipmentEvent(
            shipment_id=shipment.id,
            state=ShipmentState.PLANNED,
            occurred_at=body.occurred_at,
            recorded_at=datetime.now(UTC),
            actor=actor.user_id,
            note=body.reason,
        )
    )
    session.flush()


def _refuse_missing(session: Session, shipment: Shipment) -> None:
    """Raise InsufficientStock where there isn't as much as is to be sent back."""
    lines = lines_of(session, shipment)
    held = standing(session, shipment, lines)
    for line in lines:
        if held[line.line] < line.quantity_base:
            raise InsufficientStock(
                f"{shipment.origin} holds {held[line.line]} of lot {line.lot_id} as "
                f"{line.sent_back_as}, and {line.quantity_base} were to leave it",
                field="quantity_base",
                value=line.quantity_base,
                mend=f"take {held[line.line]} pieces or fewer",
                lot_id=str(line.lot_id),
                available=held[line.line],
            )


def cancel(session: Session, actor: Actor, transfer_id: UUID, body: CancelIn) -> Shipment:
    """Call an order off before it leaves: its goods are available again.

    Raises:
        NotAlone: its goods were joined with others into one shipment.
        WrongState: it has left, or was cancelled.

    """
    transfer = get_transfer(session, actor, transfer_id)
    _require_shelf(session, actor, transfer.origin)
    carrying = _carrying(session, [transfer_id]).get(transfer_id)
    if carrying is None:
        raise NotFound(
            f"Transfer {transfer_id} was diverted", field="transfer_id", value=transfer_id
        )
    shipment = locked(session, carrying.id)
    others = select(ShipmentLine.line).where(
        ShipmentLine.shipment_id == shipment.id,
        col(ShipmentLine.transfer_id).is_distinct_from(transfer_id),
    )
    if session.exec(others).first() is not None:
        raise NotAlone(
            f"Shipment {shipment.id} carries more than transfer {transfer_id}",
            field="transfer_id",
            value=transfer_id,
            mend="split its lines off first (POST /api/v1/shipments/{id}/split)",
            shipment_id=str(shipment.id),
        )
    return acts.call_off(session, actor, shipment, body)


def get_transfer(session: Session, actor: Actor, transfer_id: UUID) -> Transfer:
    """The order, if there is one and the actor has a part in it."""
    transfer = session.get(Transfer, transfer_id)
    if transfer is None:
        raise NotFound(
            f"There is no transfer {transfer_id}",
            field="transfer_id",
            value=transfer_id,
            mend="see GET /api/v1/transfers",
        )
    seen = select(Transfer.id).where(Transfer.id == transfer_id, visible(session, actor))
    if session.exec(seen).first() is None:
        raise Forbidden(
            f"Transfer {transfer_id} is between other parties",
            field="transfer_id",
            value=transfer_id,
            mend="see GET /api/v1/transfers for yours",
        )
    return transfer


def visible(session: Session, actor: Actor) -> sa.ColumnElement[bool]:
    """Desks see all orders, others those from or to a site of theirs, or that they carry."""
    if actor.role in DESKS:
        return sa.true()
    if actor.role is Role.CARRIER:
        carried = (
            select(ShipmentLine.transfer_id)
            .join(Shipment, col(Shipment.id) == col(ShipmentLine.shipment_id))
            .where(Shipment.carrier == actor.organisation)
        )
        return col(Transfer.id).in_(carried)
    own = [site.code for site in parties.sites_of(session, actor.organisation)]
    return among(Transfer.origin, own) | among(Transfer.destination, own)


def find(
    session: Session,
    actor: Actor,
    asked: Asked,
    *,
    origin: str | None = None,
    destination: str | None = None,
) -> Listing[Transfer]:
    """Orders that the actor has a part in; the newest first where no order is asked for."""
    statement = select(Transfer).where(visible(session, actor))
    if origin is not None:
        statement = statement.where(Transfer.origin == origin)
    if destination is not None:
        statement = statement.where(Transfer.destination == destination)
    columns = {
        "recorded_at": col(Transfer.recorded_at).desc(),
        "depart_on": col(Transfer.depart_on),
        "origin": col(Transfer.origin),
        "destination": col(Transfer.destination),
    }
    return select_page(session, statement, columns, asked, tie=col(Transfer.id))


def ordered(session: Session, transfers: Sequence[Transfer]) -> list[Ordered]:
    """The orders with their lines and shipments, in the order given."""
    ids = [transfer.id for transfer in transfers]
    lines: dict[UUID, list[TransferLine]] = defaultdict(list)
    statement = select(TransferLine).where(among(TransferLine.transfer_id, ids))
    for line in session.exec(statement.order_by(col(TransferLine.line))):
        lines[line.transfer_id].append(line)
    carrying = _carrying(session, ids)
    return [
        Ordered(transfer, tuple(lines[transfer.id]), carrying.get(transfer.id))
        for transfer in transfers
    ]


def _carrying(session: Session, ids: Iterable[UUID]) -> dict[UUID, Shipment]:
    """By order, the shipment that its goods are on; none once they were diverted to another."""
    rows = session.exec(
        select(ShipmentLine.transfer_id, Shipment)
        .join(Shipment, col(Shipment.id) == col(ShipmentLine.shipment_id))
        .where(among(ShipmentLine.transfer_id, ids))
        .order_by(col(ShipmentLine.line))
    )
    return {transfer_id: shipment for transfer_id, shipment in rows if transfer_id is not None}
