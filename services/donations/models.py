"""Gifts in kind and in money, their earmarks, and the funds that money gifts go to.

A pledge is somebody's word and conserves nothing: it is kept here. What was received, and what
became of it, is in the journal.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, JSON, UTC_TIME, Row, enum_type


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
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Refusal(StrEnum):
    """Why goods or money that came weren't taken."""

    WRONG_KIND = "wrong_kind"
    BAD_QUALITY = "bad_quality"
    DAMAGED = "damaged"
    EXPIRED = "expired"
    SHORT_LIFE = "short_life"
    NO_PAPERS = "no_papers"
    NOT_NEEDED = "not_needed"
    SOURCE = "source"
    OTHER = "other"


class CheckPart(StrEnum):
    """What a receipt is checked for, each by another person."""

    KIND = "kind"
    QUALITY = "quality"
    QUANTITY = "quantity"


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
    expected_on: date | None = None
    campaign_code: str | None = Field(default=None, foreign_key="campaign.code", index=True)
    earmark_release_on: date | None = None
    refused_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    refused_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    refusal: Refusal | None = Field(default=None, sa_type=enum_type(Refusal))
    refusal_note: str | None = None

    @property
    def made_by(self) -> UUID:
        return self.recorded_by

    @property
    def kind(self) -> DonationKind:
        return DonationKind.GOODS if self.fund is None else DonationKind.MONEY

    def status(self, *, received: bool) -> DonationStatus:
        """What it came to; whether it was received is the journal's to say."""
        if self.cancelled_at is not None:
            return DonationStatus.CANCELLED
        if self.refused_at is not None:
            return DonationStatus.REFUSED
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
    refused_base: int = Field(
        default=0, sa_type=BIGINT, sa_column_kwargs={"server_default": sa.text("0")}
    )
    refusal: Refusal | None = Field(default=None, sa_type=enum_type(Refusal))


class Campaign(Row, table=True):
    """A call for gifts with goals and dates; what came for it is read from the journal."""

    code: str = Field(primary_key=True)
    name_en: str
    name_zh: str
    about_en: str
    about_zh: str
    organisation: str = Field(foreign_key="organisation.code")
    starts_on: date
    ends_on: date | None = None
    closed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    created_at: datetime = Field(sa_type=UTC_TIME)


class CampaignGoal(Row, table=True):
    """How much of one item or currency a campaign asks for, in pieces or minor units."""

    __tablename__ = "campaign_goal"
    __table_args__ = (sa.CheckConstraint("quantity_base > 0", name="quantity_positive"),)

    campaign: str = Field(primary_key=True, foreign_key="campaign.code")
    commodity: str = Field(primary_key=True, foreign_key="commodity.code")
    quantity_base: int = Field(sa_type=BIGINT)


class ReceivingRule(Row, table=True):
    """How a warehouse receives gifts: by one person, or checked by three."""

    __tablename__ = "receiving_rule"

    site: str = Field(primary_key=True, foreign_key="site.code")
    three_signatures: bool


class ReceiptPaper(Row, table=True):
    """A receipt that waits for its three signatures; what it says is no stock until it is posted.

    ``version`` grows with every change of what it says, and a change empties the slots.
    """

    __tablename__ = "receipt_paper"

    donation_id: UUID = Field(primary_key=True, foreign_key="donation.id")
    version: int
    says: dict[str, Any] = Field(sa_type=JSON)
    opened_by: UUID = Field(foreign_key="app_user.id")
    opened_at: datetime = Field(sa_type=UTC_TIME)
    posted_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class ReceiptSignature(Row, table=True):
    """One filled slot of a paper; nobody fills two."""

    __tablename__ = "receipt_signature"
    __table_args__ = (sa.UniqueConstraint("donation_id", "signed_by"),)

    donation_id: UUID = Field(primary_key=True, foreign_key="receipt_paper.donation_id")
    part: CheckPart = Field(primary_key=True, sa_type=enum_type(CheckPart))
    signed_by: UUID = Field(foreign_key="app_user.id")
    signed_at: datetime = Field(sa_type=UTC_TIME)


class Fund(Row, table=True):
    """Money of one currency, kept apart from every other."""

    code: str = Field(primary_key=True)
    name_en: str
    name_zh: str
    currency: str = Field(foreign_key="commodity.code")
    organisation: str = Field(foreign_key="organisation.code")


class LotEarmark(Row, table=True):
    """Whom a lot may serve: a site or a region only; or, for money, which item it may buy.

    Once released, by the entry that says so, it binds no more.
    """

    __tablename__ = "lot_earmark"

    lot_id: UUID = Field(primary_key=True, foreign_key="lot.id")
    kind: EarmarkKind = Field(sa_type=enum_type(EarmarkKind))
    target: str
    released_entry: UUID | None = Field(default=None, foreign_key="entry.id")


class Purchase(Row, table=True):
    """Goods bought from a fund; the journal's entry of the same id holds what moved."""

    id: UUID = Field(primary_key=True)
    fund: str = Field(foreign_key="fund.code", index=True)
    supplier: str = Field(foreign_key="organisation.code")
    site: str = Field(foreign_key="site.code")
    bought_by: UUID = Field(foreign_key="app_user.id")
    bought_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str

    @property
    def made_by(self) -> UUID:
        return self.bought_by


class Payment(Row, table=True):
    """Money paid out of a fund; the journal's entry of the same id holds what moved."""

    id: UUID = Field(primary_key=True)
    fund: str = Field(foreign_key="fund.code", index=True)
    payee: str = Field(foreign_key="organisation.code")
    purpose: str
    paid_by: UUID = Field(foreign_key="app_user.id")
    paid_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str
    commitment: UUID | None = Field(default=None, index=True)

    @property
    def made_by(self) -> UUID:
        return self.paid_by
