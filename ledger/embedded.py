"""The embedded chain: py-evm over a file, one log contract, one writer and any number of readers.

No process of its own, no port, nothing to install; and yet the same contract, blocks and receipts
as on any Ethereum chain, with the same block hashes after a restart or a kill.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from eth.chains.base import MiningChain
from eth.constants import POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth.exceptions import HeaderNotFound
from eth.vm.forks.prague import PragueVM
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address, to_checksum_address

from contracts.artifact import load_artifact
from ledger import log_abi
from ledger.chain import (
    MAX_BATCH,
    Appended,
    ChainLocked,
    ChainRefused,
    ChainUnavailable,
    LeafBatch,
    StaleTree,
    TreeHead,
    cut,
)
from ledger.kept_database import KeptDatabase
from ledger.keys import submitter_address, submitter_secret

_NOWHERE = b"\x00" * 20
_GAS_LIMIT = 30_000_000
_CALL_GAS = 10_000_000
_DEPLOY_GAS = 3_000_000
_TRANSFER_GAS = 21_000
_HAND_OVER_GAS = 100_000

# Blocks need gas to be paid for; the one account gets more ether than it can ever spend.
_ETHER_WEI = 10**27
_MAX_FEE_WEI = 10**10

# py-evm holds an event's topics as numbers.
_LEAVES_APPENDED = int.from_bytes(log_abi.LEAVES_APPENDED, "big")

_META = b"medrelay:meta"
_BATCH = b"medrelay:batch:"


class EmbeddedChain:
    """A chain kept in a folder: chain.sqlite3, submitter.key and lock.

    Opening it to write makes what is missing. The contract's submitter is a key made here, once,
    from the system's randomness. Threads may share one object.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        secret: bytes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the chain in the folder `path`; `secret` stands in for the submitter's key there.

        Raises:
            ChainLocked: another process has it open to write.
            ChainUnavailable: it can't be read, or there is none yet and `read_only` is set.
            KeyRefused: the submitter's key isn't private, or everybody knows it.

        """
        self._path = path
        self._clock = clock
        self._mutex = threading.RLock()
        self._lock_file: int | None = None
        self._secret = None if read_only else secret
        if read_only:
            self._open_to_read()
        else:
            self._open_to_write()

    @property
    def chain_id(self) -> int:
        """Drawn at random when the chain was made, below 2**53 so that JavaScript can hold it."""
        return self._chain_id

    @property
    def address(self) -> str:
        """The contract's address with the checksum of EIP-55."""
        return to_checksum_address(self._contract)

    @property
    def deployed_block(self) -> int:
        """0: batches are found by their index here, and not by looking through blocks."""
        return 0

    def head(self) -> TreeHead:
        """The log as it now is; a reader sees what the writer has committed."""
        with self._mutex:
            vm = self._vm_at_head()
            size = int.from_bytes(self._call(vm, log_abi.tree_size_call()), "big")
            return TreeHead(size, self._call(vm, log_abi.root_hash_call()))

    def root_at(self, size: int) -> bytes | None:
        """The root that the log had at this size; None when no batch ended there."""
        if not 0 <= size < 2**256:
            return None
        with self._mutex:
            root = self._call(self._vm_at_head(), log_abi.root_at_call(size))
        return root if any(root) else None

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the block with this number; None when there is none."""
        if number < 0:
            return None
        with self._mutex:
            try:
                return bytes(self._chain.chaindb.get_canonical_block_hash(number))
            except HeaderNotFound:
                return None

    def append(self, expected_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
        """Append leaf hashes in a block of their own; see `Chain.append`."""
        if not 0 < len(leaf_hashes) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} leaves, not {len(leaf_hashes)}")
        with self._mutex:
            actual = self.head().size
            if actual != expected_size:
                raise StaleTree(expected_size, actual)
            data = log_abi.append_call(expected_size, leaf_hashes)
            try:
                batch = self._mine_append(expected_size, tuple(leaf_hashes), data)
                self._db.commit()
            except BaseException:
                self._reset()
                raise
            size = expected_size + len(leaf_hashes)
            root = self.root_at(size)
        assert root is not None
        return Appended(
            expected_size, size, root, batch.tx_hash, batch.block_number, batch.block_hash
        )

    def events(
        self,
        from_index: int,
        to_index: int,
        *,
        from_block: int = 0,  # noqa: ARG002 — batches are found by their index here
    ) -> Iterator[LeafBatch]:
        """The leaf hashes of a range, from the blocks' own receipts; see `Chain.events`."""
        index = max(from_index, 0)
        while index < to_index:
            batch = self._batch_with(index)
            if batch is None:
                return
            part = cut(batch, index, to_index)
            if part is None:
                return
            yield part
            index = part.first_index + len(part.leaf_hashes)

    def final_block(self) -> int:
        """The newest block: nobody else mines here, so each is final at once."""
        with self._mutex:
            return int(self._chain.chaindb.get_canonical_head().block_number)

    def submitter(self) -> str:
        """The address that may append; EIP-55."""
        with self._mutex:
            return to_checksum_address(
                self._call(self._vm_at_head(), log_abi.submitter_call())[-20:]
            )

    def hand_over(self, secret: bytes) -> None:
        """Make another key the submitter, with the ether that pays; see `Chain.hand_over`."""
        successor = submitter_address(secret)
        with self._mutex:
            if to_canonical_address(self.submitter()) != successor:
                # Both or neither: the file is written at the end.
                try:
                    ours = self._vm_at_head().state.get_balance(self._submitter)
                    self._mine(successor, b"", _TRANSFER_GAS, value=ours // 2)
                    self._mine(
                        self._contract, log_abi.set_submitter_call(successor), _HAND_OVER_GAS
                    )
                    self._db.commit()
                except BaseException:
                    self._reset()
                    raise
            self._secret = secret

    def close(self) -> None:
        """Close the file and give up the writer's lock."""
        with self._mutex:
            self._db.close()
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    def _open_to_read(self) -> None:
        if not self._file.exists():
            raise ChainUnavailable(f"there is no chain in {self._path} yet")
        self._db = KeptDatabase(self._file, read_only=True)
        try:
            self._load()
        except BaseException:
            self._db.close()
            raise

    def _open_to_write(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock(self._path)
        try:
            self._secret = submitter_secret(self._path / "submitter.key", self._secret)
            self._db = KeptDatabase(self._file, read_only=False)
            try:
                if _META not in self._db:
                    self._create()
                self._load()
            except BaseException:
                self._db.close()
                raise
        except BaseException:
            os.close(self._lock_file)
            raise

    @property
    def _file(self) -> Path:
        return self._path / "chain.sqlite3"

    def _load(self) -> None:
        try:
            meta = json.loads(self._db[_META])
        except KeyError as error:
            raise ChainUnavailable(f"the chain in {self._path} isn't complete yet") from error
        self._chain_id = int(meta["chain_id"])
        self._contract = to_canonical_address(meta["contract"])
        self._reset()

    def _reset(self) -> None:
        """Back to the last committed block."""
        self._db.rollback()
        self._chain = _chain_class(self._chain_id)(self._db)

    def _create(self) -> None:
        """Genesis, the contract and what names them, all in the first transaction of the file."""
        self._chain_id = 2**32 + secrets.randbits(52)
        chain_class = _chain_class(self._chain_id)
        self._chain = chain_class.from_genesis(
            self._db,
            {
                "coinbase": _NOWHERE,
                "difficulty": POST_MERGE_DIFFICULTY,
                "extra_data": b"",
                "gas_limit": _GAS_LIMIT,
                "mix_hash": POST_MERGE_MIX_HASH,
                "nonce": POST_MERGE_NONCE,
                "timestamp": int(self._clock()),
            },
            {self._submitter: {"balance": _ETHER_WEI, "nonce": 0, "code": b"", "storage": {}}},
        )
        computation, _ = self._mine(b"", load_artifact().bytecode, _DEPLOY_GAS)
        contract = to_checksum_address(computation.msg.storage_address)
        meta = {"chain_id": self._chain_id, "contract": contract}
        self._db[_META] = json.dumps(meta).encode("ascii")
        self._db.commit()

    @property
    def _submitter(self) -> bytes:
        return self._private_key.public_key.to_canonical_address()

    @property
    def _private_key(self) -> PrivateKey:
        if self._secret is None:
            raise ChainRefused("this chain was opened to read only")
        return PrivateKey(self._secret)

    def _mine_append(self, first: int, leaves: tuple[bytes, ...], data: bytes) -> LeafBatch:
        _, transaction_hash = self._mine(self._contract, data, log_abi.append_gas(len(leaves)))
        header = self._chain.chaindb.get_canonical_head()
        # Which block brought which leaves: looking through all blocks' logs would take ever longer.
        self._db[_batch_key(first)] = header.block_number.to_bytes(8, "big")
        return LeafBatch(first, leaves, transaction_hash, header.block_number, bytes(header.hash))

    def _mine(self, to: bytes, data: bytes, gas: int, value: int = 0) -> tuple[Any, bytes]:
        """One transaction in one block, staged; its computation and its hash.

        Raises:
            ChainRefused: the contract reverted; nothing is mined.

        """
        chain = self._chain
        parent = chain.chaindb.get_canonical_head()
        # py-evm would stamp the block with the parent's time; a block is later than its parent.
        timestamp = max(int(self._clock()), parent.timestamp + 1)
        chain.header = chain.create_header_from_parent(
            parent, timestamp=timestamp, gas_limit=parent.gas_limit
        )
        transaction = self._signed(to, data, gas, value)
        _, _, computation = chain.apply_transaction(transaction)
        if computation.is_error:
            raise ChainRefused(log_abi.decode_reason(computation.output))
        chain.mine_block(blob_gas_used=0)
        return computation, bytes(transaction.hash)

    def _signed(self, to: bytes, data: bytes, gas: int, value: int) -> Any:
        vm = self._chain.get_vm()
        unsigned = vm.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=self._chain_id,
            nonce=vm.state.get_nonce(self._submitter),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=_MAX_FEE_WEI,
            gas=gas,
            to=to,
            value=value,
            data=data,
            access_list=(),
        )
        return unsigned.as_signed_transaction(self._private_key)

    def _vm_at_head(self) -> Any:
        return self._chain.get_vm(self._chain.chaindb.get_canonical_head())

    def _call(self, vm: Any, data: bytes) -> bytes:
        """What the contract answers; the machine is thrown away, so nothing is kept of the call."""
        computation = vm.execute_bytecode(
            origin=_NOWHERE,
            gas_price=0,
            gas=_CALL_GAS,
            to=self._contract,
            sender=_NOWHERE,
            value=0,
            data=data,
            code=vm.state.get_code(self._contract),
        )
        if computation.is_error:
            raise ChainRefused(log_abi.decode_reason(computation.output))
        return bytes(computation.output)

    def _batch_with(self, index: int) -> LeafBatch | None:
        """The batch that the leaf at this index came in, read from its block's receipts."""
        with self._mutex:
            found = self._db.floor(_batch_key(0), _batch_key(index))
            if found is None:
                return None
            number = int.from_bytes(found[1], "big")
            header = self._chain.chaindb.get_canonical_block_header_by_number(number)
            block = self._chain.get_block_by_header(header)
            receipts = block.get_receipts(self._chain.chaindb)
        for transaction, receipt in zip(block.transactions, receipts, strict=True):
            for entry in receipt.logs:
                if entry.address == self._contract and entry.topics[0] == _LEAVES_APPENDED:
                    leaves = log_abi.decode_leaves(entry.data)
                    return LeafBatch(
                        entry.topics[1], leaves, bytes(transaction.hash), number, bytes(header.hash)
                    )
        return None


def _chain_class(chain_id: int) -> Any:
    return MiningChain.configure(
        __name__="LogChain", chain_id=chain_id, vm_configuration=((0, PragueVM),)
    )


def _batch_key(first_index: int) -> bytes:
    return _BATCH + first_index.to_bytes(8, "big")


def _lock(folder: Path) -> int:
    """The writer's lock on the folder, held until the descriptor closes or the process dies."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ChainLocked(f"another process appends to the chain in {folder}") from error
    return descriptor
