"""What of dispatch needs attention: plans that wait for a decision, and items that run short."""

from datetime import datetime

from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_others, raise_alert
from services.dispatch.desk_models import ShortageLevel
from services.dispatch.models import Run, RunKind, RunState
from services.dispatch.shortages import Shortage, shortages
from services.parties.models import Role

_DESKS = (Role.DISPATCHER, Role.APPROVER)


def watch(session: Session, now: datetime) -> None:
    """Raise and close what is so now."""
    _tell_plans(session)
    _tell_shortages(session, now)


def _tell_plans(session: Session) -> None:
    waiting: list[str] = []
    columns = (col(Run.id), col(Run.day), col(Run.pieces_allocated), col(Run.pieces_expected))
    statement = select(*columns).where(
        Run.state == RunState.PROPOSED,
        Run.kind == RunKind.ALLOCATION,
        # Where all is only expected there is nothing to approve.
        (col(Run.pieces_expected) == 0) | (col(Run.pieces_expected) < Run.pieces_allocated),
    )
    for run_id, day, pieces, expected in session.exec(statement):
        waiting.append(f"run:{run_id}")
        raise_alert(
            session,
            AlertKind.PLAN_TO_DECIDE,
            waiting[-1],
            Severity.NOTICE,
            path=f"/runs/{run_id}",
            roles=_DESKS,
            facts={"day": day.isoformat(), "pieces": (pieces or 0) - expected},
        )
    close_others(session, AlertKind.PLAN_TO_DECIDE, waiting)


def _tell_shortages(session: Session, now: datetime) -> None:
    """One alert a region and item, of the regions that hospitals and depots lie in themselves."""
    told = [each for each in shortages(session, now) if each.here and each.is_told]
    for each in told:
        raise_alert(
            session,
            AlertKind.SHORTAGE,
            _subject(each),
            _SEVERITY.get(each.level, Severity.NOTICE),
            path=f"/shortages?region={each.region}",
            roles=_DESKS,
            region=each.region,
            item=each.item,
            facts={
                "level": each.level.value,
                "uncovered": each.uncovered,
                "percent": each.uncovered_ppm // 10_000,
                "region": each.region,
                "item": each.item,
            },
        )
    close_others(session, AlertKind.SHORTAGE, [_subject(each) for each in told])


_SEVERITY = {
    ShortageLevel.SHORT: Severity.WARNING,
    ShortageLevel.CRITICAL: Severity.CRITICAL,
}


def _subject(each: Shortage) -> str:
    return f"shortage:{each.region}/{each.item}"
