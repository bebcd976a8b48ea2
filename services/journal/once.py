"""The same body under the same id is one act, however often and from how many sides it comes."""

import hashlib
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from services.database import Row
from services.journal.post import EntryIdReused


class Act(Protocol):
    """A row that somebody's body made: its id is the body's, its digest tells what it said."""

    id: UUID
    content_digest: str


def digest_of(body: BaseModel) -> str:
    """What tells a repeated body from another one under the same id."""
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()


def claim(session: Session, act: Act) -> bool:
    """Write the act unless it is there already; of two at once, one waits for the other here.

    Raises:
        EntryIdReused: its id belongs to an act with other content.

    """
    assert isinstance(act, Row)
    table = type(act)
    inserted = session.connection().execute(
        insert(table)
        # What isn't said yet, such as its place in the order, the database fills in.
        .values(**act.model_dump(exclude_none=True))
        .on_conflict_do_nothing()
        .returning(sa.literal(value=True))
    )
    if inserted.first() is not None:
        return True
    first = session.get_one(table, act.id)
    if first.content_digest != act.content_digest:
        raise EntryIdReused(
            f"{table.__name__} {act.id} exists and says something else",
            field="id",
            value=act.id,
            mend="make a new UUID for something new; send the very same body to repeat",
        )
    return False
