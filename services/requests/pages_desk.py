"""Pages of a region's desk, which decides on needs and sets rules; and of a hospital's stops."""

from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from sqlmodel import Session, select
from starlette.responses import Response

from services.errors import InvalidInput
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import DESKS, Region, Role
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.requests import deciding, rules, stopping
from services.requests.api import seen_need
from services.requests.desks import DECIDERS
from services.requests.models import ApprovalRule
from services.requests.pages import items_by_code, names_of, need_page, own_sites
from services.requests.schemas_desk import (
    Approval,
    Refusal,
    ResumeIn,
    RuleIn,
    RuleOut,
    StopIn,
    StopOut,
)
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession, Quantity
from services.web.lists import ListAsked, Listing, csv_file
from services.web.pages import redirect, render

router = APIRouter()
_NEXT_POSITION = 10
EVERYTHING = "*"

Decision = Callable[[Session, Actor, UUID, Form], object]


class _TypedApproval(Approval):
    """On a page the figure is typed: one that was wiped out isn't "all of it"."""

    approved_base: Quantity


def _approve(session: Session, actor: Actor, need_id: UUID, form: Form) -> None:
    deciding.approve(session, actor, need_id, form.read(_TypedApproval, leave_out=("id",)))


def _give_back(session: Session, actor: Actor, need_id: UUID, form: Form) -> None:
    deciding.give_back(session, actor, need_id, form.read(Refusal).reason)


def _refuse(session: Session, actor: Actor, need_id: UUID, form: Form) -> None:
    deciding.refuse(session, actor, need_id, form.read(Refusal).reason)


_DECISIONS: Mapping[str, tuple[Decision, str]] = {
    "approve": (_approve, "need-approved"),
    "return": (_give_back, "need-returned"),
    "refuse": (_refuse, "need-refused"),
}


@router.post("/needs/{need_id}/approve")
@router.post("/needs/{need_id}/return")
@router.post("/needs/{need_id}/refuse")
def decide(
    request: Request, need_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    """A desk's decision, and then the next need that waits for one."""
    name = request.url.path.rpartition("/")[2]
    decision, done = _DECISIONS[name]
    parties.require_role(actor, *DECIDERS)
    need = seen_need(session, actor, need_id)
    with form.attempt(session):
        decision(session, actor, need_id, form)
    if form.slips:
        session.refresh(need)
        return need_page(request, session, actor, need, name, form)
    return redirect(request, "/needs", state="submitted", done=done)


@router.get("/needs/rules")
def show_rules(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    region: str = "",
    item: str = "",
) -> Response:
    """The rules in the order in which they are tried, and one more to add."""
    parties.require_role(actor, *DESKS)
    listing = rules.list_rules(session, asked, region or None, item or None)
    if asked.is_csv:
        return csv_file([RuleOut.model_validate(row) for row in listing.rows], "approval-rules")
    last = max((rule.position for rule in rules.rules(session)), default=0)
    form = Form.blank(position=last + _NEXT_POSITION)
    return _rules_page(request, session, listing, form)


@router.post("/needs/rules/new")
def set_rule(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        body = form.read(RuleIn, leave_out=("id",))
        rules.set_rule(session, actor, _id_of(form), body)
    if form.slips:
        return _rules_page(request, session, rules.list_rules(session, asked, None, None), form)
    return redirect(request, "/needs/rules", done="rule-set")


@router.post("/needs/rules/{rule_id}/remove")
def remove_rule(
    request: Request, rule_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    rules.remove_rule(session, actor, rule_id)
    return redirect(request, "/needs/rules", done="rule-removed")


def _id_of(form: Form) -> UUID:
    """The form's own id, so that sending it twice is once."""
    try:
        return UUID(form["id"])
    except ValueError:
        return uuid4()


def _rules_page(
    request: Request, session: Session, listing: Listing[ApprovalRule], form: Form
) -> Response:
    subjects = [rules.subject_of(rule.id) for rule in listing.rows]
    told = changes_of(session, subjects)
    changes = [change for subject in subjects for change in told[subject]]
    return render(
        request,
        "need_rules.html",
        form.status,
        form=form,
        listing=listing,
        filters=Form({name: request.query_params.get(name, "") for name in ("region", "item")}),
        items=items_by_code(session),
        regions={row.code: row for row in session.exec(select(Region).order_by(Region.code))},
        changes=changes,
        names=names_of(session, changes),
    )


@router.get("/needs/stops")
def show_stops(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    """What sites want no more of: one's own, or, at a desk, everybody's."""
    parties.require_role(actor, Role.HOSPITAL, *DESKS)
    if asked.is_csv:
        listing = stopping.list_stops(session, actor, asked, None, None, standing=None)
        return csv_file([StopOut.model_validate(row) for row in listing.rows], "supply-stops")
    return _stops_page(request, session, actor, asked, Form.blank())


@router.post("/needs/stops")
def stop_supply(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        stopping.stop(session, actor, _stop_of(form))
    if form.slips:
        return _stops_page(request, session, actor, asked, form)
    return redirect(request, "/needs/stops", done="supply-stopped")


def _stop_of(form: Form) -> StopIn:
    """What the form stops. Everything is a choice of its own: nobody stops it by leaving it out."""
    if not form["item"]:
        raise InvalidInput(
            "Say what is to be stopped", field="item", mend="choose an item, or everything"
        )
    return form.read(StopIn, leave_out=("item",) if form["item"] == EVERYTHING else ())


@router.post("/needs/stops/{stop_id}/resume")
def resume_supply(
    request: Request, stop_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    stopping.resume(session, actor, stop_id, ResumeIn())
    return redirect(request, "/needs/stops", done="supply-resumed")


def _stops_page(
    request: Request, session: Session, actor: Actor, asked: ListAsked, form: Form
) -> Response:
    listing = stopping.list_stops(session, actor, asked, None, None, standing=None)
    may_stop = actor.role in {Role.HOSPITAL, Role.ADMIN}
    return render(
        request,
        "need_stops.html",
        form.status,
        form=form,
        listing=listing,
        reserved={
            row.id: stopping.still_reserved(session, row)
            for row in listing.rows
            if row.resumed_at is None
        },
        may_stop=may_stop,
        own_sites=own_sites(session, actor) if may_stop else [],
        items=items_by_code(session),
        sites=sites_by_code(session),
    )
