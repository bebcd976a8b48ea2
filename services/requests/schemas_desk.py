"""What goes in and out of the endpoints of a region's desk, and of a hospital's stops."""

from typing import Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.requests.models import RuleOutcome
from services.web.http import MAX_QUANTITY, Code, FromRow, Input, Moment, Quantity, example

Reason = Annotated[str, Field(min_length=1, max_length=500)]


class Approval(Input):
    """Approve a need as you saw it, in full or less; less needs a reason."""

    model_config = example(version=1, approved_base=300, reason="half of it now: stock is short")

    version: int
    approved_base: Annotated[
        Quantity | None, Field(description="Pieces; left out: all that is asked for")
    ] = None
    reason: Reason | None = None


class Refusal(Input):
    """Why a need is refused, or given back for its hospital to change."""

    model_config = example(reason="say how many beds this is for")

    reason: Reason


class LapseAsOf(Input):
    """Let lapse what nobody confirmed in time, judged by world time as of ``at``."""

    model_config = example(at="2020-02-09T08:00:00+08:00")

    at: Moment
    site: Code | None = None


class RuleIn(Input):
    """A rule; what is left out fits everything. Rules are tried by ``position``."""

    model_config = example(
        position=10, outcome="approve", item="gloves", max_quantity_base=5000, max_days_of_cover=7
    )

    position: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
    outcome: RuleOutcome
    region: Code | None = None
    item: Code | None = None
    max_quantity_base: Annotated[int | None, Field(strict=True, ge=1, le=MAX_QUANTITY)] = None
    max_days_of_cover: Annotated[int | None, Field(strict=True, ge=0, le=3650)] = None
    note: Annotated[str | None, Field(max_length=200)] = None


class RuleOut(FromRow):
    id: UUID
    position: int
    outcome: RuleOutcome
    region: str | None
    item: str | None
    max_quantity_base: int | None
    max_days_of_cover: int | None
    note: str | None


class DeskIn(Input):
    """The authority that decides for a region; null: whoever decides for the one around it."""

    model_config = example(organisation="WUHAN-CDC")

    organisation: Code | None


class DeskOut(BaseModel):
    region: str
    organisation: str


class StopIn(Input):
    """Enough: send a site no more of an item, or, with no item, of anything."""

    model_config = example(
        id="0b1f6d9e-9f6e-4e0c-8d3a-0f5f3f3c7a51",
        site="HB017",
        item="gloves",
        reason="our stores are full",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    site: Code
    item: Code | None = None
    reason: Reason
    occurred_at: Moment | None = None


class ResumeIn(Input):
    model_config = example(reason="the stores are empty again")

    occurred_at: Moment | None = None
    reason: Reason | None = None


class StopOut(FromRow):
    id: UUID
    site: str
    item: str | None
    reason: str
    stopped_at: Moment
    resumed_at: Moment | None
