"""Endpoints of transport: lanes, and the life of shipments."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response, status
from sqlmodel import Session

from services.parties.access import CurrentActor
from services.parties.service import Actor
from services.transport import acts, receiving, service
from services.transport.calls import Calls, calls_of
from services.transport.durations import observed
from services.transport.manifest import Manifest, ManifestEvent, ManifestLine, manifests, pick_list
from services.transport.models import Lane, Shipment, ShipmentState
from services.transport.schemas import (
    ActIn,
    CallsOut,
    CancelIn,
    DeliverIn,
    EventOut,
    LaneIn,
    LaneOut,
    LineOut,
    LoadIn,
    LoseIn,
    PickedOut,
    PickOut,
    ReceiveIn,
    ShipmentOut,
    VerifyIn,
)
from services.transport.service import Wanted
from services.transport.steps import next_steps
from services.web.http import Code, DatabaseSession
from services.web.lists import LEFT_EMPTY, ListAsked, answer, cut_page

router = APIRouter(tags=["transport"])

_MINIMAL = "return=minimal"
_NO_CONTENT: dict[int | str, dict[str, Any]] = {
    204: {"description": "It is done; `Prefer: return=minimal` asked for no more"}
}
Preference = Annotated[
    str | None, Header(description="`return=minimal`: answer nothing but that it is done")
]

LANES_BY: Mapping[str, Callable[[Lane], Any]] = {
    "origin": lambda lane: (lane.origin, lane.destination),
    "destination": lambda lane: (lane.destination, lane.origin),
    "carrier": lambda lane: (lane.carrier, lane.origin, lane.destination),
    "distance_m": lambda lane: lane.distance_m,
    "duration_days": lambda lane: lane.duration_days,
    "volume_l_per_day": lambda lane: lane.volume_l_per_day,
}


def asked_for(
    state: Annotated[ShipmentState | None, LEFT_EMPTY, Query()] = None,
    run_id: Annotated[UUID | None, LEFT_EMPTY, Query()] = None,
    origin: Annotated[Code | None, LEFT_EMPTY, Query()] = None,
    destination: Annotated[Code | None, LEFT_EMPTY, Query()] = None,
    carrier: Annotated[Code | None, LEFT_EMPTY, Query()] = None,
    depart_on: Annotated[date | None, LEFT_EMPTY, Query()] = None,
) -> Wanted:
    return Wanted(state, run_id, origin, destination, carrier, depart_on)


def shipment_out(manifest: Manifest, actor: Actor) -> ShipmentOut:
    return ShipmentOut(
        **manifest.shipment.model_dump(),
        next_steps=next_steps(manifest.shipment.state),
        events=[_event_out(event, actor) for event in manifest.events],
        lines=[_line_out(line) for line in manifest.lines],
    )


@router.get("/lanes", response_model=list[LaneOut])
def list_lanes(
    session: DatabaseSession,
    actor: CurrentActor,  # noqa: ARG001
    asked: ListAsked,
    response: Response,
    origin: Annotated[str | None, Query()] = None,
    destination: Annotated[str | None, Query()] = None,
) -> Any:
    """Which carrier serves which way, how far and long it is, what it costs and can carry."""
    rows = service.lanes(session, origin=origin, destination=destination)
    listing = cut_page(rows, LANES_BY, asked)
    return answer(listing.map(lambda page: lanes_out(session, page)), response, "lanes")


def lanes_out(session: Session, rows: Sequence[Lane]) -> list[LaneOut]:
    """Lanes as the API answers them, with how long their last deliveries took."""
    known = observed(session)
    seen = [known.get((row.origin, row.destination)) for row in rows]
    return [
        LaneOut(
            **row.model_dump(),
            observed_days=found.days if found else None,
            observed_deliveries=found.deliveries if found else 0,
        )
        for row, found in zip(rows, seen, strict=True)
    ]


@router.put("/lanes")
def put_lane(body: LaneIn, session: DatabaseSession, actor: CurrentActor) -> LaneOut:
    """Register a lane or change it (dispatchers)."""
    return lanes_out(session, [service.put_lane(session, actor, body)])[0]


@router.get("/shipments", response_model=list[ShipmentOut])
def list_shipments(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    wanted: Annotated[Wanted, Depends(asked_for)],
) -> Any:
    """Shipments that you have a part in, or, at a desk, everybody's; by day of departure."""
    listing = service.find_shipments(session, actor, asked, wanted)
    return answer(
        listing.map(lambda page: shipments_out(session, actor, page)), response, "shipments"
    )


def shipments_out(session: Session, actor: Actor, rows: Sequence[Shipment]) -> list[ShipmentOut]:
    return [shipment_out(manifest, actor) for manifest in manifests(session, rows)]


@router.get("/shipments/{shipment_id}")
def show_shipment(shipment_id: UUID, session: DatabaseSession, actor: CurrentActor) -> ShipmentOut:
    """A shipment: what happened to it, and what it carries, line by line."""
    return one_shipment(session, actor, service.get_shipment(session, actor, shipment_id))


@router.get("/shipments/{shipment_id}/calls")
def show_calls(shipment_id: UUID, session: DatabaseSession, actor: CurrentActor) -> CallsOut:
    """On which round of a lorry it is, as which stop, and about when it comes."""
    shipment = service.get_shipment(session, actor, shipment_id)
    found = calls_of(session, [shipment]).get(shipment.id, Calls((), ()))
    return CallsOut.model_validate(found)


