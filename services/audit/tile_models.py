"""The log's hashes as readers ask for them, and what witnesses signed."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, BYTES, SMALLINT, UTC_TIME, Row

_GIVEN = {"autoincrement": False}


class TilePart(Row, table=True):
    """Hashes of one tile (C2SP tlog-tiles), as one batch brought them: written once, never changed.

    ``first`` counts the hashes of a level, over all its tiles: the tile is ``first // 256``. At
    level 0 they are leaf hashes, at level L the roots of the full tiles of level L - 1. A tile is
    its parts one after another. So a batch writes what it brings and nothing else, and a width of
    a partial tile that nobody was ever given needs no row.
    """

    __tablename__ = "tile_part"
    __table_args__ = (
        sa.CheckConstraint("level BETWEEN 0 AND 7 AND first >= 0", name="inside_a_tree"),
        sa.CheckConstraint(
            "octet_length(hashes) % 32 = 0 AND octet_length(hashes) > 0", name="whole_hashes"
        ),
        sa.CheckConstraint("first % 256 + octet_length(hashes) / 32 <= 256", name="inside_a_tile"),
    )

    level: int = Field(primary_key=True, sa_type=SMALLINT, sa_column_kwargs=_GIVEN)
    first: int = Field(primary_key=True, sa_type=BIGINT, sa_column_kwargs=_GIVEN)
    hashes: bytes = Field(sa_type=BYTES)


class Cosignature(Row, table=True):
    """A witness's signature line (C2SP tlog-cosignature) on the checkpoint of ``size`` leaves."""

    size: int = Field(
        primary_key=True,
        foreign_key="signed_checkpoint.size",
        sa_type=BIGINT,
        sa_column_kwargs=_GIVEN,
    )
    vkey: str = Field(primary_key=True)
    line: str
    received_at: datetime = Field(sa_type=UTC_TIME)
