"""Pages of dispatch: start a run, watch it, read its plan and why, decide."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.dispatch import deciding, policies, service, store
from services.dispatch.api import READERS, run_out, summaries
from services.dispatch.comparing import difference_out
from services.dispatch.models import UNSOLVED, Run
from services.dispatch.orders import PolicyIn
from services.dispatch.pages_what_if import policy_values, view_of
from services.dispatch.schemas import (
    AdoptIn,
    Decision,
    DifferenceOut,
    Rejection,
    RunIn,
    RunSummary,
)
from services.parties.access import CurrentActor
from services.parties.models import Role
from services.parties.service import Actor, require_role
from services.requests.models import TIERS
from services.settings import get_settings
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.i18n import language_of
from services.web.lists import Asked, ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()

# So many lines of a table; a nation's plan has too many for a page.
_MOST = 500
_PRACTICES = (
    "medrelay",
    "first_come_first_served",
    "first_come_by_tier",
    "proportional",
    "national_quota",
)


@router.get("/runs")
def list_runs(
    request: Request, session: DatabaseSession, actor: CurrentActor, asked: ListAsked
) -> Response:
    require_role(actor, *READERS)
    if asked.is_csv:
        return csv_file(summaries(session, store.runs(session, asked).rows), "runs", RunSummary)
    return _list_page(request, session, actor, _blank(session), asked)


@router.post("/runs")
def start_run(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
    asked: ListAsked,
) -> Response:
    require_role(actor, *READERS)
    started: list[Run] = []
    # A saved policy is taken as it was saved, whatever the fields below it say.
    saved = [name for name in form.values if name.startswith("policy.")]
    with form.attempt(session):
        body = form.read(RunIn, leave_out=saved if form["policy_name"] else ())
        started.append(service.start_run(session, actor, body)[0])
    if form.slips:
        return _list_page(request, session, actor, form, asked)
    return redirect(request, f"/runs/{started[0].id}", done="run-started")


@router.get("/runs/{run_id}")
def show_run(
    request: Request, run_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    require_role(actor, *READERS)
    return _run_page(request, session, actor, store.get_run(session, run_id), Form(), Form())


@router.post("/runs/{run_id}/stop")
def stop(request: Request, run_id: UUID, session: DatabaseSession, actor: CurrentActor) -> Response:
    service.stop_run(session, actor, run_id)
    return redirect(request, f"/runs/{run_id}", done="run-stopped")


@router.post("/runs/{run_id}/adopt")
def adopt(
    request: Request, run_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    started: list[Run] = []
    with form.attempt(session):
        started.append(service.adopt(session, actor, run_id, form.read(AdoptIn))[0])
    if form.slips:
        run = store.get_run(session, run_id)
        return _run_page(request, session, actor, run, Form(), Form(), form)
    return redirect(request, f"/runs/{started[0].id}", done="run-started")


@router.post("/runs/{run_id}/approve")
def approve(
    request: Request, run_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        deciding.approve(session, actor, run_id, form.read(Decision))
    if form.slips:
        run = store.get_run(session, run_id)
        session.refresh(run)
        return _run_page(request, session, actor, run, form, Form())
    return redirect(request, f"/runs/{run_id}", done="run-approved")


@router.post("/runs/{run_id}/reject")
def reject(
    request: Request, run_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    with form.attempt(session):
        deciding.reject(session, actor, run_id, form.read(Rejection))
    if form.slips:
        run = store.get_run(session, run_id)
        session.refresh(run)
        return _run_page(request, session, actor, run, Form(), form)
    return redirect(request, f"/runs/{run_id}", done="run-rejected")


def _blank(session: Session) -> Form:
    default = policies.default_name(session)
    return Form.blank(horizon_days=14, policy_name=default, **policy_values(PolicyIn()))


def _list_page(
    request: Request, session: Session, actor: Actor, form: Form, asked: Asked
) -> Response:
    return render(
        request,
        "runs.html",
        form.status,
        form=form,
        listing=store.runs(session, asked).map(lambda rows: summaries(session, rows)),
        policy_names=(names := policies.names(session)),
        policy_words={name: name for name in names},
        may_start=actor.role in {Role.DISPATCHER, Role.ADMIN},
    )


def _run_page(
    request: Request,
    session: Session,
    actor: Actor,
    run: Run,
    approval: Form,
    rejection: Form,
    adoption: Form | None = None,
) -> Response:
    adoption = adoption or Form.blank()
    view = view_of(session, store.stored_problem(run))
    shown = run_out(session, run, language_of(request.url.path))
    shown.needs.sort(key=lambda need: (need.tier, need.site, need.item))
    comparison = shown.comparison or {}
    left_out = _left_out(comparison, len(shown.needs))
    return render(
        request,
        "run.html",
        max(approval.status, rejection.status, adoption.status),
        run=shown,
        approval=approval,
        rejection=rejection.keyed("reject"),
        adoption=adoption.keyed("adopt"),
        difference=_difference(session, run),
        may_ask=actor.role in {Role.DISPATCHER, Role.ADMIN},
        most=_MOST,
        view=view,
        unsolved=run.state in UNSOLVED,
        may_approve=_may_approve(actor, run),
        only_expected=bool(run.pieces_expected) and run.pieces_expected == run.pieces_allocated,
        may_reject=actor.role in {Role.APPROVER, Role.DISPATCHER, Role.ADMIN},
        practices=[(name, comparison[name]) for name in _PRACTICES if name in comparison],
        left_out=left_out,
        serves_fewer=_serves_fewer(comparison, dict(left_out)),
        priorities={tier: priority.value for priority, tier in TIERS.items()},
        items=view.items,
        sites=view.sites,
    )


def _difference(session: Session, run: Run) -> DifferenceOut | None:
    """What a plan changes of the one that it started from."""
    return difference_out(session, run) if run.base_run and run.plan is not None else None


def _left_out(comparison: dict[str, Any], needs: int) -> list[tuple[str, int]]:
    """How many needs get nothing in each practice, counted back from their share."""
    shares = [
        (name, comparison[name]["zero_share_ppm"]) for name in _PRACTICES if name in comparison
    ]
    return [(name, round(share * needs / 1_000_000)) for name, share in shares]


def _serves_fewer(comparison: dict[str, Any], left_out: dict[str, int]) -> int:
    """The needs that first come leaves out, where its average is higher all the same; else 0."""
    first, plan = comparison.get("first_come_first_served"), comparison.get("medrelay")
    if first is None or plan is None or first["mean_fill_ppm"] <= plan["mean_fill_ppm"]:
        return 0
    return left_out["first_come_first_served"]


def _may_approve(actor: Actor, run: Run) -> bool:
    """As the service will see it: above the threshold an approver, and not who started it."""
    reserved = (run.pieces_allocated or 0) - run.pieces_expected
    if reserved <= get_settings().approval_threshold_pieces:
        return actor.role in {Role.APPROVER, Role.DISPATCHER, Role.ADMIN}
    return actor.role in {Role.APPROVER, Role.ADMIN} and actor.user_id != run.started_by
