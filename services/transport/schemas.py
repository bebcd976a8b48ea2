"""What goes in and out of the transport endpoints."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.parties.keys import SignatureIn
from services.transport.models import ShipmentState
from services.web.http import MAX_QUANTITY, Code, FromRow, Input, Moment, Quantity, Text, example

# Longer than any way around the Earth; a slip of units is told, and the column holds it.
_LONGEST_M = 40_100_000

Count = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
_When = Annotated[Moment, Field(examples=["2020-02-04T09:30:00Z"])]


class LaneIn(Input):
    """``duration_days`` as its carrier states them; costs in millionths of a cost unit a piece.

    A capacity that is left out limits nothing. Whole regions are limited only where all the lanes
    between them state theirs.
    """

    model_config = example(
        origin="WH1",
        destination="HB017",
        carrier="CA01",
        distance_m=12400,
        duration_days=1,
        cost_per_piece_micro=20000,
        volume_l_per_day=30000,
        weight_kg_per_day=6000,
        keeps_cold=True,
    )

    origin: Annotated[Code, Field(examples=["W1"])]
    destination: Annotated[Code, Field(examples=["HB017"])]
    carrier: Annotated[Code, Field(examples=["SF"])]
    distance_m: Annotated[int, Field(strict=True, ge=0, le=_LONGEST_M, examples=[12_500])]
    duration_days: Annotated[int, Field(strict=True, ge=0, le=365, examples=[1])]
    cost_per_piece_micro: Annotated[int, Field(strict=True, ge=0, le=10**12)] = 0
    volume_l_per_day: Annotated[int | None, Field(strict=True, ge=0, le=10**7)] = None
    weight_kg_per_day: Annotated[int | None, Field(strict=True, ge=0, le=10**7)] = None
    keeps_cold: bool = True


class LaneOut(BaseModel):
    """``observed_days`` is the median of its last ``observed_deliveries``; None where too few."""

    origin: str
    destination: str
    carrier: str
    distance_m: int
    duration_days: int
    cost_per_piece_micro: int
    volume_l_per_day: int | None
    weight_kg_per_day: int | None
    keeps_cold: bool
    observed_days: int | None = None
    observed_deliveries: int = 0


class ActIn(Input):
    """What every act on a shipment says: when it happened in the world."""

    model_config = example(occurred_at="2020-02-04T09:00:00+08:00")

    occurred_at: _When


class LoadIn(ActIn):
    """Loading, or standing at the gate."""

    model_config = example(occurred_at="2020-02-04T09:30:00+08:00", note="two pallets")

    note: Text | None = None


class DeliverIn(ActIn):
    model_config = example(occurred_at="2020-02-05T09:00:00+08:00", note="gate 2")

    note: Text | None = None
    received_by_name: Annotated[
        str | None,
        Field(max_length=200, description="Who took it at the door; personal, never published"),
    ] = None


class ReceiptLineIn(Input):
    """One line of the shipment: accepted, rejected and short together are what was sent."""

    line: Annotated[int, Field(strict=True, ge=1, le=10**6, examples=[1])]
    accepted: Annotated[Count, Field(examples=[480])]
    rejected: Annotated[Count, Field(examples=[20])] = 0
    short: Count = 0
    reason: Annotated[Reason | None, Field(examples=["torn cartons"])] = None


class ReceiveIn(ActIn):
    model_config = example(
        occurred_at="2020-02-05T10:00:00+08:00",
        lines=[{"line": 1, "accepted": 990, "rejected": 6, "short": 4, "reason": "torn"}],
    )

    lines: Annotated[list[ReceiptLineIn], Field(min_length=1, max_length=10_000)]
    signature: Annotated[
        SignatureIn | None, Field(description="The consignee's own, over the count; optional")
    ] = None


class VerifyIn(ActIn):
    model_config = example(occurred_at="2020-02-06T10:00:00+08:00", note="papers agree")

    note: Text | None = None


class LoseIn(ActIn):
    model_config = example(occurred_at="2020-02-06T10:00:00+08:00", reason="burnt on the road")

    reason: Reason


class CancelIn(ActIn):
    model_config = example(
        occurred_at="2020-02-04T10:00:00+08:00", reason="the lot expires on the way"
    )

    reason: Annotated[Reason, Field(examples=["lot 7 expired before it was picked"])]


class DivertLineIn(Input):
    """Pieces of a line that are taken elsewhere: for a need there, or else onto its shelf."""

    line: Annotated[int, Field(strict=True, ge=1, le=10**6)]
    quantity_base: Quantity
    need_id: UUID | None = None


class DivertIn(ActIn):
    """Another destination for these lines; without ``lines`` for everything, onto the shelf.

    What comes onto the shelf does so under transfer orders that follow from ``id``.
    """

    model_config = example(
        id="7d1f4b0e-5a3c-4a43-9a50-8f0f3c2b1a99",
        occurred_at="2020-02-05T08:00:00+08:00",
        destination="HB018",
        due_on="2020-02-05",
        reason="the bridge is closed",
    )

    id: UUID
    destination: Code
    due_on: date
    reason: Reason
    lines: Annotated[list[DivertLineIn] | None, Field(min_length=1, max_length=1000)] = None


class EventOut(BaseModel):
    """``actor`` is an organisation. ``received_by_name`` is shown to those at the door alone."""

    state: ShipmentState
    occurred_at: Moment
    recorded_at: Moment
    actor: str
    note: str | None
    received_by_name: str | None


class LineOut(BaseModel):
    """Accepted, rejected and short are readings of the journal: all 0 until it is received.

    ``held_base`` of what was accepted was put aside: recalled, expired, or in quarantine. A line
    has a need, a transfer, or, planned for a need and diverted to a shelf, both: it goes by the
    transfer.
    """

    line: int
    need_id: UUID | None
    transfer_id: UUID | None
    item: str
    lot_id: UUID
    batch: str | None
    expires_on: date | None
    quantity_base: int
    accepted_base: int
    held_base: int
    rejected_base: int
    short_base: int
    reason: str | None


class ShipmentOut(BaseModel):
    """``next_steps`` are the acts that its state allows now.

    ``run_id`` is None where a transfer was ordered. One that was joined into another is empty.
    ``diverted_from`` is the shipment that its goods left on, where they were taken out of that.
    """

    id: UUID
    run_id: UUID | None
    joined_into: UUID | None
    diverted_from: UUID | None
    origin: str
    destination: str
    carrier: str
    depart_on: date
    due_on: date
    state: ShipmentState
    next_steps: list[str]
    events: list[EventOut]
    lines: list[LineOut]


class CallOut(FromRow):
    """A stop of a round at which the shipment, or a part of it, is handed over."""

    plan_id: UUID
    number: int
    stop: int
    vehicle: str
    unit: int
    begins_at: Moment


class CallsOut(FromRow):
    """What the plan of rounds started last says of a shipment; both are empty where none does.

    ``left_out`` are the reasons why a part of it, or all of it, is on no round.
    """

    calls: list[CallOut]
    left_out: list[str]


class PickOut(BaseModel):
    """How much to take of one lot, for which lines of the shipment."""

    lot_id: UUID
    item: str
    batch: str | None
    expires_on: date | None
    quantity_base: int
    lines: list[int]


class PickedOut(ShipmentOut):
    """The shipment with its pick list: by item, what expires first comes first."""

    pick_list: list[PickOut]
