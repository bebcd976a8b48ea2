"""Reading a scenario's tables: every slip is told with its file, row, column, value and mend."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from services.errors import InvalidInput
from services.scenarios.rows import ScenarioRow

RowType = TypeVar("RowType", bound=ScenarioRow)
FIRST_ROW = 2  # as a spreadsheet counts: the head is row 1


class BadScenario(InvalidInput):
    """A scenario's file can't be used; ``field`` is ``file:row:column``."""

    code, title = "bad-scenario", "The scenario can't be used"


def bad_cell(file: str, row: int, column: str, value: object, mend: str) -> BadScenario:
    """The error for one cell, counted as a spreadsheet counts."""
    return BadScenario(
        f"{file}, row {row}, column {column}: {value!r} can't be: {mend}",
        field=f"{file}:{row}:{column}",
        value=value,
        mend=mend,
    )


def read_table(path: Path, row_type: type[RowType]) -> tuple[RowType, ...]:
    """Every row of a CSV file, in order; BadScenario names the first slip."""
    cells = _cells(path)
    columns = {info.alias or name for name, info in row_type.model_fields.items()}
    head: list[str] = next(cells, [])
    _check_head(path.name, head, columns)
    rows: list[RowType] = []
    for number, values in enumerate(cells, start=FIRST_ROW):
        if len(values) != len(head):
            raise bad_cell(
                path.name, number, "-", len(values), f"give {len(head)} cells, as in the head"
            )
        rows.append(_row(path.name, number, dict(zip(head, values, strict=True)), row_type))
    _check_keys(path.name, rows)
    return tuple(rows)


def _cells(path: Path) -> Iterator[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BadScenario(f"There is no {path}", field=path.name, mend="write it") from error
    except UnicodeDecodeError as error:
        raise BadScenario(
            f"{path.name} is not UTF-8 at byte {error.start}",
            field=path.name,
            mend="save it as UTF-8",
        ) from error
    try:
        return iter(list(csv.reader(text.splitlines(keepends=True), strict=True)))
    except csv.Error as error:
        raise BadScenario(
            f"{path.name} is not CSV: {error}", field=path.name, mend="quote it as RFC 4180 says"
        ) from error


def _check_head(file: str, head: list[str], columns: set[str]) -> None:
    for column in sorted(columns - set(head)):
        raise bad_cell(file, 1, column, None, "add this column")
    for column in head:
        if column not in columns or head.count(column) > 1:
            raise bad_cell(file, 1, column, column, "leave this column out")


def _row(file: str, number: int, cells: Mapping[str, str], row_type: type[RowType]) -> RowType:
    # An empty cell is an absent value: required columns then say that they are missing.
    given = {column: cell for column, cell in cells.items() if cell.strip()}
    try:
        return row_type.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        column = str(first["loc"][0])
        raise bad_cell(file, number, column, cells.get(column), str(first["msg"])) from error


def _check_keys(file: str, rows: Iterable[ScenarioRow]) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for number, row in enumerate(rows, start=FIRST_ROW):
        key = tuple(getattr(row, column) for column in row.key)
        if key in seen:
            names = " and ".join(row.key).replace("key_", "key")
            shown = ", ".join(map(str, key))
            raise bad_cell(file, number, names, shown, f"row {seen[key]} says it already")
        seen[key] = number
