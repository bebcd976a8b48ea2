"""Endpoints of rounds: lorries, opening hours, and the plans of a day."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from services.parties.access import CurrentActor
from services.parties.pages import sites_by_code
from services.rounds import fleet, service
from services.rounds.schemas import (
    RoundOut,
    RoundsIn,
    RoundsOut,
    RoundsSummary,
    SiteHoursIn,
    SiteHoursOut,
    VehicleIn,
    VehicleOut,
)
from services.web.http import Code, DatabaseSession, Language
from services.web.lists import ListAsked, answer, cut_page

router = APIRouter(tags=["rounds"])


@router.get("/vehicles", response_model=list[VehicleOut])
def list_vehicles(
    session: DatabaseSession,
    actor: CurrentActor,  # noqa: ARG001
    asked: ListAsked,
    response: Response,
    carrier: Annotated[Code | None, Query()] = None,
    depot: Annotated[Code | None, Query()] = None,
) -> Any:
    """Which carrier has which lorries where."""
    rows = [
        VehicleOut.model_validate(row)
        for row in fleet.vehicles(session, carrier=carrier, depot=depot)
    ]
    return answer(cut_page(rows, _VEHICLES_BY, asked), response, "vehicles")


@router.put("/vehicles")
def put_vehicle(body: VehicleIn, session: DatabaseSession, actor: CurrentActor) -> VehicleOut:
    """Register lorries or change them (dispatchers, and their carrier)."""
    return VehicleOut.model_validate(fleet.put_vehicle(session, actor, body))


@router.delete("/vehicles/{carrier}/{code}", status_code=status.HTTP_204_NO_CONTENT)
def remove_vehicle(carrier: str, code: str, session: DatabaseSession, actor: CurrentActor) -> None:
    """Take lorries out of the fleet (dispatchers, and their carrier)."""
    fleet.remove_vehicle(session, actor, carrier, code)


@router.get("/site-hours", response_model=list[SiteHoursOut])
def list_site_hours(
    session: DatabaseSession,
    actor: CurrentActor,  # noqa: ARG001
    asked: ListAsked,
    response: Response,
) -> Any:
    """Sites that have said when they serve lorries.

    Every other one takes goods in from 08:00 to 18:00, 20 minutes a call; at a depot loading
    takes 30 minutes, at any time.
    """
    rows = [SiteHoursOut.model_validate(row) for row in fleet.site_hours(session)]
    return answer(cut_page(rows, _HOURS_BY, asked), response, "site-hours")


@router.put("/site-hours")
def put_site_hours(
    body: SiteHoursIn, session: DatabaseSession, actor: CurrentActor
) -> SiteHoursOut:
    """Say when lorries are served at a site (dispatchers, and whose site it is)."""
    return SiteHoursOut.model_validate(fleet.put_site_hours(session, actor, body))


@router.post("/rounds", status_code=status.HTTP_202_ACCEPTED)
def start_rounds(
    body: RoundsIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> RoundsSummary:
    """Plan the rounds of a day (dispatchers); poll the plan until it is planned or failed."""
    plan, created = service.start(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return service.summaries(session, actor, [plan])[0]


@router.get("/rounds")
def list_rounds(session: DatabaseSession, actor: CurrentActor) -> list[RoundsSummary]:
    """The last 50 plans, newest first; to a carrier, with the totals of its own rounds."""
    return service.summaries(session, actor, service.plans(session))


@router.get("/rounds/{plan_id}")
def show_rounds(
    plan_id: UUID, session: DatabaseSession, actor: CurrentActor, language: Language
) -> RoundsOut:
    """A plan: its rounds, stop by stop, and what no round takes and why."""
    return service.rounds_out(session, actor, service.get_plan(session, plan_id), language)


@router.get("/rounds/{plan_id}/stops.csv", response_class=Response)
def download_stops(plan_id: UUID, session: DatabaseSession, actor: CurrentActor) -> Response:
    """All stops as a table (CSV, RFC 4180): a row for each line that is handed over."""
    plan = service.rounds_out(session, actor, service.get_plan(session, plan_id), "en")
    names = {code: site.name_en for code, site in sites_by_code(session).items()}
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(_HEAD)
    writer.writerows(_rows(plan.plan, names))
    return Response(
        sheet.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="rounds-{plan.day}.csv"'},
    )


@router.get("/rounds/{plan_id}/{number}")
def show_round(
    plan_id: UUID, number: int, session: DatabaseSession, actor: CurrentActor
) -> RoundOut:
    """One round, stop by stop."""
    return service.get_round(session, actor, plan_id, number)


_VEHICLES_BY: dict[str, Callable[[VehicleOut], Any]] = {
    "depot": lambda row: (row.depot, row.carrier, row.code),
    "carrier": lambda row: (row.carrier, row.code),
    "volume_l": lambda row: row.volume_l,
    "weight_kg": lambda row: row.weight_kg,
}
_HOURS_BY: dict[str, Callable[[SiteHoursOut], Any]] = {
    "site": lambda row: row.site,
    "opens_at": lambda row: row.opens_at,
    "closes_at": lambda row: row.closes_at,
}
_HEAD = (
    "round", "carrier", "vehicle", "unit", "trip", "depot", "stop", "site", "site_name",
    "arrives_at", "begins_at", "leaves_at", "distance_m", "shipment_id", "line", "item",
    "quantity_base", "cold",
)  # fmt: skip


def _rows(rounds: list[RoundOut], names: dict[str, str]) -> Iterator[list[str | int]]:
    for each in rounds:
        lorry: list[str | int] = [
            each.number,
            each.carrier,
            each.vehicle,
            each.unit,
            each.trip,
            each.depot,
        ]
        for stop in each.stops:
            times: list[str | int] = [
                at.isoformat() for at in (stop.arrives_at, stop.begins_at, stop.leaves_at)
            ]
            place: list[str | int] = [
                stop.stop,
                stop.site,
                _as_text(names[stop.site]),
                *times,
                stop.distance_m,
            ]
            for load in stop.loads:
                goods: list[str | int] = [
                    str(load.shipment_id),
                    load.line,
                    load.item,
                    load.quantity_base,
                ]
                yield [*lorry, *place, *goods, "yes" if load.cold else "no"]


def _as_text(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in "=+-@\t\r" else name
