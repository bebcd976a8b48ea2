"""What every form of a chain does alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account

from ledger.chain import DEFAULT_CONFIRMATIONS, MAX_BATCH, Chain, StaleTree, TreeHead
from ledger.embedded import EmbeddedChain
from ledger.merkle import EMPTY_ROOT
from tests.ledger import reference
from tests.ledger.chains import FORMS, fresh_chain


@pytest.fixture(params=FORMS)
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Chain]:
    with fresh_chain(request.param, tmp_path) as chain:
        yield chain


def test_a_new_log_is_empty(chain: Chain) -> None:
    assert chain.head() == TreeHead(0, EMPTY_ROOT)
    assert chain.root_at(0) == EMPTY_ROOT
    assert chain.root_at(1) is None
    assert list(chain.events(0, 10)) == []
    assert chain.address.startswith("0x")
    assert chain.chain_id > 0


def test_batches_of_any_split_give_the_trees_root(chain: Chain) -> None:
    hashes = reference.leaves(60)
    size = 0
    for batch in (1, 1, 5, 1, 20, 32):
        appended = chain.append(size, hashes[size : size + batch])
        assert (appended.first_index, appended.size) == (size, size + batch)
        size += batch
        assert appended.root == reference.root(hashes[:size])
        assert chain.head() == TreeHead(size, appended.root)
        assert chain.block_hash(appended.block_number) == appended.block_hash
    assert chain.root_at(7) == reference.root(hashes[:7])
    assert chain.root_at(9) is None


def test_the_fullest_batch_goes_in_at_once(chain: Chain) -> None:
    hashes = reference.leaves(MAX_BATCH)
    assert chain.append(0, hashes).root == reference.root(hashes)
    (batch,) = chain.events(0, MAX_BATCH)
    assert batch.leaf_hashes == tuple(hashes)


def test_events_give_the_leaves_of_a_range_with_where_they_came_in(chain: Chain) -> None:
    hashes = reference.leaves(12)
    appended = [chain.append(start, hashes[start : start + 4]) for start in (0, 4, 8)]
    found = list(chain.events(2, 9))
    assert [batch.first_index for batch in found] == [2, 4, 8]
    assert [leaf for batch in found for leaf in batch.leaf_hashes] == hashes[2:9]
    assert [(batch.tx_hash, batch.block_number, batch.block_hash) for batch in found] == [
        (batch.tx_hash, batch.block_number, batch.block_hash) for batch in appended
    ]
    assert [leaf for batch in chain.events(-3, 99) for leaf in batch.leaf_hashes] == hashes
    assert list(chain.events(5, 5)) == list(chain.events(7, 3)) == list(chain.events(12, 20)) == []


@pytest.mark.parametrize("expected", [0, 2, 4, 10**6])
def test_an_append_on_another_size_is_refused_and_changes_nothing(
    chain: Chain, expected: int
) -> None:
    hashes = reference.leaves(6)
    before = chain.append(0, hashes[:3])
    with pytest.raises(StaleTree) as caught:
        chain.append(expected, hashes[3:])
    assert (caught.value.expected, caught.value.actual) == (expected, 3)
    assert chain.head() == TreeHead(3, before.root)
    assert chain.append(3, hashes[3:]).root == reference.root(hashes)


def test_the_same_append_twice_is_refused_the_second_time(chain: Chain) -> None:
    hashes = reference.leaves(3)
    chain.append(0, hashes)
    with pytest.raises(StaleTree):
        chain.append(0, hashes)


@pytest.mark.parametrize("count", [0, MAX_BATCH + 1])
def test_a_batch_of_no_or_too_many_leaves_is_refused(chain: Chain, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000 leaves"):
        chain.append(0, reference.leaves(1) * count)
    assert chain.head().size == 0


@pytest.mark.parametrize("size", [-1, 2**64, 2**256])
def test_there_is_no_root_at_a_size_that_can_not_be(chain: Chain, size: int) -> None:
    assert chain.root_at(size) is None


@pytest.mark.parametrize("number", [-1, 10**6])
def test_there_is_no_block_with_a_number_that_is_not_reached(chain: Chain, number: int) -> None:
    assert chain.block_hash(number) is None


def test_a_closed_chain_closes_again(chain: Chain) -> None:
    chain.close()
    chain.close()


def test_another_key_takes_over_and_the_first_one_can_append_no_more(chain: Chain) -> None:
    hashes = reference.leaves(6)
    chain.append(0, hashes[:2])
    first, successor = chain.submitter(), b"\x5a" * 32
    chain.hand_over(successor)
    assert chain.submitter() == Account.from_key(successor).address != first
    assert chain.append(2, hashes[2:4]).size == 4
    chain.hand_over(successor)
    assert chain.append(4, hashes[4:]).root == reference.root(hashes)
    chain.hand_over(b"\x5b" * 32)
    assert chain.submitter() == Account.from_key(b"\x5b" * 32).address


def test_a_block_is_final_when_it_is_deep_enough(chain: Chain) -> None:
    hashes = reference.leaves(20)
    blocks = [chain.append(size, hashes[size : size + 1]).block_number for size in range(20)]
    depth = 0 if isinstance(chain, EmbeddedChain) else DEFAULT_CONFIRMATIONS
    assert chain.final_block() == blocks[-1] - depth
