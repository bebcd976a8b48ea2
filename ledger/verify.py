"""Check a receipt without trusting whoever gave it.

This file stands alone on purpose: the standard library and `cryptography`, and nothing else of this
project, so that a stranger can read it whole, copy it and run it. What it repeats of the tree and
the note is therefore a second, independent reading of RFC 9162 and of C2SP signed-note.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NoReturn, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "medrelay-receipt/1"


class VerificationFailed(Exception):
    """The receipt doesn't hold. `check` names the check that failed; the message says why."""

    def __init__(self, check: str, why: str) -> None:
        super().__init__(f"{check}: {why}")
        self.check = check
        self.why = why


class Level(IntEnum):
    """How much a verdict rests on."""

    CONSISTENT = 0
    CHECKPOINT = 1
    CHAIN = 2


_LEVEL_WORDS = {
    Level.CONSISTENT: "The receipt agrees with itself, and was held against nothing else.",
    Level.CHECKPOINT: "The receipt holds against a checkpoint that the log's key has signed.",
    Level.CHAIN: "The receipt holds against the log contract on the chain.",
}


@dataclass(frozen=True)
class Verdict:
    """What was checked, in words, and the strongest level that was reached."""

    level: Level
    checked: tuple[str, ...]
    leaf_index: int
    tree_size: int
    root: bytes

    @property
    def summary(self) -> str:
        """The level in a sentence."""
        return _LEVEL_WORDS[self.level]


class ChainReader(Protocol):
    """What is asked of a chain; `ledger.chain.Chain` answers it."""

    @property
    def chain_id(self) -> int:
        """The chain's EIP-155 id."""

    @property
    def address(self) -> str:
        """The log contract's address in hex."""

    def root_at(self, size: int) -> bytes | None:
        """The root that the contract keeps for this size, if it keeps one."""

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the chain's block with this number, if there is one."""


class Receipt(Protocol):
    """A receipt that knows its JSON; `ledger.proof.Receipt` does."""

    def to_json(self) -> str:
        """The receipt as a file."""


def verify_receipt(
    receipt: Receipt | str | bytes, *, chain: ChainReader | None = None, vkey: str | None = None
) -> Verdict:
    """Check a receipt against itself, and against the checkpoint key and the chain where given.

    A chain's own errors, such as its being out of reach, pass through.

    Raises:
        VerificationFailed: the first check that failed.

    """
    fields = _fields(receipt if isinstance(receipt, (str, bytes)) else receipt.to_json())
    checked: list[str] = []
    level = Level.CONSISTENT
    _check_inclusion(fields, checked)
    _check_disclosures(fields, checked)
    if vkey is not None:
        _check_checkpoint(fields, vkey, checked)
        level = Level.CHECKPOINT
    if chain is not None:
        _check_chain(fields, chain, checked)
        level = Level.CHAIN
    index, size = _number(fields, "leaf_index"), _number(fields, "tree_size")
    return Verdict(level, tuple(checked), index, size, _hash(fields.get("root"), "root"))


def _check_inclusion(fields: Mapping[str, Any], checked: list[str]) -> None:
    index, size = _number(fields, "leaf_index"), _number(fields, "tree_size")
    path = [_hash(text, "inclusion_path") for text in _list(fields, "inclusion_path")]
    entry = _utf8(_text(fields, "entry"), "entry")
    leaf = hashlib.sha256(b"\x00" + entry).digest()
    root = _hash(fields.get("root"), "root")
    if _root_over(leaf, index, size, path) != root:
        _fail("inclusion", f"the entry isn't leaf {index} of the tree of {size} with this root")
    checked.append(f"The entry's bytes are leaf {index} of the tree of {size} leaves.")


