"""A witness signs what only grew; a fork, a roll-back and a missing proof are told apart."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint, merkle
from ledger.checkpoint import Checkpoint, NoteRefused, VerifierKey
from ledger.witness import (
    Cosigner,
    GrowthNotShown,
    LogForked,
    LogRolledBack,
    Sight,
    WitnessRefused,
    look,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG = VerifierKey("relief.example", KEY.public_key())
OURS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
OTHER = Cosigner("witness.example/w2", Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34))))
HASHES = [merkle.leaf_hash(bytes([number])) for number in range(20)]
FORK = [*HASHES[:3], merkle.leaf_hash(b"another"), *HASHES[4:]]
NOON = 1580731200


def note(size: int, hashes: Sequence[bytes] = HASHES, origin: str = "relief.example/log") -> str:
    return checkpoint.sign(Checkpoint(origin, size, merkle.root(hashes[:size])), LOG.name, KEY)


def seen(
    kept: str | None,
    shown: str,
    hashes: Sequence[bytes] = HASHES,
    now_s: int = NOON,
    cosigner: Cosigner = OURS,
) -> Sight:
    def growth(before: int, after: int) -> Sequence[bytes]:
        return merkle.consistency_proof(hashes, before, after)

    return look(kept, shown, log=LOG, growth=growth, cosigner=cosigner, now_s=now_s)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6).map(sorted))
def test_a_log_that_only_grows_is_cosigned_each_time(sizes: list[int]) -> None:
    kept = None
    for moment, size in enumerate(sizes):
        sight = seen(kept, note(size), now_s=NOON + moment)
        assert checkpoint.verify(sight.note, LOG) == sight.head
        found = checkpoint.verify_cosignature(sight.note, OURS.key)
        assert (found.line, sight.head.size) == (sight.line, size)
        kept = sight.note


def test_what_is_seen_again_keeps_its_first_cosignature() -> None:
    first = seen(None, note(7))
    again = seen(first.note, note(7), now_s=NOON + 99)
    assert (again.note, again.line, again.grew_by) == (first.note, first.line, 0)
    assert first.grew_by is None
    assert seen(first.note, note(9)).grew_by == 2


ROTATED = Ed25519PrivateKey.from_private_bytes(bytes(range(3, 35)))


def seen_by_the_new_key(
    kept: str, size: int, hashes: Sequence[bytes] = HASHES, cosigner: Cosigner = OURS
) -> Sight:
    """What the log shows once another key signs its checkpoints, as the witness was told."""
    head = Checkpoint("relief.example/log", size, merkle.root(hashes[:size]))
    return look(
        kept,
        checkpoint.sign(head, LOG.name, ROTATED),
        log=VerifierKey(LOG.name, ROTATED.public_key()),
        growth=lambda *sizes: merkle.consistency_proof(hashes, *sizes),
        cosigner=cosigner,
        now_s=NOON + 1,
    )


def test_a_log_whose_key_was_changed_is_held_to_what_was_kept() -> None:
    kept = seen(None, note(7)).note
    assert seen_by_the_new_key(kept, 9).grew_by == 2
    assert seen_by_the_new_key(seen_by_the_new_key(kept, 9).note, 9).grew_by == 0
    with pytest.raises(LogForked):
        seen_by_the_new_key(kept, 9, FORK)
    with pytest.raises(LogRolledBack):
        seen_by_the_new_key(kept, 6)


def test_what_was_kept_under_another_key_has_to_be_our_own_word_on_this_log() -> None:
    elsewhere = seen(None, note(7, origin="relief.example/other")).note
    for kept in (note(7), seen(None, note(7), cosigner=OTHER).note, elsewhere):
        with pytest.raises(NoteRefused):
            seen_by_the_new_key(kept, 9)
    ours = seen(None, note(7)).note
    with pytest.raises(NoteRefused, match="doesn't match"):
        seen_by_the_new_key(ours.replace("\n7\n", "\n6\n"), 9)


def test_the_logs_answer_may_carry_cosignatures_already() -> None:
    served = seen(None, seen(None, note(7), cosigner=OTHER).note).note
    for shown in (served, seen(None, served, now_s=NOON + 1).note):
        sight = seen(None, shown, now_s=NOON + 2)
        assert checkpoint.verify_cosignature(sight.note, OURS.key).time_s == NOON + 2
        assert checkpoint.verify_cosignature(sight.note, OTHER.key).time_s == NOON
        assert sight.note.count(OURS.name) == 1


def test_a_state_of_another_key_is_cosigned_anew() -> None:
    theirs = seen(None, note(7), cosigner=OTHER)
    ours = seen(theirs.note, note(7))
    assert checkpoint.verify_cosignature(ours.note, OURS.key).line == ours.line


@given(st.integers(1, 20), st.data())
def test_a_smaller_tree_is_a_roll_back(size: int, data: st.DataObject) -> None:
    smaller = data.draw(st.integers(0, size - 1))
    with pytest.raises(LogRolledBack) as caught:
        seen(note(size), note(smaller))
    assert (caught.value.kept, caught.value.shown) == (note(size), note(smaller))


@given(st.integers(4, 20), st.integers(4, 20))
def test_another_history_is_a_fork_whatever_proof_it_comes_with(before: int, after: int) -> None:
    before, after = sorted((before, after))
    for hashes in (HASHES, FORK):
        with pytest.raises(LogForked) as caught:
            seen(note(before), note(after, FORK), hashes)
        assert caught.value.kept == note(before)
        assert caught.value.shown == note(after, FORK)


def test_a_fork_after_what_was_seen_is_no_fork_yet() -> None:
    assert seen(note(3), note(9, FORK), FORK).grew_by == 6
    with pytest.raises(LogForked):
        seen(note(9), note(10, FORK), FORK)


@pytest.mark.parametrize(
    "cut", [lambda path: path[:-1], lambda path: (*path, path[0]), lambda _: ()]
)
def test_a_proof_of_another_length_shows_nothing(cut: object) -> None:
    def growth(before: int, after: int) -> Sequence[bytes]:
        return cut(merkle.consistency_proof(HASHES, before, after))  # type: ignore[operator,no-any-return]

    with pytest.raises(GrowthNotShown, match="from 7 to 13"):
        look(note(7), note(13), log=LOG, growth=growth, cosigner=OURS, now_s=NOON)


@given(st.integers(1, 19), st.data())
def test_no_flipped_bit_of_the_proof_passes(before: int, data: st.DataObject) -> None:
    after = data.draw(st.integers(before + 1, 20))
    path = list(merkle.consistency_proof(HASHES, before, after))
    which, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    path[which] = (int.from_bytes(path[which], "big") ^ (1 << bit)).to_bytes(32, "big")
    with pytest.raises(WitnessRefused) as caught:
        look(note(before), note(after), log=LOG, growth=lambda *_: path, cosigner=OURS, now_s=NOON)
    assert caught.value.path == tuple(path)


def test_another_origin_is_a_fork() -> None:
    with pytest.raises(LogForked, match="calls itself other"):
        seen(note(7), note(9, origin="other"))


STRANGER = Ed25519PrivateKey.generate()
FOREIGN = checkpoint.sign(Checkpoint("relief.example/log", 7, HASHES[0]), LOG.name, STRANGER)


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        (None, FOREIGN),
        (None, ""),
        (None, "no note"),
        (None, checkpoint.sign_note("one line\n", LOG.name, KEY)),
        (note(7), FOREIGN),
        (FOREIGN, note(7)),
        ("", note(7)),
        (note(7)[:-9], note(9)),
        (note(7).replace("\n7\n", "\n6\n"), note(9)),
    ],
)
def test_what_the_log_did_not_sign_is_neither_kept_nor_believed(
    kept: str | None, shown: str
) -> None:
    with pytest.raises(NoteRefused):
        seen(kept, shown)
