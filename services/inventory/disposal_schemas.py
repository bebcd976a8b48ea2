"""What goes in and out of disposals: asked for, decided by another person, carried out."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.inventory.act_schemas import LOT, ActId, Reason, Unusable
from services.web.http import Code, Input, Moment, Quantity, Text, example


class DisposalIn(Input):
    """Unusable goods of one lot at a site of yours that are to be destroyed."""

    model_config = example(
        id="9f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d1b", site="HB001", lot_id=LOT, quantity=5,
        unit="box", taken_from="recalled", reason="the maker takes nothing back",
    )  # fmt: skip

    id: ActId
    site: Code
    lot_id: UUID
    quantity: Quantity
    unit: Code = "piece"
    taken_from: Unusable
    reason: Reason


class DecisionIn(Input):
    model_config = example(approve=True, reason="no laboratory can use them")

    approve: bool
    reason: Reason


class DestroyedIn(Input):
    """It was done, before a witness, whose name is never published in clear."""

    model_config = example(
        id="9f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d1c", witness="Li Na",
        occurred_at="2020-02-26T15:00:00+08:00",
    )  # fmt: skip

    id: ActId
    witness: Annotated[Text, Field(min_length=1, max_length=120)]
    occurred_at: Moment


class DisposalStage(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    DESTROYED = "destroyed"


class PaperOut(BaseModel):
    name: str
    sha256: str


class DisposalOut(BaseModel):
    """``entry_id`` is the loss in the journal, once it was destroyed."""

    id: UUID
    site: str
    lot_id: UUID
    item: str
    batch: str | None
    taken_from: Unusable
    quantity_base: int
    reason: str
    state: DisposalStage
    asked_at: datetime
    entry_id: UUID | None
    certificates: list[PaperOut]
