"""The contract by itself, spoken to with web3 alone: what it computes, and all that it refuses."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import EthereumTesterProvider, HTTPProvider, Web3
from web3.exceptions import ContractLogicError, Web3RPCError

from contracts.artifact import load_artifact
from tests.ledger import reference
from tests.ledger.anvil import running_anvil

GAS = 10_000_000
REFUSALS = (TransactionFailed, ContractLogicError, Web3RPCError)


class Log:
    """A fresh log contract on a chain, and the addresses that play in these tests."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3
        self.owner, self.stranger = web3.eth.accounts[:2]
        artifact = load_artifact()
        contract = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        self.deployment = web3.eth.wait_for_transaction_receipt(
            contract.constructor().transact({"from": self.owner, "gas": GAS})
        )
        self.address = self.deployment["contractAddress"]
        self.contract = web3.eth.contract(abi=artifact.abi, address=self.address)

    def read(self, name: str, *arguments: Any) -> Any:
        return self.contract.functions[name](*arguments).call()

    def send(self, name: str, *arguments: Any, sender: str | None = None) -> Any:
        """The receipt of a call that goes through; a revert raises one of REFUSALS."""
        function = self.contract.functions[name](*arguments)
        sender = sender or self.owner
        function.call({"from": sender, "gas": GAS})
        sent = function.transact({"from": sender, "gas": GAS})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1
        return receipt

    def refuses(self, reason: str, name: str, *arguments: Any, sender: str | None = None) -> None:
        before = self.state()
        with pytest.raises(REFUSALS, match=reason or None):
            self.send(name, *arguments, sender=sender)
        # Mined all the same, as somebody with tools of his own would have it, it reverts.
        function = self.contract.functions[name](*arguments)
        sent = function.transact({"from": sender or self.owner, "gas": GAS})
        assert self.web3.eth.wait_for_transaction_receipt(sent)["status"] == 0
        assert self.state() == before

    def state(self) -> tuple[Any, ...]:
        names = ("treeSize", "rootHash", "peaks", "submitter", "successor", "isSealed")
        return tuple(self.read(name) for name in names)

    def appended(self, size: int, hashes: list[bytes]) -> Any:
        return self.send("append", size, hashes)


@pytest.fixture(scope="module")
def anvil_url() -> Iterator[str]:
    with running_anvil() as url:
        yield url


@pytest.fixture(params=["eth-tester", pytest.param("anvil", marks=pytest.mark.anvil)])
def web3(request: pytest.FixtureRequest) -> Iterator[Web3]:
    if request.param == "eth-tester":
        # A new chain each time: its look-ups go through all blocks, and are slow on a long one.
        yield Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend())))
        return
    with requests.Session() as session:
        yield Web3(HTTPProvider(request.getfixturevalue("anvil_url"), session=session))


@pytest.fixture
def log(web3: Web3) -> Log:
    return Log(web3)


def test_a_new_log_is_empty_and_its_deployers(log: Log) -> None:
    empty = hashlib.sha256(b"").digest()
    assert log.state() == (0, empty, [], log.owner, "0x" + "0" * 40, False)
    assert log.read("rootAt", 0) == empty
    assert log.read("rootAt", 1) == bytes(32)
    assert log.read("MAX_BATCH") == 1000
    (event,) = log.contract.events.SubmitterChanged().process_receipt(log.deployment)
    assert event["args"] == {"previous": "0x" + "0" * 40, "submitter": log.owner}


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_the_root_is_the_definitions_for_any_split_into_batches(
    web3: Web3, batches: list[int]
) -> None:
    log = Log(web3)
    hashes = reference.leaves(sum(batches))
    size = 0
    for batch in batches:
        log.appended(size, hashes[size : size + batch])
        size += batch
        assert log.read("rootAt", size) == reference.root(hashes[:size])
    assert log.read("treeSize") == size
    assert log.read("rootHash") == reference.root(hashes)
    assert log.read("peaks") == perfect_subtrees(hashes)


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_one_batch_of_n_equals_n_batches_of_one(web3: Web3, count: int) -> None:
    hashes = reference.leaves(count)
    at_once, one_by_one = Log(web3), Log(web3)
    at_once.appended(0, hashes)
    for size, leaf in enumerate(hashes):
        one_by_one.appended(size, [leaf])
    assert at_once.state() == one_by_one.state()


def test_the_fullest_batches_fit_and_give_the_root(log: Log) -> None:
    hashes = reference.leaves(2000)
    log.appended(0, hashes[:1000])
    log.appended(1000, hashes[1000:])
    assert log.read("rootHash") == reference.root(hashes)


def test_append_returns_the_root_and_emits_leaves_and_tree_head(log: Log) -> None:
    hashes = reference.leaves(5)
    log.appended(0, hashes[:2])
    returned = log.contract.functions.append(2, hashes[2:]).call({"from": log.owner})
    receipt = log.appended(2, hashes[2:])
    (leaves,) = log.contract.events.LeavesAppended().process_receipt(receipt, _quietly())
    (head,) = log.contract.events.TreeHead().process_receipt(receipt, _quietly())
    assert returned == reference.root(hashes)
    assert leaves["args"] == {"firstIndex": 2, "leafHashes": hashes[2:]}
    assert head["args"] == {"treeSize": 5, "rootHash": reference.root(hashes)}


@pytest.mark.parametrize("expected", [0, 1, 2, 4, 2**255])
def test_another_size_than_the_logs_is_refused(log: Log, expected: int) -> None:
    log.appended(0, reference.leaves(3))
    log.refuses("stale size", "append", expected, reference.leaves(1))


