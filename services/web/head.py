"""HEAD and If-None-Match: what GET would answer, without its body (RFC 9110, 9.3.2 and 13.1.2)."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEAD_ONLY = "medrelay.head_only"


def asks_head_only(request: Request) -> bool:
    """Whether the body will be thrown away: what takes long to make needn't be made."""
    return bool(request.scope.get(_HEAD_ONLY))


def is_known(request: Request, tag: str) -> bool:
    """Whether the sender has what this entity tag stands for already: then 304 is the answer."""
    known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    return "*" in known or tag in [each.removeprefix("W/") for each in known]


class AnswerHead:
    """ASGI middleware: every address that answers GET answers HEAD as well.

    Link checkers, proxies and download tools ask so; routes declare GET alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", _HEAD_ONLY: True}, receive, send_without_body)
