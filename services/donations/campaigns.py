"""Campaigns: a call for gifts with goals; how far it is, is read from what came in for it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.donations.became import states
from services.donations.campaign_schemas import CampaignIn
from services.donations.models import Campaign, CampaignGoal, Donation, Fund
from services.errors import Forbidden, InvalidInput, NotFound
from services.journal.clock import local_date
from services.journal.models import Commodity
from services.journal.read import find_commodity
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor

_LONGEST_CODE = 64


def subject_of(code: str) -> str:
    """How a campaign's history names it."""
    return f"campaign:{code}"


def campaign_for(session: Session, text: str | None, given_at: datetime) -> str | None:
    """The campaign that a gift's free text names by its code; None where it names none.

    Raises:
        InvalidInput: it is over, or hasn't begun.

    """
    campaign = session.get(Campaign, text) if text and len(text) <= _LONGEST_CODE else None
    if campaign is None:
        return None
    day = local_date(given_at)
    over = campaign.ends_on is not None and day > campaign.ends_on
    if campaign.closed_at is not None or over or day < campaign.starts_on:
        ends = f" to {campaign.ends_on}" if campaign.ends_on else ""
        raise InvalidInput(
            f"Campaign {campaign.code} takes gifts from {campaign.starts_on}{ends}"
            + (", and was closed" if campaign.closed_at else ""),
            field="campaign",
            value=text,
            mend="leave the campaign out, or name one that is open",
        )
    return campaign.code


def put_campaign(
    session: Session, actor: Actor, code: str, body: CampaignIn
) -> tuple[Campaign, bool]:
    """Make a campaign, or change it; gifts whose free text named it already are counted too.

    Raises:
        Forbidden: neither a dispatcher nor of the campaign's organisation.
        NotFound: a goal in something that nobody counts.
        InvalidInput: it ends before it starts, or a goal is told twice.

    """
    parties.require_role(actor, Role.DISPATCHER)
    _check_goals(session, body)
    campaign = session.get(Campaign, code, with_for_update={"key_share": True})
    created = campaign is None
    if campaign is None:
        campaign = Campaign(
            code=code,
            organisation=actor.organisation,
            created_at=datetime.now(UTC),
            **body.model_dump(exclude={"goals", "reason", "closed"}),
        )
        session.add(campaign)
        session.flush()
        session.connection().execute(
            sa.update(Donation).where(col(Donation.campaign) == code).values(campaign_code=code)
        )
    elif actor.role is not Role.ADMIN and campaign.organisation != actor.organisation:
        raise Forbidden(
            f"Campaign {code} is another organisation's",
            field="code",
            value=code,
            mend="take another code for a campaign of your own",
        )
    _write(session, actor, campaign, body, created=created)
    return campaign, created


def _write(
    session: Session, actor: Actor, campaign: Campaign, body: CampaignIn, *, created: bool
) -> None:
    before = _told(campaign, goals_of(session, [campaign.code])[campaign.code])
    for name in ("name_en", "name_zh", "about_en", "about_zh", "starts_on", "ends_on"):
        setattr(campaign, name, getattr(body, name))
    if body.closed != (campaign.closed_at is not None):
        campaign.closed_at = datetime.now(UTC) if body.closed else None
    session.connection().execute(
        sa.delete(CampaignGoal).where(col(CampaignGoal.campaign) == campaign.code)
    )
    goals = [
        CampaignGoal(
            campaign=campaign.code, commodity=goal.commodity, quantity_base=goal.quantity_base
        )
        for goal in body.goals
    ]
    session.add_all(goals)
    session.flush()
    after = _told(campaign, goals)
    if created:
        record_change(session, actor, subject_of(campaign.code), f"opened: {after}", body.reason)
    elif before != after:
        what = f"{before} → {after}"
        record_change(session, actor, subject_of(campaign.code), what, body.reason)
    session.flush()


def _told(campaign: Campaign, goals: Sequence[CampaignGoal]) -> str:
    asked = ", ".join(
        f"{goal.commodity} {goal.quantity_base}"
        for goal in sorted(goals, key=lambda goal: goal.commodity)
    )
    closed = ", closed" if campaign.closed_at else ""
    return f"{campaign.starts_on} to {campaign.ends_on or '–'}, {asked}{closed}"


