"""What goes in and out of the endpoints of corrections."""

from typing import Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.journal.kinds import EntryKind
from services.web.http import FromRow, Input, Moment, Text, example


class CorrectIn(Input):
    """Take an entry back. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="0c5c3a52-52a4-4a0c-8f0e-6a0d8a1f6b11", reason="a carton was counted twice"
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    reason: Annotated[
        Text, Field(min_length=3, description="Shown to your organisation and the desks alone")
    ]


class MoveBack(BaseModel):
    """One move of a correction: where the goods or the money go back from and to."""

    lot_id: UUID
    commodity: str
    source: str
    target: str
    quantity_base: int


class InTheWayOut(FromRow):
    """An entry that is to be taken back first, and how much it took from where."""

    entry_id: UUID
    kind: EntryKind
    occurred_at: Moment
    actor: str
    document: str | None
    lot_id: UUID
    commodity: str
    account: str
    quantity: int


class OutlookOut(BaseModel):
    """What correcting an entry would do; where it can't be done, why, and what is done instead."""

    entry_id: UUID
    kind: EntryKind
    possible: bool
    because: str | None
    mend: str | None
    after: str
    together: list[UUID]
    moves: list[MoveBack]
    in_the_way: list[InTheWayOut]
    reversal_id: UUID | None


class CorrectedOut(BaseModel):
    """Entries that were taken back, each with the entry that did it."""

    entry_id: UUID
    reversal_id: UUID
    reversals: dict[UUID, UUID]


class CorrectionOut(BaseModel):
    """One correction with both sides, and what the same paper says now.

    ``reason`` is for the organisation that corrected and for the desks.
    """

    reversal_id: UUID
    entry_id: UUID
    kind: EntryKind
    document: str | None
    said_at: Moment
    said_by: str
    happened_at: Moment
    corrected_at: Moment
    corrected_by: str
    instead_id: UUID | None
    reason: str | None
    moved: list[MoveBack]
