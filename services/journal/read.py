"""Readings of the journal: what stands where, now or at any moment, and where a lot went."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from ledger.disclosure import conceal
from services.database import among
from services.journal.kinds import AccountKind, EntryKind
from services.journal.models import Account, Balance, Commodity, Entry, EntrySecret, Leaf, Lot, Move


@dataclass(frozen=True, slots=True)
class Holding:
    """``quantity`` of one lot on one account, in the commodity's base unit."""

    account: str
    kind: AccountKind
    holder: str
    state: str
    purpose: str | None
    lot_id: UUID
    commodity: str
    batch: str | None
    produced_on: date | None
    expires_on: date | None
    origin: str
    quantity: int


@dataclass(frozen=True, slots=True)
class TracedMove:
    """One step of a lot's way, with the entry that it is part of."""

    entry_id: UUID
    kind: EntryKind
    occurred_at: datetime
    document: str | None
    lot_id: UUID
    commodity: str
    source: str
    target: str
    quantity: int


def holdings(
    session: Session,
    *,
    kinds: Collection[AccountKind] | None = None,
    holder: str | None = None,
    state: str | None = None,
    purpose: str | None = None,
    commodity: str | None = None,
    lot_ids: Collection[UUID] | None = None,
    above_zero: bool = True,
) -> list[Holding]:
    """Everything that stands on the accounts asked for, oldest expiry first.

    Accounts where quantities enter the books are below zero, and left out unless asked for.
    """
    quantity = col(Balance.inflow) - col(Balance.outflow)
    statement = _of_accounts(quantity).where(quantity > 0 if above_zero else quantity != 0)
    if kinds is not None:
        statement = statement.where(col(Account.kind).in_(kinds))
    if holder is not None:
        statement = statement.where(col(Account.holder) == holder)
    if state is not None:
        statement = statement.where(col(Account.state) == state)
    if purpose is not None:
        statement = statement.where(col(Account.purpose) == purpose)
    if commodity is not None:
        statement = statement.where(col(Lot.commodity) == commodity)
    if lot_ids is not None:
        statement = statement.where(among(Lot.id, lot_ids))
    return [Holding(**row) for row in session.connection().execute(statement).mappings()]


def _of_accounts(quantity: sa.ColumnElement[int]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            col(Account.code).label("account"),
            col(Account.kind),
            col(Account.holder),
            col(Account.state),
            col(Account.purpose),
            col(Lot.id).label("lot_id"),
            col(Lot.commodity),
            col(Lot.batch),
            col(Lot.produced_on),
            col(Lot.expires_on),
            col(Lot.origin),
            quantity.label("quantity"),
        )
        .select_from(Balance)
        .join(Account, col(Account.code) == col(Balance.account))
        .join(Lot, col(Lot.id) == col(Balance.lot_id))
        .order_by(col(Lot.expires_on).asc().nulls_last(), col(Lot.id), col(Account.code))
    )


def by_purpose(session: Session, purposes: Iterable[str]) -> dict[str, dict[str, int]]:
    """For each purpose, what stands on its accounts by state, as ``{purpose: {state: n}}``.

    A need's reserved, in-transit and received quantities are this reading of its purpose. What was
    received stays so when it is used or given back, and no longer when it is recalled.
    """
    wanted = list(purposes)
    found: dict[str, dict[str, int]] = {purpose: defaultdict(int) for purpose in wanted}
    rows = session.exec(
        select(Account.purpose, Account.state, func.sum(col(Balance.inflow) - col(Balance.outflow)))
        .join(Balance, col(Balance.account) == col(Account.code))
        .where(among(Account.purpose, wanted))
        .group_by(col(Account.purpose), col(Account.state))
    )
    for purpose, state, quantity in rows:
        if purpose is not None and quantity:
            found[purpose][state] += int(quantity)
    for purpose, quantity in _made_use_of(session, wanted):
        found[purpose]["received"] += quantity
    return found


def _made_use_of(session: Session, purposes: Collection[str]) -> list[tuple[str, int]]:
    """What was received for each purpose and then used or given back: it was received.

    Without that, a need that was met would ask again for what its hospital has used.
    """
    original = sa.orm.aliased(Entry)
    used = (EntryKind.CONSUME, EntryKind.HAND_OUT, EntryKind.GIVE_BACK)
    received = (col(Account.state) == "received") & among(Account.purpose, purposes)
    out: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Account.purpose).label("purpose"), col(Move.quantity).label("quantity"))
        .join(Move, col(Move.source) == col(Account.code))
        .join(Entry, col(Entry.id) == col(Move.entry_id))
        .where(received, col(Entry.kind).in_(used))
    )
    back: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Account.purpose), -col(Move.quantity))
        .join(Move, col(Move.target) == col(Account.code))
        .join(Entry, col(Entry.id) == col(Move.entry_id))
        .join(original, col(original.id) == col(Entry.reverses))
        .where(received, col(original.kind).in_(used))
    )
    flows = sa.union_all(out, back).subquery()
    totals = sa.select(flows.c.purpose, func.sum(flows.c.quantity)).group_by(flows.c.purpose)
    return [(row[0], int(row[1])) for row in session.connection().execute(totals)]


