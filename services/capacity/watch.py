"""What of makers needs attention: papers that wait, silent factories, offers that lapse."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_others, raise_alert
from services.capacity.makers import subject_of
from services.capacity.models import (
    CapacityPlan,
    CapacityRules,
    Maker,
    MakerState,
    Production,
    Shortfall,
)
from services.capacity.rules import get_rules
from services.capacity.surplus import lapse_offers
from services.journal.clock import local_date
from services.parties.models import Role, Site

# Silence that old is in the list of days; nobody is called about it any more.
_OLDEST = timedelta(days=14)
_DESKS = (Role.DISPATCHER, Role.APPROVER)


def watch(session: Session, now: datetime) -> None:
    """Raise and close what is so now. Moves neither goods nor money."""
    rules = get_rules(session)
    _papers(session, now, rules)
    _silence(session, now, rules)
    lapse_offers(session, now)


def _papers(session: Session, now: datetime, rules: CapacityRules) -> None:
    waiting = session.exec(select(Maker).where(Maker.state == MakerState.SUBMITTED)).all()
    for maker in waiting:
        hours = int((now - maker.submitted_at).total_seconds() // 3600)
        over = hours >= rules.approval_hours
        raise_alert(
            session,
            AlertKind.MAKER_TO_APPROVE,
            subject_of(maker.organisation),
            Severity.WARNING if over else Severity.NOTICE,
            path=f"/capacity/makers/{maker.organisation}",
            roles=_DESKS,
            facts={"maker": maker.organisation, "hours": hours, "target": rules.approval_hours},
        )
    close_others(
        session,
        AlertKind.MAKER_TO_APPROVE,
        [subject_of(maker.organisation) for maker in waiting],
    )


def _silence(session: Session, now: datetime, rules: CapacityRules) -> None:
    """One alert a factory, with how many of its planned days lack a word and the first of them."""
    found = session.execute(_silent_sites(now, timedelta(hours=rules.silent_hours))).all()
    subjects = []
    for site, organisation, region, count, first, last in found:
        subjects.append(f"site:{site}")
        raise_alert(
            session,
            AlertKind.MAKER_SILENT,
            f"site:{site}",
            Severity.WARNING,
            path=f"/capacity?site={site}&state=unreported",
            roles=_DESKS,
            organisation=organisation,
            site=site,
            region=region,
            facts={
                "site": site,
                "reports": count,
                "first": first.isoformat(),
                "last": last.isoformat(),
            },
        )
    close_others(session, AlertKind.MAKER_SILENT, subjects)


def _silent_sites(now: datetime, patience: timedelta) -> sa.Select[*tuple[Any, ...]]:
    """Planned days that ended, and were planned, so long ago that a report is overdue.

    Judged by the later of both clocks: what was written down just now of a day long past is
    given its time, too.
    """
    oldest = now - patience - _OLDEST
    return (
        sa.select(
            col(CapacityPlan.site),
            col(Site.organisation),
            col(Site.region),
            sa.func.count(),
            sa.func.min(CapacityPlan.day),
            sa.func.max(CapacityPlan.day),
        )
        .join(Site, col(Site.code) == col(CapacityPlan.site))
        .where(
            col(CapacityPlan.planned_base) > 0,
            col(CapacityPlan.day) < local_date(now - patience),
            col(CapacityPlan.reported_at) <= now - patience,
            (col(CapacityPlan.day) >= local_date(oldest))
            | (col(CapacityPlan.reported_at) >= oldest),
            ~sa.exists().where(_on_that_day(Production)),
            ~sa.exists().where(_on_that_day(Shortfall)),
        )
        .group_by(col(CapacityPlan.site), col(Site.organisation), col(Site.region))
        .order_by(col(CapacityPlan.site))
        .limit(1000)
    )


def _on_that_day(table: type[Production] | type[Shortfall]) -> sa.ColumnElement[bool]:
    return sa.and_(
        col(table.site) == col(CapacityPlan.site),
        col(table.item) == col(CapacityPlan.item),
        col(table.day) == col(CapacityPlan.day),
    )
