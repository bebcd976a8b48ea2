"""Lanes, and shipments made from an approved plan; what is done with them is in ``acts``."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.database import among
from services.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.journal.read import get_lots
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import DESKS, OrganisationKind, Role
from services.parties.service import Actor
from services.transport.models import Lane, Shipment, ShipmentEvent, ShipmentLine, ShipmentState
from services.transport.schemas import LaneIn
from services.web.lists import Asked, Listing, select_page

# Who stands at the door or answers for it; a name has no business elsewhere.
SEE_NAMES = frozenset({*DESKS, Role.CARRIER, Role.HOSPITAL})


class NoLane(Conflict):
    code, title = "no-lane", "No carrier serves this way"


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """``quantity_base`` pieces of a lot, reserved at ``origin`` for a need; ``item`` is the lot's.

    It leaves on ``depart_on`` and arrives on ``due_on``.
    """

    need_id: UUID
    lot_id: UUID
    item: str
    quantity_base: int
    origin: str
    destination: str
    depart_on: date
    due_on: date


def lanes(
    session: Session, *, origin: str | None = None, destination: str | None = None
) -> list[Lane]:
    """Every lane, by origin and destination."""
    statement = select(Lane).order_by(col(Lane.origin), col(Lane.destination))
    if origin is not None:
        statement = statement.where(Lane.origin == origin)
    if destination is not None:
        statement = statement.where(Lane.destination == destination)
    return list(session.exec(statement))


def put_lane(session: Session, actor: Actor, body: LaneIn) -> Lane:
    """Register a lane, or change the one there is; shipments already planned keep theirs.

    What it was before stays in its history.

    Raises:
        NotFound: an unknown site or organisation.
        InvalidInput: a way from a site to itself, or an organisation that isn't a carrier.

    """
    parties.require_role(actor, Role.DISPATCHER)
    parties.get_site(session, body.origin, field="origin")
    parties.get_site(session, body.destination, field="destination")
    if body.origin == body.destination:
        raise InvalidInput(
            "A lane leads from one site to another",
            field="destination",
            value=body.destination,
            mend="name two different sites",
        )
    require_carrier_organisation(session, body.carrier)
    values = body.model_dump()
    _tell_change(session, actor, body)
    session.connection().execute(
        insert(Lane)
        .values(**values)
        .on_conflict_do_update(index_elements=["origin", "destination"], set_=values)
    )
    return session.get_one(Lane, (body.origin, body.destination), populate_existing=True)


def _tell_change(session: Session, actor: Actor, body: LaneIn) -> None:
    before = session.get(Lane, (body.origin, body.destination), with_for_update=True)
    values = body.model_dump(exclude={"origin", "destination"})
    old = before.model_dump() if before else {}
    changed = [
        f"{name} {old.get(name, '–')} → {value}"
        for name, value in values.items()
        if name not in old or old[name] != value
    ]
    if changed:
        subject = f"lane:{body.origin}/{body.destination}"
        record_change(session, actor, subject, "; ".join(changed))


def require_carrier_organisation(session: Session, code: str) -> str:
    """The code of an organisation that carries; NotFound or InvalidInput where it doesn't."""
    carrier = parties.get_organisation(session, code, field="carrier")
    if carrier.kind is not OrganisationKind.CARRIER:
        raise InvalidInput(
            f"{carrier.code} is a {carrier.kind}, not a carrier",
            field="carrier",
            value=carrier.code,
            mend="name an organisation of kind carrier",
        )
    return carrier.code


def plan_shipments(
    session: Session,
    run_id: UUID,
    lines: Sequence[PlannedLine],
    *,
    actor: Actor | None = None,
    occurred_at: datetime | None = None,
) -> list[Shipment]:
    """Write one shipment for each origin, destination and day; the goods are reserved already.

    With ``actor`` and ``occurred_at`` (of the approval, world time) their life begins with it.

    Raises:
        NoLane: no carrier serves the way of a line.

    """
    ways = {(lane.origin, lane.destination): lane for lane in lanes(session)}
    groups: dict[tuple[str, str, date], list[PlannedLine]] = defaultdict(list)
    for line in lines:
        groups[line.origin, line.destination, line.depart_on].append(line)
    shipments = []
    for (origin, destination, depart_on), group in sorted(groups.items()):
        lane = ways.get((origin, destination))
        if lane is None:
            raise NoLane(
                f"No carrier serves the way from {origin} to {destination}",
                field="lane",
                value=f"{origin}/{destination}",
                mend="register the lane (PUT /api/v1/lanes), or plan again",
            )
        shipment = Shipment(
            id=uuid5(run_id, f"{origin}/{destination}/{depart_on}"),
            run_id=run_id,
            origin=origin,
            destination=destination,
            carrier=lane.carrier,
            depart_on=depart_on,
            due_on=max(line.due_on for line in group),
            state=ShipmentState.PLANNED,
        )
        session.add(shipment)
        session.flush()
        session.add_all(_shipment_lines(session, shipment, group))
        if actor is not None and occurred_at is not None:
            session.add(_planned(shipment, actor, occurred_at))
        shipments.append(shipment)
    session.flush()
    return shipments


