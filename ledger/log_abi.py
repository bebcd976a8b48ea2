"""Calls to the log contract and its events, to and from bytes (the Solidity ABI)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from eth_abi import abi
from eth_utils.crypto import keccak

LEAVES_APPENDED = keccak(text="LeavesAppended(uint256,bytes32[])")
TREE_HEAD = keccak(text="TreeHead(uint256,bytes32)")

# Where the contract's layout has `_rootAt`.
_ROOTS_SLOT = 2

# Error(string), EIP-838: how a contract gives the reason of a revert.
_ERROR = keccak(text="Error(string)")[:4]


def append_call(expected_size: int, leaf_hashes: Sequence[bytes]) -> bytes:
    """The call data of `append`."""
    selector = keccak(text="append(uint256,bytes32[])")[:4]
    return selector + abi.encode(["uint256", "bytes32[]"], [expected_size, list(leaf_hashes)])


def tree_size_call() -> bytes:
    """The call data of `treeSize`."""
    return keccak(text="treeSize()")[:4]


def root_hash_call() -> bytes:
    """The call data of `rootHash`."""
    return keccak(text="rootHash()")[:4]


def root_at_call(size: int) -> bytes:
    """The call data of `rootAt`."""
    return keccak(text="rootAt(uint256)")[:4] + abi.encode(["uint256"], [size])


def root_slot(size: int) -> bytes:
    """The contract's storage slot, 32 bytes, that holds the root at `size`: for `eth_getProof`.

    Vyper lays a mapping's value at keccak256(slot || key), and the roots are slot 2.
    """
    return keccak(_ROOTS_SLOT.to_bytes(32, "big") + size.to_bytes(32, "big"))


def submitter_call() -> bytes:
    """The call data of `submitter`."""
    return keccak(text="submitter()")[:4]


def set_submitter_call(address: bytes) -> bytes:
    """The call data of `setSubmitter`; an address has 20 bytes."""
    return keccak(text="setSubmitter(address)")[:4] + abi.encode(["address"], [address])


def append_gas(leaves: int) -> int:
    """Gas that surely suffices for a batch: 300,000, and 2,500 for each leaf.

    A batch of one is measured at 95,000 at most, one of 1,000 at 1,700 for each leaf.
    """
    return 300_000 + 2_500 * leaves


def decode_leaves(data: bytes) -> tuple[bytes, ...]:
    """The leaf hashes in the data of a `LeavesAppended` event."""
    (leaves,) = abi.decode(["bytes32[]"], data)
    return tuple(cast("Sequence[bytes]", leaves))


def decode_reason(output: bytes) -> str:
    """The reason that a call reverted with, as the contract words it."""
    if output[:4] != _ERROR:
        return "no reason given"
    (reason,) = abi.decode(["string"], output[4:])
    return str(reason)
