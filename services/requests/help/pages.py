"""Pages of calls for help: anybody calls; desks hand on, take up and answer."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.parties.access import CurrentActor, MaybeActor
from services.parties.changes import changes_of
from services.parties.models import DESKS, Region, Role, User
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.requests.help import service
from services.requests.help.api import ORDER
from services.requests.help.models import WAITING, CallState, HelpCall
from services.requests.help.schemas import Assignment, CallIn, CallOut, Reply, TakeUp
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.limits import Caller
from services.web.lists import ListAsked, csv_file, select_page
from services.web.pages import redirect, render

router = APIRouter(prefix="/help")


@router.get("")
def show_form(
    request: Request,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
) -> Response:
    return _form_page(request, session, Form.blank())


@router.post("")
def call_for_help(
    request: Request,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
    caller: Caller,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        body = form.read(CallIn)
        service.call_for_help(session, body, caller)
    if form.slips:
        return _form_page(request, session, form)
    return redirect(request, f"/help/{body.id}", done="help-called")


@router.get("/desk")
def list_calls(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    region: str = "",
    state: str = "",
) -> Response:
    """Calls that wait, or those in a state, newest first."""
    known = {each.value: [each] for each in CallState} | {"all": list(CallState)}
    statement = service.calls(
        session, actor, states=known.get(state, list(WAITING)), region=region or None
    )
    listing = select_page(session, statement, ORDER, asked, tie=col(HelpCall.id))
    if asked.is_csv:
        return csv_file([CallOut.model_validate(row) for row in listing.rows], "calls-for-help")
    return render(
        request,
        "help_calls.html",
        calls=listing,
        regions=_regions(session),
        sites=sites_by_code(session),
        states=list(CallState),
        filters=Form({"region": region, "state": state}),
    )


@router.get("/desk/{call_id}")
def show_at_desk(
    request: Request, call_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    return _desk_page(request, session, actor, call_id, {})


@router.post("/desk/{call_id}/assign")
def assign(
    request: Request, call_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        service.assign(session, actor, call_id, form.read(Assignment, leave_out=["id"]))
    return _after(request, session, actor, call_id, "assign", form)


@router.post("/desk/{call_id}/take-up")
def take_up(
    request: Request, call_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        service.take_up(session, actor, call_id, form.read(TakeUp, leave_out=["id"]))
    return _after(request, session, actor, call_id, "take-up", form)


@router.post("/desk/{call_id}/answer")
def give_answer(
    request: Request, call_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    refuse = bool(form.values.pop("refuse", ""))
    with form.attempt(session):
        body = form.read(Reply, leave_out=["id"])
        service.reply(session, actor, call_id, body, refuse=refuse)
    return _after(request, session, actor, call_id, "answer", form)


@router.get("/{call_id}")
def show_call(
    request: Request,
    call_id: UUID,
    session: DatabaseSession,
    actor: MaybeActor,  # noqa: ARG001
) -> Response:
    call = service.get_call(session, call_id)
    return render(request, "help_call.html", call=call, sites=sites_by_code(session))


def _after(
    request: Request, session: Session, actor: Actor, call_id: UUID, act: str, form: Form
) -> Response:
    if form.slips:
        return _desk_page(request, session, actor, call_id, {act: form})
    return redirect(request, f"/help/desk/{call_id}", done=f"help-{act}")


def _regions(session: Session) -> list[Region]:
    return list(session.exec(select(Region).order_by(col(Region.code))))


def _form_page(request: Request, session: Session, form: Form) -> Response:
    return render(request, "help.html", form.status, form=form, regions=_regions(session))


def _desk_page(
    request: Request, session: Session, actor: Actor, call_id: UUID, forms: dict[str, Form]
) -> Response:
    call = service.open_at_desk(session, actor, call_id)
    acts = ("assign", "take-up", "answer")
    shown = {act: forms.get(act) or Form.blank() for act in acts}
    subject = service.subject_of(call_id)
    values: dict[str, Any] = {
        "call": call,
        "waiting": call.state in WAITING,
        "may_assign": actor.role in {Role.DISPATCHER, Role.ADMIN},
        "may_answer": actor.role in {Role.DISPATCHER, Role.ADMIN}
        or (actor.role is Role.HOSPITAL and call.site is not None),
        "own_sites": service.own_sites(session, actor),
        "sites": sites_by_code(session),
        "regions": {region.code: region for region in _regions(session)},
        "items": {item.code: item for item in catalog.items(session)},
        "units": catalog.units(session),
        "changes": changes_of(session, [subject])[subject],
        "people": {user.id: user.display_name for user in session.exec(select(User))},
        "at_desk": actor.role in DESKS,
        "forms": {act: form.keyed(act) for act, form in shown.items()},
    }
    status = max(form.status for form in shown.values())
    return render(request, "help_desk.html", status, **values)
