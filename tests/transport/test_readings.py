"""A logger's readings: rows that can be used, and how long it was too warm or too cold."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transport.readings import BadReadings, Reading, judge, parse_readings

START = datetime(2020, 2, 4, tzinfo=UTC)


def test_rows_become_readings() -> None:
    text = "\ufefftime,celsius\r\n2020-02-04T08:00:00+08:00,4.5\r\n\r\n2020-02-04T08:15Z,-0.25\r\n"
    assert parse_readings(text) == [
        Reading(datetime(2020, 2, 4, 0, 0, tzinfo=UTC), 450),
        Reading(datetime(2020, 2, 4, 8, 15, tzinfo=UTC), -25),
    ]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("2020-02-04T08:00Z", "file[2]"),
        ("2020-02-04T08:00,4", "file[2]"),
        ("yesterday,4", "file[2]"),
        ("2020-02-04T08:00Z,warm", "file[2]"),
        ("2020-02-04T08:00Z,NaN", "file[2]"),
        ("2020-02-04T08:00Z,1e9", "file[2]"),
        ("1999-02-04T08:00Z,4", "file[2]"),
        ("2020-02-04T00:00Z,4", "file[2]"),
    ],
)
def test_a_bad_row_is_named(row: str, field: str) -> None:
    with pytest.raises(BadReadings) as refusal:
        parse_readings(f"2020-02-04T00:00Z,4\n{row}\n")
    assert refusal.value.field == field
    assert refusal.value.mend


@pytest.mark.parametrize("text", ["", "time,celsius\n", "\n\n"])
def test_no_reading_is_no_file(text: str) -> None:
    with pytest.raises(BadReadings, match="no reading"):
        parse_readings(text)


def test_a_reading_outside_counts_until_the_next() -> None:
    degrees = [500, 801, 900, 800, 199, 200, 1000]
    readings = [Reading(START + timedelta(minutes=10 * at), c) for at, c in enumerate(degrees)]
    judged = judge(readings, 200, 800)
    assert (judged.lowest_centi, judged.highest_centi) == (199, 1000)
    assert (judged.minutes_out, judged.outside) == (30, 4)


@given(st.lists(st.integers(-1000, 3000), min_size=1, max_size=50))
def test_never_longer_outside_than_measured(degrees: list[int]) -> None:
    readings = [Reading(START + timedelta(minutes=at), c) for at, c in enumerate(degrees)]
    judged = judge(readings, 200, 800)
    assert 0 <= judged.minutes_out <= len(degrees) - 1
    assert judged.lowest_centi == min(degrees)
    assert (judged.outside == 0) == all(200 <= each <= 800 for each in degrees)
    text = "\n".join(f"{each.at.isoformat()},{each.centi / 100:.2f}" for each in readings)
    assert parse_readings(text) == readings
