"""What goes in and out of blind counts. No answer tells what the books say before it is posted."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.inventory.act_schemas import LOT, ActId, Reason
from services.inventory.models import LineState, SheetState
from services.web.http import MAX_QUANTITY, Code, Input, Moment, example


class SheetIn(Input):
    """Count a site, or one item of it."""

    model_config = example(
        id="8f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d19", site="WH1", item="gloves", reason="monthly count"
    )

    id: ActId
    site: Code
    item: Code | None = None
    reason: Reason


class SheetLineIn(Input):
    """All that stands on the shelf of one lot, what is set aside included."""

    lot_id: UUID
    counted: Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY)]
    unit: Code = "piece"


class SheetCountIn(Input):
    """What one person counted."""

    model_config = example(
        lines=[{"lot_id": LOT, "counted": 1990, "unit": "piece"}],
        occurred_at="2020-02-05T20:00:00+08:00",
    )

    lines: Annotated[list[SheetLineIn], Field(min_length=1, max_length=500)]
    occurred_at: Moment


class CancelIn(Input):
    model_config = example(reason="the shelf is being moved")

    reason: Reason


class SheetOut(BaseModel):
    id: UUID
    site: str
    item: str | None
    reason: str
    state: SheetState
    opened_at: datetime


class SheetLineOut(BaseModel):
    """``counted_base`` and ``difference_base`` are null until the line is posted."""

    lot_id: UUID
    item: str
    batch: str | None
    expires_on: date | None
    place: str
    state: LineState
    counted_base: int | None
    difference_base: int | None


class SheetDetail(SheetOut):
    lines: list[SheetLineOut]
