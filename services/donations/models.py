"""Gifts in kind and in money, their earmarks, and the funds that money gifts go to.

A pledge is somebody's word and conserves nothing: it is kept here. What was received, and what
became of it, is in the journal.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row, enum_type


class EarmarkKind(StrEnum):
    SITE = "site"
    REGION = "region"
    ITEM = "item"


class DonationKind(StrEnum):
    GOODS = "goods"
    MONEY = "money"


class DonationStatus(StrEnum):
    PLEDGED = "pledged"
    RECEIVED = "received"
    CANCELLED = "cancelled"


class Donation(Row, table=True):
    """A gift, in kind (goods lines, to a site) or in money (to a fund)."""

    __table_args__ = (
        sa.CheckConstraint(
            "(site IS NULL) <> (fund IS NULL) AND (fund IS NULL) = (amount_minor IS NULL)",
            name="goods_or_money",
        ),
    )

    id: UUID = Field(primary_key=True)
    donor: str = Field(foreign_key="organisation.code", index=True)
    anonymous: bool
    campaign: str | None = None
    site: str | None = Field(default=None, foreign_key="site.code")
    fund: str | None = Field(default=None, foreign_key="fund.code")
    amount_minor: int | None = Field(default=None, sa_type=BIGINT)
    earmark_kind: EarmarkKind | None = Field(default=None, sa_type=enum_type(EarmarkKind))
    earmark: str | None = None
    given_at: datetime = Field(sa_type=UTC_TIME)
    recorded_by: UUID = Field(foreign_key="app_user.id")
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    message: str | None = None
    cancelled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    cancelled_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    cancel_reason: str | None = None
    content_digest: str

    @property
    def kind(self) -> DonationKind:
        return DonationKind.GOODS if self.fund is None else DonationKind.MONEY

    def status(self, *, received: bool) -> DonationStatus:
        """What it came to; whether it was received is the journal's to say."""
        if self.cancelled_at is not None:
            return DonationStatus.CANCELLED
        return DonationStatus.RECEIVED if received else DonationStatus.PLEDGED


class DonationLine(Row, table=True):
    """One line of a pledge in kind; what came of it is the lot that its receipt opened."""

    __tablename__ = "donation_line"
    __table_args__ = (sa.CheckConstraint("quantity_base > 0", name="quantity_positive"),)

    donation_id: UUID = Field(primary_key=True, foreign_key="donation.id")
    line: int = Field(primary_key=True)
    item: str = Field(foreign_key="item.code")
    quantity: int = Field(sa_type=BIGINT)
    unit: str
    quantity_base: int = Field(sa_type=BIGINT)
    batch: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    receipt_note: str | None = None


class Fund(Row, table=True):
    """Money of one currency, kept apart from every other."""

    code: str = Field(primary_key=True)
    name_en: str
    name_zh: str
    currency: str = Field(foreign_key="commodity.code")
    organisation: str = Field(foreign_key="organisation.code")


class LotEarmark(Row, table=True):
    """Whom a lot may serve: a site or a region only; or, for money, which item it may buy."""

    __tablename__ = "lot_earmark"

    lot_id: UUID = Field(primary_key=True, foreign_key="lot.id")
    kind: EarmarkKind = Field(sa_type=enum_type(EarmarkKind))
    target: str


class Purchase(Row, table=True):
    """Goods bought from a fund; the journal's entry of the same id holds what moved."""

    id: UUID = Field(primary_key=True)
    fund: str = Field(foreign_key="fund.code", index=True)
    supplier: str = Field(foreign_key="organisation.code")
    site: str = Field(foreign_key="site.code")
    bought_by: UUID = Field(foreign_key="app_user.id")
    bought_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str


class Payment(Row, table=True):
    """Money paid out of a fund; the journal's entry of the same id holds what moved."""

    id: UUID = Field(primary_key=True)
    fund: str = Field(foreign_key="fund.code", index=True)
    payee: str = Field(foreign_key="organisation.code")
    purpose: str
    paid_by: UUID = Field(foreign_key="app_user.id")
    paid_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str
