"""Endpoints of disposals."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, status
from fastapi import Response as Reply
from sqlmodel import Session
from starlette.responses import Response

from services.files.service import open_attachment
from services.inventory import disposals
from services.inventory.act_schemas import ActOut
from services.inventory.acts_api import act_out
from services.inventory.disposal_schemas import (
    DecisionIn,
    DestroyedIn,
    DisposalIn,
    DisposalOut,
    PaperOut,
)
from services.inventory.models import Disposal, DisposalState
from services.parties.access import CurrentActor
from services.web.forms import FILE_BODY, SentFile
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["inventory"])


def disposals_out(session: Session, found: Sequence[Disposal]) -> list[DisposalOut]:
    return [
        DisposalOut(
            **each.disposal.model_dump(
                include={"id", "site", "lot_id", "taken_from", "quantity_base", "reason"}
            ),
            item=each.lot.commodity,
            batch=each.lot.batch,
            state=each.stage,
            asked_at=each.disposal.asked_at,
            entry_id=each.entry_id,
            certificates=[
                PaperOut(name=paper.name, sha256=paper.sha256) for paper in each.certificates
            ],
        )
        for each in disposals.read(session, found)
    ]


@router.get("/stock/disposals", response_model=list[DisposalOut])
def list_disposals(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Reply,
    asked: ListAsked,
    site: Annotated[str | None, Query()] = None,
    state: Annotated[DisposalState | None, Query(description="What was decided")] = None,
) -> Any:
    """What was asked to be destroyed, newest first."""
    listing = disposals.find(session, actor, asked, site=site, state=state)
    return answer(listing.map(lambda rows: disposals_out(session, rows)), response, "disposals")


@router.post("/stock/disposals", status_code=status.HTTP_201_CREATED)
def ask_for_disposal(
    body: DisposalIn, session: DatabaseSession, actor: CurrentActor, response: Reply
) -> DisposalOut:
    """Ask for the destruction of unusable goods at a site of yours."""
    found, created = disposals.ask(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return disposals_out(session, [found])[0]


@router.get("/stock/disposals/{disposal_id}")
def show_disposal(disposal_id: UUID, session: DatabaseSession, actor: CurrentActor) -> DisposalOut:
    """One disposal, its certificates, and its entry once it was carried out."""
    found = disposals.get_disposal(session, actor, disposal_id)
    return disposals_out(session, [found])[0]


@router.post("/stock/disposals/{disposal_id}/decision")
def decide_disposal(
    disposal_id: UUID, body: DecisionIn, session: DatabaseSession, actor: CurrentActor
) -> DisposalOut:
    """An approver's word: never the one who asked."""
    found = disposals.decide(session, actor, disposal_id, body)
    return disposals_out(session, [found])[0]


@router.post(
    "/stock/disposals/{disposal_id}/certificates",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=FILE_BODY,
)
def add_certificate(
    disposal_id: UUID, session: DatabaseSession, actor: CurrentActor, file: SentFile
) -> PaperOut:
    """The certificate of destruction: PDF, PNG, JPEG or UTF-8 text up to 5 MB."""
    paper = disposals.add_certificate(session, actor, disposal_id, file)
    return PaperOut(name=paper.name, sha256=paper.sha256)


@router.get("/stock/disposals/{disposal_id}/certificates/{sha256}")
def open_certificate(
    disposal_id: UUID, sha256: str, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """A certificate, for desks and for whose site it was at."""
    disposals.get_disposal(session, actor, disposal_id)
    return open_attachment(session, disposals.subject_of(disposal_id), sha256)


@router.post("/stock/disposals/{disposal_id}/destroyed", status_code=status.HTTP_201_CREATED)
def record_destruction(
    disposal_id: UUID,
    body: DestroyedIn,
    session: DatabaseSession,
    actor: CurrentActor,
    response: Reply,
) -> ActOut:
    """It was done, before a witness: the goods are lost in the journal."""
    done = disposals.destroyed(session, actor, disposal_id, body)
    if not done.posted.created:
        response.status_code = status.HTTP_200_OK
    return act_out(done)
