"""The journal's only writer: ``post`` and ``reverse``."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, func, select

from ledger.canonical import NotCanonical, canonicalize, digest, parse
from ledger.disclosure import conceal
from services.database import among
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.balances import InsufficientStock, change_balances
from services.journal.checks import MAX_QUANTITY, check_draft
from services.journal.kinds import (
    OVERDRAWN,
    STATEMENTS,
    AccountRef,
    CommodityClass,
    EntryKind,
)
from services.journal.log import Log, get_log
from services.journal.models import Account, Commodity, Entry, EntrySecret, Lot, Move
from services.journal.record import Draft, NewMove, content, record_bytes
from services.journal.repack import check_repack
from services.journal.stops import LotExpired, LotRecalled, hold_lots, record_stops, refuse_stopped

__all__ = [
    "MAX_QUANTITY",
    "AlreadyReversed",
    "EntryIdReused",
    "InsufficientStock",
    "LotExpired",
    "LotRecalled",
    "Posted",
    "post",
    "register_commodity",
    "reverse",
]


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
        LotRecalled, LotExpired: a move picks or hands on what is stopped.
        EntryIdReused: the id belongs to an entry with other content, or to another entry's lot.
        AlreadyReversed: another entry has reversed the one that this reverses.
        NotFound: a lot, commodity or entry that it refers to.
        InvalidInput: a quantity, time, text or pair of accounts that can't be.
        LogNotOpened: the log that records are bound to isn't known yet.

    """
    check_draft(draft)
    _check_reversal(session, draft)
    # The lots' locks come before everything else, and before the time of recording is taken.
    lots = hold_lots(session, draft)
    check_repack(draft, lots)
    body = content(draft, {lot.id: lot.commodity for lot in lots.values()})
    try:
        content_digest = digest(canonicalize(body))
        entry, secret = _entry(draft, body, content_digest, get_log(session), _moment(session))
    except NotCanonical as error:
        raise InvalidInput(
            f"It can't be written down: {error}",
            field=error.where,
            mend="give whole numbers, and text in Unicode normal form C",
        ) from error
    # A savepoint: a caller that catches the refusal and goes on leaves nothing of it behind.
    with session.begin_nested():
        inserted = session.connection().execute(
            insert(Entry)
            .values(**entry.model_dump())
            .on_conflict_do_nothing()
            .returning(col(Entry.id))
        )
        if inserted.first() is None:
            return _first_result(session, draft, content_digest)
        if secret is not None:
            session.add(secret)
        _refuse_before_it_came(session, draft)
        _open_accounts(session, draft.moves)
        _open_lots(session, draft)
        refuse_stopped(session, draft, lots)
        record_stops(session, draft, lots)
        change_balances(session, draft.moves)
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
    original = _reversible(session, entry_id)
    draft = Draft(
        id=reversal_id,
        kind=EntryKind.REVERSE,
        occurred_at=original.occurred_at,
        actor=actor,
        document=original.document,
        reverses=entry_id,
        concealed={"reason": reason},
        moves=_opposite_moves(session, entry_id),
    )
    return post(session, draft)


def register_commodity(
    session: Session, code: str, commodity_class: CommodityClass, base_unit: str
) -> None:
    """Make a commodity known; registering the same again changes nothing.

    Raises:
        Conflict: the code is known, as another class or in another base unit.

    """
    commodity = Commodity(code=code, commodity_class=commodity_class, base_unit=base_unit)
    session.connection().execute(
        insert(Commodity).values(**commodity.model_dump()).on_conflict_do_nothing()
    )
    known = session.get_one(Commodity, code)
    if (known.commodity_class, known.base_unit) != (commodity_class, base_unit):
        raise Conflict(
            f"{code} is {known.commodity_class} counted in {known.base_unit} already",
            field="code",
            value=code,
            mend="choose another code; what was counted in one unit stays in it",
        )


def _reversible(session: Session, entry_id: UUID) -> Entry:
    original = session.get(Entry, entry_id)
    if original is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    if original.kind in STATEMENTS or original.kind == EntryKind.REVERSE:
        raise InvalidInput(
            f"An entry of kind {original.kind} can't be reversed",
            field="entry_id",
            value=entry_id,
            mend="post what is true now as a new entry",
        )
    return original


def _opposite_moves(session: Session, entry_id: UUID) -> list[NewMove]:
    moves = session.exec(select(Move).where(Move.entry_id == entry_id).order_by(col(Move.line)))
    return [
        NewMove(m.lot_id, AccountRef.parse(m.target), AccountRef.parse(m.source), m.quantity)
        for m in moves
    ]


