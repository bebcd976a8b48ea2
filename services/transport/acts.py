"""What is done with a shipment, from picking to the door: each act once, in its turn."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from services.alerts.models import AlertKind, Severity
from services.alerts.service import raise_alert
from services.errors import Conflict
from services.journal.clock import local_date
from services.journal.kinds import EntryKind, site_account
from services.journal.read import get_lots
from services.journal.record import NewMove
from services.journal.stops import hold_together
from services.parties import service as parties
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.handling import (
    CANCEL_IT,
    HOLDERS,
    carries,
    locked,
    lost,
    moves_off,
    post_act,
    refuse_stopped,
    require_carrier,
    reserved,
    standing,
)
from services.transport.manifest import in_transit, lines_of
from services.transport.models import Shipment, ShipmentLine, ShipmentState
from services.transport.schemas import ActIn, CancelIn, DeliverIn, LoadIn, LoseIn, VerifyIn
from services.transport.steps import Act, Step, is_new, record


class LotExpired(Conflict):
    code, title = "lot-expired", "A lot on this shipment has expired"


class ReservationGone(Conflict):
    code, title = "reservation-gone", "What was reserved doesn't stand any more"


def pick(session: Session, actor: Actor, shipment_id: UUID, body: ActIn) -> Shipment:
    """Take the goods off the shelf, lot by lot.

    Raises:
        ReservationGone: the journal doesn't hold what the shipment is to carry.
        LotExpired, LotStopped: a lot wasn't good any more when it was picked.

    """
    shipment = locked(session, shipment_id)
    if actor.role is not Role.DISPATCHER:
        parties.require_site(session, actor, shipment.origin, *HOLDERS)
    act = Act(Step.PICK, actor, body)
    if is_new(session, shipment, act):
        lines = lines_of(session, shipment)
        refuse_stopped(session, lines)
        _refuse_expired(session, shipment, lines, body.occurred_at)
        _refuse_unreserved(session, shipment, lines)
        record(session, shipment, act, ShipmentState.PICKED)
    return shipment


def load(session: Session, actor: Actor, shipment_id: UUID, body: LoadIn) -> Shipment:
    """The goods are on the lorry. Nothing moves in the books until it leaves."""
    shipment = locked(session, shipment_id)
    _require_sender(session, actor, shipment)
    act = Act(Step.LOAD, actor, body)
    if is_new(session, shipment, act):
        refuse_stopped(session, lines_of(session, shipment))
        record(session, shipment, act, ShipmentState.LOADED, note=body.note)
    return shipment


def send(session: Session, actor: Actor, shipment_id: UUID, body: ActIn) -> Shipment:
    """Dispatch: the goods leave their reservations and are under way.

    Raises:
        ReservationGone: what was picked has been released or recalled meanwhile.
        LotExpired, LotStopped: a lot is recalled, or would have expired when it arrives.

    """
    shipment = locked(session, shipment_id)
    _require_sender(session, actor, shipment)
    act = Act(Step.DISPATCH, actor, body)
    if is_new(session, shipment, act):
        lines = lines_of(session, shipment)
        hold_together(session, {line.lot_id for line in lines})
        refuse_stopped(session, lines)
        _refuse_expired(session, shipment, lines, body.occurred_at)
        _refuse_unreserved(session, shipment, lines)
        for name, kind in (("dispatch", EntryKind.DISPATCH), ("back", EntryKind.SEND_BACK)):
            moves = [
                NewMove(line.lot_id, reserved(shipment, line), in_transit(line), line.quantity_base)
                for line in lines
                if (line.sent_back_as is not None) == (kind is EntryKind.SEND_BACK)
            ]
            post_act(session, shipment, act, name, kind, moves)
        record(session, shipment, act, ShipmentState.DISPATCHED)
    return shipment


def arrive(session: Session, actor: Actor, shipment_id: UUID, body: LoadIn) -> Shipment:
    """The lorry stands at the consignee's gate; handing over comes next."""
    shipment = locked(session, shipment_id)
    require_carrier(actor, shipment)
    act = Act(Step.ARRIVE, actor, body)
    if is_new(session, shipment, act):
        record(session, shipment, act, ShipmentState.ARRIVED, note=body.note)
    return shipment


def deliver(session: Session, actor: Actor, shipment_id: UUID, body: DeliverIn) -> Shipment:
    """The carrier hands it over at the door. Nothing moves until the consignee has counted."""
    shipment = locked(session, shipment_id)
    require_carrier(actor, shipment)
    act = Act(Step.DELIVER, actor, body)
    if is_new(session, shipment, act):
        record(
            session,
            shipment,
            act,
            ShipmentState.DELIVERED,
            note=body.note,
            received_by_name=body.received_by_name,
        )
    return shipment


