"""The forms of a chain that the shared suite runs on."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from eth_account import Account

from ledger.chain import Chain
from ledger.embedded import EmbeddedChain
from ledger.jsonrpc import JsonRpcChain
from tests.ledger.anvil import ETHER_WEI, rpc, running_anvil
from tests.ledger.http_node import running_http_node

FORMS = ["embedded", "eth-tester", pytest.param("anvil", marks=pytest.mark.anvil)]


@contextmanager
def fresh_chain(form: str, folder: Path) -> Iterator[Chain]:
    """An empty log on a chain of this form."""
    opened = {"embedded": _embedded, "eth-tester": _on_eth_tester, "anvil": _on_anvil}[form]
    with opened(folder) as chain:
        yield chain
        chain.close()


@contextmanager
def _embedded(folder: Path) -> Iterator[Chain]:
    yield EmbeddedChain(folder)


@contextmanager
def _on_eth_tester(folder: Path) -> Iterator[Chain]:
    with running_http_node() as node:
        secret = secrets.token_bytes(32)
        node.fund(Account.from_key(secret).address)
        yield JsonRpcChain(node.url, secret=secret)


@contextmanager
def _on_anvil(folder: Path) -> Iterator[Chain]:
    with running_anvil() as url:
        secret = secrets.token_bytes(32)
        rpc(url, "anvil_setBalance", Account.from_key(secret).address, hex(100 * ETHER_WEI))
        yield JsonRpcChain(url, secret=secret)
