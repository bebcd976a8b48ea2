"""What every endpoint shares: the session that commits, error answers, and input types."""

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

import sqlalchemy as sa
import structlog
from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
)
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.database import Database
from services.errors import (
    Conflict,
    DomainError,
    InvalidInput,
    NotFound,
    Unavailable,
    is_secret,
)
from services.web.i18n import preferred_language, to_gettext
from services.web.pages import error_page, wants_html

MAX_QUANTITY = 10**12

log = structlog.get_logger(__name__)


def _session(request: Request) -> Iterator[Session]:
    database: Database = request.app.state.database
    with database.transaction() as session:
        # What stands in every page's head is read in the page's own transaction.
        request.state.session = session
        try:
            yield session
        finally:
            request.state.session = None


# scope="function": commit before the answer is sent, so that a 201 is never followed by a rollback.
DatabaseSession = Annotated[Session, Depends(_session, scope="function")]


def _language(
    request: Request,
    lang: Annotated[
        Literal["en", "zh"] | None,
        Query(description="The language of sentences; otherwise as Accept-Language asks"),
    ] = None,
) -> str:
    return lang or preferred_language(request.headers.get("accept-language", ""))


Language = Annotated[str, Depends(_language)]

Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY, examples=[5000])]
CODE_PATTERN = r"^[A-Za-z0-9_.\-]+$"
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=CODE_PATTERN)]


def _composed(text: str) -> str:
    """Unicode's normal form C, which records need: two ways of typing a name are one."""
    return unicodedata.normalize("NFC", text)


Text = Annotated[str, Field(max_length=2000), AfterValidator(_composed)]


def _plausible(moment: datetime) -> datetime:
    # The last year's end has no UTC in some zones.
    if not 2000 <= moment.year < 9999:
        raise ValueError("lies outside the years 2000 to 9998; give the moment when it happened")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]


class Input(BaseModel):
    """Base of request bodies: a field that we don't know is a slip to be told, not dropped."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        """Refuse here, by field, the one character that no text in the database can hold."""
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and "\x00" in text for text in texts):
            raise ValueError("leave NUL characters out")
        return value


class FromRow(BaseModel):
    """Base of answers that are filled from a row or a dataclass, field by field."""

    model_config = ConfigDict(from_attributes=True)


def example(**fields: Any) -> ConfigDict:
    """A body's ``model_config`` with a whole example, for the API's own description."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error with a problem document (RFC 9457) or, to a browser, a page."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(sa.exc.OperationalError, _on_database_away)
    app.add_exception_handler(sa.exc.TimeoutError, _on_database_away)
    app.add_exception_handler(sa.exc.DBAPIError, _on_database_error)


def problem_response(request: Request, error: DomainError) -> Response:
    """The one way in which an error leaves the service."""
    if wants_html(request):
        return error_page(request, error)
    return JSONResponse(
        error.problem() | {"instance": request.url.path},
        status_code=error.status,
        media_type="application/problem+json",
        headers=dict(error.headers),
    )


def _on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return problem_response(request, error)


def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The first part says where it stood: body, query or path.
    found = [field_error(item | {"loc": item["loc"][1:]}) for item in error.errors()]
    first = found[0]
    problem = InvalidInput(
        f"{first['field']}: {first['mend']}", field=first["field"], value=first["value"]
    )
    problem.mend = first["mend"]
    problem.extra = {"errors": found}
    if first["field"] == "body" and not says_json(request):
        first["mend"] = "send a JSON object, with Content-Type: application/json"
        problem.detail = f"body: {first['mend']}"
    return problem_response(request, problem)


_MENDS = {
    "missing": "give a value",
    "json_invalid": "send a body that is JSON (RFC 8259)",
    "extra_forbidden": "leave this field out; it isn't known here",
    "int_type": "give a whole number, without quotes or decimals",
    "int_from_float": "give a whole number, without decimals",
    "int_parsing": "give a whole number",
    "date_from_datetime_parsing": "give a date that exists, as YYYY-MM-DD",
    "date_parsing": "give a date that exists, as YYYY-MM-DD",
    "timezone_aware": "give the time with its zone, such as 2020-02-03T08:00:00Z",
    "uuid_parsing": "give a UUID such as 5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
    "model_attributes_type": "send a JSON object",
    "greater_than_equal": "give {ge} or more",
    "less_than_equal": "give {le} or less",
    "too_short": "give at least {min_length}",
    "too_long": "give at most {max_length}",
    "string_too_short": "give at least {min_length} character(s)",
    "string_too_long": "give at most {max_length} characters",
    "string_pattern_mismatch": "give it in the form {pattern}",
    "string_type": "give a text, in quotes",
    "datetime_from_date_parsing": "give a time that exists, such as 2020-02-03T08:00:00Z",
    "datetime_parsing": "give a time that exists, such as 2020-02-03T08:00:00Z",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
}
_LENGTHS = frozenset({"too_short", "too_long"})
_MAILBOX = "give an e-mail address such as desk@example.org"
_FORMS = {CODE_PATTERN: "use letters, digits, dots, hyphens and underscores only"}


