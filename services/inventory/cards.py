"""Stock cards: every movement of a lot or an item at a site, with the running balance.

World time orders a card; of what happened at one moment, what was recorded first comes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from services.journal.kinds import AccountRef, EntryKind
from services.journal.read import TracedMove, lots_of, moves_of_lots

# What counts as being at a site: on its shelves, in whichever state, and a hospital's own.
ON_SITE = (
    "available",
    "reserved",
    "quarantine",
    "on_hold",
    "recalled",
    "expired",
    "damaged",
    "rejected",
    "received",
)


@dataclass(frozen=True, slots=True)
class CardLine:
    """One movement at a site; in pieces. ``balance`` is what stood there after it.

    ``source`` and ``target`` are states at the site, or accounts elsewhere; ``purpose`` is what
    the goods were set aside or under way for.
    """

    entry_id: UUID
    kind: EntryKind
    occurred_at: datetime
    lot_id: UUID
    source: str
    target: str
    came: int
    left: int
    within: int
    balance: int
    purpose: str | None = None


def stock_card(
    session: Session,
    site: str,
    *,
    lot_id: UUID | None = None,
    item: str | None = None,
    at: datetime | None = None,
) -> list[CardLine]:
    """The card of one lot, or of one item, at a site, up to a moment in the world."""
    lot_ids = [lot_id] if lot_id else [lot.id for lot in lots_of(session, commodity=item)]
    moves = [
        move for move in moves_of_lots(session, lot_ids) if at is None or move.occurred_at <= at
    ]
    # Sorting is stable: what was recorded first stays first.
    moves.sort(key=lambda move: move.occurred_at)
    return _lines(f"site:{site}", moves)


def _lines(holder: str, moves: Sequence[TracedMove]) -> list[CardLine]:
    lines: list[CardLine] = []
    balance = 0
    for move in moves:
        source, target = AccountRef.parse(move.source), AccountRef.parse(move.target)
        leaves, comes = _is_here(holder, source), _is_here(holder, target)
        if not (leaves or comes):
            continue
        came, left = (comes and not leaves) * move.quantity, (leaves and not comes) * move.quantity
        balance += came - left
        lines.append(
            CardLine(
                entry_id=move.entry_id,
                kind=move.kind,
                occurred_at=move.occurred_at,
                lot_id=move.lot_id,
                source=_told(holder, source),
                target=_told(holder, target),
                came=came,
                left=left,
                within=move.quantity if leaves and comes else 0,
                balance=balance,
                purpose=source.purpose or target.purpose,
            )
        )
    return lines


def _is_here(holder: str, account: AccountRef) -> bool:
    return account.holder == holder and account.state in ON_SITE


def _told(holder: str, account: AccountRef) -> str:
    return account.state if account.holder == holder else f"{account.holder}/{account.state}"
