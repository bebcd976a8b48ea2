"""What ``today.toml`` says: dates and ids put in, and slips told before anything is written."""

import shutil
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from services.scenarios.load import read_scenario
from services.scenarios.reader import BadScenario
from services.scenarios.scenario import HUBEI_2020
from services.scenarios.today.script import Day

DAY = Day(date(2026, 12, 31), "+08:00", UUID(int=1))


def test_days_and_hours_are_told_from_the_day_of_the_demonstration() -> None:
    told = {"at": "{D-1 09:30}", "lines": [{"batch": "PR-{D}", "expires_on": "{D+1}", "n": 7}]}
    assert DAY.filled(told) == {
        "at": "2026-12-30T09:30:00+08:00",
        "lines": [{"batch": "PR-2026-12-31", "expires_on": "2027-01-01", "n": 7}],
    }


def test_a_name_is_an_id_of_its_own_on_each_day() -> None:
    path = DAY.filled("/donations/{masks}/receive")
    assert path == f"/donations/{DAY.id('masks')}/receive" == DAY.filled(path)
    assert Day(date(2027, 1, 1), "+08:00", DAY.namespace).id("masks") != DAY.id("masks")


@pytest.mark.parametrize(
    ("field", "text", "other"),
    [
        ("expects_a_shipment", 'expects_a_shipment = "HB017"', 'expects_a_shipment = "HB999"'),
        ("point.origin", 'origin = "WH1"', 'origin = "WH9"'),
        ("before.0.as", 'as = "dispatcher"', 'as = "despatcher"'),
        ("before.0", 'post = "/needs/lapse"', 'post = "/needs/lapse"\nput = "/needs/lapse"'),
        ("before.0.put_to", "post =", "put_to ="),
    ],
)
def test_a_slip_is_told(tmp_path: Path, field: str, text: str, other: str) -> None:
    folder = tmp_path / "scenario"
    shutil.copytree(HUBEI_2020, folder)
    file = folder / "today.toml"
    told = file.read_text(encoding="utf-8")
    assert text in told
    file.write_text(told.replace(text, other, 1), encoding="utf-8")
    with pytest.raises(BadScenario) as slip:
        read_scenario(folder)
    assert slip.value.field == f"today.toml:{field}"
    assert slip.value.mend
