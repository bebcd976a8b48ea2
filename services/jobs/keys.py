"""Changing the log's keys: each change is an entry of the log, and a broken-off one is ended.

The successor lies beside the key, as ``….next``, until all is done; every step before that finds
out for itself whether it was done. So a killed change is ended by asking for it again. The replaced
key stays beside the new one, as ``….<its address or key id>.old``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from eth_utils.address import to_checksum_address
from sqlmodel import Session

from ledger.chain import ChainLocked
from ledger.checkpoint import VerifierKey, sign_note
from ledger.keys import (
    KeyRefused,
    load_or_create_secret,
    load_secret,
    next_path,
    replace_by_next,
    signing_key,
    submitter_address,
)
from services.audit import anchoring as stored
from services.audit import service as audit
from services.audit.anchoring_models import LogKey
from services.database import Database
from services.jobs.log import LogWriter
from services.jobs.log_chain import log_key_path, submitter_path
from services.journal.kinds import EntryKind
from services.journal.post import post
from services.journal.read import find_entry, find_leaf
from services.journal.record import Draft
from services.settings import Settings

ACTOR = "system:keys"


@dataclass(frozen=True, slots=True)
class Changed:
    """What a key was and is: addresses of submitters, verifier keys of signers.

    `kept` is the file that the old secret lies in from now on.
    """

    old: str
    new: str
    entry_id: UUID
    since_size: int
    kept: Path


def rotate_submitter(settings: Settings, database: Database) -> Changed:
    """Hand the right to append over to a new key, and say so in the log.

    Raises:
        KeyRefused: the key comes from the environment, which can't be written to.
        ChainLocked: the service runs, on an embedded chain.
        ChainUnavailable: ask again; what is done stays done.

    """
    path = submitter_path(settings)
    _demand_file(settings.submitter_key is not None, "MEDRELAY_SUBMITTER_KEY", path)
    old = _address(load_secret(path))
    secret = _successor(settings, database, path)
    writer = LogWriter(settings, database)
    try:
        writer.claim()
        writer.hand_over(secret)
        entry_id = _tell(database, "submitter", old, _address(secret))
        size = writer.run_once()
    finally:
        writer.close()
    kept = replace_by_next(path, old)
    return Changed(old, _address(secret), entry_id, size, kept)


def rotate_log_key(settings: Settings, database: Database) -> Changed:
    """Let a new key sign checkpoints: the log says so, and then the old key does, as its last word.

    Raises:
        KeyRefused, ChainLocked, ChainUnavailable: see `rotate_submitter`.

    """
    path = log_key_path(settings)
    _demand_file(settings.log_key is not None, "MEDRELAY_LOG_KEY", path)
    old = VerifierKey(settings.log_origin, signing_key(load_secret(path)).public_key())
    secret = _successor(settings, database, path)
    new = VerifierKey(settings.log_origin, signing_key(secret).public_key())
    known = _known_change(database, new)
    if known is None:
        known = _change_log_key(settings, database, old, new)
    kept = replace_by_next(path, old.key_id.hex())
    return Changed(old.encode(), new.encode(), known.entry_id, known.since_size, kept)


def _successor(settings: Settings, database: Database, path: Path) -> bytes:
    """Return the key to come, which is made only once nothing else is seen to have the chain."""
    if not next_path(path).exists():
        writer = LogWriter(settings, database)
        try:
            writer.claim()
        except ChainLocked as error:
            raise ChainLocked(f"{error}: stop the service, then ask again") from error
        finally:
            writer.close()
    return load_or_create_secret(next_path(path))


def _known_change(database: Database, new: VerifierKey) -> LogKey | None:
    with database.transaction() as session:
        keys = stored.log_keys(session)
    return next((key for key in keys if key.verifier_key == new.encode()), None)


def _change_log_key(
    settings: Settings, database: Database, old: VerifierKey, new: VerifierKey
) -> LogKey:
    writer = LogWriter(settings, database)
    try:
        # The log as a whole first, so that nothing is begun on a chain that isn't ours.
        writer.run_once()
        entry_id = _tell(database, "log", old.encode(), new.encode())
        writer.run_once()
        with writer.alone(), database.transaction() as session:
            return _write_change(settings, session, entry_id, new)
    finally:
        writer.close()


def _write_change(settings: Settings, session: Session, entry_id: UUID, new: VerifierKey) -> LogKey:
    leaf = find_leaf(session, entry_id)
    # Nothing is anchored meanwhile, so every checkpoint above this size is the new key's.
    size = audit.anchored_size(session)
    assert leaf is not None
    assert leaf.index < size
    text = last_word(settings.log_origin, size, new.encode())
    key = signing_key(load_secret(log_key_path(settings)))
    row = LogKey(
        since_size=size,
        verifier_key=new.encode(),
        note=sign_note(text, settings.log_origin, key),
        entry_id=entry_id,
        rotated_at=datetime.now(UTC),
    )
    session.add(row)
    return row


def last_word(origin: str, size: int, vkey: str) -> str:
    """What the old key signs last: the log, the size, and the key of all larger checkpoints."""
    return f"{origin}\nkey rotated at {size}\n{vkey}\n"


def _tell(database: Database, key: str, old: str, new: str) -> UUID:
    """An entry that names the old key and the new one; the same change is one entry."""
    entry_id = uuid5(NAMESPACE_URL, f"medrelay:key:{key}:{old}:{new}")
    with database.transaction() as session:
        if find_entry(session, entry_id) is None:
            facts = {"key": key, "old": old, "new": new}
            draft = Draft(
                id=entry_id,
                kind=EntryKind.KEY_ROTATED,
                occurred_at=datetime.now(UTC),
                actor=ACTOR,
                facts=facts,
            )
            post(session, draft)
    return entry_id


def _address(secret: bytes) -> str:
    return str(to_checksum_address(submitter_address(secret)))


def _demand_file(from_environment: bool, name: str, path: Path) -> None:
    if from_environment:
        raise KeyRefused(
            f"The key comes from {name}, which this command can't write. Put it into {path} "
            f"(mode 0600), unset {name}, and run this again"
        )
    if not path.exists():
        raise KeyRefused(f"There is no key in {path} yet: start the service once, it makes one")
