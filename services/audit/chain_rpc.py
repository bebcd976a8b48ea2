"""`/chain/rpc`: any Ethereum client reads the embedded chain, and the very roots, by itself."""

from functools import partial

import anyio
import structlog
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from ledger.chain import ChainUnavailable
from services.settings import get_settings

log = structlog.get_logger(__name__)

router = APIRouter()

# The JSON-RPC's own words (EIP-1474) for: not at the moment, not this way, too much.
_UNAVAILABLE, _NOT_HERE, _BUSY = -32002, -32004, -32005

# Reading takes a processor; whoever comes when so many read already is told to try again. Nobody
# waits in a thread: the service has few, and every other request needs one. More than two at once
# would only take the interpreter from each other, and from everybody else.
_READERS = anyio.Semaphore(2)
_PATIENCE_S = 2.0


@router.post("/chain/rpc", include_in_schema=False)
async def answer_rpc(request: Request) -> Response:
    """JSON-RPC 2.0, reading only; a notification alone has nothing to be answered with."""
    body = await request.body()
    try:
        with anyio.fail_after(_PATIENCE_S):
            await _READERS.acquire()
    except TimeoutError:
        busy = "too many are reading the chain: try again in a moment"
        return await run_sync(_refused, _BUSY, busy)
    try:
        return await run_sync(_answered, body)
    finally:
        _READERS.release()


def _answered(body: bytes) -> Response:
    # py-evm is large: only a process that is asked for the chain imports it.
    from ledger.chain_reader import ChainReader  # noqa: PLC0415
    from ledger.chain_rpc import answer  # noqa: PLC0415

    settings = get_settings()
    if settings.chain_url is not None:
        return _refused(_NOT_HERE, "this log is on a chain with nodes of its own: ask one of them")
    try:
        answered = answer(body, partial(ChainReader, settings.data_dir / "chain"))
    except ChainUnavailable as error:
        # What it says names folders of this machine: that is for its own log.
        log.warning("chain_away", why=str(error))
        return _refused(
            _UNAVAILABLE, "the chain can't be read now, or there is none yet: try later"
        )
    if answered is None:
        return Response(status_code=204)
    return Response(answered, media_type="application/json")


def _refused(code: int, message: str) -> Response:
    from ledger.chain_rpc import error_bytes  # noqa: PLC0415

    return Response(error_bytes(None, code, message), media_type="application/json")
