"""Receipts against what a reader kept: an older or a newer checkpoint, and witnesses."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint, merkle
from ledger.canonical import canonicalize
from ledger.checkpoint import Checkpoint, VerifierKey
from ledger.proof import ChainEvidence, Receipt
from ledger.verify import Level, Trust, Verdict, VerificationFailed, verify_receipt
from tests.ledger.memory_chain import MemoryChain

ORIGIN = "relief.example/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "relief.example"
VKEY = VerifierKey(NAME, KEY.public_key()).encode()
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
WITNESS_VKEY = checkpoint.WitnessKey("witness.example/w1", WITNESS.public_key()).encode()
LOG = {"origin": ORIGIN, "chain_id": "77", "contract": "0x" + "Ab" * 20}
RECORDS = [canonicalize({"log": LOG, "number": number}) for number in range(13)]
HASHES = [merkle.leaf_hash(record) for record in RECORDS]


def note(size: int, hashes: Sequence[bytes] = HASHES, origin: str = ORIGIN) -> str:
    return checkpoint.sign(
        Checkpoint(origin, size, merkle.root(hashes[:size])), "relief.example", KEY
    )


def receipt(index: int, size: int) -> Receipt:
    path = merkle.inclusion_proof(HASHES, index, size)
    return Receipt(RECORDS[index], index, size, path, merkle.root(HASHES[:size]), note(size))


def growth(before: int, after: int) -> Sequence[bytes]:
    return merkle.consistency_proof(HASHES, before, after)


def held(index: int, size: int, kept: str, **more: object) -> Verdict:
    trust = Trust(kept=kept, growth=growth)
    return verify_receipt(receipt(index, size), trust=Trust(**{**trust.__dict__, **more}))


@given(st.integers(0, 12), st.integers(1, 13), st.integers(1, 13))
def test_a_kept_checkpoint_speaks_for_what_it_holds_and_for_no_more(
    index: int, size: int, kept: int
) -> None:
    index %= size
    verdict = held(index, size, note(kept))
    assert (verdict.level == Level.CHECKPOINT) == (index < kept)
    assert any("no word on it" in line for line in verdict.checked) == (index >= kept)
    with_key = held(index, size, note(kept), vkey=VKEY)
    assert with_key.level == Level.CHECKPOINT


@pytest.mark.parametrize("size", [3, 9])
def test_without_the_proof_of_growth_it_says_that_the_kept_one_was_not_used(size: int) -> None:
    verdict = held(2, size, note(7), growth=None)
    assert verdict.level == Level.CONSISTENT
    assert any(line.startswith("NOT held against") for line in verdict.checked)


@pytest.mark.parametrize("kept", range(1, 14))
def test_a_fork_is_told(kept: int) -> None:
    """Record 0 was changed in the log of the kept checkpoint, or in that of the receipt."""
    other = [merkle.leaf_hash(b"another record"), *HASHES[1:]]
    for proofs in (HASHES, other):
        with pytest.raises(VerificationFailed, match=r"a fork|empty|too long"):
            held(
                2, 7, note(kept, other),
                growth=lambda b, a, h=proofs: merkle.consistency_proof(h, b, a),
            )  # fmt: skip


@given(st.integers(1, 12), st.data())
def test_no_flipped_bit_of_a_proof_of_growth_passes(before: int, data: st.DataObject) -> None:
    after = data.draw(st.integers(before + 1, 13))
    path = list(growth(before, after))
    which = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    path[which] = (int.from_bytes(path[which], "big") ^ (1 << bit)).to_bytes(32, "big")
    with pytest.raises(VerificationFailed, match="growth"):
        held(0, before, note(after), growth=lambda *_: path)


@given(st.integers(1, 12), st.data())
def test_no_proof_of_growth_of_another_length_passes(before: int, data: st.DataObject) -> None:
    after = data.draw(st.integers(before + 1, 13))
    path = list(growth(before, after))
    for wrong in (path[:-1], [*path, HASHES[0]], path * 3, []):
        with pytest.raises(VerificationFailed, match="growth"):
            held(0, after, note(before), growth=lambda *_, wrong=wrong: wrong)


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "no note",
        "one\ntwo\nthree\n",
        note(7, origin="other.example/log"),
        note(7).replace("\n7\n", "\n07\n"),
        note(7).replace("\n7\n", "\n-7\n"),
        note(7).replace("\n7\n", "\n٧\n"),
        note(7).replace("\n7\n", "\n7\nAAAA\n", 1),
        note(7, HASHES[1:]),
    ],
)
def test_a_kept_checkpoint_that_is_none_or_anothers_fails(kept: str) -> None:
    for key in (None, VKEY):
        with pytest.raises(VerificationFailed):
            held(2, 7, kept, vkey=key)


@pytest.mark.parametrize("key", [None, VKEY])
@pytest.mark.parametrize(
    "edited", [note(7).replace("\n", "\r\n"), note(7).replace("\n", "\r"), "\ufeff" + note(7)]
)
def test_a_checkpoint_that_an_editor_changed_is_told_as_such(edited: str, key: str | None) -> None:
    with pytest.raises(VerificationFailed, match=r"line ends were changed.*get it anew"):
        held(2, 7, edited, vkey=key)


def test_a_kept_checkpoint_that_the_key_did_not_sign_fails() -> None:
    forged = checkpoint.sign(
        Checkpoint(ORIGIN, 7, merkle.root(HASHES[:7])), "relief.example", WITNESS
    )
    assert held(2, 7, forged).level == Level.CHECKPOINT
    with pytest.raises(VerificationFailed, match="isn't signed"):
        held(2, 7, forged, vkey=VKEY)


def cosigned(size: int, moment: int = 1679315147) -> str:
    return note(size) + checkpoint.cosign(note(size), "witness.example/w1", WITNESS, moment) + "\n"


def witnessed(signed: str, *witnesses: str) -> Verdict:
    trust = Trust(kept=signed, growth=growth, witnesses=witnesses)
    return verify_receipt(receipt(2, 7), trust=trust)


def test_cosignatures_are_counted_and_named_with_their_time() -> None:
    line = "1 of 1 witnesses cosigned it: witness.example/w1 at 2023-03-20T12:25:47Z."
    assert line in witnessed(cosigned(7), WITNESS_VKEY).checked
    assert line in witnessed(cosigned(9), WITNESS_VKEY).checked


def test_a_witness_that_did_not_cosign_is_not_counted() -> None:
    other = Ed25519PrivateKey.generate().public_key()
    stranger = checkpoint.WitnessKey("witness.example/w1", other).encode()
    assert "0 of 1 witnesses cosigned it." in witnessed(note(7), WITNESS_VKEY).checked
    assert "0 of 1 witnesses cosigned it." in witnessed(cosigned(7), stranger).checked
    for again in (WITNESS_VKEY, f" {WITNESS_VKEY}\n"):
        told = witnessed(cosigned(7), WITNESS_VKEY, again).checked
        assert any(line.startswith("1 of 1 witnesses") for line in told)
    told = witnessed(cosigned(7), stranger, WITNESS_VKEY).checked
    assert any(line.startswith("1 of 2 witnesses") for line in told)


@given(st.integers(4, 75), st.integers(0, 7))
def test_no_flipped_bit_of_a_cosignature_passes(at: int, bit: int) -> None:
    line = checkpoint.cosign(note(7), "witness.example/w1", WITNESS, 1679315147)
    head, _, encoded = line.rpartition(" ")
    blob = bytearray(base64.b64decode(encoded))
    blob[at] ^= 1 << bit
    forged = note(7) + f"{head} {base64.b64encode(bytes(blob)).decode()}\n"
    with pytest.raises(VerificationFailed, match="witness"):
        witnessed(forged, WITNESS_VKEY)


@pytest.mark.parametrize("vkey", ["", "a+b+c", VKEY, WITNESS_VKEY[:-1]])
def test_a_witness_key_that_is_none_fails(vkey: str) -> None:
    with pytest.raises(VerificationFailed, match="vkey"):
        witnessed(cosigned(7), vkey)


def test_a_cosignature_of_another_tree_does_not_pass() -> None:
    line = checkpoint.cosign(note(8), "witness.example/w1", WITNESS, 1679315147)
    with pytest.raises(VerificationFailed, match="doesn't match"):
        witnessed(note(7) + line + "\n", WITNESS_VKEY)


def in_its_own_tree(record: dict[str, Any]) -> Receipt:
    """A receipt that is true in every way, of a record alone in a log of its own."""
    chain = MemoryChain()
    entry = canonicalize(record)
    put = chain.append(0, [merkle.leaf_hash(entry)])
    place = ChainEvidence(77, chain.address, put.block_number, put.block_hash, put.tx_hash)
    signed = checkpoint.sign(Checkpoint(ORIGIN, 1, put.root), NAME, KEY)
    return Receipt(entry, 0, 1, (), put.root, signed, place)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({}, "doesn't name its log"),
        ({"log": None}, "doesn't name its log"),
        ({"log": 7}, "doesn't name its log"),
        ({"log": {**LOG, "origin": 7}}, "doesn't name its log"),
        ({"log": {**LOG, "origin": "other.example/log"}}, "replayed from another log"),
        ({"log": {**LOG, "chain_id": "1"}}, "replayed from another log"),
        ({"log": {**LOG, "contract": "0x" + "12" * 20}}, "replayed from another log"),
    ],
)
def test_a_record_of_another_log_is_a_replay(record: dict[str, Any], why: str) -> None:
    with pytest.raises(VerificationFailed, match=why) as caught:
        verify_receipt(in_its_own_tree(record), vkey=VKEY)
    assert caught.value.check == "record"


def test_a_record_of_the_log_is_none() -> None:
    assert verify_receipt(in_its_own_tree({"log": LOG}), vkey=VKEY).level == Level.CHECKPOINT


def test_a_proof_for_a_lower_tree_does_not_pass_for_a_higher_one() -> None:
    root = merkle.root(HASHES[:8])
    kept = checkpoint.sign(Checkpoint(ORIGIN, 16, root), NAME, KEY)
    with pytest.raises(VerificationFailed, match="a fork"):
        held(2, 4, kept, growth=lambda *_: merkle.consistency_proof(HASHES, 4, 8))


def test_a_kept_checkpoint_of_another_log_by_the_same_key_fails() -> None:
    with pytest.raises(VerificationFailed, match=r"is of the log other\.example/log, not"):
        held(2, 7, note(7, origin="other.example/log"), vkey=VKEY)


def test_a_checkpoint_of_the_logs_next_key_says_where_its_change_is_told() -> None:
    newer = VerifierKey(NAME, WITNESS.public_key()).encode()
    with pytest.raises(VerificationFailed, match=f"this key of {NAME} but by another.*key_changes"):
        verify_receipt(receipt(2, 7), vkey=newer)


def test_a_receipt_with_a_field_too_many_is_none() -> None:
    text = json.dumps({**json.loads(receipt(2, 7).to_json()), "extra": 1})
    with pytest.raises(VerificationFailed, match="has no field 'extra'"):
        verify_receipt(text, vkey=VKEY)
