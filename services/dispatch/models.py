"""Runs: a frozen input, the plan that came of it, and what people decided."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlmodel import Field

from services.database import BIGINT, BYTES, JSON, UTC_TIME, Row, enum_type


class RunState(StrEnum):
    QUEUED = "queued"
    SOLVING = "solving"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    FAILED = "failed"


# A plan is still to come.
UNSOLVED = (RunState.QUEUED, RunState.SOLVING)


class Run(Row, table=True):
    """One allocation. ``snapshot`` and ``plan`` are the exact bytes whose digests are logged.

    The two totals of pieces are copies of what these frozen bytes say, for lists.
    """

    id: UUID = Field(primary_key=True)
    state: RunState = Field(sa_type=enum_type(RunState), index=True)
    day: date
    horizon_days: int
    started_by: UUID = Field(foreign_key="app_user.id")
    started_at: datetime = Field(sa_type=UTC_TIME)
    note: str | None = None
    pieces_needed: int = Field(sa_type=BIGINT)
    snapshot: bytes = Field(sa_type=BYTES)
    snapshot_entry: UUID = Field(foreign_key="entry.id")
    plan: bytes | None = Field(default=None, sa_type=BYTES)
    pieces_allocated: int | None = Field(default=None, sa_type=BIGINT)
    plan_entry: UUID | None = Field(default=None, foreign_key="entry.id")
    comparison: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    progress: int = 0
    progress_note: str = ""
    decided_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    decided_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    decision_note: str | None = None
    approval_entry: UUID | None = Field(default=None, foreign_key="entry.id")
    failure: str | None = None
