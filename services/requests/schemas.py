"""What goes in and out of the requests' endpoints."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.requests.models import NeedStatus, Priority
from services.web.http import Code, Input, Moment, Quantity, Text, example


class NeedIn(Input):
    item: Annotated[Code, Field(examples=["n95_respirator"])]
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    priority: Annotated[Priority, Field(examples=["urgent"])]
    need_by: Annotated[date, Field(examples=["2020-02-06"])]


class RequestIn(Input):
    """A hospital's needs, posted in one go. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        site="HB017",
        posted_at="2020-02-03T08:00:00+08:00",
        needs=[
            {
                "item": "n95_respirator",
                "quantity": 5,
                "unit": "box",
                "priority": "urgent",
                "need_by": "2020-02-06",
            }
        ],
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    site: Annotated[Code, Field(examples=["HB017"])]
    posted_at: Moment | None = None
    needs: Annotated[list[NeedIn], Field(min_length=1, max_length=200)]
    note: Text | None = None
    duplicate: Annotated[
        Literal["refuse", "keep"],
        Field(description="What to do with a need that is open already, to the letter"),
    ] = "refuse"


class NeedEdit(Input):
    """What to change; ``version`` is the one that you saw, so that no edit hides another."""

    model_config = example(version=1, quantity=8, reason="more patients")

    version: int
    quantity: Quantity | None = None
    unit: Code | None = None
    priority: Priority | None = None
    need_by: date | None = None
    reason: Text | None = None


class NeedCancel(Input):
    model_config = example(reason="enough for now")

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class NeedOut(BaseModel):
    """``progress`` is submitted, partly_allocated, allocated, in_transit, fulfilled or cancelled.

    ``notice`` says what becomes of what is still reserved for a cancelled need; else it is null.
    """

    id: UUID
    request_id: UUID
    site: str
    item: str
    quantity: int
    unit: str
    quantity_base: int
    priority: Priority
    need_by: date
    posted_at: Moment
    status: NeedStatus
    version: int
    reserved_base: int
    in_transit_base: int
    received_base: int
    outstanding_base: int
    progress: str
    notice: str | None


class RequestOut(BaseModel):
    id: UUID
    site: str
    posted_at: Moment
    note: str | None
    needs: list[NeedOut]
