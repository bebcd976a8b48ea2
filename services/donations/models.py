"""Gifts in kind and in money, their earmarks, and the funds that money gifts go to."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field

from services.database import UTC_TIME, Row, enum_type


class EarmarkKind(StrEnum):
    SITE = "site"
    REGION = "region"
    ITEM = "item"


class Donation(Row, table=True):
    """A gift, in kind (goods lines) or in money (to a fund). Quantities are in the journal."""

    id: UUID = Field(primary_key=True)
    donor: str = Field(foreign_key="organisation.code", index=True)
    anonymous: bool
    campaign: str | None = None
    site: str | None = Field(default=None, foreign_key="site.code")
    fund: str | None = Field(default=None, foreign_key="fund.code")
    earmark_kind: EarmarkKind | None = Field(default=None, sa_type=enum_type(EarmarkKind))
    earmark: str | None = None
    given_at: datetime = Field(sa_type=UTC_TIME)
    recorded_by: UUID = Field(foreign_key="app_user.id")
    message: str | None = None


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
    """Goods bought from a fund; the journal's entry of the same id holds both moves."""

    id: UUID = Field(primary_key=True)
    fund: str = Field(foreign_key="fund.code", index=True)
    supplier: str = Field(foreign_key="organisation.code")
    site: str = Field(foreign_key="site.code")
    bought_by: UUID = Field(foreign_key="app_user.id")
    bought_at: datetime = Field(sa_type=UTC_TIME)
