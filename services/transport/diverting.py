"""Bringing a shipment that is under way to another site than the one it was planned for."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlmodel import Session

from services.errors import InvalidInput
from services.journal.clock import FURTHEST_AHEAD, local_date
from services.journal.kinds import AccountRef, EntryKind
from services.journal.once import digest_of
from services.journal.post import post
from services.journal.record import Draft, NewMove
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.handling import locked
from services.transport.manifest import in_transit, lines_of
from services.transport.models import Shipment, ShipmentLine, ShipmentState, transfer_purpose
from services.transport.order_models import Transfer, TransferLine
from services.transport.schemas import DivertIn
from services.transport.steps import Act, Step, is_new, record


def divert(session: Session, actor: Actor, shipment_id: UUID, body: DivertIn) -> Shipment:
    """Everything on it goes to another site, where it is received onto the shelf.

    A transfer order takes the place of each need or order that its goods were for; so those have
    nothing under way any more, and the journal says when and by whom it was taken from them.

    Raises:
        NotFound, InvalidInput: no such site, the same one, the origin, or a day that can't be.

    """
    shipment = locked(session, shipment_id)
    parties.require_role(actor, Role.DISPATCHER)
    act = Act(Step.DIVERT, actor, body)
    if is_new(session, shipment, act):
        _check(session, shipment, body)
        lines = lines_of(session, shipment)
        _post(session, shipment, act, body, lines)
        before = shipment.destination
        shipment.destination, shipment.due_on = body.destination, body.due_on
        record(session, shipment, act, ShipmentState.DISPATCHED, note=body.reason)
        record_change(
            session,
            actor,
            f"shipment:{shipment.id}",
            f"diverted {before} → {body.destination}",
            body.reason,
        )
    return shipment


def _check(session: Session, shipment: Shipment, body: DivertIn) -> None:
    parties.get_site(session, body.destination, field="destination")
    if body.destination in {shipment.destination, shipment.origin}:
        where = "goes there already" if body.destination == shipment.destination else "left there"
        raise InvalidInput(
            f"The shipment {where}",
            field="destination",
            value=body.destination,
            mend="name another site; what comes back is a transfer of its own",
        )
    first = local_date(body.occurred_at)
    if not first <= body.due_on <= first + FURTHEST_AHEAD:
        raise InvalidInput(
            f"It can't be due on {body.due_on} when it is diverted on {first}",
            field="due_on",
            value=body.due_on.isoformat(),
            mend=f"give a day from {first} to {first + FURTHEST_AHEAD}",
        )


def _post(
    session: Session, shipment: Shipment, act: Act, body: DivertIn, lines: Sequence[ShipmentLine]
) -> None:
    """Move each line's goods to the account of its order, on the same lorry; write the orders."""
    groups: dict[str, list[ShipmentLine]] = defaultdict(list)
    for line in lines:
        groups[line.purpose].append(line)
    orders = {purpose: uuid5(body.id, purpose) for purpose in groups}
    moves = [
        NewMove(
            line.lot_id,
            in_transit(line),
            AccountRef(f"shipment:{shipment.id}", "in_transit", transfer_purpose(orders[purpose])),
            line.quantity_base,
        )
        for purpose, group in groups.items()
        for line in group
    ]
    post(
        session,
        Draft(
            id=uuid5(body.id, "divert"),
            kind=EntryKind.DIVERT,
            occurred_at=body.occurred_at,
            actor=act.actor.reference,
            document=f"shipment:{shipment.id}",
            moves=moves,
            facts={"from": shipment.destination, "to": body.destination},
            concealed={"reason": body.reason},
        ),
    )
    for purpose, group in groups.items():
        _order(session, shipment, act, body, orders[purpose], group)
        for line in group:
            line.transfer_id = orders[purpose]
    session.flush()


def _order(
    session: Session,
    shipment: Shipment,
    act: Act,
    body: DivertIn,
    order_id: UUID,
    lines: Sequence[ShipmentLine],
) -> None:
    session.add(
        Transfer(
            id=order_id,
            origin=shipment.origin,
            destination=body.destination,
            depart_on=shipment.depart_on,
            reason=body.reason,
            in_place_of=lines[0].purpose,
            created_by=act.actor.user_id,
            occurred_at=body.occurred_at,
            recorded_at=datetime.now(UTC),
            content_digest=digest_of(body),
        )
    )
    session.flush()
    session.add_all(
        TransferLine(
            transfer_id=order_id, line=number, lot_id=line.lot_id, quantity_base=line.quantity_base
        )
        for number, line in enumerate(lines, start=1)
    )
