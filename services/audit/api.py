"""The public's endpoints: no sign-in, nothing personal, everything checkable."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from services.audit import overview, service
from services.audit.anchoring import progress
from services.audit.disclosed import receipt_for
from services.audit.trace import Trace, trace
from services.journal.kinds import EntryKind
from services.journal.read import newest_entries
from services.parties.access import MaybeActor
from services.web.http import DatabaseSession, FromRow, Moment

router = APIRouter(prefix="/audit", tags=["audit"])


class KeyChangeOut(FromRow):
    """Checkpoints above ``since_size`` bear ``verifier_key``; ``note`` is the old key's word."""

    since_size: int
    verifier_key: str
    note: str


class LogStatusOut(FromRow):
    """Entries written, of them sealed, sent, mined and final; ``anchored`` were mined once.

    ``trouble`` says why it doesn't go on; entries can be written all the same. ``stopped``:
    somebody has to look. ``verifier_key`` is the log's first key.
    """

    origin: str
    entries: int
    sealed: int
    anchored: int
    root: str
    chain_id: int | None
    contract: str | None
    verifier_key: str | None
    submitted: int
    mined: int
    final: int
    trouble: str | None
    trouble_since: datetime | None
    stopped: bool
    key_changes: list[KeyChangeOut]


class ConsistencyOut(BaseModel):
    """RFC 9162's consistency proof; hashes in hex, the lowest of the path first."""

    before: int
    after: int
    before_root: str
    after_root: str
    path: list[str]


class EntryOut(BaseModel):
    id: UUID
    kind: EntryKind
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    document: str | None
    leaf_index: int | None


class StandingOut(FromRow):
    account: str
    holder: str
    state: str
    quantity: int


class TracedMoveOut(FromRow):
    entry_id: UUID
    kind: EntryKind
    occurred_at: datetime
    document: str | None
    source: str
    target: str
    quantity: int


class TracedLotOut(FromRow):
    """``opened`` came in; the standings say where it all is now."""

    lot_id: UUID
    commodity: str
    batch: str | None
    expires_on: date | None
    opened: int
    conserved: bool
    standings: list[StandingOut]
    moves: list[TracedMoveOut]


class TracedPurchaseOut(FromRow):
    entry_id: UUID
    occurred_at: datetime
    paid_from_gift: int
    paid_in_all: int
    lots: list[TracedLotOut]


class RefusedOut(FromRow):
    """What wasn't taken of a gift, and why; ``item`` is null for money."""

    item: str | None
    quantity: int
    reason: str


class TraceOut(BaseModel):
    donation_id: UUID
    kind: str
    status: str
    donor_name_en: str | None
    donor_name_zh: str | None
    given_at: datetime
    earmark: str | None
    ok: bool
    lots: list[TracedLotOut]
    purchases: list[TracedPurchaseOut]
    refused: list[RefusedOut]
    refusal: str | None
    refused_at: datetime | None
    refusal_entry_id: UUID | None
    earmark_released: bool


class TotalOut(FromRow):
    """Quantity of a commodity in one state, over every holder; base units."""

    commodity: str
    kind: str
    state: str
    quantity: int


@router.get("/log")
def show_log(session: DatabaseSession) -> LogStatusOut:
    """How far the log has come: entries written, leaves sealed, sent, mined and final."""
    status, far = service.log_status(session), progress(session)
    return LogStatusOut.model_validate({**asdict(status), **asdict(far)})


@router.get("/checkpoint")
def show_checkpoint(session: DatabaseSession) -> Response:
    """The newest checkpoint, a signed note (C2SP tlog-checkpoint). Keep it to hold us to it."""
    note = service.newest_checkpoint(session).note
    return Response(note, media_type="text/plain; charset=utf-8")


@router.get("/consistency")
def show_consistency(
    session: DatabaseSession,
    before: Annotated[int, Query(alias="from", ge=0, le=10**15)],
    after: Annotated[int | None, Query(alias="to", ge=0, le=10**15)] = None,
) -> ConsistencyOut:
    """The proof that the log of ``from`` leaves is the beginning of that of ``to``.

    Compare ``before_root`` with the checkpoint that you kept, ``after_root`` with a newer one, and
    follow the path (RFC 9162, 2.1.4.2). Without ``to`` it is for the newest anchored log.
    """
    found = service.consistency(session, before, after)
    return ConsistencyOut(
        before=found.before,
        after=found.after,
        before_root=found.before_root.hex(),
        after_root=found.after_root.hex(),
        path=[node.hex() for node in found.path],
    )


@router.get("/entries")
def list_entries(
    session: DatabaseSession,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> list[EntryOut]:
    """The journal, newest first; ``leaf_index`` is null until the entry is sealed."""
    return [
        EntryOut(
            id=entry.id,
            kind=entry.kind,
            occurred_at=entry.occurred_at,
            recorded_at=entry.recorded_at,
            actor=entry.actor,
            document=entry.document,
            leaf_index=index,
        )
        for entry, index in newest_entries(session, limit, offset)
    ]


@router.get("/entries/{entry_id}/receipt")
def show_receipt(entry_id: UUID, session: DatabaseSession, actor: MaybeActor) -> Response:
    """The proof that an entry is in the log: check it with `medrelay verify FILE`.

    Signed in as who gave, it also holds what opens the hidden fields; the public one doesn't.
    """
    receipt = receipt_for(session, actor, entry_id, service.receipt_of(session, entry_id))
    headers = {"Content-Disposition": f'attachment; filename="{entry_id}.receipt.json"'}
    if receipt.disclosures:
        headers["Cache-Control"] = "private, no-store"
    return Response(
        receipt.to_json(),
        media_type="application/json",
        headers=headers | {"Vary": "Authorization, Cookie"},
    )


@router.get("/entries/{entry_id}")
def show_entry(entry_id: UUID, session: DatabaseSession) -> Response:
    """An entry's exact bytes, as they were hashed."""
    return Response(service.entry_bytes(session, entry_id), media_type="application/json")


@router.get("/donations/{donation_id}/trace")
def show_trace(donation_id: UUID, session: DatabaseSession) -> TraceOut:
    """Where each piece of a donation went, by quantity."""
    return _trace_out(trace(session, donation_id))


@router.get("/totals")
def show_totals(
    session: DatabaseSession, at: Annotated[Moment | None, Query()] = None
) -> list[TotalOut]:
    """What came in, and where it all is, by commodity; with ``at``, as of that moment."""
    return [TotalOut.model_validate(each) for each in overview.totals_by_state(session, at)]


@router.get("/overview")
def show_overview(session: DatabaseSession) -> dict[str, Any]:
    """Demand against delivered by hospital, and what came in and went out by item."""
    return overview.document(overview.overview(session))


def _trace_out(found: Trace) -> TraceOut:
    donation = found.donation
    earmark = f"{donation.earmark_kind}:{donation.earmark}" if donation.earmark_kind else None
    return TraceOut(
        donation_id=donation.id,
        kind="goods" if donation.site else "money",
        status=found.status,
        donor_name_en=found.donor_name_en,
        donor_name_zh=found.donor_name_zh,
        given_at=donation.given_at,
        earmark=earmark,
        ok=found.ok,
        lots=[TracedLotOut.model_validate(lot) for lot in found.lots],
        purchases=[TracedPurchaseOut.model_validate(each) for each in found.purchases],
        refused=[RefusedOut.model_validate(each) for each in found.refused],
        refusal=donation.refusal,
        refused_at=found.refused_at,
        refusal_entry_id=found.refusal_entry,
        earmark_released=found.earmark_released,
    )
