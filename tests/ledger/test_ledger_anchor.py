"""Anchoring: what is missing goes in, once, whatever happens on the way."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.anchor import LogDiverged, append_missing
from ledger.chain import Appended, ChainUnavailable, StaleTree, TreeHead
from ledger.merkle import CompactRange
from tests.ledger import reference
from tests.ledger.chains import FORMS, fresh_chain
from tests.ledger.memory_chain import MemoryChain

HASHES = reference.leaves(50)


def between(hashes: Sequence[bytes]) -> Callable[[int, int], Sequence[bytes]]:
    return lambda start, end: hashes[start:end]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_missing_goes_in_on_every_form_of_chain(form: str, tmp_path: Path) -> None:
    with fresh_chain(form, tmp_path) as chain:
        for size in (3, 3, 17, 50, 50):
            list(append_missing(chain, between(HASHES), size, max_batch=7))
            assert chain.head() == TreeHead(size, reference.root(HASHES[:size]))
        assert [leaf for batch in chain.events(0, 50) for leaf in batch.leaf_hashes] == HASHES


def test_each_batch_is_told_as_it_goes_in() -> None:
    chain = MemoryChain()
    told = append_missing(chain, between(HASHES), 10, max_batch=4)
    assert chain.leaves == []
    first = next(told)
    assert (first.first_index, first.size, len(chain.leaves)) == (0, 4, 4)
    assert [(batch.first_index, batch.size) for batch in told] == [(4, 8), (8, 10)]


def test_nothing_missing_appends_nothing() -> None:
    chain = MemoryChain()
    assert list(append_missing(chain, between([]), 0)) == []
    chain.append(0, HASHES)
    assert list(append_missing(chain, between(HASHES), 50)) == []
    assert len(chain.batches) == 1


@given(
    st.lists(st.sampled_from([None, "away", "lost"]), max_size=12),
    st.integers(1, 9),
    st.integers(0, 50),
)
def test_after_any_faults_and_restarts_the_chain_is_the_journal(
    faults: list[str | None], max_batch: int, already: int
) -> None:
    chain = MemoryChain()
    if already:
        chain.append(0, HASHES[:already])
    chain.faults = list(faults)
    done = False
    while not done:
        try:
            list(append_missing(chain, between(HASHES), 50, max_batch=max_batch))
            done = True
        except ChainUnavailable:
            assert chain.leaves == HASHES[: len(chain.leaves)]
    assert chain.leaves == HASHES


def test_another_process_that_appends_the_same_in_between_does_no_harm() -> None:
    chain = MemoryChain()
    told = append_missing(chain, between(HASHES), 50, max_batch=10)
    next(told)
    chain.append(10, HASHES[10:25])
    assert [(batch.first_index, batch.size) for batch in told] == [(25, 35), (35, 45), (45, 50)]
    assert chain.leaves == HASHES


def test_a_known_tree_spares_reading_what_lies_below_it() -> None:
    chain = MemoryChain()
    chain.append(0, HASHES[:30])
    starts = []

    def noted(start: int, end: int) -> Sequence[bytes]:
        starts.append(start)
        return HASHES[start:end]

    list(append_missing(chain, noted, 50, known=CompactRange().extend(HASHES[:30])))
    assert starts == [30]


def test_a_known_tree_larger_than_a_chain_that_was_rolled_back_is_not_used() -> None:
    chain = MemoryChain()
    chain.append(0, HASHES[:5])
    known = CompactRange().extend(HASHES[:30])
    list(append_missing(chain, between(HASHES), 50, known=known))
    assert chain.leaves == HASHES


@pytest.mark.parametrize("left", [0, 1, 5, 29, 30, 40])
def test_after_a_deep_reorganisation_no_leaf_below_it_is_read_again(left: int) -> None:
    chain, starts = MemoryChain(), []
    chain.append(0, HASHES[:left]) if left else None

    def noted(start: int, end: int) -> Sequence[bytes]:
        starts.append(start)
        return HASHES[start:end]

    known = CompactRange().extend(HASHES[:30])
    told = append_missing(
        chain, noted, 50, known=known, earlier=lambda size: CompactRange().extend(HASHES[:size])
    )
    list(told)
    assert chain.leaves == HASHES
    assert min(starts) == min(left, 30)


def test_an_earlier_tree_that_is_not_the_chains_is_refused() -> None:
    chain = MemoryChain()
    chain.append(0, HASHES[:5])
    known, other = CompactRange().extend(HASHES[:30]), CompactRange().extend(HASHES[1:6])
    with pytest.raises(LogDiverged, match="at 5 leaves"):
        list(append_missing(chain, between(HASHES), 50, known=known, earlier=lambda _: other))


def test_a_reorganisation_amid_a_backlog_goes_on_from_what_was_known_at_its_beginning() -> None:
    """The trees in between are nowhere yet: `earlier` is asked for none of them."""

    class Moving(MemoryChain):
        moved = False

        def append(self, expected_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
            if expected_size == 30 and not self.moved:
                # Somebody was ahead of us, and then two blocks were given up.
                self.moved = True
                del self.leaves[20:], self.batches[2:]
                raise StaleTree(30, 31)
            return super().append(expected_size, leaf_hashes)

    chain = Moving()
    chain.append(0, HASHES[:10])
    told = append_missing(
        chain,
        between(HASHES),
        50,
        max_batch=10,
        known=CompactRange().extend(HASHES[:10]),
        earlier=lambda size: pytest.fail(f"asked for {size}"),
    )
    assert [batch.first_index for batch in told] == [10, 20, 20, 30, 40]
    assert chain.leaves == HASHES


def test_a_batch_ends_where_it_is_told_to_and_is_told_of_before_it_is_sent() -> None:
    chain, asked = MemoryChain(), []

    def end(start: int) -> int:
        asked.append((start, len(chain.leaves)))
        return min(start + 3, 8)

    told = append_missing(chain, between(HASHES), 8, batch_end=end)
    assert [(batch.first_index, batch.size) for batch in told] == [(0, 3), (3, 6), (6, 8)]
    assert asked == [(0, 0), (3, 3), (6, 6)]


def test_after_a_lost_answer_a_batch_is_asked_for_where_the_chain_then_stands() -> None:
    chain, asked = MemoryChain(), []

    def end(start: int) -> int:
        asked.append(start)
        return start + 2

    chain.faults = [None, "lost"]
    with pytest.raises(ChainUnavailable):
        list(append_missing(chain, between(HASHES), 6, batch_end=end))
    list(append_missing(chain, between(HASHES), 6, batch_end=end))
    assert asked == [0, 2, 4]
    assert chain.leaves == HASHES[:6]


def test_a_chain_with_more_leaves_than_the_journal_is_refused() -> None:
    chain = MemoryChain()
    chain.append(0, HASHES[:6])
    with pytest.raises(LogDiverged, match="holds 6 leaves, the journal only 5"):
        list(append_missing(chain, between(HASHES), 5))


@pytest.mark.parametrize("changed", [0, 3, 9])
def test_a_journal_whose_anchored_leaf_was_changed_is_refused_before_appending(
    changed: int,
) -> None:
    chain = MemoryChain()
    chain.append(0, HASHES[:10])
    forged = [*HASHES]
    forged[changed] = bytes(32)
    with pytest.raises(LogDiverged, match="root at 10 leaves"):
        list(append_missing(chain, between(forged), 50))
    assert chain.leaves == HASHES[:10]


def test_a_known_tree_that_is_not_the_chains_is_refused() -> None:
    chain = MemoryChain()
    chain.append(0, HASHES[:10])
    known = CompactRange().extend(HASHES[1:11])
    with pytest.raises(LogDiverged):
        list(append_missing(chain, between(HASHES), 50, known=known))


def test_a_chain_that_appends_something_else_is_refused() -> None:
    class Lying(MemoryChain):
        def append(self, expected_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
            return super().append(expected_size, [*leaf_hashes[:-1], bytes(32)])

    with pytest.raises(LogDiverged):
        list(append_missing(Lying(), between(HASHES), 50))


@pytest.mark.parametrize("given_leaves", [0, 4, 6])
def test_a_journal_that_gives_too_few_or_too_many_leaves_is_refused(given_leaves: int) -> None:
    with pytest.raises(LogDiverged, match="the journal gave"):
        list(append_missing(MemoryChain(), lambda _start, _end: HASHES[:given_leaves], 5))


def test_nodes_that_tell_of_two_sizes_end_the_attempt() -> None:
    """Behind one address may be several nodes, some of them behind the others for long."""

    class Behind(MemoryChain):
        def append(self, expected_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
            raise StaleTree(expected_size, expected_size + 1)

    with pytest.raises(ChainUnavailable, match="of 1 leaves and then of 0"):
        list(append_missing(Behind(), between(HASHES), 50))


def test_a_chain_that_shrank_meanwhile_ends_the_attempt() -> None:
    class Reorganised(MemoryChain):
        def append(self, expected_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
            raise StaleTree(expected_size, expected_size - 1)

    chain = Reorganised()
    with pytest.raises(StaleTree):
        list(append_missing(chain, between(HASHES), 50))
