"""The one-file verifier over JSON-RPC: a node that tells the truth, and nodes that don't."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from eth_abi import abi

from ledger import log_abi, merkle, verify
from ledger.proof import ChainEvidence, Receipt
from ledger.verify import Level, OutOfReach, RpcChain, VerificationFailed, verify_receipt

ADDRESS = "0x" + "Ab" * 20
LOG = {"origin": "relief.example/log", "chain_id": "77", "contract": ADDRESS}
RECORDS = [json.dumps({"log": LOG, "number": number}).encode() for number in range(5)]
HASHES = [merkle.leaf_hash(record) for record in RECORDS]
ROOT = merkle.root(HASHES)
TX, BLOCK = b"\x02" * 32, b"\x07" * 32
RECEIPT = Receipt(
    RECORDS[3],
    3,
    5,
    merkle.inclusion_proof(HASHES, 3, 5),
    ROOT,
    chain=ChainEvidence(77, ADDRESS, 7, BLOCK, TX),
)


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def truth() -> dict[str, Any]:
    """What an honest node answers, by method."""
    event = {
        "address": ADDRESS.lower(),
        "topics": [hexed(log_abi.LEAVES_APPENDED), hexed((0).to_bytes(32, "big"))],
        "data": hexed(abi.encode(["bytes32[]"], [HASHES])),
    }
    head = {"address": ADDRESS, "topics": [hexed(log_abi.TREE_HEAD), "0x05"], "data": hexed(ROOT)}
    return {
        "eth_chainId": "0x4d",
        "eth_call": hexed(ROOT),
        "eth_getBlockByNumber": {"hash": hexed(BLOCK), "number": "0x7"},
        "eth_getTransactionReceipt": {
            "status": "0x1",
            "blockHash": hexed(BLOCK),
            "blockNumber": "0x7",
            "logs": [head, event],
        },
    }


Node = Callable[[dict[str, Any]], str]


@pytest.fixture
def node() -> Iterator[Node]:
    """Serve such answers at an address; bytes are sent as they are."""
    servers = []

    def serve(answers: dict[str, Any]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                result = answers[asked["method"]]
                body = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
                if isinstance(result, Exception):
                    body = {"jsonrpc": "2.0", "id": 1, "error": {"message": str(result)}}
                content = result if isinstance(result, bytes) else json.dumps(body).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_constants_are_those_of_the_contract() -> None:
    assert hexed(log_abi.root_at_call(0)[:4]) == verify._ROOT_AT
    assert hexed(log_abi.tree_size_call()) == verify._TREE_SIZE
    assert hexed(log_abi.LEAVES_APPENDED) == verify._LEAVES_APPENDED


def test_an_honest_node_is_believed(node: Node) -> None:
    verdict = verify_receipt(RECEIPT, chain=RpcChain(node(truth()), ADDRESS.lower()))
    assert verdict.reached == {Level.CHAIN}
    assert any("Transaction 0202020202020202" in line for line in verdict.checked)


def without(name: str) -> dict[str, Any]:
    receipt = {**truth()["eth_getTransactionReceipt"]}
    receipt.pop(name)
    return receipt


def receipt_with(**changes: Any) -> dict[str, Any]:
    return {**truth()["eth_getTransactionReceipt"], **changes}


def event_with(**changes: Any) -> dict[str, Any]:
    event = {**truth()["eth_getTransactionReceipt"]["logs"][1], **changes}
    return receipt_with(logs=[event])


@pytest.mark.parametrize(
    ("method", "answer", "why"),
    [
        ("eth_chainId", "0x1", "from chain 77, this is chain 1"),
        ("eth_call", hexed(bytes(32)), "never had 5 leaves"),
        ("eth_call", hexed(HASHES[0]), "another one"),
        ("eth_call", "0x", "there is no log contract"),
        ("eth_getBlockByNumber", None, "isn't the one"),
        ("eth_getBlockByNumber", {"hash": hexed(bytes(32))}, "isn't the one"),
        ("eth_getTransactionReceipt", None, "appended no leaf 3"),
        ("eth_getTransactionReceipt", receipt_with(status="0x0"), "appended no leaf 3"),
        ("eth_getTransactionReceipt", receipt_with(logs=[]), "appended no leaf 3"),
        ("eth_getTransactionReceipt", receipt_with(blockHash=hexed(TX)), "in another block"),
        ("eth_getTransactionReceipt", receipt_with(blockNumber="0x8"), "in another block"),
        ("eth_getTransactionReceipt", event_with(address="0x" + "12" * 20), "appended no leaf"),
        ("eth_getTransactionReceipt", event_with(topics=[]), "appended no leaf"),
        (
            "eth_getTransactionReceipt",
            event_with(topics=[hexed(log_abi.LEAVES_APPENDED), "0x04"]),
            "appended no leaf",
        ),
        (
            "eth_getTransactionReceipt",
            event_with(topics=[hexed(log_abi.LEAVES_APPENDED), "0x01"]),
            "another leaf 3",
        ),
        (
            "eth_getTransactionReceipt",
            event_with(data=hexed(abi.encode(["bytes32[]"], [HASHES[:3]]))),
            "appended no leaf",
        ),
    ],
)
def test_a_node_that_tells_of_something_else_fails_the_receipt(
    node: Node, method: str, answer: object, why: str
) -> None:
    url = node({**truth(), method: answer})
    with pytest.raises(VerificationFailed, match=why):
        verify_receipt(RECEIPT, chain=RpcChain(url, ADDRESS))


@pytest.mark.parametrize(
    ("method", "answer", "why"),
    [
        ("eth_call", hexed(bytes(32)), "never had 5 leaves"),
        ("eth_getBlockByNumber", None, "isn't the one .* though the contract keeps its root"),
        ("eth_getBlockByNumber", {"hash": hexed(TX)}, "though the contract keeps its root"),
        ("eth_getTransactionReceipt", None, "appended no leaf 3"),
        ("eth_getTransactionReceipt", receipt_with(blockHash=hexed(TX)), "in another block"),
        ("eth_getTransactionReceipt", receipt_with(blockNumber="0x8"), "in another block"),
    ],
)
def test_a_receipt_from_before_a_reorganisation_is_told_to_ask_for_a_new_one(
    node: Node, method: str, answer: object, why: str
) -> None:
    url = node({**truth(), method: answer})
    with pytest.raises(VerificationFailed, match=why) as caught:
        verify_receipt(RECEIPT, chain=RpcChain(url, ADDRESS))
    for words in ("reorganised", "ask for a new receipt", "/api/v1/audit/entries/<id>/receipt"):
        assert words in caught.value.why


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("eth_chainId", "0x1"),
        ("eth_call", hexed(HASHES[0])),
        (
            "eth_getTransactionReceipt",
            event_with(topics=[hexed(log_abi.LEAVES_APPENDED), "0x01"]),
        ),
    ],
)
def test_what_no_reorganisation_does_is_not_put_down_to_one(
    node: Node, method: str, answer: object
) -> None:
    url = node({**truth(), method: answer})
    with pytest.raises(VerificationFailed) as caught:
        verify_receipt(RECEIPT, chain=RpcChain(url, ADDRESS))
    assert "reorganised" not in caught.value.why


@pytest.mark.parametrize("method", sorted(truth()))
@pytest.mark.parametrize("answer", [b"", b"not JSON", b"[]", b"[" * 100_000, b"{}", KeyError("no")])
def test_a_node_that_answers_no_json_rpc_is_no_verdict(
    node: Node, method: str, answer: object
) -> None:
    url = node({**truth(), method: answer})
    with pytest.raises(OutOfReach):
        verify_receipt(RECEIPT, chain=RpcChain(url, ADDRESS))


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("eth_chainId", None),
        ("eth_chainId", "0xzz"),
        ("eth_call", 7),
        ("eth_getBlockByNumber", []),
        ("eth_getBlockByNumber", {}),
        ("eth_getBlockByNumber", {"hash": None}),
        ("eth_getTransactionReceipt", "0x"),
        ("eth_getTransactionReceipt", without("logs")),
        ("eth_getTransactionReceipt", without("blockHash")),
        ("eth_getTransactionReceipt", receipt_with(logs=None)),
        ("eth_getTransactionReceipt", receipt_with(logs=[None])),
        ("eth_getTransactionReceipt", event_with(topics=None)),
        ("eth_getTransactionReceipt", event_with(data="?")),
    ],
)
def test_a_node_that_answers_nonsense_is_no_verdict(
    node: Node, method: str, answer: object
) -> None:
    url = node({**truth(), method: answer})
    with pytest.raises(OutOfReach):
        verify_receipt(RECEIPT, chain=RpcChain(url, ADDRESS))


def test_an_answer_without_end_is_cut_off(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_MOST_BYTES", 1000)
    with pytest.raises(OutOfReach, match="more than 1000 bytes"):
        RpcChain(node({"eth_chainId": b"x" * 2000}), ADDRESS)


def test_a_node_that_is_away_is_no_verdict() -> None:
    with pytest.raises(OutOfReach, match="can't be read"):
        RpcChain("http://127.0.0.1:1/", ADDRESS)
