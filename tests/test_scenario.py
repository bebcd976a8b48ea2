"""The scenario says what its sources say, tells every slip, and is acted out once only."""

import csv
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, func, select

from services.catalog.service import BASE_UNIT
from services.database import Database
from services.parties import service as parties
from services.parties.models import Organisation, Site, SiteKind, User
from services.requests.models import Priority
from services.scenarios.drive import drive
from services.scenarios.lanes import compute_lanes, great_circle_m
from services.scenarios.load import load, read_scenario
from services.scenarios.reader import BadScenario
from services.scenarios.rows import Basis, DonationLineRow, ProductionRow, PurchaseRow, SiteRow
from services.scenarios.scenario import HUBEI_2020, Scenario
from services.scenarios.summary import Summary
from services.transport.models import Lane
from tests.pristine import PristineDatabase
from tests.scenarios.second_act import (
    ACTS_OF_THE_SECOND,
    FIGURES_OF_THE_SLICE,
    seen_of_another_script,
    shorter,
)
from tests.scenarios.stage import empty_database, on_stage

# The notices of the Wuhan Red Cross: what it took in from 22 to 30 January 2020, in pieces.
TAKEN_IN = {
    "n95_respirator": 21_391,
    "surgical_mask": 88_000,
    "mask_other": 597_631,
    "coverall": 9_876,
    "goggles": 7_140,
    "face_shield": 1_350,
    "gloves": 1_030_000,
    "test_kit": 8_404,
}
DAYS_TO_NEED = {
    Priority.STAT: 2,
    Priority.ASAP: 3,
    Priority.URGENT: 5,
    Priority.ROUTINE: 7,
}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(HUBEI_2020)


@pytest.fixture
def empty(pristine: PristineDatabase) -> Iterator[Database]:
    """A migrated database with nothing in it."""
    with empty_database(pristine) as database:
        yield database


def pieces(scenario: Scenario, item: str, unit: str, quantity: int) -> int:
    if unit == BASE_UNIT:
        return quantity
    return quantity * next(
        pack.pieces for pack in scenario.packs if (pack.item, pack.unit) == (item, unit)
    )


def batches(scenario: Scenario) -> list[DonationLineRow | ProductionRow | PurchaseRow]:
    """Everything that comes in, as one list."""
    return [*scenario.donation_lines, *scenario.production, *scenario.purchases]


def test_it_holds_the_needs_that_were_published(scenario: Scenario) -> None:
    assert len({need.site for need in scenario.needs}) == 38
    assert len(scenario.needs) == 213
    assert sum(need.quantity for need in scenario.needs) == 5_254_235
    assert {need.quantity_basis for need in scenario.needs} == {Basis.FACT}


def test_donors_give_what_the_red_cross_took_in(scenario: Scenario) -> None:
    accepted: Counter[str] = Counter()
    for line in scenario.donation_lines:
        accepted[line.item] += pieces(scenario, line.item, line.unit, line.accepted)
    assert accepted == TAKEN_IN


def test_supply_is_short_of_need(scenario: Scenario) -> None:
    supply: Counter[str] = Counter()
    for row in batches(scenario):
        supply[row.item] += pieces(scenario, row.item, row.unit, row.quantity)
    need: Counter[str] = Counter()
    for each in scenario.needs:
        need[each.item] += each.quantity
    assert {item for item in need if supply[item] >= need[item]} == {"gloves", "mask_other"}


def test_whatever_was_not_published_follows_the_rules_of_the_readme(scenario: Scenario) -> None:
    regions = {site.code: site.region for site in scenario.sites}
    for need in scenario.needs:
        in_wuhan = regions[need.site].startswith("4201")
        if need.quantity <= 200:
            expected = Priority.STAT
        elif need.item == "mask_other":
            expected = Priority.ROUTINE
        else:
            asap = in_wuhan and need.quantity <= 1_000
            expected = Priority.ASAP if asap else Priority.URGENT
        assert need.priority is expected, need
        wait = timedelta(days=DAYS_TO_NEED[expected])
        assert need.need_by == need.posted_at.date() + wait, need
    shelf_lives = {item.code: item.shelf_life_days for item in scenario.items}
    for row in batches(scenario):
        assert row.expires_on is not None, row
        assert (row.expires_on - row.produced_on).days == shelf_lives[row.item], row


def test_every_kind_of_event_occurs(scenario: Scenario) -> None:
    assert {row.earmark_kind for row in scenario.donations} >= {None, "site", "region"}
    assert {row.earmark_kind for row in scenario.money_gifts} >= {None, "item"}
    assert any(row.earmark_kind for row in scenario.purchases)
    assert any(row.anonymous for row in scenario.donations)
    assert any(row.accepted < row.quantity for row in scenario.donation_lines)
    assert {row.change for row in scenario.need_changes} == {"edit", "cancel"}
    assert {row.outcome for row in scenario.receipts} == {"short", "rejected"}
    assert scenario.payments


