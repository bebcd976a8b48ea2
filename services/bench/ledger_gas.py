"""What a record costs on a chain: the log contract beside three others and a bare event.

All on one EVM in one run, at the rules of Prague, whose EIP-7623 sets a floor under the price of
call data: 40 gas a non-zero byte, so 1,280 for the 32 bytes of a hash.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3

from contracts.artifact import Artifact, load_artifact, load_compared

# Batch size: how many batches are measured. A batch of one costs more or less by the size that
# the tree happens to have; large ones hardly differ.
BATCHES = {1: 64, 10: 32, 100: 16, 1000: 4}

# Every level up to here has had its slot written for the first time before anything is measured.
GROWN_TO = 1023
_GAS = 29_000_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """A way to record: its contract, and the call that records hashes after `size` of them."""

    name: str
    artifact: Artifact
    function: str
    arguments: Callable[[int, list[bytes]], tuple[Any, ...]]


def methods() -> tuple[Method, ...]:
    """Return what is measured, the log contract first."""

    def hashes_alone(_: int, hashes: list[bytes]) -> tuple[Any, ...]:
        return (hashes,)

    def root(size: int, hashes: list[bytes]) -> tuple[Any, ...]:
        # Any 32 bytes cost what a root costs: the contract takes it on trust.
        return size + len(hashes), hashlib.sha256(b"".join(hashes)).digest()

    return (
        Method("medrelay", load_artifact(), "append", lambda size, hashes: (size, hashes)),
        Method("bare event", load_compared("BareEvent"), "record", hashes_alone),
        Method("event a record", load_compared("EventARecord"), "record", hashes_alone),
        Method("mapping a record", load_compared("MappingARecord"), "record", hashes_alone),
        Method("root-only anchor", load_compared("RootOnly"), "anchor", root),
    )


def run_gas(
    batches: dict[int, int],
    title: Callable[[str], None],
    chosen: Sequence[Method] | None = None,
) -> list[Row]:
    """Return a row for each method and batch size: gas a record, whole transactions divided.

    `batches` says how many batches of each size are measured; `gas_per_record` is their mean,
    `least` and `most` the cheapest and the dearest of them, and `gas_first` what the first batch
    into a contract without any record costs.
    """
    evm = f"py-evm {version('py-evm')}, Prague"
    web3 = Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend())))
    rows = []
    for method in chosen or methods():
        for batch, count in batches.items():
            title(f"{method.name}, batches of {batch:,}")
            first = _measured(web3, method, batch, 1, grown_to=0)
            spent = _measured(web3, method, batch, count, grown_to=GROWN_TO)
            rows.append(
                {
                    "kind": "gas",
                    "method": method.name,
                    "batch": batch,
                    "gas_per_record": round(sum(spent) / count / batch, 1),
                    "least": round(min(spent) / batch, 1),
                    "most": round(max(spent) / batch, 1),
                    "gas_first": round(first[0] / batch, 1),
                    "batches": count,
                    "evm": evm,
                }
            )
    return rows


def _measured(web3: Web3, method: Method, batch: int, count: int, *, grown_to: int) -> list[int]:
    """Gas of each of `count` batches, in a fresh contract that has grown to `grown_to` records."""
    sender = web3.eth.accounts[0]
    abi = method.artifact.abi
    factory = web3.eth.contract(abi=abi, bytecode=method.artifact.bytecode)
    deployed = web3.eth.wait_for_transaction_receipt(
        factory.constructor().transact({"from": sender, "gas": _GAS})
    )
    contract = web3.eth.contract(abi=abi, address=deployed["contractAddress"])

    def record(size: int, hashes: list[bytes]) -> int:
        call = contract.functions[method.function](*method.arguments(size, hashes))
        receipt = web3.eth.wait_for_transaction_receipt(
            call.transact({"from": sender, "gas": _GAS})
        )
        if receipt["status"] != 1:
            raise RuntimeError(f"{method.name} refused {len(hashes)} records at {size}")
        return int(receipt["gasUsed"])

    # In two steps: together they are more than one batch may hold.
    for start, stop in ((0, grown_to // 2), (grown_to // 2, grown_to)):
        if stop > start:
            record(start, _hashes(start, stop))
    starts = range(grown_to, grown_to + count * batch, batch)
    return [record(start, _hashes(start, start + batch)) for start in starts]


def _hashes(start: int, stop: int) -> list[bytes]:
    """Distinct leaf hashes; as all hashes, with a zero byte in 256."""
    return [hashlib.sha256(b"\x00record %d" % index).digest() for index in range(start, stop)]
