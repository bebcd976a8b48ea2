"""Planned shipments of one way and day as one, and one as several: nothing moves in the journal."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.errors import Conflict, InvalidInput
from services.parties import service as parties
from services.parties.changes import changes_of, record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.handling import locked
from services.transport.manifest import lines_of
from services.transport.models import (
    RoundLeftOut,
    RoundLoad,
    Shipment,
    ShipmentEvent,
    ShipmentLine,
    ShipmentState,
)
from services.transport.schemas_orders import JoinIn, SplitIn


class NotJoinable(Conflict):
    code, title = "not-joinable", "These shipments can't be changed so"


def join(session: Session, actor: Actor, shipment_id: UUID, body: JoinIn) -> Shipment:
    """Take the lines of other planned shipments into this one, and end those.

    What has been joined into it already stays so: sent again, it is done once.

    Raises:
        NotJoinable: another way, day or carrier; not planned any more; or on planned rounds.

    """
    parties.require_role(actor, Role.DISPATCHER)
    wanted = set(body.shipments) - {shipment_id}
    # In one order, so that two who join the same shipments never wait for each other.
    rows = {key: locked(session, key) for key in sorted({shipment_id, *wanted})}
    into = rows[shipment_id]
    others = [rows[key] for key in sorted(wanted) if rows[key].joined_into != shipment_id]
    for other in others:
        _refuse_unlike(into, other)
    _refuse_changed(session, [into, *others] if others else [])
    lines = lines_of(session, into)
    for other in others:
        taken = lines_of(session, other)
        _refuse_same_goods(lines, taken, other)
        _move(session, taken, into.id, after=max((line.line for line in lines), default=0))
        lines += taken
        into.due_on = max(into.due_on, other.due_on)
        other.state, other.joined_into = ShipmentState.JOINED, into.id
        session.add(_event(session, actor, other, ShipmentState.JOINED, body.reason))
        record_change(session, actor, f"shipment:{other.id}", f"joined into {into.id}", body.reason)
        record_change(session, actor, f"shipment:{into.id}", f"took in {other.id}", body.reason)
    session.flush()
    return into


def split(session: Session, actor: Actor, shipment_id: UUID, body: SplitIn) -> Shipment:
    """Take lines out of a planned shipment into a new one; returns that.

    Raises:
        InvalidInput: a line that isn't on it, or all of them.
        NotJoinable: it isn't planned any more, is on planned rounds, or the id is another's.

    """
    parties.require_role(actor, Role.DISPATCHER)
    whole = locked(session, shipment_id)
    made = session.get(Shipment, body.id)
    if made is not None:
        return _same_split(session, whole, made, body)
    _refuse_changed(session, [whole])
    lines = lines_of(session, whole)
    taken = [line for line in lines if line.line in set(body.lines)]
    unknown = sorted(set(body.lines) - {line.line for line in lines})
    if unknown or len(taken) == len(lines):
        raise InvalidInput(
            f"Line {unknown[0]} isn't on it" if unknown else "These are all its lines",
            field="lines",
            value=", ".join(map(str, unknown or sorted(body.lines))),
            mend=f"name some of these: {', '.join(str(line.line) for line in lines)}",
        )
    part = Shipment(**whole.model_dump(exclude={"id"}), id=body.id)
    session.add(part)
    session.flush()
    _move(session, taken, part.id, after=0)
    session.add(_event(session, actor, whole, ShipmentState.PLANNED, body.reason, of=part.id))
    record_change(session, actor, f"shipment:{part.id}", _said(whole, body), body.reason)
    record_change(session, actor, f"shipment:{whole.id}", f"split off {part.id}", body.reason)
    session.flush()
    return part


def joinable(session: Session, shipments: Iterable[Shipment]) -> list[list[Shipment]]:
    """Groups of two or more planned shipments that could go as one, each group by id."""
    groups: dict[tuple[object, ...], list[Shipment]] = {}
    planned = [each for each in shipments if each.state is ShipmentState.PLANNED]
    on_rounds = _on_rounds(session, [each.id for each in planned])
    for each in sorted(planned, key=lambda each: each.id):
        if each.id not in on_rounds:
            groups.setdefault(_way(each), []).append(each)
    return [group for group in groups.values() if len(group) > 1]


def _way(shipment: Shipment) -> tuple[object, ...]:
    return shipment.origin, shipment.destination, shipment.carrier, shipment.depart_on


def _refuse_unlike(into: Shipment, other: Shipment) -> None:
    if _way(into) != _way(other):
        raise NotJoinable(
            f"Shipment {other.id} goes another way, on another day or with another carrier",
            field="shipments",
            value=other.id,
            mend="join what has the same origin, destination, carrier and day",
        )


def _refuse_changed(session: Session, shipments: Sequence[Shipment]) -> None:
    on_rounds = _on_rounds(session, [each.id for each in shipments])
    for each in shipments:
        planned = each.state is ShipmentState.PLANNED
        if not planned or each.id in on_rounds:
            raise NotJoinable(
                f"Shipment {each.id} is {'on planned rounds' if planned else each.state}",
                field="shipments",
                value=each.id,
                mend="join and split what is planned, before its rounds are",
            )


def _refuse_same_goods(
    lines: Sequence[ShipmentLine], taken: Sequence[ShipmentLine], other: Shipment
) -> None:
    """One lot for one purpose stands in one line only: two couldn't be told apart later."""
    there = {(line.purpose, line.lot_id) for line in lines}
    for line in taken:
        if (line.purpose, line.lot_id) in there:
            raise NotJoinable(
                f"Both carry lot {line.lot_id} for {line.purpose}",
                field="shipments",
                value=other.id,
                mend="leave this one a shipment of its own",
            )


