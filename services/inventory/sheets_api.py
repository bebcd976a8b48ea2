"""Endpoints of blind counts."""

from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Response, status
from sqlmodel import Session, col, select

from services.database import among
from services.inventory import acts, sheets
from services.inventory.access import visible_sites
from services.inventory.models import CountSheet, SheetState
from services.inventory.sheet_schemas import (
    CancelIn,
    SheetCountIn,
    SheetDetail,
    SheetIn,
    SheetLineOut,
    SheetOut,
)
from services.journal.read import get_lots
from services.parties.access import CurrentActor
from services.parties.service import Actor
from services.web.http import DatabaseSession
from services.web.lists import Asked, ListAsked, Listing, answer, select_page

router = APIRouter(tags=["inventory"])
_ORDER = {"opened_at": col(CountSheet.opened_at).desc(), "site": col(CountSheet.site)}


def sheet_out(sheet: CountSheet) -> SheetOut:
    return SheetOut(**sheet.model_dump(exclude={"opened_by", "content_digest"}))


def detail_out(session: Session, sheet: CountSheet) -> SheetDetail:
    """A sheet with its lines; figures of those alone that are posted."""
    lines = sheets.lines_of(session, sheet.id)
    lots = get_lots(session, [line.lot_id for line in lines])
    posted = sheets.counts_of(session, lines)
    places = acts.places_of(session, list(lots))
    told = []
    for line in lines:
        lot, count = lots[line.lot_id], posted.get(line.lot_id)
        told.append(
            SheetLineOut(
                lot_id=lot.id,
                item=lot.commodity,
                batch=lot.batch,
                expires_on=lot.expires_on,
                place=places.get((sheet.site, lot.id), ""),
                state=line.state,
                counted_base=count.count.counted_base if count else None,
                difference_base=count.difference if count else None,
            )
        )
    told.sort(key=lambda line: (line.place == "", line.place, line.item, line.batch or ""))
    return SheetDetail(**sheet_out(sheet).model_dump(), lines=told)


def listed(
    session: Session, actor: Actor, asked: Asked, site: str | None, state: SheetState | None
) -> Listing[Any]:
    """Sheets of the sites that the actor sees, newest first."""
    statement = select(CountSheet)
    seen = visible_sites(session, actor, site)
    if seen is not None:
        statement = statement.where(among(CountSheet.site, seen))
    if state is not None:
        statement = statement.where(CountSheet.state == state)
    return select_page(session, statement, _ORDER, asked, tie=sa.desc(col(CountSheet.id)))


@router.get("/count-sheets", response_model=list[SheetOut])
def list_sheets(
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
    asked: ListAsked,
    site: Annotated[str | None, Query()] = None,
    state: Annotated[SheetState | None, Query()] = None,
) -> Any:
    """Blind counts of your sites, newest first; at a desk, of all."""
    found = listed(session, actor, asked, site, state)
    return answer(found.map(lambda rows: [sheet_out(row) for row in rows]), response, "counts")


@router.post("/count-sheets", status_code=status.HTTP_201_CREATED)
def open_sheet(
    body: SheetIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> SheetDetail:
    """A sheet of what to count at a site of yours, without quantities."""
    sheet, created = sheets.open_sheet(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return detail_out(session, sheet)


@router.get("/count-sheets/{sheet_id}")
def show_sheet(sheet_id: UUID, session: DatabaseSession, actor: CurrentActor) -> SheetDetail:
    """A sheet's lines; what the books say of a line is told once it is posted."""
    return detail_out(session, sheets.get_sheet(session, actor, sheet_id))


@router.post("/count-sheets/{sheet_id}/counts")
def count_lines(
    sheet_id: UUID, body: SheetCountIn, session: DatabaseSession, actor: CurrentActor
) -> SheetDetail:
    """Enter what you counted: posted, or, where it is far off, left for a second person."""
    return detail_out(session, sheets.count_lines(session, actor, sheet_id, body))


@router.post("/count-sheets/{sheet_id}/cancel")
def cancel_sheet(
    sheet_id: UUID, body: CancelIn, session: DatabaseSession, actor: CurrentActor
) -> SheetDetail:
    """End a count before all of it is counted; what was posted stays."""
    return detail_out(session, sheets.cancel_sheet(session, actor, sheet_id, body.reason))
