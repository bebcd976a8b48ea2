"""What every endpoint shares: the session that commits, error answers, and input types."""

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.database import Database
from services.errors import DomainError, InvalidInput, NotFound, Unavailable
from services.web.pages import error_page, wants_html

MAX_QUANTITY = 10**12

log = structlog.get_logger(__name__)


def _session(request: Request) -> Iterator[Session]:
    database: Database = request.app.state.database
    with database.transaction() as session:
        yield session


# scope="function": commit before the answer is sent, so that a 201 is never followed by a rollback.
DatabaseSession = Annotated[Session, Depends(_session, scope="function")]

Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY, examples=[5000])]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.\-]+$")]


def _composed(text: str) -> str:
    """Unicode's normal form C, which records need: two ways of typing a name are one."""
    return unicodedata.normalize("NFC", text)


Text = Annotated[str, Field(max_length=2000), AfterValidator(_composed)]


def _plausible(moment: datetime) -> datetime:
    if moment.year < 2000:
        raise ValueError("lies before the year 2000; give the moment when it happened")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]


class Input(BaseModel):
    """Base of request bodies: a field that we don't know is a slip to be told, not dropped."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error with a problem document (RFC 9457) or, to a browser, a page."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(sa.exc.OperationalError, _on_database_away)
    app.add_exception_handler(sa.exc.DBAPIError, _on_database_error)
    app.add_exception_handler(Exception, _on_unexpected)


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
    found = [field_error(item) for item in error.errors()]
    first = found[0]
    problem = InvalidInput(
        f"{first['field']}: {first['mend']}", field=first["field"], value=first["value"]
    )
    problem.mend = first["mend"]
    problem.extra = {"errors": found}
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
}


def field_error(item: dict[str, Any]) -> dict[str, Any]:
    kind = str(item["type"])
    where = [part for part in item["loc"] if part not in {"body", "query", "path"}]
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in where).lstrip(".")
    if kind == "json_invalid":
        field = "body"
    value = item.get("input")
    shown = value if isinstance(value, str | int | float | bool) else None
    return {
        "field": field or "body",
        "value": str(shown)[:200] if isinstance(shown, str | float) else shown,
        "mend": _MENDS.get(kind, str(item["msg"])),
        "code": kind,
    }


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}"
        return problem_response(request, NotFound(detail, mend="see /api/v1/docs"))
    problem = DomainError(str(error.detail))
    problem.status, problem.code = error.status_code, f"http-{error.status_code}"
    return problem_response(request, problem)


def _on_database_away(request: Request, error: Exception) -> Response:
    log.warning("database_away", path=request.url.path, error=str(error))
    return problem_response(
        request,
        Unavailable(
            "The database can't be reached; nothing was written",
            mend="send the same request, with the same id, again",
        ),
    )


def _on_database_error(request: Request, error: Exception) -> Response:
    """What can't be stored is the sender's to mend; what breaks a rule of ours is our bug."""
    assert isinstance(error, sa.exc.DBAPIError)
    if isinstance(error, sa.exc.DataError):
        detail = "A value can't be stored, for instance a NUL character in a text"
        return problem_response(request, InvalidInput(detail))
    if error.connection_invalidated:
        return _on_database_away(request, error)
    return _on_unexpected(request, error)


def _on_unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected", path=request.url.path, exc_info=error)
    problem = DomainError("Something broke on our side; nothing was written")
    problem.status, problem.code, problem.title = 500, "internal", "Our mistake"
    return problem_response(request, problem)
