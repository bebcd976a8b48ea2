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

# The y of the curve's points of small order (RFC 8032, section 5.1), in each way of writing it.
# Whoever has such a key has signed everything: one signature fits whatever anybody says.
_SMALL_ORDER = frozenset(
    int.to_bytes(y, 32, "little")
    for y in (
        *(0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18),
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    )
)


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
        SignatureRefused: malformed, not an Ed25519 key, or one that binds nobody.

    """
    try:
        key = VerifierKey.decode(vkey)
    except (NoteRefused, ValueError) as error:
        raise SignatureRefused("key", str(error)) from error
    if key.encode() != vkey:
        raise SignatureRefused("key", "it isn't name+id+base64, without anything around it")
    if _y_of(key.public_key.public_bytes_raw()) in _SMALL_ORDER:
        raise SignatureRefused("key", "it is a point that any signature can be made to fit")
    return key


def _y_of(public_key: bytes) -> bytes:
    """The point's y, without the bit that tells which of two x it has."""
    return public_key[:-1] + bytes([public_key[-1] & 0x7F])


def _signature(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise SignatureRefused("sig", "it isn't base64") from error
    if len(data) != SIGNATURE_SIZE or base64.b64encode(data).decode("ascii") != text:
        raise SignatureRefused("sig", f"it isn't {SIGNATURE_SIZE} bytes in canonical base64")
    return data
