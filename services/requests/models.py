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
    """What people and rules decided. How far a need is served is read from the journal."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    RETURNED = "returned"
    REFUSED = "refused"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


# Waiting for the desk or for goods: what a hospital has to confirm from time to time.
LIVE = (NeedStatus.SUBMITTED, NeedStatus.APPROVED)


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
    """One line of a request. ``sequence`` is the order in which needs were recorded.

    Quantities ending in ``_base`` are pieces. ``suggested_base`` is what a forecast offered,
    ``approved_base`` what the desk or a rule granted: only that is asked of the allocator. Stock
    and use are the hospital's own word. ``last_word_at`` is when the hospital last said that it
    needs this (world time), ``last_word_recorded_at`` when that was written down. Whether it is met
    is read from the journal; ``met_seen_at`` spares the watch from asking again.
    """

    __table_args__ = (
        sa.CheckConstraint("quantity_base > 0", name="quantity_positive"),
        sa.CheckConstraint(
            "approved_base > 0 AND approved_base <= quantity_base", name="approved_within_asked"
        ),
        sa.CheckConstraint(
            "approved_base IS NOT NULL OR status <> 'approved'", name="approved_has_quantity"
        ),
        sa.Index("ix_need_status_last_word_recorded_at", "status", "last_word_recorded_at"),
    )

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
    suggested_base: int | None = Field(default=None, sa_type=BIGINT)
    approved_base: int | None = Field(default=None, sa_type=BIGINT)
    stock_on_hand_base: int | None = Field(default=None, sa_type=BIGINT)
    use_per_day_base: int | None = Field(default=None, sa_type=BIGINT)
    priority: Priority = Field(sa_type=enum_type(Priority))
    posted_at: datetime = Field(sa_type=UTC_TIME)
    need_by: date
    status: NeedStatus = Field(default=NeedStatus.DRAFT, sa_type=enum_type(NeedStatus))
    status_since: datetime = Field(sa_type=UTC_TIME)
    decision_reason: str | None = None
    last_word_at: datetime = Field(sa_type=UTC_TIME)
    last_word_recorded_at: datetime = Field(sa_type=UTC_TIME)
    met_seen_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    version: int = 1


class RegionDesk(Row, table=True):
    """Whose people decide on the needs of a region, and of those within it that name no other."""

    __tablename__ = "region_desk"

    region: str = Field(primary_key=True, foreign_key="region.code")
    organisation: str = Field(foreign_key="organisation.code")


class RuleOutcome(StrEnum):
    """What a rule says of the needs that it fits."""

    APPROVE = "approve"
    ASK = "ask"


class ApprovalRule(Row, table=True):
    """A rule that a desk sets: of those that concern a need's region, the first that fits decides.

    What is null fits everything. ``max_days_of_cover`` fits a need whose hospital says that its
    stock lasts no longer than so many days; a need that says nothing of it doesn't fit.
    """

    __tablename__ = "approval_rule"

    id: UUID = Field(primary_key=True)
    position: int
    outcome: RuleOutcome = Field(sa_type=enum_type(RuleOutcome))
    region: str | None = Field(default=None, foreign_key="region.code")
    item: str | None = Field(default=None, foreign_key="item.code")
    max_quantity_base: int | None = Field(default=None, sa_type=BIGINT)
    max_days_of_cover: int | None = None
    note: str | None = None


class SupplyStop(Row, table=True):
    """A site's word that it wants no more of an item, or, with no item, of anything."""

    __tablename__ = "supply_stop"
    __table_args__ = (
        sa.Index(
            "uq_supply_stop_open",
            "site",
            sa.text("coalesce(item, '')"),
            unique=True,
            postgresql_where=sa.text("resumed_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code", index=True)
    item: str | None = Field(default=None, foreign_key="item.code")
    reason: str
    stopped_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    stopped_by: UUID = Field(foreign_key="app_user.id")
    resumed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    content_digest: str
