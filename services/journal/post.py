"""The journal's only writer: ``post`` and ``reverse``."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from ledger.canonical import canonicalize, digest
from ledger.disclosure import conceal
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.kinds import (
    ALLOWED_MOVES,
    OPENS_LOTS,
    OVERDRAWN,
    STATEMENTS,
    AccountRef,
    EntryKind,
)
from services.journal.models import Account, Balance, Entry, EntrySecret, Lot, Move
from services.journal.record import Draft, NewMove, content, record_bytes
from services.settings import get_settings

MAX_QUANTITY = 10**12
_CLOCK_SKEW = timedelta(minutes=5)


class InsufficientStock(Conflict):
    code, title = "insufficient-stock", "There isn't that much there"


class EntryIdReused(InvalidInput):
    code, title = "id-reused", "The same id was used for something else"


class AlreadyReversed(Conflict):
    code, title = "already-reversed", "It has been reversed already"


@dataclass(frozen=True, slots=True)
class Posted:
    """``created`` is false when the same entry had been posted before: nothing was written."""

    entry: Entry
    created: bool


def post(session: Session, draft: Draft) -> Posted:
    """Write an entry with its moves in the caller's transaction, or raise and write nothing.

    Posting the same content under the same id again returns the first entry.

    Raises:
        InsufficientStock: an account doesn't hold what a move takes from it.
        EntryIdReused: the id belongs to an entry with other content.
        InvalidInput: a quantity, time, lot or pair of accounts that can't be.

    """
    _validate(draft)
    commodities = _commodities(session, draft)
    body = content(draft, commodities)
    content_digest = digest(canonicalize(body))
    entry, secret = _entry(draft, body, content_digest)
    inserted = session.connection().execute(
        insert(Entry).values(**entry.model_dump()).on_conflict_do_nothing().returning(col(Entry.id))
    )
    if inserted.first() is None:
        return _first_result(session, draft, content_digest)
    if secret is not None:
        session.add(secret)
    _open_accounts(session, draft.moves)
    _open_lots(session, draft)
    _change_balances(session, draft.moves)
    _write_moves(session, draft)
    return Posted(session.get_one(Entry, draft.id), created=True)


def reverse(
    session: Session, entry_id: UUID, *, reversal_id: UUID, actor: str, reason: str
) -> Posted:
    """Undo an entry by the opposite moves; both stay in the journal.

    Raises:
        NotFound: there is no such entry.
        AlreadyReversed: another reversal came first.
        InsufficientStock: what it brought has moved on since, so that has to be undone first.

    """
    original = session.get(Entry, entry_id)
    if original is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    if original.kind in STATEMENTS or original.kind == EntryKind.REVERSE:
        raise InvalidInput(
            f"An entry of kind {original.kind} moves nothing that could be reversed",
            field="entry_id",
            value=entry_id,
            mend="post what is true now as a new entry",
        )
    moves = session.exec(select(Move).where(Move.entry_id == entry_id).order_by(col(Move.line)))
    draft = Draft(
        id=reversal_id,
        kind=EntryKind.REVERSE,
        occurred_at=original.occurred_at,
        actor=actor,
        document=original.document,
        reverses=entry_id,
        facts={"reason": reason},
        moves=[
            NewMove(m.lot_id, AccountRef.parse(m.target), AccountRef.parse(m.source), m.quantity)
            for m in moves
        ],
    )
    return post(session, draft)


def _validate(draft: Draft) -> None:
    now = datetime.now(UTC)
    if draft.occurred_at.tzinfo is None or draft.occurred_at > now + _CLOCK_SKEW:
        raise InvalidInput(
            f"It can't have happened at {draft.occurred_at.isoformat()}",
            field="occurred_at",
            value=draft.occurred_at.isoformat(),
            mend="give a time with a zone that isn't in the future",
        )
    if draft.lots and draft.kind not in OPENS_LOTS:
        raise InvalidInput(f"An entry of kind {draft.kind} opens no lots", field="kind")
    if bool(draft.moves) == (draft.kind in STATEMENTS):
        raise InvalidInput(f"{draft.kind} with {len(draft.moves)} moves can't be", field="moves")
    for line, move in enumerate(draft.moves, start=1):
        _validate_move(draft.kind, line, move)


def _validate_move(kind: EntryKind, line: int, move: NewMove) -> None:
    if not 0 < move.quantity <= MAX_QUANTITY:
        raise InvalidInput(
            f"Line {line}: a quantity of {move.quantity} can't be moved",
            field=f"moves[{line}].quantity",
            value=move.quantity,
            mend=f"give a whole number from 1 to {MAX_QUANTITY}",
        )
    pair = (move.source.kind, move.target.kind)
    # A reversal's moves were allowed the other way round when they were posted.
    if kind is not EntryKind.REVERSE and pair not in ALLOWED_MOVES[kind]:
        raise InvalidInput(
            f"Line {line}: {kind} doesn't move from {pair[0]} to {pair[1]}",
            field=f"moves[{line}]",
            value=f"{move.source} → {move.target}",
        )
    if str(move.source) == str(move.target):
        raise InvalidInput(f"Line {line}: source and target are one", field=f"moves[{line}]")


def _commodities(session: Session, draft: Draft) -> dict[UUID, str]:
    """Commodity by lot, for every lot that the draft moves."""
    known = {lot.id: lot.commodity for lot in draft.lots}
    missing = {move.lot_id for move in draft.moves} - known.keys()
    if missing:
        found = session.exec(select(Lot.id, Lot.commodity).where(col(Lot.id).in_(missing)))
        known.update(dict(found))
    unknown = missing - known.keys()
    if unknown:
        lot = min(unknown)
        raise NotFound(f"There is no lot {lot}", field="lot_id", value=lot)
    return known


def _entry(
    draft: Draft, body: dict[str, object], content_digest: bytes
) -> tuple[Entry, EntrySecret | None]:
    recorded_at = datetime.now(UTC)
    secret = None
    digests: Sequence[str] = ()
    if draft.concealed:
        key = secrets.token_bytes(32)
        digests = conceal(key, draft.concealed).digests
        secret = EntrySecret(entry_id=draft.id, record_key=key, fields=dict(draft.concealed))
    exact = record_bytes(
        body,
        log=get_settings().log_origin,
        recorded_at=recorded_at,
        concealed_digests=digests,
    )
    entry = Entry(
        id=draft.id,
        kind=draft.kind,
        occurred_at=draft.occurred_at,
        recorded_at=recorded_at,
        actor=draft.actor,
        document=draft.document,
        reverses=draft.reverses,
        body=exact,
        digest=digest(exact),
        content_digest=content_digest,
    )
    return entry, secret


def _first_result(session: Session, draft: Draft, content_digest: bytes) -> Posted:
    first = session.get(Entry, draft.id)
    if first is None:  # the conflict was on another column: its only one is `reverses`
        raise AlreadyReversed(
            f"Entry {draft.reverses} has been reversed already",
            field="entry_id",
            value=draft.reverses,
        )
    if first.content_digest != content_digest:
        raise EntryIdReused(
            f"Entry {draft.id} exists and says something else",
            field="id",
            value=draft.id,
            mend="make a new UUID for a new act; send the very same body to repeat one",
        )
    return Posted(first, created=False)


def _open_accounts(session: Session, moves: Sequence[NewMove]) -> None:
    refs = {str(ref): ref for move in moves for ref in (move.source, move.target)}
    if not refs:
        return
    rows = [
        {
            "code": code,
            "kind": ref.kind,
            "holder": ref.holder,
            "state": ref.state,
            "purpose": ref.purpose,
            "may_overdraw": ref.kind in OVERDRAWN,
        }
        for code, ref in sorted(refs.items())
    ]
    session.connection().execute(insert(Account).values(rows).on_conflict_do_nothing())


def _open_lots(session: Session, draft: Draft) -> None:
    for lot in draft.lots:
        session.add(
            Lot(
                id=lot.id,
                commodity=lot.commodity,
                batch=lot.batch,
                produced_on=lot.produced_on,
                expires_on=lot.expires_on,
                origin=lot.origin,
                entry_id=draft.id,
            )
        )
    session.flush()


def _change_balances(session: Session, moves: Sequence[NewMove]) -> None:
    """Add to the counters in sorted order, so that two entries never wait for each other."""
    changes: dict[tuple[str, UUID], list[int]] = defaultdict(lambda: [0, 0])
    overdrawn: dict[str, bool] = {}
    for move in moves:
        changes[str(move.target), move.lot_id][0] += move.quantity
        changes[str(move.source), move.lot_id][1] += move.quantity
        for ref in (move.source, move.target):
            overdrawn[str(ref)] = ref.kind in OVERDRAWN
    for (account, lot_id), (inflow, outflow) in sorted(changes.items()):
        if inflow >= outflow or overdrawn[account]:
            _add(session, account, lot_id, inflow, outflow, may_overdraw=overdrawn[account])
        else:
            _take(session, account, lot_id, inflow, outflow)


def _add(
    session: Session, account: str, lot_id: UUID, inflow: int, outflow: int, *, may_overdraw: bool
) -> None:
    statement = insert(Balance).values(
        account=account, lot_id=lot_id, inflow=inflow, outflow=outflow, may_overdraw=may_overdraw
    )
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["account", "lot_id"],
            set_={
                "inflow": col(Balance.inflow) + statement.excluded.inflow,
                "outflow": col(Balance.outflow) + statement.excluded.outflow,
            },
        )
    )


def _take(session: Session, account: str, lot_id: UUID, inflow: int, outflow: int) -> None:
    """One conditional UPDATE: it either finds enough under the row's lock or changes nothing."""
    result = session.connection().execute(
        sa.update(Balance)
        .where(col(Balance.account) == account, col(Balance.lot_id) == lot_id)
        .where(col(Balance.inflow) + inflow >= col(Balance.outflow) + outflow)
        .values(inflow=col(Balance.inflow) + inflow, outflow=col(Balance.outflow) + outflow)
    )
    if result.rowcount == 1:
        return
    balance = session.get(Balance, (account, lot_id), populate_existing=True)
    available = balance.inflow - balance.outflow if balance else 0
    wanted = outflow - inflow
    raise InsufficientStock(
        f"{account} holds {available} of lot {lot_id}, and {wanted} were to leave it",
        field="quantity",
        value=wanted,
        mend=f"take {available} or fewer, or another lot",
        account=account,
        lot_id=str(lot_id),
        available=available,
    )


def _write_moves(session: Session, draft: Draft) -> None:
    if not draft.moves:
        return
    rows = [
        {
            "entry_id": draft.id,
            "line": line,
            "lot_id": move.lot_id,
            "source": str(move.source),
            "target": str(move.target),
            "quantity": move.quantity,
        }
        for line, move in enumerate(draft.moves, start=1)
    ]
    session.connection().execute(insert(Move).values(rows))
