"""An embedded chain with a small log on it, and a client of its JSON-RPC for tests."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from ledger import chain_rpc
from ledger.chain_reader import ChainReader
from ledger.embedded import EmbeddedChain
from tests.ledger import reference

SIZES = (1, 3, 8, 50)
HASHES = reference.leaves(50)


def grow(folder: Path) -> None:
    """Lay a chain into the folder on which a batch ended at each of `SIZES`."""
    with closing(EmbeddedChain(folder)) as chain:
        for start, stop in zip((0, *SIZES), SIZES, strict=False):
            chain.append(start, HASHES[start:stop])


def ask(folder: Path, body: object) -> Any:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    answered = chain_rpc.answer(sent, lambda: ChainReader(folder))
    return None if answered is None else json.loads(answered)


def call(folder: Path, method: str, *params: object) -> Any:
    answered = ask(folder, {"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    assert answered["id"] == 7
    assert "error" not in answered, answered
    return answered["result"]


def refusal(folder: Path, method: str, *params: object) -> tuple[int, str]:
    answered = ask(folder, {"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    assert "result" not in answered, answered
    return answered["error"]["code"], answered["error"]["message"]


def root(size: int) -> str:
    return "0x" + reference.root(HASHES[:size]).hex()
