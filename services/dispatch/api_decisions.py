"""Endpoints beside a decision: in an emergency by one person, what was approved, solve again."""

from operator import attrgetter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from services.dispatch import comparing, emergency, service, store
from services.dispatch.api import READERS, emergencies_out, lines_out, outcomes_out, summaries
from services.dispatch.schemas import (
    AgainIn,
    ComparedOut,
    EmergencyIn,
    EmergencyOut,
    LineOut,
    OutcomeOut,
    ReviewIn,
    RunSummary,
)
from services.errors import NotFound
from services.parties.access import CurrentActor
from services.parties.service import require_role
from services.web.http import DatabaseSession, Language
from services.web.lists import ListAsked, answer, cut_page

router = APIRouter(tags=["dispatch"])


@router.post("/runs/{run_id}/emergency-approve")
def approve_alone(
    run_id: UUID, body: EmergencyIn, session: DatabaseSession, actor: CurrentActor
) -> RunSummary:
    """Approve above the threshold without a second person, with a reason.

    It is logged as an `emergency_approval`; approvers and auditors are told, and one of them
    confirms it or objects afterwards.
    """
    return summaries(session, [emergency.approve_alone(session, actor, run_id, body)])[0]


@router.get("/emergency-approvals", response_model=list[EmergencyOut])
def list_emergencies(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    open_only: bool = False,
) -> object:
    """What was approved by one person alone, and what a second person said of it."""
    require_role(actor, *READERS)
    listing = emergency.find_emergencies(session, asked, open_only=open_only)
    out = listing.map(lambda rows: emergencies_out(session, rows))
    return answer(out, response, "emergency-approvals")


@router.post("/runs/{run_id}/emergency-review")
def review(
    run_id: UUID, body: ReviewIn, session: DatabaseSession, actor: CurrentActor
) -> EmergencyOut:
    """Confirm an emergency approval, or object to it, as a second person."""
    return emergencies_out(session, [emergency.review(session, actor, run_id, body)])[0]


@router.get("/runs/{run_id}/approved-part")
def show_part(run_id: UUID, session: DatabaseSession, actor: CurrentActor) -> Response:
    """The exact bytes that say which lines were approved; their digest is in the log."""
    require_role(actor, *READERS)
    run = store.get_run(session, run_id)
    if run.approved_part is None:
        raise NotFound(
            f"Run {run_id} wasn't approved in part", field="run_id", value=run_id, mend="see state"
        )
    return Response(run.approved_part, media_type="application/json")


@router.get("/runs/{run_id}/lines", response_model=list[LineOut])
def list_lines(
    run_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    destination: str | None = None,
    item: str | None = None,
    approved: bool | None = None,
    expected: Annotated[bool | None, Query(description="Lines whose goods aren't there")] = None,
) -> object:
    """What a plan sends from where to where, line by line."""
    require_role(actor, *READERS)
    wanted = {"destination": destination, "item": item, "approved": approved}
    rows = [
        line
        for line in lines_out(store.get_run(session, run_id))
        if all(value is None or getattr(line, name) == value for name, value in wanted.items())
        and expected in {None, line.expected_by is not None}
    ]
    names = ("line", "destination", "origin", "item", "quantity_base", "depart_on", "arrive_on")
    order = {name: attrgetter(name) for name in names}
    return answer(cut_page(rows, order, asked), response, f"run-{run_id}-lines")


@router.get("/runs/{run_id}/outcomes", response_model=list[OutcomeOut])
def list_outcomes(
    run_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    language: Language,
    site: str | None = None,
    item: str | None = None,
) -> object:
    """What each need gets of a plan, and why."""
    require_role(actor, *READERS)
    run = store.get_run(session, run_id)
    rows = [
        each
        for each in outcomes_out(session, run, store.stored_plan(run), language)
        if site in {None, each.site} and item in {None, each.item}
    ]
    names = ("tier", "site", "item", "requested", "allocated", "fill_ppm", "late")
    order = {name: attrgetter(name) for name in names}
    return answer(cut_page(rows, order, asked), response, f"run-{run_id}-outcomes")


@router.post("/runs/{run_id}/again", status_code=status.HTTP_202_ACCEPTED)
def solve_again(
    run_id: UUID, body: AgainIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> RunSummary:
    """Solve on what is there now, from this plan, with its policy and what was set by hand."""
    run, created = service.solve_again(session, actor, run_id, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return summaries(session, [run])[0]


@router.get("/plans")
def compare_plans(
    session: DatabaseSession,
    actor: CurrentActor,
    run: Annotated[
        list[UUID], Query(min_length=1, max_length=comparing.MOST, description="The runs, in order")
    ],
) -> list[ComparedOut]:
    """Several plans side by side, each beside the newest approved one."""
    require_role(actor, *READERS)
    return comparing.side_by_side(session, run)
