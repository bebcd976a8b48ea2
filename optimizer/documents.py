"""Records to JSON-safe documents and back, without loss and without floats.

A document holds strings, lists, objects, true and false, and integers. RFC 8785 serialises numbers
as IEEE 754 doubles, so an integer beyond 2^53 - 1 is written as a string of its decimal digits.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

from optimizer.errors import ProblemError

SAFE_INTEGER = 2**53 - 1
"""The largest magnitude that every JSON reader keeps exactly (RFC 8785, section 3.2.2.3)."""

LONGEST_INTEGER_DIGITS = 200

Record = TypeVar("Record")


def encode_int(value: int) -> int | str:
    return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)


def decode_int(value: object, where: str) -> int:
    """Return the integer that `encode_int` wrote; ProblemError `bad_document` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and 0 < len(value) <= LONGEST_INTEGER_DIGITS:
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdigit() and str(int(value)) == value:
            return int(value)
    raise ProblemError("bad_document", where, f"{value!r} is not an integer; write whole numbers")


def encode_record(record: Any, *, brief: bool = False) -> dict[str, Any]:
    """Return a dataclass's fields as a JSON object; a field that is None is left out.

    A `brief` object leaves out whatever has its default too.
    """
    values = ((each, getattr(record, each.name)) for each in fields(record))
    return {
        each.name: _encode(value)
        for each, value in values
        if value is not None and not (brief and value == _default(each))
    }


def _default(each: "Field[Any]") -> object:
    factory = each.default_factory
    return each.default if factory is MISSING else factory()


def _encode(value: object) -> Any:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return encode_int(value)
    if isinstance(value, tuple):
        return [_encode(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(value)
    raise AssertionError(f"no document form for {type(value).__name__}")


def decode_record(kind: type[Record], value: object, where: str) -> Record:
    """Build `kind` from what `encode_record` wrote; unknown or missing keys are refused."""
    document = need_object(value, where)
    known = {each.name: each for each in fields(kind) if each.init}  # type: ignore[arg-type]
    unknown = sorted(set(document) - set(known))
    if unknown:
        raise ProblemError("bad_document", where, f"unknown key {unknown[0]!r}; remove it")
    for name, each in known.items():
        required = each.default is MISSING and each.default_factory is MISSING
        if required and name not in document:
            raise ProblemError("bad_document", where, f"key {name!r} is missing; add it")
    return kind(**document)


def need_object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ProblemError("bad_document", where, f"must be an object, not {type(value).__name__}")
    return value


def need_list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ProblemError("bad_document", where, f"must be a list, not {type(value).__name__}")
    return value


def to_text(document: Mapping[str, Any]) -> str:
    """Return the document in one fixed form: sorted keys, no spaces, UTF-8 left as it is."""
    return json.dumps(
        document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def from_text(text: str | bytes, where: str) -> dict[str, Any]:
    """Parse a JSON object strictly: no floats, no NaN, no duplicate keys."""

    def refuse(number: str) -> Any:
        raise ProblemError(
            "bad_document", where, f"{number} is not an integer; write whole numbers"
        )

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ProblemError("bad_document", where, "an object has the same key twice; keep one")
        return result

    try:
        parsed = json.loads(
            text, parse_float=refuse, parse_constant=refuse, object_pairs_hook=unique
        )
    except ProblemError:
        raise
    except (ValueError, RecursionError) as error:
        raise ProblemError(
            "bad_document", where, f"is not JSON ({error}); send one JSON object"
        ) from error
    return dict(need_object(parsed, where))
