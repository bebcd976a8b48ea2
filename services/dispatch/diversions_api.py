"""The endpoint of diversions."""

from uuid import UUID

from fastapi import APIRouter

from services.dispatch import diversions
from services.parties.access import CurrentActor
from services.transport.api import one_shipment
from services.transport.schemas import DivertIn, ShipmentOut
from services.web.http import DatabaseSession

router = APIRouter(tags=["transport"])


@router.post("/shipments/{shipment_id}/divert")
def divert(
    shipment_id: UUID, body: DivertIn, session: DatabaseSession, actor: CurrentActor
) -> ShipmentOut:
    """It, or some lines and pieces of it, go to another site instead (dispatchers).

    What they were for is outstanding again. At the new site they serve the needs that are named, or
    are received onto the shelf. Answers the shipment that brings them there: where only a part is
    taken, a new one, with a number of its own.
    """
    shipment = diversions.divert(session, actor, shipment_id, body)
    return one_shipment(session, actor, shipment)
