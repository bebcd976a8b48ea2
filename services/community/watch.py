"""What the watch does for community points: who didn't come frees what they had booked."""

from datetime import datetime

from sqlmodel import Session

from services.community.lapsing import GRACE, let_lapse


def watch(session: Session, now: datetime) -> None:
    """Let bookings lapse that were neither settled nor written down within the last day."""
    let_lapse(session, now, recorded_before=now - GRACE)
