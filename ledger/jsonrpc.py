"""The log contract on any Ethereum node, over JSON-RPC and HTTP.

Transactions are signed here: the node needs no key. Every wait has an end, and an unsure outcome is
settled by reading the contract, whose compare-and-swap makes a second attempt harmless.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import BlockNumber, ChecksumAddress, HexStr
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.exceptions import (
    BlockNotFound,
    ContractLogicError,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers.rpc.utils import ExceptionRetryConfiguration
from web3.types import FilterParams, LogReceipt, TxParams, TxReceipt, Wei

from contracts.artifact import load_artifact
from ledger import log_abi
from ledger.chain import (
    DEFAULT_CONFIRMATIONS,
    MAX_BATCH,
    Appended,
    ChainRefused,
    ChainUnavailable,
    LeafBatch,
    StaleTree,
    TreeHead,
    cut,
)
from ledger.rpc_funding import share_to_send
from ledger.rpc_refusals import error_code, is_on_its_way

_POLL_S = 0.1
_BLOCKS_A_QUERY = 2_000
_DEPLOY_GAS = 1_500_000
_TRANSFER_GAS = 21_000
_HAND_OVER_GAS = 100_000
# A read whose answer is lost is asked again, in bad networks as often as not; a transaction never
# is: what became of it is read from the contract.
READ_ATTEMPTS = 3
_READS = [
    f"eth_{name}"
    for name in (
        *("blockNumber", "call", "chainId", "gasPrice", "getBalance", "getBlockByNumber"),
        *("getCode", "getLogs", "getTransactionCount", "getTransactionReceipt"),
    )
]
_NOT_FOUND = (BlockNotFound, TransactionNotFound)

# JSON-RPC's internal error, and EIP-1474's resource unavailable and limit exceeded.
_TRANSIENT = {-32603, -32002, -32005}
_REVERTED = "execution reverted: "


class JsonRpcChain:
    """A log contract behind a node's URL.

    Without `address` it deploys a new contract; the caller keeps `address` and `deployed_block` and
    gives them the next time. Without `secret`, the submitter's 32 bytes, it only reads.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: bytes | None = None,
        address: str | None = None,
        start_block: int = 0,
        timeout_s: float = 10.0,
        receipt_timeout_s: float = 60.0,
        confirmations: int | None = DEFAULT_CONFIRMATIONS,
    ) -> None:
        """Connect, and deploy the contract where there is no address.

        `start_block` is where to begin when looking for events: the block of the deployment. A
        block is final when `confirmations` others stand on it, or with None when the node says so.

        Raises:
            ChainUnavailable: the node doesn't answer.
            ChainRefused: there is no contract at the address, or no key to deploy one with.

        """
        self._url = url
        self._account = None if secret is None else Account.from_key(secret)
        self._receipt_timeout_s = receipt_timeout_s
        self._confirmations = confirmations
        self._session = requests.Session()
        # A proxy of the environment is for the outside; a node of this machine is asked directly.
        self._session.trust_env = urlsplit(url).hostname not in {"127.0.0.1", "localhost", "::1"}
        provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout_s},
            session=self._session,
            exception_retry_configuration=ExceptionRetryConfiguration(
                errors=(requests.ConnectionError, requests.Timeout),
                retries=READ_ATTEMPTS,
                backoff_factor=_POLL_S,
                method_allowlist=_READS,
            ),
        )
        self._web3 = Web3(provider)
        self._web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        self.deployed_block = start_block
        try:
            with self._reaching():
                self._chain_id = self._web3.eth.chain_id
            self._contract = self._deploy() if address is None else self._existing(address)
        except BaseException:
            self._session.close()
            raise

    @property
    def chain_id(self) -> int:
        """The EIP-155 id that the node gave when this object was made."""
        return self._chain_id

    @property
    def address(self) -> str:
        """The contract's address with the checksum of EIP-55."""
        return self._contract

    def head(self) -> TreeHead:
        """The log as it now is, size and root of the same block."""
        with self._reaching():
            number = self._web3.eth.block_number
        size = int.from_bytes(self._call(log_abi.tree_size_call(), number), "big")
        return TreeHead(size, self._call(log_abi.root_hash_call(), number))

    def root_at(self, size: int) -> bytes | None:
        """The root that the log had at this size; None when no batch ended there."""
        if not 0 <= size < 2**256:
            return None
        root = self._call(log_abi.root_at_call(size))
        return root if any(root) else None

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the node's block with this number; None when there is none."""
        if number < 0:
            return None
        with self._reaching():
            try:
                return bytes(self._web3.eth.get_block(BlockNumber(number))["hash"])
            except BlockNotFound:
                return None

    def append(self, expected_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
        """Append leaf hashes and wait until they are mined; see `Chain.append`.

        After `ChainUnavailable` the transaction may still be mined. A second call with the same
        arguments is safe: it returns the first one's result, or is refused as `StaleTree`.
        """
        if not 0 < len(leaf_hashes) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} leaves, not {len(leaf_hashes)}")
        actual = self._size()
        if actual != expected_size:
            raise StaleTree(expected_size, actual)
        with self._reaching():
            before = self._web3.eth.block_number
        data = log_abi.append_call(expected_size, leaf_hashes)
        gas = log_abi.append_gas(len(leaf_hashes))
        receipt = self._transact(data, gas, self._contract, expected_size)
        if receipt is not None and receipt["status"] == 1:
            return _appended(receipt["logs"], expected_size)
        return self._settle(expected_size, tuple(leaf_hashes), before)

    def events(self, from_index: int, to_index: int, *, from_block: int = 0) -> Iterator[LeafBatch]:
        """The leaf hashes of a range of indexes, from the node's logs; see `Chain.events`."""
        if from_index >= to_index:
            return
        for entry in self._logs(max(self.deployed_block, from_block)):
            batch = _batch(entry)
            part = cut(batch, max(from_index, 0), to_index)
            if part is not None:
                yield part
            if batch.first_index + len(batch.leaf_hashes) >= to_index:
                return

    def final_block(self) -> int:
        """The newest block that will stay: deep enough, or the node's `finalized`."""
        with self._reaching():
            if self._confirmations is not None:
                return max(int(self._web3.eth.block_number) - self._confirmations, -1)
            try:
                return int(self._web3.eth.get_block("finalized")["number"])
            except BlockNotFound:
                return -1

    def submitter(self) -> str:
        """The address that may append; EIP-55."""
        return to_checksum_address(self._call(log_abi.submitter_call())[-20:])

    def hand_over(self, secret: bytes) -> None:
        """Make another key the submitter, with half the ether; see `Chain.hand_over`."""
        successor = Account.from_key(secret)
        if self.submitter() != successor.address:
            # Whoever may append has to be able to pay for it from the first moment.
            self._fund(successor.address)
            data = log_abi.set_submitter_call(bytes.fromhex(successor.address[2:]))
            self._mined(self._transact(data, _HAND_OVER_GAS, self._contract))
        self._account = successor

    def _fund(self, address: ChecksumAddress) -> None:
        ours = cast("LocalAccount", self._account).address
        with self._reaching():
            share = share_to_send(self._web3.eth, ours, address, self._receipt_timeout_s)
        if share:
            self._mined(self._transact(b"", _TRANSFER_GAS, address, value=share))

    def _mined(self, receipt: TxReceipt | None) -> None:
        if receipt is None:
            raise ChainUnavailable(f"{self._url} didn't mine it in time; try again")
        if receipt["status"] != 1:
            raise ChainRefused("the change of the submitter reverted")

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _size(self) -> int:
        return int.from_bytes(self._call(log_abi.tree_size_call()), "big")

    def _call(self, data: bytes, block: int | None = None) -> bytes:
        call = TxParams(to=self._contract, data=HexStr("0x" + data.hex()))
        with self._reaching():
            if block is None:
                return bytes(self._web3.eth.call(call))
            return bytes(self._web3.eth.call(call, BlockNumber(block)))

    def _existing(self, address: str) -> ChecksumAddress:
        contract = to_checksum_address(address)
        with self._reaching():
            code = self._web3.eth.get_code(contract)
        if not code:
            raise ChainRefused(f"there is no contract at {contract} on chain {self._chain_id}")
        return contract

    def _deploy(self) -> ChecksumAddress:
        receipt = self._transact(load_artifact().bytecode, _DEPLOY_GAS, None)
        if receipt is None:
            raise ChainUnavailable(f"{self._url} didn't mine the contract in time; try again")
        if receipt["status"] != 1:
            raise ChainRefused("the deployment reverted")
        self.deployed_block = receipt["blockNumber"]
        return to_checksum_address(cast("str", receipt["contractAddress"]))

    def _transact(
        self,
        data: bytes,
        gas: int,
        to: ChecksumAddress | None,
        expected_size: int | None = None,
        value: int = 0,
    ) -> TxReceipt | None:
        """Send one transaction and wait for its receipt.

        None when the outcome is unsure: it wasn't mined in time, or the log grew by another one
        beyond `expected_size`, such as an earlier attempt of ours that was still on its way.
        """
        raw, transaction_hash = self._signed(data, gas, to, value)
        try:
            with self._reaching():
                self._web3.eth.send_raw_transaction(raw)
        except ChainRefused as refusal:
            # The node has this one, or an earlier attempt with the same nonce: wait for either.
            if not is_on_its_way(refusal.reason):
                raise
        except ChainUnavailable:
            # The request may have arrived before the line broke; the contract will tell.
            return None
        return self._wait(transaction_hash, expected_size)

    def _signed(
        self, data: bytes, gas: int, to: ChecksumAddress | None, value: int
    ) -> tuple[HexBytes, HexBytes]:
        if self._account is None:
            raise ChainRefused("this chain was opened to read only")
        sender = self._account.address
        call = TxParams({"from": sender, "data": HexStr("0x" + data.hex()), "value": Wei(value)})
        if to is not None:
            call["to"] = to
        with self._reaching():
            # Tried first, so that a refusal comes with its reason and costs nothing.
            self._web3.eth.call(call)
            transaction: dict[str, Any] = {
                **call,
                "gas": gas,
                "nonce": self._web3.eth.get_transaction_count(sender),
                **self._fees(),
                "chainId": self._chain_id,
            }
        del transaction["from"]
        signed = self._account.sign_transaction(transaction)
        return signed.raw_transaction, signed.hash

    def _fees(self) -> dict[str, int]:
        """What a unit of gas may cost: as the node suggests, and twice the base fee if it rises.

        Nodes suggest the tips of the last blocks, on a quiet chain our own: doubled, they'd grow
        for ever.
        """
        base = self._web3.eth.get_block("latest").get("baseFeePerGas")
        price = int(self._web3.eth.gas_price)
        if base is None:
            return {"gasPrice": price}
        tip = max(price - int(base), 0)
        return {"maxFeePerGas": 2 * int(base) + tip, "maxPriorityFeePerGas": tip}

    def _wait(self, transaction_hash: HexBytes, expected_size: int | None) -> TxReceipt | None:
        deadline = time.monotonic() + self._receipt_timeout_s
        while time.monotonic() < deadline:
            with self._reaching(), suppress(TransactionNotFound):
                return self._web3.eth.get_transaction_receipt(transaction_hash)
            if expected_size is not None and self._size() != expected_size:
                return None
            time.sleep(_POLL_S)
        return None

    def _settle(self, expected_size: int, leaves: tuple[bytes, ...], before: int) -> Appended:
        """What became of an append: ours is on the chain, another one is, or none is yet."""
        actual = self._size()
        if actual == expected_size:
            raise ChainUnavailable(f"{self._url} hasn't mined the batch yet; try again")
        for entry in self._logs(before, expected_size):
            if _batch(entry).leaf_hashes == leaves:
                with self._reaching():
                    receipt = self._web3.eth.get_transaction_receipt(entry["transactionHash"])
                return _appended(receipt["logs"], expected_size)
        raise StaleTree(expected_size, actual)

    def _logs(self, from_block: int, first_index: int | None = None) -> Iterator[LogReceipt]:
        """The contract's `LeavesAppended` events in order, or the one with this first index."""
        topics = [HexStr("0x" + log_abi.LEAVES_APPENDED.hex())]
        if first_index is not None:
            topics.append(HexStr(f"0x{first_index:064x}"))
        with self._reaching():
            last = self._web3.eth.block_number
        for start in range(from_block, last + 1, _BLOCKS_A_QUERY):
            query = FilterParams(
                address=self._contract,
                topics=topics,
                fromBlock=BlockNumber(start),
                toBlock=BlockNumber(min(start + _BLOCKS_A_QUERY - 1, last)),
            )
            with self._reaching():
                found = self._web3.eth.get_logs(query)
            yield from found

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Give the node's many ways of failing the two names that matter here."""
        try:
            yield
        except ContractLogicError as error:
            raise ChainRefused(str(error.message).removeprefix(_REVERTED)) from error
        except Web3RPCError as error:
            if error_code(error) in _TRANSIENT or isinstance(error, _NOT_FOUND):
                raise ChainUnavailable(f"{self._url} can't answer now: {error}") from error
            raise ChainRefused(str(error.message)) from error
        except (requests.RequestException, Web3Exception, ValueError, OSError) as error:
            raise ChainUnavailable(f"{self._url} doesn't answer: {error}") from error


def _batch(entry: LogReceipt) -> LeafBatch:
    return LeafBatch(
        int.from_bytes(entry["topics"][1], "big"),
        log_abi.decode_leaves(bytes(entry["data"])),
        bytes(entry["transactionHash"]),
        entry["blockNumber"],
        bytes(entry["blockHash"]),
    )


def _appended(logs: Sequence[LogReceipt], first_index: int) -> Appended:
    """The append that a receipt tells of: its tree head comes from the contract's own event."""
    (entry,) = (log for log in logs if bytes(log["topics"][0]) == log_abi.TREE_HEAD)
    return Appended(
        first_index,
        int.from_bytes(entry["topics"][1], "big"),
        bytes(entry["data"]),
        bytes(entry["transactionHash"]),
        entry["blockNumber"],
        bytes(entry["blockHash"]),
    )
