"""Pages of the dispatch desk: policies, standing pins and bans, plans side by side, reviews."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import service as catalog
from services.dispatch import comparing, emergency, hand_rules, policies, service
from services.dispatch.api import READERS, emergencies_out, usernames
from services.dispatch.hand_api import rules_out
from services.dispatch.hand_schemas import HandRuleEnd, HandRuleIn, HandRuleOut
from services.dispatch.models import Run
from services.dispatch.orders import PolicyIn
from services.dispatch.pages_what_if import policy_values
from services.dispatch.policy_api import policies_out
from services.dispatch.policy_schemas import DefaultIn, PolicyOut, PolicySave
from services.dispatch.schemas import AgainIn, ComparedOut, EmergencyIn, EmergencyOut, ReviewIn
from services.errors import InvalidInput
from services.journal.kinds import AccountKind
from services.journal.read import holdings
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import Role
from services.parties.pages import sites_by_code
from services.parties.service import Actor, require_role
from services.requests import service as requests
from services.requests.models import NeedStatus
from services.web.forms import Form, SentForm
from services.web.http import Code, DatabaseSession
from services.web.lists import Asked, ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()

_MAY_SET = (Role.DISPATCHER, Role.APPROVER, Role.ADMIN)
_MOST_CHOICES = 500


@router.get("/policies")
def list_policies(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    require_role(actor, *READERS)
    form = Form.blank(**policy_values(PolicyIn()))
    return _policies_page(request, session, actor, asked, form)


@router.post("/policies")
def save_policy(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
    asked: ListAsked,
) -> Response:
    require_role(actor, *READERS)
    with form.attempt(session):
        policies.save_policy(session, actor, form.read(PolicySave))
    if form.slips:
        return _policies_page(request, session, actor, asked, form)
    return redirect(request, f"/policies/{form['name'].strip()}", done="policy-saved")


def _policies_page(
    request: Request, session: Session, actor: Actor, asked: Asked, form: Form
) -> Response:
    listing = policies.newest_versions(session, asked).map(lambda rows: policies_out(session, rows))
    if asked.is_csv:
        return csv_file(listing.rows, "policies", PolicyOut)
    return render(
        request,
        "policies.html",
        form.status,
        form=form,
        listing=listing,
        may_set=actor.role in _MAY_SET,
    )


@router.get("/policies/{name}")
def show_policy(
    request: Request,
    name: Code,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    before: str = "",
    after: str = "",
) -> Response:
    require_role(actor, *READERS)
    newest = policies.get_version(session, name)
    weights = PolicyIn.model_validate(newest.weights)
    form = Form.blank(name=name, edited_version=newest.version, **policy_values(weights))
    return _policy_page(request, session, actor, asked, name, form, (before, after))


@router.post("/policies/{name}/default")
def make_default(
    request: Request,
    name: Code,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
    asked: ListAsked,
) -> Response:
    with form.attempt(session):
        policies.make_default(session, actor, name, form.read(DefaultIn).why)
    if form.slips:
        return _policy_page(request, session, actor, asked, name, form, ("", ""))
    return redirect(request, f"/policies/{name}", done="policy-default")


def _policy_page(
    request: Request,
    session: Session,
    actor: Actor,
    asked: Asked,
    name: str,
    form: Form,
    beside: tuple[str, str],
) -> Response:
    listing = policies.versions_of(session, name, asked).map(
        lambda rows: policies_out(session, rows)
    )
    if asked.is_csv:
        return csv_file(listing.rows, f"policy-{name}", PolicyOut)
    newest = policies.get_version(session, name).version
    old, new = (_number(text, newest) for text in beside)
    changes = []
    if all(beside):
        weights = [policies.get_version(session, name, number).weights for number in (old, new)]
        changes = policies.changes_between(weights[0], PolicyIn.model_validate(weights[1]))
    history = changes_of(session, [policies.subject_of(name)])[policies.subject_of(name)]
    return render(
        request,
        "policy.html",
        form.status,
        name=name,
        form=form,
        listing=listing,
        compared=all(beside),
        beside=Form({"before": str(old), "after": str(new)}).keyed("beside"),
        changes=changes,
        history=history,
        people=usernames(session, {each.changed_by for each in history if each.changed_by}),
        may_set=actor.role in _MAY_SET,
        is_default=policies.default_name(session) == name,
        versions=[str(number) for number in range(newest, max(0, newest - 100), -1)],
    )


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


@router.get("/hand-rules")
def list_rules(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    require_role(actor, *READERS)
    return _rules_page(request, session, actor, asked, Form.blank(kind="ban"))


@router.post("/hand-rules")
def set_rule(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
    asked: ListAsked,
) -> Response:
    require_role(actor, *READERS)
    place, _, lot = form["goods"].partition("|")
    with form.attempt(session):
        body = form.read(HandRuleIn, leave_out=["goods"], instead={"site": place, "lot_id": lot})
        hand_rules.set_rule(session, actor, body)
    if form.slips:
        return _rules_page(request, session, actor, asked, form)
    return redirect(request, "/hand-rules", done="hand-rule-set")


@router.post("/hand-rules/{rule_id}/end")
def end_rule(
    request: Request,
    rule_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
    asked: ListAsked,
) -> Response:
    with form.attempt(session):
        hand_rules.end_rule(session, actor, rule_id, form.read(HandRuleEnd).why)
    if form.slips:
        return _rules_page(request, session, actor, asked, form)
    return redirect(request, "/hand-rules", done="hand-rule-ended")


def _rules_page(
    request: Request, session: Session, actor: Actor, asked: Asked, form: Form
) -> Response:
    listing = hand_rules.find_rules(session, asked, kind=None, ended=None).map(
        lambda rows: rules_out(session, rows)
    )
    if asked.is_csv:
        return csv_file(listing.rows, "pins-and-bans", HandRuleOut)
    approved = requests.find_needs(session, statuses=[NeedStatus.APPROVED])
    waiting = [each for each in requests.served(session, approved) if each.outstanding]
    return render(
        request,
        "run_rules.html",
        form.status,
        form=form,
        listing=listing,
        needs=waiting[:_MOST_CHOICES],
        lots=_lots(session),
        sites=sites_by_code(session),
        items={item.code: item for item in catalog.items(session)},
        may_set=actor.role in {Role.DISPATCHER, Role.ADMIN},
    )


def _lots(session: Session) -> Sequence[object]:
    goods = {item.code for item in catalog.items(session)}
    found = holdings(session, kinds=[AccountKind.SITE], state="available")
    return [each for each in found if each.commodity in goods][:_MOST_CHOICES]


@router.get("/plans")
def compare_plans(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    run: Annotated[list[UUID] | None, Query()] = None,
) -> Response:
    require_role(actor, *READERS)
    chosen = run or []
    if len(chosen) > comparing.MOST:
        raise InvalidInput(
            f"So many plans don't fit side by side: {len(chosen)}",
            field="run",
            mend=f"choose {comparing.MOST} at most",
        )
    columns = comparing.side_by_side(session, chosen)
    if asked.is_csv:
        return csv_file(columns, "plans", ComparedOut)
    return render(request, "run_plans.html", columns=columns)


@router.post("/runs/{run_id}/again")
def solve_again(
    request: Request, run_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        body = form.read(AgainIn)
    if form.slips:
        slip = form.slips[0]
        raise InvalidInput(slip.detail, field=slip.field, mend=slip.mend)
    run, _ = service.solve_again(session, actor, run_id, body)
    return redirect(request, f"/runs/{run.id}", done="run-started")


@router.post("/runs/{run_id}/emergency-approve")
def approve_alone(
    request: Request, run_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    done: list[Run] = []
    with form.attempt(session):
        done.append(emergency.approve_alone(session, actor, run_id, form.read(EmergencyIn)))
    if not done:
        slip = form.slips[0]
        raise InvalidInput(slip.detail, field=slip.field, mend=slip.mend)
    return redirect(request, f"/runs/{run_id}", done="run-approved")


@router.get("/emergency-approvals")
def list_emergencies(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    require_role(actor, *READERS)
    return _emergencies_page(request, session, actor, asked, Form())


@router.post("/runs/{run_id}/emergency-review")
def review(
    request: Request,
    run_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
    asked: ListAsked,
) -> Response:
    with form.attempt(session):
        emergency.review(session, actor, run_id, form.read(ReviewIn))
    if form.slips:
        return _emergencies_page(request, session, actor, asked, form)
    return redirect(request, "/emergency-approvals", done="emergency-reviewed")


def _emergencies_page(
    request: Request, session: Session, actor: Actor, asked: Asked, form: Form
) -> Response:
    listing = emergency.find_emergencies(session, asked).map(
        lambda rows: emergencies_out(session, rows)
    )
    if asked.is_csv:
        return csv_file(listing.rows, "emergency-approvals", EmergencyOut)
    return render(
        request,
        "run_emergencies.html",
        form.status,
        form=form,
        listing=listing,
        may_review=actor.role in {*emergency.REVIEWERS, Role.ADMIN},
    )
