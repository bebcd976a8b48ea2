"""What hospitals need. A need's quantities in hand are readings of the journal, not columns."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row, enum_type


class Priority(StrEnum):
    STAT = "stat"
    ASAP = "asap"
    URGENT = "urgent"
    ROUTINE = "routine"


# The allocator's tiers: all of a tier is served before the next one gets a piece.
TIERS = {Priority.STAT: 0, Priority.ASAP: 1, Priority.URGENT: 2, Priority.ROUTINE: 3}


class NeedStatus(StrEnum):
    """What people decided. How far a need is served is read from the journal."""

    SUBMITTED = "submitted"
    CANCELLED = "cancelled"


class SupplyRequest(Row, table=True):
    """What a hospital asks for in one go."""

    __tablename__ = "supply_request"

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code", index=True)
    created_by: UUID = Field(foreign_key="app_user.id")
    posted_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    note: str | None = None
    content_digest: str


class Need(Row, table=True):
    """One line of a request. ``sequence`` is the order in which needs were recorded."""

    __table_args__ = (sa.CheckConstraint("quantity_base > 0", name="quantity_positive"),)

    id: UUID = Field(primary_key=True)
    sequence: int = Field(
        sa_column=sa.Column(sa.BigInteger, sa.Identity(), unique=True, nullable=False),
        default=None,
    )
    request_id: UUID = Field(foreign_key="supply_request.id", index=True)
    site: str = Field(foreign_key="site.code", index=True)
    item: str = Field(foreign_key="item.code", index=True)
    quantity: int = Field(sa_type=BIGINT)
    unit: str
    quantity_base: int = Field(sa_type=BIGINT)
    priority: Priority = Field(sa_type=enum_type(Priority))
    posted_at: datetime = Field(sa_type=UTC_TIME)
    need_by: date
    status: NeedStatus = Field(default=NeedStatus.SUBMITTED, sa_type=enum_type(NeedStatus))
    version: int = 1


class NeedChange(Row, table=True):
    """Who changed a need, when, from what to what."""

    __tablename__ = "need_change"

    need_id: UUID = Field(primary_key=True, foreign_key="need.id")
    version: int = Field(primary_key=True)
    changed_by: UUID = Field(foreign_key="app_user.id")
    changed_at: datetime = Field(sa_type=UTC_TIME)
    what: str
    reason: str | None = None
