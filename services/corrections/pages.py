"""Pages of corrections: all that were made, for anybody; and correcting one's own entry."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.corrections import reading, service
from services.corrections.rules import correctable_kinds
from services.corrections.schemas import CorrectIn
from services.errors import NotFound
from services.journal.kinds import EntryKind
from services.journal.read import find_entry
from services.journal.reversals import WantedCorrections
from services.parties.access import CurrentActor, MaybeActor
from services.parties.pages import names_of_organisations, sites_by_code
from services.parties.service import Actor
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.lists import ListAsked, csv_file
from services.web.pages import environment, redirect, render

router = APIRouter()


@router.get("/corrections")
def show_corrections(
    request: Request,
    session: DatabaseSession,
    actor: MaybeActor,
    asked: ListAsked,
    kind: str = "",
    item: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Every correction with both sides, the newest first."""
    kinds = correctable_kinds()
    wanted = WantedCorrections(
        kind=EntryKind(kind) if kind in kinds else None,
        commodity=item.replace("\x00", "") or None,
    )
    listing = reading.list_corrections(session, actor, asked, wanted)
    if asked.is_csv:
        return csv_file(listing.rows, "corrections")
    labels: Any = environment(language_of(request.url.path)).get_template("labels.html").module
    return render(
        request,
        "corrections.html",
        listing=listing,
        kinds=[(each.value, labels.ENTRY[each.value]) for each in kinds],
        filters=Form({"kind": kind, "item": item}),
        **_names(request, session),
    )


@router.get("/entries/{entry_id}/correct")
def show_correction(
    request: Request, session: DatabaseSession, actor: CurrentActor, entry_id: UUID
) -> Response:
    """What correcting this would do, and the form that does it."""
    return _page(request, session, actor, entry_id, Form.blank())


@router.post("/entries/{entry_id}/correct")
def correct(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    entry_id: UUID,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        service.correct(session, actor, entry_id, form.read(CorrectIn))
    if form.slips:
        return _page(request, session, actor, entry_id, form)
    return redirect(request, f"/entries/{entry_id}", done="corrected")


def _page(request: Request, session: Session, actor: Actor, entry_id: UUID, form: Form) -> Response:
    entry = find_entry(session, entry_id)
    if entry is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    outlook = reading.outlook_out(session, service.look(session, actor, entry_id))
    return render(
        request,
        "correction.html",
        form.status,
        entry=entry,
        outlook=outlook,
        form=form,
        **_names(request, session),
    )


def _names(request: Request, session: Session) -> dict[str, Any]:
    return {
        "items": {item.code: item for item in catalog.items(session)},
        "sites": sites_by_code(session),
        "organisations": names_of_organisations(session, language_of(request.url.path)),
    }
