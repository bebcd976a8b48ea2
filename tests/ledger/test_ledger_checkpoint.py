"""Signed notes: the public example, our own, and forgeries."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint
from ledger.checkpoint import Checkpoint, NoteRefused, VerifierKey, WitnessKey
from ledger.merkle import EMPTY_ROOT

# The example of the signed-note format, as its Go implementation publishes it.
PUBLIC_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLIC_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PUBLIC_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PUBLIC_NOTE = (
    PUBLIC_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

ORIGIN = "relief.example/log"
# The cosigned checkpoint of C2SP tlog-cosignature; its witness's key isn't published.
PUBLIC_COSIGNED = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2"
    "q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2o"
    "yin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VERIFIER = VerifierKey("relief.example", KEY.public_key())
HEAD = Checkpoint(ORIGIN, 1234, EMPTY_ROOT)
NOTE = checkpoint.sign(HEAD, "relief.example", KEY)


def test_the_public_example_verifies() -> None:
    verifier = VerifierKey.decode(PUBLIC_VKEY)
    assert verifier.encode() == PUBLIC_VKEY
    assert checkpoint.verify_note(PUBLIC_NOTE, verifier) == PUBLIC_TEXT


def test_the_public_example_is_what_its_key_signs() -> None:
    key = Ed25519PrivateKey.from_private_bytes(PUBLIC_SEED)
    assert checkpoint.sign_note(PUBLIC_TEXT, "PeterNeumann", key) == PUBLIC_NOTE


def test_a_checkpoint_has_three_lines_and_a_signature() -> None:
    lines = NOTE.split("\n")
    assert lines[:4] == [ORIGIN, "1234", base64.b64encode(EMPTY_ROOT).decode(), ""]
    assert lines[4].startswith("— relief.example ")
    assert lines[5:] == [""]


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_what_is_read(size: int, root: bytes) -> None:
    head = Checkpoint(ORIGIN, size, root)
    note = checkpoint.sign(head, "relief.example", KEY)
    assert checkpoint.parse(note) == checkpoint.verify(note, VERIFIER) == head


def test_a_witnesss_signature_beside_ours_is_passed_over() -> None:
    witness = Ed25519PrivateKey.generate()
    line = checkpoint.sign_note(HEAD.body(), "witness.example", witness).rpartition("\n\n")[2]
    assert checkpoint.verify(NOTE + line, VERIFIER) == HEAD
    both = NOTE.replace("\n\n", "\n\n" + line)
    assert checkpoint.verify(both, VERIFIER) == HEAD


def test_a_further_line_of_a_checkpoint_is_signed_and_passed_over() -> None:
    note = checkpoint.sign_note(HEAD.body() + "a later extension\n", "relief.example", KEY)
    assert checkpoint.verify(note, VERIFIER) == HEAD


def test_a_note_that_we_did_not_sign_is_refused() -> None:
    other = VerifierKey("relief.example", Ed25519PrivateKey.generate().public_key())
    with pytest.raises(NoteRefused, match="carries no signature"):
        checkpoint.verify(NOTE, other)


def test_our_key_under_another_name_is_refused() -> None:
    with pytest.raises(NoteRefused, match="carries no signature"):
        checkpoint.verify(NOTE, VerifierKey("other.example", KEY.public_key()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1234", "1235"),
        ("1234", "12345"),
        (ORIGIN, "relief.example/other"),
        (HEAD.body(), HEAD.body() + "more\n"),
    ],
)
def test_a_changed_text_is_refused(old: str, new: str) -> None:
    with pytest.raises(NoteRefused, match="doesn't match"):
        checkpoint.verify(NOTE.replace(old, new, 1), VERIFIER)


@given(st.integers(0, len(NOTE) - 1), st.characters())
def test_no_changed_character_passes(at: int, character: str) -> None:
    forged = NOTE[:at] + character + NOTE[at + 1 :]
    if forged == NOTE:
        return
    with pytest.raises((NoteRefused, UnicodeEncodeError)):
        checkpoint.verify(forged, VERIFIER)


@given(st.integers(0, len(NOTE) - 1))
def test_no_part_of_a_note_passes(length: int) -> None:
    with pytest.raises(NoteRefused):
        checkpoint.verify(NOTE[:length], VERIFIER)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_changed_line_ends_are_told_as_such(end: str) -> None:
    with pytest.raises(NoteRefused, match="line ends were changed"):
        checkpoint.verify(NOTE.replace("\n", end), VERIFIER)


def test_a_wrong_signature_of_ours_beside_a_right_one_is_refused() -> None:
    wrong = base64.b64encode(VERIFIER.key_id + bytes(64)).decode()
    with pytest.raises(NoteRefused, match="doesn't match"):
        checkpoint.verify(f"{NOTE}— relief.example {wrong}\n", VERIFIER)


@pytest.mark.parametrize(
    "size", ["01", "+1", "-1", "1.0", "1e3", "", " 1", "１", "9" * 19, "9" * 30]
)
def test_a_size_in_another_form_is_refused(size: str) -> None:
    note = checkpoint.sign_note(HEAD.body().replace("1234", size), "relief.example", KEY)
    with pytest.raises(NoteRefused):
        checkpoint.verify(note, VERIFIER)


@pytest.mark.parametrize("root", ["", "AAAA", "!", "A" * 43, "A" * 43 + "B"])
def test_a_root_in_another_form_is_refused(root: str) -> None:
    text = f"{ORIGIN}\n1\n{root}\n"
    note = checkpoint.sign_note(text, "relief.example", KEY)
    with pytest.raises(NoteRefused):
        checkpoint.verify(note, VERIFIER)


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "bell\a\n"])
def test_a_text_that_is_no_notes_text_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match="ends in a newline"):
        checkpoint.sign_note(text, "relief.example", KEY)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+c74f20a3",
        PUBLIC_VKEY.replace("c74f20a3", "c74f20a4"),
        PUBLIC_VKEY.replace("PeterNeumann", "PeterNewmann"),
        PUBLIC_VKEY.replace("ARpc", "ARpd"),
        PUBLIC_VKEY.replace("ARpc", "AhpC"),
        PUBLIC_VKEY[:-4],
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_verifier_key_in_another_form_is_refused(vkey: str) -> None:
    with pytest.raises(NoteRefused):
        VerifierKey.decode(vkey)


@pytest.mark.parametrize("name", ["", "two words", "plus+sign", "new\nline"])
def test_a_name_that_can_not_name_a_key_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="can't name a key"):
        VerifierKey(name, KEY.public_key())


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 0, EMPTY_ROOT), ("a\nb", 0, EMPTY_ROOT), (ORIGIN, -1, EMPTY_ROOT), (ORIGIN, 0, b"")],
)
def test_an_impossible_checkpoint_is_refused(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(ValueError, match=r"origin|size|root"):
        Checkpoint(origin, size, root)


WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
WITNESS_KEY = WitnessKey("witness.example/w1", WITNESS.public_key())
COSIGNED = NOTE + checkpoint.cosign(NOTE, WITNESS_KEY.name, WITNESS, 1679315147) + "\n"


def test_the_public_cosigned_checkpoint_is_read() -> None:
    head = checkpoint.parse(PUBLIC_COSIGNED)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    blob = base64.b64decode(PUBLIC_COSIGNED.rsplit(" ", maxsplit=1)[-1])
    # Key id, the time that the specification's example signs, and the signature.
    assert (int.from_bytes(blob[4:12], "big"), len(blob)) == (1679315147, 76)
    stranger = WitnessKey("witness.example.com/w1", WITNESS.public_key())
    with pytest.raises(NoteRefused, match="carries no cosignature"):
        checkpoint.verify_cosignature(PUBLIC_COSIGNED, stranger)


def test_a_cosignature_says_who_and_when_and_signs_the_specified_text() -> None:
    found = checkpoint.verify_cosignature(COSIGNED, WITNESS_KEY)
    assert (found.name, found.time_s) == ("witness.example/w1", 1679315147)
    assert COSIGNED.endswith(found.line + "\n")
    blob = base64.b64decode(found.line.split(" ")[-1])
    said = f"cosignature/v1\ntime 1679315147\n{HEAD.body()}"
    WITNESS.public_key().verify(blob[12:], said.encode())


def test_the_logs_own_signature_holds_with_a_cosignature_beside_it() -> None:
    assert checkpoint.verify(COSIGNED, VERIFIER) == HEAD


def test_the_newest_of_a_witnesss_cosignatures_counts() -> None:
    later = checkpoint.cosign(NOTE, WITNESS_KEY.name, WITNESS, 1679315148)
    for note in (COSIGNED + later + "\n", NOTE + later + "\n" + COSIGNED.removeprefix(NOTE)):
        assert checkpoint.verify_cosignature(note, WITNESS_KEY).time_s == 1679315148


def test_a_witnesss_key_reads_back_and_isnt_a_logs() -> None:
    assert WitnessKey.decode(WITNESS_KEY.encode()) == WITNESS_KEY
    with pytest.raises(NoteRefused, match="algorithm 0x01"):
        VerifierKey.decode(WITNESS_KEY.encode())
    with pytest.raises(NoteRefused, match="algorithm 0x04"):
        WitnessKey.decode(VERIFIER.encode())
    same_key = VerifierKey(WITNESS_KEY.name, WITNESS.public_key())
    assert same_key.key_id != WITNESS_KEY.key_id


@given(st.integers(0, 75), st.integers(0, 7))
def test_no_flipped_bit_of_a_cosignature_passes(at: int, bit: int) -> None:
    head, _, encoded = COSIGNED.rstrip("\n").rpartition(" ")
    blob = bytearray(base64.b64decode(encoded))
    blob[at] ^= 1 << bit
    forged = f"{head} {base64.b64encode(bytes(blob)).decode()}\n"
    with pytest.raises(NoteRefused):
        checkpoint.verify_cosignature(forged, WITNESS_KEY)


def test_a_cosignature_of_another_text_is_refused() -> None:
    other = checkpoint.sign(Checkpoint(ORIGIN, 1235, EMPTY_ROOT), "relief.example", KEY)
    with pytest.raises(NoteRefused, match="doesn't match"):
        checkpoint.verify_cosignature(other + COSIGNED.removeprefix(NOTE), WITNESS_KEY)


def test_a_plain_signature_under_a_witnesss_key_id_is_refused() -> None:
    blob = WITNESS_KEY.key_id + WITNESS.sign(HEAD.body().encode())
    line = f"— {WITNESS_KEY.name} {base64.b64encode(blob).decode()}\n"
    with pytest.raises(NoteRefused, match="isn't a time and"):
        checkpoint.verify_cosignature(NOTE + line, WITNESS_KEY)


@pytest.mark.parametrize("moment", [-1, 2**63])
def test_no_time_that_is_none_is_cosigned(moment: int) -> None:
    with pytest.raises(ValueError, match="no time"):
        checkpoint.cosign(NOTE, WITNESS_KEY.name, WITNESS, moment)


def test_what_is_no_checkpoint_is_not_cosigned() -> None:
    note = checkpoint.sign_note("one line\n", "relief.example", KEY)
    with pytest.raises(NoteRefused):
        checkpoint.cosign(note, WITNESS_KEY.name, WITNESS, 1)
