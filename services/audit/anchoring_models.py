"""What the log writer has to remember: what it sent, which key signs, what stops it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field

from services.database import BIGINT, UTC_TIME, Row


class AnchorState(StrEnum):
    """Of a batch that was mined once. Before that it is sealed, or sent: an `AnchorBatch` alone."""

    SUBMITTED = "submitted"  # a reorganisation took it out of the chain; it goes in again
    MINED = "mined"
    FINAL = "final"


class AnchorBatch(Row, table=True):
    """A batch as it goes to the contract: leaves ``first_index`` to ``size`` - 1.

    Written before the first attempt and never changed, so every later attempt sends the very same
    leaves: whichever of them is mined, and however often, the log has the same roots.
    """

    __tablename__ = "anchor_batch"

    size: int = Field(primary_key=True, sa_type=BIGINT, sa_column_kwargs={"autoincrement": False})
    first_index: int = Field(sa_type=BIGINT, unique=True)
    submitted_at: datetime = Field(sa_type=UTC_TIME)


class LogKey(Row, table=True):
    """A successor of the key that signs checkpoints: it signs those above ``since_size``.

    ``note`` is the old key's last word (C2SP signed-note), and names the new one; ``entry_id`` is
    the entry, a leaf below ``since_size``, that says so in the log.
    """

    __tablename__ = "log_key"

    since_size: int = Field(
        primary_key=True, sa_type=BIGINT, sa_column_kwargs={"autoincrement": False}
    )
    verifier_key: str = Field(unique=True)
    note: str
    entry_id: UUID = Field(foreign_key="entry.id")
    rotated_at: datetime = Field(sa_type=UTC_TIME)


class AnchoringTrouble(Row, table=True):
    """Why the newest pass didn't end; no row where it did. ``stopped``: somebody has to look."""

    __tablename__ = "anchoring_trouble"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    why: str
    stopped: bool
    since: datetime = Field(sa_type=UTC_TIME)
