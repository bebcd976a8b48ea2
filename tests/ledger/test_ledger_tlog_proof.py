"""C2SP tlog-proof texts: what is written is read, and every mutation of one is refused."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint, merkle
from ledger.checkpoint import Checkpoint, NoteRefused, VerifierKey
from ledger.proof import ChainEvidence
from ledger.tlog_proof import (
    ProofTextRefused,
    TlogProof,
    decode,
    evidence_bytes,
    read_evidence,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VERIFIER = VerifierKey("relief.example", KEY.public_key())
RECORDS = [f"record {number}".encode() for number in range(11)]
HASHES = [merkle.leaf_hash(record) for record in RECORDS]
EVIDENCE = ChainEvidence(31337, "0x" + "Ab" * 20, 7, b"\x01" * 32, b"\x02" * 32)


def proof(index: int = 6, size: int = 11, extra: bytes | None = None) -> TlogProof:
    head = Checkpoint("relief.example/log", size, merkle.root(HASHES[:size]))
    note = checkpoint.sign(head, VERIFIER.name, KEY)
    return TlogProof(index, merkle.inclusion_proof(HASHES, index, size), note, extra)


TEXT = proof().encode()
FULL = proof(extra=b"age-v1.2.1").encode()


def test_a_proof_is_laid_out_as_the_specification_says() -> None:
    lines = FULL.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == "extra " + base64.b64encode(b"age-v1.2.1").decode()
    assert lines[2] == "index 6"
    assert [base64.b64decode(line) for line in lines[3:7]] == list(proof().path)
    assert lines[7] == ""
    assert FULL.endswith("\n\n" + proof().note)
    assert TEXT.split("\n")[1] == "index 6"


@given(st.integers(0, 10), st.integers(1, 11), st.none() | st.binary(min_size=1))
def test_what_is_written_is_read_and_true(index: int, size: int, extra: bytes | None) -> None:
    index %= size
    one = proof(index, size, extra)
    read = decode(one.encode())
    assert read == one
    assert read.verify(RECORDS[index], VERIFIER).size == size


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("\n aA0+/=—\x00\r9zé"))
def test_no_changed_character_passes(at: int, character: str) -> None:
    changed = TEXT[:at] + character + TEXT[at + 1 :]
    if changed == TEXT:
        return
    with pytest.raises((ProofTextRefused, NoteRefused, merkle.ProofRefused)):
        decode(changed).verify(RECORDS[6], VERIFIER)


@pytest.mark.parametrize("at", range(len(TEXT)))
def test_no_missing_and_no_doubled_character_passes(at: int) -> None:
    for changed in (TEXT[:at] + TEXT[at + 1 :], TEXT[:at] + TEXT[at] + TEXT[at:], TEXT[:at]):
        if changed != TEXT:
            with pytest.raises((ProofTextRefused, NoteRefused, merkle.ProofRefused)):
                decode(changed).verify(RECORDS[6], VERIFIER)


@pytest.mark.parametrize("index", [0, 5, 7, 10])
def test_another_record_or_index_does_not_pass(index: int) -> None:
    with pytest.raises(merkle.RootMismatch):
        proof().verify(RECORDS[index], VERIFIER)


def test_a_proof_for_another_size_does_not_pass() -> None:
    # Of leaf 0, the trees of 7 and of 8 leaves have paths of one length.
    seven, eight = proof(0, 7), proof(0, 8)
    mixed = TlogProof(0, seven.path, eight.note)
    with pytest.raises(merkle.RootMismatch):
        decode(mixed.encode()).verify(RECORDS[0], VERIFIER)


def test_a_checkpoint_of_another_key_does_not_pass() -> None:
    other = VerifierKey("relief.example", Ed25519PrivateKey.generate().public_key())
    with pytest.raises(NoteRefused, match="carries no signature"):
        decode(TEXT).verify(RECORDS[6], other)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no empty line"),
        (TEXT.replace("@v1", "@v2"), "first line"),
        ("\ufeff" + TEXT, "first line"),
        (TEXT.replace("\n", "\r\n"), "no empty line"),
        (TEXT.replace("index 6\n", ""), "line after the head"),
        (TEXT.replace("index 6", "index 06"), "line after the head"),
        (TEXT.replace("index 6", "index +6"), "line after the head"),
        (TEXT.replace("index 6", "index  6"), "line after the head"),
        (TEXT.replace("index 6", "index -1"), "line after the head"),
        (TEXT.replace("index 6", "index ٦"), "line after the head"),
        (TEXT.replace("index 6", "index " + "9" * 20), "line after the head"),
        (TEXT.replace("index 6", "index 11"), "has no leaf 11"),
        (TEXT.replace("index 6", "index 10"), "a path of"),
        (TEXT.replace("index 6", "index 6\nextra YQ=="), "the path"),
        (TEXT.replace("index 6", "extra \nindex 6"), "extra"),
        (TEXT.replace("index 6", "extra YR==\nindex 6"), "canonical"),
        (TEXT.replace("index 6", "extra YQ==\nextra YQ==\nindex 6"), "line after the head"),
        (TEXT.replace("index 6", "index 6\nYQ=="), "32 bytes"),
        (TEXT.replace("index 6\n", "index 6\n" + "A" * 43 + "=\n" * 64), "not base64|at most"),
        (TEXT.replace("index 6\n", "index 6\n" + ("A" * 43 + "=\n") * 64), "at most"),
        (TEXT.replace("relief.example/log\n11\n", "relief.example/log\n0\n"), "has no leaf"),
        (TEXT.replace("relief.example/log\n", ""), "the checkpoint"),
        (TEXT.removesuffix("\n"), "the checkpoint"),
    ],
)
def test_a_text_that_is_no_proof_is_refused_by_line(text: str, why: str) -> None:
    with pytest.raises(ProofTextRefused, match=why):
        decode(text)


@pytest.mark.parametrize(
    "wrong",
    [
        TlogProof(-1, proof().path, proof().note),
        TlogProof(6, proof().path[1:], proof().note),
        TlogProof(6, (b"short", *proof().path[1:]), proof().note),
        TlogProof(6, proof().path, "no note"),
        TlogProof(6, proof().path, proof().note, extra=b""),
    ],
)
def test_what_would_not_be_read_is_not_written(wrong: TlogProof) -> None:
    with pytest.raises(ProofTextRefused):
        wrong.encode()


@given(st.text())
def test_noise_is_refused_and_nothing_else_happens(noise: str) -> None:
    with pytest.raises(ProofTextRefused):
        decode(noise)


def test_the_chains_evidence_rides_along() -> None:
    read = decode(proof(extra=evidence_bytes(EVIDENCE)).encode())
    assert read.extra is not None
    assert read_evidence(read.extra) == EVIDENCE


GOOD = evidence_bytes(EVIDENCE)


@pytest.mark.parametrize(
    "extra",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"chain":null}',
        b'{"chain":{}}',
        b"[" * 100_000,
        GOOD + b" ",
        GOOD.replace(b'"31337"', b"31337"),
        GOOD.replace(b'"31337"', b'"031337"'),
        GOOD.replace(b"01" * 32, b"01" * 31),
        GOOD.replace(b"01" * 32, b"zz" * 32),
        GOOD.replace(b'"chain":{', b'"chain":{"a":1,'),
        GOOD[:-1] + b',"more":1}',
    ],
)
def test_an_extra_line_of_another_shape_is_refused(extra: bytes) -> None:
    with pytest.raises(ProofTextRefused, match="extra"):
        read_evidence(extra)
