"""Looks for what will expire or has expired on shelves. It moves nothing: people take it off."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_others, raise_alert
from services.journal.clock import local_date
from services.journal.models import Account, Balance, Entry, Lot
from services.parties import service as parties
from services.parties.models import Role
from services.settings import get_settings

# Written down that long after it happened, it is history that is entered, and nobody's shelf.
_REPLAYED = timedelta(days=90)
_MOST = 500


def watch(session: Session, now: datetime) -> None:
    """One alert for each lot at a site that expires within the days set, or has expired."""
    today = local_date(now)
    rows = _on_shelves(session, today + timedelta(days=get_settings().expiry_warning_days))
    _raise(session, AlertKind.LOT_EXPIRED, [row for row in rows if row.expires_on <= today])
    _raise(session, AlertKind.LOT_EXPIRING, [row for row in rows if row.expires_on > today])


def _on_shelves(session: Session, until: Any) -> Sequence[sa.Row[Any]]:
    quantity = sa.func.sum(col(Balance.inflow) - col(Balance.outflow)).label("quantity")
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            col(Lot.id),
            col(Lot.commodity),
            col(Lot.batch),
            col(Lot.expires_on),
            col(Account.holder),
            quantity,
        )
        .select_from(Lot)
        .join(Balance, col(Balance.lot_id) == col(Lot.id))
        .join(Account, col(Account.code) == col(Balance.account))
        .join(Entry, col(Entry.id) == col(Lot.entry_id))
        .where(
            col(Lot.expires_on) <= until,
            col(Account.holder).startswith("site:"),
            col(Account.state).in_(("available", "reserved", "received")),
            col(Balance.inflow) > col(Balance.outflow),
            col(Entry.recorded_at) - col(Entry.occurred_at) < _REPLAYED,
        )
        .group_by(col(Lot.id), col(Account.holder))
        .order_by(col(Lot.expires_on), col(Lot.id), col(Account.holder))
        .limit(_MOST)
    )
    return session.connection().execute(statement).all()


def _raise(session: Session, kind: AlertKind, rows: Sequence[sa.Row[Any]]) -> None:
    subjects = []
    for row in rows:
        site = parties.get_site(session, row.holder.partition(":")[2])
        subjects.append(f"lot:{row.id}/{site.code}")
        raise_alert(
            session,
            kind,
            subjects[-1],
            Severity.CRITICAL if kind is AlertKind.LOT_EXPIRED else Severity.WARNING,
            path=f"/stock/expiring?site={site.code}",
            roles=[Role.DISPATCHER],
            organisation=site.organisation,
            site=site.code,
            region=site.region,
            item=row.commodity,
            facts={
                "item": row.commodity,
                "batch": row.batch or "",
                "site": site.code,
                "expires_on": row.expires_on.isoformat(),
                "quantity": int(row.quantity),
            },
        )
    close_others(session, kind, subjects)
