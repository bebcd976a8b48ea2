"""GetUsPPE's weeks on a made-up world small enough to count by hand, and once on the real data."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.bench.commands import bench
from services.bench.getusppe import data
from services.bench.getusppe.chart import Axis, Line, Panel, Point, draw
from services.bench.getusppe.data import Miles, NoData, Posting, Records, read_records
from services.bench.getusppe.figures import PUBLISHED_FIGURES, better_on, count
from services.bench.getusppe.policy import EQUAL_SHARES, METRES_PER_MILE, Weights, medrelay
from services.bench.getusppe.policy import weekly_problem as problem_of
from services.bench.getusppe.published import first_come, proximity, ties_as_published
from services.bench.getusppe.report import PUBLISHED, rows
from services.bench.getusppe.rounds import LARGEST_OFFER, Match, Open, Overdrawn, Round, Sent, play

OFFERS = """,don_id,date,ppe,qty
0,a,2020-04-01 00:01:00+00:00,masks,10.0
1,b,2020-04-01 12:00:00+00:00,masks,6.0
2,c,2020-04-01 12:00:00+00:00,masks,1001.0
"""
# The fourth was posted at the minute at which the first week ends: it belongs to no week.
REQUESTS = """,rec_id,date,ppe,qty
1,r1,2020-04-02 00:00:00+00:00,masks,8.0
2,r2,2020-04-03 00:00:00.250000+00:00,masks,4.0
3,r3,2020-04-03 00:00:00+00:00,gowns,5.0
4,r4,2020-04-08 00:00:00+00:00,masks,10.0
5,r5,2020-04-09 00:00:00+00:00,masks,100.0
"""
MILES = """don_id,rec_id,distance
a,r1,10
a,r2,10
a,r4,5
a,r5,1000
b,r1,100
b,r2,20
b,r4,5
b,r5,500
"""
FREE = Weights(shipment_piece_miles=0, rarity_piece_miles=0, unfilled_miles=0)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    paths = []
    for name, text in (("offers", OFFERS), ("requests", REQUESTS), ("miles", MILES)):
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text(text, encoding="utf-8")
    return read_records(*paths)


def told(sent: list[Sent]) -> list[tuple[Any, ...]]:
    return [(each.donor, each.recipient, each.quantity, each.held_days) for each in sent]


def test_the_nth_donor_serves_the_nth_recipient(records: Records) -> None:
    sent = play(records, first_come)
    assert told(sent) == [("a", "r1", 8, 7), ("b", "r2", 4, 6), ("a", "r5", 2, 8)]
    figures = count(records.requests, sent)
    assert figures.fill_rate == pytest.approx(((1 + 1 + 0 + 0.02) / 4 + 0) / 2)
    assert figures.fill_rate_nonzero == pytest.approx((1 + 1 + 0.02) / 3)
    assert figures.unit_miles == pytest.approx((8 * 10 + 4 * 20 + 2 * 1000) / 14)
    assert figures.shipments_per_donor == pytest.approx(3 / 2)
    assert figures.days_held == pytest.approx((8 * 7 + 4 * 6 + 2 * 8) / 14)
    assert (figures.pieces, figures.recipients, figures.donors) == (14, 3, 2)


def test_each_donor_serves_the_nearest_one_recipient_a_week(records: Records) -> None:
    sent = play(records, proximity({}))
    assert told(sent) == [
        ("a", "r1", 8, 7),
        ("b", "r2", 4, 6),
        ("a", "r5", 2, 8),
        ("b", "r5", 2, 8),
    ]


def test_whom_ties_name_is_chosen_only_among_the_nearest(records: Records) -> None:
    named = play(records, proximity({(1, "masks", "a"): "r2"}))
    assert told(named) == [("a", "r2", 4, 7), ("b", "r1", 6, 6), ("a", "r1", 2, 8)]


def test_whom_ties_name_is_not_chosen_where_another_is_nearer() -> None:
    world = one_offer(5, [("near", 5, 10.0), ("far", 5, 20.0)])
    sent = play(world, proximity({(1, "masks", "giver"): "far"}))
    assert [each.recipient for each in sent] == ["near"]


def test_a_shipment_holds_all_items_of_one_week_and_no_other_week() -> None:
    week = datetime(2020, 4, 8, tzinfo=UTC)
    sent = [
        Sent("a", "r", item, 1, moment, 0, 1.0)
        for item, moment in (
            ("masks", week),
            ("gowns", week),
            ("masks", week + timedelta(days=7)),
        )
    ]
    assert count([], sent).shipments_per_donor == 2


def test_medrelay_sends_all_it_can_at_the_least_miles(records: Records) -> None:
    sent = play(records, medrelay(FREE))
    assert sorted(told(sent)) == [("a", "r1", 8, 7), ("a", "r2", 2, 7), ("b", "r2", 2, 6)]


def test_a_dear_shipment_makes_one_large_one_of_two_small_ones() -> None:
    asked = [("whole", 10, 30.0), ("near", 5, 10.0), ("next", 5, 10.0)]
    world = one_offer(10, asked)
    cheap = play(world, medrelay(FREE))
    dear = play(world, medrelay(Weights(shipment_piece_miles=1_000, rarity_piece_miles=0)))
    assert {each.recipient for each in cheap} == {"near", "next"}
    assert {each.recipient for each in dear} == {"whole"}


def test_what_leaves_a_request_unfilled_goes_rather_to_one_farther_off() -> None:
    world = one_offer(10, [("vast", 1_000, 10.0), ("fits", 10, 50.0)])
    assert {each.recipient for each in play(world, medrelay(FREE))} == {"vast"}
    weights = Weights(shipment_piece_miles=0, rarity_piece_miles=0, unfilled_miles=100)
    assert {each.recipient for each in play(world, medrelay(weights))} == {"fits"}


def test_equal_shares_give_every_recipient_the_same_rate() -> None:
    world = one_offer(9, [("one", 10, 1.0), ("two", 20, 2.0), ("three", 60, 3.0)])
    sent = play(world, medrelay(EQUAL_SHARES))
    assert {each.recipient: each.quantity for each in sent} == {"one": 1, "two": 2, "three": 6}


def test_a_lane_costs_its_share_of_the_shipment_and_of_what_stays_unfilled() -> None:
    world = one_offer(6, [("part", 8, 100.0), ("full", 4, 20.0), ("far", 4, 401.0)])
    round_ = Round(
        1,
        datetime(2020, 4, 8, tzinfo=UTC),
        (Open("giver", "masks", datetime(2020, 4, 1, tzinfo=UTC), 6),),
        tuple(
            Open(each.party, each.item, each.posted_at, each.quantity) for each in world.requests
        ),
        world.miles,
    )
    weights = Weights(shipment_piece_miles=100, rarity_piece_miles=0, unfilled_miles=40)
    problem = problem_of(round_, list(round_.offers), list(round_.requests), weights)
    lanes = {each.destination: each for each in problem.lanes}
    assert lanes.keys() == {"part", "full"} == {each.id for each in problem.needs}
    assert lanes["part"].cost_per_piece_micro == round((100 / 6 + 40 / 4) * METRES_PER_MILE)
    assert lanes["full"].cost_per_piece_micro == round(100 / 4 * METRES_PER_MILE)
    assert lanes["full"].distance_m == 32_187


def test_where_few_ask_a_shipment_is_cheaper_but_never_below_nothing() -> None:
    world = one_offer(6, [("part", 8, 100.0), ("full", 4, 20.0)])
    opens = [Open(each.party, each.item, each.posted_at, each.quantity) for each in world.requests]
    offer = Open("giver", "masks", datetime(2020, 4, 1, tzinfo=UTC), 6)
    round_ = Round(1, datetime(2020, 4, 8, tzinfo=UTC), (offer,), tuple(opens), world.miles)
    # Two ask, so 1 a thousand saves 500: 400 more than the shipment costs, on every piece alike.
    weights = Weights(shipment_piece_miles=100, rarity_piece_miles=1, unfilled_miles=0)
    costs = {
        each.destination: each.cost_per_piece_micro
        for each in problem_of(round_, [offer], opens, weights).lanes
    }
    assert costs["full"] == round((400 - 400 / 4) * METRES_PER_MILE)
    assert costs["part"] == round((400 - 400 / 6) * METRES_PER_MILE)


def test_a_strategy_that_sends_what_nobody_has_is_refused(records: Records) -> None:
    def greedy(round_: Round) -> Iterator[Match]:
        if round_.offers:
            yield Match("a", "r1", "masks", 11)

    with pytest.raises(Overdrawn, match="too few"):
        play(records, greedy)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_nobody_sends_more_than_offered_or_gets_more_than_asked(drawn: st.DataObject) -> None:
    world = drawn.draw(worlds())
    strategies = (first_come, proximity({}), medrelay(), medrelay(EQUAL_SHARES))
    for sent in (play(world, each) for each in strategies):
        given_, got = Counter[Any](), Counter[Any]()
        for each in sent:
            given_[each.donor, each.item] += each.quantity
            got[each.recipient, each.item] += each.quantity
            assert each.quantity > 0
            assert each.held_days >= 0
        offered = [each for each in world.offers if each.quantity <= LARGEST_OFFER]
        assert given_ <= Counter(totals(offered))
        assert got <= Counter(totals(world.requests))
        figures = count(world.requests, sent)
        assert 0 <= figures.fill_rate <= 1
        assert figures.fill_rate <= figures.fill_rate_nonzero or not sent


def test_qty_that_is_not_whole_is_refused_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "offers.csv"
    path.write_text(OFFERS.replace("6.0", "6.5"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"offers\.csv, line 3: qty '6\.5'"):
        read_records(path, path, path)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> list[Any]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(data, "files", nothing)
    with pytest.raises(NoData, match="make install-bench"):
        data.read_installed()
    result = CliRunner().invoke(bench, ["getusppe"])
    assert result.exit_code == 2
    assert "medrelay[bench]" in result.output


def test_the_command_writes_a_row_for_each_strategy(
    monkeypatch: pytest.MonkeyPatch, records: Records, tmp_path: Path
) -> None:
    monkeypatch.setattr(data, "read_installed", lambda: records)
    out = tmp_path / "rows.json"
    result = CliRunner().invoke(bench, ["getusppe", "--json", str(out)])
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text(encoding="utf-8"))
    assert [each["strategy"] for each in written[:2]] == list(PUBLISHED)
    first = written[0]
    assert first["unit_miles"] == pytest.approx(2160 / 14)
    assert first["published"]["unit_miles"] == 1344.9
    assert first["better_on"] == ["unit_miles", "shipments_per_donor", "days_held"]
    assert written[-1]["published"] is None
    assert "first_come" in result.output


def test_part_of_the_offers_is_played_without_the_published_figures(
    monkeypatch: pytest.MonkeyPatch, records: Records, tmp_path: Path
) -> None:
    monkeypatch.setattr(data, "read_installed", lambda: records)
    out = tmp_path / "rows.json"
    command = ["getusppe", "--offers-until", "2020-04-01", "--json", str(out)]
    assert CliRunner().invoke(bench, command).exit_code == 0
    written = json.loads(out.read_text(encoding="utf-8"))
    assert {(each["pieces"], each["published"]) for each in written} == {(0, None)}


@pytest.mark.parametrize("days", [["2090-01-01"], ["2020-05-01", "--offers-until", "2020-04-01"]])
def test_days_without_an_offer_are_told(
    monkeypatch: pytest.MonkeyPatch, records: Records, days: list[str]
) -> None:
    monkeypatch.setattr(data, "read_installed", lambda: records)
    result = CliRunner().invoke(bench, ["getusppe", "--offers-from", *days])
    assert result.exit_code == 2
    assert "No offer lies between those days" in result.output


def test_the_drawing_is_the_same_every_time_and_reads_as_xml() -> None:
    axis = Axis("miles < km & more", 10, 1_000, (10, 100, 1_000), logarithmic=True)
    points = (Point(100, 0.5, "half way", word="here"), Point(10, 0, "corner", filled=False))
    panel = Panel("A title", axis, Axis("rate", 0, 1, (0, 1)), (Line("a line", "#123456", points),))
    drawn = draw([panel], ["a note"], "what it shows")
    assert drawn == draw([panel], ["a note"], "what it shows")
    circles = [each for each in ET.fromstring(drawn).iter() if each.tag.endswith("circle")]
    assert [(each.get("cx"), each.get("cy")) for each in circles[:2]] == [
        ("215.0", "165.0"),
        ("0.0", "330.0"),
    ]


@pytest.mark.bench
def test_the_published_strategies_give_their_figures_and_medrelay_is_better_on_all_five() -> None:
    played = {each.strategy: each for each in rows(data.read_installed())}
    for name in PUBLISHED:
        figures, published = played[name].figures, played[name].published
        assert published is not None
        for figure, digits in zip(PUBLISHED_FIGURES, (4, 3, 1, 2, 1), strict=True):
            assert round(getattr(figures, figure), digits) == published[figure], (name, figure)
    ours = played["medrelay"]
    assert ours.better_on == list(PUBLISHED_FIGURES)
    assert ours.figures.pieces > max(played[name].figures.pieces for name in PUBLISHED)


@pytest.mark.bench
def test_on_the_early_offers_alone_the_same_weights_are_better_on_all_five() -> None:
    early = data.read_installed().with_offers_between(None, datetime(2020, 4, 27, tzinfo=UTC))
    others = [count(early.requests, play(early, each)) for each in (first_come, proximity({}))]
    ours = count(early.requests, play(early, medrelay()))
    assert better_on(ours, others) == list(PUBLISHED_FIGURES)


def test_the_kept_ties_name_one_recipient_for_a_week_an_item_and_a_donor() -> None:
    ties = ties_as_published()
    assert len(ties) == 1_538
    assert {week for week, _, _ in ties} <= set(range(1, 18))


def one_offer(quantity: int, asked: list[tuple[str, int, float]]) -> Records:
    """One donor of masks, and recipients with what they ask for and the miles to them."""
    start = datetime(2020, 4, 1, tzinfo=UTC)
    return Records(
        (Posting("giver", "masks", start, quantity),),
        tuple(Posting(name, "masks", start, pieces) for name, pieces, _ in asked),
        Miles(
            {"giver": 0},
            {name: column for column, (name, _, _) in enumerate(asked)},
            np.array([[miles for _, _, miles in asked]]),
        ),
    )


def totals(postings: Iterable[Posting]) -> dict[tuple[str, str], int]:
    sums = Counter[tuple[str, str]]()
    for each in postings:
        sums[each.party, each.item] += each.quantity
    return sums


@st.composite
def worlds(draw_from: st.DrawFn) -> Records:
    """Up to a dozen postings a side over three weeks, with some miles unknown."""
    donors, recipients = ("d1", "d2", "d3"), ("r1", "r2", "r3", "r4")

    def posting(parties: tuple[str, ...]) -> st.SearchStrategy[Posting]:
        moments = st.integers(0, 21 * 24 * 60).map(
            lambda minutes: datetime(2020, 4, 1, tzinfo=UTC) + timedelta(minutes=minutes)
        )
        item = st.sampled_from(("masks", "gowns"))
        return st.builds(Posting, st.sampled_from(parties), item, moments, st.integers(1, 1_100))

    miles = draw_from(
        st.lists(
            st.sampled_from((5.0, 50.0, 50.5, 390.0, 900.0, float("nan"))),
            min_size=len(donors) * len(recipients),
            max_size=len(donors) * len(recipients),
        )
    )
    return Records(
        tuple(draw_from(st.lists(posting(donors), max_size=12))),
        tuple(draw_from(st.lists(posting(recipients), max_size=12))),
        Miles(
            {name: row for row, name in enumerate(donors)},
            {name: column for column, name in enumerate(recipients)},
            np.array(miles).reshape(len(donors), len(recipients)),
        ),
    )
