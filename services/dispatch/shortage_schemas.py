"""What goes in and out of the endpoints of shortages, arrivals and what may be promised."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.dispatch.desk_models import ShortageLevel
from services.transport.models import ShipmentState
from services.web.http import Code, FromRow, Input, Moment, Text, example

_Days = Annotated[int, Field(strict=True, ge=0, le=3650, description="Tenths of a day: below it")]
_Share = Annotated[
    int, Field(strict=True, ge=0, le=1_000_000, description="Millionths of the demand: above it")
]


class ShortageRuleIn(Input):
    """Where a region draws the lines. What is left out is as usual."""

    model_config = example(
        region="420100",
        item="n95_respirator",
        short_days_tenths=50,
        why="the nearest depot is four days away",
    )

    region: Code
    item: Annotated[str, Field(max_length=64, pattern=r"^(\*|[A-Za-z0-9_.\-]+)$")] = "*"
    watch_days_tenths: _Days = 140
    tight_days_tenths: _Days = 70
    short_days_tenths: _Days = 30
    critical_days_tenths: _Days = 10
    watch_share_ppm: _Share = 0
    tight_share_ppm: _Share = 100_000
    short_share_ppm: _Share = 250_000
    critical_share_ppm: _Share = 500_000
    alert_from: Annotated[
        ShortageLevel, Field(description="From this level on somebody is told; enough: never")
    ] = ShortageLevel.SHORT
    why: Annotated[Text, Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        names = ("watch", "tight", "short", "critical")
        days = [getattr(self, f"{name}_days_tenths") for name in names]
        shares = [getattr(self, f"{name}_share_ppm") for name in names]
        if days != sorted(days, reverse=True):
            raise ValueError("days of cover fall from watch to critical")
        if shares != sorted(shares):
            raise ValueError("shares rise from watch to critical")
        return self


class ShortageRuleOut(FromRow):
    region: str
    item: str
    watch_days_tenths: int
    tight_days_tenths: int
    short_days_tenths: int
    critical_days_tenths: int
    watch_share_ppm: int
    tight_share_ppm: int
    short_share_ppm: int
    critical_share_ppm: int
    alert_from: ShortageLevel
    why: str
    set_at: Moment


class ShortageOut(FromRow):
    """One item in one region, in pieces; ``days_tenths`` are tenths of a day of cover."""

    region: str
    item: str
    level: ShortageLevel
    decided_by: str
    outstanding: int
    committed: int
    free: int
    uncovered: int
    uncovered_ppm: int
    days_tenths: int | None
    hospitals: int
    here: bool


class ArrivingOut(FromRow):
    """Pieces of an item on one shipment to a site; ``estimated``: by the carrier's newest word.

    What a plan only expects has no shipment: ``expected_by`` is the paper that should bring it.
    """

    destination: str
    day: date
    item: str
    quantity_base: int
    shipment_id: UUID | None
    origin: str
    state: ShipmentState | None
    depart_on: date | None
    due_on: date
    estimated: bool
    days_late: int
    expected_by: str | None = None


class PromiseOut(FromRow):
    """One item at a site on a day: on hand less reserved, plus what is due up to then."""

    site: str
    item: str
    day: date
    on_hand: int
    reserved: int
    due: int
    available_to_promise: int
