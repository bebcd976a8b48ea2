"""A logger's readings: parsed from CSV, and held against limits. Pure: no clock, no database."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from services.errors import InvalidInput

MOST_READINGS = 50_000
_COLDEST, _HOTTEST = Decimal(-100), Decimal(100)


class BadReadings(InvalidInput):
    code, title = "bad-readings", "The readings can't be read"


@dataclass(frozen=True, slots=True)
class Reading:
    """``centi`` is in hundredths of a degree Celsius."""

    at: datetime
    centi: int


@dataclass(frozen=True, slots=True)
class Judged:
    """The readings held against limits; a reading holds until the next one."""

    first_at: datetime
    last_at: datetime
    lowest_centi: int
    highest_centi: int
    minutes_out: int
    outside: int


def parse_readings(text: str) -> list[Reading]:
    """Rows ``time,celsius`` in order of time; a first row that is a heading is passed over.

    Times are ISO 8601 with a zone, degrees a number with a point.

    Raises:
        BadReadings: a row that can't be read, naming it; out of order; none; or too many.

    """
    readings: list[Reading] = []
    for number, row in enumerate(csv.reader(io.StringIO(text.removeprefix("\ufeff"))), start=1):
        if not any(cell.strip() for cell in row):
            continue
        if number == 1 and row[0].strip().lower() in {"time", "at", "timestamp"}:
            continue
        reading = _reading(number, row)
        if readings and reading.at <= readings[-1].at:
            raise _bad(number, row, "give rows in order of time, each time once")
        readings.append(reading)
        if len(readings) > MOST_READINGS:
            raise _bad(number, row, f"send at most {MOST_READINGS} readings")
    if not readings:
        raise BadReadings(
            "There is no reading in the file", field="file", mend="send rows of time,celsius"
        )
    return readings


def _reading(number: int, row: Sequence[str]) -> Reading:
    if len(row) < 2:
        raise _bad(number, row, "give a time and degrees Celsius, such as 2020-02-04T08:00Z,4.5")
    try:
        at = datetime.fromisoformat(row[0].strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not 2000 <= at.year < 9999:
        raise _bad(number, row, "give the time with its zone, such as 2020-02-04T08:00:00+08:00")
    try:
        degrees = Decimal(row[1].strip())
    except InvalidOperation:
        degrees = None
    if degrees is None or not degrees.is_finite() or not _COLDEST <= degrees <= _HOTTEST:
        raise _bad(number, row, f"give degrees Celsius from {_COLDEST} to {_HOTTEST}, such as 4.5")
    return Reading(at.astimezone(UTC), round(degrees * 100))


def _bad(number: int, row: Sequence[str], mend: str) -> BadReadings:
    return BadReadings(
        f"Row {number} can't be used", field=f"file[{number}]", value=",".join(row)[:80], mend=mend
    )


def judge(readings: Sequence[Reading], least_centi: int, most_centi: int) -> Judged:
    """Lowest, highest, and for how many whole minutes it was outside the limits.

    A reading outside counts until the next one; the last one counts no time of its own.
    """
    assert readings
    outside = [not least_centi <= each.centi <= most_centi for each in readings]
    spans = (after.at - before.at for before, after in pairwise(readings))
    out = sum(
        (span for span, is_out in zip(spans, outside[:-1], strict=True) if is_out), timedelta()
    )
    return Judged(
        first_at=readings[0].at,
        last_at=readings[-1].at,
        lowest_centi=min(each.centi for each in readings),
        highest_centi=max(each.centi for each in readings),
        minutes_out=int(out.total_seconds() // 60),
        outside=sum(outside),
    )
