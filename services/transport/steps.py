"""The life of a shipment: which act leads from which states to which, once each."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Session, col, select

from services.errors import Conflict, InvalidInput
from services.journal.clock import refuse_future
from services.parties.service import Actor
from services.transport.models import Shipment, ShipmentEvent, ShipmentState
from services.transport.schemas import ActIn


class Step(StrEnum):
    PICK = "pick"
    LOAD = "load"
    DISPATCH = "dispatch"
    ARRIVE = "arrive"
    DIVERT = "divert"
    DELIVER = "deliver"
    RECEIVE = "receive"
    VERIFY = "verify"
    LOSE = "lose"
    CANCEL = "cancel"


_S = ShipmentState
# Each act: the states in which it may be done, and those that it may lead to.
STEPS: dict[Step, tuple[frozenset[ShipmentState], frozenset[ShipmentState]]] = {
    Step.PICK: (frozenset({_S.PLANNED}), frozenset({_S.PICKED})),
    # Loading and arrival may go unsaid.
    Step.DISPATCH: (frozenset({_S.PICKED, _S.LOADED}), frozenset({_S.DISPATCHED})),
    Step.LOAD: (frozenset({_S.PICKED}), frozenset({_S.LOADED})),
    Step.DELIVER: (frozenset({_S.DISPATCHED, _S.ARRIVED}), frozenset({_S.DELIVERED})),
    Step.ARRIVE: (frozenset({_S.DISPATCHED}), frozenset({_S.ARRIVED})),
    Step.DIVERT: (
        frozenset({_S.DISPATCHED, _S.ARRIVED}),
        frozenset({_S.DISPATCHED, _S.ARRIVED}),
    ),
    Step.RECEIVE: (
        frozenset({_S.DELIVERED}),
        frozenset({_S.RECEIVED, _S.PARTLY_RECEIVED, _S.REFUSED, _S.LOST}),
    ),
    Step.VERIFY: (frozenset({_S.RECEIVED, _S.PARTLY_RECEIVED}), frozenset({_S.VERIFIED})),
    Step.LOSE: (frozenset({_S.DISPATCHED, _S.ARRIVED, _S.DELIVERED}), frozenset({_S.LOST})),
    Step.CANCEL: (frozenset({_S.PLANNED, _S.PICKED, _S.LOADED}), frozenset({_S.CANCELLED})),
}


@dataclass(frozen=True, slots=True)
class Driver(Actor):
    """Who acts for a carrier by one of its links; ``user_id`` is who made the link."""

    link_id: UUID


def link_of(actor: Actor) -> UUID | None:
    """The link that an actor came by, if any."""
    return actor.link_id if isinstance(actor, Driver) else None


class WrongState(Conflict):
    code, title = "wrong-state", "The shipment isn't at that point"


@dataclass(frozen=True, slots=True)
class Act:
    """One step as somebody reports it. ``body`` is what they sent, without a second order."""

    step: Step
    actor: Actor
    body: ActIn

    @property
    def digest(self) -> str:
        """The same act sent again has the same digest."""
        return hashlib.sha256(f"{self.step} {self.body.model_dump_json()}".encode()).hexdigest()


def next_steps(state: ShipmentState) -> list[Step]:
    """The acts that a shipment in this state is open to."""
    return [step for step, (before, _) in STEPS.items() if state in before]


def is_new(session: Session, shipment: Shipment, act: Act) -> bool:
    """Whether the act is still to be done; False where the very same was done before.

    The caller holds the shipment's row lock, so that of two equal acts one is the first.

    Raises:
        WrongState: the shipment's state doesn't allow it.
        InvalidInput: it lies in the future, or before what happened last.

    """
    events = events_of(session, shipment)
    if any(event.content_digest == act.digest for event in events):
        return False
    if act.step not in next_steps(shipment.state):
        possible = ", ".join(next_steps(shipment.state))
        raise WrongState(
            f"Shipment {shipment.id} is {shipment.state}: to {act.step} it isn't possible",
            field="state",
            value=shipment.state,
            mend=f"what may come next: {possible}" if possible else "nothing comes after this",
            state=shipment.state,
            next_steps=next_steps(shipment.state),
        )
    _check_time(act.body.occurred_at, events)
    return True


def _check_time(occurred_at: datetime, events: list[ShipmentEvent]) -> None:
    refuse_future(occurred_at)
    if events and occurred_at < events[-1].occurred_at:
        last = events[-1]
        raise InvalidInput(
            f"The shipment was {last.state} at {last.occurred_at.isoformat()}, which is later",
            field="occurred_at",
            value=occurred_at.isoformat(),
            mend=f"give a time from {last.occurred_at.isoformat()} on",
        )


def record(
    session: Session,
    shipment: Shipment,
    act: Act,
    state: ShipmentState,
    *,
    note: str | None = None,
    received_by_name: str | None = None,
) -> None:
    """Bring the shipment to its new state, and say when and by whom."""
    before, after = STEPS[act.step]
    assert shipment.state in before
    assert state in after
    shipment.state = state
    session.add(
        ShipmentEvent(
            shipment_id=shipment.id,
            state=state,
            occurred_at=act.body.occurred_at,
            recorded_at=datetime.now(UTC),
            actor=act.actor.user_id,
            note=note,
            received_by_name=received_by_name,
            content_digest=act.digest,
            via_link=link_of(act.actor),
        )
    )
    session.flush()


def events_of(session: Session, shipment: Shipment) -> list[ShipmentEvent]:
    """What happened to a shipment so far, in order."""
    statement = select(ShipmentEvent).where(ShipmentEvent.shipment_id == shipment.id)
    order = (col(ShipmentEvent.occurred_at), col(ShipmentEvent.sequence))
    return list(session.exec(statement.order_by(*order)))
