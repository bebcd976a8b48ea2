"""Secret keys in files of their own, readable by their owner alone.

Two kinds live here, never mixed: the submitter's key, which signs Ethereum transactions, and the
signing key of checkpoints. Both are 32 random bytes, kept as one line of hex. Organisations' keys
are made on their side and never come here.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.chain import ChainError

SECRET_SIZE = 32
_NO_SECRET = f"holds no key: {2 * SECRET_SIZE} hex digits"

# The order of secp256k1: an Ethereum key is a number from one to this, less one.
_SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


# Of the test keys that Anvil, Hardhat and eth-tester print for everybody: whoever reads their
# manuals could append to a log of such a submitter.
_WELL_KNOWN = frozenset(
    bytes.fromhex(address)
    for address in (
        # Anvil, Hardhat: "test test test test test test test test test test test junk"
        "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "90f79bf6eb2c4f870365e785982e1f101e93b906",
        "15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "976ea74026e726554db657fa54763abd0c3a0aa9",
        "14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "a0ee7a142d267c1f36714e4a8f75612f20a79720",
        # eth-tester: the numbers 1 to 10
        "7e5f4552091a69125d5dfcb7b8c2659029395bdf",
        "2b5ad5c4795c026514f8317c7a215e218dccd6cf",
        "6813eb9362372eef6200f3b1dbc3f819671cba69",
        "1eff47bc3a10a45d4b230b5d10e37751fe6aa718",
        "e1ab8145f7e55dc933d51a18c793f901a3a0b276",
        "e57bfe9f44b819898f47bf37e5af72a0783e1141",
        "d41c057fd1c78805aac12b0a94a405c0461a6fbb",
        "f1f6619b38a98d6de0800f1defc0a6399eb6d30c",
        "f7edc8fa1ecc32967f827c9043fcae6ba73afa5c",
        "4cceba2d7d2b4fdce4304d3e09a1fea9fbeb1528",
    )
)


class KeyRefused(ChainError, ValueError):
    """A key that must not be used. Says why, and what to do."""


class KeyFileRefused(KeyRefused):
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
    except UnicodeDecodeError as error:
        raise KeyFileRefused(f"{path} {_NO_SECRET}") from error
    except ValueError as error:
        raise KeyFileRefused(f"{path} {error}") from error


def submitter_secret(path: Path, given: bytes | None = None) -> bytes:
    """The submitter's 32 bytes: those given, or those in the file, made when absent.

    Raises:
        KeyRefused: a key that everybody knows, or none of secp256k1.
        KeyFileRefused: see `load_secret`.

    """
    secret = load_or_create_secret(path) if given is None else given
    if not 0 < int.from_bytes(secret, "big") < _SECP256K1_ORDER:
        raise KeyRefused("the submitter's key is no number that secp256k1 has a key for")
    if submitter_address(secret) in _WELL_KNOWN:
        raise KeyRefused(
            f"the submitter 0x{submitter_address(secret).hex()} is a test account whose key "
            "everybody knows: make a key of your own"
        )
    return secret


def submitter_address(secret: bytes) -> bytes:
    """The 20 bytes of the Ethereum address that this key signs for."""
    # Only who submits needs the curve of Ethereum.
    from eth_keys.datatypes import PrivateKey  # noqa: PLC0415

    return bytes(PrivateKey(secret).public_key.to_canonical_address())


def next_path(path: Path) -> Path:
    """Where the successor of a key lies while a rotation is under way."""
    return path.with_name(path.name + ".next")


def old_path(path: Path, key_name: str) -> Path:
    """Where a key that was replaced is kept; `key_name` is the public name of that very key."""
    return path.with_name(f"{path.name}.{key_name}.old")


def kept_paths(path: Path) -> list[Path]:
    """Every file in which a key that this one replaced is kept, in the order of their names."""
    return sorted(path.parent.glob(f"{path.name}.*.old"))


def replace_by_next(path: Path, key_name: str) -> Path:
    """End a rotation: the successor takes the key's place, whole or not at all.

    The old key is kept first, in the file returned (see `old_path`): it may be the only copy of a
    key that holds ether, or that shows what it signed. Broken off, it goes on when called again.

    Raises:
        FileNotFoundError: there is no successor.
        KeyFileRefused: see `load_secret`; or the file to keep it in holds another key.

    """
    load_secret(next_path(path))
    secret, kept = load_secret(path), old_path(path, key_name)
    _write_once(kept, secret)
    if load_secret(kept) != secret:
        raise KeyFileRefused(f"{kept} holds another key than {path}; move it away")
    # The copy is to be on the disk before its original goes.
    _sync_folder(path.parent)
    next_path(path).replace(path)
    _sync_folder(path.parent)
    return kept


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def parse_secret(text: str) -> bytes:
    """The 32 bytes that a text of 64 hex digits holds, with or without 0x; else `ValueError`."""
    digits = text.strip().removeprefix("0x")
    if not re.fullmatch(f"[0-9a-fA-F]{{{2 * SECRET_SIZE}}}", digits):
        raise ValueError(_NO_SECRET)
    return bytes.fromhex(digits)


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
