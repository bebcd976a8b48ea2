"""Check a receipt, or the whole log, without trusting whoever gave it.

This file stands alone on purpose: the standard library and `cryptography`, and nothing else of this
project, so that a stranger can read it whole, copy it and run it. What it repeats of the tree and
the note is therefore a second, independent reading of RFC 9162 and of C2SP signed-note.

    python verify.py RECEIPT --vkey KEY
    python verify.py RECEIPT --checkpoint KEPT --rpc URL --contract ADDRESS
    python verify.py --dump dump.jsonl.gz --vkey KEY --checkpoint KEPT --key-change log.json

It ends with 0 where everything holds, 1 where something doesn't, 2 where it was asked nothing that
it could answer, 3 where a file or a chain can't be read, and 4 where what it was given agrees with
itself and was held against nothing else. The log's specification is docs/log-spec.md.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import re
import sys
import urllib.request
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, Protocol
from urllib.error import HTTPError, URLError

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "medrelay-receipt/1"
RECEIPT_FIELDS = {"format", "entry", "leaf_index", "tree_size", "inclusion_path", "root"}
RECEIPT_FIELDS |= {"checkpoint", "chain", "disclosures"}
VALID, NOT_VALID, NOTHING_ASKED, OUT_OF_REACH, CONSISTENT_ONLY = range(5)

_LOG = ("origin", "chain_id", "contract")  # what a record names its log by
_MOST_BYTES = 2**24  # of one answer, or of one line of a dump
_TIMEOUT_S = 30
# Keccak-256 of rootAt(uint256), in its first four bytes, and of LeavesAppended(uint256,bytes32[]).
_ROOT_AT = "0xca2869a0"
_TREE_SIZE = "0x8d1ddfb1"
_LEAVES_APPENDED = "0xf3819b6bbdb043f2d3e602ddee9f6eea2e4a445d4a3a2eb3a1be8cde348b19db"

# Where a quantity can stand, and in which column of the totals it is counted then.
_ACCOUNTS = {
    "came in": "donor/given supplier/traded producer/made treasury/appropriated",
    "on hand": "fund/available fund/committed site/available site/reserved site/quarantine "
    "site/on_hold site/recalled site/expired site/damaged site/rejected",
    "under way": "shipment/in_transit",
    "handed over": "site/received site/consumed organisation/paid",
    "lost": "site/lost shipment/lost",
    "counted off": "site/adjusted site/converted",
}
COLUMNS = tuple(_ACCOUNTS)
_COLUMN = {name: column for column, names in _ACCOUNTS.items() for name in names.split()}
# What comes in comes from there, and a stocktake may find more: these alone go below zero.
_ORIGINS = {"came in", "counted off"}
_ACCOUNT = re.compile(r"([a-z]+):[^/:\s]+/([a-z_]+)(?:/[^/\s]+)?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_NO_ADDRESS = "no address: 0x and 40 hex digits"
# What a key signs last: the log, the size of its last tree, and the key of all larger ones.
_LAST_WORD = re.compile(r"([^\n]+)\nkey rotated at ([1-9][0-9]{0,18})\n(\S+)\n", re.ASCII)
# By the kind of a signed entry: the type of its statement, and what its document names of it.
_STATEMENTS = {
    "signed_pledge": ("medrelay-pledge/1", "donation", "id"),
    "signed_receipt": ("medrelay-goods-receipt/1", "shipment", "shipment"),
    "key_registered": ("medrelay-key/1", "organisation", "organisation"),
}
# The y of the curve's points of small order (RFC 8032, section 5.1), in each way of writing it:
# under such a key one signature fits whatever anybody says.
_Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_P = 2**255 - 19
_SMALL_ORDER = {0, 1, _Y8, _P - _Y8, _P - 1, _P, _P + 1}


class OutOfReach(Exception):
    """A file or a chain that was named can't be read, so that nothing is known about it."""


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
    DUMP = 3


_LEVEL_WORDS = {
    Level.CONSISTENT: "It agrees with itself, and was held against nothing else.",
    Level.CHECKPOINT: "It holds against a checkpoint of the log.",
    Level.CHAIN: "It holds against the log contract on the chain.",
    Level.DUMP: "It holds against the records, each in its place, and their totals add up.",
}


@dataclass(frozen=True)
class Verdict:
    """What was checked, in words, and what it rests on.

    `totals` are quantities in base units, by commodity and column; empty without a dump.
    `leaf_index` is None where only a dump was checked.
    """

    reached: frozenset[Level]
    checked: tuple[str, ...]
    leaf_index: int | None
    tree_size: int
    root: bytes
    totals: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """The strongest level that was reached."""
        return max(self.reached, default=Level.CONSISTENT)

    @property
    def is_whole(self) -> bool:
        """Whether all that the reader gave was held against it."""
        return not any(line.startswith("NOT ") for line in self.checked)

    @property
    def summary(self) -> str:
        """The levels that were reached, a sentence each."""
        return " ".join(_LEVEL_WORDS[each] for each in sorted(self.reached or {self.level}))


class Head(Protocol):
    """A log as it now is."""

    @property
    def size(self) -> int:
        """Its leaves."""


class ChainReader(Protocol):
    """What is asked of a chain; `ledger.chain.Chain` answers it, and `RpcChain` here.

    It has besides either `batches_of(tx_hash)` or `events(from_index, to_index)`, which give the
    batches of leaf hashes that the contract's events hold, shaped as `LeafBatch`.
    """

    @property
    def chain_id(self) -> int:
        """The chain's EIP-155 id."""

    @property
    def address(self) -> str:
        """The log contract's address in hex."""

    def head(self) -> Head:
        """The log as the contract now has it."""

    def root_at(self, size: int) -> bytes | None:
        """The root that the contract keeps for this size, if it keeps one."""

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the chain's block with this number, if there is one."""


class Receipt(Protocol):
    """A receipt that knows its JSON; `ledger.proof.Receipt` does."""

    def to_json(self) -> str:
        """The receipt as a file."""


