"""Hidden fields: what opens them, and what never does."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import NotCanonical
from ledger.disclosure import (
    FEWEST_DIGESTS,
    DisclosureRefused,
    conceal,
    disclosure_digest,
    verify_disclosure,
)

KEY = bytes(range(32))
FIELDS = {"donor_name": "王芳", "phone": "+86 27 5555 0101", "note": None}


def test_rfc_9901_section_4_2_3_gives_the_digest() -> None:
    disclosure = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    digest = "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    assert disclosure_digest(disclosure) == digest
    assert verify_disclosure(disclosure, {digest}) == ("family_name", "Möbius")


def test_each_disclosure_opens_its_field() -> None:
    hidden = conceal(KEY, FIELDS)
    opened = [verify_disclosure(text, hidden.digests) for text in hidden.disclosures.values()]
    assert dict(opened) == FIELDS


def test_the_same_key_and_fields_give_the_same_digests() -> None:
    assert conceal(KEY, FIELDS) == conceal(KEY, dict(reversed(FIELDS.items())))


def test_another_key_gives_quite_other_digests() -> None:
    other = conceal(b"\x01" * 32, FIELDS)
    assert not set(other.digests) & set(conceal(KEY, FIELDS).digests)


@given(st.dictionaries(st.text("abcdef/~", min_size=1), st.integers(0, 9), max_size=20))
def test_digests_come_sorted_in_a_power_of_two_and_never_fewer_than_four(
    fields: dict[str, int],
) -> None:
    digests = conceal(KEY, fields).digests
    assert list(digests) == sorted(set(digests))
    assert len(digests) == 0 if not fields else len(digests) >= FEWEST_DIGESTS
    assert len(digests) & (len(digests) - 1) == 0


def test_names_with_slashes_have_salts_of_their_own() -> None:
    hidden = conceal(KEY, {"a/b": 1, "a~1b": 1})
    salts = {json.loads(unpad(text))[0] for text in hidden.disclosures.values()}
    assert len(salts) == 2


def test_a_guessed_value_does_not_open_a_digest() -> None:
    hidden = conceal(KEY, {"donor_name": "王芳"})
    guess = base64.urlsafe_b64encode(json.dumps(["", "donor_name", "王芳"]).encode())
    with pytest.raises(DisclosureRefused):
        verify_disclosure(guess.decode().rstrip("="), hidden.digests)


def test_a_disclosure_of_another_record_is_refused() -> None:
    hidden = conceal(KEY, FIELDS)
    other = conceal(b"\x01" * 32, FIELDS)
    with pytest.raises(DisclosureRefused):
        verify_disclosure(other.disclosures["phone"], hidden.digests)


@given(st.data())
def test_no_changed_character_of_a_disclosure_passes(data: st.DataObject) -> None:
    hidden = conceal(KEY, FIELDS)
    text = hidden.disclosures["donor_name"]
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda character: character != text[at]))
    with pytest.raises((DisclosureRefused, UnicodeEncodeError)):
        verify_disclosure(text[:at] + other + text[at + 1 :], hidden.digests)


@pytest.mark.parametrize(
    "text", ["", "é", "====", "WyJhIl0", "e30", "WyJzYWx0IiwxLDJd", "WzEsIm5hbWUiLDJd", "x"]
)
def test_what_is_no_disclosure_is_refused_even_with_its_digest(text: str) -> None:
    with pytest.raises(DisclosureRefused):
        verify_disclosure(text, {disclosure_digest(text)})


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        conceal(b"k" * size, FIELDS)


def test_a_value_without_canonical_bytes_is_refused() -> None:
    with pytest.raises(NotCanonical):
        conceal(KEY, {"share": 0.5})  # type: ignore[dict-item]


def unpad(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
