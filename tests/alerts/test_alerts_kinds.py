"""Every kind of alert can be seen, chosen, acknowledged, handed on, muted, and told by mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import Session, col, select

from services.alerts import acting, outbox, subscriptions
from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.schemas import AcknowledgeIn, AssignIn, MuteIn, SubscriptionIn
from services.alerts.seeing import AlertState, Filters, Scope, alerts
from services.alerts.service import close_alert, raise_alert
from services.alerts.telling_models import AlertMessage, AlertMute, Means, MessageKind
from services.errors import Forbidden
from services.parties.models import Role
from services.settings import Settings
from tests.alerts.test_alerts_mail import actor, mail_settings, reachable
from tests.alerts.test_alerts_words import FACTS
from tests.world import SITES, USERS

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)
SETTINGS: Settings = mail_settings(25)
_DESKS = [Role.DISPATCHER, Role.APPROVER]
_AT_H1 = {"organisation": "HOSP1", "site": "H1"}

# As the desks raise them: to whom, about which place, about which item.
RAISED: dict[AlertKind, dict[str, Any]] = {
    AlertKind.SHORTAGE: {"roles": _DESKS, "region": "420100", "item": "gloves"},
    AlertKind.NEED_LAPSING: _AT_H1,
    AlertKind.NEED_LAPSED: {"roles": [Role.DISPATCHER], "site": "H1"},
    AlertKind.NEED_TO_APPROVE: {"roles": _DESKS},
    AlertKind.SUPPLY_STOPPED: {"roles": [Role.DISPATCHER], "site": "H1", "item": "gloves"},
    AlertKind.CALL_FOR_HELP: {"roles": [Role.DISPATCHER], "region": "420100"},
    AlertKind.LOT_EXPIRING: {"roles": [Role.DISPATCHER], **_AT_H1, "item": "gloves"},
    AlertKind.LOT_EXPIRED: {"roles": [Role.DISPATCHER], **_AT_H1, "item": "gloves"},
    AlertKind.RECALL: {"roles": [*_DESKS, Role.AUDITOR], "item": "gloves"},
    AlertKind.COUNT_DIFFERENCE: {
        "roles": [Role.DISPATCHER, Role.AUDITOR],
        "site": "W1",
        "item": "gloves",
    },
    AlertKind.SHIPMENT_LATE: {"roles": [Role.DISPATCHER], **_AT_H1},
    AlertKind.SHIPMENT_LOST: {"roles": [Role.DISPATCHER], **_AT_H1},
    AlertKind.COLD_BREACH: {"roles": [Role.DISPATCHER], **_AT_H1},
    AlertKind.MAKER_SILENT: {"roles": _DESKS, "organisation": "MAKER", "site": "F1"},
    AlertKind.MAKER_TO_APPROVE: {"roles": _DESKS},
    AlertKind.EARMARK_UNHONOURED: {
        "roles": [Role.DISPATCHER],
        "organisation": "DONOR1",
        "site": "H1",
        "item": "gloves",
    },
    AlertKind.RECEIPT_DISPUTED: {"roles": [Role.DISPATCHER], **_AT_H1},
    AlertKind.PLAN_TO_DECIDE: {"roles": _DESKS},
    AlertKind.EMERGENCY_APPROVED: {"roles": [Role.APPROVER, Role.AUDITOR]},
    AlertKind.CHAIN_BACKLOG: {"roles": [Role.ADMIN, Role.AUDITOR]},
    AlertKind.REPORT_MISSING: {"roles": _DESKS, **_AT_H1},
    AlertKind.SUPPLY_LOW: {"roles": _DESKS, **_AT_H1, "item": "gloves"},
    AlertKind.WEBHOOK_DISABLED: {"organisation": "HOSP1"},
    AlertKind.WATCH_STOPPED: {"roles": [Role.ADMIN]},
}
# The other regions and items, and those that hold them.
ELSEWHERE = {"420100": "420500", "370000": "420000"}


def raised(session: Session, kind: AlertKind) -> Alert:
    facts = FACTS[kind][0]
    raise_alert(session, kind, "x:1", Severity.WARNING, path="/", facts=facts, **RAISED[kind])
    return session.exec(select(Alert).where(col(Alert.closed_at).is_(None))).one()


def may_see(kind: AlertKind, username: str) -> bool:
    role, organisation = USERS[username]
    roles = RAISED[kind].get("roles", [])
    return (
        role in roles
        or (role is Role.ADMIN and bool(roles))
        or organisation == RAISED[kind].get("organisation")
    )


def seers(kind: AlertKind) -> list[str]:
    return [username for username in USERS if may_see(kind, username)]


def lists(session: Session, username: str, **asked: Any) -> bool:
    """Whether somebody's list has the alert."""
    statement = alerts(session, actor(username), replace(Filters(), **asked))
    return session.exec(statement).first() is not None


