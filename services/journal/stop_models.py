"""The tables of stopped lots: what each recall's statement stops, and what was lifted again."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import UTC_TIME, Row


class LotStop(Row, table=True):
    """One line of a `recall_opened` statement: a lot, or a batch of a commodity.

    A batch stops every lot of it, those too that come in later. Append-only, as the statement is.
    """

    __tablename__ = "lot_stop"
    __table_args__ = (
        sa.CheckConstraint(
            "(lot_id IS NULL) <> (batch IS NULL) AND (batch IS NULL) = (commodity IS NULL)",
            name="lot_or_batch",
        ),
        sa.Index(None, "commodity", "batch"),
    )

    entry_id: UUID = Field(primary_key=True, foreign_key="entry.id")
    line: int = Field(primary_key=True)
    lot_id: UUID | None = Field(default=None, foreign_key="lot.id", index=True)
    commodity: str | None = Field(default=None, foreign_key="commodity.code")
    batch: str | None = None


class StopLifted(Row, table=True):
    """A `recall_lifted` statement, and the `recall_opened` that it ends."""

    __tablename__ = "stop_lifted"

    lifts: UUID = Field(primary_key=True, foreign_key="entry.id")
    entry_id: UUID = Field(foreign_key="entry.id", unique=True)
    lifted_at: datetime = Field(sa_type=UTC_TIME)
