"""What goes in and out of the makers' register."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.capacity.models import MakerState, ShortfallReason
from services.web.http import Code, FromRow, Input, Moment, Text, example

Number = Annotated[Text, Field(min_length=1, max_length=100)]
Reason = Annotated[Text, Field(min_length=1, max_length=500, examples=["the licence has run out"])]
PaperKind = Literal["licence", "registration", "other"]
Standing = Literal["unregistered", "submitted", "asked_back", "approved", "suspended"]


class ProductIn(Input):
    item: Annotated[Code, Field(examples=["surgical_mask"])]
    registration_number: Annotated[Number, Field(examples=["鲁械注准20202140001"])]


class MakerIn(Input):
    """A maker's whole paper, as it is to stand; sent again after it was asked back."""

    model_config = example(
        licence_number="鲁食药监械生产许20200001",
        products=[{"item": "surgical_mask", "registration_number": "鲁械注准20202140001"}],
    )

    licence_number: Annotated[Number, Field(examples=["鲁食药监械生产许20200001"])]
    products: Annotated[list[ProductIn], Field(min_length=1, max_length=200)]


class MakerDecisionIn(Input):
    """``version`` is the paper's that was read; one that changed meanwhile isn't decided on."""

    model_config = example(version=1, reason="the registration of the masks is missing")

    version: Annotated[int, Field(strict=True, ge=1, le=10**9)]
    reason: Reason


class MakerApprovalIn(Input):
    model_config = example(version=1)

    version: Annotated[int, Field(strict=True, ge=1, le=10**9)]
    reason: Reason | None = None


class MakerAllowanceIn(Input):
    """Whether a maker may report output before its paper is approved."""

    model_config = example(allowed=True, reason="emergency production, inspected on site")

    allowed: bool
    reason: Reason


class RulesIn(Input):
    model_config = example(shortfall_percent=20, reason="lines are being converted")

    registration_required: bool | None = None
    shortfall_percent: Annotated[int | None, Field(strict=True, ge=0, le=100)] = None
    approval_hours: Annotated[int | None, Field(strict=True, ge=1, le=720)] = None
    silent_hours: Annotated[int | None, Field(strict=True, ge=1, le=720)] = None
    reason: Reason


class RulesOut(FromRow):
    """A shortfall above ``shortfall_percent`` of the plan needs a reason."""

    registration_required: bool
    shortfall_percent: int
    approval_hours: int
    silent_hours: int


class ProductOut(FromRow):
    item: str
    registration_number: str
    approved: bool


class FileOut(FromRow):
    """A file by the SHA-256 of its bytes."""

    sha256: str
    kind: str
    name: str
    attached_at: Moment


class ChangeOut(FromRow):
    what: str
    reason: str | None
    organisation: str | None
    changed_at: Moment


class MakerOut(BaseModel):
    """``waiting_hours`` counts from when the paper was handed in; null where none waits.

    ``may_report`` says whether output of at least one item is taken from this maker.
    """

    organisation: str
    name_en: str
    name_zh: str
    state: Standing
    licence_number: str | None
    version: int
    allowed: bool
    may_report: bool
    submitted_at: Moment | None
    decided_at: Moment | None
    waiting_hours: int | None
    overdue: bool
    documents: int
    products: list[ProductOut]
    files: list[FileOut]
    history: list[ChangeOut]


class ShortfallIn(Input):
    """Why less was made than planned; the newest word counts."""

    model_config = example(
        site="MK001",
        item="surgical_mask",
        day="2020-02-04",
        reason="raw_material",
        note="no melt-blown fabric",
    )

    site: Annotated[Code, Field(examples=["F1"])]
    item: Annotated[Code, Field(examples=["surgical_mask"])]
    day: Annotated[date, Field(examples=["2020-02-04"])]
    reason: ShortfallReason
    note: Annotated[Text | None, Field(max_length=500)] = None


class ShortfallOut(FromRow):
    site: str
    item: str
    day: date
    reason: ShortfallReason
    note: str | None
    told_at: Moment


MAKER_STATES: tuple[str, ...] = ("unregistered", *MakerState)
