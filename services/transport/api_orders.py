"""Endpoints of transfer orders, and of joining shipments and splitting them again."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from sqlmodel import Session

from services.journal.read import get_lots
from services.parties.access import CurrentActor
from services.transport import joining, transfers
from services.transport.api import one_shipment
from services.transport.order_models import Transfer
from services.transport.schemas import CancelIn, ShipmentOut
from services.transport.schemas_orders import (
    JoinIn,
    SplitIn,
    TransferIn,
    TransferLineOut,
    TransferOut,
)
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["transport"])


def transfers_out(session: Session, rows: Sequence[Transfer]) -> list[TransferOut]:
    """Orders as the API answers them."""
    found = transfers.ordered(session, rows)
    lots = get_lots(session, {line.lot_id for each in found for line in each.lines})
    return [
        TransferOut(
            **each.transfer.model_dump(),
            shipment_id=each.shipment.id if each.shipment else None,
            state=each.shipment.state if each.shipment else None,
            pieces=sum(line.quantity_base for line in each.lines),
            lines=[
                TransferLineOut(
                    lot_id=line.lot_id,
                    item=lots[line.lot_id].commodity,
                    quantity_base=line.quantity_base,
                )
                for line in each.lines
            ],
        )
        for each in found
    ]


@router.post("/transfers", status_code=status.HTTP_201_CREATED)
def order_transfer(
    body: TransferIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> TransferOut:
    """Order goods from a shelf to another site (dispatchers, and whose shelf it is).

    They are set aside at once, and their shipment is planned; it is picked, sent and received as
    any other, and ends on the other site's shelf.
    """
    transfer, created = transfers.order(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return transfers_out(session, [transfer])[0]


@router.get("/transfers", response_model=list[TransferOut])
def list_transfers(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    origin: Annotated[Code | None, Query()] = None,
    destination: Annotated[Code | None, Query()] = None,
) -> Any:
    """Orders from or to your sites, or, at a desk, everybody's; newest first."""
    listing = transfers.find(session, actor, asked, origin=origin, destination=destination)
    return answer(listing.map(lambda rows: transfers_out(session, rows)), response, "transfers")


@router.get("/transfers/{transfer_id}")
def show_transfer(transfer_id: UUID, session: DatabaseSession, actor: CurrentActor) -> TransferOut:
    """An order, and the shipment that carries it."""
    return transfers_out(session, [transfers.get_transfer(session, actor, transfer_id)])[0]


@router.post("/transfers/{transfer_id}/cancel")
def cancel_transfer(
    transfer_id: UUID, body: CancelIn, session: DatabaseSession, actor: CurrentActor
) -> ShipmentOut:
    """Call it off before it leaves (dispatchers, and whose shelf it is); its goods are free."""
    return one_shipment(session, actor, transfers.cancel(session, actor, transfer_id, body))


@router.post("/shipments/{shipment_id}/join")
def join(
    shipment_id: UUID, body: JoinIn, session: DatabaseSession, actor: CurrentActor
) -> ShipmentOut:
    """Put other planned shipments of the same way, day and carrier into this one (dispatchers)."""
    return one_shipment(session, actor, joining.join(session, actor, shipment_id, body))


@router.post("/shipments/{shipment_id}/split")
def split(
    shipment_id: UUID, body: SplitIn, session: DatabaseSession, actor: CurrentActor
) -> ShipmentOut:
    """Take lines of a planned shipment into one of their own (dispatchers); answers the new one."""
    return one_shipment(session, actor, joining.split(session, actor, shipment_id, body))
