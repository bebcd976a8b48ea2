"""Readings of what flowed: between kinds of accounts, through one holder, and what is free when."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from services.database import among
from services.journal.kinds import AccountKind, AccountRef, EntryKind
from services.journal.models import Account, Balance, Entry, Lot, Move


@dataclass(frozen=True, slots=True)
class Flow:
    """All that entries of one kind moved from one holder to another, in base units."""

    kind: EntryKind
    commodity: str
    source: str
    source_kind: AccountKind
    target: str
    target_kind: AccountKind
    quantity: int


def flows(session: Session, kind: AccountKind) -> list[Flow]:
    """Every flow that begins or ends at accounts of this kind, added up over lots and time."""
    source, target = aliased(Account), aliased(Account)
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            col(Entry.kind),
            col(Lot.commodity),
            col(source.holder),
            col(source.kind),
            col(target.holder),
            col(target.kind),
            func.sum(col(Move.quantity)),
        )
        .select_from(Move)
        .join(Entry, col(Entry.id) == col(Move.entry_id))
        .join(Lot, col(Lot.id) == col(Move.lot_id))
        .join(source, col(source.code) == col(Move.source))
        .join(target, col(target.code) == col(Move.target))
        .where((col(source.kind) == kind) | (col(target.kind) == kind))
    )
    grouped = statement.group_by(*statement.selected_columns[:-1])
    rows = session.connection().execute(grouped)
    return [
        Flow(entry_kind, commodity, giver, giver_kind, taker, taker_kind, int(quantity))
        for entry_kind, commodity, giver, giver_kind, taker, taker_kind, quantity in rows
    ]


@dataclass(frozen=True, slots=True)
class Free:
    """What may leave an account of one lot at a moment, and when the lot first came there."""

    lot_id: UUID
    came_at: datetime
    quantity: int


def free_at(session: Session, account: AccountRef, moment: datetime) -> list[Free]:
    """What may leave the account at ``moment``, lot by lot, first come first.

    As of no later moment may the account then hold less than nothing: what came later, or left
    later, counts. So acts may be written down late, and the past stays possible.
    """
    code = str(account)
    signed = sa.case((col(Move.target) == code, col(Move.quantity)), else_=-col(Move.quantity))
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Move.lot_id), col(Entry.occurred_at), signed)
        .select_from(Move)
        .join(Entry, col(Entry.id) == col(Move.entry_id))
        .join(Balance, (col(Balance.lot_id) == col(Move.lot_id)) & (col(Balance.account) == code))
        .where((col(Move.source) == code) | (col(Move.target) == code))
        .where(col(Balance.inflow) > col(Balance.outflow))
        # Of what happened at one moment, what came is counted before what left.
        .order_by(col(Entry.occurred_at), signed.desc(), col(Entry.recorded_at), col(Move.entry_id))
    )
    steps: dict[UUID, list[tuple[datetime, int]]] = defaultdict(list)
    for lot_id, when, quantity in session.connection().execute(statement):
        steps[lot_id].append((when, int(quantity)))
    found = [Free(lot_id, some[0][0], _least_from(some, moment)) for lot_id, some in steps.items()]
    return [each for each in found if each.quantity > 0]


def _least_from(steps: list[tuple[datetime, int]], moment: datetime) -> int:
    """The least that stood there at ``moment`` or at any time after it."""
    stood, least = 0, None
    for when, quantity in steps:
        if when > moment:
            least = stood if least is None else min(least, stood)
        stood += quantity
    return stood if least is None else min(least, stood)


def moved_by(
    session: Session, entry_ids: Collection[UUID], source: AccountKind | None = None
) -> dict[UUID, int]:
    """How much each entry moved, in base units; with ``source``, out of accounts of that kind.

    What was taken back since moved nothing, and isn't there.
    """
    reversal = aliased(Entry)
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Move.entry_id), func.sum(col(Move.quantity)))
        .where(among(Move.entry_id, entry_ids))
        .where(~sa.exists().where(col(reversal.reverses) == col(Move.entry_id)))
        .group_by(col(Move.entry_id))
    )
    if source is not None:
        statement = statement.join(Account, col(Account.code) == col(Move.source)).where(
            col(Account.kind) == source
        )
    return {row[0]: int(row[1]) for row in session.connection().execute(statement)}


def statement_of(holder: str) -> tuple[Any, dict[str, Any], Any]:
    """A select of a holder's entries, each with what came and what left; its order and its tie.

    Moves between two accounts of the holder itself, such as a commitment, count as neither.
    """
    source, target = aliased(Account), aliased(Account)
    came = func.sum(sa.case((col(target.holder) == holder, col(Move.quantity)), else_=0))
    left = func.sum(sa.case((col(source.holder) == holder, col(Move.quantity)), else_=0))
    within = func.sum(
        sa.case(
            (
                (col(source.holder) == holder) & (col(target.holder) == holder),
                col(Move.quantity),
            ),
            else_=0,
        )
    )
    statement = (
        sa.select(
            col(Entry.id),
            col(Entry.kind),
            col(Entry.occurred_at),
            col(Entry.recorded_at),
            col(Entry.document),
            (came - within).label("came"),
            (left - within).label("left"),
            within.label("within"),
        )
        .select_from(Move)
        .join(Entry, col(Entry.id) == col(Move.entry_id))
        .join(source, col(source.code) == col(Move.source))
        .join(target, col(target.code) == col(Move.target))
        .where((col(source.holder) == holder) | (col(target.holder) == holder))
        .group_by(col(Entry.id))
    )
    order = {
        "occurred": col(Entry.occurred_at),
        "recorded": col(Entry.recorded_at),
        "kind": col(Entry.kind),
        "came": came - within,
        "left": left - within,
    }
    return statement, order, col(Entry.id)


def has_entry(document: sa.ColumnElement[str], kinds: Collection[EntryKind]) -> Any:
    """Whether an entry of one of these kinds, and not taken back, has this document.

    A condition for a ``where``.
    """
    reversal = aliased(Entry)
    taken_back = sa.exists().where(col(reversal.reverses) == col(Entry.id))
    return sa.exists().where(
        col(Entry.document) == document, col(Entry.kind).in_(kinds), ~taken_back
    )


def standing_by_document(
    session: Session, documents: Collection[str], kind: EntryKind
) -> dict[str, UUID]:
    """For each of these documents, its entry of this kind that nothing took back."""
    reversal = aliased(Entry)
    rows = session.connection().execute(
        sa.select(col(Entry.document), col(Entry.id)).where(
            among(Entry.document, documents),
            col(Entry.kind) == kind,
            ~sa.exists().where(col(reversal.reverses) == col(Entry.id)),
        )
    )
    return {str(document): entry_id for document, entry_id in rows}


def is_reversed(session: Session, entry_id: UUID) -> bool:
    """Whether a later entry took this one back."""
    found = session.scalar(sa.select(sa.exists().where(col(Entry.reverses) == entry_id)))
    return bool(found)


def repacked_from(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """For each of these lots that repacking opened, the lots that it was made of."""
    made, used = aliased(Lot), aliased(Account)
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(made.id), col(Move.lot_id))
        .select_from(made)
        .join(Entry, col(Entry.id) == col(made.entry_id))
        .join(Move, col(Move.entry_id) == col(Entry.id))
        .join(used, col(used.code) == col(Move.source))
        .where(among(made.id, lot_ids), col(Entry.kind) == EntryKind.REPACK)
        .where(col(used.kind) == AccountKind.SITE)
    )
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for lot_id, of in session.connection().execute(statement):
        found[lot_id].add(of)
    return found


def packed_from(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Every lot that repacking made of these, or of those in turn, with the one that it is of."""
    root = {lot_id: lot_id for lot_id in lot_ids}
    newest = set(root)
    while newest:
        statement = (
            select(Lot.id, Move.lot_id)
            .join(Entry, col(Entry.id) == col(Lot.entry_id))
            .join(Move, col(Move.entry_id) == col(Entry.id))
            .where(col(Entry.kind) == EntryKind.REPACK, among(Move.lot_id, newest))
        )
        made = {lot_id: root[of] for lot_id, of in session.exec(statement) if lot_id not in root}
        root |= made
        newest = set(made)
    return {lot_id: of for lot_id, of in root.items() if lot_id != of}


