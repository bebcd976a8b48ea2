"""Pages of alerts: the list, one alert with what can be done about it, and one's own settings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.alerts import (
    acting,
    mail,
    pages_mail,
    pages_outbox,
    pages_webhooks,
    subscriptions,
)
from services.alerts.acting import mute_subject, subject_of
from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.schemas import AcknowledgeIn, AlertOut, AssignIn, MuteIn, SubscriptionIn
from services.alerts.seeing import (
    ORDER,
    SEVERITIES,
    AlertState,
    Filters,
    Group,
    Scope,
    alerts,
    by_kind,
    get_alert,
)
from services.alerts.showing import shown
from services.alerts.telling_models import AlertMute, Means
from services.catalog import service as catalog
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import Region, Role, User
from services.parties.service import Actor
from services.settings import get_settings
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.lists import ListAsked, Listing, csv_file, select_page
from services.web.pages import redirect, render

router = APIRouter(prefix="/alerts")
router.include_router(pages_webhooks.router)
router.include_router(pages_mail.router)
router.include_router(pages_outbox.router)

# How long a mute from the page lasts: its button's word and its hours.
MUTE_HOURS = {"day": 24, "week": 7 * 24, "month": 30 * 24}
_MANY = ("kinds", "items", "regions")
_IN_A_GROUP, _ON_A_PAGE = 5, 25


@router.get("")
def list_alerts(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    kind: str = "",
    severity: str = "",
    region: str = "",
    item: str = "",
    state: str = "",
    mine: str = "",
    scope: str = "",
) -> Response:
    """Open ones by kind, or a list of one kind, of closed ones, sorted, or as a file.

    A filter that isn't known filters nothing.
    """
    filters = Filters(
        kind=AlertKind(kind) if kind in set(AlertKind) else None,
        severity=Severity(severity) if severity in set(Severity) else None,
        region=region.replace("\x00", "") or None,
        item=item.replace("\x00", "") or None,
        state=AlertState(state) if state in set(AlertState) else None,
        assigned_to_me=bool(mine),
        scope=Scope.ALL if scope == Scope.ALL else Scope.MINE,
    )
    language = language_of(request.url.path)
    if "limit" not in request.query_params:
        asked = replace(asked, limit=_ON_A_PAGE)
    in_groups = not (filters.kind or asked.sort or asked.offset or asked.is_csv)
    groups: list[tuple[Group, list[AlertOut]]] = []
    if in_groups and filters.state is not AlertState.CLOSED:
        found = by_kind(session, actor, filters, _IN_A_GROUP)
        groups = [(group, shown(session, group.first, language)) for group in found]
        listing: Listing[AlertOut] = Listing(asked, [], sum(group.count for group in found))
    else:
        statement = alerts(session, actor, filters)
        rows = select_page(session, statement, ORDER, asked, tie=col(Alert.id))
        listing = rows.map(lambda some: shown(session, some, language))
    if asked.is_csv:
        return csv_file(listing.rows, "alerts", AlertOut)
    given = {"kind": kind, "severity": severity, "region": region, "item": item, "state": state}
    narrowed = (given | {"mine": mine, "scope": scope}).items()
    return render(
        request,
        "alerts.html",
        alerts=listing,
        groups=groups,
        narrowed=urlencode({name: value for name, value in narrowed if value and name != "kind"}),
        filters=Form(given | {"mine": mine, "scope": scope}),
        kinds=list(AlertKind),
        severities=SEVERITIES,
        states=list(AlertState),
        **_choices(session),
    )


@router.get("/settings")
def show_settings(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    user = session.get_one(User, actor.user_id)
    row = subscriptions.subscription_of(session, user)
    values = {name: ",".join(getattr(row, name)) for name in _MANY}
    plain = {name: str(getattr(row, name)) for name in ("least_severity", "means", "digest_hour")}
    return _settings_page(request, session, actor, Form(values | plain))


@router.post("/settings")
def save_settings(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    """Ticked boxes come as ``kinds.recall``; none ticked means all."""
    ticked = {
        name: [key.partition(".")[2] for key in form.values if key.startswith(f"{name}.")]
        for name in _MANY
    }
    rest = {key: value for key, value in form.values.items() if key.partition(".")[0] not in _MANY}
    lists = {
        f"{name}[{at}]": code for name, codes in ticked.items() for at, code in enumerate(codes)
    }
    shown_again = Form(rest | {name: ",".join(codes) for name, codes in ticked.items()})
    with shown_again.attempt(session):
        body = Form(rest | lists).read(SubscriptionIn)
        subscriptions.subscribe(session, actor, body)
    if shown_again.slips:
        return _settings_page(request, session, actor, shown_again)
    return redirect(request, "/alerts/settings", done="alerts-set")


@router.post("/mutes/{mute_id}/end")
def end_mute(
    request: Request, mute_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    acting.end_mute(session, actor, mute_id)
    return redirect(request, "/alerts/settings", done="alert-unmuted")


@router.get("/{alert_id}")
def show_alert(
    request: Request, alert_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    return _alert_page(request, session, actor, alert_id, {})


@router.post("/{alert_id}/acknowledge")
def acknowledge(
    request: Request, alert_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        body = form.read(AcknowledgeIn, leave_out=["id"])
        acting.acknowledge(session, actor, alert_id, body)
    return _after(request, session, actor, alert_id, "acknowledge", form)


@router.post("/{alert_id}/assign")
def assign(
    request: Request, alert_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        acting.assign(session, actor, alert_id, form.read(AssignIn, leave_out=["id"]))
    return _after(request, session, actor, alert_id, "assign", form)


@router.post("/{alert_id}/mute")
def mute(
    request: Request, alert_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    """Mute what an alert is about, or its whole kind, for as long as was chosen."""
    alert = get_alert(session, actor, alert_id)
    what: Literal["subject", "kind"] = "kind" if form["what"] == "kind" else "subject"
    hours = MUTE_HOURS.get(form["how_long"], MUTE_HOURS["day"])
    with form.attempt(session):
        known = session.get(AlertMute, UUID(form["id"])) if _is_uuid(form["id"]) else None
        # Sent twice, it is the same mute: its end isn't moved on by the clock.
        until = known.until if known else datetime.now(UTC) + timedelta(hours=hours)
        instead = {"kind": alert.kind.value, "until": until.isoformat()}
        if what == "subject":
            instead["subject"] = alert.subject
        body = form.read(MuteIn, leave_out=["what", "how_long"], instead=instead)
        acting.mute(session, actor, body)
    return _after(request, session, actor, alert_id, "mute", form)


def _after(
    request: Request, session: Session, actor: Actor, alert_id: UUID, act: str, form: Form
) -> Response:
    if form.slips:
        return _alert_page(request, session, actor, alert_id, {act: form})
    return redirect(request, f"/alerts/{alert_id}", done=f"alert-{act}")


def _alert_page(
    request: Request, session: Session, actor: Actor, alert_id: UUID, forms: dict[str, Form]
) -> Response:
    alert = get_alert(session, actor, alert_id)
    (out,) = shown(session, [alert], language_of(request.url.path))
    acts = ("acknowledge", "assign", "mute")
    given = {act: forms.get(act) or Form.blank() for act in acts}
    subjects = [subject_of(alert.id)]
    values: dict[str, Any] = {
        "alert": out,
        "may_act": actor.role is not Role.AUDITOR and alert.closed_at is None,
        "colleagues": acting.colleagues(session, actor, alert),
        "forms": {act: form.keyed(act) for act, form in given.items()},
        "changes": changes_of(session, subjects)[subjects[0]],
        "people": _people(session),
    } | _choices(session)
    status = max(form.status for form in given.values())
    return render(request, "alert.html", status, **values)


def _settings_page(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    user = session.get_one(User, actor.user_id)
    muted = acting.mutes(session, actor)
    changes = changes_of(session, [mute_subject(row.id) for row in muted])
    return render(
        request,
        "alert_settings.html",
        form.status,
        form=form,
        chosen={name: set(filter(None, form[name].split(","))) for name in _MANY},
        user=user,
        mail_is_on=mail.is_on(get_settings()),
        kinds=list(AlertKind),
        severities=SEVERITIES,
        means=list(Means),
        mutes=muted,
        changes=changes,
        people=_people(session),
        **_choices(session),
    )


def _choices(session: Session) -> dict[str, Any]:
    regions = session.exec(select(Region).order_by(col(Region.code)))
    return {
        "regions": {region.code: region for region in regions},
        "items": {item.code: item for item in catalog.items(session)},
    }


def _people(session: Session) -> dict[UUID, str]:
    return {user.id: user.display_name for user in session.exec(select(User))}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
