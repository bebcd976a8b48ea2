"""`/log/dump.jsonl.gz`: the whole log in one file, to so many readers at once."""

import asyncio
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from services.audit import reading, service
from services.errors import Unavailable
from services.settings import get_settings
from services.web.head import asks_head_only, is_known
from services.web.http import DatabaseSession

router = APIRouter()

_WAIT_S = 30
_STALLED_S = 60.0
# To be raised where the same records would come out as other bytes than before.
_FORMAT = 1


class TooManyReaders(Unavailable):
    code, title = "too-many-readers", "Too many are reading the whole log"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(_WAIT_S)}


class Places:
    """Who reads the dump at this moment, counted in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = 0

    @contextmanager
    def one_of(self, most: int) -> Iterator[None]:
        """Have a place; TooManyReaders where all are taken."""
        with self._lock:
            if self._taken >= most:
                raise TooManyReaders(
                    f"{most} read the whole log at this moment, and more can't at once",
                    mend=f"ask again in {_WAIT_S} seconds, or read tiles and entry bundles",
                )
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1


_PLACES = Places()


class _Dump(StreamingResponse):
    """Takes its place when it begins to be sent, and frees it when it ends: however it ends."""

    media_type = "application/gzip"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            # Whoever takes nothing for so long doesn't read, and keeps others out.
            try:
                await asyncio.wait_for(send(message), _STALLED_S)
            except TimeoutError as error:
                raise OSError from error

        with _PLACES.one_of(get_settings().dump_readers), suppress(ClientDisconnect):
            await super().__call__(scope, receive, sent)


class _NoDump(Response):
    """The answer's head alone; it doesn't tell the length, which nobody knows beforehand."""

    media_type = "application/gzip"

    def __init__(self, status_code: int, headers: Mapping[str, str]) -> None:
        super().__init__(status_code=status_code, headers=headers)
        del self.headers["content-length"]


@router.get("/dump.jsonl.gz", response_class=_Dump)
def show_dump(request: Request, session: DatabaseSession) -> Response:
    """Every anchored record in order, `{"index":n,"record":"…"}` a line, compressed.

    Of a log of the same size it is the same, byte for byte: send its ETag as `If-None-Match`, and
    it is sent again only when the log has grown. So many are served at once; 503 to who comes then.
    """
    size, root = service.anchored_head(session)
    tag = _tag(size, root)
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if is_known(request, tag):
        return _NoDump(304, headers)
    headers["Content-Disposition"] = 'attachment; filename="dump.jsonl.gz"'
    if asks_head_only(request):
        return _NoDump(200, headers)
    return _Dump(reading.dump(request.app.state.database, size), headers=headers)


def _tag(size: int, root: bytes) -> str:
    """The dump of a size is always the same bytes, as long as the same library packs them."""
    what = f"{_FORMAT} {zlib.ZLIB_RUNTIME_VERSION} {root.hex()}"
    return f'"{size}-{hashlib.sha256(what.encode()).hexdigest()[:32]}"'
