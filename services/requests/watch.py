"""The watch over needs: lapses what nobody confirmed, and tells whom it concerns.

It goes by when words were written down (see ``living``), so that needs of years ago that are typed
in, or replayed, now have their whole life before them. Alerts are one for each site or desk, so
that there are as many as there are people to tell, however many the needs.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_others, raise_alert
from services.database import among
from services.parties.models import Role, Site
from services.requests.desks import DECIDERS, desk_of_region
from services.requests.history import locked_needs
from services.requests.living import lapse, lapses_at, may_lapse, silent
from services.requests.models import LIVE, Need, NeedStatus, Priority
from services.requests.served import Served, served
from services.requests.stopping import alert_dispatchers, open_stops, still_reserved, subject_of

# Looked at in one go; what is left comes a minute later.
_MOST = 5_000
# How long a hospital is told that something of its lapsed.
_TOLD_FOR = timedelta(days=7)


def watch(session: Session, now: datetime) -> None:
    """Lapse, warn and tell; looking twice at once tells nothing twice."""
    silent_ones = _silent(session, now)
    due = [state.need.id for state in silent_ones if _is_due(state, now)]
    for state in served(session, locked_needs(session, due)):
        if _is_due(state, now):
            lapse(session, state.need, state.need.last_word_recorded_at)
    session.flush()
    _warn(session, [state for state in silent_ones if may_lapse(state)])
    _tell_lapsed(session, now)
    _tell_desks(session)
    _tell_stops(session)


def _silent(session: Session, now: datetime) -> list[Served]:
    """Needs whose hospitals are to be heard soon, but those that are met, which is noted."""
    statement = (
        select(Need)
        .where(
            col(Need.status).in_(LIVE),
            col(Need.met_seen_at).is_(None),
            silent(now, col(Need.last_word_recorded_at), warned=True),
        )
        .order_by(col(Need.last_word_recorded_at), col(Need.id))
        .limit(_MOST)
    )
    found = served(session, session.exec(statement))
    for state in found:
        if state.is_fulfilled:
            state.need.met_seen_at = now
    return [state for state in found if not state.is_fulfilled]


def _is_due(state: Served, now: datetime) -> bool:
    until = lapses_at(state)
    return until is not None and until <= now


def _warn(session: Session, lapsing: Sequence[Served]) -> None:
    """Warn the hospitals of what is left to be confirmed; what was confirmed warns no more."""
    told = set()
    for site, states in _by_site(session, lapsing):
        first = min(until for state in states if (until := lapses_at(state)))
        raise_alert(
            session,
            AlertKind.NEED_LAPSING,
            f"site:{site.code}",
            Severity.WARNING,
            path="/needs?state=open",
            organisation=site.organisation,
            site=site.code,
            region=site.region,
            facts={"site": site.code, "needs": len(states), "first_at": first.isoformat()},
        )
        told.add(f"site:{site.code}")
    close_others(session, AlertKind.NEED_LAPSING, told)


def _tell_lapsed(session: Session, now: datetime) -> None:
    """Tell hospitals what lapsed, and dispatchers what is still set aside for it."""
    statement = select(Need).where(
        Need.status == NeedStatus.LAPSED, col(Need.status_since) > now - _TOLD_FOR
    )
    newest = statement.order_by(col(Need.status_since).desc(), col(Need.id)).limit(_MOST)
    lapsed = [each for each in served(session, session.exec(newest)) if not each.is_fulfilled]
    told = set()
    for site, states in _by_site(session, lapsed):
        told.add(_tell_of_lapsed(session, site, states, dispatchers=False))
        if any(state.reserved for state in states):
            told.add(_tell_of_lapsed(session, site, states, dispatchers=True))
    close_others(session, AlertKind.NEED_LAPSED, told)


def _tell_of_lapsed(
    session: Session, site: Site, states: Sequence[Served], *, dispatchers: bool
) -> str:
    """Raise one alert for a site's lapsed needs, and return its subject."""
    subject = f"reserved:{site.code}" if dispatchers else f"site:{site.code}"
    raise_alert(
        session,
        AlertKind.NEED_LAPSED,
        subject,
        Severity.NOTICE if dispatchers else Severity.WARNING,
        path=f"/needs?state=lapsed&site={site.code}",
        roles=[Role.DISPATCHER] if dispatchers else (),
        organisation=None if dispatchers else site.organisation,
        site=site.code,
        region=site.region,
        facts={
            "site": site.code,
            "needs": len(states),
            "reserved": sum(state.reserved for state in states),
        },
    )
    return subject


def _tell_desks(session: Session) -> None:
    """Tell each desk how many needs wait for it; where none is set, every dispatcher."""
    statement = select(Need).where(Need.status == NeedStatus.SUBMITTED)
    oldest = statement.order_by(col(Need.status_since), col(Need.id)).limit(_MOST)
    waiting: dict[str | None, list[Served]] = defaultdict(list)
    for site, states in _by_site(session, served(session, session.exec(oldest))):
        waiting[desk_of_region(session, site.region)] += states
    told = set()
    for desk, states in waiting.items():
        needs = [state.need for state in states]
        at_once = any(need.priority is Priority.STAT for need in needs)
        raise_alert(
            session,
            AlertKind.NEED_TO_APPROVE,
            f"desk:{desk or ''}",
            Severity.WARNING if at_once else Severity.NOTICE,
            path="/needs?state=submitted",
            roles=() if desk else DECIDERS,
            organisation=desk,
            facts={
                "needs": len(needs),
                "since": min(need.status_since for need in needs).isoformat(),
            },
        )
        told.add(f"desk:{desk or ''}")
    close_others(session, AlertKind.NEED_TO_APPROVE, told)


def _tell_stops(session: Session) -> None:
    """A stop concerns dispatchers as long as something is set aside for it."""
    told = set()
    for row in open_stops(session):
        reserved = still_reserved(session, row)
        if reserved:
            alert_dispatchers(session, row, reserved)
            told.add(subject_of(row))
    close_others(session, AlertKind.SUPPLY_STOPPED, told)


def _by_site(session: Session, states: Iterable[Served]) -> list[tuple[Site, list[Served]]]:
    found: dict[str, list[Served]] = defaultdict(list)
    for state in states:
        found[state.need.site].append(state)
    sites = session.exec(select(Site).where(among(Site.code, found)).order_by(Site.code))
    return [(site, found[site.code]) for site in sites]
