"""Readings of corrections: what took an entry back, what came instead, and what stands in the way.

A reversal gives back what its original moved. Where that has moved on since, the entries that moved
it have to be taken back first.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from services.database import among
from services.journal.kinds import OVERDRAWN, AccountRef, EntryKind
from services.journal.models import Balance, Entry, EntrySecret, Lot, Move
from services.settings import get_settings

# What a receipt of goods posts, and a loss under way: it says one thing in several entries.
RECEIPT_KINDS = frozenset(
    {
        EntryKind.DISBURSE_GOODS,
        EntryKind.RECEIVE_TRANSFER,
        EntryKind.REJECT,
        EntryKind.LOSE,
    }
)
# Chains are told up to this length: whoever is to undo more goes on from there.
MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class InTheWay:
    """An entry that moved on what another one brought: ``quantity`` of a lot off ``account``."""

    entry_id: UUID
    kind: EntryKind
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    document: str | None
    lot_id: UUID
    commodity: str
    account: str
    quantity: int


def reversals_of(session: Session, entry_ids: Collection[UUID]) -> dict[UUID, Entry]:
    """For those of these entries that were taken back, the entry that did it."""
    found = session.exec(select(Entry).where(among(Entry.reverses, entry_ids)))
    return {entry.reverses: entry for entry in found if entry.reverses is not None}


def standing_entries(session: Session, document: str, kinds: Collection[EntryKind]) -> list[Entry]:
    """The entries of a document, of these kinds, that nothing took back; oldest first."""
    statement = (
        select(Entry)
        .where(Entry.document == document, col(Entry.kind).in_(kinds), _stands())
        .order_by(col(Entry.recorded_at), col(Entry.id))
    )
    return list(session.exec(statement))


@dataclass(frozen=True, slots=True)
class WantedCorrections:
    """Which corrections a list is to show: None for any. ``first`` and ``last`` are local days."""

    kind: EntryKind | None = None
    actor: str | None = None
    commodity: str | None = None
    first: date | None = None
    last: date | None = None


def corrections(wanted: WantedCorrections) -> tuple[Any, dict[str, Any], Any]:
    """A select of reversals, each with its original; its order and its tie."""
    original = aliased(Entry)
    statement = select(Entry, original).join(original, col(original.id) == col(Entry.reverses))
    if wanted.kind is not None:
        statement = statement.where(col(original.kind) == wanted.kind)
    if wanted.actor is not None:
        statement = statement.where(col(Entry.actor) == wanted.actor)
    if wanted.commodity is not None:
        statement = statement.where(_moves_any(wanted.commodity))
    day = sa.cast(sa.func.timezone(get_settings().time_zone, col(Entry.recorded_at)), sa.Date())
    if wanted.first is not None:
        statement = statement.where(day >= wanted.first)
    if wanted.last is not None:
        statement = statement.where(day <= wanted.last)
    order = {
        "corrected": col(Entry.recorded_at).desc(),
        "said": col(original.recorded_at),
        "happened": col(original.occurred_at),
        "kind": col(original.kind),
        "organisation": col(Entry.actor),
    }
    return statement, order, col(Entry.id)


def _moves_any(commodity: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        col(Move.entry_id) == col(Entry.id),
        col(Lot.id) == col(Move.lot_id),
        col(Lot.commodity) == commodity,
    )


def reasons_of(session: Session, entry_ids: Collection[UUID]) -> dict[UUID, str]:
    """The reasons given for these entries, for who may read them; none once they were deleted."""
    secrets = session.exec(select(EntrySecret).where(among(EntrySecret.entry_id, entry_ids)))
    return {each.entry_id: each.fields["reason"] for each in secrets if "reason" in each.fields}


@dataclass(frozen=True, slots=True)
class HowItStands:
    """Who said an entry; and, where it was taken back, when, by which entry, and why.

    ``said_by`` is an organisation's code; the reason is None where it isn't the reader's to read.
    """

    entry_id: UUID
    said_by: str
    taken_back_at: datetime | None = None
    reversal_id: UUID | None = None
    taken_back_because: str | None = None


def how_they_stand(
    session: Session, entry_ids: Collection[UUID], *, reader: str | None = None
) -> dict[UUID, HowItStands]:
    """How each of these entries stands; what there is no entry of, is left out.

    Reasons are for whoever gave them: for ``reader``'s own organisation, or for all where None.
    """
    undone = reversals_of(session, entry_ids)
    readable = [each.id for each in undone.values() if reader in {None, each.actor}]
    reasons = reasons_of(session, readable)
    found = {}
    for entry in session.exec(select(Entry).where(among(Entry.id, entry_ids))):
        said_by, reversal = entry.actor.partition(":")[2], undone.get(entry.id)
        found[entry.id] = (
            HowItStands(entry.id, said_by)
            if reversal is None
            else HowItStands(
                entry.id, said_by, reversal.recorded_at, reversal.id, reasons.get(reversal.id)
            )
        )
    return found


def moves_by_entry(
    session: Session, entry_ids: Collection[UUID]
) -> dict[UUID, list[tuple[Move, str]]]:
    """The moves of each entry, line by line, each with its commodity."""
    found: dict[UUID, list[tuple[Move, str]]] = {entry_id: [] for entry_id in entry_ids}
    rows = session.exec(
        select(Move, Lot.commodity)
        .join(Lot, col(Lot.id) == col(Move.lot_id))
        .where(among(Move.entry_id, entry_ids))
        .order_by(col(Move.entry_id), col(Move.line))
    )
    for move, commodity in rows:
        found[move.entry_id].append((move, commodity))
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """An entry that a paper's correction was followed by, and that stands."""

    id: UUID
    kind: EntryKind
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class BothSides:
    """What an entry has to do with a correction: what it took back, or what took it back.

    ``instead`` is what the same paper says now; None where it says nothing.
    """

    original: Entry | None = None
    reversal: Entry | None = None
    instead: Said | None = None


