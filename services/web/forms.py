"""Forms: what a person typed becomes an API schema, and refusals go back to their fields.

A form's input is named by its path in the schema (``needs[0].item``), the same path that a problem
document names. So a refusal finds its input by name, whichever layer it came from.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header
from sqlmodel import Session
from starlette.exceptions import HTTPException

from services.errors import DomainError, InvalidInput
from services.web.http import field_error
from services.web.i18n import wall_zone
from services.web.pages import currency_decimals, for_people
from services.web.typed import plant, typed, with_lists

MAX_BYTES = 1_000_000
MAX_FIELDS = 2_000
MAX_FILES = 5
# To be answered by another page than the form: sign in, or leave it alone.
_NOT_HERE = frozenset({401, 403})
# Inputs that may be hidden, beside which nothing can be read.
_UNSEEN = frozenset({"id", "line", "next", "site", "version"})


class NotAnAmount(InvalidInput):
    code, title = "not-an-amount", "Give an amount of money such as 1,250.50"


class NotANumber(InvalidInput):
    code, title = "not-a-number", "Give a number such as 8 or -2.5"


Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Slip:
    """One thing to mend. ``code`` finds its translation; ``detail`` and ``mend`` are English.

    What a schema found has no title; ``limits`` are the bounds that it names (pydantic's ``ctx``),
    and ``value`` is what was typed, where that may be shown again.
    """

    field: str
    code: str
    title: str
    detail: str
    mend: str
    limits: Mapping[str, Any] | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came in: the name that its sender gave it, and its bytes."""

    name: str
    content: bytes


class Form:
    """Values by input name, as sent or as first shown, and what is to be mended in them.

    ``files`` holds what was chosen in the form's file inputs, by input name.
    """

    def __init__(
        self, values: Mapping[str, str] | None = None, files: Mapping[str, Upload] | None = None
    ) -> None:
        self.values = dict(values or {})
        self.files = dict(files or {})
        self.slips: list[Slip] = []
        self.status = 200
        self.key = ""

    @classmethod
    def blank(cls, **values: object) -> "Form":
        """A form as first shown, with an id of its own so that sending it twice is once."""
        given = {name: str(value) for name, value in values.items() if value is not None}
        return cls({"id": str(uuid4())} | given)

    def keyed(self, key: str) -> "Form":
        """The same form, with ids of its own on a page that shows other forms too."""
        self.key = key
        return self

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def rows(self, name: str, at_least: int = 0) -> list[int]:
        """Indexes of the lines: ``name[0]``, ``name[1]`` and so on."""
        prefix = re.compile(re.escape(name) + r"\[(\d{1,6})\]")
        found = {int(match[1]) for key in self.values if (match := prefix.match(key))}
        return list(range(max(at_least, len(found))))

    def drop_blank_rows(self, name: str, decisive: Sequence[str]) -> None:
        """Forget lines in which every decisive field is empty, and close up the others."""
        kept: dict[str, str] = {}
        lines: dict[int, dict[str, str]] = {}
        for key, value in self.values.items():
            match = re.fullmatch(re.escape(name) + r"\[(\d{1,6})\]\.(\w+)", key)
            if match is None:
                kept[key] = value
            else:
                lines.setdefault(int(match[1]), {})[match[2]] = value
        full = [lines[at] for at in sorted(lines) if any(lines[at].get(key) for key in decisive)]
        for index, line in enumerate(full):
            kept |= {f"{name}[{index}].{key}": value for key, value in line.items()}
        self.values = kept

    def shows(self, slip: Slip) -> bool:
        """Whether a slip stands beside an input that a person sees, or at that input's line."""
        if slip.field.rpartition(".")[2] in _UNSEEN:
            return False
        return any(name == slip.field or name.startswith(f"{slip.field}.") for name in self.values)

    def first_at(self, slip: Slip) -> str:
        """The input to go to for a slip: its own, or the first of its line."""
        if slip.field in self.values:
            return slip.field
        return next((n for n in self.values if n.startswith(f"{slip.field}.")), slip.field)

    def slips_at(self, name: str) -> list[Slip]:
        return [slip for slip in self.slips if slip.field == name]

    @contextmanager
    def attempt(self, session: Session) -> Iterator[None]:
        """Do the work of a form: when it is refused, nothing is written and ``slips`` says why."""
        try:
            with session.begin_nested():
                yield
        except ValidationError as error:
            self.status = 422
            for item in error.errors():
                said = field_error(dict(item))
                self.slips.append(
                    Slip(
                        self._input_called(said["field"]),
                        said["code"],
                        "",
                        "",
                        said["mend"],
                        item.get("ctx"),
                        str(said["value"] or ""),
                    )
                )
        except DomainError as error:
            if error.status in _NOT_HERE:
                raise
            self.status = error.status
            field, mend = self._input_called(error.field or ""), for_people(error.mend)
            self.slips.append(Slip(field, error.code, error.title, error.detail, mend))

    def _input_called(self, field: str) -> str:
        """The input that a refusal means: of that name, around it, or the only one ending so."""
        if field in self.values:
            return field
        whole = field.rpartition(".")[0]
        if whole in self.values:
            return whole
        alike = [name for name in self.values if field and name.endswith(f".{field}")]
        return alike[0] if len(alike) == 1 else field

    def read(
        self,
        schema: type[Schema],
        *,
        leave_out: Sequence[str] = (),
        instead: Mapping[str, str] | None = None,
    ) -> Schema:
        """The form as a body of the API; pydantic.ValidationError where it can't be one.

        ``leave_out`` names inputs that are no fields of the schema; ``instead`` gives fields that
        were typed in another shape, such as an amount with decimals.
        """
        given = {name: value for name, value in self.values.items() if name not in leave_out}
        tree: dict[str, Any] = {}
        for name, value in (given | dict(instead or {})).items():
            if value.strip():
                plant(tree, name, value.strip())
        return schema.model_validate(typed(schema, with_lists(tree)))


_WITH_FILES = "multipart/form-data"


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _sent(request: Request) -> Form:
    kind = _kind_of(request)
    if kind == _WITH_FILES:
        return await _sent_with_files(request)
    if kind != "application/x-www-form-urlencoded":
        raise InvalidInput(
            "A form is sent as application/x-www-form-urlencoded, or with files as multipart",
            field="Content-Type",
            value=kind,
            mend="send it from its own page",
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise InvalidInput(f"The form is longer than {MAX_BYTES} bytes", mend="send less")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise InvalidInput("The form can't be read", mend="send it from its own page") from error
    return Form(dict(pairs))


async def _sent_with_files(request: Request) -> Form:
    """A form with file inputs; one that was left empty is as if it weren't there."""
    _refuse_other_charsets(request)
    values: dict[str, str] = {}
    files: dict[str, Upload] = {}
    try:
        async with request.form(
            max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_BYTES
        ) as sent:
            for name, value in sent.multi_items():
                if isinstance(value, str):
                    values[name] = value
                elif value.filename:
                    files[name] = Upload(value.filename, await value.read())
    except HTTPException as error:
        if error.status_code != HTTPStatus.BAD_REQUEST:
            raise
        raise InvalidInput(
            f"The form can't be read: {error.detail}", mend="send it from its own page"
        ) from error
    return Form(values, files)


def _refuse_other_charsets(request: Request) -> None:
    """RFC 7578 wants UTF-8; decoders of other names make texts that no answer can hold."""
    _, options = parse_options_header(request.headers["content-type"])
    charset = options.get(b"charset", b"utf-8").decode("latin-1")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise InvalidInput("A form is sent in UTF-8", mend="leave the charset out")


SentForm = Annotated[Form, Depends(_sent)]


async def _sent_file(request: Request) -> Upload:
    """The part ``file`` of a multipart body."""
    # A body of another kind has no file in it, and isn't read.
    form = await _sent_with_files(request) if _kind_of(request) == _WITH_FILES else Form()
    if "file" not in form.files:
        raise InvalidInput(
            "There is no file in it",
            field="file",
            mend="send multipart/form-data with a part named file that has a file name",
        )
    return form.files["file"]


SentFile = Annotated[Upload, Depends(_sent_file)]
"""An API's upload: ``curl -F file=@certificate.pdf …``."""

FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""``openapi_extra`` of an endpoint that takes a `SentFile`."""


def minor_units(form: Form, name: str, currency: str) -> str:
    """An amount typed with up to the currency's decimals, in minor units; of nothing, nothing.

    Raises:
        NotAnAmount: it is anything else, such as half a yen.

    """
    text = form[name].strip()
    if not text:
        return ""
    decimals = currency_decimals(currency)
    match = re.fullmatch(r"(\d{1,3}(?:[,，\s]\d{3})*|\d{1,18})(?:[.．](\d{1,4}))?", text)
    typed = (match[2] or "") if match else ""
    if match is None or len(typed) > decimals:
        shown = f"1,250.{'50'.ljust(decimals, '0')[:decimals]}" if decimals else "1,250"
        raise NotAnAmount(
            f"{text[:40]!r} isn't an amount of {currency}", field=name, mend=f"such as {shown}"
        )
    whole = re.sub(r"\D", "", match[1])
    return str(int(whole) * 10**decimals + int(typed.ljust(decimals, "0") or "0"))


def in_steps(form: Form, name: str, decimals: int, most: int | None = None) -> str:
    """A number typed with up to so many decimals, such as -2.5, in steps of the last of them.

    Of nothing it is nothing, which the schema then misses or leaves as it is.

    Raises:
        NotANumber: it is anything else, or above ``most``.

    """
    text = form[name].strip().replace("−", "-")
    if not text:
        return ""
    match = re.fullmatch(rf"([+-]?)(\d{{1,6}})(?:[.．](\d{{1,{decimals}}}))?", text)
    steps = int(match[2] + (match[3] or "").ljust(decimals, "0")) if match else 0
    if match is None or (most is not None and steps > most * 10**decimals):
        raise NotANumber(
            f"{text[:40]!r} isn't a number that fits here",
            field=name,
            mend="such as -2.5" if most is None else f"a number up to {most}, such as 2.5",
        )
    return f"{match[1]}{steps}"


def from_steps(steps: int, decimals: int) -> str:
    """What stands in an input for so many steps of the last decimal."""
    return f"{Decimal(steps).scaleb(-decimals).normalize():f}"


def now_input() -> str:
    """The present moment for a browser's date and time, to the next full minute.

    Rounded up: what somebody does next must not lie before what was recorded a moment ago. The
    services let a clock run ahead by more than that.
    """
    rounded = datetime.now(wall_zone()).replace(second=0, microsecond=0) + timedelta(minutes=1)
    return rounded.strftime("%Y-%m-%dT%H:%M")
