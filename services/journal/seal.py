"""Sealing: each entry gets its dense leaf index, outside any request, by one writer at a time."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from ledger.merkle import leaf_hash
from services.journal.models import Entry, Leaf

_LOCK = 0x5EA1


def seal(session: Session, limit: int = 5000) -> int:
    """Give up to ``limit`` unsealed entries the next leaf indexes; return how many it sealed."""
    session.connection().execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    waiting = session.exec(
        select(Entry.id, Entry.body)
        .outerjoin(Leaf, col(Leaf.entry_id) == col(Entry.id))
        .where(col(Leaf.entry_id).is_(None))
        .order_by(col(Entry.recorded_at), col(Entry.id))
        .limit(limit)
    ).all()
    first = tree_size(session)
    now = datetime.now(UTC)
    session.add_all(
        Leaf(index=first + offset, entry_id=entry_id, leaf_hash=leaf_hash(body), sealed_at=now)
        for offset, (entry_id, body) in enumerate(waiting)
    )
    session.flush()
    return len(waiting)


def tree_size(session: Session) -> int:
    """How many leaves are sealed."""
    newest = session.exec(select(func.max(Leaf.index))).one()
    return 0 if newest is None else newest + 1


def leaf_hashes_between(session: Session, start: int, stop: int) -> list[bytes]:
    """Leaf hashes with ``start <= index < stop``, in order."""
    return list(
        session.exec(
            select(Leaf.leaf_hash)
            .where(col(Leaf.index) >= start, col(Leaf.index) < stop)
            .order_by(col(Leaf.index))
        )
    )
