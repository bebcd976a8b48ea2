"""A node that is away, slow, or loses answers: nothing twice, nothing missing, no endless wait."""

import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3.types import Wei

from ledger.chain import ChainRefused, ChainUnavailable, StaleTree, TreeHead, open_chain
from ledger.jsonrpc import READ_ATTEMPTS, JsonRpcChain
from ledger.keys import load_or_create_secret
from tests.ledger import reference
from tests.ledger.http_node import HttpNode, running_http_node

SEND = "eth_sendRawTransaction"
HASHES = reference.leaves(8)


@pytest.fixture
def node() -> Iterator[HttpNode]:
    with running_http_node() as node:
        yield node


@pytest.fixture
def secret(node: HttpNode) -> bytes:
    secret = secrets.token_bytes(32)
    node.fund(Account.from_key(secret).address)
    return secret


@pytest.fixture
def chain(node: HttpNode, secret: bytes) -> Iterator[JsonRpcChain]:
    chain = JsonRpcChain(node.url, secret=secret, timeout_s=0.8, receipt_timeout_s=0.5)
    with closing(chain):
        yield chain


def test_the_contract_is_found_again_by_its_address(
    node: HttpNode, secret: bytes, chain: JsonRpcChain
) -> None:
    appended = chain.append(0, HASHES)
    with closing(JsonRpcChain(node.url, address=chain.address.lower())) as reader:
        assert reader.address == chain.address
        assert reader.head() == TreeHead(8, appended.root)
    assert chain.deployed_block > 0


def test_the_chain_of_a_url_keeps_its_key_in_the_folder(node: HttpNode, tmp_path: Path) -> None:
    secret = load_or_create_secret(tmp_path / "submitter.key")
    node.fund(Account.from_key(secret).address)
    with closing(open_chain(node.url, tmp_path)) as writer:
        writer.append(0, HASHES)
        with closing(
            open_chain(node.url, tmp_path, address=writer.address, read_only=True)
        ) as reader:
            assert reader.head() == writer.head()
            with pytest.raises(ChainRefused, match="read only"):
                reader.append(8, HASHES)


def test_a_contract_of_another_submitter_refuses_in_its_own_words(
    node: HttpNode, chain: JsonRpcChain
) -> None:
    stranger = secrets.token_bytes(32)
    node.fund(Account.from_key(stranger).address)
    with closing(JsonRpcChain(node.url, secret=stranger, address=chain.address)) as other:
        with pytest.raises(ChainRefused) as caught:
            other.append(0, HASHES)
        assert caught.value.reason == "not the submitter"
        assert other.head().size == 0


def test_an_address_without_a_contract_is_refused(node: HttpNode) -> None:
    with pytest.raises(ChainRefused, match="no contract"):
        JsonRpcChain(node.url, address="0x" + "12" * 20)


def test_deploying_without_a_key_is_refused(node: HttpNode) -> None:
    with pytest.raises(ChainRefused, match="read only"):
        JsonRpcChain(node.url)


def test_deploying_without_money_is_refused(node: HttpNode) -> None:
    with pytest.raises((ChainRefused, ChainUnavailable)):
        JsonRpcChain(node.url, secret=secrets.token_bytes(32), receipt_timeout_s=0.2)


def test_nobody_listening_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ChainUnavailable, match=str(port)):
        JsonRpcChain(f"http://127.0.0.1:{port}", secret=secrets.token_bytes(32))


def test_a_node_that_never_answers_is_unavailable_in_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ChainUnavailable):
            JsonRpcChain(url, secret=secrets.token_bytes(32), timeout_s=0.2)


def test_an_answer_that_is_no_json_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _ = server.accept()
            with line:
                line.recv(65536)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ChainUnavailable):
            JsonRpcChain(f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("eth_call", "hang"),
        *product(
            ("eth_call", "eth_blockNumber", "eth_getTransactionCount", "eth_gasPrice"),
            ("refuse", "error", "lose"),
        ),
    ],
)
def test_a_fault_before_sending_appends_nothing(
    node: HttpNode, chain: JsonRpcChain, method: str, fault: str
) -> None:
    node.faults[method] = [fault] * (1 if fault == "error" else READ_ATTEMPTS)
    with pytest.raises(ChainUnavailable):
        chain.append(0, HASHES)
    assert chain.head().size == 0
    assert chain.append(0, HASHES).root == reference.root(HASHES)


@pytest.mark.parametrize("fault", ["refuse", "lose", "hang"])
def test_a_read_that_is_lost_is_asked_again_and_a_transaction_never(
    node: HttpNode, chain: JsonRpcChain, fault: str
) -> None:
    node.faults["eth_call"] = [fault] * (READ_ATTEMPTS - 1)
    assert chain.head().size == 0
    node.faults[SEND] = [fault]
    with suppress(ChainUnavailable):
        chain.append(0, HASHES)
    assert node.calls.count(SEND) == 2  # the contract's own, and this one


@pytest.mark.parametrize("fault", ["hang", "error", "lose"])
def test_an_append_whose_answer_is_lost_is_found_on_the_chain(
    node: HttpNode, chain: JsonRpcChain, fault: str
) -> None:
    chain.append(0, HASHES[:3])
    node.faults[SEND] = [fault]
    appended = chain.append(3, HASHES[3:])
    assert (appended.first_index, appended.size) == (3, 8)
    assert appended.root == chain.head().root == reference.root(HASHES)
    assert chain.block_hash(appended.block_number) == appended.block_hash