def totals(
    session: Session, *, at: datetime | None = None
) -> dict[tuple[str, AccountKind, str, str], int]:
    """What stands on every account, as ``{(commodity, kind, holder, state): quantity}``.

    With ``at``, as of that moment in the world, added up from the moves. Accounts where
    quantities enter the books show what came from there as a negative number.
    """
    if at is None:
        quantity: sa.ColumnElement[int] = func.sum(col(Balance.inflow) - col(Balance.outflow))
        statement = (
            sa.select(Lot.commodity, Account.kind, Account.holder, Account.state, quantity)  # type: ignore[call-overload]
            .select_from(Balance)
            .join(Account, col(Account.code) == col(Balance.account))
            .join(Lot, col(Lot.id) == col(Balance.lot_id))
        )
    else:
        flows = _flows(at).subquery()
        statement = (
            sa.select(
                col(Lot.commodity),
                col(Account.kind),
                col(Account.holder),
                col(Account.state),
                func.sum(flows.c.quantity),
            )
            .select_from(flows)
            .join(Account, col(Account.code) == flows.c.account)
            .join(Lot, col(Lot.id) == flows.c.lot_id)
        )
    grouped = statement.group_by(
        col(Lot.commodity), col(Account.kind), col(Account.holder), col(Account.state)
    )
    rows = session.connection().execute(grouped)
    return {(row[0], row[1], row[2], row[3]): int(row[4]) for row in rows if row[4]}


def _flows(at: datetime) -> sa.CompoundSelect[*tuple[Any, ...]]:
    """Each move up to ``at`` twice: into its target and, negative, out of its source."""
    moved: sa.Select[*tuple[Any, ...]] = sa.select(
        col(Move.target).label("account"), col(Move.lot_id), col(Move.quantity)
    )
    taken: sa.Select[*tuple[Any, ...]] = sa.select(
        col(Move.source), col(Move.lot_id), -col(Move.quantity)
    )
    until = col(Entry.occurred_at) <= at
    return sa.union_all(
        moved.join(Entry, col(Entry.id) == col(Move.entry_id)).where(until),
        taken.join(Entry, col(Entry.id) == col(Move.entry_id)).where(until),
    )


def moves_of_lots(session: Session, lot_ids: Collection[UUID]) -> list[TracedMove]:
    """Every move of these lots, in the order in which they were recorded."""
    # Column by column: an entry's bytes may be long, and nobody asks for them here.
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            col(Entry.id).label("entry_id"),
            col(Entry.kind),
            col(Entry.occurred_at),
            col(Entry.document),
            col(Move.lot_id),
            col(Lot.commodity),
            col(Move.source),
            col(Move.target),
            col(Move.quantity),
        )
        .select_from(Move)
        .join(Entry, col(Entry.id) == col(Move.entry_id))
        .join(Lot, col(Lot.id) == col(Move.lot_id))
        .where(among(Move.lot_id, lot_ids))
        .order_by(col(Entry.recorded_at), col(Entry.id), col(Move.line))
    )
    return [TracedMove(**row) for row in session.connection().execute(statement).mappings()]


def moves_of_accounts(session: Session, accounts: Collection[str]) -> list[Move]:
    """Every move out of or into these accounts."""
    touched = among(Move.source, accounts) | among(Move.target, accounts)
    return list(session.exec(select(Move).where(touched)))


def moves_of_entry(session: Session, entry_id: UUID) -> list[Move]:
    """An entry's moves, line by line."""
    statement = select(Move).where(Move.entry_id == entry_id).order_by(col(Move.line))
    return list(session.exec(statement))


def lots_opened_by(session: Session, entry_ids: Collection[UUID]) -> list[Lot]:
    statement = select(Lot).where(among(Lot.entry_id, entry_ids)).order_by(col(Lot.id))
    return list(session.exec(statement))


def get_lots(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, Lot]:
    return {lot.id: lot for lot in session.exec(select(Lot).where(among(Lot.id, lot_ids)))}


def entries_of(session: Session, document: str) -> list[Entry]:
    """Every entry of one document, oldest first."""
    statement = select(Entry).where(Entry.document == document)
    return list(session.exec(statement.order_by(col(Entry.recorded_at), col(Entry.id))))


def lots_of(
    session: Session,
    *,
    commodity: str | None = None,
    batch: str | None = None,
    lot_ids: Collection[UUID] | None = None,
) -> list[Lot]:
    """Lots of a commodity and batch, or by their ids, in one order."""
    statement = select(Lot).order_by(col(Lot.id))
    if commodity is not None:
        statement = statement.where(Lot.commodity == commodity)
    if batch is not None:
        statement = statement.where(Lot.batch == batch)
    if lot_ids is not None:
        statement = statement.where(among(Lot.id, lot_ids))
    return list(session.exec(statement))


def find_entry(session: Session, entry_id: UUID) -> Entry | None:
    return session.get(Entry, entry_id)


def find_leaf(session: Session, entry_id: UUID) -> Leaf | None:
    """The entry's place in the log; None while it isn't sealed."""
    return session.exec(select(Leaf).where(Leaf.entry_id == entry_id)).first()


def newest_entries(session: Session, limit: int, offset: int) -> list[tuple[Entry, int | None]]:
    """Entries with their leaf indexes, newest first; None for what isn't sealed yet."""
    statement = (
        select(Entry, Leaf.index)
        .outerjoin(Leaf, col(Leaf.entry_id) == col(Entry.id))
        .order_by(col(Entry.recorded_at).desc(), col(Entry.id))
        .limit(limit)
        .offset(offset)
    )
    return [(entry, index) for entry, index in session.exec(statement)]


def entry_count(session: Session, kinds: Collection[EntryKind] | None = None) -> int:
    statement = select(func.count()).select_from(Entry)
    if kinds is not None:
        statement = statement.where(col(Entry.kind).in_(kinds))
    return session.exec(statement).one()


def find_commodity(session: Session, code: str) -> Commodity | None:
    return session.get(Commodity, code)


def disclosures_of(session: Session, entry_id: UUID) -> tuple[str, ...]:
    """What opens an entry's hidden fields (RFC 9901), by field name; nothing once forgotten."""
    secret = session.get(EntrySecret, entry_id)
    if secret is None:
        return ()
    return tuple(conceal(secret.record_key, secret.fields).disclosures.values())
