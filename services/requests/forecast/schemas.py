"""What goes in and out of the endpoints of daily reports, rates and offers."""

from datetime import date
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.requests.forecast.method import Cover
from services.requests.forecast.models import Driver, Method, OfferState
from services.requests.models import Priority
from services.web.http import (
    MAX_QUANTITY,
    Code,
    FromRow,
    Input,
    Moment,
    Text,
    example,
)

MAX_PEOPLE = 1_000_000
LONGEST_HORIZON = 28
Amount = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY, examples=[400])]
People = Annotated[int, Field(strict=True, ge=0, le=MAX_PEOPLE, examples=[12])]
Unit = Annotated[Code, Field(examples=["piece", "box", "carton"])]


class StockIn(Input):
    """One item on the shelves; ``received`` is what came in that Medrelay doesn't know of."""

    item: Annotated[Code, Field(examples=["n95_respirator"])]
    quantity: Amount
    unit: Unit = "piece"
    received: Annotated[
        Amount,
        Field(description="Came in since the report before, not through Medrelay; same unit"),
    ] = 0


class DailyReportIn(Input):
    """A site's day. A later one for the same day takes its place; send the same to repeat."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        site="HB017",
        day="2020-02-03",
        counted_at="2020-02-03T20:00:00+08:00",
        patients_suspected=14,
        patients_mild=40,
        patients_severe=12,
        patients_critical=3,
        shifts_doctor=18,
        shifts_nurse=45,
        shifts_cleaner=10,
        shifts_other=12,
        tests_done=30,
        stock=[{"item": "n95_respirator", "quantity": 6, "unit": "box"}],
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    site: Annotated[Code, Field(examples=["HB017"])]
    day: Annotated[date, Field(examples=["2020-02-03"])]
    counted_at: Annotated[
        Moment | None,
        Field(description="When the stock was counted; left out: now, or the day's end"),
    ] = None
    patients_mild: People
    patients_severe: People
    patients_critical: People
    patients_suspected: People = 0
    shifts_doctor: Annotated[People, Field(description="Persons times shifts of the day")] = 0
    shifts_nurse: People = 0
    shifts_cleaner: People = 0
    shifts_other: People = 0
    tests_done: People = 0
    stock: Annotated[list[StockIn], Field(max_length=200, default_factory=list)]
    note: Text | None = None


class StockOut(FromRow):
    item: str
    quantity: int
    unit: str
    quantity_base: int
    received_base: int


class DailyReportOut(FromRow):
    """``current`` is false where a later report for the same day took its place."""

    id: UUID
    site: str
    day: date
    counted_at: Moment
    patients_suspected: int
    patients_mild: int
    patients_severe: int
    patients_critical: int
    shifts_doctor: int
    shifts_nurse: int
    shifts_cleaner: int
    shifts_other: int
    tests_done: int
    note: str | None
    reported_by: UUID
    recorded_at: Moment
    current: bool
    stock: list[StockOut]


class MissingOut(FromRow):
    """A hospital's site that hasn't reported on ``day``; null where it never has."""

    site: str
    region: str
    day: date
    last_day: date | None
    last_recorded_at: Moment | None


class RateIn(Input):
    """A desk's figure; ``version`` is the one that you saw, 0 for ours or for none."""

    model_config = example(
        rate_milli=2500, source="our own count, 1 to 7 February", assumed=False, version=0
    )

    rate_milli: Annotated[
        int,
        Field(strict=True, ge=0, le=10_000_000, description="Thousandths of a piece a day"),
    ]
    source: Annotated[Text, Field(min_length=3, max_length=300)]
    assumed: bool = False
    version: Annotated[int, Field(strict=True, ge=0, le=10**6)] = 0
    reason: Text | None = None


class RateOut(FromRow):
    item: str
    driver: Driver
    rate_milli: int
    source: str
    assumed: bool
    version: int


class SupplyOut(FromRow):
    """An item at a site: how long it lasts. Null where that can't be said, ``gap`` says why."""

    site: str
    region: str
    item: str
    day: date
    on_hand_base: int
    coming_base: int
    method: Method | None
    use_per_day_milli: int | None
    days_left: float | None
    gap: str | None


class OfferIn(Input):
    """Have a request worked out from a site's newest report."""

    model_config = example(id="7d3fbd0e-9d6e-4b7c-a3a5-0ed1b6a2a8b1", site="HB017", horizon_days=7)

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    site: Annotated[Code, Field(examples=["HB017"])]
    horizon_days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_HORIZON)] = 7


class OfferLineOut(FromRow):
    """Where nothing is suggested, ``covered_by`` says why; by stock, until ``covered_until``."""

    item: str
    method: Method
    stock_base: int
    received_since_base: int
    coming_base: int
    asked_base: int
    use_per_day_milli: int
    days_left: float | None
    burn_base: int | None
    essential_base: int | None
    forecast_base: int
    suggested_base: int
    covered_by: Cover | None
    covered_until: date | None
    priority: Priority


class OfferOut(BaseModel):
    id: UUID
    site: str
    report_id: UUID
    day: date
    horizon_days: int
    growth_percent: float
    patients_now: int
    patients_then: int
    state: OfferState
    made_at: Moment
    decided_at: Moment | None
    reason: str | None
    request_id: UUID | None
    lines: list[OfferLineOut]


class AcceptLine(Input):
    """What to ask for instead of what was suggested; 0 leaves the item out."""

    item: Annotated[Code, Field(examples=["n95_respirator"])]
    quantity: Amount
    unit: Unit = "piece"
    priority: Priority | None = None
    need_by: date | None = None


class OfferAccept(Input):
    """Lines left out stay as suggested. Asking twice with the same body asks once."""

    model_config = example(lines=[{"item": "n95_respirator", "quantity": 10, "unit": "box"}])

    lines: Annotated[list[AcceptLine], Field(max_length=200, default_factory=list)]
    posted_at: Moment | None = None
    note: Text | None = None


class OfferDismiss(Input):
    model_config = example(reason="the province sends enough")

    reason: Annotated[Text, Field(min_length=3)]
