"""What every act on a shipment needs: its row's lock, who may act, and posting its entries."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID, uuid5

from sqlmodel import Session

from services.errors import Conflict, Forbidden
from services.journal.flows import gathered_at, is_reversed, reserved_at
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.post import post
from services.journal.read import holdings
from services.journal.record import Draft, NewMove
from services.journal.stops import stopped_lots
from services.parties import service as parties
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.manifest import in_transit
from services.transport.models import Shipment, ShipmentLine
from services.transport.service import no_shipment
from services.transport.steps import Act

# Who may keep goods at a site of their own, and so send them off from there.
HOLDERS = (Role.HOSPITAL, Role.MANUFACTURER, Role.DONOR, Role.CARRIER)
CANCEL_IT = (
    "cancel the shipment (POST /api/v1/shipments/{id}/cancel): what is reserved for it is "
    "available again, and the next run plans its needs anew"
)


class LotStopped(Conflict):
    code, title = "lot-stopped", "A lot on this shipment is stopped"


def locked(session: Session, shipment_id: UUID) -> Shipment:
    """The shipment, held until the transaction ends: of two acts at once, one is the first."""
    shipment = session.get(Shipment, shipment_id, with_for_update=True, populate_existing=True)
    if shipment is None:
        raise no_shipment(shipment_id)
    return shipment


def carries(actor: Actor, shipment: Shipment) -> bool:
    return actor.role is Role.CARRIER and actor.organisation == shipment.carrier


def require_carrier(actor: Actor, shipment: Shipment) -> None:
    """Raise Forbidden unless the actor is the shipment's carrier, or an admin."""
    parties.require_role(actor, Role.CARRIER)
    if actor.role is not Role.ADMIN and actor.organisation != shipment.carrier:
        raise Forbidden(
            f"Shipment {shipment.id} goes with another carrier",
            field="shipment_id",
            value=shipment.id,
            mend="see GET /api/v1/shipments for yours",
        )


def refuse_stopped(session: Session, lines: Sequence[ShipmentLine]) -> None:
    """Raise LotStopped for the first line whose lot is recalled: only back may it go."""
    stopped = stopped_lots(session, {line.lot_id for line in lines})
    for line in lines:
        if line.lot_id in stopped and not line.sent_back_as:
            raise LotStopped(
                f"Line {line.line}: lot {line.lot_id} is recalled",
                field="lot_id",
                value=line.lot_id,
                mend=CANCEL_IT,
                line=line.line,
                lot_id=str(line.lot_id),
            )


def reserved(shipment: Shipment, line: ShipmentLine) -> AccountRef:
    """Where a line's goods are set aside until they leave; what is sent back stays where it is."""
    if line.sent_back_as is not None:
        return site_account(shipment.origin, line.sent_back_as)
    return site_account(shipment.origin, "reserved", line.purpose)


def standing(session: Session, shipment: Shipment, lines: Sequence[ShipmentLine]) -> dict[int, int]:
    """By line, how many pieces of its lot are still reserved for its purpose at the origin.

    None where a recall gathered them since: what stands there now was set aside later, for another
    shipment, whether the recall was lifted or not.
    """
    gone = _gathered_since(session, shipment, lines)
    held = {
        (holding.account, holding.lot_id): holding.quantity
        for holding in holdings(
            session, holder=f"site:{shipment.origin}", lot_ids={line.lot_id for line in lines}
        )
    }
    return {
        line.line: held.get((str(reserved(shipment, line)), line.lot_id), 0)
        for line in lines
        if line.line not in gone
    } | dict.fromkeys(gone, 0)


def _gathered_since(
    session: Session, shipment: Shipment, lines: Sequence[ShipmentLine]
) -> set[int]:
    """The lines whose goods a recall gathered after they were set aside for them."""
    accounts = {str(reserved(shipment, line)) for line in lines}
    gathered = gathered_at(session, accounts, {line.lot_id for line in lines})
    if not gathered:
        return set()
    aside = reserved_at(session, {_set_aside_by(line) for line in lines})

    def is_gone(line: ShipmentLine) -> bool:
        taken = gathered.get((str(reserved(shipment, line)), line.lot_id))
        since = aside.get(_set_aside_by(line))
        return taken is not None and since is not None and since < taken

    return {line.line for line in lines if is_gone(line)}


def _set_aside_by(line: ShipmentLine) -> str:
    """The paper whose entry set a line's goods aside, before they left."""
    return f"transfer:{line.transfer_id}" if line.transfer_id else f"run:{line.run_id}"


Target = Callable[[Shipment, ShipmentLine], AccountRef]


def lost(shipment: Shipment, line: ShipmentLine) -> AccountRef:  # noqa: ARG001
    return AccountRef(f"shipment:{shipment.id}", "lost")


def moves_off(
    shipment: Shipment, quantities: Sequence[tuple[ShipmentLine, int]], target: Target
) -> list[NewMove]:
    """Out of transit, for every line with something to move."""
    return [
        NewMove(line.lot_id, in_transit(line), target(shipment, line), some)
        for line, some in quantities
        if some
    ]


def post_act(
    session: Session,
    shipment: Shipment,
    act: Act,
    name: str,
    kind: EntryKind,
    moves: Sequence[NewMove],
    concealed: Mapping[str, str] | None = None,
) -> None:
    """Post one of the shipment's entries; its id follows from the shipment and its name.

    What was taken back keeps its id, so that said again it has the next one.
    """
    if not moves:
        return
    entry_id, again = uuid5(shipment.id, name), 1
    while is_reversed(session, entry_id):
        again += 1
        entry_id = uuid5(shipment.id, f"{name}/{again}")
    post(
        session,
        Draft(
            id=entry_id,
            kind=kind,
            occurred_at=act.body.occurred_at,
            actor=act.actor.reference,
            document=f"shipment:{shipment.id}",
            moves=moves,
            facts={"carrier": shipment.carrier, "destination": shipment.destination},
            concealed=concealed or {},
        ),
    )