def _root_over(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that a path leads to, by the algorithm of RFC 9162, section 2.1.3.2."""
    if index >= size:
        _fail("inclusion", f"a tree of {size} has no leaf {index}")
    node, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            _fail("inclusion", "the path is longer than the tree is high")
        if index % 2 == 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            # A node without a sibling rises to the level where it is a right child.
            while index % 2 == 0 and index > 0:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    if last != 0:
        _fail("inclusion", "the path is shorter than the tree is high")
    return node


def _check_disclosures(fields: Mapping[str, Any], checked: list[str]) -> None:
    """RFC 9901: each disclosure's digest stands in the entry's `_sd`."""
    disclosures = _list(fields, "disclosures")
    if not disclosures:
        return
    digests = set(_digests(_text(fields, "entry")))
    for number, disclosure in enumerate(disclosures):
        if not isinstance(disclosure, str):
            _fail("disclosures", f"number {number} isn't text")
        digest = hashlib.sha256(_utf8(disclosure, "disclosures")).digest()
        if base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=") not in digests:
            _fail("disclosures", f"number {number} opens no field of the entry")
    checked.append(f"{len(disclosures)} hidden fields of the entry are opened.")


def _digests(entry: str) -> list[str]:
    """The digests of hidden fields, at whatever depth of the entry they stand."""
    try:
        rest = [json.loads(entry)]
    except (ValueError, RecursionError):
        _fail("disclosures", "the entry isn't JSON")
    digests: list[str] = []
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            hidden = value.get("_sd")
            if isinstance(hidden, list):
                digests += [text for text in hidden if isinstance(text, str)]
            rest += value.values()
        elif isinstance(value, list):
            rest += value
    return digests


def _check_checkpoint(fields: Mapping[str, Any], vkey: str, checked: list[str]) -> None:
    note = fields.get("checkpoint")
    if not isinstance(note, str):
        _fail("checkpoint", "the receipt carries none")
    name, text = _opened(note, vkey)
    lines = text.split("\n")
    if len(lines) < 4:
        _fail("checkpoint", "it hasn't the three lines of origin, size and root")
    # Size and root together: a path alone doesn't bind the size of the tree.
    size, root = str(_number(fields, "tree_size")), _hash(fields.get("root"), "root")
    if lines[1] != size or lines[2] != base64.b64encode(root).decode("ascii"):
        _fail("checkpoint", "it is of another size or root than the receipt")
    checked.append(f"{name} signed this size and root, for the log {lines[0]}.")


def _opened(note: str, vkey: str) -> tuple[str, str]:
    """The key's name, and the note's text once a signature of that key is seen to match it."""
    name, key_id, key = _verifier(vkey)
    text, _, tail = note.rpartition("\n\n")
    prefix = f"— {name} "
    lines = [line.removeprefix(prefix) for line in tail.split("\n") if line.startswith(prefix)]
    blobs = [blob for blob in (_base64(line, "checkpoint") for line in lines) if blob[:4] == key_id]
    if not blobs:
        _fail("checkpoint", f"it isn't signed by {name}")
    try:
        key.verify(blobs[0][4:], _utf8(text + "\n", "checkpoint"))
    except InvalidSignature:
        _fail("checkpoint", f"the signature of {name} doesn't match")
    return name, text + "\n"


def _verifier(vkey: str) -> tuple[str, bytes, Ed25519PublicKey]:
    name, _, rest = vkey.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    data = _base64(encoded, "vkey")
    if len(data) != 33 or data[0] != 1:
        _fail("vkey", "it isn't name+id+key with an Ed25519 key")
    expected = hashlib.sha256(_utf8(name, "vkey") + b"\n" + data).digest()[:4]
    if expected.hex() != key_id:
        _fail("vkey", "its id isn't that of its name and key")
    return name, expected, Ed25519PublicKey.from_public_bytes(data[1:])


def _check_chain(fields: Mapping[str, Any], chain: ChainReader, checked: list[str]) -> None:
    evidence = fields.get("chain")
    if not isinstance(evidence, dict):
        _fail("chain", "the receipt carries no evidence of a chain")
    if _number(evidence, "chain_id") != chain.chain_id:
        _fail("chain", f"it is from chain {evidence['chain_id']}, this is chain {chain.chain_id}")
    if _text(evidence, "contract").lower() != chain.address.lower():
        _fail("chain", f"it is from contract {evidence['contract']}, this is {chain.address}")
    number = _number(evidence, "block_number")
    if chain.block_hash(number) != _hash(evidence.get("block_hash"), "chain.block_hash"):
        _fail("chain", f"block {number} of the chain isn't the one that the receipt names")
    size, root = _number(fields, "tree_size"), _hash(fields.get("root"), "root")
    kept = chain.root_at(size)
    if kept is None:
        _fail("chain", f"the contract never had {size} leaves at the end of a batch")
    if kept != root:
        _fail("chain", f"the contract's root at {size} leaves is another one")
    checked.append(f"Contract {chain.address} on chain {chain.chain_id} keeps this root.")
    checked.append(f"Block {number} of the chain is the one named.")


def _fields(text: str | bytes) -> dict[str, Any]:
    try:
        fields = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        _fail("format", "not JSON, or a field stands twice")
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        _fail("format", f"not a receipt in the format {FORMAT}")
    return fields


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands twice")
    return fields


def _number(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        _fail("format", f"{name} isn't a whole number")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        _fail("format", f"{name} isn't text")
    return value


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        _fail("format", f"{name} isn't a list")
    return value


def _hash(text: object, name: str) -> bytes:
    if not isinstance(text, str) or len(text) != 64 or set(text) - set("0123456789abcdef"):
        _fail("format", f"{name} isn't 64 lower-case hex digits")
    return bytes.fromhex(text)


def _base64(text: str, check: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        _fail(check, "not base64")


def _utf8(text: str, check: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        _fail(check, "holds a lone surrogate")


def _fail(check: str, why: str) -> NoReturn:
    raise VerificationFailed(check, why)