def field_error(item: dict[str, Any]) -> dict[str, Any]:
    """One of pydantic's errors as ``{field, value, mend, code}``, in words and always JSON."""
    kind = str(item["type"])
    where = item["loc"] if kind != "json_invalid" else ()
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in where).lstrip(".")
    if kind in _LENGTHS and isinstance(item.get("input"), str):
        # Of a text that is checked by a function too, pydantic says what it says of a list.
        kind = f"string_{kind}"
    bounds = item.get("ctx", {})
    ours = bounds.get("error") if kind == "value_error" else None
    mend = _MENDS[kind].format_map(bounds) if kind in _MENDS else str(item["msg"])
    pattern = bounds.get("pattern", "")
    mend = _FORMS.get(pattern, _MAILBOX if "@" in pattern else mend)
    return {
        "field": printable(field) or "body",
        "value": None if is_secret(field) else _shown(item.get("input")),
        "mend": str(ours) if ours else mend,
        "code": kind,
    }


_MOST_SHOWN = 200


def _shown(value: Any) -> Any:
    """The value as the sender may see it again: short; nothing of lists, objects and bytes."""
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    return printable(str(value)) if isinstance(value, str | int | float) else None


def printable(text: str) -> str:
    # A lone surrogate is possible in JSON's escapes, and impossible in the answer's UTF-8.
    return text[:_MOST_SHOWN].encode("utf-8", "replace").decode("utf-8")


def says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind.startswith("application/") and kind.endswith(("/json", "+json"))


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}"
        return problem_response(request, NotFound(detail, mend="see /api/v1/openapi.json"))
    problem = DomainError(str(error.detail))
    problem.status, problem.code = error.status_code, f"http-{error.status_code}"
    problem.title = HTTPStatus(error.status_code).phrase
    if error.status_code == HTTPStatus.BAD_REQUEST:
        problem.field, problem.mend = "body", _MENDS["json_invalid"]
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        problem.field, problem.mend = "body", "send it in several parts"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        problem.detail = f"{request.method} isn't possible at {request.url.path}"
        problem.mend = f"use {(error.headers or {}).get('Allow', 'another method')}"
    response = problem_response(request, problem)
    response.headers.update(error.headers or {})
    return response


# PostgreSQL's words for: deadlock and serialisation, no lock in time, cancelled for its slowness.
_BUSY = ("40", "55P03", "57014")
_UNIQUE = "23505"


def _on_database_away(request: Request, error: Exception) -> Response:
    log.warning("database_away", path=request.url.path, error=str(error))
    state = "is busy" if _sqlstate(error).startswith(_BUSY) else "can't be reached"
    return problem_response(
        request,
        Unavailable(
            f"The database {state}; nothing was written",
            mend="send the same request, with the same id, again",
        ),
    )


def _on_database_error(request: Request, error: Exception) -> Response:
    """What can't be stored is the sender's to mend; what breaks a rule of ours is our bug."""
    assert isinstance(error, sa.exc.DBAPIError)
    if isinstance(error, sa.exc.DataError):
        detail = "A value can't be stored, for instance a NUL character in a text"
        mend = "leave out NUL characters, and numbers that can't be true"
        return problem_response(request, InvalidInput(detail, mend=mend))
    if _sqlstate(error) == _UNIQUE:
        detail = "Somebody, perhaps you, sent the same at the same moment; this one wrote nothing"
        mend = "send the same request, with the same id, again"
        return problem_response(request, Conflict(detail, mend=mend))
    if error.connection_invalidated:
        return _on_database_away(request, error)
    return answer_unexpected(request, error)


def _sqlstate(error: Exception) -> str:
    """PostgreSQL's five characters for what went wrong; nothing where it said nothing."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def answer_unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected", path=request.url.path, exc_info=error)
    problem = DomainError("Something broke on our side; nothing was written")
    problem.status, problem.code, problem.title = 500, "internal", to_gettext("Our mistake")
    return problem_response(request, problem)
