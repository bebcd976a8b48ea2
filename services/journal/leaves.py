"""Records by their place in the log: by one primary key or a few, however long the log is."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.journal.models import Entry, Leaf

# Made once: making it takes longer than asking.
_RECORD_OF: sa.Select[*tuple[Any, ...]] = (
    sa.select(col(Entry.body), col(Leaf.index).label("leaf_index"))
    .outerjoin(Leaf, col(Leaf.entry_id) == col(Entry.id))
    .where(col(Entry.id) == sa.bindparam("entry_id"))
)


def record_of(session: Session, entry_id: UUID) -> tuple[bytes, int | None] | None:
    """An entry's exact bytes and its leaf index, None while it isn't sealed; None without it."""
    found = session.connection().execute(_RECORD_OF, {"entry_id": entry_id}).first()
    return None if found is None else (found.body, found.leaf_index)


def record_at(session: Session, index: int) -> bytes | None:
    """The exact bytes of the entry at a leaf index; None where there is none."""
    statement = select(Entry.body).join(Leaf, col(Leaf.entry_id) == col(Entry.id))
    return session.exec(statement.where(Leaf.index == index)).first()


def records_between(session: Session, start: int, stop: int) -> list[tuple[int, bytes]]:
    """Leaf indexes with ``start <= index < stop`` and their entries' exact bytes, in order."""
    statement = (
        select(Leaf.index, Entry.body)
        .join(Entry, col(Entry.id) == col(Leaf.entry_id))
        .where(col(Leaf.index) >= start, col(Leaf.index) < stop)
        .order_by(col(Leaf.index))
    )
    return [(index, body) for index, body in session.exec(statement)]