def test_the_same_batch_twice_is_refused(log: Log) -> None:
    log.appended(0, reference.leaves(3))
    log.refuses("stale size", "append", 0, reference.leaves(3))


def test_an_empty_batch_is_refused(log: Log) -> None:
    log.refuses("empty batch", "append", 0, [])


def test_a_batch_of_too_many_is_refused(log: Log) -> None:
    log.refuses("", "append", 0, reference.leaves(1001))


def test_a_stranger_may_do_nothing(log: Log) -> None:
    calls: list[tuple[Any, ...]] = [
        ("append", 0, reference.leaves(1)),
        ("setSubmitter", log.stranger),
        ("seal", log.stranger),
    ]
    for call in calls:
        log.refuses("not the submitter", *call, sender=log.stranger)


def test_a_new_submitter_takes_the_old_ones_place(log: Log) -> None:
    receipt = log.send("setSubmitter", log.stranger)
    (event,) = log.contract.events.SubmitterChanged().process_receipt(receipt)
    assert event["args"] == {"previous": log.owner, "submitter": log.stranger}
    log.refuses("not the submitter", "append", 0, reference.leaves(1))
    log.send("append", 0, reference.leaves(1), sender=log.stranger)


def test_the_empty_address_is_no_submitter(log: Log) -> None:
    log.refuses("empty submitter", "setSubmitter", "0x" + "0" * 40)


def test_a_sealed_log_stays_readable_and_takes_nothing_more(log: Log) -> None:
    hashes = reference.leaves(3)
    log.appended(0, hashes)
    receipt = log.send("seal", log.stranger)
    (event,) = log.contract.events.Sealed().process_receipt(receipt, _quietly())
    assert event["args"] == {
        "treeSize": 3,
        "rootHash": reference.root(hashes),
        "successor": log.stranger,
    }
    assert log.read("isSealed")
    assert log.read("successor") == log.stranger
    assert log.read("rootAt", 3) == log.read("rootHash") == reference.root(hashes)
    for sender in (log.owner, log.stranger):
        log.refuses("sealed", "append", 3, hashes, sender=sender)
        log.refuses("sealed", "setSubmitter", log.owner, sender=sender)
        log.refuses("sealed", "seal", log.owner, sender=sender)


def test_a_log_may_be_sealed_without_a_successor(log: Log) -> None:
    log.send("seal", "0x" + "0" * 40)
    assert log.read("isSealed")
    log.refuses("sealed", "append", 0, reference.leaves(1))


def test_ether_sent_along_is_refused(log: Log) -> None:
    data = log.contract.encode_abi("append", [0, reference.leaves(1)])
    call = {"from": log.owner, "to": log.address, "data": data, "gas": GAS}
    log.web3.eth.call(call)
    with pytest.raises(REFUSALS):
        log.web3.eth.call({**call, "value": 1})


@pytest.mark.parametrize(
    "data", ["0x", "0x00000000", "0xffffffff", Web3.keccak(text="append(uint256,bytes32[])")[:4]]
)
def test_a_call_that_is_no_call_is_refused(log: Log, data: Any) -> None:
    with pytest.raises(REFUSALS):
        log.web3.eth.call({"from": log.owner, "to": log.address, "data": data, "gas": GAS})


def damaged_lists() -> list[Callable[[bytes], bytes]]:
    """Ways to damage the call data of an append of two leaves, its selector aside."""
    return [
        lambda data: data[:-1],
        lambda data: data[:-32],
        lambda data: data + b"\x00",
        lambda data: data + data[-32:],
        lambda data: data[:64] + (3).to_bytes(32, "big") + data[96:],
        lambda data: data[:64] + (2**256 - 1).to_bytes(32, "big") + data[96:],
        lambda data: data[:32] + (2**256 - 1).to_bytes(32, "big") + data[64:],
        lambda data: data[:32] + (10**6).to_bytes(32, "big") + data[64:],
    ]


@pytest.mark.parametrize("damage", damaged_lists())
def test_no_damaged_list_appends_other_leaves(log: Log, damage: Callable[[bytes], bytes]) -> None:
    hashes = reference.leaves(2)
    call = bytes.fromhex(log.contract.encode_abi("append", [0, hashes])[2:])
    data = call[:4] + damage(call[4:])
    try:
        root = log.web3.eth.call({"from": log.owner, "to": log.address, "data": data, "gas": GAS})
    except REFUSALS:
        return
    pytest.fail(f"the contract took damaged call data, and gave {root.hex()}")


@pytest.mark.parametrize(("count", "most"), [(1, 90_000), (100, 285_000), (1000, 1_700_000)])
def test_a_batch_costs_no_more_gas_than_it_did(log: Log, count: int, most: int) -> None:
    first = log.appended(0, reference.leaves(count))
    second = log.appended(count, reference.leaves(count, start=count))
    assert max(first["gasUsed"], second["gasUsed"]) <= most


def perfect_subtrees(hashes: list[bytes]) -> list[bytes]:
    """The peaks by their definition: largest first."""
    peaks = []
    while hashes:
        size = 1 << (len(hashes).bit_length() - 1)
        peaks.append(reference.root(hashes[:size]))
        hashes = hashes[size:]
    return peaks


def _quietly() -> Any:
    """A receipt holds events of other kinds too; they aren't worth a warning."""
    from web3.logs import DISCARD  # noqa: PLC0415

    return DISCARD
