"""Secret keys in files of their own, readable by their owner alone.

Two kinds live here, never mixed: the submitter's key, which signs Ethereum transactions, and the
signing key of checkpoints. Both are 32 random bytes, kept as one line of hex.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_SIZE = 32

# The order of secp256k1: an Ethereum key is a number from one to this, less one.
_SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


class KeyFileRefused(ValueError):
    """A key file that others can read, or that holds no key. Names the file and the mend."""


def load_or_create_secret(path: Path) -> bytes:
    """The 32 bytes in the file; made from the system's randomness when there is no file yet.

    Raises:
        KeyFileRefused: see `load_secret`.

    """
    if not path.exists():
        _write_once(path, _new_secret())
    return load_secret(path)


def load_secret(path: Path) -> bytes:
    """The 32 bytes in the file.

    Raises:
        FileNotFoundError: there is no such file.
        KeyFileRefused: its group or others may read it, or it isn't 64 hex digits.

    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise KeyFileRefused(f"{path} can be read by others; run: chmod 600 {path}")
    try:
        return parse_secret(path.read_text(encoding="ascii"))
    except ValueError as error:
        raise KeyFileRefused(f"{path}: {error}") from error


def parse_secret(text: str) -> bytes:
    """The 32 bytes that a text of 64 hex digits holds, with or without 0x; else `ValueError`."""
    secret = bytes.fromhex(text.strip().removeprefix("0x"))
    if len(secret) != SECRET_SIZE:
        raise ValueError(f"a key has {SECRET_SIZE} bytes, not {len(secret)}")
    return secret


def signing_key(secret: bytes) -> Ed25519PrivateKey:
    """The Ed25519 key of these 32 bytes, for signing checkpoints."""
    return Ed25519PrivateKey.from_private_bytes(secret)


def _new_secret() -> bytes:
    while True:
        secret = secrets.token_bytes(SECRET_SIZE)
        if 0 < int.from_bytes(secret, "big") < _SECP256K1_ORDER:
            return secret


def _write_once(path: Path, secret: bytes) -> None:
    """Put the key in place whole or not at all; where two come at once, the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