def _planned(shipment: Shipment, actor: Actor, occurred_at: datetime) -> ShipmentEvent:
    return ShipmentEvent(
        shipment_id=shipment.id,
        state=ShipmentState.PLANNED,
        occurred_at=occurred_at,
        recorded_at=datetime.now(UTC),
        actor=actor.user_id,
    )


def _shipment_lines(
    session: Session, shipment: Shipment, lines: Sequence[PlannedLine]
) -> list[ShipmentLine]:
    """One line for each need and lot, by item and then as they are to be picked (FEFO)."""
    lots = get_lots(session, {line.lot_id for line in lines})
    quantities: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for line in lines:
        assert lots[line.lot_id].commodity == line.item, f"lot {line.lot_id} isn't {line.item}"
        quantities[line.lot_id, line.need_id] += line.quantity_base

    def order(key: tuple[UUID, UUID]) -> tuple[str, date, UUID, UUID]:
        lot = lots[key[0]]
        return lot.commodity, lot.expires_on or date.max, *key

    return [
        ShipmentLine(
            shipment_id=shipment.id,
            line=number,
            need_id=need_id,
            run_id=shipment.run_id,
            lot_id=lot_id,
            quantity_base=quantities[lot_id, need_id],
        )
        for number, (lot_id, need_id) in enumerate(sorted(quantities, key=order), start=1)
    ]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which shipments are asked for; what is left out doesn't narrow the list."""

    state: ShipmentState | None = None
    run_id: UUID | None = None
    origin: str | None = None
    destination: str | None = None
    carrier: str | None = None
    depart_on: date | None = None


def find_shipments(
    session: Session,
    actor: Actor,
    asked: Asked,
    wanted: Wanted,
    *,
    first: Collection[ShipmentState] = (),
) -> Listing[Shipment]:
    """Shipments that the actor may see, by day, origin and destination unless sorted otherwise.

    Those in the states of ``first`` come before the others, where no order is asked for.
    """
    statement = select(Shipment).where(_visible(session, actor))
    for name, value in asdict(wanted).items():
        if name == "run_id" and value is not None:
            of_run = select(ShipmentLine.shipment_id).where(ShipmentLine.run_id == value)
            statement = statement.where(col(Shipment.id).in_(of_run))
        elif value is not None:
            statement = statement.where(col(getattr(Shipment, name)) == value)
    usual = [
        sa.case((col(Shipment.state).in_(first), 0), else_=1),
        col(Shipment.depart_on),
        col(Shipment.origin),
        col(Shipment.destination),
    ]
    names = ("depart_on", "due_on", "state", "origin", "destination", "carrier")
    columns = {"usual": sa.tuple_(*usual)} | {name: getattr(Shipment, name) for name in names}
    return select_page(session, statement, columns, asked, tie=col(Shipment.id))


def get_shipment(session: Session, actor: Actor, shipment_id: UUID) -> Shipment:
    """The shipment, if there is one and the actor has a part in it.

    Raises:
        NotFound, Forbidden: no such shipment, or other people's.

    """
    shipment = session.get(Shipment, shipment_id)
    if shipment is None:
        raise no_shipment(shipment_id)
    seen = select(Shipment.id).where(Shipment.id == shipment_id, _visible(session, actor))
    if session.exec(seen).first() is None:
        raise Forbidden(
            f"Shipment {shipment_id} is between other parties",
            field="shipment_id",
            value=shipment_id,
            mend="see GET /api/v1/shipments for yours",
        )
    return shipment


def no_shipment(shipment_id: UUID) -> NotFound:
    return NotFound(
        f"There is no shipment {shipment_id}",
        field="shipment_id",
        value=shipment_id,
        mend="see GET /api/v1/shipments",
    )


def _visible(session: Session, actor: Actor) -> sa.ColumnElement[bool]:
    """Desks see all; others what they carry, and what leaves or comes to sites of theirs."""
    if actor.role in DESKS:
        return sa.true()
    if actor.role is Role.CARRIER:
        return col(Shipment.carrier) == actor.organisation
    own = [site.code for site in parties.sites_of(session, actor.organisation)]
    end = Shipment.destination if actor.role is Role.HOSPITAL else Shipment.origin
    return among(end, own)


def get_shipment_with_names(session: Session, actor: Actor, shipment_id: UUID) -> Shipment:
    """The shipment, for whoever may see who stood at the door, and what is attached to it.

    Raises:
        NotFound, Forbidden: see `get_shipment`; or a role that names are no business of.

    """
    parties.require_role(actor, *SEE_NAMES)
    return get_shipment(session, actor, shipment_id)


def forget_names(session: Session, shipment_id: UUID) -> int:
    """Delete who took a shipment at the door; how many names that were."""
    statement = select(ShipmentEvent).where(
        ShipmentEvent.shipment_id == shipment_id, col(ShipmentEvent.received_by_name).is_not(None)
    )
    named = session.exec(statement).all()
    for event in named:
        event.received_by_name = None
    session.flush()
    return len(named)
