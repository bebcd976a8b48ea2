"""A body of JSON with a key that stands twice is refused: parsers differ on which of them holds."""

import json
from typing import Any

from fastapi import Request

from services.errors import InvalidInput
from services.web.http import printable, says_json


class RepeatedKey(InvalidInput):
    code, title = "repeated-key", "A key stands twice in the body"


async def refuse_repeated_keys(request: Request) -> None:
    """Raise RepeatedKey; what isn't JSON at all is told by who reads it (RFC 8259, section 4)."""
    if not says_json(request):
        return
    try:
        json.loads(await request.body(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            shown = printable(key)
            raise RepeatedKey(
                f"{shown!r} stands twice in one object, and either could be meant",
                field=shown,
                mend="send it once",
            )
        found[key] = value
    return found
