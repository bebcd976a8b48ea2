"""What goes in and out of the inventory endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.inventory.picking import Skipped
from services.journal.kinds import EntryKind
from services.web.http import MAX_QUANTITY, Code, FromRow, Input, Moment, Quantity, Text, example


class StockOut(BaseModel):
    """One lot at one site, in pieces. With ``at``, one item at one site: the lot is null."""

    site: str
    item: str
    lot_id: UUID | None
    batch: str | None
    produced_on: date | None
    expires_on: date | None
    origin: str | None
    available: int
    reserved: int
    quarantine: int
    on_hold: int
    recalled: int
    expired: int
    damaged: int
    rejected: int
    received: int
    place: str = ""


class CountIn(Input):
    """A stocktake of one lot: all that stands on the shelf, reserved pieces included."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        site="WH1",
        item="gloves",
        lot_id="0b9d3a52-8a54-4d6f-9f5e-5b1a9d9a3c11",
        counted=1990,
        unit="piece",
        occurred_at="2020-02-05T20:00:00+08:00",
        reason="monthly count",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    site: Annotated[Code, Field(examples=["W1"])]
    item: Annotated[Code, Field(examples=["gloves"])]
    lot_id: UUID
    counted: Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY, examples=[990])]
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    occurred_at: Annotated[Moment, Field(examples=["2020-02-05T18:00:00+08:00"])]
    reason: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=500,
            description="Never published in clear",
            examples=["Weekly stocktake"],
        ),
    ]


class CountOut(BaseModel):
    """``entry_id`` is null where the count agreed: then nothing was posted.

    Where another person is to count again there are no figures yet: ``sheet_id`` is that count.
    """

    id: UUID
    entry_id: UUID | None = None
    site: str
    item: str
    lot_id: UUID
    before_base: int | None = None
    counted_base: int | None = None
    difference_base: int | None = None
    occurred_at: Moment
    reason: str
    sheet_id: UUID | None = None


class PickedOut(FromRow):
    lot_id: UUID
    batch: str | None
    expires_on: date | None
    available: int
    quantity: int


class LeftOutOut(FromRow):
    lot_id: UUID
    batch: str | None
    expires_on: date | None
    quantity: int
    reason: Skipped


class PickOut(FromRow):
    """Lots to take, first expired first; what was skipped and why; how much is missing."""

    picked: list[PickedOut]
    skipped: list[LeftOutOut]
    short: int


class CardLineOut(FromRow):
    """One movement: pieces that came, left or changed state within; what stood there after it."""

    entry_id: UUID
    kind: EntryKind
    occurred_at: datetime
    lot_id: UUID
    source: str
    target: str
    came: int
    left: int
    within: int
    balance: int
    purpose: str | None


class ExpiringOut(BaseModel):
    """Pieces of a lot on a shelf that expire within the days asked for, or have expired."""

    site: str
    item: str
    lot_id: UUID
    batch: str | None
    expires_on: date
    days_left: int
    available: int
    reserved: int
    received: int


class PickAsked(Input):
    """What is to be picked, as the page's form asks for it."""

    site: Code
    item: Code
    quantity: Quantity
    unit: Code = "piece"
    arrives_on: date | None = None
