"""Endpoints of corrections: what one would do, doing it, and all that were made."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from services.corrections import reading, service
from services.corrections.schemas import CorrectedOut, CorrectIn, CorrectionOut, OutlookOut
from services.journal.kinds import EntryKind
from services.journal.reversals import WantedCorrections
from services.parties.access import CurrentActor, MaybeActor
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["corrections"])


@router.get("/entries/{entry_id}/correct")
def look_at_correction(entry_id: UUID, session: DatabaseSession, actor: CurrentActor) -> OutlookOut:
    """What correcting an entry of yours would move, and whether it can be done; why not, if not."""
    return reading.outlook_out(session, service.look(session, actor, entry_id))


@router.post("/entries/{entry_id}/correct", status_code=status.HTTP_201_CREATED)
def correct(
    entry_id: UUID,
    body: CorrectIn,
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
) -> CorrectedOut:
    """Take an entry of yours back, with a reason; a receipt's parts are taken back together."""
    done = service.correct(session, actor, entry_id, body)
    if not done.created:
        response.status_code = status.HTTP_200_OK
    return CorrectedOut(
        entry_id=entry_id,
        reversal_id=done.reversals[entry_id].id,
        reversals={original: entry.id for original, entry in done.reversals.items()},
    )


def asked_for(
    kind: Annotated[EntryKind | None, Query(description="Of what was corrected")] = None,
    organisation: Annotated[Code | None, Query(description="Who corrected")] = None,
    item: Annotated[Code | None, Query(description="An item, or a currency")] = None,
    first: Annotated[date | None, Query(description="From this day of correction on")] = None,
    last: Annotated[date | None, Query(description="Up to this day of correction")] = None,
) -> WantedCorrections:
    actor = f"organisation:{organisation}" if organisation else None
    return WantedCorrections(kind, actor, item, first, last)


@router.get("/corrections", response_model=list[CorrectionOut])
def list_corrections(
    session: DatabaseSession,
    actor: MaybeActor,
    asked: ListAsked,
    response: Response,
    wanted: Annotated[WantedCorrections, Depends(asked_for)],
) -> Any:
    """Every correction with both sides, for anybody to read; reasons for who gave them alone."""
    listing = reading.list_corrections(session, actor, asked, wanted)
    return answer(listing, response, "corrections")
