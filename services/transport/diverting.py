"""Bringing goods that are under way to another site than the one that they were planned for.

All of a shipment goes there, or some of its lines and pieces; those go on as a shipment of their
own. At the other site they come onto the shelf, by a transfer order, or serve a need that waits
for them. Which needs do is not transport's to know: the caller holds them (``HoldNeeds``).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, select

from services.catalog.models import Item
from services.errors import Conflict, InvalidInput
from services.journal.clock import FURTHEST_AHEAD, local_date
from services.journal.kinds import AccountRef, EntryKind, need_purpose
from services.journal.models import Lot
from services.journal.once import digest_of
from services.journal.post import EntryIdReused, post
from services.journal.read import get_lots
from services.journal.record import Draft, NewMove
from services.journal.stops import hold_together, stopped_lots
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.handling import locked
from services.transport.labelling import label
from services.transport.manifest import in_transit, lines_of
from services.transport.models import Shipment, ShipmentLine, ShipmentState, transfer_purpose
from services.transport.order_models import Transfer, TransferLine
from services.transport.schemas import DivertIn
from services.transport.steps import Act, Step, is_new, record


class NotForUse(Conflict):
    code, title = "not-for-use", "These goods can't be diverted so"


@dataclass(frozen=True, slots=True)
class Taken:
    """Pieces of a line that go to the other site: for a need there, or (None) onto its shelf.

    ``field`` is where the request says so.
    """

    field: str
    line: ShipmentLine
    lot: Lot
    quantity: int
    need_id: UUID | None


HoldNeeds = Callable[[Session, str, Sequence[Taken]], None]
"""Hold the needs that goods are taken for at a site, or refuse what they don't wait for."""


def divert(
    session: Session, actor: Actor, shipment_id: UUID, body: DivertIn, hold_needs: HoldNeeds
) -> Shipment:
    """Take goods to another site; returns the shipment that brings them there.

    What they were for has nothing under way of them any more, and the journal says when and by
    whom it was taken away. For goods that come onto a shelf a transfer order takes its place.

    Raises:
        NotFound, InvalidInput: no such site or line, too many pieces, or a day that can't be.
        NotForUse: goods that are recalled, must stay cold or expire on the way are for no need; and
            what is sent back as unusable isn't diverted.

    """
    shipment = locked(session, shipment_id)
    parties.require_role(actor, Role.DISPATCHER)
    act = Act(Step.DIVERT, actor, body)
    if not is_new(session, shipment, act):
        return session.get(Shipment, _part_id(body)) or shipment
    _check(session, shipment, body)
    taken = _taken(session, shipment, body)
    hold_needs(session, body.destination, [each for each in taken if each.need_id])
    hold_together(session, {each.lot.id for each in taken})
    _refuse_unfit(session, taken, body.due_on)
    whole = sum(each.quantity for each in taken) == sum(
        line.quantity_base for line in lines_of(session, shipment)
    )
    _post(session, shipment, act, body, taken, shipment.id if whole else _part_id(body))
    goes = shipment if whole else _part(session, shipment, body)
    _order(session, shipment, act, body, taken)
    _put(session, body, taken, goes)
    _tell(session, act, body, shipment, goes)
    return goes


def _part_id(body: DivertIn) -> UUID:
    return uuid5(body.id, "part")


def _check(session: Session, shipment: Shipment, body: DivertIn) -> None:
    parties.get_site(session, body.destination, field="destination")
    if body.destination in {shipment.destination, shipment.origin}:
        where = "goes there already" if body.destination == shipment.destination else "left there"
        raise InvalidInput(
            f"The shipment {where}",
            field="destination",
            value=body.destination,
            mend="name another site; what comes back is a transfer of its own",
        )
    first = local_date(body.occurred_at)
    if not first <= body.due_on <= first + FURTHEST_AHEAD:
        raise InvalidInput(
            f"It can't be due on {body.due_on} when it is diverted on {first}",
            field="due_on",
            value=body.due_on.isoformat(),
            mend=f"give a day from {first} to {first + FURTHEST_AHEAD}",
        )


