"""What was anchored on the chain, and the checkpoints given out."""

from datetime import datetime

from sqlmodel import Field

from services.audit.anchoring_models import AnchorState
from services.database import BIGINT, BYTES, UTC_TIME, Row, enum_type
from services.journal.log import LogContract

__all__ = ["Anchor", "LogContract", "SignedCheckpoint"]


class Anchor(Row, table=True):
    """A batch of leaves in the contract: leaves ``first_index`` to ``size`` - 1.

    Until it is final a reorganisation may move it: then transaction and block are written anew.
    """

    size: int = Field(primary_key=True, sa_type=BIGINT, sa_column_kwargs={"autoincrement": False})
    first_index: int = Field(sa_type=BIGINT, unique=True)
    root: bytes = Field(sa_type=BYTES)
    chain_id: int = Field(sa_type=BIGINT)
    contract: str
    tx_hash: str
    block_number: int = Field(sa_type=BIGINT)
    block_hash: str
    anchored_at: datetime = Field(sa_type=UTC_TIME)
    state: AnchorState = Field(sa_type=enum_type(AnchorState), index=True)


class SignedCheckpoint(Row, table=True):
    """A signed note (C2SP tlog-checkpoint) for one tree size; the first one given out stays."""

    __tablename__ = "signed_checkpoint"

    size: int = Field(primary_key=True, sa_type=BIGINT, sa_column_kwargs={"autoincrement": False})
    note: str
    signed_at: datetime = Field(sa_type=UTC_TIME)
