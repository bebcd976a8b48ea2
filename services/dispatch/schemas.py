"""What goes in and out of the dispatch endpoints."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.dispatch.models import RunState
from services.web.http import Input, Moment, Text, example


class RunIn(Input):
    """Start an allocation for ``day``. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        day="2020-02-03",
        horizon_days=7,
        occurred_at="2020-02-03T08:00:00Z",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    day: Annotated[date, Field(examples=["2020-02-03"])]
    horizon_days: Annotated[
        int, Field(strict=True, ge=1, le=60, description="Everything must arrive within this")
    ] = 14
    occurred_at: Moment | None = None
    note: Text | None = None


class Decision(Input):
    """A word on a proposed plan."""

    model_config = example(occurred_at="2020-02-03T09:00:00Z", note="as agreed with the desk")

    occurred_at: Moment | None = None
    note: Text | None = None


class Rejection(Input):
    model_config = example(note="the road to Yichang is closed")

    occurred_at: Moment | None = None
    note: Annotated[str, Field(min_length=1, max_length=2000)]


class ReasonOut(BaseModel):
    code: str
    params: dict[str, int | str]
    sentence: str


class OutcomeOut(BaseModel):
    """What the plan gives one need, and why. Quantities in pieces, the rate in millionths."""

    need_id: UUID
    site: str
    item: str
    tier: int
    requested: int
    allocated: int
    substituted: int
    late: int
    fill_ppm: int
    reason: ReasonOut


class LineOut(BaseModel):
    """So many pieces of one lot, from one site to one need."""

    need_id: UUID
    lot_id: UUID
    item: str
    origin: str
    destination: str
    quantity_base: int
    depart_on: date
    arrive_on: date


class RunSummary(BaseModel):
    id: UUID
    state: RunState
    day: date
    horizon_days: int
    progress: int
    progress_note: str
    started_by: str
    started_at: Moment
    decided_by: str | None
    decided_at: Moment | None
    decision_note: str | None
    failure: str | None
    snapshot_digest: str
    plan_digest: str | None
    pieces_needed: int
    pieces_allocated: int | None


class RunOut(RunSummary):
    """A run with its plan and the comparison with what people do today."""

    solver: dict[str, str] | None = None
    objective: dict[str, int] = {}
    needs: list[OutcomeOut] = []
    lines: list[LineOut] = []
    comparison: dict[str, Any] | None = None
