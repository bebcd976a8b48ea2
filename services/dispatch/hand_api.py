"""Endpoints of standing pins and bans."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Response, status

from services.dispatch import hand_rules
from services.dispatch.api import READERS, usernames
from services.dispatch.desk_models import HandRule, RuleKind
from services.dispatch.hand_schemas import HandRuleEnd, HandRuleIn, HandRuleOut
from services.parties.access import CurrentActor
from services.parties.service import require_role
from services.requests import service as requests
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["dispatch"])


def rules_out(session: DatabaseSession, rows: Sequence[HandRule]) -> list[HandRuleOut]:
    people = usernames(
        session, {who for row in rows for who in (row.set_by, row.ended_by) if who is not None}
    )
    needs = requests.get_needs(session, {row.need_id for row in rows if row.need_id})
    return [
        HandRuleOut(
            **row.model_dump(include=_AS_KEPT),
            need_site=needs[row.need_id].site if row.need_id else None,
            item=needs[row.need_id].item if row.need_id else None,
            set_by=people[row.set_by],
            ended_by=people[row.ended_by] if row.ended_by else None,
        )
        for row in rows
    ]


_AS_KEPT = HandRuleOut.model_fields.keys() - {"set_by", "ended_by", "need_site", "item"}


@router.get("/hand-rules", response_model=list[HandRuleOut])
def list_rules(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    kind: RuleKind | None = None,
    ended: bool | None = None,
) -> object:
    """Pins and bans that every run takes in, and those that ended."""
    require_role(actor, *READERS)
    listing = hand_rules.find_rules(session, asked, kind=kind, ended=ended)
    return answer(listing.map(lambda rows: rules_out(session, rows)), response, "pins-and-bans")


@router.post("/hand-rules", status_code=status.HTTP_201_CREATED)
def set_rule(
    body: HandRuleIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> HandRuleOut:
    """Pin pieces of a lot or a site to a need, or ban them from it, in every run from now on."""
    rule, created = hand_rules.set_rule(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return rules_out(session, [rule])[0]


@router.post("/hand-rules/{rule_id}/end")
def end_rule(
    rule_id: UUID, body: HandRuleEnd, session: DatabaseSession, actor: CurrentActor
) -> HandRuleOut:
    """Take a pin or ban back, from the next run on."""
    return rules_out(session, [hand_rules.end_rule(session, actor, rule_id, body.why)])[0]