def test_an_append_that_never_arrived_can_be_sent_again(
    node: HttpNode, chain: JsonRpcChain
) -> None:
    node.faults[SEND] = ["refuse"]
    with pytest.raises(ChainUnavailable, match="try again"):
        chain.append(0, HASHES)
    assert chain.append(0, HASHES).size == 8


def test_an_append_that_stays_pending_is_given_up_and_taken_up_again(
    node: HttpNode, chain: JsonRpcChain
) -> None:
    node.faults[SEND] = ["pend", "pend"]
    with pytest.raises(ChainUnavailable, match="hasn't mined"):
        chain.append(0, HASHES)
    timer = threading.Timer(0.2, node.mine_pending)
    timer.start()
    # The second attempt is the very same transaction, so the node knows it already.
    assert chain.append(0, HASHES).root == reference.root(HASHES)
    timer.join()
    assert chain.head().size == 8
    assert len(list(chain.events(0, 8))) == 1


def test_an_earlier_attempt_that_is_mined_late_makes_the_next_one_stale(
    node: HttpNode, chain: JsonRpcChain
) -> None:
    node.faults[SEND] = ["pend"]
    with pytest.raises(ChainUnavailable):
        chain.append(0, HASHES)
    node.mine_pending()
    with pytest.raises(StaleTree) as caught:
        chain.append(0, HASHES)
    assert caught.value.actual == 8
    assert chain.head().root == reference.root(HASHES)


def test_another_append_that_comes_first_makes_ours_stale(
    node: HttpNode, secret: bytes, chain: JsonRpcChain
) -> None:
    with closing(JsonRpcChain(node.url, secret=secret, address=chain.address)) as other:
        node.faults[SEND] = ["pend", None]
        with pytest.raises(ChainUnavailable):
            chain.append(0, HASHES)
        other.append(0, HASHES[:2])
    with pytest.raises(StaleTree):
        chain.append(0, HASHES)
    assert chain.head() == TreeHead(2, reference.root(HASHES[:2]))


def test_a_successor_is_paid_once_though_the_payment_is_mined_late(
    node: HttpNode, secret: bytes, chain: JsonRpcChain
) -> None:
    share = node.web3.eth.get_balance(Account.from_key(secret).address) // 2
    successor = secrets.token_bytes(32)
    node.faults[SEND] = ["pend"]
    with pytest.raises(ChainUnavailable):
        chain.hand_over(successor)
    node.mine_pending()
    chain.hand_over(successor)
    assert chain.submitter() == Account.from_key(successor).address
    assert node.web3.eth.get_balance(Account.from_key(successor).address) == share


def test_a_payment_on_its_way_is_waited_for_and_not_sent_again(
    node: HttpNode, secret: bytes, chain: JsonRpcChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = node.web3.eth.get_balance(Account.from_key(secret).address) // 2
    successor = secrets.token_bytes(32)
    node.faults[SEND] = ["pend"]
    with pytest.raises(ChainUnavailable):
        chain.hand_over(successor)
    answer = node.answer

    def with_pending(method: str, params: list[Any]) -> dict[str, Any]:
        if (method, params[-1:]) == ("eth_getBalance", ["pending"]):
            return {"result": hex(share)}
        return answer(method, params)

    monkeypatch.setattr(node, "answer", with_pending)
    sent = node.calls.count(SEND)
    with pytest.raises(ChainUnavailable, match="on its way"):
        chain.hand_over(successor)
    assert node.calls.count(SEND) == sent
    timer = threading.Timer(0.2, node.mine_pending)
    timer.start()
    chain.hand_over(successor)
    timer.join()
    assert node.calls.count(SEND) == sent + 1
    assert chain.submitter() == Account.from_key(successor).address
    assert node.web3.eth.get_balance(Account.from_key(successor).address) == share


def test_a_successor_with_less_than_its_share_is_paid(
    node: HttpNode, secret: bytes, chain: JsonRpcChain
) -> None:
    share = node.web3.eth.get_balance(Account.from_key(secret).address) // 2
    successor = secrets.token_bytes(32)
    address = Account.from_key(successor).address
    giver = node.web3.eth.accounts[0]
    node.web3.eth.send_transaction({"from": giver, "to": address, "value": Wei(1)})
    chain.hand_over(successor)
    assert node.web3.eth.get_balance(address) == share + 1


@pytest.mark.parametrize("fault", ["refuse", "error"])
def test_a_receipt_that_can_not_be_fetched_leaves_the_append_findable(
    node: HttpNode, chain: JsonRpcChain, fault: str
) -> None:
    node.faults["eth_getTransactionReceipt"] = [fault] * (1 if fault == "error" else READ_ATTEMPTS)
    with pytest.raises(ChainUnavailable):
        chain.append(0, HASHES)
    assert chain.head().size == 8
    with pytest.raises(StaleTree):
        chain.append(0, HASHES)


def test_reading_the_ledger_and_its_verifier_bring_no_chain_library_along() -> None:
    program = (
        "import sys, ledger.verify, ledger.chain, ledger.proof, ledger.anchor, ledger.checkpoint;"
        "print([name for name in ('web3', 'eth', 'vyper', 'services') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert told.stdout == b"[]\n"
