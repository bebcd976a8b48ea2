"""What strangers put into the calls of the JSON-RPC, checked: each error names value and mend.

Error codes are those of JSON-RPC 2.0 (section 5.1) and of EIP-1474.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BAD_PARAMS = -32602
NOT_FOUND = -32001
LIMIT_EXCEEDED = -32005
REVERTED = 3

TAGS = ("latest", "earliest", "pending", "safe", "finalized")

_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}")
_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_MOST_SHOWN = 80
_MOST_ALTERNATIVES = 100
_MOST_TOPICS = 4

# What a client may send along with a call, and what changes nothing for one that is only read.
_CALL_FIELDS = {
    *("from", "to", "data", "input", "gas", "value", "nonce", "type", "chainId", "accessList"),
    *("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"),
}


class RpcRefused(Exception):
    """An error as the JSON-RPC has it: `code`, what is said, and bytes where a call reverted."""

    def __init__(self, code: int, message: str, output: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.output = output


@dataclass(frozen=True)
class Call:
    """A call that is run and thrown away; `gas` is 0 where nothing was said."""

    to: bytes
    sender: bytes
    data: bytes
    gas: int
    value: int


@dataclass(frozen=True)
class LogFilter:
    """Which logs are wanted: of one block or of a range, of some addresses, with some topics."""

    from_block: int | str
    to_block: int | str
    block_hash: bytes | None
    addresses: frozenset[bytes]
    topics: tuple[frozenset[bytes], ...]

    def matches(self, log: dict[str, Any]) -> bool:
        """Whether a log, as a document, is wanted; an empty set wants whatever stands there."""
        if self.addresses and bytes.fromhex(log["address"][2:]) not in self.addresses:
            return False
        found = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        return len(found) >= len(self.topics) and all(
            not wanted or topic in wanted for wanted, topic in zip(self.topics, found, strict=False)
        )


def bad_value(what: str, value: object, mend: str) -> RpcRefused:
    """The error for a value that can't be used."""
    return RpcRefused(BAD_PARAMS, f"{what} can't be {echoed(value)}: {mend}")


def echoed(value: object) -> str:
    """A value as its sender may see it again, cut short."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"  # it may be deep, and large
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def take(params: Sequence[object], most: int, least: int | None = None) -> list[object]:
    """The parameters, filled up with None; refused when there are too few or too many."""
    least = most if least is None else least
    if not least <= len(params) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise RpcRefused(BAD_PARAMS, f"this method takes {wanted} parameters, not {len(params)}")
    return [*params, *[None] * (most - len(params))]


def number(value: object, what: str) -> int:
    """A quantity, at most 32 bytes; forgiving of leading zeros, which some clients send."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise bad_value(what, value, "give a number as 0x and hex digits")
    return int(value, 16)


def octets(value: object, what: str) -> bytes:
    """Bytes of any length."""
    if not isinstance(value, str) or not _BYTES.fullmatch(value):
        raise bad_value(what, value, "give bytes as 0x and two hex digits each")
    return bytes.fromhex(value[2:])


def word(value: object, what: str) -> bytes:
    """32 bytes."""
    found = octets(value, what)
    if len(found) != 32:
        raise bad_value(what, value, "give 32 bytes: 0x and 64 hex digits")
    return found


def address(value: object, what: str) -> bytes:
    """20 bytes."""
    found = octets(value, what)
    if len(found) != 20:
        raise bad_value(what, value, "give an address: 0x and 40 hex digits")
    return found


def slot(value: object) -> int:
    """A storage slot, as a number or as 32 bytes."""
    return number(value, "the storage slot")


def block(value: object) -> int | str | bytes:
    """A block's number, tag or hash; nothing means the newest (EIP-1898 for the object)."""
    if value is None:
        return "latest"
    if isinstance(value, dict):
        keys = set(value)
        if "blockHash" in keys and keys <= {"blockHash", "requireCanonical"}:
            return word(value["blockHash"], "blockHash")
        if keys == {"blockNumber"}:
            return number(value["blockNumber"], "blockNumber")
        raise bad_value("the block", value, "give blockHash or blockNumber, and one of them")
    if isinstance(value, str) and value in TAGS:
        return value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        tags = ", ".join(TAGS)
        raise bad_value("the block", value, f"give 0x and hex digits, or one of {tags}")
    return int(value, 16)


def call(value: object) -> Call:
    """The object that `eth_call` takes."""
    fields = _fields(value, "the call", _CALL_FIELDS)
    if fields.get("to") is None:
        raise bad_value("to", None, "give the address of the contract; none can be made here")
    given = [fields[name] for name in ("input", "data") if fields.get(name) is not None]
    if len(given) == 2 and given[0] != given[1]:
        raise bad_value("input", given[0], "it isn't what data says; give one of them")
    return Call(
        to=address(fields["to"], "to"),
        sender=address(_given(fields, "from", "0x" + "00" * 20), "from"),
        data=octets(given[0] if given else "0x", "data"),
        gas=number(_given(fields, "gas", "0x0"), "gas"),
        value=number(_given(fields, "value", "0x0"), "value"),
    )


def log_filter(value: object) -> LogFilter:
    """The object that `eth_getLogs` takes; without a range it is the newest block."""
    fields = _fields(
        value, "the filter", {"fromBlock", "toBlock", "blockHash", "address", "topics"}
    )
    block_hash = fields.get("blockHash")
    if block_hash is not None and not fields.keys().isdisjoint({"fromBlock", "toBlock"}):
        raise bad_value("blockHash", block_hash, "leave out fromBlock and toBlock beside it")
    topics = _given(fields, "topics", [])
    if not isinstance(topics, list) or len(topics) > _MOST_TOPICS:
        raise bad_value("topics", topics, f"give a list of {_MOST_TOPICS} at the most")
    return LogFilter(
        from_block=_range_end(fields.get("fromBlock"), "fromBlock"),
        to_block=_range_end(fields.get("toBlock"), "toBlock"),
        block_hash=None if block_hash is None else word(block_hash, "blockHash"),
        addresses=frozenset(address(each, "address") for each in _several(fields.get("address"))),
        topics=tuple(
            frozenset(word(each, "a topic") for each in _several(alternatives))
            for alternatives in topics
        ),
    )


def _given(fields: dict[str, object], name: str, otherwise: object) -> object:
    value = fields.get(name)
    return otherwise if value is None else value


def _range_end(value: object, what: str) -> int | str:
    found = block(value)
    if isinstance(value, dict) or isinstance(found, bytes):
        raise bad_value(what, value, "give a number or a tag")
    return found


def _several(value: object) -> list[object]:
    """One value, a list of them, or nothing, as a list."""
    found = value if isinstance(value, list) else [] if value is None else [value]
    if len(found) > _MOST_ALTERNATIVES:
        raise RpcRefused(LIMIT_EXCEEDED, f"give {_MOST_ALTERNATIVES} alternatives at the most")
    return found


def _fields(value: object, what: str, known: set[str]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise bad_value(what, value, "give an object")
    unknown = sorted(str(key) for key in value.keys() - known)
    if unknown:
        raise RpcRefused(BAD_PARAMS, f"{what} has {echoed(unknown[0])}, which isn't known here")
    return value
