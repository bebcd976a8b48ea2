"""What goes in and out of production orders and surplus offers."""

from datetime import date
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, Field, model_validator

from services.capacity.models import OfferStatus, OrderStatus
from services.capacity.schemas_makers import ChangeOut, Reason
from services.web.http import MAX_QUANTITY, Code, Input, Moment, Quantity, Text, example

Id = Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
Note = Annotated[Text | None, Field(max_length=500)]


class OrderIn(Input):
    """Call pieces off a factory's planned day. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="0d9f1f0e-4c8e-4d3b-9a57-0f6f3ad0c001",
        site="MK001",
        item="surgical_mask",
        day="2020-02-04",
        quantity=100,
        unit="carton",
    )

    id: Id
    site: Annotated[Code, Field(examples=["F1"])]
    item: Annotated[Code, Field(examples=["surgical_mask"])]
    day: Annotated[date, Field(description="The day whose output it is", examples=["2020-02-04"])]
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    note: Note = None
    occurred_at: Annotated[
        Moment | None, Field(description="When it was ordered; left out: now")
    ] = None


class OrderReasonIn(Input):
    model_config = example(reason="no raw material")

    reason: Reason


class OrderOut(BaseModel):
    """``progress`` says how far it is made: open, partly, complete; ``status`` what was said."""

    id: UUID
    site: str
    item: str
    day: date
    quantity_base: int
    made_base: int
    status: OrderStatus
    progress: str
    offer_id: UUID | None
    note: str | None
    ordered_at: Moment
    history: list[ChangeOut]


class OfferIn(Input):
    """Offer what you make on top of your plan. ``price_minor`` is for all of it, in minor units."""

    model_config = example(
        id="0d9f1f0e-4c8e-4d3b-9a57-0f6f3ad0c002",
        site="MK001",
        item="surgical_mask",
        quantity=20,
        unit="carton",
        ready_on="2020-02-04",
        until="2020-02-06",
        price_minor=2400000,
        currency="CNY",
    )

    id: Id
    site: Annotated[Code, Field(examples=["F1"])]
    item: Annotated[Code, Field(examples=["surgical_mask"])]
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    ready_on: Annotated[date, Field(examples=["2020-02-04"])]
    until: Annotated[date, Field(description="The offer lapses after it", examples=["2020-02-06"])]
    price_minor: Annotated[int | None, Field(strict=True, ge=0, le=MAX_QUANTITY)] = None
    currency: Annotated[str | None, Field(pattern="^[A-Z]{3}$", examples=["CNY"])] = None
    note: Note = None

    @model_validator(mode="after")
    def _priced_whole(self) -> "OfferIn":
        if (self.price_minor is None) != (self.currency is None):
            raise ValueError("give price_minor and currency together, or neither")
        return self


class TakeIn(Input):
    """Take up an offer, or part of it: the order that it becomes has this ``id``."""

    model_config = example(id="0d9f1f0e-4c8e-4d3b-9a57-0f6f3ad0c003", quantity=10, unit="carton")

    id: Id
    quantity: Annotated[
        int | None,
        Field(strict=True, ge=1, le=MAX_QUANTITY, description="Left out: all that is left"),
    ] = None
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"


class OfferOut(BaseModel):
    id: UUID
    site: str
    item: str
    quantity_base: int
    taken_base: int
    left_base: int
    ready_on: date
    until: date
    price_minor: int | None
    currency: str | None
    note: str | None
    status: OfferStatus
    offered_at: Moment
    history: list[ChangeOut]


class PromisedOut(BaseModel):
    """Pieces of a day: ``open_base`` can still be ordered, ``due_base`` is accepted and to come."""

    site: str
    item: str
    day: date
    planned_base: int
    ordered_base: int
    made_base: int
    open_base: int
    due_base: int
