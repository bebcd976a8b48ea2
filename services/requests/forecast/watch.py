"""The forecast's watch: who has stopped reporting, and what is running out."""

from datetime import datetime, timedelta

from sqlmodel import Session

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_others, raise_alert
from services.parties import service as parties
from services.parties.models import Role
from services.requests.forecast.reports import silent_since
from services.requests.forecast.service import Lasting, lasting

# A day, and an hour or two to be late in.
SILENT_AFTER = timedelta(hours=26)
# What nobody has spoken of for so long is told by its silence, not by its old figures.
FRESH_FOR = timedelta(hours=48)
LOW_DAYS, CRITICAL_DAYS = 3.0, 1.0
_DESKS = (Role.DISPATCHER, Role.APPROVER)


def watch(session: Session, now: datetime) -> None:
    """Raise and close alerts; liveness counts from when a report was recorded, not from its day."""
    _watch_silence(session, now)
    _watch_supplies(session, now)


def _watch_silence(session: Session, now: datetime) -> None:
    silent = silent_since(session, now - SILENT_AFTER)
    for each in silent:
        assert each.last_day is not None
        raise_alert(
            session,
            AlertKind.REPORT_MISSING,
            f"site:{each.site}",
            Severity.WARNING,
            path="/forecast/missing",
            roles=_DESKS,
            organisation=parties.get_site(session, each.site).organisation,
            site=each.site,
            region=each.region,
            facts={"site": each.site, "last_day": each.last_day.isoformat()},
        )
    close_others(session, AlertKind.REPORT_MISSING, [f"site:{each.site}" for each in silent])


def _watch_supplies(session: Session, now: datetime) -> None:
    low = [each for each in lasting(session, None) if _is_low(each, now)]
    for each in low:
        assert each.days_left is not None
        raise_alert(
            session,
            AlertKind.SUPPLY_LOW,
            f"supply:{each.site}/{each.item}",
            Severity.CRITICAL if each.days_left < CRITICAL_DAYS else Severity.WARNING,
            path=f"/forecast/sites/{each.site}",
            roles=_DESKS,
            organisation=parties.get_site(session, each.site).organisation,
            site=each.site,
            region=each.region,
            item=each.item,
            facts={
                "site": each.site,
                "item": each.item,
                "days_left": f"{each.days_left:g}",
                "on_hand": each.on_hand_base,
                "coming": each.coming_base,
            },
        )
    close_others(session, AlertKind.SUPPLY_LOW, [f"supply:{e.site}/{e.item}" for e in low])


def _is_low(each: Lasting, now: datetime) -> bool:
    fresh = now - each.recorded_at <= FRESH_FOR
    return fresh and each.days_left is not None and each.days_left < LOW_DAYS
