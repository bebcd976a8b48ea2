"""Pages of recalls: all of them, and one in one screen."""

from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog.scanning import take_scan
from services.inventory import acts, recall_reading, recalls
from services.inventory.pages_base import history, names, names_with_organisations, packed
from services.inventory.recall_schemas import LiftIn, RecallCause, RecallIn
from services.inventory.recalls_api import detail_out, listed, recall_out
from services.parties.access import CurrentActor
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Form, SentForm, now_input
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()
_OPENERS = (Role.DISPATCHER, Role.APPROVER, Role.ADMIN)


@router.get("/recalls")
def list_recalls(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    item: str = "",
    batch: str = "",
    lot_id: str = "",
) -> Response:
    """Every recall, newest first, and the form that opens one."""
    form = Form.blank(item=item, batch=batch, lot_id=lot_id, occurred_at=now_input())
    return _list_page(request, session, actor, asked, form)


@router.post("/recalls")
def open_recall(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    if take_scan(session, form):
        return _list_page(request, session, actor, asked, form)
    with form.attempt(session):
        body = form.read(RecallIn)
        recalls.open_recall(session, actor, body)
    if form.slips:
        return _list_page(request, session, actor, asked, form)
    return redirect(request, f"/recalls/{body.id}", done="recall-opened")


def _list_page(
    request: Request, session: Session, actor: Actor, asked: ListAsked, form: Form
) -> Response:
    found = listed(session, asked, open_only=False, item=None)
    if asked.is_csv:
        return csv_file([recall_out(row) for row in found.rows], "recalls")
    lot = None
    if form["lot_id"] and not form.slips:
        lot = acts.get_lot(session, _uuid(form["lot_id"]))
    return render(
        request,
        "recall_list.html",
        form.status,
        listing=found,
        form=form,
        lot=lot,
        causes=list(RecallCause),
        may_open=actor.role in _OPENERS,
        **names(session),
    )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


@router.get("/recalls/{recall_id}")
def show_recall(
    request: Request, session: DatabaseSession, actor: CurrentActor, recall_id: UUID
) -> Response:
    """Everything that it touched, how much is back or destroyed, and its lifting."""
    return _page(request, session, actor, recall_id, Form.blank(occurred_at=now_input()))


@router.post("/recalls/{recall_id}/lift")
def lift_recall(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    recall_id: UUID,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        recalls.lift_recall(session, actor, recall_id, form.read(LiftIn, leave_out=("id",)))
    if form.slips:
        return _page(request, session, actor, recall_id, form)
    return redirect(request, f"/recalls/{recall_id}", done="recall-lifted")


def _page(
    request: Request, session: Session, actor: Actor, recall_id: UUID, form: Form
) -> Response:
    recall = recall_reading.get_recall(session, recall_id)
    subject = f"recall:{recall_id}"
    return render(
        request,
        "recall.html",
        form.status,
        recall=detail_out(session, actor, recall),
        form=form,
        may_lift=actor.role in _OPENERS and recall.lifted_at is None,
        packing=packed(session),
        **history(session, subject),
        **names_with_organisations(request, session),
    )
