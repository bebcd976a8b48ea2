"""A gift's receipt or a purchase that was wrong: what else says the same is taken back too.

The entries are reversed by whoever calls this. A gift is a pledge again, without what was noted of
its lines and a paper's three signatures; a second receipt opens lots of its own. The money of a
delivery is committed to its order again, or free where the order was cancelled.
"""

from datetime import UTC, datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.donations.models import (
    Donation,
    DonationLine,
    Fund,
    LotEarmark,
    ReceiptPaper,
    ReceiptSignature,
)
from services.donations.money_acts import refunds_of
from services.donations.money_models import OrderDelivery, OrderStatus, PurchaseOrder
from services.donations.orders import order_account
from services.donations.picking import available
from services.donations.service import lock
from services.journal.flows import is_reversed
from services.journal.kinds import AccountKind, AccountRef, EntryKind
from services.journal.models import Entry
from services.journal.post import post
from services.journal.read import lots_opened_by, moves_of_entry
from services.journal.record import Draft, NewMove
from services.parties.service import Actor


def earmark_was_released(session: Session, receipt: UUID) -> bool:
    """Whether somebody was let loose of the earmark of what this receipt brought."""
    lots = [lot.id for lot in lots_opened_by(session, [receipt])]
    released = select(LotEarmark.lot_id).where(
        among(LotEarmark.lot_id, lots), col(LotEarmark.released_entry).is_not(None)
    )
    return session.exec(released).first() is not None


def pledge_again(session: Session, donation_id: UUID) -> Donation:
    """Bring a gift back to what it was before its receipt: promised, and nothing noted of it."""
    donation = lock(session, donation_id)
    for line in session.exec(select(DonationLine).where(DonationLine.donation_id == donation_id)):
        line.receipt_note, line.refused_base, line.refusal = None, 0, None
    paper = session.get(ReceiptPaper, donation_id)
    if paper is not None:
        # Signed for what wasn't so: whoever counts again signs again.
        session.connection().execute(
            sa.delete(ReceiptSignature).where(col(ReceiptSignature.donation_id) == donation_id)
        )
        paper.version, paper.posted_at, paper.opened_at = paper.version + 1, None, datetime.now(UTC)
    session.flush()
    return donation


def hold_money(session: Session, entry_id: UUID) -> None:
    """Hold the funds that an entry touched, then its order, as acts that spend from them do."""
    for code in sorted(_funds_of(session, entry_id)):
        held = session.get_one(Fund, code)
        session.refresh(held, with_for_update={"key_share": True})
    order = _order_of(session, entry_id)
    if order is not None:
        session.refresh(order, with_for_update={"key_share": True})


def _funds_of(session: Session, entry_id: UUID) -> set[str]:
    ends = {end for move in moves_of_entry(session, entry_id) for end in (move.source, move.target)}
    accounts = [AccountRef.parse(end) for end in ends]
    return {
        account.holder.removeprefix("fund:")
        for account in accounts
        if account.kind is AccountKind.FUND
    }


def was_refunded(session: Session, entry_id: UUID) -> bool:
    """Whether money came back for a purchase or delivery, and that stands.

    A seller's account may go below zero, so the journal itself wouldn't refuse it a second time.
    """
    return any(not is_reversed(session, act.id) for act in refunds_of(session, entry_id))


def free_if_cancelled(session: Session, actor: Actor, entry: Entry) -> None:
    """Money that comes back to an order that was cancelled meanwhile is available again."""
    order = _order_of(session, entry.id)
    if order is None or order.status is not OrderStatus.CANCELLED:
        return
    assert order.cancelled_at is not None, "a cancelled order says when"
    account = order_account(order)
    moves = [
        NewMove(move.lot_id, account, available(order.fund), move.quantity)
        for move in moves_of_entry(session, entry.id)
        if move.source == str(account)
    ]
    if not moves:
        return
    post(
        session,
        Draft(
            id=uuid5(entry.id, "free-again"),
            kind=EntryKind.RELEASE_MONEY,
            occurred_at=max(order.cancelled_at, entry.occurred_at),
            actor=actor.reference,
            document=f"order:{order.id}",
            moves=moves,
        ),
    )


def _order_of(session: Session, entry_id: UUID) -> PurchaseOrder | None:
    delivery = session.get(OrderDelivery, entry_id)
    return session.get_one(PurchaseOrder, delivery.order_id) if delivery else None
