"""What came to consignees, and left them again, when: readings for whoever counts what is used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.database import among
from services.journal.kinds import AccountKind
from services.journal.models import Account, Entry, Lot, Move


@dataclass(frozen=True, slots=True)
class Arrival:
    """Goods that a holder accepted; below zero what it gave back, or what was taken back."""

    holder: str
    commodity: str
    occurred_at: datetime
    quantity: int


def arrivals(session: Session, holders: Iterable[str], after: datetime) -> list[Arrival]:
    """What these holders received after a moment in the world, oldest first, in base units.

    What they used or handed out isn't counted: that is what a reader wants to find out.
    """
    wanted = list(holders)
    target, source = aliased(Account), aliased(Account)
    came = _moves(target, col(Move.quantity), col(Move.target), wanted, after).join(
        source, col(source.code) == col(Move.source)
    )
    left = _moves(source, -col(Move.quantity), col(Move.source), wanted, after).join(
        target, col(target.code) == col(Move.target)
    )
    both = sa.union_all(
        came.where(col(source.kind) != AccountKind.CONSUMPTION),
        left.where(col(target.kind) != AccountKind.CONSUMPTION),
    ).order_by("occurred_at", "holder", "commodity")
    rows = session.connection().execute(both).mappings()
    return [Arrival(**row) for row in rows]


def _moves(
    account: Any, quantity: Any, end: Any, holders: list[str], after: datetime
) -> sa.Select[*tuple[Any, ...]]:
    """Moves that begin or end at what these holders have received."""
    return (
        sa.select(
            col(account.holder).label("holder"),
            col(Lot.commodity).label("commodity"),
            col(Entry.occurred_at).label("occurred_at"),
            quantity.label("quantity"),
        )
        .select_from(Move)
        .join(account, col(account.code) == end)
        .join(Entry, col(Entry.id) == col(Move.entry_id))
        .join(Lot, col(Lot.id) == col(Move.lot_id))
        .where(
            col(account.kind) == AccountKind.RECIPIENT,
            among(account.holder, holders),
            col(Entry.occurred_at) > after,
        )
    )
