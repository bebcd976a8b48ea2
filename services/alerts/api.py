"""Endpoints of alerts: what is so, who looks into it, and who is told how."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status
from sqlmodel import col

from services.alerts import acting, subscriptions, undelivered
from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.schemas import (
    AcknowledgeIn,
    AlertDetail,
    AlertOut,
    AssignIn,
    LetterOut,
    MuteIn,
    MuteOut,
    SubscriptionIn,
    SubscriptionOut,
)
from services.alerts.seeing import ORDER, AlertState, Filters, Scope, alerts, get_alert
from services.alerts.showing import detail, shown
from services.alerts.telling_models import MessageState
from services.parties.access import CurrentActor
from services.parties.models import User
from services.web.http import DatabaseSession, Language
from services.web.lists import ListAsked, answer, select_page

router = APIRouter(tags=["alerts"])


def _filters(
    kind: Annotated[AlertKind | None, Query()] = None,
    severity: Annotated[Severity | None, Query()] = None,
    region: Annotated[str | None, Query(description="This region and those under it")] = None,
    item: Annotated[str | None, Query()] = None,
    state: Annotated[AlertState | None, Query(description="waiting: open, unacknowledged")] = None,
    assigned_to_me: Annotated[bool, Query()] = False,
    scope: Annotated[Scope, Query(description="mine: as your settings ask")] = Scope.MINE,
) -> Filters:
    return Filters(kind, severity, region, item, state, assigned_to_me, scope)


AskedFor = Annotated[Filters, Depends(_filters)]


@router.get("/alerts", response_model=list[AlertOut])
def list_alerts(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    filters: AskedFor,
    language: Language,
    response: Response,
) -> Any:
    """Alerts that you see, in words: what nobody acknowledged first, the gravest on top."""
    statement = alerts(session, actor, _storable(filters))
    listing = select_page(session, statement, ORDER, asked, tie=col(Alert.id))
    return answer(listing.map(lambda rows: shown(session, rows, language)), response, "alerts")


@router.get("/alerts/{alert_id}")
def show_alert(
    alert_id: UUID, session: DatabaseSession, actor: CurrentActor, language: Language
) -> AlertDetail:
    """An alert with who did what about it."""
    return detail(session, get_alert(session, actor, alert_id), language)


@router.post("/alerts/{alert_id}/acknowledge")
def acknowledge(
    alert_id: UUID,
    body: AcknowledgeIn,
    session: DatabaseSession,
    actor: CurrentActor,
    language: Language,
) -> AlertDetail:
    """Say that you know and look into it; the first who says so stands there."""
    return detail(session, acting.acknowledge(session, actor, alert_id, body), language)


@router.post("/alerts/{alert_id}/assign")
def assign(
    alert_id: UUID,
    body: AssignIn,
    session: DatabaseSession,
    actor: CurrentActor,
    language: Language,
) -> AlertDetail:
    """Hand an alert to somebody of your organisation; without a name, to nobody."""
    return detail(session, acting.assign(session, actor, alert_id, body), language)


@router.get("/alert-mutes")
def list_mutes(session: DatabaseSession, actor: CurrentActor) -> list[MuteOut]:
    """What is quiet for you now."""
    return [MuteOut.model_validate(row) for row in acting.mutes(session, actor)]


@router.post("/alert-mutes", status_code=status.HTTP_201_CREATED)
def mute(
    body: MuteIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> MuteOut:
    """Keep a kind or a subject quiet, for you or for your organisation, until a time."""
    row, created = acting.mute(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return MuteOut.model_validate(row)


@router.post("/alert-mutes/{mute_id}/end")
def end_mute(mute_id: UUID, session: DatabaseSession, actor: CurrentActor) -> MuteOut:
    """Let it be heard again."""
    return MuteOut.model_validate(acting.end_mute(session, actor, mute_id))


@router.get("/alert-subscription")
def show_subscription(session: DatabaseSession, actor: CurrentActor) -> SubscriptionOut:
    """What you are told of and how; what your role is told where you chose nothing."""
    user = session.get_one(User, actor.user_id)
    return SubscriptionOut.model_validate(subscriptions.subscription_of(session, user))


@router.put("/alert-subscription")
def subscribe(
    body: SubscriptionIn, session: DatabaseSession, actor: CurrentActor
) -> SubscriptionOut:
    """Say what you want to see, and how you are told."""
    return SubscriptionOut.model_validate(subscriptions.subscribe(session, actor, body))


@router.get("/alert-messages", response_model=list[LetterOut])
def list_messages(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    state: Annotated[MessageState | None, Query()] = None,
) -> Any:
    """The outbox (administrators): mail and messages to webhooks, and how they went."""
    return answer(undelivered.letters(session, actor, state, asked), response, "alert-messages")


@router.post("/alert-messages/{message_id}/again")
def send_again(message_id: UUID, session: DatabaseSession, actor: CurrentActor) -> LetterOut:
    """Send a message again that failed (administrators)."""
    return undelivered.send_again(session, actor, message_id)


def _storable(filters: Filters) -> Filters:
    """No text in the database holds a NUL, and none of another is looked for."""
    texts = {name: getattr(filters, name) for name in ("region", "item")}
    return replace(
        filters, **{name: text.replace("\x00", "\ufffd") for name, text in texts.items() if text}
    )
