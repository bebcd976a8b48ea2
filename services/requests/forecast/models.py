"""What hospitals report day by day, how much is used of what, and what is offered from it."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row, enum_type


class Driver(StrEnum):
    """What an item is used for, a day: a patient by severity, a person's shift, a test."""

    PATIENT_SUSPECTED = "patient_suspected"
    PATIENT_MILD = "patient_mild"
    PATIENT_SEVERE = "patient_severe"
    PATIENT_CRITICAL = "patient_critical"
    SHIFT_DOCTOR = "shift_doctor"
    SHIFT_NURSE = "shift_nurse"
    SHIFT_CLEANER = "shift_cleaner"
    SHIFT_OTHER = "shift_other"
    TEST = "test"


class Method(StrEnum):
    """Which method a forecast of an item follows."""

    BURN_RATE = "burn_rate"
    ESSENTIAL_SUPPLIES = "essential_supplies"


class OfferState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"


class DailyReport(Row, table=True):
    """A hospital's day at a site. Of several for a day the one recorded last counts; all stay.

    Patients are those in the house when the stock was counted; shifts are persons times shifts of
    the day.
    """

    __tablename__ = "daily_report"
    __table_args__ = (sa.Index(None, "site", "day"),)

    id: UUID = Field(primary_key=True)
    sequence: int = Field(
        sa_column=sa.Column(sa.BigInteger, sa.Identity(), unique=True, nullable=False),
        default=None,
    )
    site: str = Field(foreign_key="site.code")
    day: date
    counted_at: datetime = Field(sa_type=UTC_TIME)
    patients_suspected: int
    patients_mild: int
    patients_severe: int
    patients_critical: int
    shifts_doctor: int
    shifts_nurse: int
    shifts_cleaner: int
    shifts_other: int
    tests_done: int
    note: str | None = None
    reported_by: UUID = Field(foreign_key="app_user.id")
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str


class DailyStock(Row, table=True):
    """What a report says of one item: pieces on hand, and pieces that came in some other way.

    ``received_base`` is what came in since the report before and isn't in the journal, such as a
    purchase of the hospital's own.
    """

    __tablename__ = "daily_stock"
    __table_args__ = (
        sa.CheckConstraint("quantity_base >= 0 AND received_base >= 0", name="not_negative"),
    )

    report_id: UUID = Field(primary_key=True, foreign_key="daily_report.id")
    item: str = Field(primary_key=True, foreign_key="item.code")
    quantity: int = Field(sa_type=BIGINT)
    unit: str
    quantity_base: int = Field(sa_type=BIGINT)
    received_base: int = Field(sa_type=BIGINT)


class SupplyRate(Row, table=True):
    """A desk's word on how much of an item goes with one of a driver a day; it overrides ours.

    ``rate_milli`` is thousandths of a piece.
    """

    __tablename__ = "supply_rate"
    __table_args__ = (sa.CheckConstraint("rate_milli >= 0", name="not_negative"),)

    item: str = Field(primary_key=True, foreign_key="item.code")
    driver: Driver = Field(primary_key=True, sa_type=enum_type(Driver))
    rate_milli: int = Field(sa_type=BIGINT)
    source: str
    assumed: bool
    version: int
    updated_by: UUID = Field(foreign_key="app_user.id")
    updated_at: datetime = Field(sa_type=UTC_TIME)


class SupplyOffer(Row, table=True):
    """A request that the system proposes to a hospital, as it was worked out from one report."""

    __tablename__ = "supply_offer"
    __table_args__ = (sa.Index(None, "site", "state"),)

    id: UUID = Field(primary_key=True)
    sequence: int = Field(
        sa_column=sa.Column(sa.BigInteger, sa.Identity(), unique=True, nullable=False),
        default=None,
    )
    site: str = Field(foreign_key="site.code")
    report_id: UUID = Field(foreign_key="daily_report.id", index=True)
    day: date
    horizon_days: int
    growth_percent: float
    patients_now: int
    patients_then: int
    state: OfferState = Field(default=OfferState.OPEN, sa_type=enum_type(OfferState))
    made_by: UUID = Field(foreign_key="app_user.id")
    made_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str
    decided_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    decided_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    decision_digest: str | None = None
    reason: str | None = None
    request_id: UUID | None = Field(default=None, foreign_key="supply_request.id")


class SupplyOfferLine(Row, table=True):
    """One item of an offer, in pieces; what either method gave stands beside what was taken."""

    __tablename__ = "supply_offer_line"

    offer_id: UUID = Field(primary_key=True, foreign_key="supply_offer.id")
    item: str = Field(primary_key=True, foreign_key="item.code")
    method: Method = Field(sa_type=enum_type(Method))
    stock_base: int = Field(sa_type=BIGINT)
    received_since_base: int = Field(sa_type=BIGINT)
    coming_base: int = Field(sa_type=BIGINT)
    asked_base: int = Field(sa_type=BIGINT)
    use_per_day_milli: int = Field(sa_type=BIGINT)
    days_left_tenths: int | None = None
    burn_base: int | None = Field(default=None, sa_type=BIGINT)
    essential_base: int | None = Field(default=None, sa_type=BIGINT)
    forecast_base: int = Field(sa_type=BIGINT)
    suggested_base: int = Field(sa_type=BIGINT)
