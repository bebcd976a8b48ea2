"""JSON-RPC 2.0 over the embedded chain: a request's bytes in, an answer's bytes out.

Bounded in what comes in, in what is worked on it and in what goes out, and never an exception for
anything that a stranger sends: whatever is wrong is an error of the JSON-RPC, in the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from ledger.chain_reader import ChainReader
from ledger.rpc_values import BAD_PARAMS, LIMIT_EXCEEDED, RpcRefused, echoed

NOT_JSON = -32700
BAD_REQUEST = -32600
NO_METHOD = -32601
UNAVAILABLE = -32002

MOST_CALLS = 100
MOST_ANSWER_BYTES = 2**23


def answer(body: bytes, open_reader: Callable[[], ChainReader]) -> bytes | None:
    """The answer to a request or to a batch of up to 100; None where nothing is to be answered.

    `open_reader` is called once, and only for a request that can be read; what it raises of
    `ChainError` is the caller's to tell.
    """
    try:
        asked = json.loads(
            body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_each_once
        )
    except _Repeated as error:
        return error_bytes(None, BAD_REQUEST, f"{echoed(error.key)} stands twice in one object")
    except (ValueError, RecursionError):
        return error_bytes(None, NOT_JSON, "this isn't JSON (RFC 8259)")
    if not isinstance(asked, list):
        return _all([asked], open_reader, single=True)
    if not 0 < len(asked) <= MOST_CALLS:
        many = f"a batch has 1 to {MOST_CALLS} calls, not {len(asked)}"
        return error_bytes(None, BAD_REQUEST, many)
    return _all(asked, open_reader, single=False)


def error_bytes(called: object, code: int, message: str) -> bytes:
    """An answer that is nothing but this error."""
    return _bytes(_error(called, code, message))


def _all(
    asked: list[object], open_reader: Callable[[], ChainReader], *, single: bool
) -> bytes | None:
    answers: list[bytes] = []
    reader = open_reader()
    try:
        left = MOST_ANSWER_BYTES
        for each in asked:
            document = _one(each, reader, full=left <= 0)
            if document is not None:
                answers.append(_bytes(document))
                left -= len(answers[-1])
    finally:
        reader.close()
    if not answers:
        return None
    return answers[0] if single else b"[" + b",".join(answers) + b"]"


def _one(asked: object, reader: ChainReader, *, full: bool) -> dict[str, Any] | None:
    """The answer to one call; None to a notification, which is a call without an id."""
    called: Any = asked.get("id") if isinstance(asked, dict) else None
    if isinstance(called, bool) or not isinstance(called, str | int | None):
        return _error(None, BAD_REQUEST, "id: give a text, a whole number or null")
    try:
        result = _result(asked, reader, full=full)
    except RpcRefused as refused:
        document = _error(called, refused.code, str(refused), refused.output)
        if refused.code == BAD_REQUEST:
            return document
    else:
        document = {"jsonrpc": "2.0", "id": called, "result": result}
    return document if isinstance(asked, dict) and "id" in asked else None


def _result(asked: object, reader: ChainReader, *, full: bool) -> object:
    method, params = _request(asked)
    methods = reader.methods()
    if full:
        raise RpcRefused(LIMIT_EXCEEDED, "the answers before fill the batch: ask again alone")
    if method not in methods:
        there = ", ".join(sorted(methods))
        raise RpcRefused(NO_METHOD, f"{echoed(method)} isn't answered here; there are {there}")
    reader.demand_time()
    return methods[method](params)


def _request(asked: object) -> tuple[str, list[object]]:
    if not isinstance(asked, dict):
        raise RpcRefused(BAD_REQUEST, "a call is an object with jsonrpc, id, method and params")
    if asked.get("jsonrpc") != "2.0":
        raise RpcRefused(BAD_REQUEST, 'jsonrpc: give "2.0"')
    method, params = asked.get("method"), asked.get("params", [])
    if not isinstance(method, str):
        raise RpcRefused(BAD_REQUEST, "method: give its name, as a text")
    if not isinstance(params, list):
        raise RpcRefused(BAD_PARAMS, "params: give a list")
    return method, params


def _error(called: object, code: int, message: str, output: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if output is not None:
        error["data"] = output
    return {"jsonrpc": "2.0", "id": called, "error": error}


class _Repeated(Exception):
    """A key that stands twice in an object: parsers differ on which of the two holds."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _Repeated(key)
        found[key] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} isn't JSON")


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
