"""What desks say of lanes, and what deliveries show, reaches the plans."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from optimizer.policy import Policy
from services.catalog.models import Item
from services.database import Database
from services.dispatch.snapshot import take_snapshot
from services.settings import Settings
from services.transport import ways
from services.transport.durations import Observed, observed
from services.transport.models import Lane
from services.transport.ways import daily_limits
from tests.shipments import Goods, a_need, act, plan
from tests.world import World, stock

LANE = {"origin": "W1", "destination": "H1", "carrier": "CARR1", "distance_m": 10_000}


def put(api: TestClient, **changes: Any) -> dict[str, Any]:
    body = LANE | {"duration_days": 1} | changes
    answer = api.put("/api/v1/lanes", json=body, headers=World().bearer("dispatcher"))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def deliver_after(api: TestClient, database: Database, days: int, day: date) -> None:
    sent = plan(database, Goods(1), day=day)
    left = f"{day}T02:00:00Z"
    assert act(api, sent.id, "pick", occurred_at=left).status_code == 200
    assert act(api, sent.id, "dispatch", occurred_at=left).status_code == 200
    there = f"{day + timedelta(days)}T02:00:00Z"
    assert act(api, sent.id, "deliver", occurred_at=there).status_code == 200


def test_a_lane_takes_as_long_as_its_last_deliveries(
    api: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (1, 4):
        deliver_after(api, database, days, date(2020, 2, 4))
    with database.transaction() as session:
        assert observed(session) == {}
    deliver_after(api, database, 3, date(2020, 2, 4))
    told = put(api)
    assert (told["duration_days"], told["observed_days"], told["observed_deliveries"]) == (1, 3, 3)
    with database.transaction() as session:
        assert observed(session) == {("W1", "H1"): Observed(3, 3)}
        assert days_planned(session) == 1
        wanted = Settings(plan_with_observed_days=True)
        monkeypatch.setattr(ways, "get_settings", lambda: wanted)
        assert days_planned(session) == 3
    put(api, duration_days=5)
    with database.transaction() as session:
        assert days_planned(session) == 5


def days_planned(session: Any) -> int:
    found = {(way.origin, way.destination): way for way in ways.planned_ways(session)}
    return found["W1", "H1"].transit_days


def test_a_plan_sees_costs_cold_and_what_a_day_can_carry(
    api: TestClient, database: Database
) -> None:
    put(api, cost_per_piece_micro=70, volume_l_per_day=30, weight_kg_per_day=4, keeps_cold=False)
    plan(database, Goods(1), day=date(2020, 2, 4))
    with database.transaction() as session:
        stock(session, "W1", quantity=100)
        a_need(session, Goods(50))
    with database.transaction() as session:
        problem = take_snapshot(session, date(2020, 2, 4), 7, Policy())
        lane = problem.way("W1", "H1")
        assert lane is not None
        assert (lane.cost_per_piece_micro, lane.cold) == (70, False)
        corridors = {(row.origin_zone, row.destination_zone): row for row in problem.corridors}
        assert corridors["420100", "420100"].volume_ml_per_day == 30_000
        assert corridors["420100", "420100"].weight_g_per_day == 4_000
        kept = session.get_one(Item, "gloves")
        kept.least_centi, kept.most_centi = 200, 800
        session.flush()
        cold = take_snapshot(session, date(2020, 2, 4), 7, Policy())
        assert cold.item("gloves").cold
        assert [cold.way("W1", "H1").cold, cold.way("W1", "H2").cold] == [False, True]  # type: ignore[union-attr]


def test_what_shipments_take_of_a_day_is_gone_for_the_next_plan(
    api: TestClient, database: Database
) -> None:
    put(api, volume_l_per_day=30, weight_kg_per_day=None)
    with database.transaction() as session:
        session.get_one(Item, "gloves").volume_ml = 500
        session.get_one(Item, "gloves").weight_g = 100
    sent = plan(database, Goods(20), Goods(16), day=date(2020, 2, 5))
    plan(database, Goods(4), destination="H2", day=date(2020, 2, 5))

    def taken(day: date) -> tuple[tuple[int, int, int], ...]:
        with database.transaction() as session:
            problem = take_snapshot(session, day, 3, Policy())
            found = {each.origin_zone + each.destination_zone: each for each in problem.corridors}
            return found["420100420100"].taken

    with database.transaction() as session:
        stock(session, "W1", quantity=100)
        a_need(session, Goods(50))
    assert taken(date(2020, 2, 4)) == ((1, 18_000, 0),)
    assert taken(date(2020, 2, 5)) == ((0, 18_000, 0),)
    assert taken(date(2020, 2, 6)) == ()
    assert act(api, sent.id, "pick", occurred_at="2020-02-05T02:00:00Z").status_code == 200
    assert act(api, sent.id, "dispatch", occurred_at="2020-02-05T02:00:00Z").status_code == 200
    assert taken(date(2020, 2, 4)) == ((1, 18_000, 0),)


def test_what_never_leaves_takes_nothing(api: TestClient, database: Database) -> None:
    put(api, volume_l_per_day=30, weight_kg_per_day=4)
    sent = plan(database, Goods(20), day=date(2020, 2, 5))
    first, last = date(2020, 2, 5), date(2020, 2, 5)
    with database.transaction() as session:
        assert list(ways.shipment_loads(session, first, last)) == [("W1", "H1")]
        assert ways.shipment_loads(session, first - timedelta(2), last - timedelta(1)) == {}
    assert act(api, sent.id, "cancel", reason="the road is closed").status_code == 200
    with database.transaction() as session:
        assert ways.shipment_loads(session, first, last) == {}


def lane(origin: str, destination: str, litres: int | None, kilograms: int | None) -> Lane:
    return Lane(
        origin=origin,
        destination=destination,
        carrier="C",
        distance_m=1,
        duration_days=1,
        volume_l_per_day=litres,
        weight_kg_per_day=kilograms,
    )


def test_regions_are_limited_where_all_their_lanes_say_so() -> None:
    zones = {"A": "x", "B": "x", "C": "y", "D": "y"}
    rows = [lane("A", "C", 10, 5), lane("B", "D", 20, None), lane("A", "B", None, None)]
    (limit,) = daily_limits(rows, zones, {"A", "B"}, {"B", "C", "D"})
    assert (limit.volume_ml, limit.weight_g) == (30_000, None)
    (alone,) = daily_limits(rows, zones, {"A"}, {"C"})
    assert (alone.volume_ml, alone.weight_g) == (10_000, 5_000)
    assert daily_limits(rows, zones, {"A"}, {"B"}) == []
    assert daily_limits(rows, zones, {"C"}, {"A"}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"cost_per_piece_micro": -1},
        {"cost_per_piece_micro": 10**13},
        {"volume_l_per_day": -1},
        {"volume_l_per_day": 1.5},
        {"weight_kg_per_day": 10**9},
        {"keeps_cold": "perhaps"},
    ],
)
def test_a_bad_figure_is_refused(api: TestClient, change: dict[str, Any]) -> None:
    body = LANE | {"duration_days": 1} | change
    answer = api.put("/api/v1/lanes", json=body, headers=World().bearer("dispatcher"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in change


def test_a_lane_takes_no_more_of_a_sum_than_it_adds_to_it() -> None:
    zones = {"A": "x", "B": "x", "C": "y"}
    rows = [lane("A", "C", 10, 5), lane("B", "C", 20, None)]
    day = date(2020, 2, 5)
    loads = {("A", "C"): {day: (15_000, 9_000)}, ("B", "C"): {day: (1_000, 1_000)}}
    (limit,) = daily_limits(rows, zones, {"A", "B"}, {"C"}, loads)
    assert limit.used == ((day, 11_000, 6_000),)
    (alone,) = daily_limits(rows, zones, {"B"}, {"C"}, loads)
    assert alone.used == ((day, 1_000, 1_000),)
