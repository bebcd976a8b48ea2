"""Runs: a frozen input, the plan that came of it, and what people decided."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, BYTES, JSON, UTC_TIME, Row, enum_type

# Nothing is the database's NULL, not JSON's.
_JSON_OR_NULL: Any = sa.JSON(none_as_null=True)


class RunKind(StrEnum):
    """What a run is for: to be carried out, or to see what would be if."""

    ALLOCATION = "allocation"
    WHAT_IF = "what_if"


class RunState(StrEnum):
    """``answered`` is where a what-if ends: it has a plan, and nothing can be decided on it."""

    QUEUED = "queued"
    SOLVING = "solving"
    PROPOSED = "proposed"
    ANSWERED = "answered"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Rest(StrEnum):
    """What becomes of the lines of a plan that weren't approved with the others."""

    NEXT_RUN = "next_run"
    REJECTED = "rejected"


# A plan is still to come.
UNSOLVED = (RunState.QUEUED, RunState.SOLVING)


class Run(Row, table=True):
    """One allocation. ``snapshot`` and ``plan`` are the exact bytes whose digests are logged.

    The two digests and the totals of pieces are copies of what these frozen bytes say, for lists;
    ``pieces_expected`` are those of ``pieces_allocated`` whose goods aren't there yet. ``orders``
    is what people set by hand (`services.dispatch.orders`); ``base_run`` is the run whose plan this
    one started from; ``policy_name`` and ``policy_version`` name the saved policy that it was
    started with. Nobody started a nightly run.

    Of a plan that was approved in part, ``approved_part`` is the exact bytes that say which lines,
    ``rest`` what becomes of the others, and ``rest_reason`` why. A plan that expects anything is
    always approved in part: what is only expected isn't reserved.
    """

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["policy_name", "policy_version"],
            ["policy_version.name", "policy_version.version"],
            name="fk_run_policy",
        ),
    )

    id: UUID = Field(primary_key=True)
    kind: RunKind = Field(default=RunKind.ALLOCATION, sa_type=enum_type(RunKind))
    state: RunState = Field(sa_type=enum_type(RunState), index=True)
    base_run: UUID | None = Field(default=None, foreign_key="run.id", index=True)
    orders: dict[str, Any] | None = Field(default=None, sa_type=_JSON_OR_NULL)
    day: date
    horizon_days: int
    policy_name: str | None = None
    policy_version: int | None = None
    started_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    started_at: datetime = Field(sa_type=UTC_TIME)
    note: str | None = None
    content_digest: str | None = None
    pieces_needed: int = Field(sa_type=BIGINT)
    snapshot: bytes = Field(sa_type=BYTES)
    snapshot_digest: str
    snapshot_entry: UUID = Field(foreign_key="entry.id")
    plan: bytes | None = Field(default=None, sa_type=BYTES)
    plan_digest: str | None = None
    pieces_allocated: int | None = Field(default=None, sa_type=BIGINT)
    pieces_expected: int = Field(default=0, sa_type=BIGINT)
    plan_entry: UUID | None = Field(default=None, foreign_key="entry.id")
    comparison: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    progress: int = 0
    progress_note: str = ""
    parts_done: int = 0
    parts_total: int = 0
    taken_up_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    stop_asked_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    stop_asked_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    decided_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    decided_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    decision_note: str | None = None
    approval_entry: UUID | None = Field(default=None, foreign_key="entry.id")
    approved_part: bytes | None = Field(default=None, sa_type=BYTES)
    approved_part_digest: str | None = None
    pieces_approved: int | None = Field(default=None, sa_type=BIGINT)
    rest: Rest | None = Field(default=None, sa_type=enum_type(Rest))
    rest_reason: str | None = None
    failure: str | None = None


class RunPart(Row, table=True):
    """A part of a run that can be solved by itself, by any worker: bytes in, bytes out.

    The bytes go when the run is done with them; who solved it stays. ``stage`` counts the times
    that the solver handed out parts, ``number`` the parts of one time.
    """

    __tablename__ = "run_part"

    run_id: UUID = Field(primary_key=True, foreign_key="run.id")
    stage: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    digest: str
    task: bytes | None = Field(default=None, sa_type=BYTES)
    result: bytes | None = Field(default=None, sa_type=BYTES)
    failure: dict[str, Any] | None = Field(default=None, sa_type=_JSON_OR_NULL)
    solved_by: str | None = None
    queued_at: datetime = Field(sa_type=UTC_TIME)
    solved_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
