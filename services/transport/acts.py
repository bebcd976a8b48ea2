"""What is done with a shipment, from picking to proof of receipt: each act once, in its turn."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid5

from sqlmodel import Session

from services.errors import Conflict, Forbidden
from services.journal.clock import local_date
from services.journal.kinds import AccountRef, EntryKind, need_purpose, site_account
from services.journal.post import post
from services.journal.read import get_lots, holdings
from services.journal.record import Draft, NewMove
from services.parties import service as parties
from services.parties.models import Role, User
from services.parties.service import Actor
from services.transport.manifest import in_transit, lines_of
from services.transport.models import Receipt, Shipment, ShipmentLine, ShipmentState
from services.transport.receipt import check_receipt, outcome
from services.transport.schemas import (
    ActIn,
    CancelIn,
    DeliverIn,
    LoseIn,
    ReceiptLineIn,
    ReceiveIn,
    VerifyIn,
)
from services.transport.service import no_shipment
from services.transport.signed import post_signed
from services.transport.steps import Act, Step, is_new, record

# Who may keep goods at a site of their own, and so send them off from there.
_HOLDERS = (Role.HOSPITAL, Role.MANUFACTURER, Role.DONOR, Role.CARRIER)
_CANCEL_IT = (
    "cancel the shipment (POST /api/v1/shipments/{id}/cancel): what is reserved for it is "
    "available again, and the next run plans its needs anew"
)


class LotExpired(Conflict):
    code, title = "lot-expired", "A lot on this shipment has expired"


class ReservationGone(Conflict):
    code, title = "reservation-gone", "What was reserved doesn't stand any more"


def pick(session: Session, actor: Actor, shipment_id: UUID, body: ActIn) -> Shipment:
    """Take the goods off the shelf, lot by lot.

    Raises:
        ReservationGone: the journal doesn't hold what the shipment is to carry.
        LotExpired: a lot wasn't good any more when it was picked.

    """
    shipment = _locked(session, shipment_id)
    if actor.role is not Role.DISPATCHER:
        parties.require_site(session, actor, shipment.origin, *_HOLDERS)
    act = Act(Step.PICK, actor, body)
    if is_new(session, shipment, act):
        lines = lines_of(session, shipment)
        _refuse_expired(session, shipment, lines, body.occurred_at)
        _refuse_unreserved(session, shipment, lines)
        record(session, shipment, act, ShipmentState.PICKED)
    return shipment


def send(session: Session, actor: Actor, shipment_id: UUID, body: ActIn) -> Shipment:
    """Dispatch: the goods leave their reservations and are under way.

    Raises:
        InsufficientStock: what was picked has been released meanwhile.
        LotExpired: a lot would have expired when it arrives.

    """
    shipment = _locked(session, shipment_id)
    carries = actor.role is Role.CARRIER and actor.organisation == shipment.carrier
    if not carries and actor.role is not Role.DISPATCHER:
        parties.require_site(session, actor, shipment.origin, *_HOLDERS)
    act = Act(Step.DISPATCH, actor, body)
    if is_new(session, shipment, act):
        lines = lines_of(session, shipment)
        _refuse_expired(session, shipment, lines, body.occurred_at)
        _post(
            session,
            shipment,
            act,
            "dispatch",
            EntryKind.DISPATCH,
            [
                NewMove(
                    line.lot_id,
                    site_account(shipment.origin, "reserved", need_purpose(line.need_id)),
                    in_transit(shipment.id, line.need_id),
                    line.quantity_base,
                )
                for line in lines
            ],
        )
        record(session, shipment, act, ShipmentState.DISPATCHED)
    return shipment


def deliver(session: Session, actor: Actor, shipment_id: UUID, body: DeliverIn) -> Shipment:
    """The carrier hands it over at the door. Nothing moves until the consignee has counted."""
    shipment = _locked(session, shipment_id)
    _require_carrier(actor, shipment)
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


def receive(session: Session, actor: Actor, shipment_id: UUID, body: ReceiveIn) -> Shipment:
    """The consignee's count, line by line: accepted, rejected with a reason, short.

    What isn't accepted leaves the need's accounts, and so is outstanding again.

    Raises:
        MoreThanSent, ReceiptIncomplete, InvalidInput: the count doesn't fit what was sent.
        UnknownKey, KeyRevoked, WrongSignature: it is signed, and not by the consignee, or not this.

    """
    shipment = _locked(session, shipment_id)
    site = parties.require_site(session, actor, shipment.destination, Role.HOSPITAL)
    in_order = sorted(body.lines, key=lambda told: told.line)
    act = Act(Step.RECEIVE, actor, body.model_copy(update={"lines": in_order}))
    if is_new(session, shipment, act):
        counted = check_receipt(lines_of(session, shipment), body.lines)
        _post_receipt(session, shipment, act, counted)
        post_signed(session, actor, body, shipment.id, site.organisation)
        session.add_all(
            Receipt(shipment_id=shipment.id, line=told.line, reason=told.reason)
            for _, told in counted
            if told.reason
        )
        record(session, shipment, act, outcome(body.lines))
    return shipment


def verify(session: Session, actor: Actor, shipment_id: UUID, body: VerifyIn) -> Shipment:
    """A desk has compared the receipt with the papers."""
    shipment = _locked(session, shipment_id)
    parties.require_role(actor, Role.DISPATCHER, Role.AUDITOR)
    act = Act(Step.VERIFY, actor, body)
    if is_new(session, shipment, act):
        record(session, shipment, act, ShipmentState.VERIFIED, note=body.note)
    return shipment


def lose(session: Session, actor: Actor, shipment_id: UUID, body: LoseIn) -> Shipment:
    """Everything on it is lost under way."""
    shipment = _locked(session, shipment_id)
    if actor.role is not Role.DISPATCHER:
        _require_carrier(actor, shipment)
    act = Act(Step.LOSE, actor, body)
    if is_new(session, shipment, act):
        lines = [(line, line.quantity_base) for line in lines_of(session, shipment)]
        _post(session, shipment, act, "lose", EntryKind.LOSE, _moves(shipment, lines, _lost))
        record(session, shipment, act, ShipmentState.LOST, note=body.reason)
    return shipment


def cancel(session: Session, actor: Actor, shipment_id: UUID, body: CancelIn) -> Shipment:
    """It won't be sent: what is still reserved for its lines is available again."""
    shipment = _locked(session, shipment_id)
    parties.require_role(actor, Role.DISPATCHER)
    act = Act(Step.CANCEL, actor, body)
    if is_new(session, shipment, act):
        _post(session, shipment, act, "cancel", EntryKind.RELEASE, _releases(session, shipment))
        record(session, shipment, act, ShipmentState.CANCELLED, note=body.reason)
    return shipment


