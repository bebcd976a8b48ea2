"""The receipt: everything that a stranger needs to check one entry, in one JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

FORMAT = "medrelay-receipt/1"

_T = TypeVar("_T")


class ReceiptMalformed(ValueError):
    """A text that is no receipt. `field` names what is missing, too much or wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class ChainEvidence:
    """Where on which chain the entry's batch arrived. Hashes are 32 bytes."""

    chain_id: int
    contract: str
    block_number: int
    block_hash: bytes
    tx_hash: bytes


@dataclass(frozen=True)
class Receipt:
    """One entry, its place in the tree, and the evidence for the tree.

    `entry` is the exact bytes that were hashed: canonical JSON in UTF-8. `root` is the root of the
    tree of `tree_size` leaves; `inclusion_path` leads from the entry to it, lowest sibling first.
    `checkpoint` is a signed note; `disclosures` open hidden fields of the entry, for whoever may
    see them.
    """

    entry: bytes
    leaf_index: int
    tree_size: int
    inclusion_path: tuple[bytes, ...]
    root: bytes
    checkpoint: str | None = None
    chain: ChainEvidence | None = None
    disclosures: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The receipt as a file: hashes in hex, the entry as text, one field a line."""
        fields = {"format": FORMAT, **_written(asdict(self))}
        fields["entry"] = self.entry.decode("utf-8")
        return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes) -> Receipt:
        """Read a receipt; whether it is true is for `ledger.verify` to say.

        Raises:
            ReceiptMalformed: not JSON, another format, or a field missing, unknown or wrong.

        """
        fields = _object(text)
        if _take(fields, "format", str) != FORMAT:
            raise ReceiptMalformed("format", f"this reads {FORMAT} only")
        receipt = Receipt(
            entry=_entry(fields),
            leaf_index=_number(fields, "leaf_index"),
            tree_size=_number(fields, "tree_size"),
            inclusion_path=_hashes(fields, "inclusion_path"),
            root=_hash(fields, "root"),
            checkpoint=_take(fields, "checkpoint", str, type(None)),
            chain=_evidence(fields),
            disclosures=_texts(fields, "disclosures"),
        )
        _demand_empty(fields, "")
        return receipt


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in value]
    return value


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        fields = json.loads(text, object_pairs_hook=_without_duplicates)
    except ReceiptMalformed:
        raise
    except (ValueError, RecursionError) as error:
        raise ReceiptMalformed("receipt", f"not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise ReceiptMalformed("receipt", "not a JSON object")
    return fields


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ReceiptMalformed("receipt", "a field stands twice")
    return fields


def _take(fields: dict[str, Any], name: str, *kinds: type[_T]) -> _T:
    """Remove a field and return it, provided that it is of one of these types."""
    if name not in fields:
        raise ReceiptMalformed(name, "missing")
    value = fields.pop(name)
    if type(value) not in kinds:
        wanted = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
        raise ReceiptMalformed(name, f"must be {wanted}, not {type(value).__name__}")
    found: _T = value
    return found


def _entry(fields: dict[str, Any]) -> bytes:
    try:
        return _take(fields, "entry", str).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ReceiptMalformed("entry", "holds a lone surrogate") from error


def _number(fields: dict[str, Any], name: str) -> int:
    number = _take(fields, name, int)
    if not 0 <= number < 2**63:
        raise ReceiptMalformed(name, "must be from 0 to 2**63 - 1")
    return number


def _hash(fields: dict[str, Any], name: str) -> bytes:
    return _to_hash(_take(fields, name, str), name)


def _hashes(fields: dict[str, Any], name: str) -> tuple[bytes, ...]:
    texts = _texts(fields, name)
    return tuple(_to_hash(text, f"{name}[{index}]") for index, text in enumerate(texts))


def _texts(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    texts: list[Any] = _take(fields, name, list)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ReceiptMalformed(f"{name}[{index}]", "must be text")
    return tuple(texts)


def _to_hash(text: str, name: str) -> bytes:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ReceiptMalformed(name, "must be 64 lower-case hex digits")
    return bytes.fromhex(text)


def _evidence(fields: dict[str, Any]) -> ChainEvidence | None:
    chain: dict[str, Any] | None = _take(fields, "chain", dict, type(None))
    if chain is None:
        return None
    try:
        evidence = ChainEvidence(
            chain_id=_number(chain, "chain_id"),
            contract=_take(chain, "contract", str),
            block_number=_number(chain, "block_number"),
            block_hash=_hash(chain, "block_hash"),
            tx_hash=_hash(chain, "tx_hash"),
        )
    except ReceiptMalformed as error:
        raise ReceiptMalformed(f"chain.{error.field}", error.reason) from error
    _demand_empty(chain, "chain.")
    return evidence


def _demand_empty(fields: dict[str, Any], prefix: str) -> None:
    for name in fields:
        raise ReceiptMalformed(f"{prefix}{name}", "no such field in a receipt")