def test_a_better_mask_may_serve_for_a_lesser_one_never_the_reverse(scenario: Scenario) -> None:
    assert {(row.item, row.serves) for row in scenario.substitutes} == {
        ("n95_respirator", "surgical_mask"),
        ("n95_respirator", "mask_other"),
        ("surgical_mask", "mask_other"),
    }


def test_lanes_lead_from_every_origin_to_wherever_goods_are_wanted(scenario: Scenario) -> None:
    lanes = compute_lanes(scenario)
    origins = {
        site.code for site in scenario.sites if site.kind in {SiteKind.WAREHOUSE, SiteKind.FACTORY}
    }
    ends = {site.code for site in scenario.sites if site.kind is not SiteKind.FACTORY}
    assert {(lane.origin, lane.destination) for lane in lanes} == {
        (origin, end) for origin in origins for end in ends if origin != end
    }
    assert {lane.carrier for lane in lanes} == {"CA01", "CA02", "CA03", "CA04"}
    assert all(lane.duration_days >= 1 for lane in lanes)


def test_distances_are_great_circles(scenario: Scenario) -> None:
    site = scenario.sites[0]

    def at(latitude: float, longitude: float) -> SiteRow:
        return site.model_copy(update={"latitude": latitude, "longitude": longitude})

    quarter = great_circle_m(at(0, 0), at(0, 90))
    assert quarter == great_circle_m(at(90, 0), at(0, 45))
    assert abs(quarter - 10_007_557) < 1_000
    # Wuhan to Yichang by the published coordinates of both cities: about 290 km.
    assert 285_000 < great_circle_m(at(30.5928, 114.3055), at(30.6919, 111.2864)) < 293_000


Mend = Callable[[list[dict[str, str]]], None]


def changing(row: int, column: str, value: str) -> Mend:
    """A change of one cell, its row counted as a spreadsheet counts."""

    def change(rows: list[dict[str, str]]) -> None:
        rows[row - 2][column] = value

    return change


@pytest.mark.parametrize(
    ("file", "row", "column", "value"),
    [
        ("needs.csv", 3, "quantity", "-5"),
        ("needs.csv", 3, "quantity", "2.5"),
        ("needs.csv", 3, "quantity", "many"),
        ("needs.csv", 3, "quantity", ""),
        ("needs.csv", 3, "quantity", "1000000000001"),
        ("needs.csv", 4, "item", "unobtainium"),
        ("needs.csv", 5, "unit", "lorry"),
        ("needs.csv", 6, "site", "HB999"),
        ("needs.csv", 7, "priority", "at once"),
        ("needs.csv", 8, "need_by", "2020-02-30"),
        ("needs.csv", 9, "posted_at", "2020-02-03T08:00:00"),
        ("needs.csv", 10, "basis", "guessed"),
        ("sites.csv", 2, "latitude", "91"),
        ("sites.csv", 2, "region", "999999"),
        ("regions.csv", 3, "parent", "420100"),
        ("donations.csv", 4, "earmark", "HB999"),
        ("donations.csv", 2, "received_at", "2020-02-01T08:00:00+08:00"),
        ("donation_lines.csv", 2, "accepted", "41"),
        ("donation_lines.csv", 2, "accepted", "39"),
        ("users.csv", 2, "password", "short"),
        ("runs.csv", 2, "day", "2020-03-01"),
        ("daily_reports.csv", 2, "patients_mild", "-1"),
        ("daily_stock.csv", 2, "day", "2020-02-29"),
        ("daily_stock.csv", 2, "unit", "lorry"),
    ],
)
def test_a_slip_is_told_with_file_row_column_and_value(
    tmp_path: Path, file: str, row: int, column: str, value: str
) -> None:
    folder = rewritten(tmp_path, file, changing(row, column, value))
    with pytest.raises(BadScenario) as slip:
        read_scenario(folder)
    told = "note" if (column, value) == ("accepted", "39") else column
    assert slip.value.field == f"{file}:{row}:{told}"
    assert slip.value.mend
    if told == column and value:
        assert value in slip.value.detail or value[:10] in slip.value.detail


def test_the_same_thing_said_twice_is_a_slip(tmp_path: Path) -> None:
    folder = rewritten(tmp_path, "needs.csv", lambda rows: rows.append(rows[0]))
    with pytest.raises(BadScenario, match="row 2 says it already"):
        read_scenario(folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"site,item\n", "add this column"),
        (b"\xff\xfe", "not UTF-8"),
        (b'"open', "not CSV"),
        (b"", "add this column"),
    ],
)
def test_a_file_that_is_no_table_is_told_so(tmp_path: Path, content: bytes, told: str) -> None:
    folder = rewritten(tmp_path, "needs.csv", lambda _rows: None)
    (folder / "needs.csv").write_bytes(content)
    with pytest.raises(BadScenario, match=told):
        read_scenario(folder)


