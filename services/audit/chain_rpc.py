"""`/chain/rpc`: any Ethereum client reads the embedded chain, and the very roots, by itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from ledger.chain import ChainUnavailable
from services.settings import get_settings

log = structlog.get_logger(__name__)

router = APIRouter()

# The JSON-RPC's own words (EIP-1474) for: not at the moment, not this way, too much.
_UNAVAILABLE, _NOT_HERE, _BUSY = -32002, -32004, -32005

# Reading takes a processor; whoever comes when so many read already is told to try again.
_READERS = threading.BoundedSemaphore(4)
_PATIENCE_S = 2.0


class _Busy(Exception):
    """Too many are reading already."""


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post("/chain/rpc", include_in_schema=False)
def answer_rpc(body: Annotated[bytes, Depends(_body)]) -> Response:
    """JSON-RPC 2.0, reading only; a notification alone has nothing to be answered with."""
    # py-evm is large: only a process that is asked for the chain imports it.
    from ledger.chain_reader import ChainReader  # noqa: PLC0415
    from ledger.chain_rpc import answer, error_bytes  # noqa: PLC0415

    def refuse(code: int, message: str) -> Response:
        return Response(error_bytes(None, code, message), media_type="application/json")

    settings = get_settings()
    if settings.chain_url is not None:
        return refuse(_NOT_HERE, "this log is on a chain with nodes of its own: ask one of them")
    try:
        with _reading():
            answered = answer(body, partial(ChainReader, settings.data_dir / "chain"))
    except _Busy:
        return refuse(_BUSY, "too many are reading the chain: try again in a moment")
    except ChainUnavailable as error:
        # What it says names folders of this machine: that is for its own log.
        log.warning("chain_away", why=str(error))
        return refuse(_UNAVAILABLE, "the chain can't be read now, or there is none yet: try later")
    if answered is None:
        return Response(status_code=204)
    return Response(answered, media_type="application/json")


@contextmanager
def _reading() -> Iterator[None]:
    if not _READERS.acquire(timeout=_PATIENCE_S):
        raise _Busy
    try:
        yield
    finally:
        _READERS.release()
