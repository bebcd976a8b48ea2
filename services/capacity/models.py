"""What makers can make. What they made is in the journal: each report opens a lot."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row, enum_type


class ExpirySource(StrEnum):
    """Where a lot's expiry date comes from."""

    GIVEN = "given"
    SHELF_LIFE = "shelf_life"
    NONE = "none"


class CapacityPlan(Row, table=True):
    """How many pieces a factory plans to make of an item on a day; the newest word counts."""

    __tablename__ = "capacity_plan"
    __table_args__ = (sa.CheckConstraint("planned_base >= 0", name="planned_not_negative"),)

    site: str = Field(primary_key=True, foreign_key="site.code")
    item: str = Field(primary_key=True, foreign_key="item.code")
    day: date = Field(primary_key=True)
    planned_base: int = Field(sa_type=BIGINT)
    reported_by: UUID = Field(foreign_key="app_user.id")
    reported_at: datetime = Field(sa_type=UTC_TIME)


class Production(Row, table=True):
    """A report of actual output; quantity and lot are the journal's entry of the same id."""

    __table_args__ = (sa.Index(None, "site", "day"),)

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code")
    item: str = Field(foreign_key="item.code", index=True)
    day: date
    expiry_source: ExpirySource = Field(sa_type=enum_type(ExpirySource))
    reported_by: UUID = Field(foreign_key="app_user.id")
    reported_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str