def verify(session: Session, actor: Actor, shipment_id: UUID, body: VerifyIn) -> Shipment:
    """A desk has compared the receipt with the papers."""
    shipment = locked(session, shipment_id)
    parties.require_role(actor, Role.DISPATCHER, Role.AUDITOR)
    act = Act(Step.VERIFY, actor, body)
    if is_new(session, shipment, act):
        record(session, shipment, act, ShipmentState.VERIFIED, note=body.note)
    return shipment


def lose(session: Session, actor: Actor, shipment_id: UUID, body: LoseIn) -> Shipment:
    """Everything on it is lost under way; the desk and the consignee are told."""
    shipment = locked(session, shipment_id)
    if actor.role is not Role.DISPATCHER:
        require_carrier(actor, shipment)
    act = Act(Step.LOSE, actor, body)
    if is_new(session, shipment, act):
        lines = [(line, line.quantity_base) for line in lines_of(session, shipment)]
        post_act(session, shipment, act, "lose", EntryKind.LOSE, moves_off(shipment, lines, lost))
        record(session, shipment, act, ShipmentState.LOST, note=body.reason)
        tell_lost(session, shipment, sum(quantity for _, quantity in lines))
    return shipment


def tell_lost(session: Session, shipment: Shipment, pieces: int) -> None:
    """Tell the desk and the consignee that pieces were lost under way."""
    raise_alert(
        session,
        AlertKind.SHIPMENT_LOST,
        f"shipment:{shipment.id}",
        Severity.WARNING,
        path=f"/shipments/{shipment.id}",
        roles=(Role.DISPATCHER,),
        organisation=parties.get_site(session, shipment.destination).organisation,
        site=shipment.destination,
        facts={"site": shipment.destination, "carrier": shipment.carrier, "pieces": pieces},
    )


def cancel(session: Session, actor: Actor, shipment_id: UUID, body: CancelIn) -> Shipment:
    """It won't be sent: what is still reserved for its lines is available again."""
    shipment = locked(session, shipment_id)
    parties.require_role(actor, Role.DISPATCHER)
    return call_off(session, actor, shipment, body)


def call_off(session: Session, actor: Actor, shipment: Shipment, body: CancelIn) -> Shipment:
    """As ``cancel``, by whoever the caller has found to be allowed; the caller holds the lock."""
    act = Act(Step.CANCEL, actor, body)
    if is_new(session, shipment, act):
        releases = _releases(session, shipment)
        post_act(session, shipment, act, "cancel", EntryKind.RELEASE, releases)
        record(session, shipment, act, ShipmentState.CANCELLED, note=body.reason)
    return shipment


def _require_sender(session: Session, actor: Actor, shipment: Shipment) -> None:
    """Its carrier, dispatchers, and whose site it leaves."""
    if not carries(actor, shipment) and actor.role is not Role.DISPATCHER:
        parties.require_site(session, actor, shipment.origin, *HOLDERS)


def _releases(session: Session, shipment: Shipment) -> list[NewMove]:
    """Each line back onto the shelf, as far as its reservation still stands."""
    lines = lines_of(session, shipment)
    held = standing(session, shipment, lines)
    shelf = site_account(shipment.origin, "available")
    return [
        NewMove(line.lot_id, reserved(shipment, line), shelf, quantity)
        for line in lines
        if line.sent_back_as is None and (quantity := min(held[line.line], line.quantity_base))
    ]


def _refuse_expired(
    session: Session, shipment: Shipment, lines: Sequence[ShipmentLine], leaving_at: datetime
) -> None:
    """Raise LotExpired for what won't be good any more when it arrives, late as it may leave."""
    way = shipment.due_on - shipment.depart_on
    arrival = max(shipment.due_on, local_date(leaving_at) + way)
    lots = get_lots(session, {line.lot_id for line in lines})
    for line in lines:
        expires_on = lots[line.lot_id].expires_on
        # As in the optimizer: goods are good until the day before they expire.
        if expires_on is not None and expires_on <= arrival and not line.sent_back_as:
            raise LotExpired(
                f"Line {line.line}: lot {line.lot_id} expires on {expires_on}, and would arrive "
                f"on {arrival}",
                field="lot_id",
                value=line.lot_id,
                mend=CANCEL_IT,
                line=line.line,
                lot_id=str(line.lot_id),
                expires_on=expires_on.isoformat(),
            )


def _refuse_unreserved(session: Session, shipment: Shipment, lines: Sequence[ShipmentLine]) -> None:
    held = standing(session, shipment, lines)
    for line in lines:
        there = held[line.line]
        if there < line.quantity_base:
            raise ReservationGone(
                f"Line {line.line}: {there} of {line.quantity_base} pieces of lot {line.lot_id} "
                f"are still reserved for {line.purpose.replace(':', ' ')}",
                field="quantity_base",
                value=line.quantity_base,
                mend=CANCEL_IT,
                line=line.line,
                lot_id=str(line.lot_id),
                reserved=there,
            )
