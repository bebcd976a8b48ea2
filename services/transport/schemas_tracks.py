"""What goes in and out of the endpoints of positions, temperatures, papers and links."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from services.transport.schemas import ActIn
from services.web.http import Code, FromRow, Input, Moment, Text, example

_Short = Annotated[str, Field(max_length=200)]


class PositionIn(ActIn):
    """A place in words or degrees (WGS-84), an estimated arrival, or both."""

    model_config = example(
        id="4b1f4b0e-5a3c-4a43-9a50-8f0f3c2b1a01",
        occurred_at="2020-02-05T06:00:00+08:00",
        place="Xiaogan toll station",
        expected_at="2020-02-05T09:30:00+08:00",
    )

    id: UUID
    place: _Short | None = None
    latitude: Annotated[float | None, Field(ge=-90, le=90, allow_inf_nan=False)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180, allow_inf_nan=False)] = None
    expected_at: Moment | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "PositionIn":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give latitude and longitude, or neither")
        if not self.place and self.latitude is None and self.expected_at is None:
            raise ValueError("say where it is, or when it is expected")
        return self


class PositionOut(FromRow):
    id: UUID
    occurred_at: Moment
    recorded_at: Moment
    place: str | None
    latitude: float | None
    longitude: float | None
    expected_at: Moment | None
    note: str | None


class TemperatureOut(FromRow):
    """Degrees are hundredths of a degree Celsius. ``sha256`` names the file of readings."""

    id: UUID
    sha256: str
    readings: int
    first_at: Moment
    last_at: Moment
    items: list[str]
    lowest_centi: int
    highest_centi: int
    least_centi: int
    most_centi: int
    minutes_out: int
    breach: bool


class FileOut(FromRow):
    kind: str
    sha256: str
    name: str
    attached_at: Moment


class TrackOut(BaseModel):
    """What was told of a shipment beside its steps; ``expected_at`` is the newest estimate."""

    expected_at: Moment | None
    positions: list[PositionOut]
    temperatures: list[TemperatureOut]
    files: list[FileOut]


class LabelIn(Input):
    """How many pallets and parcels a shipment has; those that have a number keep it."""

    model_config = example(units=3)

    units: Annotated[int, Field(strict=True, ge=1, le=200)] = 1


class UnitOut(FromRow):
    sscc: str
    number: int
    issued_at: Moment


class WaybillOut(BaseModel):
    """What goes with the goods: from whom to whom, how many units of which number, how heavy."""

    shipment_id: UUID
    consignor: str
    consignee: str
    carrier: str
    depart_on: date
    due_on: date
    pieces: int
    volume_ml: int
    weight_g: int
    cold: bool
    units: list[UnitOut]


class LinkIn(Input):
    """A link for a driver: the jobs of one carrier on one day, for so many hours from now."""

    model_config = example(
        id="5b1f4b0e-5a3c-4a43-9a50-8f0f3c2b1a02",
        carrier="CA01",
        day="2020-02-05",
        label="van 3, Mr Li",
        hours=18,
    )

    id: UUID
    carrier: Code
    day: date
    label: Annotated[str, Field(max_length=100)] = ""
    hours: Annotated[int, Field(strict=True, ge=1, le=72)] = 18


class LinkOut(FromRow):
    """``expired_or_revoked`` links open nothing any more; nobody can read a secret again."""

    id: UUID
    carrier: str
    day: date
    label: str
    created_at: Moment
    expires_at: Moment
    revoked_at: Moment | None


class NewLinkOut(LinkOut):
    """``path`` opens the driver's page, after the language; it is shown this once, or None."""

    path: str | None