@dataclass(frozen=True)
class Trust:
    """What the reader has from elsewhere than from whoever gave the receipt or the dump.

    `vkey` is the log's key; `key_changes` are signed notes, each the last word of the log's key
    till then, in order (log-spec.md, 3.2), from anybody. `kept` is a checkpoint that the reader
    kept: a signed note. `growth` gives the path of RFC 9162's consistency proof between two sizes,
    from anybody. `witnesses` are keys of cosigners.
    """

    vkey: str | None = None
    kept: str | None = None
    chain: ChainReader | None = None
    growth: Callable[[int, int], Sequence[bytes]] | None = None
    witnesses: Sequence[str] = ()
    key_changes: Sequence[str] = ()


@dataclass(frozen=True)
class _Key:
    """A key in the form of C2SP signed-note; a log's signs trees of more leaves than `above`."""

    vkey: str
    name: str
    key_id: bytes
    public: Ed25519PublicKey
    above: int = -1


@dataclass
class _Findings:
    """What is known so far: sentences, levels, the roots that are trusted by size, the log."""

    trust: Trust
    keys: list[_Key] = field(default_factory=list)
    rotations: dict[tuple[str, str], int] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)
    reached: set[Level] = field(default_factory=set)
    roots: dict[int, bytes] = field(default_factory=dict)
    origin: str | None = None
    has_dump: bool = False


def verify_receipt(
    receipt: Receipt | str | bytes,
    *,
    chain: ChainReader | None = None,
    vkey: str | None = None,
    trust: Trust | None = None,
) -> Verdict:
    """Check a receipt against itself, and against whatever of `Trust` there is.

    A chain's own errors, such as its being out of reach, pass through.

    Raises:
        VerificationFailed: the first check that failed.

    """
    found = _Findings(trust or Trust(vkey=vkey, chain=chain))
    _read_keys(found)
    fields = _fields(receipt)
    _check_receipt(fields, found)
    return _verdict(found, fields)


def verify_dump(
    lines: Iterable[bytes], *, trust: Trust, receipt: Receipt | str | bytes | None = None
) -> Verdict:
    """Check every record of a log, a line each, and add up what they move.

    The root over the records is held against the kept checkpoint, the receipt where it holds
    itself, and the chain. What a checkpoint is too old to vouch for is left out of the totals.

    Raises:
        VerificationFailed: the first check that failed.

    """
    found = _Findings(trust, has_dump=True)
    _read_keys(found)
    fields = None
    if receipt is not None:
        fields = _fields(receipt)
        _check_receipt(fields, found)
    elif trust.kept is not None:
        _open_kept(found)
    size, root, books = _check_dump(lines, found, fields)
    return _verdict(found, fields, size, root, books)


def _verdict(
    found: _Findings,
    fields: Mapping[str, Any] | None,
    size: int = 0,
    root: bytes = b"",
    books: Books | None = None,
) -> Verdict:
    index = None if fields is None else _number(fields, "leaf_index")
    if fields is not None and books is None:
        size, root = _tree_of(fields)
    totals = {} if books is None else books.totals()
    return Verdict(frozenset(found.reached), tuple(found.checked), index, size, root, totals)


def _check_receipt(fields: Mapping[str, Any], found: _Findings) -> None:
    _check_inclusion(fields, found.checked)
    _check_disclosures(fields, found.checked)
    if found.keys:
        _check_checkpoint(fields, found)
    if found.trust.kept is not None:
        _check_kept(fields, found)
    if found.trust.chain is not None:
        _check_chain(fields, found.trust.chain, found)
    if found.reached:
        record = _record(_text(fields, "entry"), "record")
        evidence = fields.get("chain")
        _check_log(record, found, evidence if isinstance(evidence, dict) else None)
        found.checked.append("The record names this log as its own.")


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


def _check_checkpoint(fields: Mapping[str, Any], found: _Findings) -> None:
    note = fields.get("checkpoint")
    if not isinstance(note, str):
        _fail("checkpoint", "the receipt carries none")
    signed_size, signed_root = _opened(note, "the receipt's", found)
    # Size and root together: a path alone doesn't bind the size of the tree.
    size, root = _tree_of(fields)
    if (signed_size, signed_root) != (size, root):
        _fail("checkpoint", "it is of another size or root than the receipt")
    name = found.keys[0].name
    found.checked.append(f"{name} signed this size and root, for the log {found.origin}.")
    _check_witnesses(note, found)
    _trusted(found, Level.CHECKPOINT, size, root)


def _check_kept(fields: Mapping[str, Any], found: _Findings) -> None:
    """Hold the receipt's tree against the checkpoint in hand, whichever of the two is older."""
    kept_size, kept_root = _open_kept(found)
    size, root = _tree_of(fields)
    index = _number(fields, "leaf_index")
    before, after = sorted(((kept_size, kept_root), (size, root)))
    if kept_size == size:
        if kept_root != root:
            _fail("checkpoint", f"the one that you kept has another root at {size}: a fork")
    elif found.trust.growth is None:
        if not found.has_dump:  # it has all records, which proves more than any path
            found.checked.append(
                f"NOT held against the checkpoint that you kept: give --growth with the proof from "
                f"{before[0]} to {after[0]}."
            )
        return
    else:
        path = found.trust.growth(before[0], after[0])
        _check_growth(before[0], before[1], after[0], after[1], path)
        found.checked.append(f"The log of {before[0]} grew into that of {after[0]}, unchanged.")
    # Anybody can append to a tree: of what came after it, a checkpoint says nothing.
    if index < kept_size:
        found.checked.append(f"The checkpoint that you kept, of {kept_size} leaves, holds it.")
        # It speaks for this record, and not for the receipt's larger tree.
        found.reached.add(Level.CHECKPOINT)
    else:
        found.checked.append("The checkpoint that you kept is older than the entry: no word on it.")


def _open_kept(found: _Findings) -> tuple[int, bytes]:
    """Size and root of the checkpoint in hand; from then on its root is trusted."""
    note = found.trust.kept
    assert note is not None
    size, root = _opened(note, "the one that you kept", found)
    if found.keys:
        found.checked.append(f"{found.keys[0].name} signed the checkpoint that you kept.")
    _check_witnesses(note, found)
    found.roots[size] = root
    return size, root


def _trusted(found: _Findings, level: Level, size: int, root: bytes) -> None:
    found.reached.add(level)
    found.roots[size] = root


def _head(text: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint's text (C2SP tlog-checkpoint)."""
    lines = text.split("\n")
    if len(lines) < 4 or "" in lines[:3]:
        _fail("checkpoint", "it hasn't the three lines of origin, size and root")
    root = _base64(lines[2], "checkpoint")
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1], re.ASCII) or len(root) != 32:
        _fail("checkpoint", "its size or its root isn't one")
    return lines[0], int(lines[1]), root


