"""Endpoints of a region's desk: decisions on needs, its rules, and what lapses; and of stops."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role
from services.requests import deciding, desks, living, rules, stopping
from services.requests.api import one
from services.requests.schemas import NeedOut, need_out
from services.requests.schemas_desk import (
    Approval,
    DeskIn,
    DeskOut,
    LapseAsOf,
    Refusal,
    ResumeIn,
    RuleIn,
    RuleOut,
    StopIn,
    StopOut,
)
from services.requests.served import served
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer, cut_page

router = APIRouter(tags=["requests"])


@router.post("/needs/{need_id}/approve")
def approve_need(
    need_id: UUID, body: Approval, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Approve a need of your region, in full or less; the allocator sees approved needs only."""
    return one(session, deciding.approve(session, actor, need_id, body))


@router.post("/needs/{need_id}/return")
def return_need(
    need_id: UUID, body: Refusal, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Give a need back to its hospital, which may change it and submit it again."""
    return one(session, deciding.give_back(session, actor, need_id, body.reason))


@router.post("/needs/{need_id}/refuse")
def refuse_need(
    need_id: UUID, body: Refusal, session: DatabaseSession, actor: CurrentActor
) -> NeedOut:
    """Refuse a need for good."""
    return one(session, deciding.refuse(session, actor, need_id, body.reason))


@router.post("/needs/lapse")
def lapse_needs(body: LapseAsOf, session: DatabaseSession, actor: CurrentActor) -> list[NeedOut]:
    """Let lapse what no hospital confirmed in time, by world time: for what is written in late.

    The system's own watch goes by the time at which words were written down instead.
    """
    lapsed = living.lapse_as_of(session, actor, body.at, body.site)
    return [need_out(state) for state in served(session, lapsed)]


@router.get("/approval-rules", response_model=list[RuleOut])
def list_rules(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
    asked: ListAsked,
    region: Annotated[Code | None, Query()] = None,
    item: Annotated[Code | None, Query()] = None,
) -> Any:
    """The rules that approve needs by themselves, in the order in which they are tried."""
    parties.require_role(actor, *DESKS)
    listing = rules.list_rules(session, asked, region, item)
    told = listing.map(lambda rows: [RuleOut.model_validate(row) for row in rows])
    return answer(told, response, "approval-rules")


@router.put("/approval-rules/{rule_id}")
def set_rule(
    rule_id: UUID, body: RuleIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> RuleOut:
    """Write a rule of your desk, or rewrite it."""
    rule, created = rules.set_rule(session, actor, rule_id, body)
    if created:
        response.status_code = status.HTTP_201_CREATED
    return RuleOut.model_validate(rule)


@router.delete("/approval-rules/{rule_id}", status_code=status.HTTP_204_NO_CONTENT)
def remove_rule(rule_id: UUID, session: DatabaseSession, actor: CurrentActor) -> None:
    """Remove a rule of your desk; what it approved stays approved."""
    rules.remove_rule(session, actor, rule_id)


@router.get("/region-desks", response_model=list[DeskOut])
def list_desks(
    session: DatabaseSession, actor: CurrentActor, response: Response, asked: ListAsked
) -> Any:
    """Which authority decides on the needs of which region, and of those within it."""
    parties.require_role(actor, *DESKS, Role.HOSPITAL)
    found = [
        DeskOut(region=region, organisation=organisation)
        for region, organisation in sorted(desks.desks(session).items())
    ]
    order = {"region": lambda it: it.region, "organisation": lambda it: it.organisation}
    return answer(cut_page(found, order, asked), response, "region-desks")


@router.put("/region-desks/{region}")
def set_desk(
    region: Code, body: DeskIn, session: DatabaseSession, actor: CurrentActor
) -> list[DeskOut]:
    """Make an authority the desk of a region; answers with all desks as they are now."""
    desks.set_desk(session, actor, region, body.organisation)
    session.flush()
    return [DeskOut(region=r, organisation=o) for r, o in sorted(desks.desks(session).items())]


@router.post("/supply-stops", status_code=status.HTTP_201_CREATED)
def stop_supply(
    body: StopIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> StopOut:
    """Enough: want no more of an item, or of anything, at a site of yours.

    What it waits for is cancelled; what is under way still comes. Repeating it answers 200.
    """
    row, created = stopping.stop(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return StopOut.model_validate(row)


@router.get("/supply-stops", response_model=list[StopOut])
def list_stops(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
    asked: ListAsked,
    site: Annotated[Code | None, Query()] = None,
    item: Annotated[Code | None, Query()] = None,
    standing: Annotated[bool | None, Query(description="Only those not resumed yet")] = None,
) -> Any:
    """Which sites want no more of what, since when; newest last."""
    listing = stopping.list_stops(session, actor, asked, site, item, standing=standing)
    told = listing.map(lambda rows: [StopOut.model_validate(row) for row in rows])
    return answer(told, response, "supply-stops")


@router.post("/supply-stops/{stop_id}/resume")
def resume_supply(
    stop_id: UUID, body: ResumeIn, session: DatabaseSession, actor: CurrentActor
) -> StopOut:
    """Want it again: from now on needs for it can be posted."""
    return StopOut.model_validate(stopping.resume(session, actor, stop_id, body))
