"""A gift's receipt that was wrong: the gift is a pledge again, and is received anew.

The entry is reversed by whoever calls this; here is what else says the same: what was noted of the
lines, and a paper with its three signatures. A second receipt opens lots of its own.
"""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.donations.models import (
    Donation,
    DonationLine,
    LotEarmark,
    ReceiptPaper,
    ReceiptSignature,
)
from services.donations.service import lock
from services.journal.read import lots_opened_by


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
