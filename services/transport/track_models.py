"""What is told of a shipment under way: carriers' links, positions, temperatures, numbers."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import JSON, UTC_TIME, Row


class CarrierLink(Row, table=True):
    """A link by which a driver without an account does a carrier's jobs of one day.

    Only the hash of its secret is kept. ``expires_at`` is by the clock; ``day`` is of the world.
    """

    __tablename__ = "carrier_link"

    id: UUID = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    carrier: str = Field(foreign_key="organisation.code", index=True)
    day: date
    label: str
    created_by: UUID = Field(foreign_key="app_user.id")
    created_at: datetime = Field(sa_type=UTC_TIME)
    expires_at: datetime = Field(sa_type=UTC_TIME)
    revoked_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    content_digest: str


class Position(Row, table=True):
    """Where a shipment is and when it is expected, as its carrier says it on the way.

    A place in words or WGS-84 degrees, an estimated arrival, or both.
    """

    id: UUID = Field(primary_key=True)
    shipment_id: UUID = Field(foreign_key="shipment.id", index=True)
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    actor: UUID = Field(foreign_key="app_user.id")
    via_link: UUID | None = Field(default=None, foreign_key="carrier_link.id")
    place: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    expected_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    note: str | None = None
    content_digest: str


class TemperatureLog(Row, table=True):
    """What a logger measured on a shipment, held against limits; all in hundredths of a degree.

    ``sha256`` is the file of readings, attached to the shipment. ``items`` are the cold goods that
    it speaks for: those of one pair of limits. It is a ``breach`` where there are any and a reading
    lies outside.
    """

    __tablename__ = "temperature_log"

    id: UUID = Field(primary_key=True)
    shipment_id: UUID = Field(foreign_key="shipment.id", index=True)
    sha256: str
    items: list[str] = Field(default_factory=list, sa_type=JSON)
    readings: int
    first_at: datetime = Field(sa_type=UTC_TIME)
    last_at: datetime = Field(sa_type=UTC_TIME)
    lowest_centi: int
    highest_centi: int
    least_centi: int
    most_centi: int
    minutes_out: int
    breach: bool
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    actor: UUID = Field(foreign_key="app_user.id")
    via_link: UUID | None = Field(default=None, foreign_key="carrier_link.id")
    content_digest: str


class LogisticUnit(Row, table=True):
    """A pallet or parcel of a shipment, under the number that GS1 calls SSCC; never reused."""

    __tablename__ = "logistic_unit"
    __table_args__ = (sa.UniqueConstraint("shipment_id", "number"),)

    sscc: str = Field(primary_key=True)
    shipment_id: UUID = Field(foreign_key="shipment.id")
    number: int
    issued_by: UUID = Field(foreign_key="app_user.id")
    issued_at: datetime = Field(sa_type=UTC_TIME)
