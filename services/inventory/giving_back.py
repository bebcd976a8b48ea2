"""Unusable goods go back to whoever they came from: the donor, the seller or the maker."""

from dataclasses import dataclass

from sqlmodel import Session

from services.inventory import acts
from services.inventory.act_schemas import ToGiverIn
from services.inventory.acts import Done
from services.journal.flows import repacked_from
from services.journal.kinds import ORIGINS, AccountRef, EntryKind
from services.journal.models import Entry, Lot
from services.journal.read import find_entry, moves_of_entry
from services.parties.service import Actor


@dataclass(frozen=True, slots=True)
class Giver:
    """Whom a lot came from; ``refund`` names what money may be asked back for, None of gifts."""

    account: AccountRef
    refund: str | None


def to_giver(session: Session, actor: Actor, body: ToGiverIn) -> Done:
    """Hand rejected, recalled, damaged or expired goods over to whoever they came from.

    They leave the books where they came in. Whoever keeps the shelves may; the money of a purchase
    comes back by a refund of its own.

    Raises:
        InsufficientStock: there isn't that much in that state.

    """
    giver = giver_of(session, acts.get_lot(session, body.lot_id))
    states = (body.taken_from.value, giver.account)
    return acts.post_act(
        session, actor, body, EntryKind.GIVE_BACK, states, document=f"return:{body.id}"
    )


def giver_of(session: Session, lot: Lot) -> Giver:
    """Whom a lot came from; of what was repacked, whom the lot came from that it was made of."""
    while made_of := repacked_from(session, [lot.id]).get(lot.id):
        lot = acts.get_lot(session, min(made_of))
    moves = moves_of_entry(session, lot.entry_id)
    sources = [AccountRef.parse(move.source) for move in moves if move.lot_id == lot.id]
    account = next(source for source in sources if source.kind in ORIGINS)
    return Giver(account, _paid_for(find_entry(session, lot.entry_id)))


def _paid_for(entry: Entry | None) -> str | None:
    """What a refund calls the purchase or delivery, such as ``purchase:5f0c…``."""
    if entry is None or entry.kind is not EntryKind.PURCHASE:
        return None
    is_delivery = (entry.document or "").startswith("order:")
    return f"{'delivery' if is_delivery else 'purchase'}:{entry.id}"
