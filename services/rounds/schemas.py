"""What goes in and out of the endpoints of lorries, opening hours and rounds."""

from datetime import date, datetime, time
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import AfterValidator, BaseModel, Field

from services.transport.models import (
    DEFAULT_CLOSES_AT,
    DEFAULT_OPENS_AT,
    DEFAULT_SERVICE_MINUTES,
    RoundsState,
)
from services.web.http import Code, FromRow, Input, example


def _on_the_wall(moment: time) -> time:
    if moment.tzinfo is not None:
        raise ValueError("give the local time alone, such as 08:00, without a zone")
    return moment.replace(second=0, microsecond=0)


_Clock = Annotated[time, AfterValidator(_on_the_wall), Field(examples=["08:00"])]


def _whole(low: int, high: int) -> object:
    return Field(strict=True, ge=low, le=high)


class VehicleIn(Input):
    """``count`` equal lorries of a carrier at a depot, each with a driver a day.

    The driver's day begins at ``starts_at`` (local time) at the earliest, and is at most so long
    from the first loading to the last return. In it a lorry may drive several rounds.
    """

    model_config = example(
        carrier="CA01",
        code="van-3t",
        depot="WH1",
        count=4,
        volume_l=15000,
        weight_kg=3000,
        cold=False,
        starts_at="07:00",
        shift_minutes=600,
        most_rounds=3,
    )

    carrier: Code
    code: Code
    depot: Code
    count: Annotated[int, _whole(1, 1000)] = 1
    volume_l: Annotated[int, _whole(1, 1_000_000)]
    weight_kg: Annotated[int, _whole(1, 1_000_000)]
    cold: bool = False
    starts_at: _Clock = time(7)
    shift_minutes: Annotated[int, _whole(30, 24 * 60)] = 600
    most_rounds: Annotated[int, _whole(1, 20)] = 3


class VehicleOut(FromRow):
    carrier: str
    code: str
    depot: str
    count: int
    volume_l: int
    weight_kg: int
    cold: bool
    starts_at: time
    shift_minutes: int
    most_rounds: int


class SiteHoursIn(Input):
    """When lorries are served at a site, and how long a call there takes; local time."""

    model_config = example(site="HB017", opens_at="08:00", closes_at="17:30", service_minutes=20)

    site: Code
    opens_at: _Clock = DEFAULT_OPENS_AT
    closes_at: _Clock = DEFAULT_CLOSES_AT
    service_minutes: Annotated[int, _whole(0, 480)] = DEFAULT_SERVICE_MINUTES


class SiteHoursOut(FromRow):
    site: str
    opens_at: time
    closes_at: time
    service_minutes: int


class RoundsIn(Input):
    """Plan the rounds of a day, from one depot or, without one, from all.

    What counts are the shipments that were to leave by that day and haven't left yet.
    """

    model_config = example(id="0b54b1a6-7c0d-4a55-9d0b-0a2f6f0f2d17", day="2020-02-04", depot="WH1")

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    day: Annotated[date, Field(examples=["2020-02-04"])]
    depot: Code | None = None
    speed_kmh: Annotated[int, _whole(5, 120)] = 50
    most_seconds: Annotated[int, _whole(1, 600)] = 20


class LoadOut(BaseModel):
    """Pieces of a line of a shipment."""

    shipment_id: UUID
    line: int
    item: str
    quantity_base: int
    cold: bool


class StopOut(BaseModel):
    """``begins_at`` is when handing over begins: on arrival, or when the site opens."""

    stop: int
    site: str
    arrives_at: datetime
    begins_at: datetime
    leaves_at: datetime
    distance_m: int
    loads: list[LoadOut]


class RoundOut(BaseModel):
    """The ``trip``-th round on that day of lorry ``unit`` of a vehicle."""

    number: int
    depot: str
    carrier: str
    vehicle: str
    unit: int
    trip: int
    cold: bool
    loads_at: datetime
    departs_at: datetime
    returns_at: datetime
    distance_m: int
    volume_ml: int
    weight_g: int
    stops: list[StopOut]


class LeftOutOut(BaseModel):
    """Pieces that no round takes, and why: ``sentence`` tells it in the language asked for."""

    shipment_id: UUID
    depot: str
    carrier: str
    destination: str
    line: int
    item: str
    quantity_base: int
    reason: str
    sentence: str


class RoundsSummary(BaseModel):
    """``status``: `searched` to the end, or `stopped` because the time was up."""

    id: UUID
    day: date
    depot: str | None
    state: RoundsState
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    shipments: int
    status: str | None
    iterations: int | None
    failure: str | None
    rounds: int
    distance_m: int
    shipments_left_out: int


class RoundsOut(RoundsSummary):
    """A plan with its rounds, of which a carrier sees its own."""

    plan: list[RoundOut]
    left_out: list[LeftOutOut]
