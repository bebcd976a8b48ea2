"""Lanes and shipments. What became of each line is a reading of the journal, not a column."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row, enum_type


class Lane(Row, table=True):
    """A way from site to site that a carrier serves."""

    __table_args__ = (
        sa.CheckConstraint("origin <> destination", name="leads_away"),
        sa.CheckConstraint("distance_m >= 0 AND duration_days >= 0", name="not_negative"),
    )

    origin: str = Field(primary_key=True, foreign_key="site.code")
    destination: str = Field(primary_key=True, foreign_key="site.code")
    carrier: str = Field(foreign_key="organisation.code")
    distance_m: int
    duration_days: int


class ShipmentState(StrEnum):
    PLANNED = "planned"
    PICKED = "picked"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    RECEIVED = "received"
    PARTLY_RECEIVED = "partly_received"
    REFUSED = "refused"
    LOST = "lost"
    VERIFIED = "verified"
    CANCELLED = "cancelled"


class Shipment(Row, table=True):
    """Goods for one destination from one origin on one day."""

    id: UUID = Field(primary_key=True)
    run_id: UUID = Field(foreign_key="run.id", index=True)
    origin: str = Field(foreign_key="site.code", index=True)
    destination: str = Field(foreign_key="site.code", index=True)
    carrier: str = Field(foreign_key="organisation.code", index=True)
    depart_on: date
    due_on: date
    state: ShipmentState = Field(sa_type=enum_type(ShipmentState), index=True)


class ShipmentLine(Row, table=True):
    """What was reserved for a need from one lot and put on this shipment.

    A need and a lot meet in one line of a shipment only, so that the journal's moves between
    the need's accounts say what became of the line. Which item it is, the lot says.
    """

    __tablename__ = "shipment_line"
    __table_args__ = (
        sa.CheckConstraint("quantity_base > 0", name="quantity_positive"),
        sa.UniqueConstraint("shipment_id", "need_id", "lot_id"),
    )

    shipment_id: UUID = Field(primary_key=True, foreign_key="shipment.id")
    line: int = Field(primary_key=True)
    need_id: UUID = Field(foreign_key="need.id", index=True)
    lot_id: UUID = Field(foreign_key="lot.id", index=True)
    quantity_base: int = Field(sa_type=BIGINT)


class ShipmentEvent(Row, table=True):
    """Each state that a shipment came to: when in the world, and who said so.

    ``content_digest`` tells the same act sent twice from another one. ``received_by_name`` is
    personal: whoever took the goods at the door; it never goes into the journal.
    """

    __tablename__ = "shipment_event"

    shipment_id: UUID = Field(primary_key=True, foreign_key="shipment.id")
    state: ShipmentState = Field(primary_key=True, sa_type=enum_type(ShipmentState))
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    actor: UUID = Field(foreign_key="app_user.id")
    note: str | None = None
    received_by_name: str | None = None
    content_digest: str | None = None


class Receipt(Row, table=True):
    """Why the consignee took less of a line than was sent. How much less, the journal says."""

    __tablename__ = "receipt_line"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["shipment_id", "line"],
            ["shipment_line.shipment_id", "shipment_line.line"],
            name="line",
        ),
    )

    shipment_id: UUID = Field(primary_key=True)
    line: int = Field(primary_key=True)
    reason: str
