"""What goes in and out of the dispatch endpoints."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.dispatch.desk_models import Verdict
from services.dispatch.models import Rest, RunKind, RunState
from services.dispatch.orders import (
    MOST,
    BanIn,
    KeptBan,
    KeptPin,
    NewSupply,
    PinIn,
    PolicyIn,
    SupplyChange,
)
from services.dispatch.promise import DueKind
from services.web.http import Code, Input, Moment, Text, example


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
    policy: Annotated[
        PolicyIn | None,
        Field(
            description="Left out, it is the saved one that `policy_name` names, else the default."
        ),
    ] = None
    policy_name: Annotated[Code | None, Field(description="A saved policy")] = None
    policy_version: Annotated[
        int | None, Field(ge=1, le=2**31 - 1, description="Left out: its newest version")
    ] = None
    pins: Annotated[list[PinIn], Field(default_factory=list, max_length=MOST)]
    bans: Annotated[list[BanIn], Field(default_factory=list, max_length=MOST)]
    hand_rules: Annotated[
        bool, Field(description="Take in the pins and bans that stand for every run")
    ] = True
    base_run: Annotated[
        UUID | None,
        Field(
            description="The run whose plan is the last one, for the policy's stability. Left out, "
            "it is the newest approved or proposed run, where the policy asks for stability."
        ),
    ] = None


class WhatIfIn(Input):
    """More or less of a lot, another policy, other pins and bans: what would be then.

    What is left out stays as it was in the run that it starts from; lists are given whole.
    """

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d12",
        new_lots=[{"site": "WH1", "item": "n95_respirator", "quantity": 2000}],
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    occurred_at: Moment | None = None
    note: Text | None = None
    policy: PolicyIn | None = None
    pins: Annotated[list[PinIn] | None, Field(max_length=MOST)] = None
    bans: Annotated[list[BanIn] | None, Field(max_length=MOST)] = None
    supply: Annotated[list[SupplyChange], Field(default_factory=list, max_length=MOST)]
    new_lots: Annotated[list[NewSupply], Field(default_factory=list, max_length=MOST)]


class AdoptIn(Input):
    """Start a real run, on what is there now, with a what-if's policy, pins and bans."""

    model_config = example(id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d13")

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    occurred_at: Moment | None = None
    note: Text | None = None


class AgainIn(Input):
    """Solve a run's question again on what is there now, starting from its plan."""

    model_config = example(id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d14", day="2020-02-04")

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    day: Annotated[date | None, Field(description="Left out: the run's own day")] = None
    occurred_at: Moment | None = None
    note: Text | None = None


class PartIn(Input):
    """The lines of a plan that are meant: by number, by destination, by item; whichever fits."""

    model_config = example(destinations=["H1"], items=["n95_respirator"])

    lines: Annotated[
        list[Annotated[int, Field(strict=True, ge=1, le=10**7)]],
        Field(default_factory=list, max_length=10_000, description="Numbers of the plan's lines"),
    ]
    destinations: Annotated[list[Code], Field(default_factory=list, max_length=1000)]
    items: Annotated[list[Code], Field(default_factory=list, max_length=1000)]


class Decision(Input):
    """A word on a proposed plan; with ``only``, on a part of it."""

    model_config = example(occurred_at="2020-02-03T09:00:00Z", note="as agreed with the desk")

    occurred_at: Moment | None = None
    note: Text | None = None
    only: Annotated[PartIn | None, Field(description="Left out: the whole plan")] = None
    rest: Annotated[
        Rest, Field(description="What becomes of the other lines, where there are any")
    ] = Rest.NEXT_RUN
    rest_reason: Annotated[
        Text | None, Field(description="Why the other lines are rejected; then it is required")
    ] = None


class EmergencyIn(Decision):
    """One person's approval above the threshold. A second person looks at it afterwards."""

    model_config = example(reason="the hospital runs out tonight", note="told by telephone")

    reason: Annotated[
        Text, Field(min_length=1, description="Why no second person could be waited for")
    ]


class ReviewIn(Input):
    """What a second person says afterwards of what one person approved alone."""

    model_config = example(verdict="confirmed", note="the shelves were empty that night")

    verdict: Verdict
    note: Annotated[Text, Field(min_length=1)]


class EmergencyOut(BaseModel):
    """A plan that one person approved alone, and a second one's word on it, once there is one."""

    run_id: UUID
    day: date
    pieces: int
    approved_by: str
    approved_at: Moment
    reason: str
    verdict: Verdict | None
    reviewed_by: str | None
    reviewed_at: Moment | None
    review_note: str | None


class Rejection(Input):
    model_config = example(note="the road to Yichang is closed")

    occurred_at: Moment | None = None
    note: Annotated[str, Field(min_length=1, max_length=2000)]


class ReasonOut(BaseModel):
    """A code, its figures, and both in words, in the language that was asked for."""

    code: str
    params: dict[str, int | str]
    sentence: str


class RemedyOut(ReasonOut):
    """One thing that would change what a need gets, as it follows from the plan's proof."""


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
    remedies: list[RemedyOut] = []
    expected: int = 0


class ExpectedOut(BaseModel):
    """Pieces that the newest approved plan, for ``plan_day``, expects for a need.

    The ``paper`` should bring them to ``origin`` on ``ready_on``, and by ``due_on`` they could be
    there. Nobody has reserved them: the next run plans them again.
    """

    run_id: UUID
    plan_day: date
    need_id: UUID
    item: str
    pieces: int
    paper: str
    kind: DueKind
    origin: str
    ready_on: date
    destination: str
    due_on: date


class NeedAnswer(BaseModel):
    """What the newest approved plan says to one need.

    ``planned`` is what the plan gave it. Where not all of that was approved, ``allocated`` is less,
    and ``rest`` says what becomes of the other pieces; ``expected`` are those whose goods aren't
    there yet, and still due.
    ``next_run`` is the state of a newer run that looks at this need too: its plan is still to come,
    or waits for a decision.
    """

    need_id: UUID
    run_id: UUID
    day: date
    requested: int
    allocated: int
    planned: int
    rest: Rest | None
    rest_reason: str | None
    reason: ReasonOut
    remedies: list[RemedyOut]
    next_run: RunState | None
    next_run_day: date | None
    expected: list[ExpectedOut] = []


class LineOut(BaseModel):
    """So many pieces of one lot, from one site to one need; ``approved`` once that is decided.

    Where goods are only expected there is no lot: ``expected_by`` is the paper that should bring
    them, on ``expected_on``. Such a line is never approved.
    """

    line: int
    approved: bool | None
    need_id: UUID
    lot_id: UUID | None
    expected_by: str | None = None
    expected_on: date | None = None
    item: str
    origin: str
    destination: str
    quantity_base: int
    depart_on: date
    arrive_on: date


class RunSummary(BaseModel):
    id: UUID
    kind: RunKind
    state: RunState
    base_run: UUID | None
    day: date
    horizon_days: int
    progress: int
    progress_note: str
    parts_done: int
    parts_total: int
    stop_asked_at: Moment | None
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
    pieces_expected: int
    pieces_approved: int | None
    approved_part_digest: str | None
    rest: Rest | None
    rest_reason: str | None
    policy_name: str | None
    policy_version: int | None


class RunOut(RunSummary):
    """A run with what was set by hand, its plan, and the comparison with what people do today.

    ``solved_by`` counts the parts that each worker solved, where they were many.
    """

    policy: dict[str, Any] = {}
    pins: list[KeptPin] = []
    bans: list[KeptBan] = []
    supply: list[SupplyChange] = []
    new_lots: list[NewSupply] = []
    invented: bool = False
    ordered_by: dict[UUID, str] = {}
    solved_by: dict[str, int] = {}
    solver: dict[str, str] | None = None
    objective: dict[str, int] = {}
    needs: list[OutcomeOut] = []
    lines: list[LineOut] = []
    emergency: EmergencyOut | None = None
    comparison: dict[str, Any] | None = None


class NeedShift(BaseModel):
    """A need that gets another number of pieces than before; ``pieces`` is how many more."""

    need_id: UUID
    site: str
    item: str
    tier: int
    requested_before: int
    requested_after: int
    before: int
    after: int
    pieces: int


class Figures(BaseModel):
    """What a plan does and costs. Rates in millionths, costs in micro-units."""

    pieces: int
    min_fill_ppm: int
    mean_fill_ppm: int
    zero_share_ppm: int
    late_pieces: int
    substitute_pieces: int
    piece_km: int
    drops: int
    shipments: int
    cost_micro: int


class DifferenceOut(BaseModel):
    """A run's plan beside that of the run it started from; the largest changes first.

    ``moved_pieces`` go another way than before: from another lot, or to another need.
    """

    base_run: UUID
    gains: list[NeedShift]
    losses: list[NeedShift]
    same: int
    gained_pieces: int
    lost_pieces: int
    moved_pieces: int
    before: Figures
    after: Figures


class ComparedOut(BaseModel):
    """One of several plans side by side: its figures, and what it changes of the approved one.

    ``approved_run`` is the newest plan that was approved, None where there is none or it is this.
    """

    run_id: UUID
    day: date
    kind: RunKind
    state: RunState
    policy_name: str | None
    policy_version: int | None
    figures: Figures
    approved_run: UUID | None
    gained_pieces: int | None = None
    lost_pieces: int | None = None
    moved_pieces: int | None = None
    needs_gaining: int | None = None
    needs_losing: int | None = None
