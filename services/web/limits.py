"""Limits that hold before anybody is known: how large a body may be, how often one may guess."""

import time
from collections import defaultdict, deque
from collections.abc import Mapping

from fastapi import Request
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


class TooManyTries(DomainError):
    code, status, title = "too-many-tries", 429, "Too many wrong tries"

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            f"Too many wrong passwords for this user name; try again in {wait_s} s",
            mend="wait, then try again; or ask an administrator for a new password",
        )
        self._wait_s = wait_s

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self._wait_s)}


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
    """Counts wrong tries by key within a sliding window; one for each process.

    Keys that nobody tries any more are forgotten, so guessing names fills no memory for long.
    """

    def __init__(self, tries: int, window_s: float) -> None:
        self._tries, self._window_s = tries, window_s
        self._wrong: dict[str, deque[float]] = defaultdict(deque)

    def check(self, key: str) -> None:
        """Raise TooManyTries where the key has used its tries up."""
        self._forget()
        wrong = self._wrong.get(key)
        if wrong is not None and len(wrong) >= self._tries:
            raise TooManyTries(1 + int(wrong[0] + self._window_s - time.monotonic()))

    def count(self, key: str) -> None:
        self._wrong[key].append(time.monotonic())

    def _forget(self) -> None:
        since = time.monotonic() - self._window_s
        for key in list(self._wrong):
            wrong = self._wrong[key]
            while wrong and wrong[0] < since:
                wrong.popleft()
            if not wrong:
                del self._wrong[key]
