"""Endpoints of recalls: open one, follow it up, lift it."""

from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Response, status
from sqlmodel import Session, col, select

from services.inventory import recall_reading, recalls
from services.inventory.models import Recall
from services.inventory.recall_reading import Touched
from services.inventory.recall_schemas import (
    LiftIn,
    RecallDetail,
    RecalledLot,
    RecallIn,
    RecallOut,
    RecallStanding,
)
from services.parties.access import CurrentActor
from services.parties.models import DESKS
from services.parties.service import Actor, sites_of
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, Listing, answer, select_page

router = APIRouter(tags=["inventory"])
_ORDER = {
    "opened_at": col(Recall.opened_at).desc(),
    "item": col(Recall.item),
    "lifted_at": col(Recall.lifted_at),
}


def recall_out(recall: Recall) -> RecallOut:
    return RecallOut(**recall.model_dump(exclude={"opened_by", "lifted_by", "content_digest"}))


def detail_out(session: Session, actor: Actor, recall: Recall) -> RecallDetail:
    """The whole of it for the desks; for others, what they have or had of it themselves."""
    found = recall_reading.touched(session, recall)
    seen = _seen(session, actor, found)
    at_desk = actor.role in DESKS
    return RecallDetail(
        **recall_out(recall).model_dump(),
        opened_base=found.opened,
        progress=found.progress,
        lots=[
            RecalledLot(
                lot_id=lot.id, batch=lot.batch, expires_on=lot.expires_on, origin=lot.origin
            )
            for lot in found.lots
        ],
        standings=[
            RecallStanding(holder=holder, states=states)
            for holder, states in found.now.items()
            if seen is None or holder in seen
        ],
        sites=[each for each in found.sites if seen is None or f"site:{each}" in seen],
        shipments=found.shipments if at_desk else [],
        needs=list(found.needs) if at_desk else [],
        donations=list(found.donations) if at_desk else [],
        organisations=sorted(recall_reading.organisations_of(session, found)) if at_desk else [],
    )


def _seen(session: Session, actor: Actor, found: Touched) -> set[str] | None:
    if actor.role in DESKS:
        return None
    own = {f"site:{site.code}" for site in sites_of(session, actor.organisation)}
    return own & set(found.had)


def listed(
    session: Session, asked: ListAsked, *, open_only: bool, item: str | None
) -> Listing[Any]:
    """Recalls, newest first."""
    statement = select(Recall)
    if open_only:
        statement = statement.where(col(Recall.lifted_at).is_(None))
    if item:
        statement = statement.where(Recall.item == item)
    return select_page(session, statement, _ORDER, asked, tie=sa.desc(col(Recall.id)))


@router.get("/recalls", response_model=list[RecallOut])
def list_recalls(
    session: DatabaseSession,
    actor: CurrentActor,  # noqa: ARG001 — whoever is signed in is to know what is recalled
    response: Response,
    asked: ListAsked,
    open_only: Annotated[bool, Query(description="Only those that aren't lifted")] = False,
    item: Annotated[str | None, Query()] = None,
) -> Any:
    """Every recall: a notice to all who are signed in."""
    listing = listed(session, asked, open_only=open_only, item=item)
    return answer(listing.map(lambda rows: [recall_out(row) for row in rows]), response, "recalls")


@router.post("/recalls", status_code=status.HTTP_201_CREATED)
def open_recall(
    body: RecallIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> RecallDetail:
    """Stop a lot or a batch everywhere, gather what stands anywhere, tell whoever has some."""
    recall, created = recalls.open_recall(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return detail_out(session, actor, recall)


@router.get("/recalls/{recall_id}")
def show_recall(recall_id: UUID, session: DatabaseSession, actor: CurrentActor) -> RecallDetail:
    """Everything that the recalled lots touched, and how much of it is back or destroyed."""
    return detail_out(session, actor, recall_reading.get_recall(session, recall_id))


@router.post("/recalls/{recall_id}/lift")
def lift_recall(
    recall_id: UUID, body: LiftIn, session: DatabaseSession, actor: CurrentActor
) -> RecallDetail:
    """End a recall, with the reason: what was gathered is in quarantine then."""
    recall = recalls.lift_recall(session, actor, recall_id, body)
    return detail_out(session, actor, recall)
