"""Raising and closing alerts: desks tell what is so, in the transaction that makes it so."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from services.alerts.models import Alert, AlertKind, Severity
from services.parties import service as parties
from services.parties.models import Role


def raise_alert(
    session: Session,
    kind: AlertKind,
    subject: str,
    severity: Severity,
    *,
    path: str,
    roles: Sequence[Role] = (),
    organisation: str | None = None,
    site: str | None = None,
    region: str | None = None,
    item: str | None = None,
    facts: Mapping[str, str | int] | None = None,
) -> None:
    """Say that something is so. Said again while the alert is open, it is the same alert, renewed.

    ``subject`` is what it is about, such as ``need:5f0c…`` or ``shortage:420100/gloves``, and
    ``path`` the page to go to, without the language. The desks of ``roles`` see it wherever they
    are, and everybody of ``organisation``. ``facts`` are the values of its kind's sentence; the
    region is that of ``site`` where none is named. How they are told: `services.alerts.outbox`.
    """
    now = datetime.now(UTC)
    if region is None and site is not None:
        region = parties.get_site(session, site).region
    row = Alert(
        id=uuid4(),
        kind=kind,
        subject=subject,
        severity=severity,
        roles=list(roles),
        organisation=organisation,
        site=site,
        region=region,
        item=item,
        facts=dict(facts or {}),
        path=path,
        raised_at=now,
        renewed_at=now,
    )
    newest = ("severity", "facts", "path", "renewed_at")
    statement = insert(Alert).values(**row.model_dump())
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "subject"],
            index_where=col(Alert.closed_at).is_(None),
            set_={
                **{name: statement.excluded[name] for name in newest},
                "told_at": _told_unless_other(statement.excluded["severity"]),
            },
        )
    )


def _told_unless_other(severity: Any) -> Any:
    """Who asked for grave alerts alone hasn't been told while it was a lesser one."""
    return sa.case((col(Alert.severity) == severity, col(Alert.told_at)), else_=None)


def close_alert(session: Session, kind: AlertKind, subject: str) -> None:
    """Say that it is so no longer; nothing happens where no such alert is open."""
    session.connection().execute(
        sa.update(Alert)
        .where(
            col(Alert.kind) == kind,
            col(Alert.subject) == subject,
            col(Alert.closed_at).is_(None),
        )
        .values(**_over())
    )


def close_others(session: Session, kind: AlertKind, subjects: Collection[str]) -> None:
    """Close every open alert of a kind but those of ``subjects``: what a look found to be so."""
    session.connection().execute(
        sa.update(Alert)
        .where(
            col(Alert.kind) == kind,
            col(Alert.closed_at).is_(None),
            col(Alert.subject) != sa.all_(sa.literal(list(subjects), sa.ARRAY(sa.Text()))),
        )
        .values(**_over())
    )


def _over() -> dict[str, datetime | None]:
    """Over now, and not yet told to those who were told that it is so."""
    return {"closed_at": datetime.now(UTC), "told_at": None}
