"""What makers may make, plan, are asked for and offer. What they made is in the journal."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, SMALLINT, UTC_TIME, Row, enum_type


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
    """A report of actual output; quantity and lot are the journal's entry of the same id.

    ``order_id`` is the order that it was made for, if any.
    """

    __table_args__ = (sa.Index(None, "site", "day"),)

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code")
    item: str = Field(foreign_key="item.code", index=True)
    day: date
    expiry_source: ExpirySource = Field(sa_type=enum_type(ExpirySource))
    order_id: UUID | None = Field(default=None, foreign_key="production_order.id", index=True)
    reported_by: UUID = Field(foreign_key="app_user.id")
    reported_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str


class MakerState(StrEnum):
    """Where a maker's paper stands; who has handed none in is unregistered and has no row."""

    SUBMITTED = "submitted"
    ASKED_BACK = "asked_back"
    APPROVED = "approved"
    SUSPENDED = "suspended"


class Maker(Row, table=True):
    """A maker's paper: its licence, and (in `MakerProduct`) what it may make.

    ``version`` rises with each change of what it says, so that nobody approves what they haven't
    read. ``allowed`` is a desk's word that it may report output meanwhile. ``submitted_at`` is
    system time: since then a desk is asked to answer.
    """

    organisation: str = Field(primary_key=True, foreign_key="organisation.code")
    state: MakerState = Field(sa_type=enum_type(MakerState), index=True)
    licence_number: str
    version: int = 1
    allowed: bool = False
    submitted_at: datetime = Field(sa_type=UTC_TIME)
    decided_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class MakerProduct(Row, table=True):
    """The registration of one item of a maker; ``approved`` once a desk has said yes to it."""

    __tablename__ = "maker_product"

    organisation: str = Field(primary_key=True, foreign_key="maker.organisation")
    item: str = Field(primary_key=True, foreign_key="item.code")
    registration_number: str
    approved: bool = False


class CapacityRules(Row, table=True):
    """What a desk holds makers to: one row, or the defaults where nobody set any.

    A shortfall of more than ``shortfall_percent`` of the plan needs a reason; a paper waits
    ``approval_hours`` at most, a day's report ``silent_hours`` after the day.
    """

    __tablename__ = "capacity_rules"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True, sa_type=SMALLINT)
    registration_required: bool = False
    shortfall_percent: int = 10
    approval_hours: int = 24
    silent_hours: int = 24


class ShortfallReason(StrEnum):
    RAW_MATERIAL = "raw_material"
    STAFF = "staff"
    MACHINE = "machine"
    POWER = "power"
    QUALITY = "quality"
    TRANSPORT = "transport"
    OTHER = "other"


class Shortfall(Row, table=True):
    """Why less was made than planned on a day; the newest word counts."""

    site: str = Field(primary_key=True, foreign_key="site.code")
    item: str = Field(primary_key=True, foreign_key="item.code")
    day: date = Field(primary_key=True)
    reason: ShortfallReason = Field(sa_type=enum_type(ShortfallReason))
    note: str | None = None
    told_by: UUID = Field(foreign_key="app_user.id")
    told_at: datetime = Field(sa_type=UTC_TIME)


class OfferStatus(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class SurplusOffer(Row, table=True):
    """What a maker offers on top of its plan, ready on a day; ``price_minor`` is for all of it.

    What desks took of it stands in ``taken_base``, which never passes ``quantity_base``.
    """

    __tablename__ = "surplus_offer"
    __table_args__ = (
        sa.CheckConstraint("taken_base BETWEEN 0 AND quantity_base", name="not_taken_twice"),
    )

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code", index=True)
    item: str = Field(foreign_key="item.code", index=True)
    quantity_base: int = Field(sa_type=BIGINT)
    taken_base: int = Field(default=0, sa_type=BIGINT)
    ready_on: date
    until: date
    price_minor: int | None = Field(default=None, sa_type=BIGINT)
    currency: str | None = None
    note: str | None = None
    status: OfferStatus = Field(sa_type=enum_type(OfferStatus), index=True)
    offered_by: UUID = Field(foreign_key="app_user.id")
    offered_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str


class OrderStatus(StrEnum):
    """What maker and desk have said of an order; how far it is made is read from its reports."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"


LIVE_ORDERS = (OrderStatus.ASKED, OrderStatus.ACCEPTED)


class ProductionOrder(Row, table=True):
    """A desk calls pieces of an item off a factory's day, or takes up a surplus offer."""

    __tablename__ = "production_order"
    __table_args__ = (sa.Index(None, "site", "item", "day"),)

    id: UUID = Field(primary_key=True)
    site: str = Field(foreign_key="site.code")
    item: str = Field(foreign_key="item.code", index=True)
    day: date
    quantity_base: int = Field(sa_type=BIGINT)
    status: OrderStatus = Field(sa_type=enum_type(OrderStatus), index=True)
    offer_id: UUID | None = Field(default=None, foreign_key="surplus_offer.id", index=True)
    note: str | None = None
    ordered_by: UUID = Field(foreign_key="app_user.id")
    ordered_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str
