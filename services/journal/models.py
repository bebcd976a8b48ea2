"""The journal's tables: accounts, commodities, lots, entries, moves, balances and leaves."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, BYTES, JSON, UTC_TIME, Row, enum_type
from services.journal.kinds import AccountKind, CommodityClass, EntryKind


class Commodity(Row, table=True):
    """What can be counted: goods in pieces, money in minor units of a currency."""

    code: str = Field(primary_key=True)
    commodity_class: CommodityClass = Field(sa_type=enum_type(CommodityClass))
    base_unit: str


class Account(Row, table=True):
    """A place where quantities stand: whose, in what state, for what purpose."""

    code: str = Field(primary_key=True)
    kind: AccountKind = Field(sa_type=enum_type(AccountKind))
    holder: str = Field(index=True)
    state: str
    purpose: str | None = Field(default=None, index=True)
    may_overdraw: bool


class Lot(Row, table=True):
    """Goods or money that came in together; a donation's trace is its lot's moves."""

    id: UUID = Field(primary_key=True)
    commodity: str = Field(foreign_key="commodity.code", index=True)
    batch: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    origin: str = Field(index=True)
    entry_id: UUID = Field(foreign_key="entry.id", index=True)


class Entry(Row, table=True):
    """One act, as its exact bytes say it. The bytes are hashed and never made again."""

    id: UUID = Field(primary_key=True)
    kind: EntryKind = Field(sa_type=enum_type(EntryKind), index=True)
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME, index=True)
    actor: str
    document: str | None = Field(default=None, index=True)
    reverses: UUID | None = Field(default=None, foreign_key="entry.id", unique=True)
    body: bytes = Field(sa_type=BYTES)
    digest: bytes = Field(sa_type=BYTES)
    content_digest: bytes = Field(sa_type=BYTES)


class Move(Row, table=True):
    """A quantity of one lot from one account to another."""

    __table_args__ = (
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.CheckConstraint("source <> target", name="source_not_target"),
    )

    entry_id: UUID = Field(primary_key=True, foreign_key="entry.id")
    line: int = Field(primary_key=True)
    lot_id: UUID = Field(foreign_key="lot.id", index=True)
    source: str = Field(foreign_key="account.code", index=True)
    target: str = Field(foreign_key="account.code", index=True)
    quantity: int = Field(sa_type=BIGINT)


class Balance(Row, table=True):
    """What went into and out of an account, by lot: two counters that only grow."""

    __table_args__ = (
        sa.CheckConstraint("inflow >= outflow OR may_overdraw", name="not_overdrawn"),
        sa.CheckConstraint("inflow >= 0 AND outflow >= 0", name="counters_grow"),
    )

    account: str = Field(primary_key=True, foreign_key="account.code")
    lot_id: UUID = Field(primary_key=True, foreign_key="lot.id", index=True)
    inflow: int = Field(sa_type=BIGINT)
    outflow: int = Field(sa_type=BIGINT)
    may_overdraw: bool


class Leaf(Row, table=True):
    """An entry's place in the transparency log."""

    index: int = Field(primary_key=True, sa_type=BIGINT, sa_column_kwargs={"autoincrement": False})
    entry_id: UUID = Field(foreign_key="entry.id", unique=True)
    leaf_hash: bytes = Field(sa_type=BYTES)
    sealed_at: datetime = Field(sa_type=UTC_TIME)


class EntrySecret(Row, table=True):
    """What an entry says only as digests: deleting this row erases it, and proofs still hold."""

    __tablename__ = "entry_secret"

    entry_id: UUID = Field(primary_key=True, foreign_key="entry.id")
    record_key: bytes = Field(sa_type=BYTES)
    fields: dict[str, str] = Field(sa_type=JSON)
