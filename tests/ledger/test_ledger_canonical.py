"""A record has one form in bytes, and only that form is read back."""

import hashlib
import json
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import MAX_INTEGER, NotCanonical, canonicalize, digest, nfc, parse

texts = st.text().filter(lambda text: unicodedata.is_normalized("NFC", text))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
records = st.dictionaries(texts, values, max_size=6)


@given(records)
def test_bytes_read_back_are_the_record_and_the_same_bytes(record: dict[str, Any]) -> None:
    data = canonicalize(record)
    assert parse(data) == json.loads(data) == record
    assert canonicalize(parse(data)) == data


@given(records)
def test_the_order_of_keys_does_not_matter(record: dict[str, Any]) -> None:
    assert canonicalize(dict(reversed(record.items()))) == canonicalize(record)


def test_rfc_8785_section_3_2_3_orders_keys_by_utf_16() -> None:
    record = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\u05d3\u05bc": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonicalize(record)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Hebrew Letter Dalet With Dagesh",
        "Euro Sign",
        "Emoji: Grinning Face",
    ]


def test_rfc_8785_section_3_2_2_writes_literals_and_texts() -> None:
    # The RFC's example, less its numbers: a record has no floats.
    record = {
        "string": "\u20ac$\u000f\nA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonicalize(record).hex() == (
        '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode().hex()
    )


def test_rfc_8785_appendix_b_numbers_are_the_librarys_business() -> None:
    # Should a float ever be let in, the library writes it as the RFC says.
    assert rfc8785.dumps([333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001]) == (
        b"[333333333.3333333,1e+30,4.5,0.002,1e-27]"
    )


def test_the_digest_is_sha_256_of_the_bytes() -> None:
    assert digest(b"abc") == hashlib.sha256(b"abc").digest()


@pytest.mark.parametrize("value", [0.0, 1.5, float("nan"), float("inf"), -0.0])
def test_a_float_is_refused_where_it_stands(value: Any) -> None:
    with pytest.raises(NotCanonical, match=r"record\.needs\[1\]\.quantity: .* is a float"):
        canonicalize({"needs": [{}, {"quantity": value}]})


@pytest.mark.parametrize("value", [MAX_INTEGER + 1, -MAX_INTEGER - 1, 10**40])
def test_an_integer_beyond_javascripts_is_refused_with_the_mend(value: int) -> None:
    with pytest.raises(NotCanonical, match="write it as text"):
        canonicalize({"quantity": value})


@pytest.mark.parametrize(
    "value",
    [b"bytes", Decimal("1.5"), datetime(2020, 2, 1, tzinfo=UTC), object(), {1, 2}, (n for n in "")],
)
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical, match="isn't a JSON type"):
        canonicalize({"value": value})


def test_a_key_that_is_not_text_is_refused() -> None:
    with pytest.raises(NotCanonical, match="isn't text"):
        canonicalize({"sites": {7: "Wuhan"}})  # type: ignore[dict-item]


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(NotCanonical, match="surrogate"):
        canonicalize({"name": "\ud800"})


@pytest.mark.parametrize("record", [{"name": "e\u0301"}, {"e\u0301": 1}])
def test_text_that_is_not_nfc_is_refused_with_the_mend(record: dict[str, Any]) -> None:
    with pytest.raises(NotCanonical, match=r"nfc\(\)"):
        canonicalize(record)
    canonicalize(nfc(record))  # type: ignore[arg-type]


def test_a_text_enum_is_its_value() -> None:
    class Priority(str, Enum):  # noqa: UP042 — the older kind, whose str() is its name
        STAT = "stat"

    assert canonicalize({"priority": Priority.STAT}) == b'{"priority":"stat"}'


def test_nesting_without_end_is_refused() -> None:
    record: dict[str, Any] = {}
    for _ in range(100_000):
        record = {"in": record}
    with pytest.raises(NotCanonical, match="nested too deeply"):
        canonicalize(record)


@pytest.mark.parametrize("depth", [500, 900, 5_000, 100_000])
def test_deep_bytes_are_read_or_refused_but_never_crash(depth: int) -> None:
    with suppress(NotCanonical):
        parse(b'{"a":' * depth + b"1" + b"}" * depth)


@given(st.dictionaries(st.text(), st.text(), max_size=4))
def test_nfc_makes_records_that_have_bytes(record: dict[str, str]) -> None:
    try:
        normalised = nfc(record)
    except NotCanonical:
        return  # two keys became one
    assert isinstance(normalised, dict)
    canonicalize(normalised)


def test_nfc_refuses_keys_that_become_one() -> None:
    with pytest.raises(NotCanonical, match="two keys"):
        nfc({"\u00e9": 1, "e\u0301": 2})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"a":1,"a":1}', "stands twice"),
        (b'{"a":{"b":1,"b":2}}', "stands twice"),
        (b'{"a": 1}', "canonical form"),
        (b'{"a":1}\n', "canonical form"),
        (b'{"b":1,"a":2}', "canonical form"),
        (b'{"a":"\\u0041"}', "canonical form"),
        (b'{"a":-0}', "canonical form"),
        (b'{"a":1.0}', "float"),
        (b'{"a":1e2}', "float"),
        (b'{"a":NaN}', "float"),
        (b'{"a":-Infinity}', "float"),
        (b'{"a":9007199254740992}', "write it as text"),
        (b'{"a":' + b"9" * 5_000_000 + b"}", "write it as text"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":1}{}', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"a":"e\u0301"}'.encode(), "normal form"),
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(NotCanonical, match=why):
        parse(data)


@given(records, st.data())
def test_a_flipped_bit_never_reads_as_the_same_record(
    record: dict[str, Any], data: st.DataObject
) -> None:
    written = bytearray(canonicalize(record))
    written[data.draw(st.integers(0, len(written) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(NotCanonical):
        assert parse(bytes(written)) != record
