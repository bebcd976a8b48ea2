"""Cosignatures that witnesses bring: of known witnesses only, and the first one stays."""

import base64
from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from ledger.checkpoint import Cosignature, NoteRefused, WitnessKey, verify_cosignature
from services.audit import tile_models
from services.audit.models import SignedCheckpoint
from services.errors import Forbidden, InvalidInput, NotFound
from services.settings import Settings

_MEND = "send the line, from its dash to its base64, that the witness signed for this checkpoint"


class UnknownWitness(Forbidden):
    code, title = "unknown-witness", "This log takes no cosignatures of that witness"


class CosignatureRefused(InvalidInput):
    code, title = "cosignature-refused", "The cosignature doesn't fit the checkpoint"


def keep_cosignature(session: Session, settings: Settings, size: int, line: str) -> Cosignature:
    """Keep a witness's cosignature line for the checkpoint of this size.

    Sent again, or a later one by the same witness, it changes nothing: the first one stays.

    Raises:
        NotFound: no checkpoint of this size was given out.
        UnknownWitness: none of the settings' witnesses has this name and key.
        CosignatureRefused: it isn't one, or isn't of this checkpoint.

    """
    checkpoint = session.get(SignedCheckpoint, size)
    if checkpoint is None:
        raise NotFound(
            f"This log gave out no checkpoint of {size} leaves",
            field="size",
            value=size,
            mend="cosign the one at /log/checkpoint",
        )
    witness = _witness_of(settings, line)
    try:
        found = verify_cosignature(f"{checkpoint.note}{line}\n", witness)
    except NoteRefused as error:
        raise CosignatureRefused(f"{error}", field="line", value=line, mend=_MEND) from error
    if found.line != line:
        raise CosignatureRefused("That is more than one line", field="line", value=line, mend=_MEND)
    row = {"size": size, "vkey": witness.encode(), "line": line, "received_at": datetime.now(UTC)}
    session.execute(insert(tile_models.Cosignature).values(**row).on_conflict_do_nothing())
    return found


def _witness_of(settings: Settings, line: str) -> WitnessKey:
    """The known witness whose name and key id stand in the line.

    A witness that changed its key is known by both for a while, under the same name.
    """
    for witness in map(WitnessKey.decode, settings.witness_keys):
        start = f"— {witness.name} "
        if line.startswith(start) and _key_id(line.removeprefix(start)) == witness.key_id:
            return witness
    raise UnknownWitness(
        "This log keeps no cosignatures of that witness",
        field="line",
        value=line,
        mend="ask the operator to add the witness's key to MEDRELAY_WITNESS_KEYS",
    )


def _key_id(encoded: str) -> bytes:
    """The 4 bytes that a cosignature begins with; the rest is read with the signature."""
    try:
        return base64.b64decode(encoded[:8], validate=True)[:4]
    except ValueError as error:
        raise CosignatureRefused(
            "The signature isn't base64", field="line", value=encoded, mend=_MEND
        ) from error