def _releases(session: Session, shipment: Shipment) -> list[NewMove]:
    """Each line back onto the shelf, as far as its reservation still stands."""
    lines = lines_of(session, shipment)
    standing = _standing(session, shipment, lines)
    return [
        NewMove(
            line.lot_id,
            site_account(shipment.origin, "reserved", need_purpose(line.need_id)),
            site_account(shipment.origin, "available"),
            quantity,
        )
        for line in lines
        if (quantity := min(standing[line.line], line.quantity_base))
    ]


def _locked(session: Session, shipment_id: UUID) -> Shipment:
    """The shipment, held until the transaction ends: of two acts at once, one is the first."""
    shipment = session.get(Shipment, shipment_id, with_for_update=True, populate_existing=True)
    if shipment is None:
        raise no_shipment(shipment_id)
    return shipment


def _require_carrier(actor: Actor, shipment: Shipment) -> None:
    parties.require_role(actor, Role.CARRIER)
    if actor.role is not Role.ADMIN and actor.organisation != shipment.carrier:
        raise Forbidden(
            f"Shipment {shipment.id} goes with another carrier",
            field="shipment_id",
            value=shipment.id,
            mend="see GET /api/v1/shipments for yours",
        )


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
        if expires_on is not None and expires_on <= arrival:
            raise LotExpired(
                f"Line {line.line}: lot {line.lot_id} expires on {expires_on}, and would arrive "
                f"on {arrival}",
                field="lot_id",
                value=line.lot_id,
                mend=_CANCEL_IT,
                line=line.line,
                lot_id=str(line.lot_id),
                expires_on=expires_on.isoformat(),
            )


