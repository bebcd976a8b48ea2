"""Orders to bring goods from one site to another that no need asks for."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row


class Transfer(Row, table=True):
    """Goods of one site that are to stand on another's shelf, and why.

    Where a shipment was diverted, an order stands in place of the purpose that its goods had
    before: ``in_place_of`` is that, such as ``need:5f0c…``. ``sent_back_as`` is the state of goods
    that nobody can use, and that stay so: rejected, recalled, expired or damaged.
    """

    __table_args__ = (sa.CheckConstraint("origin <> destination", name="leads_away"),)

    id: UUID = Field(primary_key=True)
    origin: str = Field(foreign_key="site.code", index=True)
    destination: str = Field(foreign_key="site.code", index=True)
    depart_on: date
    reason: str
    in_place_of: str | None = None
    sent_back_as: str | None = None
    created_by: UUID = Field(foreign_key="app_user.id")
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str


class TransferLine(Row, table=True):
    """Pieces of one lot; a lot stands in one line of an order only."""

    __tablename__ = "transfer_line"
    __table_args__ = (
        sa.CheckConstraint("quantity_base > 0", name="quantity_positive"),
        sa.UniqueConstraint("transfer_id", "lot_id"),
    )

    transfer_id: UUID = Field(primary_key=True, foreign_key="transfer.id")
    line: int = Field(primary_key=True)
    lot_id: UUID = Field(foreign_key="lot.id", index=True)
    quantity_base: int = Field(sa_type=BIGINT)