def _check_growth(
    before: int, before_root: bytes, after: int, after_root: bytes, path: Sequence[bytes]
) -> None:
    """That one tree is the beginning of another (RFC 9162, section 2.1.4.2)."""
    if before == 0:
        return
    rest = list(path)
    if before & (before - 1) == 0:
        rest.insert(0, before_root)
    if not rest:
        _fail("growth", "the proof is empty")
    index, last = before - 1, after - 1
    while index % 2 == 1:
        index, last = index >> 1, last >> 1
    old = new = rest[0]
    for node in rest[1:]:
        if last == 0:
            _fail("growth", "the proof is too long")
        if index % 2 == 1 or index == last:
            old = hashlib.sha256(b"\x01" + node + old).digest()
            new = hashlib.sha256(b"\x01" + node + new).digest()
            while index % 2 == 0 and index > 0:
                index, last = index >> 1, last >> 1
        else:
            new = hashlib.sha256(b"\x01" + new + node).digest()
        index, last = index >> 1, last >> 1
    if last != 0 or old != before_root or new != after_root:
        _fail("growth", f"the log of {before} isn't the beginning of that of {after}: a fork")


def _check_witnesses(note: str, found: _Findings) -> None:
    """Count and name the cosignatures of the witnesses that the reader trusts."""
    witnesses = {vkey.strip() for vkey in found.trust.witnesses}
    names = []
    for vkey in sorted(witnesses):
        key = _verifier(vkey, b"\x04")
        moments = []
        for blob in (blob for blob in _signatures(note, key.name) if blob[:4] == key.key_id):
            if len(blob) != 76:
                _fail("witness", f"the cosignature of {key.name} isn't one")
            moments.append(int.from_bytes(blob[4:12], "big"))
            said = f"cosignature/v1\ntime {moments[-1]}\n{_signed_text(note)}"
            _check_signature(key, blob[12:], said, "witness")
        if moments:
            names.append(f"{key.name} at {_when(max(moments))}")
    if witnesses:
        seen = ": " + ", ".join(names) if names else ""
        found.checked.append(f"{len(names)} of {len(witnesses)} witnesses cosigned it{seen}.")


def _when(moment: int) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        _fail("witness", f"{moment} is no time")


_KEY_CHANGED = (
    "where the log changed its key, `key_changes` of /api/v1/audit/log tells of it. Save that "
    "answer and give it with --key-change, and with --vkey the key that you knew first"
)


def _read_keys(found: _Findings) -> None:
    """The log's keys, from the reader's own on, as each names the next (log-spec.md, 3.2)."""
    if found.trust.vkey is not None:
        found.keys.append(_verifier(found.trust.vkey.strip(), b"\x01"))
    elif found.trust.key_changes:
        _fail("key change 1", "give with --vkey the key that you knew before it")
    begun = _begun(found)
    for number, note in enumerate(found.trust.key_changes[begun:], begun + 1):
        old, new = found.keys[-1], _successor(note, found, f"key change {number}")
        found.keys.append(new)
        found.checked.append(
            f"At {new.above} leaves {old.name} handed over from its key {old.key_id.hex()} to "
            f"{new.key_id.hex()}."
        )


def _begun(found: _Findings) -> int:
    """How many changes lie before the reader's own key: up to the one that brought it.

    None, where the key signed one of those: they are refused then, each for its own reason.
    """
    vkey, changes = (found.trust.vkey or "").strip(), found.trust.key_changes
    bringing = [number for number, note in enumerate(changes, 1) if f"\n{vkey}\n" in note]
    before = changes[: bringing[0]] if bringing else ()
    return (
        0 if any(_is_signed(each, found.keys[0], "key change") for each in before) else len(before)
    )


def _successor(note: str, found: _Findings, check: str) -> _Key:
    """The key that the one so far names in its last word."""
    *earlier, old = found.keys
    _demand_unedited(note, check)
    if any(_is_signed(note, key, check) for key in earlier):
        _fail(check, "it is by a key that has handed over: give each once, the oldest first")
    if not _is_signed(note, old, check):
        _fail(
            check,
            f"it isn't signed by {old.name}+{old.key_id.hex()}, the log's key till then: begin "
            "with what your --vkey signed, and give each note of `key_changes` in its order",
        )
    word = _LAST_WORD.fullmatch(_signed_text(note))
    if word is None:
        _fail(check, "it isn't the origin, `key rotated at` a size, and the new key, a line each")
    _demand_origin(word[1], check, "it", found)
    new = replace(_verifier(word[3], b"\x01", check), above=int(word[2]))
    if new.above <= old.above:
        _fail(check, f"it is at {new.above} leaves, the change before it at {old.above}")
    if new.name != old.name:
        _fail(check, f"it names a key of {new.name}, and the log's are of {old.name}")
    if any(key.public.public_bytes_raw() == new.public.public_bytes_raw() for key in found.keys):
        _fail(check, "it hands over to a key that the log has or had, which is no change")
    return new


def _opened(note: str, whose: str, found: _Findings) -> tuple[int, bytes]:
    """A checkpoint's size and root, once the log's key for that size is seen to have signed it."""
    _demand_unedited(note, "checkpoint")
    origin, size, root = _head(_signed_text(note))
    keys = [key for key in found.keys if key.above < size]
    if keys and not _is_signed(note, keys[-1], "checkpoint"):
        _fail("checkpoint", f"{whose} {_why_unsigned(note, size, keys[-1], found)}")
    _demand_origin(origin, "checkpoint", whose, found)
    return size, root


def _why_unsigned(note: str, size: int, key: _Key, found: _Findings) -> str:
    others = [other for other in found.keys if _is_signed(note, other, "checkpoint")]
    if others and others[0].above < key.above:
        return (
            f"has {size} leaves and is signed by a key that handed over at {key.above} or before: "
            "the log's own is at /log/checkpoint, and whoever made this one has an old key"
        )
    if others:
        return (
            f"has {size} leaves and is signed by a key for more than {others[0].above}: the key "
            "before it signs so few. Take it for forged, and show it to others who watch the log"
        )
    if any(_signatures(note, key.name)):
        return f"isn't signed by this key of {key.name} but by another: {_KEY_CHANGED}"
    return f"isn't signed by {key.name}"


