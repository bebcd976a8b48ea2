"""Keys that organisations sign with: registered and revoked by themselves, both in the journal."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from ledger.canonical import JsonValue, canonicalize
from ledger.checkpoint import VerifierKey
from ledger.statement import SignatureRefused, read_key, verify_statement
from services.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.journal.kinds import EntryKind
from services.journal.log import Log, get_log
from services.journal.post import post
from services.journal.record import Draft, Signature
from services.parties.models import PartyKey, Role
from services.parties.service import Actor, get_organisation
from services.web.http import Input

KEY = "medrelay-key/1"


class SignatureIn(Input):
    """A signature over what is said, by a registered key; docs/signatures.md says over what."""

    key: Annotated[str, Field(max_length=200, description="The public key, as registered")]
    sig: Annotated[str, Field(max_length=100, description="Ed25519, 64 bytes in base64")]


class WrongSignature(InvalidInput):
    code, title = "wrong-signature", "The signature doesn't fit what is said"


class KeyNotShown(InvalidInput):
    code, title = "key-not-shown", "Whoever registers a key shows that they have it"


class UnknownKey(InvalidInput):
    code, title = "unknown-key", "This key isn't registered for who signs"


class KeyRevoked(Conflict):
    code, title = "key-revoked", "This key was revoked"


def register(
    session: Session, actor: Actor, organisation: str, vkey: str, sig: str | None
) -> tuple[PartyKey, bool]:
    """Make a key of one's own organisation known, by an entry; the same key again is once.

    ``sig`` is the key's own signature of the `registration`, and goes into the entry: so nobody
    registers a key that isn't theirs, and strangers see that.

    Raises:
        NotFound, Forbidden: no such organisation, or not the actor's.
        InvalidInput: no key, or one that is named after somebody else.
        KeyNotShown: no signature, or not the key's over this registration.
        Conflict: somebody registered this key or its id already, or it was revoked.

    """
    get_organisation(session, organisation)
    _require_member(actor, organisation)
    key = _read_own(organisation, vkey)
    said = registration(vkey, organisation, get_log(session))
    shown = Signature(vkey, _require_shown(said, key, sig))
    row = PartyKey(
        organisation=organisation,
        key_id=key.key_id.hex(),
        vkey=vkey,
        public_key=key.public_key.public_bytes_raw(),
        registered_at=datetime.now(UTC),
    )
    inserted = session.connection().execute(
        insert(PartyKey)
        .values(**row.model_dump())
        .on_conflict_do_nothing()
        .returning(col(PartyKey.key_id))
    )
    created = inserted.first() is not None
    known = session.get(PartyKey, (organisation, row.key_id), populate_existing=True)
    if known is None or known.vkey != vkey or known.revoked_at is not None:
        raise Conflict(
            "This key is registered already, for somebody else or before it was revoked",
            field="vkey",
            value=vkey,
            mend="make a new key",
        )
    if created:
        _post_registered(session, actor, known, said, shown)
    return known, created


def registration(vkey: str, organisation: str, log: Log) -> dict[str, Any]:
    """What a key signs to be registered: itself, whose it is, and for which log."""
    return statement(KEY, log.document(), organisation, {"key": vkey})


def _read_own(organisation: str, vkey: str) -> VerifierKey:
    try:
        key = read_key(vkey)
    except SignatureRefused as error:
        raise InvalidInput(
            f"That is no public key: {error.reason}",
            field="vkey",
            value=vkey,
            mend="send the line that `medrelay keygen` printed",
        ) from error
    if key.name != organisation:
        raise InvalidInput(
            f"This key is named {key.name}",
            field="vkey",
            value=vkey,
            mend=f"make it with `medrelay keygen FILE --name {organisation}`",
        )
    return key


def _require_shown(said: Mapping[str, JsonValue], key: VerifierKey, sig: str | None) -> str:
    """The signature, once it is seen to be this key's over its own registration."""
    if sig is None:
        raise _not_shown(said, key, sig, "its signature is missing")
    try:
        verify_statement(said, key, sig)
    except SignatureRefused as error:
        raise _not_shown(said, key, sig, error.reason) from error
    return sig


def _not_shown(
    said: Mapping[str, JsonValue], key: VerifierKey, sig: str | None, why: str
) -> KeyNotShown:
    return KeyNotShown(
        f"It isn't shown that you have this key: {why}",
        field="sig",
        value=sig,
        mend=f"send what `medrelay keygen FILE --name {key.name} --log LOG` prints, or sign the "
        "bytes that the API's answer gives, with this very key",
        to_sign=canonicalize(said).decode(),
    )


