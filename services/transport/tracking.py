"""Positions and estimated arrivals that a carrier tells on the way."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from sqlmodel import Session, col, select

from services.database import among
from services.journal.clock import refuse_future
from services.journal.once import claim, digest_of
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.handling import locked, require_carrier
from services.transport.models import Shipment, ShipmentState
from services.transport.schemas_tracks import PositionIn
from services.transport.steps import WrongState, link_of, next_steps
from services.transport.track_models import Position

UNDER_WAY = frozenset({ShipmentState.DISPATCHED, ShipmentState.ARRIVED})


def report(session: Session, actor: Actor, shipment_id: UUID, body: PositionIn) -> Position:
    """Write down where it is or when it will be there; the same report twice is one.

    Raises:
        Forbidden: neither its carrier nor a dispatcher who had it by telephone.
        WrongState: it isn't under way.

    """
    shipment = locked(session, shipment_id)
    if actor.role is not Role.DISPATCHER:
        require_carrier(actor, shipment)
    refuse_future(body.occurred_at)
    position = Position(
        **body.model_dump(),
        shipment_id=shipment_id,
        recorded_at=datetime.now(UTC),
        actor=actor.user_id,
        via_link=link_of(actor),
        content_digest=digest_of(body),
    )
    known = session.get(Position, body.id)
    if known is None and shipment.state not in UNDER_WAY:
        raise WrongState(
            f"Shipment {shipment.id} is {shipment.state}: it isn't under way",
            field="state",
            value=shipment.state,
            mend="tell positions between departure and delivery",
            state=shipment.state,
            next_steps=next_steps(shipment.state),
        )
    claim(session, position)
    return session.get_one(Position, body.id)


def positions_of(session: Session, ids: Iterable[UUID]) -> dict[UUID, list[Position]]:
    """What was told of each shipment, by the time in the world."""
    found: dict[UUID, list[Position]] = {}
    statement = select(Position).where(among(Position.shipment_id, ids))
    order = (col(Position.occurred_at), col(Position.recorded_at), col(Position.id))
    for position in session.exec(statement.order_by(*order)):
        found.setdefault(position.shipment_id, []).append(position)
    return found


def expected_at(positions: Iterable[Position]) -> datetime | None:
    """The newest estimated arrival of a shipment, if any was told."""
    told = [each.expected_at for each in positions if each.expected_at is not None]
    return told[-1] if told else None


def on_the_way(shipment: Shipment) -> bool:
    return shipment.state in UNDER_WAY
