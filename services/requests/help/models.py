"""Calls for help from the community: somebody lacks something, and a desk takes it up."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field

from services.database import UTC_TIME, Row, enum_type


class CallState(StrEnum):
    """``assigned`` to a site that is to look; ``taken_up`` as a need; or answered without one."""

    OPEN = "open"
    ASSIGNED = "assigned"
    TAKEN_UP = "taken_up"
    ANSWERED = "answered"
    REFUSED = "refused"


# Who still waits for somebody to look.
WAITING = (CallState.OPEN, CallState.ASSIGNED)


class HelpCall(Row, table=True):
    """What somebody asks for, in their words. ``contact`` and ``place`` go when it is settled."""

    __tablename__ = "help_call"

    id: UUID = Field(primary_key=True)
    region: str = Field(foreign_key="region.code", index=True)
    words: str
    place: str | None = None
    contact: str | None = None
    state: CallState = Field(default=CallState.OPEN, sa_type=enum_type(CallState), index=True)
    site: str | None = Field(default=None, foreign_key="site.code", index=True)
    request_id: UUID | None = Field(default=None, foreign_key="supply_request.id")
    answer: str | None = None
    called_at: datetime = Field(sa_type=UTC_TIME)
    settled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    content_digest: str
