"""Pages of blind counts: sheets, and one sheet to count by."""

from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.catalog.scanning import fitting, take_scan
from services.inventory import sheets
from services.inventory.access import kept_sites
from services.inventory.pages_base import history, names, packed
from services.inventory.sheet_schemas import CancelIn, SheetCountIn, SheetIn
from services.inventory.sheets_api import detail_out, listed, sheet_out
from services.parties.access import CurrentActor
from services.parties.service import Actor
from services.web.forms import Form, SentForm, now_input
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()


@router.get("/counts")
def list_counts(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    """Blind counts, newest first, and the form that opens one."""
    return _list_page(request, session, actor, asked, Form.blank())


@router.post("/counts")
def open_count(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    if take_scan(session, form):
        return _list_page(request, session, actor, asked, form)
    with form.attempt(session):
        body = form.read(SheetIn)
        sheets.open_sheet(session, actor, body)
    if form.slips:
        return _list_page(request, session, actor, asked, form)
    return redirect(request, f"/counts/{body.id}", done="count-opened")


def _list_page(
    request: Request, session: Session, actor: Actor, asked: ListAsked, form: Form
) -> Response:
    found = listed(session, actor, asked, None, None)
    if asked.is_csv:
        return csv_file([sheet_out(row) for row in found.rows], "counts")
    return render(
        request,
        "inventory_counts.html",
        form.status,
        listing=found,
        form=form,
        own_sites=kept_sites(session, actor),
        **names(session),
    )


@router.get("/counts/{sheet_id}")
def show_count(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    sheet_id: UUID,
    scan: str = "",
) -> Response:
    """A sheet to count by. ``scan`` shows the lines of the batch that a scanner read."""
    form = Form({"occurred_at": now_input(), "scan": scan})
    return _page(request, session, actor, sheet_id, form)


@router.post("/counts/{sheet_id}/lines")
def count_lines(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    sheet_id: UUID,
    form: SentForm,
) -> Response:
    sheets.get_sheet(session, actor, sheet_id)
    form.drop_blank_rows("lines", ("counted",))
    with form.attempt(session):
        sheets.count_lines(session, actor, sheet_id, form.read(SheetCountIn, leave_out=("scan",)))
    if form.slips:
        return _page(request, session, actor, sheet_id, form)
    return redirect(request, f"/counts/{sheet_id}", done="count-entered")


@router.post("/counts/{sheet_id}/cancel")
def cancel_count(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    sheet_id: UUID,
    form: SentForm,
) -> Response:
    with form.keyed("cancel").attempt(session):
        sheets.cancel_sheet(session, actor, sheet_id, form.read(CancelIn).reason)
    if form.slips:
        blank = Form({"occurred_at": now_input(), "scan": ""})
        return _page(request, session, actor, sheet_id, blank, form)
    return redirect(request, f"/counts/{sheet_id}", done="count-cancelled")


def _page(
    request: Request,
    session: Session,
    actor: Actor,
    sheet_id: UUID,
    form: Form,
    cancelling: Form | None = None,
) -> Response:
    sheet = sheets.get_sheet(session, actor, sheet_id)
    told = detail_out(session, sheet)
    with form.attempt(session):
        told.lines = fitting(session, form["scan"], told.lines)
    # What was typed stands by its lot, whichever lines were left blank or are shown now.
    typed = {form[f"lines[{at}].lot_id"]: at for at in form.rows("lines")}
    subject = f"count:{sheet_id}"
    return render(
        request,
        "inventory_count.html",
        max(form.status, cancelling.status if cancelling else 200),
        sheet=told,
        form=form,
        typed=typed,
        cancelling=cancelling or Form().keyed("cancel"),
        keeps=sheet.site in {site.code for site in kept_sites(session, actor)},
        units=catalog.units(session),
        packing=packed(session),
        **history(session, subject),
        **names(session),
    )