def find_entries(session: Session, entry_ids: Collection[UUID]) -> list[Entry]:
    """Those entries of these ids that there are."""
    return list(session.exec(select(Entry).where(among(Entry.id, entry_ids))))


def gathered_at(
    session: Session, accounts: Collection[str], lot_ids: Collection[UUID]
) -> dict[tuple[str, UUID], datetime]:
    """When a recall last gathered a lot off each of these accounts, as it was recorded."""
    rows = session.exec(
        select(Move.source, Move.lot_id, func.max(col(Entry.recorded_at)))
        .join(Entry, col(Entry.id) == col(Move.entry_id))
        .where(
            col(Entry.kind) == EntryKind.RECALL,
            among(Move.source, accounts),
            among(Move.lot_id, lot_ids),
        )
        .group_by(col(Move.source), col(Move.lot_id))
    )
    return {(account, lot_id): at for account, lot_id, at in rows}


def reserved_at(session: Session, documents: Collection[str]) -> dict[str, datetime]:
    """When goods were last set aside for each of these documents, as it was recorded."""
    rows = session.exec(
        select(Entry.document, func.max(col(Entry.recorded_at)))
        .where(col(Entry.kind) == EntryKind.RESERVE, among(Entry.document, documents))
        .group_by(col(Entry.document))
    )
    return {document: at for document, at in rows if document is not None}
