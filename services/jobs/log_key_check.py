"""The keys that sign checkpoints: each named by the one before it, and by an entry of the log."""

from collections.abc import Iterator

from sqlmodel import Session, select

from ledger.canonical import NotCanonical, parse
from ledger.checkpoint import NoteRefused, VerifierKey, verify_note
from services.audit.anchoring import log_keys
from services.audit.anchoring_models import LogKey
from services.audit.models import LogContract
from services.jobs.keys import last_word
from services.journal.differences import Difference
from services.journal.kinds import EntryKind
from services.journal.read import find_entry, find_leaf


def check_log_keys(session: Session) -> Iterator[Difference]:
    """Every successor whom the key before it didn't name, or of whom the log doesn't tell."""
    contract = session.exec(select(LogContract)).first()
    before = contract.verifier_key if contract else ""
    for row in log_keys(session):
        why = _wrong(session, row, before)
        if why:
            where = f"log's key above {row.since_size} leaves"
            yield Difference("log_key", where, "named by the key before it and by the log", why)
        before = row.verifier_key


def _wrong(session: Session, row: LogKey, before: str) -> str:
    """Why a successor's row doesn't hold; nothing where it does."""
    try:
        old = VerifierKey.decode(before)
        if verify_note(row.note, old) != last_word(old.name, row.since_size, row.verifier_key):
            return "the old key's last word names another key or size"
    except (NoteRefused, ValueError) as error:
        return f"{error}"
    entry, leaf = find_entry(session, row.entry_id), find_leaf(session, row.entry_id)
    if entry is None or leaf is None or leaf.index >= row.since_size:
        return "no entry of it among the leaves before"
    try:
        told = parse(entry.body).get("facts")
    except NotCanonical as error:
        return f"{error}"
    facts = {"key": "log", "old": before, "new": row.verifier_key}
    if entry.kind is not EntryKind.KEY_ROTATED or told != facts:
        return f"entry {entry.id} tells something else"
    return ""