def _taken(session: Session, shipment: Shipment, body: DivertIn) -> list[Taken]:
    """What is to be taken, line by line; everything, onto the shelf, where nothing else is said."""
    lines = {line.line: line for line in lines_of(session, shipment)}
    lots = get_lots(session, {line.lot_id for line in lines.values()})
    if body.lines is None:
        return [
            Taken("lines", line, lots[line.lot_id], line.quantity_base, None)
            for line in lines.values()
        ]
    left = {number: line.quantity_base for number, line in lines.items()}
    taken: list[Taken] = []
    seen: set[tuple[UUID, object]] = set()
    for index, told in enumerate(body.lines):
        field, line = f"lines[{index}]", lines.get(told.line)
        if line is None:
            raise InvalidInput(
                f"Line {told.line} is not on this shipment",
                field=f"{field}.line",
                value=told.line,
                mend=f"name some of these: {', '.join(map(str, sorted(lines)))}",
            )
        left[told.line] -= told.quantity_base
        if left[told.line] < 0:
            raise InvalidInput(
                f"Line {told.line} has {line.quantity_base} pieces",
                field=f"{field}.quantity_base",
                value=told.quantity_base,
                mend=f"take {left[told.line] + told.quantity_base} or fewer",
            )
        # One lot for one purpose stands in one line: two couldn't be told apart later.
        goes_for = (line.lot_id, told.need_id or line.purpose)
        if goes_for in seen:
            raise InvalidInput(
                f"Lot {line.lot_id} is taken for the same twice",
                field=f"{field}.line",
                value=told.line,
                mend="add the pieces up in one; of two lines, divert one after the other",
            )
        seen.add(goes_for)
        taken.append(Taken(field, line, lots[line.lot_id], told.quantity_base, told.need_id))
    return taken


def _refuse_unfit(session: Session, taken: Sequence[Taken], due_on: date) -> None:
    """For a need goes only what may be used as it comes: its lot is held still by now."""
    stopped = stopped_lots(session, {each.lot.id for each in taken})
    for each in taken:
        why = _why_unfit(session, each, due_on, is_stopped=each.lot.id in stopped)
        if why is not None:
            raise NotForUse(
                f"Line {each.line.line}: lot {each.lot.id} {why}",
                field=f"{each.field}.need_id" if each.need_id else each.field,
                value=each.need_id,
                mend="let it come onto the shelf (no need), where it is looked at"
                if each.need_id
                else "let it arrive; from there it is sent on by an order of its own",
                line=each.line.line,
                lot_id=str(each.lot.id),
            )


def _why_unfit(session: Session, each: Taken, due_on: date, *, is_stopped: bool) -> str | None:
    expires_on = each.lot.expires_on
    if each.line.sent_back_as is not None:
        return f"is sent back as {each.line.sent_back_as}"
    if each.need_id is None:
        return None
    if is_stopped:
        return "is recalled"
    if session.get_one(Item, each.lot.commodity).cold:
        return "must stay cold"
    if expires_on is not None and expires_on <= due_on:
        return f"expires on {expires_on}, and is due on {due_on}"
    return None


def _purpose(body: DivertIn, each: Taken) -> str:
    """What goods are for from now on."""
    if each.need_id is not None:
        return need_purpose(each.need_id)
    return transfer_purpose(_order_id(body, each.line.purpose))


def _order_id(body: DivertIn, purpose: str) -> UUID:
    return uuid5(body.id, purpose)


def _post(
    session: Session,
    shipment: Shipment,
    act: Act,
    body: DivertIn,
    taken: Sequence[Taken],
    goes_on: UUID,
) -> None:
    """One entry for all of it: from what the goods were for to what they are for now."""
    posted = post(
        session,
        Draft(
            id=uuid5(body.id, "divert"),
            kind=EntryKind.DIVERT,
            occurred_at=body.occurred_at,
            actor=act.actor.reference,
            document=f"shipment:{shipment.id}",
            moves=[
                NewMove(
                    each.lot.id,
                    in_transit(each.line),
                    AccountRef(f"shipment:{goes_on}", "in_transit", _purpose(body, each)),
                    each.quantity,
                )
                for each in taken
            ],
            facts={"from": shipment.destination, "to": body.destination},
            concealed={"reason": body.reason},
        ),
    )
    if not posted.created:
        raise EntryIdReused(
            f"Diversion {body.id} was made before, and says something else",
            field="id",
            value=body.id,
            mend="make a new UUID for a new act; send the very same body to repeat one",
        )