def both_sides(session: Session, entry: Entry) -> BothSides:
    """The other side of an entry that is a correction, or was corrected; else nothing."""
    if entry.reverses is not None:
        original = session.get_one(Entry, entry.reverses)
        instead = instead_of(session, [(original, entry)]).get(original.id)
        return BothSides(original=original, instead=instead)
    reversal = reversals_of(session, [entry.id]).get(entry.id)
    if reversal is None:
        return BothSides()
    instead = instead_of(session, [(entry, reversal)]).get(entry.id)
    return BothSides(reversal=reversal, instead=instead)


def instead_of(session: Session, pairs: Sequence[tuple[Entry, Entry]]) -> dict[UUID, Said]:
    """For each original with its reversal, what the same paper said next in its place.

    A receipt says one thing in several entries: any of the next one's stands for all.
    """
    documents = {original.document for original, _ in pairs if original.document}
    rows = session.connection().execute(
        sa.select(  # type: ignore[call-overload]
            Entry.document, Entry.id, Entry.kind, Entry.recorded_at
        )
        .where(among(Entry.document, documents), col(Entry.kind) != EntryKind.REVERSE, _stands())
        .order_by(col(Entry.recorded_at), col(Entry.id))
    )
    papers: dict[str, list[Said]] = defaultdict(list)
    for document, *said in rows:
        papers[document].append(Said(*said))
    found: dict[UUID, Said] = {}
    for original, reversal in pairs:
        later = [
            said
            for said in papers.get(original.document or "", [])
            if said.recorded_at > reversal.recorded_at and _says_alike(original.kind, said.kind)
        ]
        if later:
            found[original.id] = next((e for e in later if e.kind is original.kind), later[0])
    return found


def _says_alike(one: EntryKind, other: EntryKind) -> bool:
    return one is other or {one, other} <= RECEIPT_KINDS


def in_the_way(session: Session, entry_ids: Collection[UUID]) -> list[InTheWay]:
    """What has to be taken back before these can be, together: the newest first, chains and all.

    Of several that took from one account any may do, as long as enough comes back.
    """
    found: dict[UUID, InTheWay] = {}
    waiting: list[frozenset[UUID]] = [frozenset(entry_ids)]
    while waiting and len(found) < MOST_NAMED:
        undone = waiting.pop()
        for account, lot_id in _short(session, undone):
            for step in _takers(session, account, lot_id, undone):
                if step.entry_id not in found and step.entry_id not in entry_ids:
                    found[step.entry_id] = step
                    waiting.append(frozenset([step.entry_id]))
    return sorted(found.values(), key=lambda step: (step.recorded_at, step.entry_id), reverse=True)


def _stands() -> sa.ColumnElement[bool]:
    later = aliased(Entry)
    return ~sa.exists().where(col(later.reverses) == col(Entry.id))


def _short(session: Session, entry_ids: Collection[UUID]) -> list[tuple[str, UUID]]:
    """The accounts and lots that no longer hold what undoing these entries would take from them."""
    needed: dict[tuple[str, UUID], int] = defaultdict(int)
    for move in session.exec(select(Move).where(among(Move.entry_id, entry_ids))):
        needed[move.target, move.lot_id] += move.quantity
        needed[move.source, move.lot_id] -= move.quantity
    wanted = {
        key: quantity
        for key, quantity in needed.items()
        if quantity > 0 and AccountRef.parse(key[0]).kind not in OVERDRAWN
    }
    rows = session.exec(
        select(Balance).where(
            among(Balance.account, {account for account, _ in wanted}),
            among(Balance.lot_id, {lot_id for _, lot_id in wanted}),
        )
    )
    held = {(row.account, row.lot_id): row.inflow - row.outflow for row in rows}
    return sorted(key for key, quantity in wanted.items() if held.get(key, 0) < quantity)


def _takers(
    session: Session, account: str, lot_id: UUID, undone: Collection[UUID]
) -> Iterable[InTheWay]:
    """What took of a lot off an account since the first of ``undone``, and stands."""
    since = sa.select(sa.func.min(col(Entry.recorded_at))).where(among(Entry.id, undone))
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            col(Entry.id).label("entry_id"),
            col(Entry.kind),
            col(Entry.occurred_at),
            col(Entry.recorded_at),
            col(Entry.actor),
            col(Entry.document),
            col(Move.lot_id),
            col(Lot.commodity),
            col(Move.source).label("account"),
            sa.func.sum(col(Move.quantity)).label("quantity"),
        )
        .join(Move, col(Move.entry_id) == col(Entry.id))
        .join(Lot, col(Lot.id) == col(Move.lot_id))
        .where(
            col(Move.source) == account,
            col(Move.lot_id) == lot_id,
            col(Entry.kind) != EntryKind.REVERSE,
            col(Entry.recorded_at) >= since.scalar_subquery(),
            col(Entry.id).not_in(list(undone)),
            _stands(),
        )
        .group_by(col(Entry.id), col(Move.lot_id), col(Lot.commodity), col(Move.source))
        .order_by(col(Entry.recorded_at).desc(), col(Entry.id))
        .limit(MOST_NAMED)
    )
    for row in session.connection().execute(statement).mappings():
        yield InTheWay(**{**row, "quantity": int(row["quantity"])})
