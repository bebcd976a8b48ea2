"""Stocktakes. What stands where, and what a stocktake changed, is in the journal."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row


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
