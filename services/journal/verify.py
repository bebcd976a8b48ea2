"""Recompute the journal from its exact bytes outward, and name every difference.

Trusts nothing but the bytes: digests, columns, lots, moves, balances, accounts and leaves follow
from them. Whether the bytes themselves are the ones once published is asked of the chain.
"""

from collections.abc import Callable, Collection, Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, func

from services.journal.balance_check import check_balances
from services.journal.differences import NOTHING, Difference, shown
from services.journal.entry_check import EntryChecker
from services.journal.guards import missing_guards
from services.journal.kinds import OVERDRAWN, AccountRef, EntryKind
from services.journal.log import find_log
from services.journal.models import Account, Entry, EntrySecret, Leaf, Lot, Move
from services.journal.stop_check import check_stops

__all__ = ["Difference", "bodies_in_time", "bodies_of_kinds", "check_journal"]

_STREAM = {"yield_per": 1000}


def check_journal(session: Session) -> Iterator[Difference]:
    """Every difference in the journal, as found; none where all is well.

    Reads everything once, a thousand rows at a time, all of one moment: entries that are posted
    meanwhile neither wait nor disturb. So the transaction must be a new one, in which nothing
    was read yet; the database refuses it otherwise.
    """
    connection = session.connection()
    connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    for guard in missing_guards(session):
        yield Difference("guard", f"guard {guard}", "on", "missing, changed or off")
    yield from _check_accounts(connection)
    checker = EntryChecker(find_log(session))
    yield from _check_entries(connection, checker)
    yield from checker.bindings()
    yield from check_balances(connection, checker.corrections)
    yield from check_stops(connection)
    yield from _check_leaves(connection)


def bodies_of_kinds(session: Session, kinds: Collection[EntryKind]) -> Iterator[tuple[UUID, bytes]]:
    """The bytes of every entry of these kinds with its id, in a stable order."""
    statement = (
        sa.select(col(Entry.id), col(Entry.body))
        .where(col(Entry.kind).in_(kinds))
        .order_by(col(Entry.id))
    )
    rows = session.connection().execute(statement, execution_options=_STREAM)
    yield from ((row.id, row.body) for row in rows)


def bodies_in_time(session: Session, kinds: Collection[EntryKind]) -> Iterator[tuple[UUID, bytes]]:
    """The bytes of every entry of these kinds with its id, in the order of recording."""
    statement = (
        sa.select(col(Entry.id), col(Entry.body))
        .where(col(Entry.kind).in_(kinds))
        .order_by(col(Entry.recorded_at), col(Entry.id))
    )
    rows = session.connection().execute(statement, execution_options=_STREAM)
    yield from ((row.id, row.body) for row in rows)


class _ByEntry:
    """Rows that are ordered by their entry, handed out entry by entry beside a walk over entries.

    What lies between two entries belongs to none: `orphan` says what that is.
    """

    def __init__(
        self, rows: sa.CursorResult[Any], orphan: Callable[[sa.Row[Any]], Difference]
    ) -> None:
        self._groups = groupby(rows, key=lambda row: row.entry_id)
        self._orphan = orphan
        self._next = next(self._groups, None)

    def orphans_before(self, entry_id: UUID | None) -> Iterator[Difference]:
        """What precedes this entry and follows the one before it; all the rest, for None."""
        while self._next and (entry_id is None or self._next[0] < entry_id):
            yield from [self._orphan(row) for row in self._next[1]]
            self._next = next(self._groups, None)

    def of(self, entry_id: UUID) -> list[sa.Row[Any]]:
        """The entry's own rows."""
        if self._next is None or self._next[0] != entry_id:
            return []
        rows = list(self._next[1])
        self._next = next(self._groups, None)
        return rows


def _check_entries(connection: sa.Connection, checker: EntryChecker) -> Iterator[Difference]:
    lots = _ByEntry(connection.execute(_LOTS, execution_options=_STREAM), _lot_orphan)
    moves = _ByEntry(connection.execute(_MOVES, execution_options=_STREAM), _move_orphan)
    for row in connection.execute(_ENTRIES, execution_options=_STREAM):
        yield from lots.orphans_before(row.id)
        yield from moves.orphans_before(row.id)
        yield from checker.check(row, lots.of(row.id), moves.of(row.id))
    yield from lots.orphans_before(None)
    yield from moves.orphans_before(None)


