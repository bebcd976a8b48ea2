"""Stopped lots: what was recalled or has expired is neither picked nor handed on, by any path.

A recall is a statement in the journal, `recall_opened`, whose facts name lots and batches; another
one, `recall_lifted`, ends it. `post()` holds the lots that it moves against both, under the lots'
locks: of a recall and a reservation at the same moment, the later one sees the earlier.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.database import among
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.clock import local_date
from services.journal.flows import packed_from
from services.journal.kinds import ORIGINS, AccountKind, AccountRef, EntryKind
from services.journal.models import Commodity, Entry, Lot
from services.journal.record import Draft
from services.journal.stop_models import LotStop, StopLifted

_E = EntryKind
# What takes goods in hand to use them or to send them on: nothing expired goes that way.
_PICKS = frozenset({_E.RESERVE, _E.DISPATCH, _E.DISBURSE_GOODS, _E.HAND_OUT, _E.CONSUME, _E.REPACK})
# What puts goods on a shelf from which they are picked.
_SHELVES = frozenset({_E.GIVE_BACK, _E.RECEIVE_TRANSFER, _E.RECLASSIFY})
# Where nothing recalled may get to, whichever way.
_IN_USE = frozenset({"available", "reserved", "received", "consumed", "converted"})
_GONE = frozenset({AccountKind.LOSS, AccountKind.ADJUSTMENT}) | ORIGINS


class LotRecalled(Conflict):
    code, title = "lot-recalled", "This lot is recalled"


class LotExpired(Conflict):
    code, title = "lot-expired", "This lot has expired"


class NotStopped(Conflict):
    code, title = "not-stopped", "That recall was lifted already"


class RecallIncomplete(Conflict):
    code, title = "recall-incomplete", "The recall leaves out what was repacked of these lots"


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a lot is stopped: the `recall_opened` entry, and since when in the world."""

    lot_id: UUID
    entry_id: UUID
    since: datetime


@dataclass(frozen=True, slots=True)
class HeldLot:
    """A lot that an entry moves, held still until the transaction ends."""

    id: UUID
    commodity: str
    batch: str | None
    expires_on: date | None


def stopped_lots(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, Stop]:
    """Those of these lots that are recalled now, each by the recall that came first."""
    wanted = list(lot_ids)
    if not wanted:
        return {}
    stop = LotStop
    by_lot: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Lot.id).label("lot_id"), col(stop.entry_id).label("entry_id"))
        .join(stop, col(stop.lot_id) == col(Lot.id))
        .where(among(Lot.id, wanted))
    )
    same_batch = sa.and_(
        col(stop.commodity) == col(Lot.commodity), col(stop.batch) == col(Lot.batch)
    )
    by_batch: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Lot.id), col(stop.entry_id))
        .join(stop, same_batch)
        .where(among(Lot.id, wanted))
    )
    either = sa.union(by_lot, by_batch).subquery()
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(either.c.lot_id, either.c.entry_id, col(Entry.occurred_at))
        .join(Entry, col(Entry.id) == either.c.entry_id)
        .outerjoin(StopLifted, col(StopLifted.lifts) == either.c.entry_id)
        .where(col(StopLifted.lifts).is_(None))
        .order_by(col(Entry.recorded_at).desc(), either.c.entry_id)
    )
    rows = session.connection().execute(statement)
    return {row.lot_id: Stop(row.lot_id, row.entry_id, row.occurred_at) for row in rows}


def repacked_from(session: Session, lot_ids: Collection[UUID]) -> set[UUID]:
    """Every lot that was repacked from these, or from those in turn; without these themselves."""
    return set(packed_from(session, lot_ids))


def forbids_recalled(kind: EntryKind, source: AccountRef, target: AccountRef) -> bool:
    """Whether a recalled lot may not make this move: into use, or out of where it is kept.

    Sent back it stays what it is (``may_move``), and back with whoever gave it, it is gone.
    """
    if target.state in _IN_USE or kind is _E.DISPATCH:
        return True
    kept = source.state == "recalled" and target.kind not in _GONE
    return kept and kind not in {_E.REVERSE, _E.SEND_BACK}


