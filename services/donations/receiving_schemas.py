"""What goes in and out of the endpoints of receiving: counts, refusals, papers, earmarks let go."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from services.donations.models import CheckPart, Refusal
from services.donations.schemas import Batch, Counted
from services.web.http import Code, Input, Moment, Text, example


class ReceivedLineIn(Input):
    """What was counted of one line, in pieces or minor units, or in a unit of the item.

    What is refused, with its reason, goes back: it is never opened as stock.
    """

    line: Annotated[int, Field(strict=True, ge=1, le=200)]
    accepted: Counted
    unit: Annotated[Code | None, Field(description="A unit of the item; pieces where left out")] = (
        None
    )
    note: Annotated[Text, Field(max_length=500)] | None = None
    refused: Counted = 0
    reason: Refusal | None = None
    batch: Annotated[Batch | None, Field(description="As on what came; else as pledged")] = None
    produced_on: date | None = None
    expires_on: date | None = None

    @model_validator(mode="after")
    def _has_its_reason(self) -> Self:
        if bool(self.refused) != (self.reason is not None):
            raise ValueError("give a reason for what is refused, and only for that")
        return self


class ReceiveIn(Input):
    """The receipt of a whole gift. Lines left out came as they were pledged."""

    model_config = example(
        occurred_at="2020-02-03T18:00:00+08:00",
        lines=[{"line": 1, "accepted": 1980, "note": "one box torn"}],
    )

    occurred_at: Annotated[Moment, Field(examples=["2020-02-03T10:00:00+08:00"])]
    lines: Annotated[list[ReceivedLineIn], Field(max_length=200)] | None = None


class RefuseIn(Input):
    """A whole gift that isn't taken, goods or money; the donor and the public are told why."""

    model_config = example(reason="expired", note="all of it, since 2018")

    reason: Refusal
    note: Annotated[Text, Field(max_length=500, description="For the donor, never public")] = ""


class ExpectIn(Input):
    """The day on which a pledge should come in, as it is known now; null where nobody knows."""

    model_config = example(expected_on="2020-02-09", reason="the flight is on Friday")

    expected_on: date | None
    reason: Annotated[Text, Field(max_length=500)] | None = None


class EarmarkReleaseIn(Input):
    """Let a gift serve anybody: the donor at any time, the desk after the day the donor set."""

    model_config = example(
        released_at="2020-02-20T10:00:00+08:00", reason="the hospital has enough by now"
    )

    released_at: Moment
    reason: Annotated[Text, Field(min_length=1, max_length=500)]


class ReceivingRuleIn(Input):
    """How a warehouse receives gifts: by one person (the default), or signed by three."""

    model_config = example(three_signatures=True, reason="as the city's headquarters asks")

    three_signatures: bool
    reason: Annotated[Text, Field(min_length=1, max_length=500)]


class ReceivingRuleOut(BaseModel):
    site: str
    three_signatures: bool


class PaperSignIn(Input):
    """One slot of a receipt's paper, signed for what the paper says in this version."""

    model_config = example(part="quality", version=1)

    part: CheckPart
    version: Annotated[int, Field(strict=True, ge=1, le=10**6)]


class SlotOut(BaseModel):
    part: CheckPart
    signed_by: str | None
    signed_at: Moment | None


class PaperOut(BaseModel):
    """A receipt's paper: what it says, and who signed what; posted when the third slot is full."""

    donation_id: UUID
    version: int
    says: ReceiveIn
    slots: list[SlotOut]
    posted_at: Moment | None
