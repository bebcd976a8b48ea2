"""A record and its bytes: canonical JSON (RFC 8785), read strictly.

A record's digest is taken over these bytes, and the bytes are stored. They are never made a second
time from parsed fields, so nothing depends on two programs serialising alike for ever.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias, cast

import rfc8785

# No float, on purpose: a quantity is an integer or a text.
JsonValue: TypeAlias = "bool | int | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

MAX_INTEGER = 2**53 - 1


class NotCanonical(ValueError):
    """A record that has no canonical bytes, or bytes that aren't canonical. Says where and why."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


def canonicalize(record: Mapping[str, JsonValue]) -> bytes:
    """The record's canonical bytes, UTF-8, as RFC 8785 orders and escapes them.

    Raises:
        NotCanonical: a float, an integer beyond 2**53 - 1 in size, a text that isn't NFC (see
            `nfc`), a lone surrogate, a key that isn't text, or a type that JSON doesn't have.

    """
    try:
        return rfc8785.dumps(cast("Any", _plain(record, "record")))
    except RecursionError as error:
        raise NotCanonical("record", "nested too deeply") from error


def parse(data: bytes) -> dict[str, JsonValue]:
    """The record that canonical bytes hold: `canonicalize(parse(data)) == data`.

    Raises:
        NotCanonical: not UTF-8, not JSON, not an object, a key twice, a float, or any byte other
            than the canonical form has.

    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            parse_int=_integer,
        )
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as error:
        raise NotCanonical("record", f"not JSON in UTF-8 ({error})") from error
    if not isinstance(value, dict):
        raise NotCanonical("record", "not a JSON object")
    if canonicalize(value) != data:
        raise NotCanonical("record", "JSON, but not in its canonical form (RFC 8785)")
    return value


def digest(data: bytes) -> bytes:
    """SHA-256 of the bytes: 32 bytes."""
    return hashlib.sha256(data).digest()


def nfc(value: JsonValue) -> JsonValue:
    """The value with every text in it, keys included, in Unicode normal form C.

    For the door, where people's input comes in: two ways of typing one name give one record.

    Raises:
        NotCanonical: two keys of one object become the same.

    """
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        normalised = {unicodedata.normalize("NFC", key): nfc(item) for key, item in value.items()}
        if len(normalised) != len(value):
            raise NotCanonical("record", "two keys are the same once normalised")
        return normalised
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [nfc(item) for item in value]
    return value


def _plain(value: object, where: str) -> JsonValue:
    """The value in plain lists and dicts, each leaf checked; `where` names it in an error."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _checked_integer(value, where)
    if isinstance(value, str):
        return _checked_text(value, where)
    if isinstance(value, float):
        raise NotCanonical(where, f"{value!r} is a float; give an integer or a text")
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise NotCanonical(where, f"{type(value).__name__} isn't a JSON type; write it as text first")


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise NotCanonical(where, f"the key {key!r} isn't text")
    return _checked_text(key, f"{where}, key {key!r}")


def _checked_integer(value: int, where: str) -> int:
    if abs(value) > MAX_INTEGER:
        raise NotCanonical(where, f"{value} is beyond 2**53 - 1; write it as text")
    return int(value)


def _checked_text(value: str, where: str) -> str:
    # str() of a text enum gives its name, so take the text itself.
    text = str.__str__(value)
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical(where, "a lone surrogate, which UTF-8 can't hold") from error
    if not unicodedata.is_normalized("NFC", text):
        raise NotCanonical(where, "text that isn't in normal form C; pass it through nfc() first")
    return text


def _object_without_duplicates(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in found:
            raise NotCanonical("record", f"the key {key!r} stands twice")
        found[key] = value
    return found


def _integer(text: str) -> int:
    # The length first: Python takes quadratic time over a number of a million digits.
    if len(text) > len(str(-MAX_INTEGER)):
        raise NotCanonical(
            "record", f"the number {text[:20]}… is beyond 2**53 - 1; write it as text"
        )
    return int(text)


def _refuse_number(text: str) -> NoReturn:
    raise NotCanonical("record", f"{text} is a float; give an integer or a text")
