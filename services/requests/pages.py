"""Pages of a hospital's needs: it lists, drafts, posts, confirms, edits, cancels and stops."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlmodel import Session, select
from starlette.responses import Response

from services.catalog import service as catalog
from services.database import among
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import Change, changes_of
from services.parties.models import DESKS, Region, Role, User
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.requests import confirming, living, service
from services.requests.api import seen_need
from services.requests.desks import may_decide
from services.requests.history import subject_of
from services.requests.listing import StateFilter, Wanted, list_needs
from services.requests.models import LIVE, Need, NeedStatus, Priority
from services.requests.schemas import (
    Confirmation,
    NeedCancel,
    NeedEdit,
    RequestIn,
    Submission,
    need_out,
)
from services.requests.served import STAGES, Served, live_needs
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.lists import ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()

_LINES_AT_FIRST = 3
_LINES_MORE = 3
_DECISIVE = ("item", "quantity", "need_by")
ALL = "all"


@router.get("/needs")
def show_needs(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    item: str = "",
    site: str = "",
    region: str = "",
    priority: str = "",
    state: str = "",
    need_by: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """One's own needs, or, at a desk, everybody's: what is open, the most urgent first."""
    if actor.role not in DESKS:
        parties.require_role(actor, Role.HOSPITAL)
    sent = {"item": item, "site": site, "region": region, "priority": priority}
    filters = Form(sent | {"state": state, "need_by": need_by})
    listing = list_needs(
        session, actor, _wanted(session, filters), replace(asked, sort=asked.sort or "priority")
    )
    if asked.is_csv:
        return csv_file([need_out(row) for row in listing.rows], "needs")
    return render(
        request,
        "needs.html",
        listing=listing,
        at_desk=actor.role in DESKS,
        may_post=actor.role in {Role.HOSPITAL, Role.ADMIN},
        lapsing=[row for row in listing.rows if living.is_lapsing(row)],
        items=items_by_code(session),
        sites=sites_by_code(session),
        regions=list(session.exec(select(Region).order_by(Region.code))),
        states=[ALL, *(each.value for each in StateFilter if each is not StateFilter.OPEN)],
        filters=filters,
    )


def _wanted(session: Session, filters: Form) -> Wanted:
    """The filters that can be meant; what nobody can choose on the page narrows nothing."""
    states, priorities = {each.value for each in StateFilter}, {each.value for each in Priority}
    state = filters["state"] or StateFilter.OPEN
    known = set(session.exec(select(Region.code)))
    return Wanted(
        site=filters["site"] or None,
        region=filters["region"] if filters["region"] in known else None,
        item=filters["item"] or None,
        priority=Priority(filters["priority"]) if filters["priority"] in priorities else None,
        state=StateFilter(state) if state in states else None,
        need_by_until=_day(filters["need_by"]),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


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
    drafted = bool(form["keep_draft"])
    with form.attempt(session):
        body = form.read(RequestIn, leave_out=("keep_draft",))
        service.post_request(session, actor, body.model_copy(update={"draft": drafted}))
    if form.slips:
        return _request_page(request, session, actor, form, 1)
    return redirect(request, "/needs", done="needs-drafted" if drafted else "needs-posted")


@router.post("/needs/confirm")
def confirm_all(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """One click for everything that one's sites wait for."""
    confirming.confirm_all(session, actor, None, None)
    return redirect(request, "/needs", done="needs-confirmed")


