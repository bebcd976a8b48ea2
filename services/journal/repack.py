"""Repacking: one lot becomes others of the same item, batch and date, piece for piece."""

from collections.abc import Mapping
from uuid import UUID

from services.errors import InvalidInput
from services.journal.kinds import AccountKind, EntryKind
from services.journal.record import Draft
from services.journal.stops import HeldLot


def check_repack(draft: Draft, lots: Mapping[UUID, HeldLot]) -> None:
    """Raise InvalidInput unless what comes out of a repacking is what went in.

    One lot goes in, whole or in part; only new lots come out. So a trace can follow them, and
    nothing becomes another item, fresher or more by being put into other boxes.
    """
    if draft.kind is not EntryKind.REPACK:
        return
    into = [move for move in draft.moves if move.target.kind is AccountKind.CONVERSION]
    out = [move for move in draft.moves if move.source.kind is AccountKind.CONVERSION]
    opened = {lot.id for lot in draft.lots}
    if len(into) != 1 or into[0].lot_id in opened or {move.lot_id for move in out} != opened:
        raise InvalidInput(
            "A repacking takes one lot and makes new ones of it",
            field="moves",
            mend="repack one lot at a time",
        )
    came, went = sum(move.quantity for move in out), into[0].quantity
    if came != went:
        raise InvalidInput(
            f"{went} pieces were opened and {came} packed",
            field="quantity",
            value=came,
            mend="pack as many as were opened, and record what broke as a loss first",
        )
    old = lots[into[0].lot_id]
    for lot in draft.lots:
        if (lot.commodity, lot.batch, lot.expires_on) != (old.commodity, old.batch, old.expires_on):
            raise InvalidInput(
                f"Lot {lot.id} isn't what lot {old.id} was",
                field="lots",
                value=lot.id,
                mend=f"keep item {old.commodity}, batch {old.batch} and expiry {old.expires_on}",
            )
