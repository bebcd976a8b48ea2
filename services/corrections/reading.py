"""Corrections as they are shown: both sides of each, and what a correction would move."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlmodel import Session

from services.corrections.schemas import CorrectionOut, InTheWayOut, MoveBack, OutlookOut
from services.corrections.service import Outlook
from services.journal.models import Entry, Move
from services.journal.reversals import (
    WantedCorrections,
    corrections,
    instead_of,
    moves_by_entry,
    reasons_of,
)
from services.parties.service import Actor
from services.web.lists import Asked, Listing, select_page


def list_corrections(
    session: Session,
    actor: Actor | None,
    asked: Asked,
    wanted: WantedCorrections,
) -> Listing[CorrectionOut]:
    """What was corrected, the newest first; anybody may read it, but not every reason."""
    statement, order, tie = corrections(wanted)
    listing = select_page(session, statement, order, asked, tie=tie)
    return listing.map(lambda rows: _shown(session, actor, rows))


def _shown(
    session: Session, actor: Actor | None, rows: Sequence[tuple[Entry, Entry]]
) -> list[CorrectionOut]:
    mine = [
        entry.id for entry, _ in rows if actor and actor.reads_reasons_of in {None, entry.actor}
    ]
    reasons = reasons_of(session, mine)
    moves = moves_by_entry(session, [entry.id for entry, _ in rows])
    followed = instead_of(session, [(original, entry) for entry, original in rows])
    found = []
    for entry, original in rows:
        instead = followed.get(original.id)
        shown = CorrectionOut(
            reversal_id=entry.id,
            entry_id=original.id,
            kind=original.kind,
            document=original.document,
            said_at=original.recorded_at,
            said_by=original.actor.partition(":")[2],
            happened_at=original.occurred_at,
            corrected_at=entry.recorded_at,
            corrected_by=entry.actor.partition(":")[2],
            instead_id=instead.id if instead else None,
            reason=reasons.get(entry.id),
            moved=_moved_back(moves[entry.id]),
        )
        found.append(shown)
    return found


def _moved_back(moves: Iterable[tuple[Move, str]], *, turned: bool = False) -> list[MoveBack]:
    """Moves as they are; ``turned``, as their reversal would make them."""
    return [
        MoveBack(
            lot_id=move.lot_id,
            commodity=commodity,
            source=move.target if turned else move.source,
            target=move.source if turned else move.target,
            quantity_base=move.quantity,
        )
        for move, commodity in moves
    ]


def would_move(session: Session, entry_ids: Sequence[UUID]) -> list[MoveBack]:
    """What taking these entries back moves, in their order."""
    moves = moves_by_entry(session, entry_ids)
    return [each for some in moves.values() for each in _moved_back(some, turned=True)]


def outlook_out(session: Session, outlook: Outlook) -> OutlookOut:
    return OutlookOut(
        entry_id=outlook.entry.id,
        kind=outlook.entry.kind,
        possible=outlook.possible,
        because=outlook.refusal.because if outlook.refusal else None,
        mend=outlook.refusal.mend if outlook.refusal else None,
        after=outlook.after,
        together=list(outlook.together),
        moves=would_move(session, outlook.together),
        in_the_way=[InTheWayOut.model_validate(each) for each in outlook.in_the_way],
        reversal_id=outlook.reversal.id if outlook.reversal else None,
    )