def _demand_origin(origin: str, check: str, whose: str, found: _Findings) -> None:
    if found.origin not in {None, origin}:
        _fail(check, f"{whose} is of the log {origin}, not {found.origin}")
    found.origin = origin


def _demand_unedited(note: str, check: str) -> None:
    if "\r" in note or note.startswith("\ufeff"):
        _fail(check, "its line ends were changed, as some editors do: get it anew, as it is")


def _signed_text(note: str) -> str:
    text, separator, _ = note.rpartition("\n\n")
    return text + "\n" if separator else note


def _is_signed(note: str, key: _Key, check: str) -> bool:
    """Whether a note carries a signature of this key; each that it carries has to be right."""
    blobs = [blob for blob in _signatures(note, key.name) if blob[:4] == key.key_id]
    for blob in blobs:
        _check_signature(key, blob[4:], _signed_text(note), check)
    return bool(blobs)


def _signatures(note: str, name: str) -> list[bytes]:
    prefix = f"— {name} "
    lines = note.rpartition("\n\n")[2].split("\n")
    return [
        _base64(line.removeprefix(prefix), "checkpoint")
        for line in lines
        if line.startswith(prefix)
    ]


def _check_signature(key: _Key, signature: bytes, text: str, check: str) -> None:
    try:
        key.public.verify(signature, _utf8(text, check))
    except InvalidSignature:
        _fail(check, f"the signature of {key.name} doesn't match")


def _verifier(vkey: str, algorithm: bytes, check: str = "vkey") -> _Key:
    name, _, rest = vkey.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = _base64(encoded, check)
    if len(data) != 33 or data[:1] != algorithm:
        kind = "a witness's" if algorithm == b"\x04" else "a log's or an organisation's"
        _fail(check, f"{vkey[:60]!r} isn't name+id+key with {kind} Ed25519 key")
    expected = hashlib.sha256(_utf8(name, check) + b"\n" + data).digest()[:4]
    if expected.hex() != key_id:
        _fail(check, f"the id of {vkey[:60]!r} isn't that of its name and key")
    if int.from_bytes(data[1:], "little") % 2**255 in _SMALL_ORDER:
        _fail(check, f"the key {vkey} binds nobody: any signature can be made to fit it")
    return _Key(vkey, name, expected, Ed25519PublicKey.from_public_bytes(data[1:]))


def _check_chain(fields: Mapping[str, Any], chain: ChainReader, found: _Findings) -> None:
    evidence = fields.get("chain")
    if not isinstance(evidence, dict):
        _fail("chain", "the receipt carries no evidence of a chain")
    if _number(evidence, "chain_id") != chain.chain_id:
        _fail("chain", f"it is from chain {evidence['chain_id']}, this is chain {chain.chain_id}")
    if _text(evidence, "contract").lower() != chain.address.lower():
        _fail("chain", f"it is from contract {evidence['contract']}, this is {chain.address}")
    number = _number(evidence, "block_number")
    named = _hash(evidence.get("block_hash"), "chain.block_hash")
    is_there = chain.block_hash(number) == named
    size, root = _tree_of(fields)
    _demand_root(chain, size, root, _ASK_ANEW)
    if not is_there:
        why = f"block {number} of the chain isn't the one that the receipt names"
        _fail("chain", f"{why}, though the contract keeps its root. {_ASK_ANEW}")
    found.checked.append(f"Contract {chain.address} on chain {chain.chain_id} keeps this root.")
    found.checked.append(f"Block {number} of the chain is the one named.")
    _check_transaction(fields, evidence, chain, found)
    _trusted(found, Level.CHAIN, size, root)


_ASK_ANEW = (
    "A chain that was reorganised since the receipt was given may hold it in another block: ask "
    "for a new receipt, at /api/v1/audit/entries/<id>/receipt. If that fails too, it is forged"
)


def _demand_root(chain: ChainReader, size: int, root: bytes, mend: str) -> None:
    kept = chain.root_at(size)
    if kept is None:
        _fail("chain", f"the contract never had {size} leaves at the end of a batch. {mend}")
    if kept != root:
        _fail("chain", f"the contract's root at {size} leaves is another one")


def _check_transaction(
    fields: Mapping[str, Any], evidence: Mapping[str, Any], chain: ChainReader, found: _Findings
) -> None:
    """That the transaction which the receipt names brought this leaf, in the block it names."""
    index, tx_hash = _number(fields, "leaf_index"), _hash(evidence.get("tx_hash"), "chain.tx_hash")
    # A node finds an event by its transaction; a chain of our own finds it by the leaf.
    by_transaction = getattr(chain, "batches_of", None)
    by_leaf: Any = getattr(chain, "events", None)
    batches: Iterable[LeafBatch] = (
        by_transaction(tx_hash) if by_transaction else by_leaf(index, index + 1)
    )
    leaf = hashlib.sha256(b"\x00" + _utf8(_text(fields, "entry"), "entry")).digest()
    for batch in batches:
        place = index - batch.first_index
        if batch.tx_hash != tx_hash or not 0 <= place < len(batch.leaf_hashes):
            continue
        if (batch.block_number, batch.block_hash.hex()) != (
            evidence["block_number"],
            evidence["block_hash"],
        ):
            why = "the transaction is in another block than the receipt says"
            _fail("chain", f"{why}. {_ASK_ANEW}")
        if batch.leaf_hashes[place] != leaf:
            _fail("chain", f"the transaction appended another leaf {index}")
        found.checked.append(f"Transaction {tx_hash.hex()[:16]}… in it appended this leaf.")
        return
    why = f"transaction {tx_hash.hex()} appended no leaf {index} to the contract"
    _fail("chain", f"{why}. {_ASK_ANEW}")


def _check_log(
    record: Mapping[str, Any], found: _Findings, evidence: Mapping[str, Any] | None = None
) -> None:
    """A record names the log that it was written for; in any other one it is a replay."""
    log = record.get("log")
    if not isinstance(log, dict) or not all(isinstance(log.get(name), str) for name in _LOG):
        _fail("record", "it doesn't name its log by origin, chain_id and contract")
    if found.origin is not None and log["origin"] != found.origin:
        _fail(
            "record",
            f"replayed from another log: it names {log['origin']}, the checkpoint {found.origin}",
        )
    found.origin = log["origin"]
    chains = []
    if found.trust.chain is not None:
        chains.append((found.trust.chain.chain_id, found.trust.chain.address))
    if evidence is not None:
        chains.append((_number(evidence, "chain_id"), _text(evidence, "contract")))
    for chain_id, address in chains:
        named = log["chain_id"], log["contract"].lower()
        if named != (str(chain_id), address.lower()):
            _fail(
                "record",
                f"replayed from another log: it names contract {named[1]} on chain {named[0]}, "
                f"and not {address} on chain {chain_id}",
            )


