"""The embedded chain as any Ethereum client may read it: the read methods of the JSON-RPC.

What a method is given comes from strangers: each value is checked here, and what is asked for at
once is bounded, so that a reader costs little and never disturbs the writer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import rlp
from eth.constants import EMPTY_SHA3
from eth.exceptions import HeaderNotFound, TransactionNotFound
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie

from ledger import log_abi
from ledger import rpc_values as values
from ledger.chain_documents import (
    Document,
    block_document,
    data,
    log_documents,
    quantity,
    receipt_document,
    transaction_document,
)
from ledger.embedded import EmbeddedChain
from ledger.rpc_values import LIMIT_EXCEEDED, NOT_FOUND, REVERTED, RpcRefused

CLIENT = "Medrelay/py-evm"

# A call may compute as much as a batch of a thousand, and some more.
_CALL_GAS = 2_500_000

# The most that all calls of one request go through and compute, and how long a processor works on
# them: gas bounds each call, time whatever else takes long.
MOST_BLOCKS = 1_000
MOST_GAS = 5_000_000
MOST_CPU_S = 2.0
_ENOUGH = "this request has computed enough: ask again alone"

# The most that one call gives.
MOST_LOG_BYTES = 2**21
MOST_PROVED_SLOTS = 16

_MISSING = (HeaderNotFound, TransactionNotFound)


class ChainReader(EmbeddedChain):
    """An embedded chain opened to read only, whose blocks are read as well as its log.

    One for each request: opening costs some two milliseconds, and nobody then waits for another.
    """

    def __init__(self, path: Path, cpu_s: Callable[[], float] = time.thread_time) -> None:
        """Open the chain in the folder `path`; `ChainUnavailable` when there is none to read.

        `cpu_s` tells how many seconds the processor has worked for this thread: so that who asks
        while others do isn't given less.
        """
        super().__init__(path, read_only=True)
        self._blocks_left = MOST_BLOCKS
        self._gas_left = MOST_GAS
        self._cpu_s = cpu_s
        self._cpu_until_s = cpu_s() + MOST_CPU_S

    def demand_time(self) -> None:
        """Raise `RpcRefused` where the request has been worked on for long enough."""
        if self._cpu_s() >= self._cpu_until_s:
            raise RpcRefused(
                LIMIT_EXCEEDED,
                f"this request has taken {MOST_CPU_S:g} s of a processor, which is the most: ask "
                "for the rest in another one",
            )

    def methods(self) -> dict[str, Callable[[Sequence[object]], object]]:
        """Every method that is answered, by its name in the JSON-RPC; each takes the params.

        A method raises `RpcRefused`, whatever it is given, and nothing else of its own.
        """
        return {
            "eth_chainId": self._chain_id_of,
            "net_version": self._version,
            "web3_clientVersion": self._client,
            "eth_blockNumber": self._number,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getLogs": self._logs,
            "eth_call": self._eth_call,
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage,
            "eth_getProof": self._proof,
        }

    def _chain_id_of(self, params: Sequence[object]) -> str:
        values.take(params, 0)
        return quantity(self.chain_id)

    def _version(self, params: Sequence[object]) -> str:
        values.take(params, 0)
        return str(self.chain_id)

    def _client(self, params: Sequence[object]) -> str:
        values.take(params, 0)
        return CLIENT

    def _number(self, params: Sequence[object]) -> str:
        values.take(params, 0)
        return quantity(self._newest())

    def _block_by_number(self, params: Sequence[object]) -> Document | None:
        which, whole = values.take(params, 2, 1)
        header = self._find_header(which)
        return None if header is None else self._document(header, whole)

    def _block_by_hash(self, params: Sequence[object]) -> Document | None:
        which, whole = values.take(params, 2, 1)
        header = self._header_with_hash(values.word(which, "the block's hash"))
        return None if header is None else self._document(header, whole)

    def _document(self, header: Any, whole: object) -> Document:
        if not isinstance(whole, bool | None):
            raise values.bad_value("the second parameter", whole, "give true or false")
        return block_document(self._chain.get_block_by_header(header), whole=bool(whole))

    def _transaction(self, params: Sequence[object]) -> Document | None:
        found = self._find_transaction(params)
        return None if found is None else transaction_document(*found)

    def _receipt(self, params: Sequence[object]) -> Document | None:
        found = self._find_transaction(params)
        if found is None:
            return None
        block, index = found
        return receipt_document(block, block.get_receipts(self._chain.chaindb), index)

    def _find_transaction(self, params: Sequence[object]) -> tuple[Any, int] | None:
        (which,) = values.take(params, 1)
        try:
            number, index = self._chain.chaindb.get_transaction_index(
                values.word(which, "the transaction's hash")
            )
        except _MISSING:
            return None
        return self._chain.get_canonical_block_by_number(number), index

    def _logs(self, params: Sequence[object]) -> list[Document]:
        (given,) = values.take(params, 1)
        wanted = values.log_filter(given)
        found: list[Document] = []
        size = 0
        for header in self._headers(wanted):
            block = self._chain.get_block_by_header(header)
            for _, log in log_documents(block, block.get_receipts(self._chain.chaindb)):
                if not wanted.matches(log):
                    continue
                size += len(log["data"])
                if size > MOST_LOG_BYTES and found:
                    raise RpcRefused(
                        LIMIT_EXCEEDED,
                        f"these logs are too large for one answer: ask for fewer blocks, "
                        f"up to {quantity(header.block_number - 1)}",
                    )
                found.append(log)
        return found

    def _headers(self, wanted: values.LogFilter) -> Iterator[Any]:
        if wanted.block_hash is not None:
            header = self._header_with_hash(wanted.block_hash)
            if header is None:
                raise RpcRefused(NOT_FOUND, "there is no block with this hash")
            yield header
            return
        newest = self._newest()
        first = self._number_of(wanted.from_block, newest)
        last = min(self._number_of(wanted.to_block, newest), newest)
        blocks = max(last - first + 1, 0)
        if blocks > self._blocks_left:
            raise RpcRefused(
                LIMIT_EXCEEDED,
                f"{blocks} blocks are too many: one request, whatever its calls, may go "
                f"through {MOST_BLOCKS}",
            )
        self._blocks_left -= blocks
        for number in range(first, last + 1):
            self.demand_time()
            yield self._chain.chaindb.get_canonical_block_header_by_number(number)

    def _eth_call(self, params: Sequence[object]) -> str:
        call, which = values.take(params, 2, 1)
        asked = values.call(call)
        vm = self._chain.get_vm(self._header(which))
        code = vm.state.get_code(asked.to)
        if not code:
            return "0x"  # as on any node: there is nothing to run
        if self._gas_left <= 0:
            raise RpcRefused(LIMIT_EXCEEDED, _ENOUGH)
        wanted = min(asked.gas or _CALL_GAS, _CALL_GAS)
        computation = vm.execute_bytecode(
            origin=asked.sender,
            gas_price=0,
            gas=min(wanted, self._gas_left),
            to=asked.to,
            sender=asked.sender,
            value=asked.value,
            data=asked.data,
            code=code,
        )
        cut_short = wanted > self._gas_left == computation.get_gas_used()
        self._gas_left -= computation.get_gas_used()
        if computation.is_error and cut_short:
            raise RpcRefused(LIMIT_EXCEEDED, _ENOUGH)
        output = bytes(computation.output)
        if computation.is_error:
            reason = log_abi.decode_reason(output)
            raise RpcRefused(REVERTED, f"execution reverted: {reason}", data(output))
        return data(output)

    def _code(self, params: Sequence[object]) -> str:
        address, which = values.take(params, 2, 1)
        account = values.address(address, "the address")
        return data(self._state(which).get_code(account))

    def _storage(self, params: Sequence[object]) -> str:
        address, slot, which = values.take(params, 3, 2)
        account, at = values.address(address, "the address"), values.slot(slot)
        return data(self._state(which).get_storage(account, at).to_bytes(32, "big"))

    def _proof(self, params: Sequence[object]) -> Document:
        """EIP-1186: the account and its slots with their paths in the state's tries."""
        address, slots, which = values.take(params, 3, 2)
        account = values.address(address, "the address")
        if not isinstance(slots, list) or len(slots) > MOST_PROVED_SLOTS:
            raise values.bad_value(
                "the slots", slots, f"give a list of {MOST_PROVED_SLOTS} or less"
            )
        header = self._header(which)
        state = self._chain.get_vm(header).state
        code = state.get_code(account)
        trie = HexaryTrie(self._db, header.state_root)
        kept = trie.get(keccak(account))
        storage_root = rlp.decode(kept)[2] if kept else HexaryTrie({}).root_hash
        storage = HexaryTrie(self._db, storage_root)
        return {
            "address": data(account),
            "balance": quantity(state.get_balance(account)),
            "nonce": quantity(state.get_nonce(account)),
            "codeHash": data(keccak(code) if code else EMPTY_SHA3),
            "storageHash": data(storage_root),
            "accountProof": _path(trie, account),
            "storageProof": [
                {
                    "key": values.echoed(given),
                    "value": quantity(state.get_storage(account, at)),
                    "proof": _path(storage, at.to_bytes(32, "big")),
                }
                for given, at in [(each, values.slot(each)) for each in slots]
            ],
        }

    def _state(self, which: object) -> Any:
        return self._chain.get_vm(self._header(which)).state

    def _newest(self) -> int:
        return int(self._chain.chaindb.get_canonical_head().block_number)

    def _header(self, which: object) -> Any:
        header = self._find_header(which)
        if header is None:
            raise RpcRefused(NOT_FOUND, "there is no such block yet")
        return header

    def _find_header(self, which: object) -> Any | None:
        """The header of the block that a tag, a number or an EIP-1898 object names."""
        named = values.block(which)
        if isinstance(named, bytes):
            return self._header_with_hash(named)
        try:
            number = self._number_of(named, self._newest())
            return self._chain.chaindb.get_canonical_block_header_by_number(number)
        except _MISSING:
            return None

    def _header_with_hash(self, block_hash: bytes) -> Any | None:
        try:
            return self._chain.chaindb.get_block_header_by_hash(block_hash)
        except _MISSING:
            return None

    @staticmethod
    def _number_of(named: int | str, newest: int) -> int:
        # One writer, and no block is ever taken back: the newest is safe and final.
        return named if isinstance(named, int) else 0 if named == "earliest" else newest


def _path(trie: Any, key: bytes) -> list[str]:
    return [data(rlp.encode(node)) for node in trie.get_proof(keccak(key))]