def _part(session: Session, shipment: Shipment, body: DivertIn) -> Shipment:
    """A shipment of its own for what is taken out of one, by the same carrier."""
    part = Shipment(
        id=_part_id(body),
        run_id=shipment.run_id,
        origin=shipment.origin,
        destination=body.destination,
        carrier=shipment.carrier,
        depart_on=shipment.depart_on,
        due_on=body.due_on,
        state=ShipmentState.DISPATCHED,
        diverted_from=shipment.id,
    )
    session.add(part)
    session.flush()
    return part


def _order(
    session: Session, shipment: Shipment, act: Act, body: DivertIn, taken: Sequence[Taken]
) -> None:
    """A transfer order for what comes onto the shelf, in place of each purpose that it had."""
    groups: dict[str, list[Taken]] = defaultdict(list)
    for each in taken:
        if each.need_id is None:
            groups[each.line.purpose].append(each)
    for purpose, group in groups.items():
        session.add(
            Transfer(
                id=_order_id(body, purpose),
                origin=shipment.origin,
                destination=body.destination,
                depart_on=shipment.depart_on,
                reason=body.reason,
                in_place_of=purpose,
                created_by=act.actor.user_id,
                occurred_at=body.occurred_at,
                recorded_at=datetime.now(UTC),
                content_digest=digest_of(body),
            )
        )
        session.flush()
        session.add_all(
            TransferLine(
                transfer_id=_order_id(body, purpose),
                line=number,
                lot_id=each.lot.id,
                quantity_base=each.quantity,
            )
            for number, each in enumerate(group, start=1)
        )
    session.flush()


def _put(session: Session, body: DivertIn, taken: Sequence[Taken], goes: Shipment) -> None:
    """Write the lines of what is taken; the last pieces of a line on its own lorry stay in it."""
    newest = sa.func.max(ShipmentLine.line)
    last = session.exec(select(newest).where(ShipmentLine.shipment_id == goes.id)).one() or 0
    purposes = [each.line.purpose for each in taken]
    for each, purpose in zip(taken, purposes, strict=True):
        line = each.line
        if line.shipment_id == goes.id and line.quantity_base == each.quantity:
            goods = line
        else:
            line.quantity_base -= each.quantity
            last += 1
            goods = ShipmentLine(
                **line.model_dump(exclude={"shipment_id", "line", "quantity_base"}),
                shipment_id=goes.id,
                line=last,
                quantity_base=each.quantity,
            )
        if each.need_id is None:
            goods.transfer_id = _order_id(body, purpose)
        else:
            planned_for = line.planned_for or (line.need_id if line.run_id else None)
            goods.planned_for = planned_for if planned_for != each.need_id else None
            goods.need_id, goods.transfer_id = each.need_id, None
        session.add(goods)
    session.flush()


def _tell(session: Session, act: Act, body: DivertIn, shipment: Shipment, goes: Shipment) -> None:
    """Bring both shipments to their states, number the new one, and say why in their histories."""
    what = f"diverted {shipment.destination} → {body.destination}"
    if goes is shipment:
        shipment.destination, shipment.due_on = body.destination, body.due_on
        record(session, shipment, act, ShipmentState.DISPATCHED, note=body.reason)
    else:
        # The rest goes on as it did: under way, or at the gate.
        record(session, shipment, act, shipment.state, note=body.reason)
        record(session, goes, act, ShipmentState.DISPATCHED, note=body.reason)
        label(session, act.actor, goes.id, 1)
        taken_out = f"taken out of {shipment.id}"
        record_change(session, act.actor, f"shipment:{goes.id}", taken_out, body.reason)
        what = f"in part {what}: {goes.id}"
    record_change(session, act.actor, f"shipment:{shipment.id}", what, body.reason)
