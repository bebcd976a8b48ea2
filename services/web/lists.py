"""Every list alike: filtered by its endpoint, sorted by named columns, in pages, or whole as CSV.

An API's list stays a plain JSON array; the total stands in ``X-Total-Count`` and the neighbouring
pages in ``Link`` (RFC 8288). ``format=csv`` gives the whole list as a file (RFC 4180), for programs
and for people alike.
"""

import csv
import io
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import Depends, Query, Request
from pydantic import BaseModel, BeforeValidator
from sqlalchemy.sql.operators import asc_op, desc_op
from sqlmodel import Session
from starlette.responses import Response

from services.errors import InvalidInput

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# A file for a spreadsheet; who wants more asks in parts.
MAX_CSV_ROWS = 100_000
Format = Literal["json", "csv"]
Item = TypeVar("Item")
Other = TypeVar("Other")
# A search form sends every one of its fields; what was left empty narrows nothing.
LEFT_EMPTY = BeforeValidator(lambda text: text or None)
Order = Mapping[str, Any]
"""Columns to sort by, by their names; the first is the order where none is asked for.

The first may be ``column.desc()``, for the newest on top; asked for by name, it goes upwards.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a list is wanted, in which order; ``sort`` is ``name`` or ``-name``."""

    request: Request = field(compare=False)
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    sort: str = ""
    format: Format = "json"

    @property
    def is_csv(self) -> bool:
        return self.format == "csv"

    @property
    def span(self) -> tuple[int, int]:
        """Offset and limit: of a file, all from the offset on that a file may have."""
        return (self.offset, MAX_CSV_ROWS if self.is_csv else self.limit)


def _asked(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many at most")] = (
        DEFAULT_LIMIT
    ),
    offset: Annotated[int, Query(ge=0, le=10**9, description="How many to pass over")] = 0,
    sort: Annotated[
        str,
        Query(max_length=40, pattern=r"^-?[a-z_]*$", description="A column; with - downwards"),
    ] = "",
    format: Annotated[  # noqa: A002
        Format, Query(description="csv: the whole list as a file")
    ] = "json",
) -> Asked:
    return Asked(request, limit, offset, sort, format)


ListAsked = Annotated[Asked, Depends(_asked)]


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """A part of a list: ``rows`` from ``asked.offset``, of ``total`` that there are."""

    asked: Asked
    rows: Sequence[Item]
    total: int

    def map(self, make: Callable[[Sequence[Item]], Sequence[Other]]) -> "Listing[Other]":
        """The same part, with its rows made into others, in one go."""
        return Listing(self.asked, make(self.rows), self.total)

    @property
    def first(self) -> int:
        return self.asked.span[0] + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.asked.span[0] + len(self.rows) if self.rows else 0

    @property
    def previous(self) -> str | None:
        """The address of the page before; None on the first."""
        offset, limit = self.asked.span
        # From beyond the end, the page before is the last that has rows.
        end = min(offset, self.total)
        return self._address(offset=max(0, end - limit)) if offset else None

    @property
    def next(self) -> str | None:
        return self._address(offset=self.last) if 0 < self.last < self.total else None

    @property
    def csv(self) -> str:
        """The address of the same list, whole, as a file."""
        return self._address(format="csv", offset=0)

    def sorted_by(self, name: str) -> str:
        """The address of the list sorted by a column, or, sorted by it already, the other way."""
        return self._address(sort=f"-{name}" if self.asked.sort == name else name, offset=0)

    def direction(self, name: str) -> str:
        """What ``aria-sort`` says of a column."""
        order = {name: "ascending", f"-{name}": "descending"}
        return order.get(self.asked.sort, "none")

    def _address(self, **changed: object) -> str:
        kept = [
            (name, value)
            for name, value in self.asked.request.query_params.multi_items()
            if name not in changed and name != "done"
        ]
        more = [(name, value) for name, value in changed.items() if (name, value) != ("offset", 0)]
        return f"{self.asked.request.url.path}?{urlencode([*kept, *more])}"


