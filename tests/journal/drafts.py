"""Drafts for the journal's tests: short to write, and valid unless changed."""

from dataclasses import replace
from uuid import UUID, uuid4

from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.record import Draft, NewLot, NewMove
from tests.world import NOW

DONOR = AccountRef("donor:DONOR1", "given")
SHELF = site_account("W1", "available")
KEPT = site_account("W1", "reserved", "need:1")
ROAD = AccountRef("shipment:1", "in_transit", "need:1")
BEDSIDE = site_account("H1", "received", "need:1")
REFUSED = site_account("H1", "rejected")
LOST = AccountRef("shipment:1", "lost")
COUNTED = site_account("W1", "adjusted")

E = EntryKind


def draft(kind: EntryKind, *moves: NewMove, **changes: object) -> Draft:
    """An entry of one's own organisation, now in the small world."""
    plain = Draft(id=uuid4(), kind=kind, occurred_at=NOW, actor="organisation:RELIEF", moves=moves)
    return replace(plain, **changes)  # type: ignore[arg-type]


def gift(lot_id: UUID, quantity: int = 1000, item: str = "gloves", **changes: object) -> Draft:
    """A donated lot, put on the shelf."""
    lot = NewLot(lot_id, item, f"donation:{lot_id}/line:1")
    move = NewMove(lot_id, DONOR, SHELF, quantity)
    return draft(E.RECEIVE_DONATION, move, **({"lots": [lot]} | changes))


def reservation(lot_id: UUID, quantity: int, **changes: object) -> Draft:
    return draft(E.RESERVE, NewMove(lot_id, SHELF, KEPT, quantity), **changes)
