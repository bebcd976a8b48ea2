"""What an entry says, as the bytes that are hashed, stored and shown to the public."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from ledger.canonical import canonicalize
from services.journal.kinds import AccountRef, EntryKind
from services.journal.log import Log

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot that the entry opens. ``origin`` says by what, such as ``donation:<id>/line:1``."""

    id: UUID
    commodity: str
    origin: str
    batch: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class NewMove:
    """``quantity`` in the commodity's base unit: pieces, or minor units of a currency."""

    lot_id: UUID
    source: AccountRef
    target: AccountRef
    quantity: int


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed what ``facts["said"]`` says: the public key as a vkey, the signature in base64."""

    key: str
    sig: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it is posted. ``id`` is made by the client: the idempotency key.

    ``facts`` are public and go into the bytes as they are: strings, integers, lists and objects.
    ``concealed`` is personal: only salted digests of it go into the bytes (RFC 9901's manner).
    ``signatures`` are over the canonical bytes of ``facts["said"]``, by keys of those who say it.
    """

    id: UUID
    kind: EntryKind
    occurred_at: datetime
    actor: str
    document: str | None = None
    moves: Sequence[NewMove] = ()
    lots: Sequence[NewLot] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    concealed: Mapping[str, str] = field(default_factory=dict)
    reverses: UUID | None = None
    signatures: Sequence[Signature] = ()


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with Z, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def content(draft: Draft, commodities: Mapping[UUID, str]) -> dict[str, Any]:
    """The part of the record that the client decides; two posts of it are one."""
    return {
        "v": SCHEMA_VERSION,
        "id": str(draft.id),
        "kind": draft.kind.value,
        "occurred_at": utc_text(draft.occurred_at),
        "actor": draft.actor,
        "document": draft.document,
        "reverses": str(draft.reverses) if draft.reverses else None,
        "lots": [lot_document(lot) for lot in draft.lots],
        "moves": [
            {
                "line": line,
                "lot": str(move.lot_id),
                "commodity": commodities[move.lot_id],
                "source": str(move.source),
                "target": str(move.target),
                "quantity": str(move.quantity),
            }
            for line, move in enumerate(draft.moves, start=1)
        ],
        "facts": dict(draft.facts),
        "signatures": [{"key": each.key, "sig": each.sig} for each in draft.signatures],
    }


def lot_document(lot: NewLot) -> dict[str, Any]:
    return {
        "id": str(lot.id),
        "commodity": lot.commodity,
        "origin": lot.origin,
        "batch": lot.batch,
        "produced_on": lot.produced_on.isoformat() if lot.produced_on else None,
        "expires_on": lot.expires_on.isoformat() if lot.expires_on else None,
    }


def record_bytes(
    body: Mapping[str, Any], *, log: Log, recorded_at: datetime, concealed_digests: Sequence[str]
) -> bytes:
    """The canonical bytes (RFC 8785) of a whole record, bound to its log."""
    return canonicalize(
        {
            **body,
            "log": log.document(),
            "recorded_at": utc_text(recorded_at),
            "_sd": list(concealed_digests),
        }
    )