def _lot_orphan(row: sa.Row[Any]) -> Difference:
    return Difference("entry_missing", f"lot {row.id}", f"entry {row.entry_id}", NOTHING)


def _move_orphan(row: sa.Row[Any]) -> Difference:
    where = f"entry {row.entry_id}, line {row.line}"
    return Difference("entry_missing", where, f"entry {row.entry_id}", NOTHING)


def _plain(column: Any) -> Any:
    """An enum's column as text, so that a value which no program writes can be read and told."""
    return sa.type_coerce(col(column), sa.String).label(column.key)


_original = sa.orm.aliased(Entry)
_ENTRIES = (
    sa.select(
        col(Entry.id),
        _plain(Entry.kind),
        col(Entry.occurred_at),
        col(Entry.recorded_at),
        col(Entry.actor),
        col(Entry.document),
        col(Entry.reverses),
        col(Entry.body),
        col(Entry.digest),
        col(Entry.content_digest),
        col(Leaf.index).label("leaf_index"),
        col(Leaf.leaf_hash),
        col(EntrySecret.record_key),
        col(EntrySecret.fields),
        col(_original.body).label("original_body"),
        col(_original.digest).label("original_digest"),
    )
    .outerjoin(Leaf, col(Leaf.entry_id) == col(Entry.id))
    .outerjoin(EntrySecret, col(EntrySecret.entry_id) == col(Entry.id))
    .outerjoin(_original, col(_original.id) == col(Entry.reverses))
    .order_by(col(Entry.id))
)
_LOTS = sa.select(
    col(Lot.entry_id),
    col(Lot.id),
    col(Lot.commodity),
    col(Lot.origin),
    col(Lot.batch),
    col(Lot.produced_on),
    col(Lot.expires_on),
).order_by(col(Lot.entry_id), col(Lot.id))
_MOVES = (
    sa.select(
        col(Move.entry_id),
        col(Move.line),
        col(Move.lot_id),
        col(Lot.commodity),
        col(Lot.expires_on),
        col(Move.source),
        col(Move.target),
        col(Move.quantity),
    )
    .outerjoin(Lot, col(Lot.id) == col(Move.lot_id))
    .order_by(col(Move.entry_id), col(Move.line))
)


def _check_accounts(connection: sa.Connection) -> Iterator[Difference]:
    """An account's row says what its code says."""
    statement = sa.select(
        col(Account.code),
        _plain(Account.kind),
        col(Account.holder),
        col(Account.state),
        col(Account.purpose),
        col(Account.may_overdraw),
    ).order_by(col(Account.code))
    for row in connection.execute(statement, execution_options=_STREAM):
        where = f"account {row.code}"
        try:
            ref = AccountRef.parse(row.code)
        except ValueError:
            yield Difference("account", where, "a code such as site:W1/available", row.code)
            continue
        expected = (ref.kind, ref.holder, ref.state, ref.purpose, ref.kind in OVERDRAWN)
        names = ("kind", "holder", "state", "purpose", "may_overdraw")
        for name, value in zip(names, expected, strict=True):
            if shown(value) != shown(getattr(row, name)):
                yield Difference(
                    "account", f"{where}, {name}", shown(value), shown(getattr(row, name))
                )


def _check_leaves(connection: sa.Connection) -> Iterator[Difference]:
    """Leaves are numbered from 0 without a gap, and each is an entry's.

    That each hash is its entry's is seen where the entry is read.
    """
    index = col(Leaf.index)
    before = func.lag(index, 1, -1).over(order_by=index).label("before")
    numbered = sa.select(index.label("index"), before).subquery()
    gaps = (
        sa.select(numbered.c.before, numbered.c.index)
        .where(numbered.c.index != numbered.c.before + 1)
        .order_by(numbered.c.index)
    )
    for before_gap, after_gap in connection.execute(gaps, execution_options=_STREAM):
        first, last = before_gap + 1, after_gap - 1
        where = f"leaf {first}" if first == last else f"leaves {first} to {last}"
        yield Difference("leaf_missing", where, "there", NOTHING)
    orphans = (
        sa.select(index, col(Leaf.entry_id))
        .outerjoin(Entry, col(Entry.id) == col(Leaf.entry_id))
        .where(col(Entry.id).is_(None))
        .order_by(index)
    )
    for number, entry_id in connection.execute(orphans, execution_options=_STREAM):
        yield Difference("entry_missing", f"leaf {number}", f"entry {entry_id}", NOTHING)
