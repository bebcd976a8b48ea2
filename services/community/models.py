"""Community points: what residents may book there, and who booked, without who they are."""

from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import UTC_TIME, Row, enum_type


class BookingState(StrEnum):
    """``missed`` is who didn't come in time: their pieces and their quota are free again."""

    BOOKED = "booked"
    HANDED_OUT = "handed_out"
    CANCELLED = "cancelled"
    MISSED = "missed"


class PointOffer(Row, table=True):
    """What a point gives to each household, how often, and when.

    A household gets ``pieces`` once in ``period_days``, wherever it books. Slots of
    ``slot_minutes`` begin at ``opens_at`` (local time), each for ``bookings_per_slot`` households.
    """

    __tablename__ = "point_offer"
    __table_args__ = (
        sa.CheckConstraint("pieces > 0 AND period_days > 0", name="quota_positive"),
        sa.CheckConstraint("slot_minutes > 0 AND bookings_per_slot > 0", name="slots_positive"),
        sa.CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
    )

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code", index=True)
    item: str = Field(foreign_key="item.code", index=True)
    pieces: int
    period_days: int
    opens_at: time
    closes_at: time
    slot_minutes: int
    bookings_per_slot: int
    first_day: date
    last_day: date
    made_by: UUID = Field(foreign_key="app_user.id")
    made_at: datetime = Field(sa_type=UTC_TIME)
    closed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    content_digest: str


class Booking(Row, table=True):
    """One household's pieces at a slot.

    ``household`` and ``code_hash`` are keyed hashes: neither tells an identity or a code to who
    hasn't the key, and the key isn't in the database. ``on_register`` is whether the household
    stood on the point's register; where there was none, nobody has checked who it is.
    """

    __table_args__ = (
        sa.Index(None, "offer_id", "slot_starts_at"),
        sa.Index(None, "household", "item"),
    )

    id: UUID = Field(primary_key=True)
    offer_id: UUID = Field(foreign_key="point_offer.id")
    site: str = Field(foreign_key="site.code", index=True)
    item: str = Field(foreign_key="item.code")
    household: str
    on_register: bool = False
    code_hash: str = Field(unique=True)
    slot_starts_at: datetime = Field(sa_type=UTC_TIME)
    pieces: int
    state: BookingState = Field(default=BookingState.BOOKED, sa_type=enum_type(BookingState))
    booked_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    settled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    settled_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    content_digest: str


class RegisteredHousehold(Row, table=True):
    """A household on the register of a point, as the keyed hash that its bookings carry."""

    __tablename__ = "registered_household"

    site: str = Field(foreign_key="site.code", primary_key=True)
    household: str = Field(primary_key=True)