@router.post("/shipments/{shipment_id}/pick")
def pick(
    shipment_id: UUID, body: ActIn, session: DatabaseSession, actor: CurrentActor
) -> PickedOut:
    """Take the goods off the shelf (dispatchers, and whose site it is); answers the pick list."""
    shipment = acts.pick(session, actor, shipment_id, body)
    manifest = manifests(session, [shipment])[0]
    return PickedOut(
        **shipment_out(manifest, actor).model_dump(),
        pick_list=[
            PickOut(
                lot_id=some.lot.id,
                item=some.lot.commodity,
                batch=some.lot.batch,
                expires_on=some.lot.expires_on,
                quantity_base=some.quantity,
                lines=list(some.lines),
            )
            for some in pick_list(manifest)
        ],
    )


@router.post("/shipments/{shipment_id}/dispatch", response_model=ShipmentOut, responses=_NO_CONTENT)
def dispatch(
    shipment_id: UUID,
    body: ActIn,
    session: DatabaseSession,
    actor: CurrentActor,
    prefer: Preference = None,
) -> Any:
    """It leaves (dispatchers, whose site it is, and its carrier)."""
    return answered(session, actor, acts.send(session, actor, shipment_id, body), prefer)


@router.post("/shipments/{shipment_id}/load")
def load(
    shipment_id: UUID, body: LoadIn, session: DatabaseSession, actor: CurrentActor
) -> ShipmentOut:
    """It is on the lorry (dispatchers, whose site it is, and its carrier); may go unsaid."""
    return one_shipment(session, actor, acts.load(session, actor, shipment_id, body))


@router.post("/shipments/{shipment_id}/arrive")
def arrive(
    shipment_id: UUID, body: LoadIn, session: DatabaseSession, actor: CurrentActor
) -> ShipmentOut:
    """The lorry stands at the gate (its carrier); may go unsaid."""
    return one_shipment(session, actor, acts.arrive(session, actor, shipment_id, body))


@router.post("/shipments/{shipment_id}/deliver", response_model=ShipmentOut, responses=_NO_CONTENT)
def deliver(
    shipment_id: UUID,
    body: DeliverIn,
    session: DatabaseSession,
    actor: CurrentActor,
    prefer: Preference = None,
) -> Any:
    """It is handed over at the door (its carrier)."""
    return answered(session, actor, acts.deliver(session, actor, shipment_id, body), prefer)


@router.post("/shipments/{shipment_id}/receive", response_model=ShipmentOut, responses=_NO_CONTENT)
def receive(
    shipment_id: UUID,
    body: ReceiveIn,
    session: DatabaseSession,
    actor: CurrentActor,
    prefer: Preference = None,
) -> Any:
    """The consignee's count of every line: accepted, rejected with a reason, short.

    Repeating the same count answers 200 again; another count of the same shipment is refused.
    """
    return answered(session, actor, receiving.receive(session, actor, shipment_id, body), prefer)


@router.post("/shipments/{shipment_id}/verify", response_model=ShipmentOut, responses=_NO_CONTENT)
def verify(
    shipment_id: UUID,
    body: VerifyIn,
    session: DatabaseSession,
    actor: CurrentActor,
    prefer: Preference = None,
) -> Any:
    """The receipt has been compared with the papers (dispatchers and auditors)."""
    return answered(session, actor, acts.verify(session, actor, shipment_id, body), prefer)


@router.post("/shipments/{shipment_id}/lose")
def lose(
    shipment_id: UUID, body: LoseIn, session: DatabaseSession, actor: CurrentActor
) -> ShipmentOut:
    """Everything on it is lost under way (its carrier, and dispatchers)."""
    return one_shipment(session, actor, acts.lose(session, actor, shipment_id, body))


@router.post("/shipments/{shipment_id}/cancel")
def cancel(
    shipment_id: UUID, body: CancelIn, session: DatabaseSession, actor: CurrentActor
) -> ShipmentOut:
    """It won't be sent (dispatchers), as when a lot expired or its need was cancelled.

    Possible until it is dispatched. What was reserved for its lines is available again, and what
    its needs lack is outstanding again for the next run; a cancelled need asks for no more.
    """
    return one_shipment(session, actor, acts.cancel(session, actor, shipment_id, body))


def answered(
    session: Session, actor: Actor, shipment: Shipment, prefer: str | None
) -> ShipmentOut | Response:
    """The shipment as it is after an act; nothing for whoever prefers that (RFC 7240)."""
    if prefer is None or _MINIMAL not in {part.strip() for part in prefer.split(",")}:
        return one_shipment(session, actor, shipment)
    headers = {"Preference-Applied": _MINIMAL}
    return Response(status_code=status.HTTP_204_NO_CONTENT, headers=headers)


def one_shipment(session: DatabaseSession, actor: Actor, shipment: Shipment) -> ShipmentOut:
    return shipment_out(manifests(session, [shipment])[0], actor)


def _event_out(row: ManifestEvent, actor: Actor) -> EventOut:
    return EventOut(
        state=row.event.state,
        occurred_at=row.event.occurred_at,
        recorded_at=row.event.recorded_at,
        actor=f"organisation:{row.organisation}",
        note=row.event.note,
        received_by_name=row.event.received_by_name if actor.role in service.SEE_NAMES else None,
    )


def _line_out(row: ManifestLine) -> LineOut:
    return LineOut(
        line=row.line,
        need_id=row.need_id,
        transfer_id=row.transfer_id,
        item=row.lot.commodity,
        lot_id=row.lot.id,
        batch=row.lot.batch,
        expires_on=row.lot.expires_on,
        quantity_base=row.quantity,
        accepted_base=row.accepted,
        held_base=row.held,
        rejected_base=row.rejected,
        short_base=row.short,
        reason=row.reason,
    )
