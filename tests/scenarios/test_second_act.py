"""The second act: its slips are told, and, acted out whole, it comes to what its README says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.database import Database
from services.scenarios.drive import drive
from services.scenarios.load import read_scenario
from services.scenarios.reader import BadScenario
from services.scenarios.scenario import HUBEI_2020
from tests.pristine import PristineDatabase
from tests.scenarios.stage import empty_database, on_stage


@pytest.mark.parametrize(
    ("field", "line", "other"),
    [
        ("forecast.site", 'site = "HB021"', 'site = "HB001"'),
        ("lapse.site", 'site = "HB023"', 'site = "HB999"'),
        ("lapse.item", 'item = "test_kit"', 'item = "unobtainium"'),
        ("lapse.quantity", "quantity = 400", "quantity = -400"),
        ("lapse.lapsed_at", "2020-02-20T09:00:00+08:00", "2020-02-20T09:00:00"),
        ("release.donation", 'donation = "G21"', 'donation = "G99"'),
        ("giving_back.to", 'to = "WH1"', 'to = "WH9"'),
        ("diversion.line", "line = 1", "line = 9"),
        ("community.second_tries", "second_tries = 12", "second_tries = 300"),
        ("community.supplied", "supplied = 2000", "supplied = 999"),
        ("recall.cause", 'cause = "quality"', 'cause = "rumour"'),
        ("recall", "[recall]", "[recalls]"),
    ],
)
def test_a_slip_in_the_script_is_told(tmp_path: Path, field: str, line: str, other: str) -> None:
    folder = tmp_path / "scenario"
    shutil.copytree(HUBEI_2020, folder)
    script = folder / "second_act.toml"
    text = script.read_text(encoding="utf-8")
    assert line in text
    script.write_text(text.replace(line, other, 1), encoding="utf-8")
    with pytest.raises(BadScenario) as slip:
        read_scenario(folder)
    assert slip.value.field == f"second_act.toml:{field}"
    assert slip.value.mend


@pytest.fixture
def empty(pristine: PristineDatabase) -> Iterator[Database]:
    with empty_database(pristine) as database:
        yield database


@pytest.mark.slow
def test_the_whole_story_comes_to_what_its_readme_says(empty: Database, tmp_path: Path) -> None:
    scenario = read_scenario(HUBEI_2020)
    with on_stage(empty, scenario, tmp_path) as client:
        summary = drive(client, scenario)
    assert summary.differences == []
    assert summary.trace_ok
    # The week is what it was before its story went on.
    assert (summary.needs, summary.needs_cancelled, summary.pieces_needed) == (213, 1, 5_254_235)
    assert summary.fill_by_item["mask_other"] == 1.0
    assert summary.second_act_figures == {
        "daily reports": {"reports": 12, "hospitals": 3, "patient_days": 2769},
        "forecast": {"items": 3, "pieces": 1600},
        "lapsed need": {"needs": 1, "pieces": 400},
        "earmark released": {"lots": 2, "pieces": 100_000},
        "return": {"pieces": 8000},
        "diverted lorry": {"pieces": 20_000},
        "community point": {
            "bookings": 200,
            "handed_out": 188,
            "given_up": 3,
            "missed": 9,
            "refused": 12,
            "pieces": 940,
        },
        "recall": {"opened": 115_000, "gathered": 114_060, "used": 940, "notices": 4},
    }
