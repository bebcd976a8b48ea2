"""Pages of webhooks: registered and looked after by their organisation."""

from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.alerts import webhooks
from services.alerts.models import AlertKind
from services.alerts.schemas import NewSecretIn, TestIn, WebhookIn
from services.alerts.seeing import SEVERITIES
from services.alerts.webhooks_api import messages_to
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import User
from services.parties.service import Actor
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.lists import Asked, ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter(prefix="/webhooks")


@router.get("")
def list_webhooks(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    return _list_page(request, session, actor, Form.blank())


@router.post("")
def register(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    """The page that follows shows the secret, this once: it is never in an address."""
    kinds = [key.partition(".")[2] for key in form.values if key.startswith("kinds.")]
    rest = {key: value for key, value in form.values.items() if not key.startswith("kinds.")}
    lists = {f"kinds[{at}]": kind for at, kind in enumerate(kinds)}
    row, secret = None, None
    with form.attempt(session):
        row, secret = webhooks.register(session, actor, Form(rest | lists).read(WebhookIn))
    if form.slips or row is None:
        return _list_page(request, session, actor, form)
    if secret is None:
        return redirect(request, f"/alerts/webhooks/{row.id}")
    return _webhook_page(request, session, actor, row.id, asked, Form.blank(), secret)


@router.get("/{webhook_id}")
def show_webhook(
    request: Request,
    webhook_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
) -> Response:
    return _webhook_page(request, session, actor, webhook_id, asked, Form.blank())


@router.post("/{webhook_id}/test")
def send_test(
    request: Request,
    webhook_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        webhooks.send_test(session, actor, webhook_id, form.read(TestIn).id)
    if form.slips:
        return _webhook_page(request, session, actor, webhook_id, asked, form)
    return redirect(request, f"/alerts/webhooks/{webhook_id}", done="webhook-test")


@router.post("/{webhook_id}/secret")
def change_secret(
    request: Request,
    webhook_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    secret = None
    with form.attempt(session):
        body = form.read(NewSecretIn, leave_out=["id"])
        secret = webhooks.change_secret(session, actor, webhook_id, body)
    return _webhook_page(request, session, actor, webhook_id, asked, form, secret)


@router.post("/{webhook_id}/enable")
def enable(
    request: Request, webhook_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    webhooks.enable(session, actor, webhook_id)
    return redirect(request, f"/alerts/webhooks/{webhook_id}", done="webhook-enabled")


@router.post("/{webhook_id}/remove")
def remove(
    request: Request, webhook_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    webhooks.remove(session, actor, webhook_id)
    return redirect(request, "/alerts/webhooks", done="webhook-removed")


def _list_page(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    return render(
        request,
        "alert_webhooks.html",
        form.status,
        webhooks=webhooks.webhooks_of(session, actor),
        may_act=webhooks.may_register(actor),
        form=form,
        kinds=list(AlertKind),
        severities=SEVERITIES,
    )


def _webhook_page(
    request: Request,
    session: Session,
    actor: Actor,
    webhook_id: UUID,
    asked: Asked,
    form: Form,
    secret: str | None = None,
) -> Response:
    row = webhooks.get_webhook(session, actor, webhook_id)
    messages = messages_to(session, row, asked)
    if asked.is_csv:
        return csv_file(messages.rows, "webhook-messages")
    subject = webhooks.subject_of(row.id)
    changes = changes_of(session, [subject])[subject]
    page = render(
        request,
        "alert_webhook.html",
        form.status,
        webhook=row,
        secret=secret,
        messages=messages,
        may_act=webhooks.may_change(actor, row) and row.removed_at is None,
        # What is sent next is another test than the one before.
        form=form,
        next_test=uuid4(),
        changes=changes,
        people={each: _name(session, each) for each in {c.changed_by for c in changes} if each},
    )
    if secret is not None:
        page.headers["Cache-Control"] = "no-store"
    return page


def _name(session: Session, user_id: UUID) -> str:
    return session.get_one(User, user_id).display_name
