"""What the ledger asks of a chain: one log contract, read by anyone, appended to by one.

Two forms: `ledger.embedded.EmbeddedChain`, a chain in a folder, and `ledger.jsonrpc.JsonRpcChain`,
any Ethereum node over HTTP. Leaf hashes, roots, block and transaction hashes are 32 bytes each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MAX_BATCH = 1000

# How many blocks a block of a foreign chain needs above it before nobody expects it to go.
DEFAULT_CONFIRMATIONS = 12


class ChainError(Exception):
    """Something between us and the log contract went wrong."""


class ChainUnavailable(ChainError):
    """The chain can't be reached, or didn't answer in time; nothing is lost, try again later."""


class ChainLocked(ChainError):
    """Another process appends to this embedded chain. Names the folder."""


class ChainRefused(ChainError):
    """The contract, or the node for it, refused a call. `reason` is the contract's own word."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the log contract refused: {reason}")
        self.reason = reason


class StaleTree(ChainError):
    """The log hasn't the size that the caller took it to have, so nothing was appended."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"the log on the chain holds {actual} leaves, not {expected}")
        self.expected = expected
        self.actual = actual


@dataclass(frozen=True)
class TreeHead:
    """A log's size in leaves, and its root."""

    size: int
    root: bytes


@dataclass(frozen=True)
class LeafBatch:
    """Leaf hashes as one transaction brought them, the first of them at `first_index`."""

    first_index: int
    leaf_hashes: tuple[bytes, ...]
    tx_hash: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True)
class Appended:
    """One batch on the chain: where it starts, and the tree's size and root with it."""

    first_index: int
    size: int
    root: bytes
    tx_hash: bytes
    block_number: int
    block_hash: bytes


class Chain(Protocol):
    """A log contract on a chain.

    Every method raises `ChainUnavailable` when the chain can't be reached.
    """

    @property
    def chain_id(self) -> int:
        """The chain's EIP-155 id."""

    @property
    def address(self) -> str:
        """The contract's address, 0x and 40 hex digits with the checksum of EIP-55."""

    @property
    def deployed_block(self) -> int:
        """A block with none of the contract's events before it; 0 where nobody knows better."""

    def head(self) -> TreeHead:
        """The log as it now is."""

    def root_at(self, size: int) -> bytes | None:
        """The root that the log had at this size; None when no batch ended there."""

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the chain's block with this number; None when there is none yet."""

    def append(self, expected_size: int, leaf_hashes: Sequence[bytes]) -> Appended:
        """Append 1 to `MAX_BATCH` leaf hashes, provided that the log has the expected size.

        Raises:
            StaleTree: it has another size.
            ChainRefused: the contract refused; not the submitter, or sealed.

        """

    def events(self, from_index: int, to_index: int, *, from_block: int = 0) -> Iterator[LeafBatch]:
        """The leaf hashes with from_index <= index < to_index, as the chain's own logs hold them.

        In order, each with the transaction and the block that it arrived in; a batch that is only
        partly in the range comes cut to it. Blocks before `from_block` are known to hold none.
        """

    def final_block(self) -> int:
        """The number of the newest block that will stay; -1 where there is none yet."""

    def submitter(self) -> str:
        """The address that may append, as the contract names it; EIP-55."""

    def hand_over(self, secret: bytes) -> None:
        """Make the key with these 32 bytes the submitter, and give it what pays for its blocks.

        From then on this object appends by that key. Done already, it does nothing; broken off
        anywhere, it goes on from there when it is called again.

        Raises:
            ChainRefused: this object's key isn't the submitter, or the log is sealed.

        """

    def close(self) -> None:
        """Give back files and connections; a second call does nothing."""


def open_chain(
    url: str | None,
    folder: Path,
    *,
    address: str | None = None,
    start_block: int = 0,
    read_only: bool = False,
    timeout_s: float = 10.0,
    secret: bytes | None = None,
    confirmations: int | None = DEFAULT_CONFIRMATIONS,
) -> Chain:
    """The chain that one setting names.

    Without a URL it is the embedded chain, kept in `folder`. With one it is the node there, and the
    contract is the one at `address`, or a new one, whose address the caller keeps. The submitter's
    key is `secret`, or else `folder`/submitter.key, made when absent. `start_block` is the
    contract's `deployed_block`, so that a node isn't asked for events of earlier blocks.
    `confirmations` blocks above it make a node's block final, or with None the node's own word; on
    the embedded chain every block is final at once.

    Raises:
        ChainUnavailable: the node can't be reached, or there is no chain to read yet.
        ChainLocked: another process appends to the embedded chain.
        KeyRefused: the submitter's key isn't private, or is one that everybody knows.

    """
    # Both forms bring large libraries along: only the one that is asked for is imported.
    from ledger.keys import submitter_secret  # noqa: PLC0415

    if not read_only:
        secret = submitter_secret(folder / "submitter.key", secret)
    if url is None:
        from ledger.embedded import EmbeddedChain  # noqa: PLC0415

        return EmbeddedChain(folder, read_only=read_only, secret=secret)
    from ledger.jsonrpc import JsonRpcChain  # noqa: PLC0415

    return JsonRpcChain(
        url,
        secret=secret,
        address=address,
        start_block=start_block,
        timeout_s=timeout_s,
        confirmations=confirmations,
    )


def cut(batch: LeafBatch, from_index: int, to_index: int) -> LeafBatch | None:
    """The part of a batch that lies in the range of indexes; None when there is none."""
    start = max(from_index - batch.first_index, 0)
    leaves = batch.leaf_hashes[start : max(to_index - batch.first_index, 0)]
    if not leaves:
        return None
    return LeafBatch(
        batch.first_index + start, leaves, batch.tx_hash, batch.block_number, batch.block_hash
    )
