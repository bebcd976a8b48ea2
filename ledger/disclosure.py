"""Fields that a record commits to without showing them, in the manner of RFC 9901 (SD-JWT).

The record holds digests only. A disclosure is the text that opens one of them. Its salt comes from
the record's own secret key, so deleting the key and the value erases the field for good, while the
record, its leaf and every proof stay as they are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import rfc8785

from ledger.canonical import JsonValue, canonicalize

KEY_SIZE = 32

# Fewer digests than this would tell how many of a handful of fields were filled in.
FEWEST_DIGESTS = 4


class DisclosureRefused(ValueError):
    """A disclosure that is malformed, or that opens none of the digests at hand."""


@dataclass(frozen=True)
class Concealed:
    """What a record shows of its hidden fields, and what opens each of them.

    `digests` are base64url texts, sorted, decoys among them: their order and number tell nothing.
    `disclosures` maps a field's name to the text that opens it; it never enters a public record.
    """

    digests: tuple[str, ...]
    disclosures: dict[str, str]


def conceal(record_key: bytes, fields: Mapping[str, JsonValue]) -> Concealed:
    """Hide the fields of one record behind salted digests.

    The same key and fields give the same result. Decoys fill the digests up to a power of two, at
    least `FEWEST_DIGESTS`; no fields give no digests.

    Raises:
        ValueError: the key isn't 32 bytes.
        NotCanonical: a value has no canonical JSON.

    """
    if len(record_key) != KEY_SIZE:
        raise ValueError(f"a record's key has {KEY_SIZE} bytes, not {len(record_key)}")
    canonicalize(fields)
    disclosures = {name: _disclosure(record_key, name, fields[name]) for name in sorted(fields)}
    digests = [disclosure_digest(text) for text in disclosures.values()]
    digests += _decoys(record_key, _padded(len(digests)) - len(digests))
    return Concealed(tuple(sorted(digests)), disclosures)


def verify_disclosure(disclosure: str, digests: Collection[str]) -> tuple[str, JsonValue]:
    """The name and value of a field, once its disclosure is seen to open one of a record's digests.

    Raises:
        DisclosureRefused: it opens none of them, or isn't `[salt, name, value]` in base64url.

    """
    if disclosure_digest(disclosure) not in digests:
        raise DisclosureRefused("this disclosure opens none of the record's digests")
    try:
        content = json.loads(_from_base64url(disclosure))
    except (ValueError, RecursionError) as error:
        raise DisclosureRefused(f"the disclosure isn't JSON in base64url ({error})") from error
    match content:
        case [str(), str(name), value]:
            return name, value
        case _:
            raise DisclosureRefused("a disclosure is a list of salt, name and value")


def disclosure_digest(disclosure: str) -> str:
    """RFC 9901, section 4.2.3: base64url of the SHA-256 of the disclosure's text."""
    return _to_base64url(hashlib.sha256(disclosure.encode("utf-8")).digest())


def _disclosure(record_key: bytes, name: str, value: JsonValue) -> str:
    salt = _to_base64url(_derive(record_key, _path(name)))
    # rfc8785 alone, not canonicalize: a disclosure is a list, and a record is an object.
    return _to_base64url(rfc8785.dumps([salt, name, value]))


def _decoys(record_key: bytes, count: int) -> list[str]:
    # No path starts without a slash, so a decoy can't meet a salt.
    texts = (_to_base64url(_derive(record_key, f"decoy {number}")) for number in range(count))
    return [disclosure_digest(text) for text in texts]


def _derive(record_key: bytes, purpose: str) -> bytes:
    return hmac.digest(record_key, purpose.encode("utf-8"), "sha256")


def _path(name: str) -> str:
    """The field's JSON pointer (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _padded(count: int) -> int:
    if count == 0:
        return 0
    return max(FEWEST_DIGESTS, 1 << (count - 1).bit_length())


def _to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _from_base64url(text: str) -> bytes:
    try:
        data = text.encode("ascii")
        return base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise DisclosureRefused(f"not base64url ({error})") from error
