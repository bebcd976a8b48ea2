"""What goes in and out of recalls."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.inventory.act_schemas import LOT, ActId, Reason
from services.web.http import Code, Input, Moment, Text, example


class RecallCause(StrEnum):
    """Why goods are recalled; published with the recall."""

    QUALITY = "quality"
    CONTAMINATION = "contamination"
    LABELLING = "labelling"
    FALSIFIED = "falsified"
    REGULATOR = "regulator"
    MAKER = "maker"
    OTHER = "other"


class RecallIn(Input):
    """One lot, with all that was repacked from it; or an item's batch, also what comes later."""

    model_config = example(
        id="7f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d18",
        lot_id=LOT,
        cause="quality",
        reason="filtration below standard in the laboratory's sample",
        occurred_at="2020-02-20T20:00:00+08:00",
    )

    id: ActId
    lot_id: UUID | None = None
    item: Code | None = None
    batch: Annotated[Text, Field(min_length=1, max_length=64)] | None = None
    cause: RecallCause
    reason: Reason
    occurred_at: Moment


class LiftIn(Input):
    """What was gathered goes into quarantine."""

    model_config = example(
        reason="second laboratory found no fault", occurred_at="2020-02-25T20:00:00+08:00"
    )

    reason: Reason
    occurred_at: Moment


class RecallOut(BaseModel):
    id: UUID
    item: str
    lot_id: UUID | None
    batch: str | None
    reason: str
    occurred_at: datetime
    opened_at: datetime
    lifted_at: datetime | None
    lift_reason: str | None


class RecallStanding(BaseModel):
    """What stands with one holder, in pieces, by state."""

    holder: str
    states: dict[str, int]


class RecalledLot(BaseModel):
    lot_id: UUID
    batch: str | None
    expires_on: date | None
    origin: str


class RecallDetail(RecallOut):
    """Everything that it touched. ``progress`` adds up to ``opened_base``."""

    opened_base: int
    progress: dict[str, int]
    lots: list[RecalledLot]
    standings: list[RecallStanding]
    sites: list[str]
    shipments: list[str]
    needs: list[str]
    donations: list[str]
    organisations: list[str]
