"""How the API's description tells of its errors: problem documents (RFC 9457) of one shape."""

from typing import Any

_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "urn:medrelay:problem:<a stable word>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, for a person"},
        "instance": {"type": "string", "description": "the path that was asked"},
        "mend": {"type": "string", "description": "what to do, where no field is to blame"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string", "examples": ["needs[0].quantity"]},
                    "value": {},
                    "mend": {"type": ["string", "null"]},
                },
            },
        },
    },
}

_SITUATIONS = {
    401: ("unauthenticated", "Sign in first", "This needs a signed-in user or a token"),
    403: ("forbidden", "This isn't yours to do", "Site HB017 belongs to another organisation"),
    404: ("not-found", "There is no such thing", "There is no item unobtainium"),
    409: ("conflict", "It has changed or was done already", "Run 5f0c2c9e… is approved"),
    422: ("invalid-input", "The input can't be used", "needs[0].quantity: give a whole number"),
    503: ("unavailable", "A part of the system is away", "The database can't be reached"),
}


def _response(status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": f"urn:medrelay:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "/api/v1/requests",
    }
    if status == 422:
        mend = "give a whole number, without quotes or decimals"
        example["errors"] = [{"field": "needs[0].quantity", "value": "many", "mend": mend}]
    content = {"application/problem+json": {"schema": _SCHEMA, "example": example}}
    return {"description": title, "content": content}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: _response(status, *words) for status, words in _SITUATIONS.items()
}
