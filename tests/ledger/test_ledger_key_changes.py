"""The log's key handed on from one to the next, as a stranger with the first key follows it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint, merkle, verify
from ledger.canonical import JsonValue, canonicalize
from ledger.checkpoint import Checkpoint, VerifierKey, sign_note
from ledger.proof import Receipt
from ledger.verify import Level, Trust, Verdict, VerificationFailed, verify_dump, verify_receipt
from services.jobs.keys import last_word
from tests.ledger.memory_chain import MemoryChain

ORIGIN = "relief.example/log"
OTHER = "other.example/log"
LOG = {"origin": ORIGIN, "chain_id": "77", "contract": "0x" + "Ab" * 20}
# The first key signs up to 4 leaves, the second up to 9, the third from then on.
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 5)]
SIZES = (4, 9)


def vkey(number: int, name: str = ORIGIN) -> str:
    return VerifierKey(name, KEYS[number].public_key()).encode()


def record(number: int, kind: str = "plan", facts: dict[str, str] | None = None) -> bytes:
    fields: dict[str, JsonValue] = {"id": f"e{number}", "kind": kind, "facts": facts, "log": LOG}
    return canonicalize({**fields, "lots": [], "moves": [], "reverses": None})


def rotation(number: int, old: str, new: str, key: str = "log") -> bytes:
    return record(number, "key_rotated", {"key": key, "old": old, "new": new})


RECORDS = [record(number) for number in range(13)]
RECORDS[3] = rotation(3, vkey(0), vkey(1))
RECORDS[7] = rotation(7, vkey(1), vkey(2))
HASHES = [merkle.leaf_hash(each) for each in RECORDS]


def word(size: int, old: int, new: int, origin: str = ORIGIN) -> str:
    return sign_note(last_word(origin, size, vkey(new)), ORIGIN, KEYS[old])


CHANGES = (word(4, 0, 1), word(9, 1, 2))
# The neutral point: anybody can sign anything with it.
NOBODYS = VerifierKey(ORIGIN, Ed25519PublicKey.from_public_bytes(b"\x01" + bytes(31))).encode()


def key_of(size: int) -> int:
    return sum(size > above for above in SIZES)


def note(size: int, key: int, origin: str = ORIGIN) -> str:
    root = merkle.root(HASHES[:size])
    return checkpoint.sign(Checkpoint(origin, size, root), ORIGIN, KEYS[key])


def receipt(index: int, size: int, key: int | None = None, origin: str = ORIGIN) -> Receipt:
    signed = note(size, key_of(size) if key is None else key, origin)
    path = merkle.inclusion_proof(HASHES, index, size)
    return Receipt(RECORDS[index], index, size, path, merkle.root(HASHES[:size]), signed)


def growth(before: int, after: int) -> Sequence[bytes]:
    return merkle.consistency_proof(HASHES, before, after)


def followed(shown: Receipt, *changes: str, start: int = 0, kept: str | None = None) -> Verdict:
    trust = Trust(vkey=vkey(start), key_changes=changes, kept=kept, growth=growth)
    return verify_receipt(shown, trust=trust)


@given(st.integers(1, 13), st.integers(0, 12))
def test_every_checkpoint_is_its_keys_from_the_first_key_on(size: int, index: int) -> None:
    verdict = followed(receipt(index % size, size), *CHANGES)
    assert verdict.reached == {Level.CHECKPOINT}
    assert verdict.is_whole
    assert "At 4 leaves" in verdict.checked[0]
    assert "At 9 leaves" in verdict.checked[1]


@given(st.integers(1, 13), st.integers(0, 2))
def test_no_checkpoint_is_another_keys_than_that_of_its_size(size: int, key: int) -> None:
    if key == key_of(size):
        return
    with pytest.raises(VerificationFailed) as caught:
        followed(receipt(0, size, key), *CHANGES)
    assert caught.value.check == "checkpoint"
    words = "an old key" if key < key_of(size) else "Take it for forged"
    assert words in caught.value.why


@pytest.mark.parametrize("size", [4, 9])
def test_a_checkpoint_at_the_size_of_a_change_is_the_old_keys(size: int) -> None:
    old = SIZES.index(size)
    followed(receipt(0, size, old), *CHANGES)
    followed(receipt(0, size + 1, old + 1), *CHANGES)
    for wrong in (receipt(0, size, old + 1), receipt(0, size + 1, old)):
        with pytest.raises(VerificationFailed, match="checkpoint"):
            followed(wrong, *CHANGES)


@given(st.integers(1, 13), st.integers(1, 13))
def test_the_log_grew_from_a_checkpoint_of_one_key_into_that_of_another(
    kept: int, size: int
) -> None:
    verdict = followed(receipt(0, size), *CHANGES, kept=note(kept, key_of(kept)))
    assert (verdict.level, verdict.is_whole) == (Level.CHECKPOINT, True)
    for key in {0, 1, 2} - {key_of(kept)}:
        with pytest.raises(VerificationFailed, match="the one that you kept has"):
            followed(receipt(0, size), *CHANGES, kept=note(kept, key))


def test_a_dump_is_held_against_a_checkpoint_of_a_later_key() -> None:
    trust = Trust(vkey=vkey(0), key_changes=CHANGES, kept=note(13, 2))
    assert verify_dump(dump(RECORDS), trust=trust).reached == {Level.CHECKPOINT, Level.DUMP}
    with pytest.raises(VerificationFailed, match="by another: where the log changed its key"):
        verify_dump(dump(RECORDS), trust=Trust(vkey=vkey(0), kept=note(13, 2)))


def dump(records: Sequence[bytes]) -> list[bytes]:
    return [
        json.dumps({"index": index, "record": each.decode()}).encode()
        for index, each in enumerate(records)
    ]


@pytest.mark.parametrize(
    ("at", "instead"),
    [
        (7, record(7)),
        (7, rotation(7, vkey(0), vkey(2))),
        (7, rotation(7, vkey(1), vkey(3))),
        (7, rotation(7, vkey(1), vkey(2), "submitter")),
        (3, record(3)),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_a_change_that_the_log_itself_does_not_tell_in_time_is_refused(
    at: int, instead: bytes, late: bool
) -> None:
    records = [*RECORDS]
    records[at] = instead
    if late:
        records[9] = rotation(9, vkey(key_of(at)), vkey(key_of(at) + 1))
    chain = MemoryChain()
    chain.append(0, [merkle.leaf_hash(each) for each in records])
    trust = Trust(vkey=vkey(0), key_changes=CHANGES, chain=chain)
    with pytest.raises(VerificationFailed, match="records don't tell that the log's key"):
        verify_dump(dump(records), trust=trust)


def test_a_change_later_than_the_counted_records_is_not_looked_for() -> None:
    records = [*RECORDS[:7], record(7), *RECORDS[8:]]
    trust = Trust(vkey=vkey(0), key_changes=CHANGES, kept=note(6, 1))
    assert verify_dump(dump(records), trust=trust).tree_size == 6


def test_who_knew_a_later_key_begins_with_the_change_after_it() -> None:
    followed(receipt(0, 12), CHANGES[1], start=1)
    followed(receipt(0, 12), start=2)
    # Who knows only the second key knows nothing of who came before it.
    with pytest.raises(VerificationFailed, match="--vkey the key that you knew first"):
        followed(receipt(0, 3), CHANGES[1], start=1)
    # The log's page gives them all: those before the reader's own key are passed over.
    followed(receipt(0, 12), *CHANGES, start=1)
    followed(receipt(0, 12), *CHANGES, start=2)
    with pytest.raises(VerificationFailed, match="--vkey the key that you knew first"):
        followed(receipt(0, 3), *CHANGES, start=1)
    with pytest.raises(VerificationFailed, match="begin with what your --vkey signed"):
        followed(receipt(0, 12), word(4, 0, 3), *CHANGES, start=3, kept=None)


def test_no_change_is_passed_over_that_the_readers_own_key_signed() -> None:
    with pytest.raises(VerificationFailed, match="has or had"):
        followed(receipt(0, 3), CHANGES[0], word(9, 1, 0))


def test_a_checkpoint_by_an_unknown_key_says_where_the_change_is_told_and_how_to_give_it() -> None:
    for changes, size in (((), 5), (CHANGES[:1], 10)):
        with pytest.raises(VerificationFailed) as caught:
            followed(receipt(0, size), *changes)
        for part in ("by another", "`key_changes`", "/api/v1/audit/log", "--key-change"):
            assert part in caught.value.why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ((CHANGES[1], CHANGES[0]), "1: it isn't signed by"),
        ((CHANGES[1],), "1: it isn't signed by"),
        ((CHANGES[0], CHANGES[0]), "2: it is by a key that has handed over"),
        ((*CHANGES, CHANGES[0]), "3: it is by a key that has handed over"),
        ((word(4, 1, 1),), "1: it isn't signed by"),  # the new key's word for itself
        ((word(4, 3, 1),), "1: it isn't signed by"),  # a stranger's
        ((CHANGES[0], word(9, 0, 2)), "2: it is by a key that has handed over"),
        ((word(4, 0, 0),), "a key that the log has or had"),
        ((CHANGES[0], word(9, 1, 0)), "a key that the log has or had"),
        ((CHANGES[0], word(4, 1, 2)), "at 4 leaves, the change before it at 4"),
        ((CHANGES[0], word(3, 1, 2)), "at 3 leaves, the change before it at 4"),
        ((word(0, 0, 1),), "isn't the origin"),
        ((CHANGES[0], word(9, 1, 2, OTHER)), "2: it is of the log other.*, not relief"),
        ((CHANGES[0].replace("at 4", "at 5"),), "signature of .* doesn't match"),
        ((CHANGES[0].replace("\n", "\r\n"),), "line ends were changed"),
        (("\ufeff" + CHANGES[0],), "line ends were changed"),
        ((CHANGES[0].partition("\n\n")[0],), "isn't signed by"),
        (("",), "isn't signed by"),
        ((note(4, 0),), "isn't the origin"),
        ((sign_note(f"{ORIGIN}\nkey rotated at 4\nnonsense\n", ORIGIN, KEYS[0]),), "isn't name"),
        ((sign_note(last_word(ORIGIN, 4, NOBODYS), ORIGIN, KEYS[0]),), "binds nobody"),
        ((sign_note(f"{ORIGIN}\nkey rotated at 04\n{vkey(1)}\n", ORIGIN, KEYS[0]),), "the origin"),
        ((sign_note(f"{ORIGIN}\nkey rotated at ٤\n{vkey(1)}\n", ORIGIN, KEYS[0]),), "the origin"),
        ((sign_note(f"{ORIGIN}\nkey rotated at 4\n{vkey(1)}\nx\n", ORIGIN, KEYS[0]),), "origin"),
        (
            (sign_note(last_word(ORIGIN, 4, vkey(1, OTHER)), ORIGIN, KEYS[0]),),
            "it names a key of other",
        ),
    ],
)
def test_no_other_change_is_followed(changes: Sequence[str], why: str) -> None:
    with pytest.raises(VerificationFailed, match=f"(?s)key change .*{why}") as caught:
        followed(receipt(0, 3), *changes)
    assert caught.value.check.startswith("key change ")


@given(st.integers(0, len(last_word(ORIGIN, 4, vkey(1))) - 2), st.characters(codec="ascii"))
def test_no_changed_character_of_a_last_word_passes(at: int, character: str) -> None:
    forged = CHANGES[0][:at] + character + CHANGES[0][at + 1 :]
    if forged == CHANGES[0]:
        return
    with pytest.raises(VerificationFailed):
        followed(receipt(0, 3), forged)


def test_a_checkpoint_of_another_log_than_its_changes_is_refused() -> None:
    foreign = receipt(0, 5, origin=OTHER)
    with pytest.raises(VerificationFailed, match=r"receipt's is of the log other.*, not relief"):
        followed(foreign, *CHANGES)
    with pytest.raises(VerificationFailed, match=r"receipt's is of the log relief.*, not other"):
        followed(receipt(0, 5), word(4, 0, 1, OTHER))


def test_a_change_without_the_key_before_it_is_refused() -> None:
    with pytest.raises(VerificationFailed, match="give with --vkey the key that you knew"):
        verify_receipt(receipt(0, 5), trust=Trust(key_changes=CHANGES))


def test_a_checkpoint_that_a_stranger_signed_beside_the_log_still_is_the_logs() -> None:
    both = note(5, 1) + note(5, 3).rpartition("\n\n")[2]
    shown = receipt(0, 5)
    verify_receipt(
        Receipt(shown.entry, 0, 5, shown.inclusion_path, shown.root, both),
        trust=Trust(vkey=vkey(0), key_changes=CHANGES),
    )


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The file as a stranger runs it, over what the log above gives out."""
    listed = [{"since_size": 4, "verifier_key": vkey(1), "note": each} for each in CHANGES]
    files = {
        "receipt": receipt(2, 12).to_json(),
        "kept": note(3, 0),
        "crlf": note(3, 0).replace("\n", "\r\n"),
        "first": CHANGES[0],
        "second": CHANGES[1],
        "log.json": json.dumps({"origin": ORIGIN, "key_changes": listed}),
        "none.json": json.dumps({"origin": ORIGIN}),
        "odd.json": json.dumps({"key_changes": ["x"]}),
        "half.json": "{",
        "growth": json.dumps({"path": [node.hex() for node in growth(3, 12)]}),
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode())

    def run_in_folder(*arguments: str) -> tuple[int, str]:
        given = [str(tmp_path / one) if one in files else one for one in arguments]
        code = verify.main(given)
        return code, capsys.readouterr().out

    return run_in_folder


