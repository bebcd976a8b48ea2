"""Endpoints of what-ifs: ask, see the difference, make it a real run; and what others check."""

import csv
import io
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from fastapi.responses import JSONResponse

from services.dispatch import comparing, service, store
from services.dispatch.api import READERS, summaries
from services.dispatch.exporting import exported
from services.dispatch.schemas import AdoptIn, DifferenceOut, NeedShift, RunSummary, WhatIfIn
from services.parties.access import CurrentActor
from services.parties.service import require_role
from services.web.http import DatabaseSession

router = APIRouter(tags=["dispatch"])


class Direction(StrEnum):
    GAINS = "gains"
    LOSSES = "losses"


@router.post("/runs/{run_id}/what-ifs", status_code=status.HTTP_202_ACCEPTED)
def ask_what_if(
    run_id: UUID,
    body: WhatIfIn,
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
) -> RunSummary:
    """Change a solved run's input and solve it anew; nothing of it can be approved."""
    run, created = service.start_what_if(session, actor, run_id, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return summaries(session, [run])[0]


@router.post("/runs/{run_id}/adopt", status_code=status.HTTP_202_ACCEPTED)
def adopt(
    run_id: UUID,
    body: AdoptIn,
    session: DatabaseSession,
    actor: CurrentActor,
    response: Response,
) -> RunSummary:
    """Start a real run with a what-if's policy, pins and bans, on what is there now."""
    run, created = service.adopt(session, actor, run_id, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return summaries(session, [run])[0]


@router.get("/runs/{run_id}/difference")
def show_difference(run_id: UUID, session: DatabaseSession, actor: CurrentActor) -> DifferenceOut:
    """What this run's plan changes against that of the run it started from."""
    require_role(actor, *READERS)
    return comparing.difference_out(session, store.get_run(session, run_id))


@router.get("/runs/{run_id}/difference.csv", response_class=Response)
def download_difference(
    run_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    direction: Annotated[
        Direction | None, Query(description="Only the needs that gain, or that lose")
    ] = None,
) -> Response:
    """Download the needs that gain and those that lose, as CSV."""
    require_role(actor, *READERS)
    out = comparing.difference_out(session, store.get_run(session, run_id))
    wanted = {
        Direction.GAINS: out.gains,
        Direction.LOSSES: out.losses,
        None: [*out.gains, *out.losses],
    }[direction]
    name = f"run-{run_id}-{direction or 'difference'}.csv"
    return Response(
        _csv(wanted),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _csv(shifts: Iterable[NeedShift]) -> str:
    text = io.StringIO()
    columns = list(NeedShift.model_fields)
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(each.model_dump(mode="json") for each in shifts)
    return text.getvalue()


@router.get("/runs/{run_id}/export")
def export_run(run_id: UUID, session: DatabaseSession, actor: CurrentActor) -> Response:
    """Download what `medrelay check-plan` checks: the exact bytes of input and plan."""
    require_role(actor, *READERS)
    run = store.get_run(session, run_id)
    return JSONResponse(
        exported(run),
        headers={"Content-Disposition": f'attachment; filename="run-{run_id}.json"'},
    )
