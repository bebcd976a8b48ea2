"""Checkpoints: a log's size and root, signed (C2SP tlog-checkpoint, signed-note; Ed25519).

Witnesses add cosignatures (C2SP tlog-cosignature, cosignature/v1). Whoever keeps a checkpoint can
later hold the log to it. The formats are the public ones, so that any witness or monitor of
transparency logs can read ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.merkle import HASH_SIZE

ED25519 = b"\x01"
COSIGNATURE = b"\x04"
_KEY_ID_SIZE = 4
_TIME_SIZE = 8
_SIGNATURE_SIZE = 64
_MAX_SIZE = 2**63 - 1
_SIGNATURE_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<blob>[A-Za-z0-9+/]+={0,2})")


class NoteRefused(ValueError):
    """A note that is malformed, isn't signed by the key at hand, or whose signature is wrong."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log: its origin (a name, as a URL without scheme), size and root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise ValueError("an origin is one line of text, not empty")
        if not 0 <= self.size <= _MAX_SIZE:
            raise ValueError(f"{self.size} is no size of a log")
        if len(self.root) != HASH_SIZE:
            raise ValueError(f"a root has {HASH_SIZE} bytes, not {len(self.root)}")

    def body(self) -> str:
        """The text that is signed: three lines, each ended by a newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@dataclass(frozen=True)
class VerifierKey:
    """A public key and the name it signs under; its text form is the `vkey` of C2SP signed-note."""

    name: str
    public_key: Ed25519PublicKey

    algorithm: ClassVar[bytes] = ED25519

    def __post_init__(self) -> None:
        if not _is_key_name(self.name):
            raise ValueError(f"{self.name!r} can't name a key: no spaces and no plus sign")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256 over name, newline, algorithm and key."""
        data = self.name.encode("utf-8") + b"\n" + self._data()
        return hashlib.sha256(data).digest()[:_KEY_ID_SIZE]

    def encode(self) -> str:
        """`name+hex(id)+base64(algorithm and key)`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self._data()).decode('ascii')}"

    @classmethod
    def decode(cls, vkey: str) -> Self:
        """Read a `vkey`.

        Raises:
            NoteRefused: malformed, of another algorithm, or with an id that isn't the key's.

        """
        # The name holds no plus sign; base64 may.
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        data = _from_base64(encoded, "the verifier key")
        if data[:1] != cls.algorithm or len(data) != 1 + HASH_SIZE or not _is_key_name(name):
            raise NoteRefused(
                "the verifier key isn't name+id+key with an Ed25519 key of algorithm "
                f"0x{cls.algorithm.hex()}"
            )
        key = cls(name, Ed25519PublicKey.from_public_bytes(data[1:]))
        if key.key_id.hex() != key_id:
            raise NoteRefused("the verifier key's id isn't that of its name and key")
        return key

    def _data(self) -> bytes:
        return self.algorithm + self.public_key.public_bytes_raw()


@dataclass(frozen=True)
class WitnessKey(VerifierKey):
    """A witness's public key, for Ed25519 cosignatures; never the same key as a log's."""

    algorithm: ClassVar[bytes] = COSIGNATURE


@dataclass(frozen=True)
class Cosignature:
    """A witness's word that the log only grew up to this checkpoint; `time_s` is POSIX seconds."""

    name: str
    time_s: int
    line: str


def cosign(note: str, key_name: str, private_key: Ed25519PrivateKey, time_s: int) -> str:
    """A cosignature line, without newline, for the checkpoint that a note holds."""
    parse(note)
    if not 0 <= time_s <= _MAX_SIZE:
        raise ValueError(f"{time_s} is no time in POSIX seconds")
    key = WitnessKey(key_name, private_key.public_key())
    signature = private_key.sign(_cosigned(_split_note(note)[0], time_s))
    blob = key.key_id + time_s.to_bytes(_TIME_SIZE, "big") + signature
    return f"— {key_name} {base64.b64encode(blob).decode('ascii')}"