def select_page(
    session: Session, statement: Any, order: Order, asked: Asked, *, tie: Any
) -> Listing[Any]:
    """Run a ``select`` for the part of it that is asked for; ``tie`` is a unique column.

    Raises:
        InvalidInput: there is no such column to sort by.

    """
    columns = [_column(order, asked), tie]
    total = session.execute(
        sa.select(sa.func.count()).select_from(statement.order_by(None).subquery())
    ).scalar_one()
    offset, limit = asked.span
    rows = session.exec(statement.order_by(*columns).offset(offset).limit(limit)).all()
    return Listing(asked, rows, total)


def _column(order: Order, asked: Asked) -> Any:
    name = asked.sort.lstrip("-")
    _check_sort(name, order, asked)
    if not name:
        return sa.nulls_last(next(iter(order.values())))
    column = _bare(order[name])
    return sa.nulls_last(sa.desc(column) if asked.sort.startswith("-") else sa.asc(column))


def _bare(column: Any) -> Any:
    """A column without the direction that it is given where nobody asks for another."""
    directed = isinstance(column, sa.UnaryExpression) and column.modifier in {desc_op, asc_op}
    return column.element if directed else column


def cut_page(
    rows: Sequence[Item], order: Mapping[str, Callable[[Item], Any]], asked: Asked
) -> Listing[Item]:
    """The part asked for of rows that are in memory; a key that is None stands last.

    Raises:
        InvalidInput: there is no such column to sort by.

    """
    name = asked.sort.lstrip("-")
    _check_sort(name, order, asked)
    ordered = list(rows)
    if name:
        key = order[name]
        known = [row for row in ordered if key(row) is not None]
        known.sort(key=key, reverse=asked.sort.startswith("-"))
        ordered = [*known, *(row for row in ordered if key(row) is None)]
    offset, limit = asked.span
    return Listing(asked, ordered[offset : offset + limit], len(ordered))


def _check_sort(name: str, order: Mapping[str, Any], asked: Asked) -> None:
    if name and name not in order:
        raise InvalidInput(
            f"This list can't be sorted by {name}",
            field="sort",
            value=asked.sort,
            mend=f"use one of: {', '.join(order)}",
        )


def answer(listing: Listing[Any], response: Response, name: str) -> Any:
    """What an API's endpoint returns: the rows, with the total and links; or the file.

    ``name`` is the file's, without its ending. Declare ``response_model=list[…]`` at the route.
    """
    if listing.asked.is_csv:
        route = listing.asked.request.scope.get("route")
        (schema,) = get_args(getattr(route, "response_model", None)) or (None,)
        file = csv_file(listing.rows, name, schema)
        file.headers["X-Total-Count"] = str(listing.total)
        return file
    response.headers["X-Total-Count"] = str(listing.total)
    links = {"prev": listing.previous, "next": listing.next}
    told = ", ".join(f'<{address}>; rel="{rel}"' for rel, address in links.items() if address)
    if told:
        response.headers["Link"] = told
    return list(listing.rows)


def csv_file(
    rows: Sequence[BaseModel], name: str, schema: type[BaseModel] | None = None
) -> Response:
    """Rows of one schema as a file; nested parts are left out, and nothing runs as a formula.

    ``schema`` gives an empty list its heading; it is the rows' own where left out.
    """
    table = io.StringIO()
    writer = csv.writer(table)
    columns = _columns(type(rows[0]) if rows else schema)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(getattr(row, column)) for column in columns])
    return Response(
        # The mark at the start tells spreadsheets that it is UTF-8.
        "\ufeff" + table.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _columns(schema: type[BaseModel] | None) -> list[str]:
    """The fields that fit a cell: by what they are declared as, so alike for every list."""
    fields = schema.model_fields if schema else {}
    return [name for name, field in fields.items() if not _is_nested(field.annotation)]


def _is_nested(kind: Any) -> bool:
    origin = get_origin(kind)
    if origin in {Union, types.UnionType, Annotated}:
        return any(_is_nested(each) for each in get_args(kind))
    whole = origin or kind
    return isinstance(whole, type) and issubclass(whole, list | dict | tuple | set | BaseModel)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    # A spreadsheet runs what begins like this as a formula (OWASP, CSV injection).
    risky = isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{text}" if risky else text
