"""Blocks, transactions, receipts and logs as Ethereum's JSON-RPC writes them.

Field by field as the Ethereum JSON-RPC specification (execution-apis) has them, so that a client
can hash a block's header or a transaction again and come to the hash that it was given. Numbers are
`0x` and hex without leading zeros ("quantity"), bytes are `0x` and two digits a byte ("data").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

Document = dict[str, Any]

_WORD = 32
_BLOOM_BYTES = 256


def data(value: bytes) -> str:
    """Bytes as JSON-RPC has them."""
    return "0x" + bytes(value).hex()


def quantity(value: int) -> str:
    """A number as JSON-RPC has it."""
    return hex(value)


def block_document(block: Any, *, whole: bool) -> Document:
    """A block with its transactions' hashes or, as a `whole`, with the transactions."""
    header = block.header
    transactions: list[Any] = [data(each.hash) for each in block.transactions]
    if whole:
        transactions = [transaction_document(block, at) for at in range(len(block.transactions))]
    return {
        "number": quantity(header.block_number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "miner": to_checksum_address(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transaction_root),
        "receiptsRoot": data(header.receipt_root),
        "logsBloom": _bloom(header.bloom),
        "difficulty": quantity(header.difficulty),
        "totalDifficulty": quantity(0),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
        "baseFeePerGas": quantity(header.base_fee_per_gas),
        "withdrawalsRoot": data(header.withdrawals_root),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root),
        "requestsHash": data(header.requests_hash),
        "size": quantity(len(rlp.encode(block))),
        "transactions": transactions,
        "uncles": [],
        "withdrawals": [],
    }


def transaction_document(block: Any, index: int) -> Document:
    """The block's transaction at `index`: all are of type 2, EIP-1559."""
    transaction = block.transactions[index]
    return {
        **_place(block, index),
        "hash": data(transaction.hash),
        "type": quantity(transaction.type_id),
        "chainId": quantity(transaction.chain_id),
        "nonce": quantity(transaction.nonce),
        "from": to_checksum_address(transaction.sender),
        "to": _address(transaction.to),
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas),
        "gasPrice": quantity(_price(block, transaction)),
        "maxFeePerGas": quantity(transaction.max_fee_per_gas),
        "maxPriorityFeePerGas": quantity(transaction.max_priority_fee_per_gas),
        "input": data(transaction.data),
        "accessList": [],
        "v": quantity(transaction.y_parity),
        "yParity": quantity(transaction.y_parity),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }


def receipt_document(block: Any, receipts: Sequence[Any], index: int) -> Document:
    """The receipt of the block's transaction at `index`, out of all receipts of the block."""
    transaction, receipt = block.transactions[index], receipts[index]
    gas_before = receipts[index - 1].gas_used if index else 0
    created = None
    if not transaction.to:
        # Where a contract comes to lie: from its deployer's address and count (Yellow Paper, 7).
        created = keccak(rlp.encode([transaction.sender, transaction.nonce]))[-20:]
    return {
        **_place(block, index),
        "transactionHash": data(transaction.hash),
        "type": quantity(transaction.type_id),
        "from": to_checksum_address(transaction.sender),
        "to": _address(transaction.to),
        "contractAddress": _address(created),
        "status": quantity(int.from_bytes(receipt.state_root, "big")),
        "cumulativeGasUsed": quantity(receipt.gas_used),
        "gasUsed": quantity(receipt.gas_used - gas_before),
        "effectiveGasPrice": quantity(_price(block, transaction)),
        "logsBloom": _bloom(receipt.bloom),
        "logs": [log for at, log in log_documents(block, receipts) if at == index],
    }


def log_documents(block: Any, receipts: Sequence[Any]) -> Iterator[tuple[int, Document]]:
    """Every log of a block in order, each with the index of the transaction that it came from."""
    log_index = 0
    for index, receipt in enumerate(receipts):
        for entry in receipt.logs:
            yield (
                index,
                {
                    **_place(block, index),
                    "transactionHash": data(block.transactions[index].hash),
                    "logIndex": quantity(log_index),
                    "address": to_checksum_address(entry.address),
                    # py-evm holds topics as numbers.
                    "topics": [data(topic.to_bytes(_WORD, "big")) for topic in entry.topics],
                    "data": data(entry.data),
                    "removed": False,
                },
            )
            log_index += 1


def _place(block: Any, index: int) -> Document:
    return {
        "blockHash": data(block.header.hash),
        "blockNumber": quantity(block.header.block_number),
        "transactionIndex": quantity(index),
    }


def _price(block: Any, transaction: Any) -> int:
    """What a unit of gas did cost, in wei (EIP-1559)."""
    offered = transaction.max_priority_fee_per_gas + block.header.base_fee_per_gas
    return int(min(transaction.max_fee_per_gas, offered))


def _address(address: bytes | None) -> str | None:
    return to_checksum_address(address) if address else None


def _bloom(bloom: int) -> str:
    return data(bloom.to_bytes(_BLOOM_BYTES, "big"))
