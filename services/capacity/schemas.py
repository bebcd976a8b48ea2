"""What goes in and out of the capacity endpoints."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.capacity.models import ExpirySource, ShortfallReason
from services.capacity.schemas_makers import FileOut
from services.web.http import MAX_QUANTITY, Code, Input, Moment, Quantity, Text, example

Planned = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY, examples=[120000])]
DayState = Literal["to_come", "unreported", "short", "explained", "done"]
Batch = Annotated[Text, Field(min_length=1, max_length=100, examples=["B-20200203-1"])]


class PlanDayIn(Input):
    item: Annotated[Code, Field(examples=["surgical_mask"])]
    day: Annotated[date, Field(examples=["2020-02-04"])]
    planned: Planned
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"


class CapacityPlanIn(Input):
    """What a factory plans to make; for each item and day the newest word counts."""

    model_config = example(
        site="MK001",
        days=[{"item": "surgical_mask", "day": "2020-02-04", "planned": 1000000, "unit": "piece"}],
    )

    site: Annotated[Code, Field(examples=["F1"])]
    days: Annotated[list[PlanDayIn], Field(min_length=1, max_length=1000)]


class PlanDayOut(BaseModel):
    """Pieces planned (null where nobody said) beside pieces made, which the journal says.

    ``state``: to_come; unreported (over, and not a word); short (a reason is asked for); explained;
    done. ``open_base`` may still be ordered, ``due_base`` is accepted and not yet made.
    """

    site: str
    item: str
    day: date
    planned_base: int | None
    actual_base: int
    state: DayState
    ordered_base: int
    open_base: int
    due_base: int
    shortfall_reason: ShortfallReason | None
    shortfall_note: str | None


class ProductionIn(Input):
    """Actual output. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        site="MK001",
        item="surgical_mask",
        day="2020-02-04",
        quantity=400,
        unit="carton",
        batch="SQ-0204",
        produced_on="2020-02-04",
        expires_on="2022-02-03",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    site: Annotated[Code, Field(examples=["F1"])]
    item: Annotated[Code, Field(examples=["surgical_mask"])]
    day: Annotated[date, Field(description="The day whose output this is", examples=["2020-02-03"])]
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    batch: Batch
    produced_on: Annotated[date, Field(examples=["2020-02-03"])]
    expires_on: Annotated[
        date | None,
        Field(description="Left out: the production date and the item's shelf life, if it has one"),
    ] = None
    occurred_at: Annotated[
        Moment | None, Field(description="When it was put on the shelf; left out: the day's end")
    ] = None
    order_id: Annotated[
        UUID | None, Field(description="The production order that it was made for, if any")
    ] = None


class ProductionOut(BaseModel):
    """``expiry_source`` says whether the date was given or follows from the shelf life.

    ``certificates`` counts the certificates of conformity among its ``files``.
    """

    id: UUID
    entry_id: UUID
    lot_id: UUID
    site: str
    item: str
    day: date
    quantity_base: int
    batch: str | None
    produced_on: date | None
    expires_on: date | None
    expiry_source: ExpirySource
    occurred_at: Moment
    order_id: UUID | None
    certificates: int
    files: list[FileOut]
