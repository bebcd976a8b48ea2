"""Looks for what will expire or has expired on shelves. It moves nothing: people take it off."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_others, raise_alert
from services.journal.clock import local_date
from services.journal.expiring import Expiring, expiring
from services.parties import service as parties
from services.parties.models import Role
from services.settings import get_settings

# Written down that long after it happened, it is history that is entered, and nobody's shelf.
_REPLAYED = timedelta(days=90)
_MOST = 500


def watch(session: Session, now: datetime) -> None:
    """One alert for each lot at a site that expires within the days set, or has expired."""
    today = local_date(now)
    rows = expiring(
        session,
        today + timedelta(days=get_settings().expiry_warning_days),
        states=("available", "reserved", "received"),
        entered_within=_REPLAYED,
        limit=_MOST,
    )
    _raise(session, AlertKind.LOT_EXPIRED, [row for row in rows if row.expires_on <= today])
    _raise(session, AlertKind.LOT_EXPIRING, [row for row in rows if row.expires_on > today])


def _raise(session: Session, kind: AlertKind, rows: Sequence[Expiring]) -> None:
    subjects = []
    for row in rows:
        site = parties.get_site(session, row.holder.partition(":")[2])
        subjects.append(f"lot:{row.lot_id}/{site.code}")
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
                "quantity": row.quantity,
            },
        )
    close_others(session, kind, subjects)