def _check_goals(session: Session, body: CampaignIn) -> None:
    if body.ends_on is not None and body.ends_on < body.starts_on:
        raise InvalidInput(
            "It ends before it starts",
            field="ends_on",
            value=body.ends_on.isoformat(),
            mend=f"give {body.starts_on} or a later day",
        )
    seen: set[str] = set()
    for index, goal in enumerate(body.goals):
        field = f"goals[{index}].commodity"
        if goal.commodity in seen:
            raise InvalidInput(
                f"{goal.commodity} is told twice",
                field=field,
                value=goal.commodity,
                mend="give one goal for each item and currency",
            )
        seen.add(goal.commodity)
        if find_commodity(session, goal.commodity) is None:
            raise NotFound(
                f"There is no item or currency {goal.commodity}",
                field=field,
                value=goal.commodity,
                mend="see GET /api/v1/items and GET /api/v1/funds",
            )


def get_campaign(session: Session, code: str) -> Campaign:
    campaign = session.get(Campaign, code)
    if campaign is None:
        raise NotFound(
            f"There is no campaign {code}",
            field="code",
            value=code,
            mend="see GET /api/v1/campaigns",
        )
    return campaign


def open_campaigns(session: Session) -> list[Campaign]:
    """Those that take gifts today, by code."""
    today = local_date(datetime.now(UTC))
    statement = select(Campaign).where(
        col(Campaign.closed_at).is_(None),
        Campaign.starts_on <= today,
        col(Campaign.ends_on).is_(None) | (col(Campaign.ends_on) >= today),
    )
    return list(session.exec(statement.order_by(col(Campaign.code))))


def goals_of(session: Session, codes: Collection[str]) -> dict[str, list[CampaignGoal]]:
    found: dict[str, list[CampaignGoal]] = defaultdict(list)
    statement = select(CampaignGoal).where(among(CampaignGoal.campaign, codes))
    for goal in session.exec(statement.order_by(col(CampaignGoal.commodity))):
        found[goal.campaign].append(goal)
    return found


@dataclass(slots=True)
class GoalState:
    """Of one item or currency: asked for (None where there is no goal), promised, come, used."""

    commodity: str
    commodity_class: str
    goal: int | None = None
    promised: int = 0
    received: int = 0
    used: int = 0

    @property
    def percent(self) -> int | None:
        """How much of the goal came in, in whole percent, rounded down."""
        return self.received * 100 // self.goal if self.goal else None


@dataclass(frozen=True, slots=True)
class CampaignState:
    campaign: Campaign
    gifts: int
    donors: int
    goals: tuple[GoalState, ...]

    def is_open(self, day: date) -> bool:
        campaign = self.campaign
        within = campaign.starts_on <= day and (not campaign.ends_on or day <= campaign.ends_on)
        return campaign.closed_at is None and within


def read_campaigns(session: Session, campaigns: Sequence[Campaign]) -> list[CampaignState]:
    """How far each campaign is, in the order given."""
    codes = [campaign.code for campaign in campaigns]
    goals = goals_of(session, codes)
    gifts: dict[str, list[Donation]] = defaultdict(list)
    statement = select(Donation).where(among(Donation.campaign_code, codes))
    for donation in session.exec(statement):
        if donation.cancelled_at is None and donation.refused_at is None:
            gifts[donation.campaign_code or ""].append(donation)
    return [_state(session, each, goals[each.code], gifts[each.code]) for each in campaigns]


def _state(
    session: Session, campaign: Campaign, goals: Sequence[CampaignGoal], gifts: Sequence[Donation]
) -> CampaignState:
    found: dict[str, GoalState] = {}
    for goal in goals:
        _of(session, found, goal.commodity).goal = goal.quantity_base
    currencies = {fund.code: fund.currency for fund in session.exec(select(Fund))}
    for gift in states(session, gifts):
        for line in gift.lines:
            commodity = line.item or currencies[gift.donation.fund or ""]
            here = _of(session, found, commodity)
            if gift.received_at is None:
                here.promised += line.pledged
            here.received += line.received - line.became.returned
            here.used += line.became.used
    donors = {gift.donor for gift in gifts}
    return CampaignState(campaign, len(gifts), len(donors), tuple(found.values()))


def _of(session: Session, found: dict[str, GoalState], code: str) -> GoalState:
    if code not in found:
        commodity: Commodity | None = find_commodity(session, code)
        assert commodity is not None, "goals and lines name commodities by foreign key"
        found[code] = GoalState(code, commodity.commodity_class.value)
    return found[code]
