"""The embedded chain by JSON-RPC: what it answers is the chain's own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie

from ledger import log_abi
from ledger.chain_reader import ChainReader
from ledger.embedded import EmbeddedChain
from tests.ledger import reference
from tests.ledger.rpc_client import HASHES, SIZES, ask, call, grow, root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    grow(folder)
    return folder


@pytest.fixture(scope="module")
def chain(folder: Path) -> Iterator[EmbeddedChain]:
    with closing(EmbeddedChain(folder, read_only=True)) as chain:
        yield chain


def test_the_chain_names_itself(folder: Path, chain: EmbeddedChain) -> None:
    assert int(call(folder, "eth_chainId"), 16) == chain.chain_id
    assert call(folder, "net_version") == str(chain.chain_id)
    assert "Medrelay" in call(folder, "web3_clientVersion")
    assert call(folder, "eth_blockNumber") == hex(5)


def test_a_call_reads_the_roots(folder: Path, chain: EmbeddedChain) -> None:
    for size in SIZES:
        data = "0x" + log_abi.root_at_call(size).hex()
        assert call(folder, "eth_call", {"to": chain.address, "data": data}) == root(size)
        assert call(folder, "eth_call", {"to": chain.address, "input": data}, "latest") == root(
            size
        )


@pytest.mark.parametrize("number", range(1, 6))
def test_a_call_reads_the_log_as_of_an_earlier_block(
    folder: Path, chain: EmbeddedChain, number: int
) -> None:
    asked = {"to": chain.address, "data": "0x" + log_abi.tree_size_call().hex()}
    block_hash = call(folder, "eth_getBlockByNumber", hex(number))["hash"]
    named = [hex(number), {"blockNumber": hex(number)}, {"blockHash": block_hash}]
    for which in named:
        assert int(call(folder, "eth_call", asked, which), 16) == (0, *SIZES)[number - 1]


def test_a_blocks_hash_is_the_hash_of_what_is_answered(folder: Path, chain: EmbeddedChain) -> None:
    parent = "0x" + "00" * 32
    for number in range(6):
        block = call(folder, "eth_getBlockByNumber", hex(number), False)
        known = chain.block_hash(number)
        assert known is not None
        assert "0x" + known.hex() == block["hash"] == "0x" + keccak(header(block)).hex()
        assert call(folder, "eth_getBlockByHash", block["hash"], False) == block
        assert block["parentHash"] == parent
        parent = block["hash"]


def header(block: dict[str, Any]) -> bytes:
    """The header in RLP, put together from the answer alone, as a stranger's client does."""
    names = (
        *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot"),
        *("logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData"),
        *("mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas"),
        *("parentBeaconBlockRoot", "requestsHash"),
    )
    numbers = {
        *("difficulty", "number", "gasLimit", "gasUsed", "timestamp"),
        *("baseFeePerGas", "blobGasUsed", "excessBlobGas"),
    }
    fields = [
        int(block[name], 16) if name in numbers else bytes.fromhex(block[name][2:])
        for name in names
    ]
    return bytes(rlp.encode(fields))


def test_transactions_and_receipts_are_the_batches(folder: Path, chain: EmbeddedChain) -> None:
    for batch in chain.events(0, 50):
        at = "0x" + batch.tx_hash.hex()
        sent, receipt = (
            call(folder, method, at)
            for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt")
        )
        data = log_abi.append_call(batch.first_index, batch.leaf_hashes)
        assert sent["input"] == "0x" + data.hex()
        assert sent["to"] == receipt["to"] == chain.address
        assert sent["blockHash"] == receipt["blockHash"] == "0x" + batch.block_hash.hex()
        assert (receipt["status"], receipt["contractAddress"]) == ("0x1", None)
        leaves, tree_head = receipt["logs"]
        assert leaves["topics"][0] == "0x" + log_abi.LEAVES_APPENDED.hex()
        assert log_abi.decode_leaves(bytes.fromhex(leaves["data"][2:])) == batch.leaf_hashes
        assert tree_head["data"] == root(batch.first_index + len(batch.leaf_hashes))
        assert [log["logIndex"] for log in receipt["logs"]] == ["0x0", "0x1"]
        whole = call(folder, "eth_getBlockByHash", receipt["blockHash"], True)
        assert whole["transactions"] == [sent]


def test_the_first_receipt_names_the_contract(folder: Path, chain: EmbeddedChain) -> None:
    (at,) = call(folder, "eth_getBlockByNumber", "0x1")["transactions"]
    assert call(folder, "eth_getTransactionReceipt", at)["contractAddress"] == chain.address
    assert call(folder, "eth_getTransactionByHash", at)["to"] is None
    assert len(call(folder, "eth_getCode", chain.address)) > 1000
    assert call(folder, "eth_getCode", chain.address, "earliest") == "0x"


