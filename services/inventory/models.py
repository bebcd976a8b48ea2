"""Stocktakes, recalls and places on shelves. What stands where is in the journal."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row, enum_type


class StockCount(Row, table=True):
    """What somebody counted of a lot at a site; the entry of the same id is the difference."""

    __tablename__ = "stock_count"
    __table_args__ = (
        sa.CheckConstraint("counted_base >= 0", name="counted_not_negative"),
        sa.Index(None, "site", "lot_id", "occurred_at"),
    )

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code")
    item: str = Field(foreign_key="item.code")
    lot_id: UUID = Field(foreign_key="lot.id")
    counted_base: int = Field(sa_type=BIGINT)
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    reason: str
    counted_by: UUID = Field(foreign_key="app_user.id")
    content_digest: str


class SheetState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class CountSheet(Row, table=True):
    """A blind count of a site: the lots to count, without what the books say of them."""

    __tablename__ = "count_sheet"

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code", index=True)
    item: str | None = Field(default=None, foreign_key="item.code")
    reason: str
    state: SheetState = Field(default=SheetState.OPEN, sa_type=enum_type(SheetState))
    opened_by: UUID = Field(foreign_key="app_user.id")
    opened_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str

    @property
    def made_by(self) -> UUID:
        return self.opened_by


class LineState(StrEnum):
    TO_COUNT = "to_count"
    TO_RECOUNT = "to_recount"
    POSTED = "posted"


class CountLine(Row, table=True):
    """One lot on a sheet: what was counted, and by whom again where that was far off."""

    __tablename__ = "count_line"
    __table_args__ = (sa.CheckConstraint("first_by <> second_by", name="two_people"),)

    sheet_id: UUID = Field(primary_key=True, foreign_key="count_sheet.id")
    lot_id: UUID = Field(primary_key=True, foreign_key="lot.id")
    state: LineState = Field(default=LineState.TO_COUNT, sa_type=enum_type(LineState))
    first_base: int | None = Field(default=None, sa_type=BIGINT)
    first_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    first_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    second_base: int | None = Field(default=None, sa_type=BIGINT)
    second_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    second_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    count_id: UUID | None = Field(default=None, foreign_key="stock_count.id")


class Recall(Row, table=True):
    """A recall of a lot, or of a batch of an item; its id is that of its `recall_opened` entry."""

    __table_args__ = (sa.CheckConstraint("(lot_id IS NULL) <> (batch IS NULL)", name="one_thing"),)

    id: UUID = Field(primary_key=True, foreign_key="entry.id")
    item: str = Field(foreign_key="item.code", index=True)
    lot_id: UUID | None = Field(default=None, foreign_key="lot.id", index=True)
    batch: str | None = None
    reason: str
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    opened_by: UUID = Field(foreign_key="app_user.id")
    opened_at: datetime = Field(sa_type=UTC_TIME)
    lifted_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    lifted_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    lift_reason: str | None = None
    content_digest: str


class DisposalState(StrEnum):
    """What was decided. Whether it was destroyed, the journal says."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


class Disposal(Row, table=True):
    """Unusable goods that are to be destroyed: one person asks, another one decides."""

    __table_args__ = (
        sa.CheckConstraint("quantity_base > 0", name="quantity_positive"),
        sa.CheckConstraint("asked_by <> decided_by", name="two_people"),
    )

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code", index=True)
    lot_id: UUID = Field(foreign_key="lot.id", index=True)
    taken_from: str
    quantity_base: int = Field(sa_type=BIGINT)
    reason: str
    state: DisposalState = Field(
        default=DisposalState.ASKED, sa_type=enum_type(DisposalState), index=True
    )
    asked_by: UUID = Field(foreign_key="app_user.id")
    asked_at: datetime = Field(sa_type=UTC_TIME)
    decided_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    content_digest: str


class LotPlace(Row, table=True):
    """Where on a site's shelves a lot was put away: a bin, a rack, a corner."""

    __tablename__ = "lot_place"

    site: str = Field(primary_key=True, foreign_key="site.code")
    lot_id: UUID = Field(primary_key=True, foreign_key="lot.id")
    place: str
    put_by: UUID = Field(foreign_key="app_user.id")
    put_at: datetime = Field(sa_type=UTC_TIME)