BOTH = ["--key-change", "first", "--key-change", "second"]


@pytest.mark.parametrize("option", ["--vkey", "--checkpoint", "--growth", "--contract", "--dump"])
def test_of_an_option_given_twice_neither_goes_unchecked(
    run: Run, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("receipt", option, "kept", option, "kept")
    assert ended.value.code == verify.NOTHING_ASKED
    assert f"{option} stands twice; nothing was checked" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--vkey", vkey(0), *BOTH], 0, "At 9 leaves"),
        (["--vkey", vkey(0), "--key-change", "log.json"], 0, "At 9 leaves"),
        (["--vkey", vkey(1), "--key-change", "second"], 0, "At 9 leaves"),
        (["--vkey", vkey(0), *BOTH, "--checkpoint", "kept", "--growth", "growth"], 0, "grew into"),
        (["--vkey", vkey(0)], 1, "give it with --key-change"),
        (["--vkey", vkey(0), "--key-change", "first"], 1, "give it with --key-change"),
        (["--vkey", vkey(0), "--key-change", "second", "--key-change", "first"], 1, "key change 1"),
        (["--vkey", vkey(0), *BOTH, "--key-change", "first"], 1, "key change 3"),
        (["--vkey", vkey(1), "--key-change", "log.json"], 0, "At 9 leaves"),
        (["--vkey", vkey(2), "--key-change", "log.json"], 0, "VALID"),
        (["--vkey", vkey(0), "--key-change", "none.json"], 1, "key_changes isn't a list"),
        (["--vkey", vkey(0), "--key-change", "odd.json"], 1, "a key change isn't an object"),
        (["--vkey", vkey(0), "--key-change", "half.json"], 1, "not JSON"),
        (["--vkey", vkey(0), "--key-change", "nothing"], 3, "can't be read: No such file"),
        (["--vkey", vkey(0), *BOTH, "--checkpoint", "crlf"], 1, "line ends were changed"),
        (BOTH, 2, "--key-change needs --vkey"),
        (["--checkpoint", "kept", *BOTH], 2, "--key-change needs --vkey"),
    ],
)
def test_the_one_file_follows_the_changes_that_it_is_given(
    run: Run, arguments: list[str], code: int, told: str
) -> None:
    found, output = run("receipt", *arguments)
    assert (found, told in output) == (code, True), output
