"""A client of Ethereum's own kind, web3, reads a served application's chain over HTTP."""

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
import requests
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError, Web3RPCError

from contracts.artifact import load_artifact
from ledger import verify
from ledger.chain import open_chain
from ledger.embedded import EmbeddedChain
from services.audit import chain_rpc
from services.settings import Settings
from tests.ledger import reference

SIZES = (2, 5, 12)
HASHES = reference.leaves(SIZES[-1])
NUMBER = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedChain]:
    """The chain, open to be written, of the data folder that the application has."""
    settings = Settings(data_dir=tmp_path)
    monkeypatch.setattr(chain_rpc, "get_settings", lambda: settings)
    with closing(EmbeddedChain(tmp_path / "chain")) as chain:
        for start, stop in zip((0, *SIZES), SIZES, strict=False):
            chain.append(start, HASHES[start:stop])
        yield chain


@pytest.fixture
def web3(api: TestClient, application: FastAPI, writer: EmbeddedChain) -> Iterator[Web3]:
    server = uvicorn.Server(
        uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with requests.Session() as session:
            yield Web3(HTTPProvider(f"http://127.0.0.1:{port}/chain/rpc", session=session))
    finally:
        server.should_exit = True
        thread.join()


def test_web3_reads_the_very_roots(web3: Web3, writer: EmbeddedChain) -> None:
    log = web3.eth.contract(
        abi=load_artifact().abi, address=Web3.to_checksum_address(writer.address)
    )
    assert web3.eth.chain_id == writer.chain_id
    assert log.functions.treeSize().call() == SIZES[-1]
    for size in SIZES:
        assert log.functions.rootAt(size).call() == reference.root(HASHES[:size])
    assert log.functions.rootAt(3).call() == bytes(32)
    assert len(log.functions.peaks().call()) == 2
    assert log.functions.treeSize().call(block_identifier=2) == SIZES[0]


def test_web3_reads_blocks_logs_transactions_and_receipts(
    web3: Web3, writer: EmbeddedChain
) -> None:
    log = web3.eth.contract(
        abi=load_artifact().abi, address=Web3.to_checksum_address(writer.address)
    )
    found = log.events.LeavesAppended().get_logs(from_block=0)
    batches = list(writer.events(0, SIZES[-1]))
    assert [event["args"]["firstIndex"] for event in found] == [0, *SIZES[:-1]]
    for event, batch in zip(found, batches, strict=True):
        assert tuple(event["args"]["leafHashes"]) == batch.leaf_hashes
        assert bytes(event["transactionHash"]) == batch.tx_hash
        block: Any = web3.eth.get_block(batch.block_number, full_transactions=True)
        assert bytes(block["hash"]) == batch.block_hash == writer.block_hash(batch.block_number)
        assert web3.eth.get_block(batch.block_hash)["stateRoot"] == block["stateRoot"]
        (sent,) = block["transactions"]
        assert web3.eth.get_transaction(batch.tx_hash) == sent
        receipt = web3.eth.get_transaction_receipt(batch.tx_hash)
        assert (receipt["status"], receipt["blockHash"]) == (1, block["hash"])
        assert receipt["from"] == sent["from"]
    assert web3.eth.block_number == batches[-1].block_number
    assert web3.client_version.startswith("Medrelay")
    assert web3.net.version == str(writer.chain_id)
    assert len(web3.eth.get_code(Web3.to_checksum_address(writer.address))) > 1000


def test_web3_sees_what_is_appended_meanwhile(web3: Web3, writer: EmbeddedChain) -> None:
    log = web3.eth.contract(
        abi=load_artifact().abi, address=Web3.to_checksum_address(writer.address)
    )
    for size in range(SIZES[-1], SIZES[-1] + 3):
        appended = writer.append(size, [hashlib.sha256(b"%d" % size).digest()])
        assert log.functions.rootHash().call() == appended.root


def test_our_own_reader_of_nodes_takes_it_for_one(
    web3: Web3, writer: EmbeddedChain, tmp_path: Path
) -> None:
    assert isinstance(web3.provider, HTTPProvider)
    url = str(web3.provider.endpoint_uri)
    chain = open_chain(url, tmp_path / "reader", address=writer.address, read_only=True)
    with closing(chain) as reader:
        assert (reader.chain_id, reader.address) == (writer.chain_id, writer.address)
        assert reader.head() == writer.head()
        assert list(reader.events(1, SIZES[-1])) == list(writer.events(1, SIZES[-1]))
        for size in (0, 3, *SIZES, 99):
            assert reader.root_at(size) == writer.root_at(size)
        for number in (0, 1, 4, 5):
            assert reader.block_hash(number) == writer.block_hash(number)


def test_the_verifier_for_strangers_reads_it(web3: Web3, writer: EmbeddedChain) -> None:
    assert isinstance(web3.provider, HTTPProvider)
    reader = verify.RpcChain(str(web3.provider.endpoint_uri), writer.address)
    assert reader.chain_id == writer.chain_id
    assert reader.head().size == SIZES[-1]
    assert reader.root_at(SIZES[1]) == reference.root(HASHES[: SIZES[1]])
    assert reader.root_at(SIZES[1] + 1) is None
    for batch in writer.events(0, SIZES[-1]):
        assert reader.block_hash(batch.block_number) == batch.block_hash
        (found,) = reader.batches_of(batch.tx_hash)
        assert (found.first_index, found.leaf_hashes) == (batch.first_index, batch.leaf_hashes)
    assert reader.block_hash(99) is None
    assert list(reader.batches_of(bytes(32))) == []


def test_web3_can_write_nothing(web3: Web3, writer: EmbeddedChain) -> None:
    address = Web3.to_checksum_address(writer.address)
    log = web3.eth.contract(abi=load_artifact().abi, address=address)
    before = writer.head()
    with pytest.raises(ContractLogicError, match="not the submitter"):
        log.functions.append(SIZES[-1], HASHES[:1]).call()
    for attempt in (
        lambda: web3.eth.send_raw_transaction(b"\x02\xc0"),
        lambda: web3.eth.send_transaction(
            {"to": address, "from": address, "gas": 1, "gasPrice": 0}
        ),
        lambda: web3.eth.accounts,
    ):
        with pytest.raises(Web3RPCError, match="isn't answered here"):
            attempt()
    assert writer.head() == before


def ask(api: TestClient, **sent: Any) -> Any:
    answer = api.post("/chain/rpc", **sent)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()


def test_what_isnt_a_request_gets_an_error_of_the_json_rpc(
    api: TestClient, writer: EmbeddedChain
) -> None:
    assert ask(api, content=b"{")["error"]["code"] == -32700
    assert ask(api, content=b"")["error"]["code"] == -32700
    assert ask(api, json=[])["error"]["code"] == -32600
    assert ask(api, json=NUMBER | {"method": "evm_mine"})["error"]["code"] == -32601
    # Whatever it calls itself: clients differ.
    assert ask(api, content=b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}')["result"]
    assert [each["result"] for each in ask(api, json=[NUMBER, NUMBER])] == ["0x4", "0x4"]


def test_a_notification_alone_is_answered_with_nothing(
    api: TestClient, writer: EmbeddedChain
) -> None:
    answer = api.post("/chain/rpc", json={"jsonrpc": "2.0", "method": "eth_chainId"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_too_large_a_body_and_another_verb_are_problems(
    api: TestClient, writer: EmbeddedChain
) -> None:
    assert api.post("/chain/rpc", content=b" " * (2**20 + 1)).status_code == 413
    refused = api.get("/chain/rpc")
    assert (refused.status_code, refused.json()["mend"]) == (405, "use POST")


def test_where_the_chain_has_nodes_of_its_own_they_are_to_be_asked(
    api: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Settings(data_dir=tmp_path, chain_url="http://user:secret@127.0.0.1:1")
    monkeypatch.setattr(chain_rpc, "get_settings", lambda: elsewhere)
    answered = ask(api, json=NUMBER)
    assert answered["error"]["code"] == -32004
    assert "ask one of them" in answered["error"]["message"]
    assert "secret" not in str(answered)


def test_a_chain_that_isnt_there_yet_is_told_without_its_folder(
    api: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_rpc, "get_settings", lambda: Settings(data_dir=tmp_path / "none"))
    answered = ask(api, json=NUMBER)
    assert answered["error"]["code"] == -32002
    assert str(tmp_path) not in str(answered)


def test_whoever_comes_when_many_read_is_told_to_wait(
    api: TestClient, writer: EmbeddedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_rpc, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(chain_rpc, "_READERS", anyio.Semaphore(0))
    assert ask(api, json=NUMBER)["error"]["code"] == -32005
    monkeypatch.setattr(chain_rpc, "_READERS", anyio.Semaphore(1))
    assert [ask(api, json=NUMBER)["result"] for _ in range(2)] == ["0x4", "0x4"]


def test_whoever_waits_to_read_the_chain_holds_no_thread_of_the_service(
    application: FastAPI, writer: EmbeddedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More callers wait than the service has threads, and another request is answered."""
    readers = anyio.Semaphore(0)
    monkeypatch.setattr(chain_rpc, "_READERS", readers)
    monkeypatch.setattr(chain_rpc, "_PATIENCE_S", 60.0)
    with TestClient(application) as api, ThreadPoolExecutor(60) as callers:
        assert api.portal is not None
        waiting = [callers.submit(ask, api, json=NUMBER) for _ in range(60)]
        while api.portal.call(readers.statistics).tasks_waiting < 60:
            time.sleep(0.01)
        assert api.get("/log/verify.py.sha256").status_code == 200
        api.portal.call(readers.release)
        assert {each.result()["result"] for each in waiting} == {"0x4"}