def _record(text: str | bytes, check: str) -> dict[str, Any]:
    try:
        record = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        _fail(check, "not JSON, or a field stands twice")
    if not isinstance(record, dict):
        _fail(check, "not a JSON object")
    return record


@dataclass
class _Tree:
    """A tree while it grows: the roots of its perfect subtrees, largest first (RFC 9162, 2.1)."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, data: bytes) -> None:
        node, carries = hashlib.sha256(b"\x00" + data).digest(), self.size
        while carries & 1:
            node = hashlib.sha256(b"\x01" + self.peaks.pop() + node).digest()
            carries >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = hashlib.sha256(b"\x01" + peak + node).digest()
        return node


def _check_dump(
    lines: Iterable[bytes], found: _Findings, fields: Mapping[str, Any] | None
) -> tuple[int, bytes, Books]:
    """Recompute every root that is known; size, root and books of what is vouched for.

    With a chain at hand that is the whole dump; else as much as the largest trusted tree has.
    """
    wanted = dict(found.roots)
    if fields is not None:
        wanted.update([_tree_of(fields)])
    vouched = None if found.trust.chain is not None else max(found.roots, default=None)
    tree, books, signers, size, root, beyond = _Tree(), Books(), Signers(), 0, b"", 0
    _demand_same(wanted, tree)
    for number, line in enumerate(lines):
        text = _dump_record(line, number)
        if vouched is not None and number >= max(wanted):
            beyond += 1
            continue
        tree.append(_utf8(text, "dump"))
        _demand_same(wanted, tree)
        if vouched is None or number < vouched:
            size = tree.size
            _book(text, number, found, books, signers)
            root = tree.root() if size == vouched else root
    if tree.size < max(wanted, default=0):
        _fail("dump", f"it has {tree.size} records, the log had {max(wanted)}: some are withheld")
    books.close()
    _demand_rotations(size, found)
    found.checked.append(f"The totals of {size} records add up, and no lot is overdrawn.")
    found.checked.append(signers.told())
    if tree.size + beyond > size:
        found.checked.append(f"{tree.size + beyond - size} newer records are held against nothing.")
    _vouch(found, fields, tree, vouched)
    return size, root if vouched is not None else tree.root(), books


def _book(text: str, number: int, found: _Findings, books: Books, signers: Signers) -> None:
    record = _record(text, f"dump, record {number}")
    try:
        _check_log(record, found)
        books.add(record)
        signers.add(record)
        if record.get("kind") == "key_rotated":
            _note_rotation(_object(record.get("facts"), "facts"), number, found)
    except VerificationFailed as failure:
        _fail(f"dump, record {number}", failure.why)
    except RecursionError:
        _fail(f"dump, record {number}", "nested too deeply")


def _note_rotation(facts: Mapping[str, Any], number: int, found: _Findings) -> None:
    if facts.get("key") == "log":
        found.rotations.setdefault((_text(facts, "old"), _text(facts, "new")), number)


def _demand_rotations(size: int, found: _Findings) -> None:
    """Every change of the log's key that the counted records reach up to stands among them."""
    for old, new in pairwise(found.keys):
        if found.rotations.get((old.vkey, new.vkey), size) >= new.above:
            why = f"its first {new.above} records don't tell that the log's key was handed over"
            _fail("dump", f"{why} to {new.vkey} then, as the key before it says")


def _vouch(
    found: _Findings, fields: Mapping[str, Any] | None, tree: _Tree, vouched: int | None
) -> None:
    """Say what the dump's root was held against, and whether that speaks for the receipt too."""
    chain = found.trust.chain
    if chain is not None:
        _demand_root(chain, tree.size, tree.root(), "Get the dump anew: it may be cut off")
        found.checked.append(f"The contract keeps the root over the dump's {tree.size} records.")
        newer = chain.head().size - tree.size
        if newer > 0:
            found.checked.append(f"It has {newer} newer ones, which this dump doesn't count.")
        found.reached |= {Level.CHAIN, Level.DUMP}
    elif vouched:
        found.checked.append(f"The dump's first {vouched} records have the root that is trusted.")
        if fields is None or _number(fields, "leaf_index") < vouched:
            found.reached |= {Level.CHECKPOINT, Level.DUMP}


def _demand_same(wanted: Mapping[int, bytes], tree: _Tree) -> None:
    if tree.size in wanted and wanted[tree.size] != tree.root():
        _fail("dump", f"its first {tree.size} records have another root than the log had")


