"""Signatures in the journal: each by a key that its organisation had registered at that time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from ledger.canonical import NotCanonical, parse
from ledger.statement import SignatureRefused, read_key, verify_statement
from services.journal.differences import NOTHING
from services.journal.kinds import SIGNED, EntryKind
from services.journal.log import find_log
from services.journal.read import find_entry
from services.journal.verify import Difference, bodies_in_time
from services.parties.keys import KEY
from services.parties.models import PartyKey
from services.transport.signed import nth, signed_entry

_KINDS = (*SIGNED, EntryKind.KEY_REGISTERED, EntryKind.KEY_REVOKED)


@dataclass(slots=True)
class _Keys:
    """The keys as the entries tell, up to the one that is being read.

    ``shown``: whether one was registered with a signature of its own; from then on all are.
    """

    valid: dict[str, str] = field(default_factory=dict)
    revoked: dict[str, str] = field(default_factory=dict)
    shown: bool = False


def check_signatures(session: Session) -> Iterator[Difference]:
    """Every signature that doesn't hold, and every key's row that the entries don't tell of."""
    log = find_log(session)
    told = _Keys()
    for entry_id, body in bodies_in_time(session, _KINDS):
        try:
            record: dict[str, Any] = dict(parse(body))
        except NotCanonical:
            continue  # the journal's own check names it
        where = f"entry {entry_id}"
        if not _has_the_form(record):
            yield Difference("signature", where, "facts and signatures", "something else")
            continue
        if record.get("kind") in {EntryKind.KEY_REGISTERED, EntryKind.KEY_REVOKED}:
            why = _wrong_registration(record, told, log.document() if log else None)
            if why:
                yield Difference("key_not_shown", where, "signed by the key itself", why)
            _note(told, record)
            continue
        why = _wrong(record, told, log.document() if log else None)
        if why:
            yield Difference("signature", where, "signed by who says it", why)
        elif record["kind"] == EntryKind.SIGNED_RECEIPT:
            yield from _check_counts(session, where, entry_id, record["facts"]["said"])
    yield from _check_rows(session, told)


def _has_the_form(record: dict[str, Any]) -> bool:
    """Whether what is looked at below can be looked at, whoever wrote the bytes."""
    facts, signatures = record.get("facts"), record.get("signatures")
    if not isinstance(facts, dict) or not isinstance(signatures, list):
        return False
    return all(isinstance(each, dict) for each in signatures)


def _note(told: _Keys, record: dict[str, Any]) -> None:
    facts = record["facts"]
    vkey, organisation = str(facts.get("vkey")), str(facts.get("organisation"))
    if record["kind"] == EntryKind.KEY_REGISTERED:
        told.valid[vkey] = organisation
    elif told.valid.pop(vkey, None) is not None:
        told.revoked[vkey] = organisation


def _wrong_registration(record: dict[str, Any], told: _Keys, log: dict[str, str] | None) -> str:
    """Why it isn't seen that whoever registered a key had it; nothing where it is.

    Keys that were registered before any showed it are taken as they were.
    """
    facts, signatures = record["facts"], record["signatures"]
    if record["kind"] != EntryKind.KEY_REGISTERED:
        return ""
    if not signatures and "said" not in facts:
        return "no signature, after keys that had one" if told.shown else ""
    told.shown = True
    vkey, organisation = str(facts.get("vkey")), facts.get("organisation")
    said = {"type": KEY, "log": log, "organisation": organisation, "key": vkey}
    if facts.get("said") != said:
        return "a statement about something else than this key, organisation and log"
    try:
        if [each.get("key") for each in signatures] != [vkey]:
            return "a signature by another key"
        verify_statement(said, read_key(vkey), str(signatures[0].get("sig")))
    except (SignatureRefused, NotCanonical) as error:
        return str(error)
    return ""


def _wrong(record: dict[str, Any], told: _Keys, log: dict[str, str] | None) -> str:
    """Why a signed entry doesn't hold; nothing where it does."""
    said, signatures = record["facts"].get("said"), record["signatures"]
    if not isinstance(said, dict) or not signatures:
        return "no statement with a signature"
    if said.get("log") != log:
        return "a statement for another log"
    if not _is_about(said, str(record.get("document"))):
        return f"a statement about something else than {record.get('document')}"
    for each in signatures:
        vkey, sig = str(each.get("key")), str(each.get("sig"))
        if told.valid.get(vkey) != said.get("organisation"):
            return f"a key that wasn't {said.get('organisation')}'s then: {vkey}"
        try:
            verify_statement(said, read_key(vkey), sig)
        except (SignatureRefused, NotCanonical) as error:
            return str(error)
    return ""


def _is_about(said: dict[str, Any], document: str) -> bool:
    subject = f"shipment:{said['shipment']}" if "shipment" in said else f"donation:{said.get('id')}"
    return document == subject


# More often than that nobody receives one shipment.
_MOST_RECEIPTS = 1000


def _check_counts(
    session: Session, where: str, entry_id: UUID, said: dict[str, Any]
) -> Iterator[Difference]:
    """What the books say of a shipment's receipt is what its consignee signed."""
    shipment = UUID(said["shipment"])
    times = range(1, _MOST_RECEIPTS)
    # A receipt that was corrected is signed again, and each signature has the counts of its own.
    delivery = next((n for n in times if signed_entry(shipment, n) == entry_id), 1)
    for name in ("accepted", "rejected", "short"):
        told = sum(int(line[name]) for line in said["lines"])
        entry = find_entry(session, uuid5(shipment, nth(name, delivery)))
        moves: Any = parse(entry.body)["moves"] if entry else ()
        booked = sum(int(move["quantity"]) for move in moves)
        if told != booked:
            yield Difference("signed_count", f"{where}, {name}", str(told), str(booked))


def _check_rows(session: Session, told: _Keys) -> Iterator[Difference]:
    """The rows that signatures are checked against when they come in, against the entries."""
    rows = session.exec(select(PartyKey).order_by(col(PartyKey.organisation), col(PartyKey.key_id)))
    seen: set[str] = set()
    for row in rows:
        seen.add(row.vkey)
        entries = told.valid if row.revoked_at is None else told.revoked
        if entries.get(row.vkey) != row.organisation:
            state = "in use" if row.revoked_at is None else "revoked"
            where = f"key {row.key_id} of {row.organisation}"
            yield Difference("party_key", where, "as its entries tell", state)
    for vkey in sorted((told.valid.keys() | told.revoked.keys()) - seen):
        yield Difference("party_key", f"key {vkey}", "there", NOTHING)
