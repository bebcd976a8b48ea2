"""What is signed on another machine: the bytes that docs/signatures.md gives, and no others."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import NotCanonical, canonicalize
from ledger.checkpoint import VerifierKey
from ledger.statement import SignatureRefused, read_key, sign_statement, verify_statement

PAGE = (Path(__file__).parents[2] / "docs" / "signatures.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```text example=([a-z-]+)\n(.*?)\n```", PAGE, re.DOTALL))
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey("DN42", PRIVATE.public_key())
PLEDGE: dict[str, Any] = json.loads(EXAMPLES["pledge"])
SIGNATURE = EXAMPLES["pledge-signature"]


@pytest.mark.parametrize("name", ["pledge", "receipt", "registration"])
def test_the_pages_bytes_and_signatures_are_these(name: str) -> None:
    said = json.loads(EXAMPLES[name])
    assert canonicalize(said).decode() == EXAMPLES[name]
    assert sign_statement(said, PRIVATE) == EXAMPLES[f"{name}-signature"]
    verify_statement(said, read_key(EXAMPLES["vkey"]), EXAMPLES[f"{name}-signature"])
    assert KEY.encode() == EXAMPLES["vkey"]


@given(st.integers(0, 64 * 8 - 1))
def test_no_flipped_bit_of_a_signature_passes(bit: int) -> None:
    data = bytearray(base64.b64decode(SIGNATURE))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureRefused):
        verify_statement(PLEDGE, KEY, base64.b64encode(data).decode())


@pytest.mark.parametrize("field", sorted(PLEDGE))
def test_no_changed_or_missing_field_passes(field: str) -> None:
    for said in ({**PLEDGE, field: "other"}, {k: v for k, v in PLEDGE.items() if k != field}):
        with pytest.raises(SignatureRefused, match="isn't this key's signature"):
            verify_statement(said, KEY, SIGNATURE)


def test_another_key_did_not_sign_it() -> None:
    other = VerifierKey("DN42", Ed25519PrivateKey.from_private_bytes(b"\x07" * 32).public_key())
    with pytest.raises(SignatureRefused):
        verify_statement(PLEDGE, other, SIGNATURE)


@pytest.mark.parametrize(
    "text", ["", "x", SIGNATURE[:-1], SIGNATURE + "\n", " " + SIGNATURE, SIGNATURE * 2, "é", "AA=="]
)
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(SignatureRefused, match="base64"):
        verify_statement(PLEDGE, KEY, text)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "DN42",
        KEY.encode() + "\n",
        " " + KEY.encode(),
        KEY.encode().replace("DN42", "DN43"),
        KEY.encode().replace("972310b3", "972310b4"),
        KEY.encode()[:-4],
        KEY.encode().replace("AQOh", "AgOh"),
    ],
)
def test_what_is_no_key_is_refused(vkey: str) -> None:
    with pytest.raises(SignatureRefused, match="key"):
        read_key(vkey)


SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    *(f"{first}{'ff' * 30}7f" for first in ("ec", "ed", "ee")),
]


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_that_binds_nobody_is_refused(point: str, sign: int) -> None:
    data = bytearray.fromhex(point)
    data[-1] |= sign
    key = VerifierKey("DN42", Ed25519PublicKey.from_public_bytes(bytes(data)))
    with pytest.raises(SignatureRefused, match="any signature"):
        read_key(key.encode())


def test_the_point_of_order_one_would_have_signed_everything() -> None:
    neutral = int.to_bytes(1, 32, "little")
    key = VerifierKey("DN42", Ed25519PublicKey.from_public_bytes(neutral))
    signature = base64.b64encode(neutral + bytes(32)).decode()
    for said in (PLEDGE, {"anything": "else"}):
        verify_statement(said, key, signature)


def test_what_has_no_canonical_bytes_is_not_signed() -> None:
    with pytest.raises(NotCanonical):
        sign_statement({"quantity": 0.5}, PRIVATE)  # type: ignore[dict-item]
