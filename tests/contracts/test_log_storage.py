"""A root can be proved from storage: its slot, and the path from it to the block's state root."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import rlp
from eth_tester import EthereumTester, PyEVMBackend
from eth_utils.crypto import keccak
from trie import HexaryTrie
from trie.exceptions import BadTrieProof
from web3 import EthereumTesterProvider, HTTPProvider, Web3

from contracts.artifact import load_artifact
from ledger.log_abi import root_slot
from tests.ledger import reference
from tests.ledger.anvil import running_anvil

SIZES = (1, 3, 8, 50)


@pytest.fixture(params=["eth-tester", pytest.param("anvil", marks=pytest.mark.anvil)])
def web3(request: pytest.FixtureRequest) -> Iterator[Web3]:
    if request.param == "eth-tester":
        yield Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend())))
        return
    with running_anvil() as url, requests.Session() as session:
        yield Web3(HTTPProvider(url, session=session))


def grown(web3: Web3) -> Any:
    """A log that has had a batch end at each of `SIZES`."""
    owner = web3.eth.accounts[0]
    artifact = load_artifact()
    deployed = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
    receipt = web3.eth.wait_for_transaction_receipt(
        deployed.constructor().transact({"from": owner})
    )
    log = web3.eth.contract(abi=artifact.abi, address=receipt["contractAddress"])
    hashes = reference.leaves(SIZES[-1])
    for start, stop in zip((0, *SIZES), SIZES, strict=False):
        sent = log.functions.append(start, hashes[start:stop]).transact({"from": owner})
        assert web3.eth.wait_for_transaction_receipt(sent)["status"] == 1
    return log


def test_the_documented_slot_holds_the_root(web3: Web3) -> None:
    log = grown(web3)
    hashes = reference.leaves(SIZES[-1])
    for size in (0, *SIZES):
        stored = web3.eth.get_storage_at(log.address, int.from_bytes(root_slot(size), "big"))
        assert bytes(stored) == reference.root(hashes[:size])
    for size in (2, 49, 51):
        stored = web3.eth.get_storage_at(log.address, int.from_bytes(root_slot(size), "big"))
        assert bytes(stored) == bytes(32)


def proved_root(web3: Web3, state_root: bytes, address: str, size: int) -> bytes:
    """What a stranger does: the root at a size, out of a proof against a block's state root.

    EIP-1186: the account's path in the state trie, then the slot's in the account's storage trie.
    """
    slot = root_slot(size)
    proof = web3.eth.get_proof(Web3.to_checksum_address(address), [int.from_bytes(slot, "big")])
    account = _at(state_root, keccak(hexstr=address), proof["accountProof"])
    _, _, storage_root, _ = rlp.decode(account)
    value = _at(storage_root, keccak(slot), proof["storageProof"][0]["proof"])
    return bytes(rlp.decode(value)).rjust(32, b"\x00")


def _at(root: bytes, key: bytes, nodes: list[bytes]) -> bytes:
    return bytes(HexaryTrie.get_from_proof(root, key, [rlp.decode(bytes(node)) for node in nodes]))


@pytest.mark.anvil
def test_a_storage_proof_leads_from_the_state_root_to_the_root() -> None:
    with running_anvil() as url, requests.Session() as session:
        web3 = Web3(HTTPProvider(url, session=session))
        log = grown(web3)
        hashes = reference.leaves(SIZES[-1])
        state_root = bytes(web3.eth.get_block("latest")["stateRoot"])
        for size in SIZES:
            root = proved_root(web3, state_root, log.address, size)
            assert root == reference.root(hashes[:size])
        # Against any other state root the very same proof is worth nothing.
        for bit in range(0, 256, 37):
            other = (int.from_bytes(state_root, "big") ^ (1 << bit)).to_bytes(32, "big")
            with pytest.raises(BadTrieProof):
                proved_root(web3, other, log.address, 8)
