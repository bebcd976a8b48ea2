"""Who sees which alerts, and the one list that pages, programs and counts are cut from."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session, col, select

from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.telling_models import AlertMute, AlertSubscription
from services.database import BIGINT, among
from services.errors import NotFound
from services.parties import service as parties
from services.parties.models import DESKS, Role
from services.parties.service import Actor

# Gravest first.
SEVERITIES = (Severity.CRITICAL, Severity.WARNING, Severity.NOTICE)
MOST_COUNTED = 99


class AlertState(StrEnum):
    """Closed alerts are no longer so; open ones wait for somebody or were acknowledged."""

    OPEN = "open"
    WAITING = "waiting"
    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    CLOSED = "closed"


class Scope(StrEnum):
    """What one's own settings leave, without what is muted; or all that one may see."""

    MINE = "mine"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Filters:
    kind: AlertKind | None = None
    severity: Severity | None = None
    region: str | None = None
    item: str | None = None
    state: AlertState | None = None
    assigned_to_me: bool = False
    scope: Scope = Scope.MINE


def gravity(column: Any) -> Any:
    """A severity as a number to sort by: 0 is the least grave."""
    return sa.case(
        {severity.value: at for at, severity in enumerate(reversed(SEVERITIES))}, value=column
    )


def _urgency() -> Any:
    """What nobody acknowledged first, then what is open, by severity, the newest on top.

    One number for the whole order.
    """
    stands = sa.case(
        (col(Alert.closed_at).is_not(None), 0),
        (col(Alert.acknowledged_at).is_not(None), 10),
        else_=20,
    )
    newest = sa.extract("epoch", col(Alert.raised_at))
    rank = sa.cast(stands + gravity(col(Alert.severity)), BIGINT)
    # Beyond any moment in seconds.
    return rank * sa.literal(10**11, BIGINT) + newest


ORDER = {
    "urgency": _urgency().desc(),
    "raised_at": col(Alert.raised_at),
    "severity": gravity(col(Alert.severity)),
    "kind": col(Alert.kind),
    "region": col(Alert.region),
    "item": col(Alert.item),
    "closed_at": col(Alert.closed_at),
}


def alerts(session: Session, actor: Actor, filters: Filters) -> Any:
    """A ``select`` of the alerts that the actor may see, as far as they are asked for."""
    statement = select(Alert).where(visible_to(actor.role, actor.organisation))
    plain = {"kind": filters.kind, "severity": filters.severity, "item": filters.item}
    for name, value in plain.items():
        if value is not None:
            statement = statement.where(getattr(Alert, name) == value)
    if filters.region is not None:
        below = regions_below(session, [filters.region])
        statement = statement.where(among(Alert.region, below))
    if filters.assigned_to_me:
        statement = statement.where(Alert.assigned_to == actor.user_id)
    if filters.scope is Scope.MINE:
        statement = statement.where(*chosen_by(session, actor.user_id))
    return _in_state(statement, actor, filters)


def _in_state(statement: Any, actor: Actor, filters: Filters) -> Any:
    muted = is_muted(actor.user_id, actor.organisation)
    is_open = col(Alert.closed_at).is_(None)
    known = col(Alert.acknowledged_at).is_not(None)
    asked: dict[AlertState | None, tuple[Any, ...]] = {
        None: (),
        AlertState.OPEN: (is_open,),
        AlertState.WAITING: (is_open, ~known),
        AlertState.ACKNOWLEDGED: (is_open, known),
        AlertState.MUTED: (is_open, muted),
        AlertState.CLOSED: (~is_open,),
    }
    statement = statement.where(*asked[filters.state])
    # What was muted and is over stands in the list again: it is no noise there.
    hides = filters.scope is Scope.MINE and filters.state is not AlertState.MUTED
    return statement.where(~is_open | ~muted) if hides else statement


def get_alert(session: Session, actor: Actor, alert_id: UUID, *, held: bool = False) -> Alert:
    """An alert that the actor may see; ``held``: as it is until the transaction ends.

    Raises:
        NotFound: there is none, or it isn't for them.

    """
    statement = select(Alert).where(
        Alert.id == alert_id, visible_to(actor.role, actor.organisation)
    )
    if held:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.exec(statement).first()
    if found is None:
        raise NotFound(f"There is no alert {alert_id} for you", field="alert_id", value=alert_id)
    return found


