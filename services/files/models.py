"""Files that people attach: certificates, photographs, readings. Kept by what they contain."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, BYTES, UTC_TIME, Row


class StoredFile(Row, table=True):
    """The bytes of a file, once, however many papers it is attached to; None once forgotten.

    Hash, type and size stay then: what was attached can still be told from anything else.
    """

    __tablename__ = "stored_file"

    sha256: str = Field(primary_key=True)
    media_type: str
    size_bytes: int
    content: bytes | None = Field(sa_type=BYTES)
    kept_at: datetime = Field(sa_type=UTC_TIME)


class Attachment(Row, table=True):
    """A file beside a subject, such as ``production:5f0c…``, under the name that it came with.

    The name is empty once the file was forgotten.
    """

    __table_args__ = (sa.UniqueConstraint("subject", "kind", "sha256"),)

    sequence: int = Field(
        sa_column=sa.Column(BIGINT, sa.Identity(), primary_key=True), default=None
    )
    subject: str = Field(index=True)
    kind: str
    sha256: str = Field(foreign_key="stored_file.sha256", index=True)
    name: str
    attached_by: UUID = Field(foreign_key="app_user.id")
    attached_at: datetime = Field(sa_type=UTC_TIME)