def _standing(
    session: Session, shipment: Shipment, lines: Sequence[ShipmentLine]
) -> dict[int, int]:
    """By line, how many pieces of its lot are reserved for its need at the origin."""
    reserved = {
        (holding.purpose, holding.lot_id): holding.quantity
        for holding in holdings(
            session,
            holder=f"site:{shipment.origin}",
            state="reserved",
            lot_ids={line.lot_id for line in lines},
        )
    }
    return {line.line: reserved.get((need_purpose(line.need_id), line.lot_id), 0) for line in lines}


def _refuse_unreserved(session: Session, shipment: Shipment, lines: Sequence[ShipmentLine]) -> None:
    standing = _standing(session, shipment, lines)
    for line in lines:
        held = standing[line.line]
        if held < line.quantity_base:
            raise ReservationGone(
                f"Line {line.line}: {held} of {line.quantity_base} pieces of lot {line.lot_id} "
                f"are still reserved for need {line.need_id}",
                field="quantity_base",
                value=line.quantity_base,
                mend=_CANCEL_IT,
                line=line.line,
                lot_id=str(line.lot_id),
                reserved=held,
            )


_Target = Callable[[Shipment, ShipmentLine], AccountRef]


def _received(shipment: Shipment, line: ShipmentLine) -> AccountRef:
    return site_account(shipment.destination, "received", need_purpose(line.need_id))


def _rejected(shipment: Shipment, line: ShipmentLine) -> AccountRef:  # noqa: ARG001
    return site_account(shipment.destination, "rejected")


def _lost(shipment: Shipment, line: ShipmentLine) -> AccountRef:  # noqa: ARG001
    return AccountRef(f"shipment:{shipment.id}", "lost")


def _post_receipt(
    session: Session,
    shipment: Shipment,
    act: Act,
    counted: Sequence[tuple[ShipmentLine, ReceiptLineIn]],
) -> None:
    """Up to three entries: what was accepted is disbursed, the rest rejected or lost."""
    signed_by = session.get_one(User, act.actor.user_id).display_name
    accepted = _moves(shipment, [(line, told.accepted) for line, told in counted], _received)
    rejected = _moves(shipment, [(line, told.rejected) for line, told in counted], _rejected)
    short = _moves(shipment, [(line, told.short) for line, told in counted], _lost)
    kind = EntryKind.DISBURSE_GOODS
    _post(session, shipment, act, "receive/accepted", kind, accepted, {"signed_by": signed_by})
    _post(session, shipment, act, "receive/rejected", EntryKind.REJECT, rejected)
    _post(session, shipment, act, "receive/short", EntryKind.LOSE, short)


def _moves(
    shipment: Shipment, quantities: Sequence[tuple[ShipmentLine, int]], target: _Target
) -> list[NewMove]:
    """Out of transit, for every line with something to move."""
    return [
        NewMove(line.lot_id, in_transit(shipment.id, line.need_id), target(shipment, line), some)
        for line, some in quantities
        if some
    ]


def _post(
    session: Session,
    shipment: Shipment,
    act: Act,
    name: str,
    kind: EntryKind,
    moves: Sequence[NewMove],
    concealed: Mapping[str, str] | None = None,
) -> None:
    """Post one of the shipment's entries; its id follows from the shipment and its name."""
    if not moves:
        return
    post(
        session,
        Draft(
            id=uuid5(shipment.id, name),
            kind=kind,
            occurred_at=act.body.occurred_at,
            actor=act.actor.reference,
            document=f"shipment:{shipment.id}",
            moves=moves,
            facts={"carrier": shipment.carrier, "destination": shipment.destination},
            concealed=concealed or {},
        ),
    )