def _on_rounds(session: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Those that a plan of rounds tells of, line by line."""
    told = sa.union(
        sa.select(col(RoundLoad.shipment_id)).where(among(RoundLoad.shipment_id, ids)),
        sa.select(col(RoundLeftOut.shipment_id)).where(among(RoundLeftOut.shipment_id, ids)),
    )
    return set(session.connection().execute(told).scalars())


def _move(
    session: Session, lines: Sequence[ShipmentLine], shipment_id: UUID, *, after: int
) -> None:
    """Put lines on another shipment, numbered from ``after`` + 1 on."""
    for number, line in enumerate(lines, start=after + 1):
        line.shipment_id, line.line = shipment_id, number
    session.flush()


def _said(whole: Shipment, body: SplitIn) -> str:
    lines = ", ".join(map(str, sorted(set(body.lines))))
    return f"split from {whole.id}, lines {lines}"


def _same_split(session: Session, whole: Shipment, made: Shipment, body: SplitIn) -> Shipment:
    """The split that was done before, if it was the same."""
    subject = f"shipment:{made.id}"
    history = changes_of(session, [subject])[subject]
    if not history or (history[0].what, history[0].reason) != (_said(whole, body), body.reason):
        raise NotJoinable(
            f"There is a shipment {body.id} already, and it is another",
            field="id",
            value=body.id,
            mend="make a new UUID",
        )
    return made


def _event(
    session: Session,
    actor: Actor,
    shipment: Shipment,
    state: ShipmentState,
    reason: str,
    of: UUID | None = None,
) -> ShipmentEvent:
    """A state brought about at the desk, at the world time of what was told last of ``shipment``.

    A plan for a day long past is joined today, and its lorry left then: later acts mustn't lie
    before this one.
    """
    newest = select(sa.func.max(ShipmentEvent.occurred_at)).where(
        ShipmentEvent.shipment_id == shipment.id
    )
    now = datetime.now(UTC)
    return ShipmentEvent(
        shipment_id=of or shipment.id,
        state=state,
        occurred_at=session.exec(newest).one() or now,
        recorded_at=now,
        actor=actor.user_id,
        note=reason,
    )
