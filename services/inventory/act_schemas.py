"""What goes in where lots are sorted, written off, given back, used, repacked and put away."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.web.http import Code, Input, Moment, Quantity, Text, example

ActId = Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
Reason = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=500,
        description="Never published in clear",
        examples=["Box was wet"],
    ),
]
LOT = "0b9d3a52-8a54-4d6f-9f5e-5b1a9d9a3c11"


class Shelf(StrEnum):
    """The states that a lot is put into by hand."""

    AVAILABLE = "available"
    QUARANTINE = "quarantine"
    ON_HOLD = "on_hold"
    DAMAGED = "damaged"
    EXPIRED = "expired"


class Held(StrEnum):
    """The states that a lot is taken out of by hand: what is reserved was promised."""

    AVAILABLE = "available"
    QUARANTINE = "quarantine"
    ON_HOLD = "on_hold"
    DAMAGED = "damaged"
    REJECTED = "rejected"
    RECALLED = "recalled"
    EXPIRED = "expired"


class Unusable(StrEnum):
    """The states of what nobody can use: it is given back, sent back as it is, or destroyed."""

    REJECTED = "rejected"
    RECALLED = "recalled"
    EXPIRED = "expired"
    DAMAGED = "damaged"


class LossCause(StrEnum):
    """Why goods are gone; published with the loss."""

    THEFT = "theft"
    BREAKAGE = "breakage"
    WET = "wet"
    TOO_WARM = "too_warm"
    CONTAMINATED = "contaminated"
    EXPIRED_DESTROYED = "expired_destroyed"
    RECALLED_DESTROYED = "recalled_destroyed"
    DAMAGED_DESTROYED = "damaged_destroyed"
    REJECTED_DESTROYED = "rejected_destroyed"
    USED_BEFORE_RECALL = "used_before_recall"
    SAMPLED = "sampled"
    OTHER = "other"


# What each cause can be true of: the others are true of anything.
CAUSES_OF: dict[LossCause, frozenset[Held]] = {
    LossCause.USED_BEFORE_RECALL: frozenset({Held.RECALLED}),
}
# Done on purpose: asked for, approved and proved by a disposal.
DESTROYED = frozenset(
    {
        LossCause.EXPIRED_DESTROYED,
        LossCause.RECALLED_DESTROYED,
        LossCause.DAMAGED_DESTROYED,
        LossCause.REJECTED_DESTROYED,
    }
)


class LotAct(Input):
    """A quantity of one lot at a site of yours, in any unit of its item."""

    id: ActId
    site: Annotated[Code, Field(examples=["W1"])]
    lot_id: UUID
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box"])] = "piece"
    occurred_at: Annotated[Moment, Field(examples=["2020-02-05T18:00:00+08:00"])]
    reason: Reason


class SortIn(LotAct):
    """From one state into another. What expired or is recalled doesn't come back by this."""

    model_config = example(
        id="6f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d12", site="WH1", lot_id=LOT, quantity=2, unit="box",
        taken_from="available", put_to="quarantine", occurred_at="2020-02-05T20:00:00+08:00",
        reason="certificate is missing",
    )  # fmt: skip

    taken_from: Held
    put_to: Shelf


class LossIn(LotAct):
    """What is gone for good: stolen, broken, destroyed."""

    model_config = example(
        id="6f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d13", site="WH1", lot_id=LOT, quantity=12,
        taken_from="available", cause="breakage", occurred_at="2020-02-05T20:00:00+08:00",
        reason="fell off the rack",
    )  # fmt: skip

    taken_from: Held = Held.AVAILABLE
    cause: LossCause


class GiveBackIn(LotAct):
    """Surplus of what a hospital received: onto its shelf, from where it may be sent on."""

    model_config = example(
        id="6f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d14", site="HB001", lot_id=LOT, quantity=5,
        unit="box", put_to="available", occurred_at="2020-02-20T20:00:00+08:00",
        reason="ward closed",
    )  # fmt: skip

    put_to: Literal["available", "quarantine", "damaged", "expired"] = "available"


class ToGiverIn(LotAct):
    """What can't be used goes back to the donor, seller or maker that it came from."""

    model_config = example(
        id="6f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d1a", site="HB001", lot_id=LOT, quantity=5,
        unit="box", taken_from="rejected", occurred_at="2020-02-20T20:00:00+08:00",
        reason="wrong size",
    )  # fmt: skip

    taken_from: Unusable


class ConsumeIn(LotAct):
    """What a hospital has used of what it received."""

    model_config = example(
        id="6f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d15", site="HB001", lot_id=LOT, quantity=120,
        occurred_at="2020-02-20T20:00:00+08:00", reason="ward 3, day shift",
    )  # fmt: skip


class RepackIn(LotAct):
    """One lot into new ones: ``into`` gives the pieces of each, which add up to the quantity."""

    model_config = example(
        id="6f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d16", site="WH1", lot_id=LOT, quantity=100,
        into=[60, 40], occurred_at="2020-02-05T20:00:00+08:00", reason="kits for wards",
    )  # fmt: skip

    into: Annotated[list[Quantity], Field(min_length=1, max_length=100)]


class PlaceIn(Input):
    """Where a lot was put away; an empty place forgets it."""

    model_config = example(site="WH1", lot_id=LOT, place="Rack 4, shelf B")

    site: Code
    lot_id: UUID
    place: Annotated[Text, Field(max_length=60)] = ""


class ExpiredLine(Input):
    """A lot on a site's shelf, as the list of what has expired shows it."""

    site: Code
    lot_id: UUID


class ExpiredIn(Input):
    """Take expired lots off the shelf: all that is available of each, in one go."""

    model_config = example(
        id="6f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d17",
        lines=[{"site": "WH1", "lot_id": LOT}],
        occurred_at="2020-02-05T20:00:00+08:00",
    )

    id: ActId
    lines: Annotated[list[ExpiredLine], Field(min_length=1, max_length=500)]
    occurred_at: Moment


class ActOut(BaseModel):
    """The entry that was posted, and how many pieces it moved."""

    entry_id: UUID
    kind: str
    occurred_at: datetime
    quantity_base: int
    lots: list[UUID]


class ToGiverOut(ActOut):
    """``to`` is whom it went to; ``refund`` what to refund where it was paid for."""

    to: str
    refund: str | None


class PlaceOut(BaseModel):
    site: str
    lot_id: UUID
    place: str
