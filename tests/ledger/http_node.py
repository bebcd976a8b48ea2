"""eth-tester behind HTTP, so that the JSON-RPC chain meets a real socket, and faults on demand."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3
from web3.types import RPCEndpoint, Wei

HANG_S = 1.2


class HttpNode:
    """`faults[method]` is a list of what befalls the next calls of that method.

    "refuse" closes the line before the call is made, "lose" makes the call and closes the line
    without an answer, "hang" makes the call and answers too late, "error" answers 503, "pend" keeps
    the call for `mine_pending`, None lets it through.
    """

    def __init__(self) -> None:
        self.tester = EthereumTester(PyEVMBackend())
        provider = EthereumTesterProvider(self.tester)
        self.web3 = Web3(provider)
        self._request = provider.request_func(self.web3, self.web3.middleware_onion)
        self._mutex = threading.Lock()
        self._pending: list[str] = []
        self.faults: dict[str, list[str | None]] = defaultdict(list)
        self.calls: list[str] = []
        self.url = ""

    def fund(self, address: str) -> None:
        sender = self.web3.eth.accounts[0]
        self.web3.eth.send_transaction({"from": sender, "to": address, "value": Wei(10**21)})

    def mine_pending(self) -> None:
        for raw in self._pending:
            self.answer("eth_sendRawTransaction", [raw])
        self._pending.clear()

    def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        with self._mutex:
            try:
                result: Any = self._request(RPCEndpoint(method), params).get("result")
            except TransactionFailed as failure:
                return {"error": {"code": 3, "message": str(failure)}}
        return {"result": _hex(json.loads(Web3.to_json(result)))}

    def pend(self, raw: str) -> dict[str, Any]:
        if raw in self._pending:
            return {"error": {"code": -32000, "message": "already known"}}
        self._pending.append(raw)
        return {"result": Web3.to_hex(Web3.keccak(hexstr=raw))}


@contextmanager
def running_http_node() -> Iterator[HttpNode]:
    node = HttpNode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            method, params = call["method"], call["params"]
            node.calls.append(method)
            waiting = node.faults[method]
            fault = waiting.pop(0) if waiting else None
            if fault == "refuse":
                self.close_connection = True
                return
            answer = node.pend(params[0]) if fault == "pend" else node.answer(method, params)
            if fault == "lose":
                self.close_connection = True
                return
            if fault == "hang":
                time.sleep(HANG_S)
            body = json.dumps({"jsonrpc": "2.0", "id": call["id"], **answer}).encode()
            self.send_response(503 if fault == "error" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: object) -> None:
            """A client that gave up waiting is part of the tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        node.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield node
        finally:
            server.shutdown()
            thread.join()


def _hex(value: Any) -> Any:
    """Numbers as the JSON-RPC of Ethereum writes them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, dict):
        return {key: _hex(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hex(item) for item in value]
    return value
