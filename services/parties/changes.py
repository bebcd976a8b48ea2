"""Who changed what, when and why: one history for every kind of paper that conserves nothing.

Quantities have the journal. Requests, orders, campaigns, policies and the like are plain rows, and
each change of their state is told here, once, and never edited.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, Session, col, select

from services.database import UTC_TIME, Row, among
from services.parties.service import Actor


class Change(Row, table=True):
    """One change of one subject, such as ``need:5f0c…``. ``changed_by`` is null for the system."""

    sequence: int = Field(
        sa_column=sa.Column(sa.BigInteger, sa.Identity(), primary_key=True), default=None
    )
    subject: str = Field(index=True)
    what: str
    reason: str | None = None
    changed_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    organisation: str | None = Field(default=None, foreign_key="organisation.code")
    changed_at: datetime = Field(sa_type=UTC_TIME)


def record_change(
    session: Session, actor: Actor | None, subject: str, what: str, reason: str | None = None
) -> None:
    """Tell that ``actor`` (None: the system by its own rules) did ``what`` to ``subject``.

    ``what`` is a short English phrase with the values before and after, as in
    ``quantity 500 → 700``; ``reason`` is what the person typed.
    """
    session.add(
        Change(
            subject=subject,
            what=what,
            reason=reason,
            changed_by=actor.user_id if actor else None,
            organisation=actor.organisation if actor else None,
            changed_at=datetime.now(UTC),
        )
    )


def changes_of(session: Session, subjects: Iterable[str]) -> dict[str, list[Change]]:
    """The changes of each subject, oldest first; an empty list where nothing was changed."""
    found: dict[str, list[Change]] = defaultdict(list)
    statement = select(Change).where(among(Change.subject, subjects)).order_by(col(Change.sequence))
    for change in session.exec(statement):
        found[change.subject].append(change)
    return found