def _dump_record(line: bytes, number: int) -> str:
    try:
        fields = json.loads(line, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        _fail("dump", f"line {number + 1} isn't JSON")
    if not isinstance(fields, dict) or set(fields) != {"index", "record"}:
        _fail("dump", f"line {number + 1} hasn't index and record, and nothing else")
    if type(fields["index"]) is not int or fields["index"] != number:
        _fail("dump", f"line {number + 1} isn't record {number}: some are missing or twice")
    return _text(fields, "record")


class Books:
    """What the records move, added up: each lot on each account, and totals by commodity."""

    def __init__(self) -> None:
        self._commodity: dict[str, str] = {}
        self._net: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._moves: dict[str, bytes] = {}
        self._reversed: set[str] = set()

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record.

        Raises:
            VerificationFailed: an entry or a lot twice, a lot or a reversed entry that is unknown,
                or a move that can't be.

        """
        entry = _text(record, "id")
        if entry in self._moves:
            _fail("totals", f"entry {entry} stands in the log twice")
        for lot in _list(record, "lots"):
            self._open(lot)
        moves = [self._move(move) for move in _list(record, "moves")]
        self._check_reversal(record, moves)
        self._moves[entry] = _digest_of(moves)
        for lot, source, target, quantity in moves:
            self._net[source, lot] -= quantity
            self._net[target, lot] += quantity

    def close(self) -> None:
        """See that no lot is overdrawn on any account that isn't an origin.

        Raises:
            VerificationFailed: more of a lot left an account than had come there.

        """
        for (account, lot), quantity in self._net.items():
            if quantity < 0 and _column(account) not in _ORIGINS:
                _fail("totals", f"{account} gave {-quantity} more of lot {lot} than it had")

    def totals(self) -> dict[str, dict[str, int]]:
        """By commodity: what came in, and where it is, in base units.

        What came in is the sum of all the others; `counted off` is below zero where stocktakes
        found more than the books had.
        """
        totals: dict[str, dict[str, int]] = {}
        for (account, lot), quantity in self._net.items():
            row = totals.setdefault(self._commodity[lot], dict.fromkeys(COLUMNS, 0))
            column = _column(account)
            if column == "came in" and quantity < 0:
                row["came in"] -= quantity
            else:
                # Money that came to a supplier has been paid out, though goods came from there.
                row["handed over" if column == "came in" else column] += quantity
        return dict(sorted(totals.items()))

    def _open(self, lot: object) -> None:
        if not isinstance(lot, dict):
            _fail("totals", "a lot isn't an object")
        name = _text(lot, "id")
        if name in self._commodity:
            _fail("totals", f"lot {name} is opened twice")
        self._commodity[name] = _text(lot, "commodity")

    def _move(self, move: object) -> tuple[str, str, str, int]:
        if not isinstance(move, dict):
            _fail("totals", "a move isn't an object")
        lot, source, target = (_text(move, name) for name in ("lot", "source", "target"))
        quantity = _text(move, "quantity")
        if lot not in self._commodity or self._commodity[lot] != move.get("commodity"):
            _fail("totals", f"lot {lot} is unknown, or of another commodity")
        if not re.fullmatch(r"[1-9][0-9]{0,18}", quantity, re.ASCII) or source == target:
            _fail("totals", f"{quantity} of lot {lot} from {source} to {target} is no move")
        _column(source), _column(target)
        return lot, source, target, int(quantity)

    def _check_reversal(
        self, record: Mapping[str, Any], moves: Sequence[tuple[str, str, str, int]]
    ) -> None:
        original = record.get("reverses")
        if original is None:
            return
        if not isinstance(original, str) or original not in self._moves:
            _fail("totals", f"it reverses {original}, which isn't in the log before it")
        if original in self._reversed:
            _fail("totals", f"entry {original} is reversed twice")
        self._reversed.add(original)
        opposite = [(lot, target, source, quantity) for lot, source, target, quantity in moves]
        if self._moves[original] != _digest_of(opposite):
            _fail("totals", f"its moves aren't the opposite of those of entry {original}")


class Signers:
    """Who signed which records, by the keys that the records before them register.

    The rules are those of docs/signatures.md.
    """

    def __init__(self) -> None:
        self._registered: set[str] = set()
        self._revoked: set[str] = set()
        self._is_shown = False
        self._said: set[str] = set()
        self._entries = 0
        self._organisations: set[str] = set()

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record: a key that it registers or revokes, and what its organisation signed.

        Raises:
            VerificationFailed: a signature that isn't its organisation's, over this very thing.

        """
        kind = str(record.get("kind"))
        signatures = _list(record, "signatures") if "signatures" in record else []
        if kind in {"key_registered", "key_revoked"}:
            self._note_key(kind, _object(record.get("facts"), "facts"))
        if not signatures and (kind not in _STATEMENTS or self._may_be_unshown(kind, record)):
            return
        if kind not in _STATEMENTS:
            _fail("signature", f"is this the newest verify.py? It knows none of kind {kind!r}")
        if not signatures:
            _fail("signature", "it is unsigned, where entries like it are signed")
        said = self._statement(record, *_STATEMENTS[kind])
        keys = [self._signer(each, said) for each in signatures]
        if len(set(keys)) < len(keys) or record["document"] in self._said:
            _fail("signature", "it is signed twice: what was said once counts once")
        if kind == "key_registered":
            # It shows that who registers a key has it, and counts for nothing else.
            if any(key != record["facts"]["vkey"] for key in (said.get("key"), *keys)):
                _fail("signature", "it registers another key than the one that signed it")
            self._is_shown = True
            return
        self._said.add(record["document"])
        self._entries += 1
        self._organisations.add(said["organisation"])

    def told(self) -> str:
        """How many entries are signed, in words."""
        if not self._entries:
            return "None of them is signed by its donor or consignee."
        return (
            f"Signed by donors or consignees: {self._entries} of them, of "
            f"{len(self._organisations)} organisations, each by a key registered and not revoked "
            "by then."
        )

    def _may_be_unshown(self, kind: str, record: Mapping[str, Any]) -> bool:
        """Whether it is the registration of a key from before keys had to show themselves."""
        return kind == "key_registered" and not self._is_shown and "said" not in record["facts"]

    def _note_key(self, kind: str, facts: Mapping[str, Any]) -> None:
        vkey, organisation = _text(facts, "vkey"), _text(facts, "organisation")
        if kind == "key_revoked":
            self._revoked.add(vkey)
        elif vkey.partition("+")[0] == organisation:
            self._registered.add(vkey)

    def _statement(
        self, record: Mapping[str, Any], form: str, holder: str, name: str
    ) -> dict[str, Any]:
        said = _object(_object(record.get("facts"), "facts").get("said"), "facts.said")
        if said.get("type") != form:
            _fail("signature", f"it says {said.get('type')!r} where {form} belongs")
        if said.get("log") != record.get("log"):
            _fail("signature", "what is signed is meant for another log")
        if record.get("document") != f"{holder}:{said.get(name)}":
            _fail("signature", f"what is signed isn't about {record.get('document')}")
        return said

    def _signer(self, signature: object, said: Mapping[str, Any]) -> str:
        """The key of one signature, once it is seen to be its organisation's and to fit."""
        fields, organisation = _object(signature, "signature"), _text(said, "organisation")
        vkey, sig = _text(fields, "key"), _text(fields, "sig")
        key = _verifier(vkey, b"\x01", "signature")
        if vkey not in self._registered or key.name != organisation:
            _fail("signature", f"{organisation} hadn't registered the key {vkey} by then")
        if vkey in self._revoked:
            _fail("signature", f"{organisation} had revoked the key {vkey} by then")
        _check_signature(key, _base64(sig, "signature"), _canonical(said), "signature")
        return vkey


def _canonical(value: object) -> str:
    """JSON as RFC 8785 writes it, of what a statement may hold: no fractions."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        members = (f"{_canonical(name)}:{_canonical(value[name])}" for name in names)
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_canonical(each) for each in value) + "]"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53):
        _fail("signature", f"a statement holds no such number as {value}")
    return json.dumps(value, ensure_ascii=False)


def _digest_of(moves: Sequence[tuple[str, str, str, int]]) -> bytes:
    return hashlib.sha256(json.dumps(moves).encode()).digest()


def _column(account: str) -> str:
    match = _ACCOUNT.fullmatch(account)
    column = None if match is None else _COLUMN.get(f"{match[1]}/{match[2]}")
    if column is None:
        _fail("totals", f"there can be no account {account[:80]!r}")
    return column


def _fields(receipt: Receipt | str | bytes) -> dict[str, Any]:
    text = receipt if isinstance(receipt, (str, bytes)) else receipt.to_json()
    fields = _record(text, "format")
    if fields.get("format") != FORMAT:
        _fail("format", f"not a receipt in the format {FORMAT}")
    for name in fields.keys() - RECEIPT_FIELDS:
        _fail("format", f"a receipt has no field {name!r}")
    return fields


def _tree_of(fields: Mapping[str, Any]) -> tuple[int, bytes]:
    """Size and root of a receipt's tree."""
    return _number(fields, "tree_size"), _hash(fields.get("root"), "root")


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


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _fail("format", f"{name} isn't an object")
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
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        _fail(check, f"{text[:60]!r} isn't base64")
    if base64.b64encode(data).decode() != text:
        _fail(check, f"{text[:60]!r} isn't base64 in its one form")
    return data


def _utf8(text: str, check: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        _fail(check, "holds a lone surrogate")


def _fail(check: str, why: str) -> NoReturn:
    raise VerificationFailed(check, why)


@dataclass(frozen=True)
class LeafBatch:
    """Leaf hashes as one transaction appended them, the first of them at `first_index`."""

    first_index: int
    leaf_hashes: tuple[bytes, ...]
    tx_hash: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True)
class LogSize:
    """How many leaves a contract has."""

    size: int


class RpcChain:
    """The log contract as any Ethereum node tells of it, over JSON-RPC and HTTP.

    Raises:
        OutOfReach: the node can't be reached, or doesn't answer as JSON-RPC.
        VerificationFailed: the address is none.

    """

    def __init__(self, url: str, address: str) -> None:
        if not _ADDRESS.fullmatch(address):
            _fail("contract", f"{address!r} is {_NO_ADDRESS}")
        self._url = url
        self.address = address
        self.chain_id = self._number(self._ask("eth_chainId"))

    def head(self) -> LogSize:
        """The log as the contract now has it."""
        call = {"to": self.address, "data": _TREE_SIZE}
        return LogSize(self._number(self._ask("eth_call", call, "latest")))

    def root_at(self, size: int) -> bytes | None:
        """The root that the contract keeps for this size; None where it keeps none."""
        call = {"to": self.address, "data": _ROOT_AT + f"{size:064x}"}
        root = self._bytes(self._ask("eth_call", call, "latest"))
        if len(root) != 32:
            _fail("chain", f"there is no log contract at {self.address}")
        return root if any(root) else None

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the block with this number; None where there is none."""
        block = self._ask("eth_getBlockByNumber", hex(number), False)
        return None if block is None else self._bytes(self._part(block, "hash"))

    def batches_of(self, tx_hash: bytes) -> Iterator[LeafBatch]:
        """What one transaction appended to the contract; nothing where it is unknown."""
        receipt = self._ask("eth_getTransactionReceipt", "0x" + tx_hash.hex())
        if receipt is None or self._part(receipt, "status") != "0x1":
            return
        number = self._number(self._part(receipt, "blockNumber"))
        block_hash = self._bytes(self._part(receipt, "blockHash"))
        for log in self._list(receipt, "logs"):
            topics = self._list(log, "topics")
            ours = str(self._part(log, "address")).lower() == self.address.lower()
            if ours and len(topics) == 2 and topics[0] == _LEAVES_APPENDED:
                # The list's offset and its length, 32 bytes each, stand before the list.
                data = self._bytes(self._part(log, "data"))[64:]
                leaves = tuple(data[at : at + 32] for at in range(0, len(data), 32))
                first = self._number(topics[1])
                yield LeafBatch(first, leaves, tx_hash, number, block_hash)

    def _ask(self, method: str, *parameters: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            answer = json.loads(fetch(self._url, json.dumps(request).encode()))
        except (ValueError, RecursionError) as error:
            raise OutOfReach(f"{self._url} doesn't answer in JSON") from error
        if not isinstance(answer, dict) or "result" not in answer:
            told = answer.get("error") if isinstance(answer, dict) else answer
            raise OutOfReach(f"{self._url} refused {method}: {str(told)[:200]}")
        return answer["result"]

    def _part(self, value: object, name: str) -> Any:
        if not isinstance(value, dict) or name not in value:
            raise OutOfReach(f"{self._url} answers without {name}")
        return value[name]

    def _list(self, value: object, name: str) -> list[Any]:
        found = self._part(value, name)
        if not isinstance(found, list):
            raise OutOfReach(f"{self._url} answers {name} that is no list")
        return found

    def _number(self, value: object) -> int:
        return int.from_bytes(self._bytes(value), "big")

    def _bytes(self, value: object) -> bytes:
        digits = value.removeprefix("0x") if isinstance(value, str) else "?"
        try:
            return bytes.fromhex(digits.rjust(len(digits) + len(digits) % 2, "0"))
        except ValueError as error:
            raise OutOfReach(f"{self._url} answers {str(value)[:80]!r} for a number") from error


def fetch(url: str, body: bytes | None = None) -> bytes:
    """What an address answers, of limited size; with a body it is posted as JSON.

    Raises:
        OutOfReach: not http or https, no answer in time, another status than 200, or too long.

    """
    if not url.startswith(("http://", "https://")):
        raise OutOfReach(f"{url} isn't an address of the web: http://… or https://…")
    head = {"Content-Type": "application/json"} if body is not None else {}
    try:
        request = urllib.request.Request(url, body, head)  # noqa: S310 — checked above
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            content: bytes = answer.read(_MOST_BYTES + 1)
    except (OSError, ValueError, HTTPException) as error:
        raise OutOfReach(f"{url} can't be read: {_why(error)}") from error
    if len(content) > _MOST_BYTES:
        raise OutOfReach(f"{url} answers with more than {_MOST_BYTES} bytes")
    return content


def _why(error: Exception) -> str:
    """What the system says of a failure, without what a library wraps around it."""
    if isinstance(error, HTTPError):
        return f"it answers {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {_TIMEOUT_S} s"
    return getattr(cause, "strerror", None) or "it isn't what it should be, or is cut off"


def growth_from(source: str) -> Callable[[int, int], Sequence[bytes]]:
    """Consistency proofs from a file, or from the log's own address.

    Either holds the answer of `GET /api/v1/audit/consistency`; only its path is used.
    """

    def growth(before: int, after: int) -> Sequence[bytes]:
        if source.startswith(("http://", "https://")):
            query = f"/api/v1/audit/consistency?from={before}&to={after}"
            text = fetch(source.rstrip("/") + query)
        else:
            text = read_file(Path(source))
        fields = _record(text.decode("utf-8", "replace"), "growth")
        return [_hash(node, "path") for node in _list(fields, "path")]

    return growth


def read_file(path: Path) -> bytes:
    """A file's bytes; `OutOfReach` where it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise OutOfReach(f"{path} can't be read: {_why(error)}") from error


def read_key_changes(path: Path) -> list[str]:
    """The notes in a file: one as it is, or those of the saved answer of /api/v1/audit/log."""
    text = read_note(path)
    if not text.lstrip().startswith("{"):
        return [text]
    changes = _list(_record(text, "key change"), "key_changes")
    return [_text(_object(each, "a key change"), "note") for each in changes]


def read_note(path: Path) -> str:
    """A kept checkpoint as text, with the newlines that it came with."""
    try:
        return read_file(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutOfReach(f"{path} isn't text in UTF-8") from error


def read_dump(path: Path) -> Iterator[bytes]:
    """The lines of a dump, gzipped or not, none of them all at once in memory."""
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as lines:
            while line := lines.readline(_MOST_BYTES):
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise OutOfReach(f"{path} can't be read to its end: {_why(error)}") from error


def told(verdict: Verdict) -> Iterator[str]:
    """What was checked, a line each, and the table of the totals where there are any."""
    for line in verdict.checked:
        yield f"  {'✗' if line.startswith('NOT ') else '✓'} {line}"
    if verdict.totals:
        yield from table(verdict.totals)


def table(totals: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """The totals as lines of text, in base units: pieces, or minor units of a currency."""
    width = max([len(name) for name in totals] + [4])
    yield " ".join(["item".ljust(width), *(column.rjust(14) for column in COLUMNS)])
    for name, row in totals.items():
        yield " ".join([name.ljust(width), *(str(row[column]).rjust(14) for column in COLUMNS)])


class _Once(argparse.Action):
    """An option that has one value: given twice, one of the two would go unchecked."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Keep the value, or end where there is one already."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} stands twice; nothing was checked")
        setattr(namespace, self.dest, values)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Check a receipt or a log's dump.")
    parser.register("action", None, _Once)
    parser.add_argument("receipt", nargs="?", type=Path)
    parser.add_argument("--vkey", help="the log's key, as its page shows it")
    parser.add_argument(
        "--key-change",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="how the log changed its key: /api/v1/audit/log, saved, or each note, in order",
    )
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint that you kept")
    parser.add_argument("--growth", help="the log's address, or a file: consistency proofs")
    parser.add_argument("--rpc", help="address of an Ethereum node")
    parser.add_argument("--contract", help="address of the log's contract")
    parser.add_argument("--dump", type=Path, help="every record: /log/dump.jsonl.gz")
    parser.add_argument("--witness", action="append", default=[], help="a witness's key")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the check that the command line asks for; return how to exit."""
    asked = _arguments().parse_args(arguments)
    mend = _mend(asked)
    if mend:
        return _say(f"{mend} Nothing was checked.", NOTHING_ASKED)
    try:
        trust = Trust(
            vkey=asked.vkey,
            kept=read_note(asked.checkpoint) if asked.checkpoint else None,
            chain=RpcChain(asked.rpc, asked.contract) if asked.rpc else None,
            growth=growth_from(asked.growth) if asked.growth else None,
            witnesses=asked.witness,
            key_changes=[note for path in asked.key_change for note in read_key_changes(path)],
        )
        receipt = read_file(asked.receipt) if asked.receipt else None
        if asked.dump is not None:
            verdict = verify_dump(read_dump(asked.dump), trust=trust, receipt=receipt)
        else:
            verdict = verify_receipt(receipt or b"", trust=trust)
    except VerificationFailed as failure:
        return _say(f"NOT VALID  {failure}", NOT_VALID)
    except OutOfReach as error:
        return _say(str(error), OUT_OF_REACH)
    for line in told(verdict):
        _say(line, VALID)
    return _conclude(verdict)


def _mend(asked: argparse.Namespace) -> str:
    """What is wrong with what was asked for; nothing where it can be answered."""
    if asked.receipt is None and asked.dump is None:
        return "Give a receipt, or --dump."
    if (asked.rpc is None) != (asked.contract is None):
        return "Give --rpc and --contract together: no receipt's own."
    return misused(asked.contract, asked.vkey, asked.key_change)


def misused(contract: str | None, vkey: str | None, key_changes: Sequence[Path]) -> str:
    """What these options lack; nothing where they can be used."""
    if contract is not None and not _ADDRESS.fullmatch(contract):
        return f"--contract {contract} is {_NO_ADDRESS}."
    if key_changes and vkey is None:
        return "--key-change needs --vkey, the key that you knew before the change."
    return ""


def _conclude(verdict: Verdict) -> int:
    if verdict.level is Level.CONSISTENT:
        return _say("CONSISTENT ONLY — held against nothing else", CONSISTENT_ONLY)
    if not verdict.is_whole:
        return _say(f"NOT ALL CHECKED  {verdict.summary} See ✗.", NOTHING_ASKED)
    return _say(f"VALID  {verdict.summary}", VALID)


def _say(line: str, code: int) -> int:
    sys.stdout.write(line + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