def forbids_expired(kind: EntryKind, source: AccountRef, target: AccountRef) -> bool:
    """Whether an expired lot may not make this move: to be used, or onto a shelf to pick from.

    Released, it only stands again where it stood; a count or a reversal puts the books right.
    """
    if kind in _PICKS:
        # The new lots of a repacking come out of the conversion with the old one's date.
        return source.kind is not AccountKind.CONVERSION
    return kind in _SHELVES and target.state == "available"


def is_expired(expires_on: date | None, moment: datetime) -> bool:
    """Whether a lot was past use then: goods are good until the day before they expire."""
    return expires_on is not None and expires_on <= local_date(moment)


def hold_lots(session: Session, draft: Draft) -> dict[UUID, HeldLot]:
    """The draft's lots, its new ones too, locked in one order; a recall takes them for itself.

    Raises:
        NotFound: there is no such lot.

    """
    known = {
        lot.id: HeldLot(lot.id, lot.commodity, lot.batch, lot.expires_on) for lot in draft.lots
    }
    if draft.kind is _E.RECALL_OPENED:
        return _hold_alone(session, draft)
    _hold_commodities(session, {lot.commodity for lot in draft.lots if lot.batch}, shared=True)
    missing = {move.lot_id for move in draft.moves} - known.keys()
    return known | _locked(session, among(Lot.id, missing), alone=False, wanted=missing)


def hold_together(session: Session, lot_ids: Collection[UUID], *, alone: bool = False) -> None:
    """Hold every lot of an act that posts several entries, before it posts the first.

    ``alone`` lets no other act have them meanwhile, as a recall does.

    Each entry holds its own lots in one order, but one entry after another doesn't: a recall that
    has the second's lots and waits for the first's would be waited for in turn. What is read of the
    lots from here on, such as whether they are recalled, stays so until the transaction ends.

    Raises:
        NotFound: there is no such lot.

    """
    _locked(session, among(Lot.id, lot_ids), alone=alone, wanted=lot_ids)


def _hold_alone(session: Session, draft: Draft) -> dict[UUID, HeldLot]:
    lots, batches = recalled_in(draft.facts)
    _hold_commodities(session, {commodity for commodity, _ in batches}, shared=False)
    named = sa.or_(
        among(Lot.id, lots),
        *(
            sa.and_(col(Lot.commodity) == commodity, col(Lot.batch) == batch)
            for commodity, batch in batches
        ),
    )
    return _locked(session, named, alone=True, wanted=set(lots))


