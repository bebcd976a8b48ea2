"""Limits that hold before anybody is known: how large a body may be, how often one may guess."""

import time
from collections import defaultdict, deque
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.errors import DomainError
from services.web.http import problem_response

MAX_BODY_BYTES = 2**20
# Files come in as parts of a multipart body: one of the largest kind, and the form around it.
MAX_UPLOAD_BYTES = 6 * 2**20


class BodyTooLarge(DomainError):
    code, status, title = "body-too-large", 413, "That is too much at once"


class TooMany(DomainError):
    """Refusal of a `Throttle`: subclasses say of what there was too much, and what to do."""

    status = 429
    what = "Too much at once"
    instead = "wait, then try again"

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"{self.what}; try again in {wait_s} s", mend=self.instead)
        self._wait_s = wait_s

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self._wait_s)}


class TooManyTries(TooMany):
    code, title = "too-many-tries", "Too many wrong tries"
    what = "Too many wrong passwords for this user name"
    instead = "wait, then try again; or ask an administrator for a new password"


def caller_of(request: Request) -> str:
    """Where a request comes from: an IPv4 address, or the /64 that an IPv6 customer has whole."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return host
    return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))


Caller = Annotated[str, Depends(caller_of)]


class LimitBody:
    """ASGI middleware: too large a body is refused while it comes in, not afterwards.

    A body may have a megabyte, and six where it brings files.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "")
        brings_files = headers.get("content-type", "").lower().startswith("multipart/form-data")
        most = MAX_UPLOAD_BYTES if brings_files else MAX_BODY_BYTES
        words = f"A body may have {most} bytes at the most"
        if declared.isdigit() and int(declared) > most:
            refusal = problem_response(Request(scope), BodyTooLarge(words, mend=_MEND))
            await refusal(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413, words)
            return message

        await self._app(scope, counted, send)


_MEND = "send it in several parts"


class Throttle:
    """Counts tries by key within a sliding window; one for each process.

    Keys that nobody tries any more are forgotten, so guessing names fills no memory for long.
    """

    def __init__(self, tries: int, window_s: float, refusal: type[TooMany] = TooManyTries) -> None:
        self._tries, self._window_s, self._refusal = tries, window_s, refusal
        self._tried: dict[str, deque[float]] = defaultdict(deque)

    def check(self, key: str) -> None:
        """Raise the refusal where the key has used its tries up."""
        self._forget()
        tried = self._tried.get(key)
        if tried is not None and len(tried) >= self._tries:
            raise self._refusal(1 + int(tried[0] + self._window_s - time.monotonic()))

    def count(self, key: str) -> None:
        self._tried[key].append(time.monotonic())

    def _forget(self) -> None:
        since = time.monotonic() - self._window_s
        for key in list(self._tried):
            tried = self._tried[key]
            while tried and tried[0] < since:
                tried.popleft()
            if not tried:
                del self._tried[key]
