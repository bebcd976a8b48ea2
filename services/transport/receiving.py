"""The consignee's count, and where what was accepted comes to stand.

Goods for a need are the consignee's; goods of a transfer go on the shelf. Of a lot that is recalled
nothing may be used, so it is kept apart; so is what expired on the way, and what must stay cold and
didn't is kept in quarantine. All these leave the need's accounts, and are outstanding again. What
was sent back as unusable stays what it is.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Session

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_alert, raise_alert
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.read import get_lots
from services.journal.stops import hold_together, is_expired, stopped_lots
from services.parties import service as parties
from services.parties.models import Role, Site, SiteKind, User
from services.parties.service import Actor
from services.transport.acts import tell_lost
from services.transport.cold import warm_items
from services.transport.handling import HOLDERS, Target, locked, lost, moves_off, post_act
from services.transport.manifest import lines_of
from services.transport.models import Receipt, Shipment, ShipmentLine, ShipmentState
from services.transport.receipt import check_receipt, outcome
from services.transport.schemas import ReceiptLineIn, ReceiveIn
from services.transport.signed import nth, post_signed
from services.transport.steps import Act, Step, events_of, is_new, record

_Counted = Sequence[tuple[ShipmentLine, ReceiptLineIn]]


class _Fate(StrEnum):
    """What accepting a line means; each is an entry of its own."""

    USED = "accepted"
    SHELVED = "shelved"
    BACK = "back"
    RECALLED = "recalled"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"


_STATE = {
    _Fate.USED: "received",
    _Fate.SHELVED: "available",
    _Fate.RECALLED: "recalled",
    _Fate.EXPIRED: "expired",
    _Fate.QUARANTINED: "quarantine",
}


def receive(session: Session, actor: Actor, shipment_id: UUID, body: ReceiveIn) -> Shipment:
    """The consignee's count, line by line: accepted, rejected with a reason, short.

    What isn't accepted leaves the need's accounts, and so is outstanding again.

    Raises:
        MoreThanSent, ReceiptIncomplete, InvalidInput: the count doesn't fit what was sent.
        UnknownKey, KeyRevoked, WrongSignature: it is signed, and not by the consignee, or not this.

    """
    shipment = locked(session, shipment_id)
    site = _require_consignee(session, actor, shipment)
    in_order = sorted(body.lines, key=lambda told: told.line)
    act = Act(Step.RECEIVE, actor, body.model_copy(update={"lines": in_order}))
    if is_new(session, shipment, act):
        counted = check_receipt(lines_of(session, shipment), body.lines)
        delivery = _delivery(session, shipment)
        _post_receipt(session, shipment, act, counted, delivery)
        post_signed(session, actor, body, shipment.id, site.organisation, delivery)
        session.add_all(
            Receipt(shipment_id=shipment.id, line=told.line, reason=told.reason)
            for _, told in counted
            if told.reason
        )
        record(session, shipment, act, outcome(body.lines))
        close_alert(session, AlertKind.SHIPMENT_LATE, f"shipment:{shipment.id}")
    return shipment


def may_receive(actor: Actor, shipment: Shipment, own_sites: set[str]) -> bool:
    """Whether a page should offer it; ``receive`` checks it again."""
    if actor.role is Role.ADMIN:
        return True
    return actor.role in {*HOLDERS, Role.DISPATCHER} and shipment.destination in own_sites


def _require_consignee(session: Session, actor: Actor, shipment: Shipment) -> Site:
    """Whose site it is; at a hospital, its own people alone."""
    site = parties.get_site(session, shipment.destination)
    roles = (Role.HOSPITAL,) if site.kind is SiteKind.HOSPITAL else (*HOLDERS, Role.DISPATCHER)
    return parties.require_site(session, actor, site.code, *roles)


def _delivery(session: Session, shipment: Shipment) -> int:
    """Which time it is that it stands delivered: again after its receipt was taken back."""
    states = [event.state for event in events_of(session, shipment)]
    return states.count(ShipmentState.DELIVERED)


def _post_receipt(
    session: Session, shipment: Shipment, act: Act, counted: _Counted, delivery: int
) -> None:
    """An entry for each thing that became of the goods: accepted in four ways, rejected, lost."""
    signed_by = {"signed_by": session.get_one(User, act.actor.user_id).display_name}
    hold_together(session, {line.lot_id for line, _ in counted})
    fates = _fates(session, shipment, [line for line, _ in counted], act.body.occurred_at)
    for fate in _Fate:
        lines = [(line, told.accepted) for line, told in counted if fates[line.line] is fate]
        moves = moves_off(shipment, lines, _to(fate))
        kind = EntryKind.DISBURSE_GOODS if fate is _Fate.USED else EntryKind.RECEIVE_TRANSFER
        post_act(session, shipment, act, nth(fate, delivery), kind, moves, signed_by)
        if moves and fate is _Fate.RECALLED:
            _tell_recalled(session, shipment, sum(some for _, some in lines))
    rejected = moves_off(shipment, [(line, told.rejected) for line, told in counted], _rejected)
    post_act(session, shipment, act, nth("rejected", delivery), EntryKind.REJECT, rejected)
    if rejected:
        _tell_rejected(session, shipment, sum(told.rejected for _, told in counted))
    missing = [(line, told.short) for line, told in counted]
    short = moves_off(shipment, missing, lost)
    post_act(session, shipment, act, nth("short", delivery), EntryKind.LOSE, short)
    if short:
        tell_lost(session, shipment, sum(some for _, some in missing))


def _fates(
    session: Session, shipment: Shipment, lines: Sequence[ShipmentLine], at: datetime
) -> dict[int, _Fate]:
    """By line, what accepting it means; a recall weighs more than a date, and that than warmth."""
    lots = get_lots(session, {line.lot_id for line in lines})
    stopped = stopped_lots(session, lots)
    warm = warm_items(session, shipment)

    def fate(line: ShipmentLine) -> _Fate:
        if line.lot_id in stopped:
            return _Fate.RECALLED
        if line.sent_back_as is not None:
            return _Fate.BACK
        if is_expired(lots[line.lot_id].expires_on, at):
            return _Fate.EXPIRED
        if lots[line.lot_id].commodity in warm:
            return _Fate.QUARANTINED
        return _Fate.USED if line.transfer_id is None else _Fate.SHELVED

    return {line.line: fate(line) for line in lines}


def _to(fate: _Fate) -> Target:
    """Where accepted goods come to stand; only what may be used keeps its need's name."""

    def account(shipment: Shipment, line: ShipmentLine) -> AccountRef:
        purpose = line.purpose if fate is _Fate.USED else None
        state = line.sent_back_as or "" if fate is _Fate.BACK else _STATE[fate]
        return site_account(shipment.destination, state, purpose)

    return account


def _rejected(shipment: Shipment, line: ShipmentLine) -> AccountRef:  # noqa: ARG001
    return site_account(shipment.destination, "rejected")


def _tell_rejected(session: Session, shipment: Shipment, pieces: int) -> None:
    """Tell the desk and whoever sent it: the goods are theirs to take back or to have destroyed."""
    raise_alert(
        session,
        AlertKind.RECEIPT_DISPUTED,
        f"shipment:{shipment.id}",
        Severity.WARNING,
        path=f"/shipments/{shipment.id}",
        roles=(Role.DISPATCHER,),
        organisation=parties.get_site(session, shipment.origin).organisation,
        site=shipment.destination,
        facts={"site": shipment.destination, "pieces": pieces},
    )


def _tell_recalled(session: Session, shipment: Shipment, pieces: int) -> None:
    raise_alert(
        session,
        AlertKind.RECALL,
        f"shipment:{shipment.id}",
        Severity.CRITICAL,
        path=f"/shipments/{shipment.id}",
        roles=(Role.DISPATCHER,),
        organisation=parties.get_site(session, shipment.destination).organisation,
        site=shipment.destination,
        facts={"site": shipment.destination, "pieces": pieces},
    )
