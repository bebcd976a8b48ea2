"""Endpoints of what is told on the way, of papers and proofs, and of drivers' links."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from services.files.service import attach, attachments_of, open_attachment
from services.parties.access import CurrentActor
from services.parties.models import Role
from services.parties.service import require_role
from services.transport import cold, labelling, links, service, tracking
from services.transport.handling import carries
from services.transport.manifest import manifests
from services.transport.schemas_tracks import (
    FileOut,
    LabelIn,
    LinkIn,
    LinkOut,
    NewLinkOut,
    PositionIn,
    PositionOut,
    TemperatureOut,
    TrackOut,
    UnitOut,
    WaybillOut,
)
from services.transport.track_models import CarrierLink
from services.web.forms import SentFile
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["transport"])
PROOF = "proof_of_delivery"


@router.post("/shipments/{shipment_id}/positions", status_code=status.HTTP_201_CREATED)
def tell_position(
    shipment_id: UUID, body: PositionIn, session: DatabaseSession, actor: CurrentActor
) -> PositionOut:
    """Say where it is, or when it is expected (its carrier, and dispatchers)."""
    return PositionOut.model_validate(tracking.report(session, actor, shipment_id, body))


@router.get("/shipments/{shipment_id}/track")
def show_track(shipment_id: UUID, session: DatabaseSession, actor: CurrentActor) -> TrackOut:
    """Positions, estimated arrival, temperatures and files of a shipment."""
    shipment = service.get_shipment(session, actor, shipment_id)
    positions = tracking.positions_of(session, [shipment.id]).get(shipment.id, [])
    logs = cold.logs_of(session, [shipment.id]).get(shipment.id, [])
    subject = f"shipment:{shipment.id}"
    return TrackOut(
        expected_at=tracking.expected_at(positions),
        positions=[PositionOut.model_validate(each) for each in positions],
        temperatures=[TemperatureOut.model_validate(each) for each in logs],
        files=[
            FileOut.model_validate(each) for each in attachments_of(session, [subject])[subject]
        ],
    )


@router.post("/shipments/{shipment_id}/proof", status_code=status.HTTP_201_CREATED)
def add_proof(
    shipment_id: UUID, file: SentFile, session: DatabaseSession, actor: CurrentActor
) -> FileOut:
    """A signature or photograph that shows the delivery (its carrier, and dispatchers)."""
    shipment = service.get_shipment(session, actor, shipment_id)
    if not carries(actor, shipment):
        require_role(actor, Role.DISPATCHER)
    kept = attach(session, actor, f"shipment:{shipment_id}", PROOF, file)
    return FileOut.model_validate(kept)


@router.post("/shipments/{shipment_id}/temperatures/{log_id}", status_code=status.HTTP_201_CREATED)
def add_temperatures(
    shipment_id: UUID,
    log_id: UUID,
    file: SentFile,
    session: DatabaseSession,
    actor: CurrentActor,
    item: Annotated[Code | None, Query(description="The cold goods that the logger lay by")] = None,
) -> TemperatureOut:
    """A logger's readings, CSV rows of time,celsius (its carrier, its consignee, dispatchers).

    Cold goods must stay within their item's limits. Where they didn't, what is accepted of those
    that are kept so goes to quarantine. ``item`` may be left out where all are kept alike.
    """
    log = cold.add_readings(session, actor, shipment_id, log_id, file, item)
    return TemperatureOut.model_validate(log)


@router.get("/shipments/{shipment_id}/files/{sha256}", response_class=Response)
def open_file(
    shipment_id: UUID, sha256: str, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """A file beside the shipment."""
    service.get_shipment_with_names(session, actor, shipment_id)
    return open_attachment(session, f"shipment:{shipment_id}", sha256)


@router.post("/shipments/{shipment_id}/labels")
def make_labels(
    shipment_id: UUID, body: LabelIn, session: DatabaseSession, actor: CurrentActor
) -> list[UnitOut]:
    """Number its pallets and parcels (SSCC): its carrier, whose site it leaves, dispatchers."""
    units = labelling.label(session, actor, shipment_id, body.units)
    return [UnitOut.model_validate(unit) for unit in units]


@router.get("/shipments/{shipment_id}/waybill")
def show_waybill(shipment_id: UUID, session: DatabaseSession, actor: CurrentActor) -> WaybillOut:
    """What stands on the paper that goes with the goods."""
    shipment = service.get_shipment(session, actor, shipment_id)
    weighed = labelling.weigh(session, manifests(session, [shipment])[0])
    units = labelling.units_of(session, [shipment.id]).get(shipment.id, [])
    return WaybillOut(
        shipment_id=shipment.id,
        consignor=shipment.origin,
        consignee=shipment.destination,
        carrier=shipment.carrier,
        depart_on=shipment.depart_on,
        due_on=shipment.due_on,
        pieces=weighed.pieces,
        volume_ml=weighed.volume_ml,
        weight_g=weighed.weight_g,
        cold=weighed.cold,
        units=[UnitOut.model_validate(unit) for unit in units],
    )


@router.post("/carrier-links", status_code=status.HTTP_201_CREATED)
def make_link(
    body: LinkIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> NewLinkOut:
    """A link for a driver (the carrier, and dispatchers); its secret is answered this once."""
    link, secret = links.make_link(session, actor, body)
    if secret is None:
        response.status_code = status.HTTP_200_OK
    path = f"/driver/{secret}" if secret else None
    return NewLinkOut(**LinkOut.model_validate(link).model_dump(), path=path)


@router.get("/carrier-links", response_model=list[LinkOut])
def list_links(
    session: DatabaseSession, actor: CurrentActor, asked: ListAsked, response: Response
) -> Any:
    """Links for drivers, without their secrets; the newest first."""
    listing = links.find_links(session, actor, asked)
    return answer(listing.map(_links_out), response, "carrier-links")


@router.post("/carrier-links/{link_id}/revoke")
def revoke_link(link_id: UUID, session: DatabaseSession, actor: CurrentActor) -> LinkOut:
    """End a link at once (the carrier, and dispatchers)."""
    return LinkOut.model_validate(links.revoke(session, actor, link_id))


def _links_out(rows: Sequence[CarrierLink]) -> list[LinkOut]:
    return [LinkOut.model_validate(row) for row in rows]