def rewritten(tmp_path: Path, file: str, change: Mend) -> Path:
    """A copy of the scenario with one file changed."""
    folder = tmp_path / "scenario"
    shutil.copytree(HUBEI_2020, folder)
    with (folder / file).open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    change(rows)
    with (folder / file).open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_loading_twice_is_loading_once(empty: Database, scenario: Scenario) -> None:
    def counts(session: Session) -> list[int]:
        return [
            session.exec(select(func.count()).select_from(table)).one()
            for table in (Organisation, Site, User, Lane)
        ]

    with empty.transaction() as session:
        load(session, scenario)
        first = counts(session)
    with empty.transaction() as session:
        changed = session.exec(select(User).where(col(User.username) == "donor")).one()
        changed.password_hash = parties.hash_password("changed-since-then")
    renamed = scenario.organisations[0].model_copy(update={"name_en": "Another name"})
    newer = replace(scenario, organisations=(renamed, *scenario.organisations[1:]))
    with empty.transaction() as session:
        load(session, newer)
        assert counts(session) == first == [71, 51, len(scenario.users), 530]
        assert session.get_one(Organisation, renamed.code).name_en == "Another name"
        assert parties.authenticate(session, "donor", "changed-since-then").organisation == "DN01"
        assert parties.authenticate(session, "hospital", "demo-hospital-2020").role == "hospital"


class Interrupted(Exception):
    """The drive is cut off here, as by a kill."""


def slice_of(scenario: Scenario) -> Scenario:
    """Four sites, one run and what it needs: the whole way in a few seconds."""
    sites = {"HB016", "HB018", "HB021", "HB024"}
    run = scenario.runs[0]
    donations = tuple(row for row in scenario.donations if row.received_at < run.starts_at)
    kept = {row.key_ for row in donations}
    return replace(
        scenario,
        needs=tuple(row for row in scenario.needs if row.site in sites),
        production=tuple(row for row in scenario.production if row.reported_at < run.starts_at),
        donations=donations,
        donation_lines=tuple(row for row in scenario.donation_lines if row.donation in kept),
        money_gifts=scenario.money_gifts[:2],
        purchases=tuple(row for row in scenario.purchases if row.bought_at < run.starts_at),
        runs=(run,),
        receipts=(
            scenario.receipts[0],
            scenario.receipts[1].model_copy(update={"run": run.key_, "item": "n95_respirator"}),
        ),
        second_act=shorter(scenario.second_act),
    )


def cut_off_after(acts: int) -> Callable[[str, int, int], None]:
    def progress(stage: str, done: int, _total: int) -> None:
        if stage.startswith("acting") and done == acts:
            raise Interrupted

    return progress


def test_a_drive_goes_on_where_it_was_cut_off_and_a_second_changes_nothing(
    empty: Database, scenario: Scenario, tmp_path: Path
) -> None:
    part = slice_of(scenario)
    with on_stage(empty, part, tmp_path) as client:
        for acts in (20, 46, 55, 85):
            with pytest.raises(Interrupted):
                drive(client, part, cut_off_after(acts))
        first = drive(client, part)
        second = drive(client, part)
        noticed = seen_of_another_script(client, part)
    assert (first.story_was_there, second.story_was_there) == (False, True)
    assert replace(second, seconds=0.0) == replace(first, seconds=0.0, story_was_there=True)
    _holds(part, first)
    assert noticed == ACTS_OF_THE_SECOND


def _holds(part: Scenario, summary: Summary) -> None:
    assert summary.needs == len(part.needs)
    assert summary.needs_cancelled == 1
    assert summary.pieces_needed == sum(need.quantity for need in part.needs)
    assert 0 < summary.pieces_allocated < summary.pieces_needed
    assert summary.pieces_short > 0
    assert summary.pieces_rejected > 0
    assert (
        summary.pieces_delivered
        == summary.pieces_allocated - summary.pieces_short - summary.pieces_rejected
    )
    assert summary.fill_by_priority["stat"] == 1.0
    assert summary.min_fill_rate > 0
    assert summary.donations == len(part.donations) + len(part.money_gifts)
    assert summary.trace_ok
    assert summary.differences == []
    assert summary.second_act_ok
    assert summary.second_act.keys() == ACTS_OF_THE_SECOND
    assert summary.second_act_figures == FIGURES_OF_THE_SLICE
    assert summary.journal_entries == summary.leaves == summary.chain_tree_size > 0
