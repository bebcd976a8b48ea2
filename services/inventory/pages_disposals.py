"""Pages of disposals: what was asked to be destroyed, and one with its decision and certificate."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.errors import InvalidInput
from services.files.service import open_attachment
from services.inventory import disposals
from services.inventory.access import kept_sites
from services.inventory.disposal_schemas import DecisionIn, DestroyedIn
from services.inventory.disposals_api import disposals_out
from services.inventory.models import DisposalState
from services.inventory.pages_base import history, names, packed
from services.parties.access import CurrentActor
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Form, SentForm, now_input
from services.web.http import DatabaseSession
from services.web.lists import LEFT_EMPTY, ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()


@router.get("/stock/disposals")
def list_disposals(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    state: Annotated[DisposalState | None, LEFT_EMPTY] = None,
) -> Response:
    """What was asked to be destroyed, newest first."""
    found = disposals.find(session, actor, asked, site=site or None, state=state)
    rows = found.map(lambda page: disposals_out(session, page))
    if asked.is_csv:
        return csv_file(rows.rows, "disposals")
    return render(
        request,
        "disposals.html",
        listing=rows,
        states=list(DisposalState),
        filters=Form({"site": site, "state": state or ""}),
        packing=packed(session),
        **names(session),
    )


@router.get("/stock/disposals/{disposal_id}")
def show_disposal(
    request: Request, session: DatabaseSession, actor: CurrentActor, disposal_id: UUID
) -> Response:
    return _page(request, session, actor, disposal_id)


@router.post("/stock/disposals/{disposal_id}/decision")
def decide(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    disposal_id: UUID,
    form: SentForm,
) -> Response:
    with form.keyed("decision").attempt(session):
        disposals.decide(session, actor, disposal_id, form.read(DecisionIn))
    if form.slips:
        return _page(request, session, actor, disposal_id, decision=form)
    return redirect(request, f"/stock/disposals/{disposal_id}", done="disposal-decided")


@router.post("/stock/disposals/{disposal_id}/certificates")
def add_certificate(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    disposal_id: UUID,
    form: SentForm,
) -> Response:
    with form.keyed("file").attempt(session):
        if "file" not in form.files:
            raise InvalidInput("No file was chosen", field="file", mend="choose a file")
        disposals.add_certificate(session, actor, disposal_id, form.files["file"])
    if form.slips:
        return _page(request, session, actor, disposal_id, paper=form)
    return redirect(request, f"/stock/disposals/{disposal_id}", done="file-attached")


@router.get("/stock/disposals/{disposal_id}/certificates/{sha256}")
def open_certificate(
    session: DatabaseSession, actor: CurrentActor, disposal_id: UUID, sha256: str
) -> Response:
    disposals.get_disposal(session, actor, disposal_id)
    return open_attachment(session, disposals.subject_of(disposal_id), sha256)


@router.post("/stock/disposals/{disposal_id}/destroyed")
def record_destruction(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    disposal_id: UUID,
    form: SentForm,
) -> Response:
    with form.keyed("done").attempt(session):
        disposals.destroyed(session, actor, disposal_id, form.read(DestroyedIn))
    if form.slips:
        return _page(request, session, actor, disposal_id, done=form)
    return redirect(request, f"/stock/disposals/{disposal_id}", done="disposal-done")


def _page(
    request: Request,
    session: Session,
    actor: Actor,
    disposal_id: UUID,
    *,
    decision: Form | None = None,
    paper: Form | None = None,
    done: Form | None = None,
) -> Response:
    found = disposals.get_disposal(session, actor, disposal_id)
    keeps = found.site in {each.code for each in kept_sites(session, actor)}
    may_decide = actor.role in {Role.APPROVER, Role.ADMIN} and actor.user_id != found.asked_by
    sent = decision or paper or done
    return render(
        request,
        "disposal.html",
        sent.status if sent else 200,
        it=disposals_out(session, [found])[0],
        decision=decision or Form().keyed("decision"),
        paper=paper or Form().keyed("file"),
        done_form=done or Form.blank(occurred_at=now_input()).keyed("done"),
        may_decide=may_decide and found.state is DisposalState.ASKED,
        keeps=keeps,
        packing=packed(session),
        **history(session, disposals.subject_of(disposal_id)),
        **names(session),
    )