def wants(session: Session, username: str, **chosen: Any) -> None:
    given = {"least_severity": Severity.NOTICE, "means": Means.AT_ONCE}
    subscriptions.subscribe(session, actor(username), SubscriptionIn(**(given | chosen)))


@pytest.mark.parametrize("kind", AlertKind)
def test_a_kind_is_seen_by_role_and_chosen_by_kind_item_and_region(
    session: Session, kind: AlertKind
) -> None:
    alert = raised(session, kind)
    for username in USERS:
        assert lists(session, username) is may_see(kind, username), username
    who = seers(kind)[0]
    for chosen, kept in (
        ({"kinds": [kind]}, True),
        ({"kinds": [next(each for each in AlertKind if each is not kind)]}, False),
        ({"items": ["gloves"]}, True),
        # What names no item, or no region, concerns everybody.
        ({"items": ["surgical_mask"]}, alert.item is None),
        ({"regions": ["420000"]}, alert.region in {None, "420100"}),
        ({"regions": [ELSEWHERE.get(alert.region or "", "420500")]}, alert.region is None),
    ):
        wants(session, who, **chosen)
        assert lists(session, who) is kept, chosen
        assert lists(session, who, scope=Scope.ALL), chosen
        assert lists(session, who, kind=kind, scope=Scope.ALL)
    if alert.site is not None:
        assert alert.region == SITES[alert.site][2]


@pytest.mark.parametrize("kind", AlertKind)
def test_a_kind_is_acknowledged_handed_on_and_muted_by_who_sees_it(
    session: Session, kind: AlertKind
) -> None:
    alert = raised(session, kind)
    who = next(name for name in seers(kind) if USERS[name][0] is not Role.AUDITOR)
    for name in seers(kind):
        if USERS[name][0] is Role.AUDITOR:
            with pytest.raises(Forbidden):
                acting.acknowledge(session, actor(name), alert.id, AcknowledgeIn())
    assert lists(session, who, state=AlertState.WAITING)
    acting.acknowledge(session, actor(who), alert.id, AcknowledgeIn(reason="on it"))
    assert lists(session, who, state=AlertState.ACKNOWLEDGED)
    assert not lists(session, who, state=AlertState.WAITING)
    colleagues = {each.username for each in acting.colleagues(session, actor(who), alert)}
    assert colleagues == {
        name
        for name in seers(kind)
        if USERS[name][1] == USERS[who][1] and USERS[name][0] is not Role.AUDITOR
    }
    for name in colleagues:
        acting.assign(session, actor(who), alert.id, AssignIn(username=name))
        assert lists(session, name, assigned_to_me=True)
    until = datetime.now(UTC) + timedelta(days=1)
    for whole in (False, True):
        body = MuteIn(id=uuid4(), kind=kind, until=until, whole_organisation=whole)
        mute, _ = acting.mute(session, actor(who), body)
        for name in seers(kind):
            quiet = USERS[name][1] == USERS[who][1] if whole else name == who
            assert lists(session, name) is not quiet, name
            assert lists(session, name, scope=Scope.ALL), name
        acting.end_mute(session, actor(who), mute.id)
        assert lists(session, who)


@pytest.mark.parametrize("kind", AlertKind)
def test_a_kind_is_mailed_at_once_or_in_a_digest_to_who_sees_and_wants_it(
    session: Session, kind: AlertKind
) -> None:
    asked = dict(zip(seers(kind), cycle([Means.AT_ONCE, Means.DIGEST, Means.PAGE]), strict=False))
    for name in USERS:
        reachable(session, name, means=asked.get(name, Means.AT_ONCE))
    wanted = {
        (actor(name).user_id, MessageKind.LINE if means is Means.DIGEST else MessageKind.ALERT)
        for name, means in asked.items()
        if means is not Means.PAGE
    }
    raised(session, kind)
    assert outbox.spread(session, SETTINGS, NOW) == 1
    assert {(row.user_id, row.kind) for row in session.exec(select(AlertMessage))} == wanted
    # Over and so again, it is another alert; the first is muted now, and told no more.
    close_alert(session, kind, "x:1")
    until = NOW + timedelta(days=1)
    session.add(_mute(kind, seers(kind)[0], until))
    raised(session, kind)
    outbox.spread(session, SETTINGS, NOW)
    assert len(session.exec(select(AlertMessage)).all()) == 2 * len(wanted) - 1


def _mute(kind: AlertKind, username: str, until: datetime) -> AlertMute:
    who = actor(username).user_id
    at = {"until": until, "muted_at": NOW, "content_digest": ""}
    return AlertMute(id=uuid4(), kind=kind, user_id=who, muted_by=who, **at)
