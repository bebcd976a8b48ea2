"""What goes in and out of the requests' endpoints."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.requests.living import lapses_at
from services.requests.models import NeedStatus, Priority
from services.requests.served import STAGES, Reached, Served
from services.web.http import MAX_QUANTITY, Code, Input, Moment, Quantity, Text, example

Pieces = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY, examples=[1200])]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
Choice = Literal["refuse", "add", "replace", "keep_one", "keep"]
"""What to do with a line where the same item is open for the same site already."""
Lapsed = Annotated[Choice, Field(description="Of a lapsed need, beside what was asked for since")]


class NeedIn(Input):
    item: Annotated[Code, Field(examples=["n95_respirator"])]
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    priority: Annotated[Priority, Field(examples=["urgent"])]
    need_by: Annotated[date, Field(examples=["2020-02-06"])]
    stock_on_hand_base: Annotated[
        Pieces | None, Field(description="Pieces that you have of it now")
    ] = None
    use_per_day_base: Annotated[
        Pieces | None, Field(description="Pieces of it that you use in a day")
    ] = None
    suggested_base: Annotated[
        Pieces | None, Field(description="Pieces that a forecast offered")
    ] = None
    duplicate: Annotated[
        Choice | None, Field(description="For this line; else what the request says")
    ] = None


class RequestIn(Input):
    """A hospital's needs, posted in one go. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        site="HB017",
        posted_at="2020-02-03T08:00:00+08:00",
        needs=[
            {
                "item": "n95_respirator",
                "quantity": 5,
                "unit": "box",
                "priority": "urgent",
                "need_by": "2020-02-06",
                "stock_on_hand_base": 120,
                "use_per_day_base": 60,
            }
        ],
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    site: Annotated[Code, Field(examples=["HB017"])]
    posted_at: Moment | None = None
    needs: Annotated[list[NeedIn], Field(min_length=1, max_length=200)]
    note: Text | None = None
    draft: Annotated[
        bool, Field(description="Keep it to yourself until you submit it", strict=True)
    ] = False
    duplicate: Annotated[
        Choice,
        Field(
            description="What to do where the item is open for this site already: refuse the "
            "request and say so; add these as well; let them replace the open ones, which are "
            "cancelled; keep_one, the open one, and leave this line out. keep is add"
        ),
    ] = "refuse"


class NeedEdit(Input):
    """What to change; ``version`` is the one that you saw, so that no edit hides another."""

    model_config = example(version=1, quantity=8, reason="more patients")

    version: int
    quantity: Quantity | None = None
    unit: Code | None = None
    priority: Priority | None = None
    need_by: date | None = None
    stock_on_hand_base: Pieces | None = None
    use_per_day_base: Pieces | None = None
    reason: Text | None = None
    duplicate: Lapsed = "refuse"


class NeedCancel(Input):
    model_config = example(reason="enough for now")

    reason: Reason


class Submission(Input):
    """Send drafts to the desk, or again what it gave back."""

    model_config = example(duplicate="add")

    occurred_at: Moment | None = None
    duplicate: Choice = "refuse"


class Confirmation(Input):
    """The hospital's word that it still needs this, counted from ``occurred_at``."""

    model_config = example(occurred_at="2020-02-05T08:00:00+08:00")

    occurred_at: Moment | None = None
    duplicate: Lapsed = "refuse"


class ConfirmationOfAll(Confirmation):
    """Which needs: those of a site of yours, or of all your sites."""

    model_config = example(site="HB017")

    site: Code | None = None


class Confirmed(BaseModel):
    needs: int


class StageOut(BaseModel):
    """How much of what is asked has come to each stage or beyond it: none, partly, complete."""

    suggested: Reached
    approved: Reached
    committed: Reached
    reserved: Reached
    in_transit: Reached
    fulfilled: Reached


class NeedOut(BaseModel):
    """A need with its quantities in pieces, and how far they came.

    ``progress`` is a word for all of it: draft, submitted, approved, partly_allocated, allocated,
    in_transit, fulfilled; or returned, refused, lapsed, cancelled. ``committed_base`` is what
    approved plans have set aside or done more with. ``notice`` says what becomes of what is still
    reserved for a need that asks for nothing more; else it is null. ``lapses_at`` is when it lapses
    unless it is confirmed; null where it can't.
    """

    id: UUID
    request_id: UUID
    site: str
    item: str
    quantity: int
    unit: str
    quantity_base: int
    suggested_base: int | None
    approved_base: int | None
    stock_on_hand_base: int | None
    use_per_day_base: int | None
    days_of_cover: float | None
    priority: Priority
    need_by: date
    posted_at: Moment
    status: NeedStatus
    status_since: Moment
    decision_reason: str | None
    last_word_at: Moment
    lapses_at: Moment | None
    version: int
    committed_base: int
    reserved_base: int
    in_transit_base: int
    received_base: int
    outstanding_base: int
    progress: str
    stages: StageOut
    notice: str | None


class RequestOut(BaseModel):
    """``state`` is that of the need that is furthest behind; ``stages`` are those of all."""

    id: UUID
    site: str
    posted_at: Moment
    note: str | None
    state: str
    stages: StageOut
    needs: list[NeedOut]


class ChangeOut(BaseModel):
    """One change of a need's state: what, when, by whom (null: by rule) and why."""

    what: str
    reason: str | None
    organisation: str | None
    changed_at: Moment


def need_out(state: Served) -> NeedOut:
    return NeedOut(
        **state.need.model_dump(exclude={"sequence"}),
        days_of_cover=state.days_of_cover,
        lapses_at=lapses_at(state),
        committed_base=state.committed,
        reserved_base=state.reserved,
        in_transit_base=state.in_transit,
        received_base=state.received,
        outstanding_base=state.outstanding,
        progress=state.progress,
        stages=StageOut(**{stage: state.reached(stage) for stage in STAGES}),
        notice=state.notice,
    )