def verify_cosignature(note: str, witness: WitnessKey) -> Cosignature:
    """The cosignature of this witness that a note carries; the newest where there are several.

    Raises:
        NoteRefused: malformed, none of this witness, or one that doesn't match the text.

    """
    text, signatures = _split_note(note)
    found = []
    for name, blob in signatures:
        if name != witness.name or blob[:_KEY_ID_SIZE] != witness.key_id:
            continue
        time, signature = blob[_KEY_ID_SIZE:][:_TIME_SIZE], blob[_KEY_ID_SIZE + _TIME_SIZE :]
        time_s = int.from_bytes(time, "big")
        if len(signature) != _SIGNATURE_SIZE or time_s > _MAX_SIZE:
            raise NoteRefused(f"the cosignature of {name} isn't a time and an Ed25519 signature")
        try:
            witness.public_key.verify(signature, _cosigned(text, time_s))
        except InvalidSignature as error:
            raise NoteRefused(f"the cosignature of {name} doesn't match the text") from error
        line = f"— {name} {base64.b64encode(blob).decode('ascii')}"
        found.append(Cosignature(name, time_s, line))
    if not found:
        raise NoteRefused(f"the note carries no cosignature of {witness.name}")
    return max(found, key=lambda each: each.time_s)


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def sign(checkpoint: Checkpoint, key_name: str, private_key: Ed25519PrivateKey) -> str:
    """The checkpoint as a signed note: body, empty line, one signature line."""
    return sign_note(checkpoint.body(), key_name, private_key)


def sign_note(text: str, key_name: str, private_key: Ed25519PrivateKey) -> str:
    """Any text that ends in a newline, as a note with one Ed25519 signature (C2SP signed-note)."""
    if not _is_note_text(text):
        raise ValueError("a note's text ends in a newline and holds no other control character")
    key = VerifierKey(key_name, private_key.public_key())
    blob = base64.b64encode(key.key_id + private_key.sign(text.encode("utf-8"))).decode("ascii")
    return f"{text}\n— {key_name} {blob}\n"


def parse(note: str) -> Checkpoint:
    """The checkpoint that a note holds, its signatures **not** looked at.

    Raises:
        NoteRefused: malformed; the message says where.

    """
    text, _ = _split_note(note)
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or "" in lines:
        raise NoteRefused("a checkpoint has three lines or more, none of them empty")
    origin, size, encoded = lines[:3]
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", size):
        raise NoteRefused(f"the size {size[:30]!r} isn't a plain decimal number")
    try:
        return Checkpoint(origin, int(size), _from_base64(encoded, "the root"))
    except NoteRefused:
        raise
    except ValueError as error:
        raise NoteRefused(str(error)) from error


def verify(note: str, verifier: VerifierKey) -> Checkpoint:
    """The checkpoint that a note holds, once it is seen to be signed by this key.

    Signatures of other keys are passed over, as C2SP signed-note demands: witnesses add theirs.

    Raises:
        NoteRefused: malformed, no signature of this key, or one that doesn't match the text.

    """
    verify_note(note, verifier)
    return parse(note)


def verify_note(note: str, verifier: VerifierKey) -> str:
    """The text of a note that carries a right signature of this key; see `verify`."""
    text, blobs = _split_note(note)
    ours = [
        blob[_KEY_ID_SIZE:]
        for name, blob in blobs
        if name == verifier.name and blob[:_KEY_ID_SIZE] == verifier.key_id
    ]
    if not ours:
        raise NoteRefused(f"the note carries no signature of {verifier.name}")
    for signature in ours:
        try:
            verifier.public_key.verify(signature, text.encode("utf-8"))
        except InvalidSignature as error:
            raise NoteRefused(f"the signature of {verifier.name} doesn't match the text") from error
    return text


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text, its newline included, and its signatures as (name, key id and signature)."""
    if "\r" in note:
        raise NoteRefused("the note's line ends were changed, as some editors do: get it anew")
    text, separator, tail = note.rpartition("\n\n")
    text += "\n"
    if not separator or not tail.endswith("\n") or not _is_note_text(text):
        raise NoteRefused("a note is a text, an empty line, and signature lines")
    signatures = []
    for line in tail.removesuffix("\n").split("\n"):
        found = _SIGNATURE_LINE.fullmatch(line)
        if found is None:
            raise NoteRefused("a signature line is a dash, a key's name and base64")
        signatures.append((found["name"], _from_base64(found["blob"], "a signature")))
    return text, signatures


def _is_note_text(text: str) -> bool:
    return text.endswith("\n") and not any(
        character < " " and character != "\n" for character in text
    )


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def _from_base64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise NoteRefused(f"{what} isn't base64") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise NoteRefused(f"{what} isn't base64 in its one canonical form")
    return data
