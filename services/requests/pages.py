"""Pages of requests: a hospital lists, posts, edits and cancels what it needs."""

from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.errors import NotFound
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.requests import service
from services.requests.models import Need, Priority
from services.requests.schemas import NeedCancel, NeedEdit, RequestIn
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.pages import redirect, render

router = APIRouter()

_LINES_AT_FIRST = 3
_LINES_MORE = 3
_DECISIVE = ("item", "quantity", "need_by")


@router.get("/needs")
def list_needs(
    request: Request, session: DatabaseSession, actor: CurrentActor, item: str = "", site: str = ""
) -> Response:
    """One's own needs, or, at a desk, everybody's: open ones first, most urgent first."""
    at_desk = actor.role in DESKS
    if not at_desk:
        parties.require_role(actor, Role.HOSPITAL)
    own = [row.code for row in parties.sites_of(session, actor.organisation)]
    visible = ([site] if site else None) if at_desk else own
    needs = service.served(session, service.find_needs(session, sites=visible, item=item or None))
    closed = ("fulfilled", "cancelled")
    order = list(Priority)
    needs.sort(key=lambda it: (it.progress in closed, order.index(it.need.priority)))
    return render(
        request,
        "needs.html",
        needs=needs,
        at_desk=at_desk,
        closed=closed,
        may_post=actor.role in {Role.HOSPITAL, Role.ADMIN},
        items=_items(session),
        sites=sites_by_code(session),
        filters=Form({"item": item, "site": site}),
    )


@router.get("/needs/new")
def show_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, Role.HOSPITAL)
    form = Form.blank()
    return _request_page(request, session, actor, form, _LINES_AT_FIRST)


@router.post("/needs/new")
def post_request(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.HOSPITAL)
    form.drop_blank_rows("needs", _DECISIVE)
    if form["more"]:
        lines = len(form.rows("needs")) + _LINES_MORE
        return _request_page(request, session, actor, form, lines)
    with form.attempt(session):
        service.post_request(session, actor, form.read(RequestIn))
    if form.slips:
        return _request_page(request, session, actor, form, 1)
    return redirect(request, "/needs", done="needs-posted")


@router.get("/needs/{need_id}")
def show_need(
    request: Request, need_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    need = _own_need(session, actor, need_id)
    form = Form.blank(
        version=need.version,
        quantity=need.quantity,
        unit=need.unit,
        priority=need.priority.value,
        need_by=need.need_by,
    )
    return _need_page(request, session, need, form, Form())


@router.post("/needs/{need_id}/edit")
def edit_need(
    request: Request, need_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    need = _own_need(session, actor, need_id)
    with form.attempt(session):
        service.edit_need(session, actor, need_id, form.read(NeedEdit))
    if form.slips:
        return _need_page(request, session, need, form, Form())
    return redirect(request, "/needs", done="need-changed")


@router.post("/needs/{need_id}/cancel")
def cancel_need(
    request: Request, need_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    need = _own_need(session, actor, need_id)
    with form.attempt(session):
        service.cancel_need(session, actor, need_id, form.read(NeedCancel).reason)
    if form.slips:
        edit = Form.blank(version=need.version, quantity=need.quantity, unit=need.unit)
        return _need_page(request, session, need, edit, form)
    return redirect(request, "/needs", done="need-cancelled")


def _own_need(session: Session, actor: Actor, need_id: UUID) -> Need:
    need = service.get_needs(session, [need_id]).get(need_id)
    if need is None:
        raise NotFound(f"There is no need {need_id}", field="need_id", value=need_id)
    parties.require_site(session, actor, need.site, Role.HOSPITAL)
    return need


def _items(session: Session) -> dict[str, object]:
    return {item.code: item for item in catalog.items(session)}


def _request_page(
    request: Request, session: Session, actor: Actor, form: Form, lines: int
) -> Response:
    return render(
        request,
        "need_form.html",
        form.status,
        form=form,
        lines=form.rows("needs", at_least=lines),
        own_sites=_own_sites(session, actor),
        items=_items(session),
        units=catalog.units(session),
        may_keep=any(slip.code == "duplicate-need" for slip in form.slips),
    )


def _own_sites(session: Session, actor: Actor) -> list[object]:
    if actor.role is Role.ADMIN:
        return list(sites_by_code(session).values())
    return list(parties.sites_of(session, actor.organisation))


Answerer = Callable[[Session, Need, str], object]
"""What tells a hospital why its need gets what it gets, in a language. Plans are made above here,
so the application hands it in."""


def answer_of(request: Request) -> Answerer:
    answerer: Answerer = request.app.state.find_answer
    return answerer


def _need_page(
    request: Request, session: Session, need: Need, form: Form, cancel: Form
) -> Response:
    return render(
        request,
        "need.html",
        max(form.status, cancel.status),
        need=need,
        state=service.served(session, [need])[0],
        answer=answer_of(request)(session, need, language_of(request.url.path)),
        form=form,
        cancel=cancel.keyed("cancel"),
        item=catalog.get_item(session, need.item),
        site=parties.get_site(session, need.site),
        units=catalog.units(session),
    )