@router.get("/needs/{need_id}")
def show_need(
    request: Request, need_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    return need_page(request, session, actor, seen_need(session, actor, need_id))


Act = Callable[[Session, Actor, UUID, Form], object]


def _edit(session: Session, actor: Actor, need_id: UUID, form: Form) -> None:
    service.edit_need(session, actor, need_id, form.read(NeedEdit))


def _cancel(session: Session, actor: Actor, need_id: UUID, form: Form) -> None:
    service.cancel_need(session, actor, need_id, form.read(NeedCancel).reason)


def _confirm(session: Session, actor: Actor, need_id: UUID, form: Form) -> None:
    confirming.confirm(session, actor, need_id, form.read(Confirmation))


def _submit(session: Session, actor: Actor, need_id: UUID, form: Form) -> None:
    service.submit_need(session, actor, need_id, form.read(Submission))


def _delete(session: Session, actor: Actor, need_id: UUID, form: Form) -> None:  # noqa: ARG001
    service.delete_draft(session, actor, need_id)


# What a hospital does with a need on its page, and the message that follows.
_ACTS: Mapping[str, tuple[Act, str]] = {
    "edit": (_edit, "need-changed"),
    "cancel": (_cancel, "need-cancelled"),
    "confirm": (_confirm, "need-confirmed"),
    "submit": (_submit, "need-submitted"),
    "delete": (_delete, "draft-deleted"),
}


@router.post("/needs/{need_id}/edit")
@router.post("/needs/{need_id}/cancel")
@router.post("/needs/{need_id}/confirm")
@router.post("/needs/{need_id}/submit")
@router.post("/needs/{need_id}/delete")
def act_on_need(
    request: Request, need_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    name = request.url.path.rpartition("/")[2]
    act, done = _ACTS[name]
    need = seen_need(session, actor, need_id)
    parties.require_site(session, actor, need.site, Role.HOSPITAL)
    with form.attempt(session):
        act(session, actor, need_id, form)
    if form.slips:
        session.refresh(need)
        return need_page(request, session, actor, need, name, form)
    return redirect(request, "/needs", done=done)


def items_by_code(session: Session) -> dict[str, Any]:
    return {item.code: item for item in catalog.items(session)}


def own_sites(session: Session, actor: Actor) -> list[Any]:
    if actor.role is Role.ADMIN:
        return list(sites_by_code(session).values())
    return list(parties.sites_of(session, actor.organisation))


def names_of(session: Session, changes: list[Change]) -> dict[UUID, str]:
    """The names of those who changed something, for its history."""
    wanted = {change.changed_by for change in changes if change.changed_by}
    return {
        row.id: row.display_name for row in session.exec(select(User).where(among(User.id, wanted)))
    }


def _request_page(
    request: Request, session: Session, actor: Actor, form: Form, lines: int
) -> Response:
    indexes = form.rows("needs", at_least=lines)
    return render(
        request,
        "need_form.html",
        form.status,
        form=form,
        lines=indexes,
        open_at={index: _open_at(session, form, index) for index in indexes},
        own_sites=own_sites(session, actor),
        items=items_by_code(session),
        units=catalog.units(session),
    )


def _open_at(session: Session, form: Form, index: int) -> list[Served]:
    """What is open already of a line's item, where that is what the line was refused for."""
    slips = form.slips_at(f"needs[{index}]")
    if not any(slip.code == service.DuplicateNeed.code for slip in slips):
        return []
    return live_needs(session, form["site"], form[f"needs[{index}].item"])


Answerer = Callable[[Session, Need, str], object]
"""What tells a hospital why its need gets what it gets, in a language. Plans are made above here,
so the application hands it in."""


def answer_of(request: Request) -> Answerer:
    answerer: Answerer = request.app.state.find_answer
    return answerer


_FIELDS = ("version", "quantity", "unit", "need_by", "stock_on_hand_base", "use_per_day_base")


def need_page(
    request: Request,
    session: Session,
    actor: Actor,
    need: Need,
    act: str = "",
    sent: Form | None = None,
) -> Response:
    """A need with all that its reader may do; ``sent`` is the form of ``act``, with its slips."""
    forms = {
        name: Form({}) for name in ("cancel", "confirm", "submit", "approve", "return", "refuse")
    }
    shown = {name: getattr(need, name) for name in _FIELDS} | {"priority": need.priority.value}
    forms["edit"] = Form.blank(**shown)
    forms["approve"] = Form.blank(version=need.version, approved_base=need.quantity_base)
    if sent is not None:
        forms[act] = sent
    site = parties.get_site(session, need.site)
    [state] = service.served(session, [need])
    changes = changes_of(session, [subject_of(need.id)])[subject_of(need.id)]
    owns = actor.role in {Role.HOSPITAL, Role.ADMIN}
    return render(
        request,
        "need.html",
        sent.status if sent else 200,
        need=need,
        state=state,
        stages=STAGES,
        lapses_at=living.lapses_at(state),
        is_lapsing=living.is_lapsing(state),
        answer=answer_of(request)(session, need, language_of(request.url.path)),
        forms={name: form.keyed(name if name != "edit" else "") for name, form in forms.items()},
        refused=sent if sent and act not in forms else None,
        is_own=owns and state.is_open,
        is_live=need.status in LIVE,
        with_hospital=need.status in {NeedStatus.DRAFT, NeedStatus.RETURNED},
        may_decide=need.status in LIVE
        and not state.is_fulfilled
        and may_decide(session, actor, site.region),
        others=[
            each for each in live_needs(session, need.site, need.item) if each.need is not need
        ],
        changes=changes,
        names=names_of(session, changes),
        item=catalog.get_item(session, need.item),
        items={item.code: item for item in catalog.items(session)},
        site=site,
        sites=sites_by_code(session),
        units=catalog.units(session),
    )
