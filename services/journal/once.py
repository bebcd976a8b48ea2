"""The same body under the same id is one act, however often and from how many sides it comes."""

import hashlib
from typing import Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from services.database import Row
from services.journal.post import EntryIdReused


class Act(Protocol):
    """A row that somebody's body made: its id is the body's, its digest tells what it said."""

    id: UUID
    content_digest: str


class Said(Protocol):
    """What somebody sent, as a schema read it."""

    def model_dump_json(self) -> str: ...


class SaidWithId(Said, Protocol):
    @property
    def id(self) -> UUID: ...


def digest_of(body: Said) -> str:
    """What tells a repeated body from another one under the same id."""
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()


class OwnAct(Act, Protocol):
    """An act that knows who did it."""

    @property
    def made_by(self) -> UUID: ...


_Made = TypeVar("_Made", bound=OwnAct)


def said_before(
    session: Session, table: type[_Made], actor_id: UUID, body: SaidWithId
) -> _Made | None:
    """The act that this actor made by the very same body: asked before anything is checked.

    Whoever sends the id and every word again hears what came of it the first time, even where a
    role, a fund or a lane is gone since. None where it is new, and for anybody else: ids stand in
    the public log and words can be guessed, so others are told no more than their role may see.

    Raises:
        EntryIdReused: the id belongs to an act of the actor's with other content.

    """
    first = session.get(table, body.id)
    if first is None or first.made_by != actor_id:
        return None
    _refuse_other(first, digest_of(body))
    return first


def _refuse_other(first: Act, digest: str) -> None:
    if first.content_digest != digest:
        raise EntryIdReused(
            f"{type(first).__name__} {first.id} exists and says something else",
            field="id",
            value=first.id,
            mend="make a new UUID for something new; send the very same body to repeat",
        )


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
    _refuse_other(session.get_one(table, act.id), act.content_digest)
    return False