def _check_reversal(session: Session, draft: Draft) -> None:
    """A reversal may move against every rule, so it must be the exact opposite of its original."""
    if draft.reverses is None and draft.kind is not EntryKind.REVERSE:
        return
    if draft.reverses is None or draft.kind is not EntryKind.REVERSE:
        raise InvalidInput(
            f"An entry of kind {draft.kind} and a reversal are two things",
            field="reverses",
            value=draft.reverses,
            mend="name the entry to reverse in a reversal, and in no other kind",
        )
    _reversible(session, draft.reverses)
    if list(draft.moves) != _opposite_moves(session, draft.reverses):
        raise InvalidInput(
            f"These moves aren't the opposite of those of entry {draft.reverses}",
            field="moves",
            mend="reverse the whole entry, then post what is right",
        )


def _refuse_before_it_came(session: Session, draft: Draft) -> None:
    """Nothing leaves before it came: as of any moment, no account holds less than nothing."""
    moved = {move.lot_id for move in draft.moves} - {lot.id for lot in draft.lots}
    early = session.exec(
        select(Lot.id, Entry.occurred_at)
        .join(Entry, col(Entry.id) == col(Lot.entry_id))
        .where(among(Lot.id, moved), col(Entry.occurred_at) > draft.occurred_at)
        .order_by(col(Lot.id))
    ).first()
    if early is not None:
        lot_id, came_at = early
        raise InvalidInput(
            f"Lot {lot_id} came in at {came_at.isoformat()}, after that",
            field="occurred_at",
            value=draft.occurred_at.isoformat(),
            mend="give the time when it happened; what came later can't have moved then",
        )


def _moment(session: Session) -> datetime:
    """Now, and later than every entry that this one can rest on.

    Leaves stand in the order of recording. Were a key's registration and what it signs written by
    two machines, the second one's clock behind, the log would tell of them the wrong way round.
    """
    newest = session.exec(select(func.max(col(Entry.recorded_at)))).one()
    now = datetime.now(UTC)
    return now if newest is None else max(now, newest + timedelta(microseconds=1))


def _entry(
    draft: Draft,
    body: dict[str, object],
    content_digest: bytes,
    log: Log,
    recorded_at: datetime,
) -> tuple[Entry, EntrySecret | None]:
    secret = None
    digests: Sequence[str] = ()
    if draft.concealed:
        key = secrets.token_bytes(32)
        digests = conceal(key, draft.concealed).digests
        secret = EntrySecret(entry_id=draft.id, record_key=key, fields=dict(draft.concealed))
    exact = record_bytes(
        body,
        log=log,
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
    if first.content_digest != content_digest or not _same_concealed(session, first, draft):
        raise EntryIdReused(
            f"Entry {draft.id} exists and says something else",
            field="id",
            value=draft.id,
            mend="make a new UUID for a new act; send the very same body to repeat one",
        )
    return Posted(first, created=False)


def _same_concealed(session: Session, first: Entry, draft: Draft) -> bool:
    """Whether the hidden fields agree too. Of erased ones only their being there is known."""
    secret = session.get(EntrySecret, first.id)
    if secret is not None:
        return secret.fields == dict(draft.concealed)
    return bool(parse(first.body)["_sd"]) == bool(draft.concealed)


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
    session.connection().execute(insert(Account).on_conflict_do_nothing(), rows)


def _open_lots(session: Session, draft: Draft) -> None:
    if not draft.lots:
        return
    _check_commodities(session, draft)
    rows = [
        {
            "id": lot.id,
            "commodity": lot.commodity,
            "batch": lot.batch,
            "produced_on": lot.produced_on,
            "expires_on": lot.expires_on,
            "origin": lot.origin,
            "entry_id": draft.id,
        }
        for lot in sorted(draft.lots, key=lambda lot: lot.id)
    ]
    opened = session.connection().execute(
        insert(Lot).on_conflict_do_nothing().returning(col(Lot.id)), rows
    )
    taken = Counter(lot.id for lot in draft.lots) - Counter(opened.scalars())
    if taken:
        lot_id = next(iter(taken))
        raise EntryIdReused(
            f"Lot {lot_id} exists already",
            field="lots",
            value=lot_id,
            mend="make a new UUID for each new lot",
        )


def _check_commodities(session: Session, draft: Draft) -> None:
    wanted = {lot.commodity for lot in draft.lots}
    known = session.exec(select(Commodity.code).where(among(Commodity.code, wanted)))
    unknown = sorted(wanted - set(known))
    if unknown:
        raise NotFound(
            f"There is no commodity {unknown[0]}",
            field="commodity",
            value=unknown[0],
            mend="see GET /api/v1/items",
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
    session.connection().execute(insert(Move), rows)
