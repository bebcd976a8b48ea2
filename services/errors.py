"""One error class for everything a person can mend, told as RFC 9457 problem details."""

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """A refusal that names the field, the value and the mend.

    Subclasses set ``code`` (a stable word for programs) and ``status`` (the HTTP status), and are
    defined beside the service that raises them.
    """

    code = "refused"
    status = 422
    title = "The request can't be carried out"

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        value: Any = None,
        mend: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.value = value
        self.mend = mend
        self.extra = extra

    @property
    def headers(self) -> Mapping[str, str]:
        """HTTP headers to send with the problem."""
        return {}

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 document of this error."""
        value = None if is_secret(self.field) else _showable(self.value)
        errors = [{"field": self.field, "value": value, "mend": self.mend}]
        return {
            "type": f"urn:medrelay:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **({"errors": errors} if self.field else {}),
            **({"mend": self.mend} if self.mend and not self.field else {}),
            **self.extra,
        }


class NotFound(DomainError):
    code, status, title = "not-found", 404, "There is no such thing"

    def problem(self) -> dict[str, Any]:
        self.mend = self.mend or "check it against where you have it from"
        return super().problem()


class Unauthenticated(DomainError):
    code, status, title = "unauthenticated", 401, "Sign in first"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="medrelay"'}


class Forbidden(DomainError):
    code, status, title = "forbidden", 403, "This isn't yours to do"


class InvalidInput(DomainError):
    code, status, title = "invalid-input", 422, "The input can't be used"


class Conflict(DomainError):
    code, status, title = "conflict", 409, "It has changed or was done already"


class Unavailable(DomainError):
    """A part that we lean on is away; what was asked can be asked again."""

    code, status, title = "unavailable", 503, "A part of the system is away"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": "5"}


_SECRET = frozenset({"password", "old", "new", "secret", "household", "pickup_code"})


def is_secret(field: str | None) -> bool:
    """Whether a field's value is never to be shown again, not even to who sent it."""
    return field is not None and field.rpartition(".")[2] in _SECRET


def _showable(value: Any) -> Any:
    """The value as the sender may see it again: short, and always JSON."""
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "…"
