"""Endpoints of campaigns: everybody reads them, a desk writes them."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response, status
from sqlmodel import Session, col, select

from services.donations import campaigns
from services.donations.campaign_schemas import CampaignIn, CampaignOut, GoalOut
from services.donations.campaigns import CampaignState
from services.donations.models import Campaign
from services.journal.clock import local_date
from services.parties.access import CurrentActor
from services.web.http import Code, DatabaseSession
from services.web.lists import Asked, ListAsked, Listing, answer, select_page

router = APIRouter(tags=["campaigns"])


def campaign_out(state: CampaignState) -> CampaignOut:
    return CampaignOut(
        **state.campaign.model_dump(exclude={"created_at"}),
        is_open=state.is_open(local_date(datetime.now(UTC))),
        gifts=state.gifts,
        donors=state.donors,
        goals=[
            GoalOut(
                commodity=goal.commodity,
                commodity_class=goal.commodity_class,
                goal_base=goal.goal,
                promised_base=goal.promised,
                received_base=goal.received,
                used_base=goal.used,
                percent=goal.percent,
            )
            for goal in state.goals
        ],
    )


def campaign_list(session: Session, asked: Asked, *, is_closed: bool | None) -> Listing[Campaign]:
    statement = select(Campaign)
    if is_closed is not None:
        closed = col(Campaign.closed_at).is_not(None)
        statement = statement.where(closed if is_closed else ~closed)
    order = {
        "starts": col(Campaign.starts_on),
        "ends": col(Campaign.ends_on),
        "code": col(Campaign.code),
    }
    return select_page(session, statement, order, asked, tie=col(Campaign.code))


@router.get("/campaigns", response_model=list[CampaignOut])
def list_campaigns(
    session: DatabaseSession, asked: ListAsked, response: Response, closed: bool | None = None
) -> Any:
    """Campaigns and how far they are, for everybody."""
    listing = campaign_list(session, asked, is_closed=closed)
    made = listing.map(
        lambda rows: [campaign_out(each) for each in campaigns.read_campaigns(session, rows)]
    )
    return answer(made, response, "campaigns")


@router.get("/campaigns/{code}")
def show_campaign(code: Code, session: DatabaseSession) -> CampaignOut:
    """A campaign and how far it is, for everybody."""
    return one(session, campaigns.get_campaign(session, code))


@router.put("/campaigns/{code}")
def put_campaign(
    code: Code,
    body: CampaignIn,
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
) -> CampaignOut:
    """Make a campaign, change it, or close it; gifts name it by its code."""
    campaign, created = campaigns.put_campaign(session, actor, code, body)
    response.status_code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
    return one(session, campaign)


def one(session: Session, campaign: Campaign) -> CampaignOut:
    return campaign_out(campaigns.read_campaigns(session, [campaign])[0])
