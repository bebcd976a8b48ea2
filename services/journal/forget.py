"""Deleting what an entry says only as digests: the record's key and the values, for good."""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col

from ledger.canonical import parse
from services.errors import InvalidInput, NotFound
from services.journal.kinds import EntryKind
from services.journal.models import Entry, EntrySecret
from services.journal.post import post
from services.journal.record import Draft


class Why(StrEnum):
    """Why it was deleted: a code, so that the entry of it holds nothing personal either."""

    ASKED = "asked"
    NO_LONGER_NEEDED = "no_longer_needed"
    MISTAKE = "mistake"


def forget(session: Session, entry_id: UUID, why: Why, *, actor: str) -> int:
    """Delete an entry's hidden fields and write down that they are gone; how many there were.

    The entry's bytes, its leaf and every proof stay as they are. Forgetting twice is once: the
    second time deletes nothing and writes nothing.

    Raises:
        NotFound: there is no such entry.
        InvalidInput: it never had hidden fields.

    """
    entry = session.get(Entry, entry_id)
    if entry is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    if not parse(entry.body)["_sd"]:
        raise InvalidInput(
            f"Entry {entry_id} has no hidden fields, so there is nothing to forget",
            field="entry_id",
            value=entry_id,
            mend="name the entry that has them; its record lists digests under _sd",
        )
    deleted = session.connection().execute(
        sa.delete(EntrySecret)
        .where(col(EntrySecret.entry_id) == entry_id)
        .returning(col(EntrySecret.fields))
    )
    fields = deleted.scalar_one_or_none()
    if fields is None:
        return 0
    session.expire_all()
    post(
        session,
        Draft(
            id=uuid5(entry_id, "forgotten"),
            kind=EntryKind.FORGOTTEN,
            occurred_at=datetime.now(UTC),
            actor=actor,
            document=f"entry:{entry_id}",
            facts={"entry": str(entry_id), "why": why.value},
        ),
    )
    return len(fields)