def revoke(session: Session, actor: Actor, organisation: str, key_id: str) -> PartyKey:
    """From now on nothing signed by this key is taken; what it signed before stays. Twice is once.

    Raises:
        NotFound, Forbidden: no such key, or neither one's own nor an administrator.

    """
    get_organisation(session, organisation)
    if actor.role is not Role.ADMIN:
        _require_member(actor, organisation)
    key = session.get(
        PartyKey, (organisation, key_id), with_for_update=True, populate_existing=True
    )
    if key is None:
        raise NotFound(
            f"{organisation} has no key {key_id}",
            field="key_id",
            value=key_id,
            mend=f"see GET /api/v1/organisations/{organisation}/keys",
        )
    if key.revoked_at is None:
        key.revoked_at = datetime.now(UTC)
        post(session, _draft(actor, EntryKind.KEY_REVOKED, key, key.revoked_at))
        session.flush()
    return key


def keys_of(session: Session, organisation: str) -> list[PartyKey]:
    """Every key that an organisation ever registered, oldest first."""
    get_organisation(session, organisation)
    statement = select(PartyKey).where(PartyKey.organisation == organisation)
    order = (col(PartyKey.registered_at), col(PartyKey.key_id))
    return list(session.exec(statement.order_by(*order)))


def require_signature(
    session: Session,
    organisation: str,
    said: Mapping[str, JsonValue],
    told: SignatureIn,
) -> Signature:
    """The signature as it goes into a record, once it is seen to be the organisation's own.

    The key's row is held until the transaction ends, so that it isn't revoked meanwhile.

    Raises:
        UnknownKey: no key that this organisation registered.
        KeyRevoked: it was, and is revoked.
        WrongSignature: the key didn't sign exactly this.

    """
    try:
        key = read_key(told.key)
    except SignatureRefused as error:
        raise UnknownKey(
            f"That is no public key: {error.reason}",
            field="signature.key",
            value=told.key,
            mend="send the key as it was registered",
        ) from error
    known = session.get(
        PartyKey,
        (organisation, key.key_id.hex()),
        with_for_update={"read": True},
        populate_existing=True,
    )
    if known is None or known.vkey != told.key:
        raise UnknownKey(
            f"{organisation} has registered no such key",
            field="signature.key",
            value=told.key,
            mend=f"sign with a key of {organisation}; see "
            f"GET /api/v1/organisations/{organisation}/keys",
        )
    if known.revoked_at is not None:
        raise KeyRevoked(
            f"Key {known.key_id} was revoked at {known.revoked_at.isoformat()}",
            field="signature.key",
            value=told.key,
            mend="register a new key and sign with that",
        )
    try:
        verify_statement(said, key, told.sig)
    except SignatureRefused as error:
        raise WrongSignature(
            f"The signature doesn't fit: {error.reason}",
            field="signature.sig",
            value=told.sig,
            mend="sign the statement of this very request, with its id, quantities and times; "
            "`medrelay sign` makes it",
            said=dict(said),
        ) from error
    return Signature(told.key, told.sig)


def statement(
    kind: str, log: Mapping[str, str], organisation: str, content: Mapping[str, Any]
) -> dict[str, Any]:
    """What is signed: its kind and version, the log that it is meant for, who says it, and what."""
    return {"type": kind, "log": dict(log), "organisation": organisation, **content}


def _require_member(actor: Actor, organisation: str) -> None:
    """An operator's administrator is no member: a key is registered by those whose it is."""
    if actor.organisation != organisation:
        raise Forbidden(
            f"{organisation} is another organisation than yours",
            field="organisation",
            value=organisation,
            mend=f"name your own, {actor.organisation}",
        )


def _post_registered(
    session: Session,
    actor: Actor,
    key: PartyKey,
    said: Mapping[str, JsonValue],
    shown: Signature,
) -> None:
    draft = _draft(actor, EntryKind.KEY_REGISTERED, key, key.registered_at)
    facts = {**draft.facts, "said": dict(said)}
    post(session, replace(draft, facts=facts, signatures=[shown]))


def _draft(actor: Actor, kind: EntryKind, key: PartyKey, occurred_at: datetime) -> Draft:
    return Draft(
        id=uuid5(NAMESPACE_URL, f"medrelay:{kind.value}:{key.vkey}"),
        kind=kind,
        occurred_at=occurred_at,
        actor=actor.reference,
        document=f"organisation:{key.organisation}",
        facts={"organisation": key.organisation, "vkey": key.vkey},
    )
