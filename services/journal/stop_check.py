"""What is stopped, from the journal's bytes: the rows of stops, and where stopped lots stand."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from ledger.canonical import NotCanonical, parse
from services.errors import InvalidInput
from services.journal.differences import NOTHING, Difference
from services.journal.kinds import AccountRef, EntryKind
from services.journal.models import Account, Balance, Entry, Lot
from services.journal.stop_models import LotStop, StopLifted
from services.journal.stops import forbids_expired, is_expired, lifted_in, recalled_in

_STREAM = {"yield_per": 1000}
# No recalled lot stands where it could be picked, or where somebody has it to use.
_CLEARED = ("available", "reserved", "received")
Rows = set[tuple[str, str]]


def check_stops(connection: sa.Connection) -> Iterator[Difference]:
    """Stops that aren't what the statements say, and recalled lots that stand in use."""
    yield from _compared("recalls", _said(connection), _opened(connection) | _lifted(connection))
    yield from _standing(connection)


def expired_moves(where: str, kind: EntryKind, occurred_at: Any, rows: Any) -> Iterator[Difference]:
    """Moves of an entry that pick or hand on what had expired by then."""
    for row in rows:
        try:
            source, target = AccountRef.parse(row.source), AccountRef.parse(row.target)
        except ValueError:
            continue  # told of by the account's own check
        if forbids_expired(kind, source, target) and is_expired(row.expires_on, occurred_at):
            yield Difference(
                "expired_move",
                f"{where}, line {row.line}",
                f"no {kind} of lot {row.lot_id}, expired on {row.expires_on}",
                f"{row.quantity} from {row.source} to {row.target}",
            )


def _compared(what: str, said: Rows, held: Rows) -> Iterator[Difference]:
    for entry, text in sorted(said - held):
        yield Difference("stop", f"{what} of entry {entry}", text, NOTHING)
    for entry, text in sorted(held - said):
        yield Difference("stop", f"{what} of entry {entry}", NOTHING, text)


def _said(connection: sa.Connection) -> Rows:
    """What the statements' bytes stop and lift; damaged bytes are told of where they are read."""
    kinds = (EntryKind.RECALL_OPENED, EntryKind.RECALL_LIFTED)
    statement = sa.select(col(Entry.id), col(Entry.body)).where(col(Entry.kind).in_(kinds))
    found: Rows = set()
    for entry_id, body in connection.execute(statement, execution_options=_STREAM):
        try:
            record: Mapping[str, Any] = parse(body)
            found |= {(str(entry_id), text) for text in _texts(record)}
        except (NotCanonical, InvalidInput, KeyError):
            continue
    return found


def _texts(record: Mapping[str, Any]) -> list[str]:
    if record["kind"] == EntryKind.RECALL_LIFTED:
        return [f"lifts {lifted_in(record['facts'])}"]
    lots, batches = recalled_in(record["facts"])
    return [*(_lot(lot) for lot in lots), *(_batch(*batch) for batch in batches)]


def _lot(lot_id: UUID) -> str:
    return f"lot {lot_id}"


def _batch(commodity: str, batch: str) -> str:
    return f"batch {batch} of {commodity}"


def _opened(connection: sa.Connection) -> Rows:
    statement: sa.Select[*tuple[Any, ...]] = sa.select(
        col(LotStop.entry_id), col(LotStop.lot_id), col(LotStop.commodity), col(LotStop.batch)
    )
    return {
        (str(entry_id), _lot(lot_id) if lot_id else _batch(commodity, batch))
        for entry_id, lot_id, commodity, batch in connection.execute(statement)
    }


def _lifted(connection: sa.Connection) -> Rows:
    statement = sa.select(col(StopLifted.entry_id), col(StopLifted.lifts))
    return {(str(entry), f"lifts {lifts}") for entry, lifts in connection.execute(statement)}


def _standing(connection: sa.Connection) -> Iterator[Difference]:
    stopped = sa.or_(
        col(LotStop.lot_id) == col(Lot.id),
        sa.and_(col(LotStop.commodity) == col(Lot.commodity), col(LotStop.batch) == col(Lot.batch)),
    )
    quantity = col(Balance.inflow) - col(Balance.outflow)
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Balance.account), col(Lot.id), quantity)
        .select_from(LotStop)
        .join(Lot, stopped)
        .join(Balance, col(Balance.lot_id) == col(Lot.id))
        .join(Account, col(Account.code) == col(Balance.account))
        .outerjoin(StopLifted, col(StopLifted.lifts) == col(LotStop.entry_id))
        .where(col(StopLifted.lifts).is_(None), quantity > 0, col(Account.state).in_(_CLEARED))
        .order_by(col(Balance.account), col(Lot.id))
        .distinct()
    )
    for account, lot_id, held in connection.execute(statement, execution_options=_STREAM):
        where = f"{account}, lot {lot_id}"
        yield Difference("recalled_in_use", where, "nothing of what is recalled", f"{held}")
