"""What the dispatch desk sets for its runs, and what it has to look at again afterwards."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, JSON, UTC_TIME, Row, enum_type


class SavedPolicy(Row, table=True):
    """A policy under a name. What it says is in its versions; one at most is the default."""

    __tablename__ = "saved_policy"
    __table_args__ = (
        sa.Index(
            "uq_saved_policy_default",
            "is_default",
            unique=True,
            postgresql_where=sa.text("is_default"),
        ),
    )

    name: str = Field(primary_key=True)
    newest: int
    is_default: bool = False


class PolicyVersion(Row, table=True):
    """What a policy said from then on: never edited, a change is the next version."""

    __tablename__ = "policy_version"
    __table_args__ = (sa.UniqueConstraint("name", "version"),)

    id: UUID = Field(primary_key=True)
    name: str = Field(foreign_key="saved_policy.name")
    version: int
    weights: dict[str, Any] = Field(sa_type=JSON)
    why: str
    saved_by: UUID = Field(foreign_key="app_user.id")
    saved_at: datetime = Field(sa_type=UTC_TIME)
    content_digest: str


class RuleKind(StrEnum):
    PIN = "pin"
    BAN = "ban"


class HandRule(Row, table=True):
    """A pin or a ban that every run takes in until it is removed or carried out.

    A pin has a site, a need and a number of pieces; a ban a site, a need, or both. Without a lot it
    means any lot of the site. ``run_id`` is the run whose approval carried a pin out.
    """

    __tablename__ = "hand_rule"
    __table_args__ = (
        sa.CheckConstraint("kind <> 'pin' OR quantity_base > 0", name="pin_has_quantity"),
        sa.CheckConstraint("site IS NOT NULL OR need_id IS NOT NULL", name="names_something"),
        sa.CheckConstraint("lot_id IS NULL OR site IS NOT NULL", name="lot_has_site"),
    )

    id: UUID = Field(primary_key=True)
    kind: RuleKind = Field(sa_type=enum_type(RuleKind))
    site: str | None = Field(default=None, foreign_key="site.code")
    lot_id: UUID | None = Field(default=None, foreign_key="lot.id")
    need_id: UUID | None = Field(default=None, foreign_key="need.id", index=True)
    quantity_base: int | None = Field(default=None, sa_type=BIGINT)
    why: str
    set_by: UUID = Field(foreign_key="app_user.id")
    set_at: datetime = Field(sa_type=UTC_TIME)
    ended_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    ended_at: datetime | None = Field(default=None, sa_type=UTC_TIME, index=True)
    ended_why: str | None = None
    run_id: UUID | None = Field(default=None, foreign_key="run.id")
    content_digest: str


class Verdict(StrEnum):
    """What a second person said afterwards of what one person approved alone."""

    CONFIRMED = "confirmed"
    OBJECTED = "objected"


class EmergencyApproval(Row, table=True):
    """A plan above the threshold that one person approved alone, and a second one's word on it."""

    __tablename__ = "emergency_approval"

    run_id: UUID = Field(primary_key=True, foreign_key="run.id")
    approved_by: UUID = Field(foreign_key="app_user.id")
    reason: str
    pieces: int = Field(sa_type=BIGINT)
    approved_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    verdict: Verdict | None = Field(default=None, sa_type=enum_type(Verdict), index=True)
    reviewed_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    reviewed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    review_note: str | None = None


class NightlyRun(Row, table=True):
    """What came of a day's automatic run: the run, or why there is none. One row a day."""

    __tablename__ = "nightly_run"

    day: date = Field(primary_key=True)
    run_id: UUID | None = Field(default=None, foreign_key="run.id")
    why_none: str | None = None
    recorded_at: datetime = Field(sa_type=UTC_TIME)


class ShortageLevel(StrEnum):
    """How short an item is in a region, best first."""

    ENOUGH = "enough"
    WATCH = "watch"
    TIGHT = "tight"
    SHORT = "short"
    CRITICAL = "critical"


class ShortageRule(Row, table=True):
    """Where a region draws the lines between the levels, for one item or, with ``*``, for all.

    A level is reached below so many tenths of a day of cover, or above so many millionths of the
    demand uncovered, whichever is worse. From ``alert_from`` on somebody is told.
    """

    __tablename__ = "shortage_rule"

    region: str = Field(primary_key=True, foreign_key="region.code")
    item: str = Field(primary_key=True)
    watch_days_tenths: int
    tight_days_tenths: int
    short_days_tenths: int
    critical_days_tenths: int
    watch_share_ppm: int
    tight_share_ppm: int
    short_share_ppm: int
    critical_share_ppm: int
    alert_from: ShortageLevel = Field(sa_type=enum_type(ShortageLevel))
    why: str
    set_by: UUID = Field(foreign_key="app_user.id")
    set_at: datetime = Field(sa_type=UTC_TIME)