def test_logs_are_found_by_range_address_topic_and_block(
    folder: Path, chain: EmbeddedChain
) -> None:
    heads, appended = "0x" + log_abi.TREE_HEAD.hex(), "0x" + log_abi.LEAVES_APPENDED.hex()
    everywhere = {"fromBlock": "earliest", "toBlock": "latest"}

    def found(**wanted: object) -> list[Any]:
        return list(call(folder, "eth_getLogs", everywhere | wanted))

    assert len(found()) == 1 + 2 * len(SIZES)
    assert [log["data"] for log in found(topics=[heads])] == [root(size) for size in SIZES]
    assert len(found(topics=[[heads, appended]], address=[chain.address])) == 2 * len(SIZES)
    eight = "0x" + (8).to_bytes(32, "big").hex()
    (log,) = found(topics=[heads, eight])
    assert found(topics=[None, eight])[0] == log
    assert found(topics=[heads, eight, None]) == []
    assert found(address="0x" + "00" * 20) == []
    assert len(found(fromBlock="0x3", toBlock="0x4")) == 4
    assert found(fromBlock=hex(2**200), toBlock=hex(2**201)) == []
    in_block = call(folder, "eth_getLogs", {"blockHash": log["blockHash"]})
    assert log in in_block
    assert len(in_block) == 2


def test_a_root_is_proved_from_the_state_root(folder: Path, chain: EmbeddedChain) -> None:
    state_root = call(folder, "eth_getBlockByNumber", "latest")["stateRoot"]
    for size in SIZES:
        slot = log_abi.root_slot(size)
        assert call(folder, "eth_getStorageAt", chain.address, "0x" + slot.hex()) == root(size)
        proof = call(folder, "eth_getProof", chain.address, ["0x" + slot.hex()], "latest")
        account = walked(state_root, keccak(hexstr=chain.address), proof["accountProof"])
        assert "0x" + rlp.decode(account)[2].hex() == proof["storageHash"]
        (proved,) = proof["storageProof"]
        value = rlp.decode(walked(proof["storageHash"], keccak(slot), proved["proof"]))
        assert "0x" + value.rjust(32, b"\x00").hex() == root(size)
        assert int(proved["value"], 16) == int(root(size), 16)


def walked(root_hash: str, key: bytes, nodes: list[str]) -> bytes:
    decoded = [rlp.decode(bytes.fromhex(node[2:])) for node in nodes]
    root = bytes.fromhex(root_hash[2:])
    return bytes(HexaryTrie.get_from_proof(root, key, decoded))  # type: ignore[no-untyped-call]


def test_what_there_is_not_is_proved_empty(folder: Path, chain: EmbeddedChain) -> None:
    proof = call(folder, "eth_getProof", chain.address, ["0x63"], "latest")
    assert proof["storageProof"][0]["value"] == "0x0"
    assert walked(proof["storageHash"], keccak((99).to_bytes(32, "big")), _nodes(proof)) == b""
    nobody = call(folder, "eth_getProof", "0x" + "77" * 20, ["0x0"], "latest")
    assert (nobody["balance"], nobody["nonce"], _nodes(nobody)) == ("0x0", "0x0", [])


def _nodes(proof: dict[str, Any]) -> list[str]:
    return list(proof["storageProof"][0]["proof"])


NULLS = [
    ("eth_getBlockByNumber", "0x6", False),
    ("eth_getBlockByNumber", hex(2**255), False),
    ("eth_getBlockByHash", "0x" + "00" * 32, True),
    ("eth_getTransactionByHash", "0x" + "00" * 32),
    ("eth_getTransactionReceipt", "0x" + "11" * 32),
]


@pytest.mark.parametrize("asked", NULLS)
def test_what_isnt_there_is_null(folder: Path, asked: tuple[Any, ...]) -> None:
    assert call(folder, *asked) is None


def test_a_call_to_nobody_gives_nothing(folder: Path) -> None:
    # The sixth precompile too: it would compute for whoever asks.
    for address in ("0x" + "77" * 20, "0x" + "05".rjust(40, "0")):
        assert call(folder, "eth_call", {"to": address, "data": "0x" + "ff" * 96}) == "0x"


def test_a_revert_tells_its_reason(folder: Path, chain: EmbeddedChain) -> None:
    data = "0x" + log_abi.append_call(50, HASHES[:1]).hex()
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_call"}
    answered = ask(folder, asked | {"params": [{"to": chain.address, "data": data}, "latest"]})
    assert answered["error"]["code"] == 3
    assert answered["error"]["message"] == "execution reverted: not the submitter"
    output = bytes.fromhex(answered["error"]["data"][2:])
    assert log_abi.decode_reason(output) == "not the submitter"


def test_a_call_changes_nothing(folder: Path, chain: EmbeddedChain) -> None:
    (at,) = call(folder, "eth_getBlockByNumber", "0x1")["transactions"]
    owner = call(folder, "eth_getTransactionByHash", at)["from"]
    data = "0x" + log_abi.append_call(50, HASHES[:1]).hex()
    before = chain.head()
    for _ in range(2):
        result = call(folder, "eth_call", {"from": owner, "to": chain.address, "data": data})
        assert result == "0x" + reference.root([*HASHES, HASHES[0]]).hex()
    assert chain.head() == before


def test_a_reader_sees_what_the_writer_adds_and_never_stands_in_its_way(tmp_path: Path) -> None:
    with closing(EmbeddedChain(tmp_path)) as writer, closing(ChainReader(tmp_path)) as reader:
        size = {"to": writer.address, "data": "0x" + log_abi.tree_size_call().hex()}
        for count in range(3):
            read = reader.methods()["eth_call"]([size, "latest"])
            assert int(str(read), 16) == count
            writer.append(count, HASHES[count : count + 1])