def _hold_commodities(session: Session, commodities: Collection[str], *, shared: bool) -> None:
    """Lots of a batch that come in and a recall of that batch wait for each other."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    for commodity in sorted(commodities):
        session.connection().execute(
            sa.text(f"SELECT {function}(hashtextextended(:key, 0))"), {"key": f"stop/{commodity}"}
        )


def _locked(
    session: Session, named: sa.ColumnElement[bool], *, alone: bool, wanted: Collection[UUID]
) -> dict[UUID, HeldLot]:
    if not wanted and not alone:
        return {}
    columns: sa.Select[*tuple[Any, ...]] = sa.select(
        col(Lot.id), col(Lot.commodity), col(Lot.batch), col(Lot.expires_on)
    )
    statement = columns.where(named).order_by(col(Lot.id))
    locking = (
        statement.with_for_update(key_share=True) if alone else statement.with_for_update(read=True)
    )
    found = {row.id: HeldLot(*row) for row in session.connection().execute(locking)}
    unknown = set(wanted) - found.keys()
    if unknown:
        lot = min(unknown)
        raise NotFound(f"There is no lot {lot}", field="lot_id", value=lot)
    return found


def refuse_stopped(session: Session, draft: Draft, lots: Mapping[UUID, HeldLot]) -> None:
    """Raise LotRecalled or LotExpired where the draft picks or hands on what is stopped."""
    stopped = stopped_lots(session, {move.lot_id for move in draft.moves})
    for line, move in enumerate(draft.moves, start=1):
        lot = lots[move.lot_id]
        if lot.id in stopped and forbids_recalled(draft.kind, move.source, move.target):
            raise _recalled(line, lot, stopped[lot.id])
        if is_expired(lot.expires_on, draft.occurred_at) and forbids_expired(
            draft.kind, move.source, move.target
        ):
            raise _expired(line, lot)


def _recalled(line: int, lot: HeldLot, stop: Stop) -> LotRecalled:
    return LotRecalled(
        f"Lot {lot.id} of {lot.commodity} is recalled since {stop.since.isoformat()}",
        field="lot_id",
        value=lot.id,
        mend="take another lot; what is here of this one goes to the recalled goods, "
        "and what comes in is received into quarantine",
        line=line,
        lot_id=str(lot.id),
        recall=str(stop.entry_id),
    )


def _expired(line: int, lot: HeldLot) -> LotExpired:
    assert lot.expires_on is not None
    return LotExpired(
        f"Lot {lot.id} of {lot.commodity} expired on {lot.expires_on}",
        field="lot_id",
        value=lot.id,
        mend="take another lot, and put this one to the expired goods",
        line=line,
        lot_id=str(lot.id),
        expires_on=lot.expires_on.isoformat(),
    )


def recalled_in(facts: Mapping[str, Any]) -> tuple[list[UUID], list[tuple[str, str]]]:
    """The lots and the (commodity, batch) pairs that a recall's facts name.

    Raises:
        InvalidInput: the facts name nothing, or something else.

    """
    try:
        lots = [UUID(each) for each in facts["lots"]]
        batches = [(str(each["commodity"]), str(each["batch"])) for each in facts["batches"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(
            "A recall names its lots and batches",
            field="facts",
            mend='give {"lots": […ids…], "batches": [{"commodity": …, "batch": …}]}',
        ) from error
    if not lots and not batches:
        raise InvalidInput("A recall of nothing", field="facts", mend="name a lot or a batch")
    return lots, batches


def record_stops(session: Session, draft: Draft, lots: Mapping[UUID, HeldLot]) -> None:
    """Write down what a recall's statement stops, or which recall it lifts."""
    if draft.kind is _E.RECALL_OPENED:
        _record_opened(session, draft, lots)
    if draft.kind is _E.RECALL_LIFTED:
        _record_lifted(session, draft)


def _record_opened(session: Session, draft: Draft, held: Mapping[UUID, HeldLot]) -> None:
    lots, batches = recalled_in(draft.facts)
    known = set(
        session.exec(
            select(Commodity.code).where(among(Commodity.code, [code for code, _ in batches]))
        )
    )
    for commodity, _ in batches:
        if commodity not in known:
            raise NotFound(f"There is no item {commodity}", field="item", value=commodity)
    children = repacked_from(session, held.keys()) - held.keys()
    if children:
        raise RecallIncomplete(
            f"Lot {min(children)} was repacked from what is recalled",
            field="lots",
            value=min(children),
            mend="name it too, or send the recall again",
        )
    rows: list[dict[str, object]] = [
        {"lot_id": lot, "commodity": None, "batch": None} for lot in lots
    ]
    rows += [{"lot_id": None, "commodity": code, "batch": batch} for code, batch in batches]
    session.connection().execute(
        insert(LotStop),
        [{"entry_id": draft.id, "line": line, **row} for line, row in enumerate(rows, start=1)],
    )


def lifted_in(facts: Mapping[str, Any]) -> UUID:
    """The `recall_opened` entry that a lifting's facts name; InvalidInput where they name none."""
    try:
        return UUID(facts["lifts"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(
            "A lifting names its recall", field="facts", mend='give {"lifts": "…entry id…"}'
        ) from error


def _record_lifted(session: Session, draft: Draft) -> None:
    lifts = lifted_in(draft.facts)
    opened = session.get(Entry, lifts)
    if opened is None or opened.kind != _E.RECALL_OPENED:
        raise NotFound(f"There is no recall {lifts}", field="recall_id", value=lifts)
    row = StopLifted(lifts=lifts, entry_id=draft.id, lifted_at=draft.occurred_at)
    inserted = session.connection().execute(
        insert(StopLifted)
        .values(**row.model_dump())
        .on_conflict_do_nothing()
        .returning(col(StopLifted.lifts))
    )
    if inserted.first() is None:
        raise NotStopped(f"Recall {lifts} was lifted already", field="recall_id", value=lifts)
