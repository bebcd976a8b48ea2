"""Papers about money: orders with their deliveries, and what else is done with a fund's money.

Amounts that moved are in the journal, in entries of the same ids; a draft order is an intention,
and so are an order's lines.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, JSON, UTC_TIME, Row, enum_type
from services.donations.models import EarmarkKind


class OrderStatus(StrEnum):
    """What people decided; how much of an ordered one was delivered is the journal's to say."""

    DRAFT = "draft"
    ORDERED = "ordered"
    CANCELLED = "cancelled"


class PurchaseOrder(Row, table=True):
    """Goods ordered from a supplier; from the order on, its price is committed in the fund."""

    __tablename__ = "purchase_order"

    id: UUID = Field(primary_key=True)
    fund: str = Field(foreign_key="fund.code", index=True)
    supplier: str = Field(foreign_key="organisation.code")
    site: str = Field(foreign_key="site.code")
    status: OrderStatus = Field(sa_type=enum_type(OrderStatus))
    earmark_kind: EarmarkKind | None = Field(default=None, sa_type=enum_type(EarmarkKind))
    earmark: str | None = None
    expected_on: date | None = None
    note: str | None = None
    drafted_by: UUID = Field(foreign_key="app_user.id")
    recorded_at: datetime = Field(sa_type=UTC_TIME, index=True)
    ordered_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    cancelled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    content_digest: str

    @property
    def made_by(self) -> UUID:
        return self.drafted_by


class OrderLine(Row, table=True):
    """One line of an order, at its whole price in minor units of the fund's currency."""

    __tablename__ = "order_line"
    __table_args__ = (sa.CheckConstraint("quantity_base > 0 AND price_minor > 0", name="positive"),)

    order_id: UUID = Field(primary_key=True, foreign_key="purchase_order.id")
    line: int = Field(primary_key=True)
    item: str = Field(foreign_key="item.code")
    quantity: int = Field(sa_type=BIGINT)
    unit: str
    quantity_base: int = Field(sa_type=BIGINT)
    price_minor: int = Field(sa_type=BIGINT)


class OrderDelivery(Row, table=True):
    """What came against an order; ``refused`` tells by line what was sent back, and why."""

    __tablename__ = "order_delivery"

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="purchase_order.id", index=True)
    refused: list[dict[str, Any]] = Field(sa_type=JSON)
    delivered_at: datetime = Field(sa_type=UTC_TIME)
    recorded_by: UUID = Field(foreign_key="app_user.id")
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str

    @property
    def made_by(self) -> UUID:
        return self.recorded_by


class MoneyActKind(StrEnum):
    APPROPRIATION = "appropriation"
    COMMITMENT = "commitment"
    RELEASE = "release"
    MOVE = "move"
    REFUND = "refund"


class MoneyAct(Row, table=True):
    """One thing that was done with a fund's money; the entry of the same id holds what moved.

    ``party`` assigned it, is to be paid, or gave it back; ``other_fund`` is where it was moved;
    ``subject`` is what it is about: the commitment or order that is released, the purchase,
    delivery, payment or donation that is refunded.
    """

    __tablename__ = "money_act"

    id: UUID = Field(primary_key=True)
    kind: MoneyActKind = Field(sa_type=enum_type(MoneyActKind), index=True)
    fund: str = Field(foreign_key="fund.code", index=True)
    party: str | None = Field(default=None, foreign_key="organisation.code")
    other_fund: str | None = Field(default=None, foreign_key="fund.code")
    subject: UUID | None = Field(default=None, index=True)
    purpose: str
    acted_by: UUID = Field(foreign_key="app_user.id")
    acted_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str

    @property
    def made_by(self) -> UUID:
        return self.acted_by
