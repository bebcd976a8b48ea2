"""Money back: from a supplier or payee to the fund that paid, or from a fund to who gave."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from services.donations.became import receipt_entry, receipt_time
from services.donations.models import Donation, Payment, Purchase
from services.donations.money_acts import get_act, new_act, refunds_of
from services.donations.money_models import MoneyAct, MoneyActKind, OrderDelivery, PurchaseOrder
from services.donations.money_schemas import RefundIn, RefundOf
from services.donations.picking import InsufficientMoney, Picked, available, locked_fund, move_all
from services.errors import InvalidInput, NotFound
from services.journal.flows import free_at, is_reversed
from services.journal.kinds import AccountKind, AccountRef, EntryKind
from services.journal.models import Move
from services.journal.once import claim, said_before
from services.journal.post import post
from services.journal.read import find_entry, moves_of_entry
from services.journal.record import Draft
from services.parties import service as parties
from services.parties.models import Role
from services.parties.service import Actor


@dataclass(frozen=True, slots=True)
class _Refundable:
    """Where the money goes back from and to, the entry that brought it, and who has it."""

    fund: str
    entry_id: UUID
    party: str | None


def refund(session: Session, actor: Actor, body: RefundIn) -> tuple[MoneyAct, bool]:
    """Give money back, never more than was paid or given. The same body twice is once.

    Raises:
        NotFound, Forbidden: nothing of that kind and id, or another organisation's fund.
        InvalidInput: a time before it was paid or given.
        InsufficientMoney: more than is left to be refunded.

    """
    if (first := said_before(session, MoneyAct, actor.user_id, body)) is not None:
        return first, False
    parties.require_role(actor, Role.DISPATCHER)
    found = _refundable(session, body.of, body.subject)
    # Its row is held: two refunds of one payment take turns over what is left of it.
    fund = locked_fund(session, actor, found.fund)
    at = ("refunded_at", body.refunded_at)
    kind = MoneyActKind.REFUND
    act = new_act(actor, body, kind, fund.code, at, party=found.party, subject=body.subject)
    if not claim(session, act):
        return session.get_one(MoneyAct, body.id), False
    _refuse_before(session, found.entry_id, body)
    if body.of in {RefundOf.DONATION, RefundOf.APPROPRIATION}:
        source, target = available(fund.code), _giver(session, found.entry_id)
        money = _given(session, source, body, found.entry_id)
    else:
        moves = _paid(session, found.entry_id)
        source, target = AccountRef.parse(moves[0].target), available(fund.code)
        money = _unrefunded(session, moves, body)
    post(
        session,
        Draft(
            id=body.id,
            kind=EntryKind.REFUND,
            occurred_at=body.refunded_at,
            actor=actor.reference,
            document=f"refund:{body.id}",
            moves=move_all(money, source, target),
            facts={"of": f"{body.of.value}:{body.subject}"},
            concealed={"purpose": body.purpose},
        ),
    )
    return session.get_one(MoneyAct, body.id), True


def fund_of(session: Session, of: RefundOf | None, subject: UUID) -> str:
    """The fund that a refund concerns; NotFound where nothing of that kind and id moved money."""
    return _refundable(session, of, subject).fund


def _refundable(session: Session, of: RefundOf | None, subject: UUID) -> _Refundable:
    if of is RefundOf.APPROPRIATION:
        act = get_act(session, subject, MoneyActKind.APPROPRIATION, "subject")
        return _Refundable(act.fund, subject, act.party)
    if of is RefundOf.PURCHASE and (bought := session.get(Purchase, subject)):
        return _Refundable(bought.fund, subject, bought.supplier)
    if of is RefundOf.DELIVERY and (came := session.get(OrderDelivery, subject)):
        order = session.get_one(PurchaseOrder, came.order_id)
        return _Refundable(order.fund, subject, order.supplier)
    if of is RefundOf.PAYMENT and (paid := session.get(Payment, subject)):
        return _Refundable(paid.fund, subject, paid.payee)
    if of is RefundOf.DONATION and (gift := session.get(Donation, subject)) and gift.fund:
        party = None if gift.anonymous else gift.donor
        receipt = receipt_entry(subject, receipt_time(session, subject))
        return _Refundable(gift.fund, receipt, party)
    raise NotFound(
        f"There is no {of or 'such thing'} {subject} in money",
        field="subject",
        value=subject,
        mend="give the id of what is refunded",
    )


def _refuse_before(session: Session, entry_id: UUID, body: RefundIn) -> None:
    entry = find_entry(session, entry_id)
    if entry is None or is_reversed(session, entry_id):
        raise InvalidInput(
            "No money of it has moved, or that was taken back",
            field="subject",
            value=body.subject,
            mend="refund what was paid or received",
        )
    if body.refunded_at < entry.occurred_at:
        raise InvalidInput(
            f"It was paid or given at {entry.occurred_at.isoformat()}, after that",
            field="refunded_at",
            value=body.refunded_at.isoformat(),
            mend="give the time when the money came back",
        )


def _giver(session: Session, entry_id: UUID) -> AccountRef:
    """Where a gift came from, as its receipt says: an unnamed donor stays unnamed."""
    return AccountRef.parse(moves_of_entry(session, entry_id)[0].source)


def _given(session: Session, account: AccountRef, body: RefundIn, entry_id: UUID) -> Picked:
    """The gift's own money, as far as it is still there."""
    lot_id = moves_of_entry(session, entry_id)[0].lot_id
    free = {each.lot_id: each.quantity for each in free_at(session, account, body.refunded_at)}
    if free.get(lot_id, 0) < body.amount_minor:
        raise _too_much(free.get(lot_id, 0), body)
    return [(lot_id, body.amount_minor)]


def _paid(session: Session, entry_id: UUID) -> list[Move]:
    """The moves by which money left the fund."""
    return [
        move
        for move in moves_of_entry(session, entry_id)
        if AccountRef.parse(move.source).kind is AccountKind.FUND
    ]


def _unrefunded(session: Session, paid: Sequence[Move], body: RefundIn) -> Picked:
    """Lots to give back to, the last paid first, up to what wasn't given back before."""
    back: dict[UUID, int] = defaultdict(int)
    for act in refunds_of(session, body.subject):
        if is_reversed(session, act.id):
            continue
        for move in moves_of_entry(session, act.id):
            back[move.lot_id] += move.quantity
    left, money = body.amount_minor, []
    for move in reversed(paid):
        part = min(left, move.quantity - back[move.lot_id])
        if part > 0:
            money.append((move.lot_id, part))
            left -= part
    if left:
        raise _too_much(body.amount_minor - left, body)
    return money


def _too_much(left: int, body: RefundIn) -> InsufficientMoney:
    return InsufficientMoney(
        f"{left} (minor units) of it are left to be refunded; {body.amount_minor} were asked for",
        field="amount_minor",
        value=body.amount_minor,
        mend=f"refund {left} or less",
        available=left,
    )
