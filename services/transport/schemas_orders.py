"""What goes in and out of the endpoints of transfers, and of joining and splitting shipments."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from services.transport.models import ShipmentState
from services.transport.schemas import Reason
from services.web.http import Code, Input, Moment, Quantity, example

SentBackAs = Literal["rejected", "recalled", "expired", "damaged"]
_LINE = Annotated[int, Field(strict=True, ge=1, le=10**6)]


class TransferLineIn(Input):
    """Pieces of one lot, from the shelf of the order's origin."""

    lot_id: UUID
    quantity_base: Quantity


def _each_lot_once(lines: list[TransferLineIn]) -> list[TransferLineIn]:
    if len({line.lot_id for line in lines}) < len(lines):
        raise ValueError("a lot stands in two lines; add them up in one")
    return lines


class TransferIn(Input):
    """``carrier`` and ``due_on`` are the lane's where they are left out.

    With ``sent_back_as`` the goods are what nobody can use, taken from that state: they aren't set
    aside, and arrive as what they are.
    """

    model_config = example(
        id="0a8f5a5e-3f0e-4a57-9d64-0d3c6f3d8f11",
        origin="WH1",
        destination="WH2",
        depart_on="2020-02-05",
        reason="the second warehouse runs short",
        occurred_at="2020-02-04T16:00:00+08:00",
        lines=[{"lot_id": "9a8f5a5e-3f0e-4a57-9d64-0d3c6f3d8f12", "quantity_base": 2000}],
    )

    id: UUID
    origin: Code
    destination: Code
    depart_on: date
    due_on: date | None = None
    carrier: Code | None = None
    reason: Reason
    occurred_at: Moment
    sent_back_as: SentBackAs | None = None
    lines: Annotated[
        list[TransferLineIn], Field(min_length=1, max_length=1000), AfterValidator(_each_lot_once)
    ]

    @model_validator(mode="after")
    def _leads_away(self) -> "TransferIn":
        if self.origin == self.destination:
            raise ValueError("a transfer leads from one site to another; name two")
        return self


class TransferLineOut(BaseModel):
    lot_id: UUID
    item: str
    quantity_base: int


class TransferOut(BaseModel):
    """``state`` is its shipment's: what becomes of each line, ``GET /shipments/{id}`` says.

    ``in_place_of`` is what its goods were for before they were diverted. Once diverted themselves,
    no shipment carries them for this order any more, and its state is None.
    """

    id: UUID
    origin: str
    destination: str
    depart_on: date
    reason: str
    in_place_of: str | None
    sent_back_as: str | None
    occurred_at: Moment
    recorded_at: Moment
    shipment_id: UUID | None
    state: ShipmentState | None
    pieces: int
    lines: list[TransferLineOut]


class JoinIn(Input):
    """Planned shipments on the same way and day that go as one from now on."""

    model_config = example(
        shipments=["2a8f5a5e-3f0e-4a57-9d64-0d3c6f3d8f13"], reason="one lorry is enough"
    )

    shipments: Annotated[list[UUID], Field(min_length=1, max_length=100)]
    reason: Reason


class SplitIn(Input):
    """Lines of a planned shipment that go as another one, of this ``id``."""

    model_config = example(
        id="3a8f5a5e-3f0e-4a57-9d64-0d3c6f3d8f14", lines=[2, 3], reason="too much for one lorry"
    )

    id: UUID
    lines: Annotated[list[_LINE], Field(min_length=1, max_length=10_000)]
    reason: Reason