def count_waiting(session: Session, actor: Actor) -> int:
    """How many open alerts nobody has acknowledged, of the actor's own; counted up to 99."""
    asked = alerts(session, actor, Filters(state=AlertState.WAITING))
    some = asked.with_only_columns(col(Alert.id)).limit(MOST_COUNTED).subquery()
    return int(session.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


@dataclass(frozen=True, slots=True)
class Group:
    """The open alerts of one kind: how many, how many of them wait, and the most urgent ones."""

    kind: AlertKind
    severity: Severity
    count: int
    waiting: int
    first: Sequence[Alert]


def by_kind(session: Session, actor: Actor, filters: Filters, most: int) -> list[Group]:
    """The alerts that are asked for by kind: what waits first, then the gravest; no closed ones."""
    asked = replace(filters, state=filters.state or AlertState.OPEN)
    statement = alerts(session, actor, asked)
    waits = col(Alert.acknowledged_at).is_(None)
    gravest = sa.func.max(gravity(col(Alert.severity)))
    counts = statement.with_only_columns(
        col(Alert.kind), gravest, sa.func.count(), sa.func.count().filter(waits)
    ).group_by(col(Alert.kind))
    place = sa.func.row_number().over(
        partition_by=col(Alert.kind), order_by=[_urgency().desc(), col(Alert.id)]
    )
    ranked = statement.with_only_columns(col(Alert.id), place.label("place")).subquery()
    first: dict[AlertKind, list[Alert]] = defaultdict(list)
    urgent = select(Alert).join(ranked, ranked.c.id == col(Alert.id)).where(ranked.c.place <= most)
    for alert in session.exec(urgent.order_by(ranked.c.place)):
        first[alert.kind].append(alert)
    ordered = sorted(session.execute(counts), key=lambda row: (not row[3], -row[1], -row[3]))
    return [
        Group(kind, SEVERITIES[-1 - grave], count, waiting, first[kind])
        for kind, grave, count, waiting in ordered
    ]


def visible_to(role: Role, organisation: str) -> sa.ColumnElement[bool]:
    """Those for the role, and those for the organisation; an admin sees what any desk does."""
    roles = sa.cast(col(Alert.roles), JSONB)
    wanted = DESKS if role is Role.ADMIN else (role,)
    for_role = sa.or_(*(roles.contains([each.value]) for each in wanted))
    return sa.or_(for_role, col(Alert.organisation) == organisation)


def is_muted(user_id: Any, organisation: Any) -> sa.ColumnElement[bool]:
    """Whether an alert is muted now, for the person or their whole organisation."""
    return (
        sa.exists()
        .where(
            sa.or_(col(AlertMute.user_id) == user_id, col(AlertMute.organisation) == organisation),
            col(AlertMute.ended_at).is_(None),
            col(AlertMute.until) > datetime.now(UTC),
            sa.or_(col(AlertMute.kind).is_(None), col(AlertMute.kind) == col(Alert.kind)),
            sa.or_(col(AlertMute.subject).is_(None), col(AlertMute.subject) == col(Alert.subject)),
        )
        .correlate(Alert)
    )


def chosen_by(session: Session, user_id: UUID) -> list[sa.ColumnElement[bool]]:
    """What somebody's own settings ask of an alert; nothing where they chose nothing."""
    row = session.get(AlertSubscription, user_id)
    return [] if row is None else chosen(session, row)


def chosen(session: Session, row: AlertSubscription) -> list[sa.ColumnElement[bool]]:
    """Of the kinds, items and regions asked for; what names no item or region concerns all."""
    found: list[sa.ColumnElement[bool]] = []
    if row.kinds:
        found.append(col(Alert.kind).in_([AlertKind(kind) for kind in row.kinds]))
    if row.items:
        found.append(col(Alert.item).is_(None) | among(Alert.item, row.items))
    if row.regions:
        below = regions_below(session, row.regions)
        found.append(col(Alert.region).is_(None) | among(Alert.region, below))
    return found


def regions_below(session: Session, codes: Iterable[str]) -> list[str]:
    """These regions and all that they contain."""
    wanted = set(codes)
    chains = parties.regions_above(session)
    return sorted(code for code, chain in chains.items() if wanted & set(chain))
