"""What a person signs on their own machine, and the check that the signature is theirs.

A statement is a record like any other (RFC 8785 bytes) that says what kind it is and for which log
it is meant. The signature is Ed25519 (RFC 8032) over exactly those bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.canonical import JsonValue, canonicalize
from ledger.checkpoint import NoteRefused, VerifierKey

SIGNATURE_SIZE = 64


class SignatureRefused(ValueError):
    """A signature or key that is malformed, or that doesn't fit what is said. Says which part."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def sign_statement(said: Mapping[str, JsonValue], private_key: Ed25519PrivateKey) -> str:
    """The signature over the statement's canonical bytes: 64 bytes in base64.

    Raises:
        NotCanonical: the statement has no canonical bytes.

    """
    return base64.b64encode(private_key.sign(canonicalize(said))).decode("ascii")


def verify_statement(said: Mapping[str, JsonValue], key: VerifierKey, signature: str) -> None:
    """See that this key signed exactly this statement.

    Raises:
        SignatureRefused: not base64 of 64 bytes, or of another key or statement.

    """
    try:
        key.public_key.verify(_signature(signature), canonicalize(said))
    except InvalidSignature as error:
        raise SignatureRefused("sig", "it isn't this key's signature over what is said") from error


def read_key(vkey: str) -> VerifierKey:
    """A public key in its text form (C2SP signed-note), in the one way of writing it.

    Raises:
        SignatureRefused: malformed, or not an Ed25519 key.

    """
    try:
        key = VerifierKey.decode(vkey)
    except (NoteRefused, ValueError) as error:
        raise SignatureRefused("key", str(error)) from error
    if key.encode() != vkey:
        raise SignatureRefused("key", "it isn't name+id+base64, without anything around it")
    return key


def _signature(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise SignatureRefused("sig", "it isn't base64") from error
    if len(data) != SIGNATURE_SIZE or base64.b64encode(data).decode("ascii") != text:
        raise SignatureRefused("sig", f"it isn't {SIGNATURE_SIZE} bytes in canonical base64")
    return data
