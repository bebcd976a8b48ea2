"""From approved shipments to lorries: what is planned, who may plan it, and what is told of it."""

import csv
import io
from datetime import UTC, date, datetime, time
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from optimizer.rounds_documents import problem_from_json
from services.catalog.models import Item
from services.database import Database
from services.rounds.freeze import depot_times, stop_times
from services.rounds.solving import fail_rounds, solve_rounds
from services.transport.models import RoundsPlan, RoundsState, SiteHours
from tests.rounds import DAY, LORRY, add_lorry, plan_day, read, start
from tests.shipments import Goods, act, plan, show
from tests.world import World


def moment(clock: str) -> str:
    """A local time of the day in UTC, as the API says it: eight hours before."""
    local = datetime.fromisoformat(f"{DAY}T{clock}:00+08:00")
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_days_shipments_become_rounds_with_times(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(100), Goods(50, "surgical_mask"))
    assert add_lorry(api).status_code == 200
    planned = plan_day(api, database)
    assert (planned["state"], planned["shipments"], planned["rounds"]) == ("planned", 1, 1)
    assert planned["status"] == "searched"
    (only,) = planned["plan"]
    assert (only["number"], only["depot"], only["carrier"], only["vehicle"], only["unit"]) == (
        1,
        "W1",
        "CARR1",
        "van",
        1,
    )
    # The lane says 10 km, at 50 km/h; loading takes 30 minutes; the hospital opens at eight.
    (stop,) = only["stops"]
    assert (stop["site"], stop["distance_m"], only["distance_m"]) == ("H1", 10_000, 20_000)
    assert stop["begins_at"] == stop["arrives_at"] == moment("08:00")
    assert (only["loads_at"], only["departs_at"]) == (moment("07:18"), moment("07:48"))
    assert (stop["leaves_at"], only["returns_at"]) == (moment("08:20"), moment("08:32"))
    assert [(load["shipment_id"], load["quantity_base"]) for load in stop["loads"]] == [
        (str(sent.id), 100),
        (str(sent.id), 50),
    ]
    assert (only["volume_ml"], only["weight_g"]) == (150 * 100, 150 * 50)
    assert planned["left_out"] == []


def test_hours_that_are_said_hold_and_others_are_assumed(
    api: TestClient, database: Database, world: World
) -> None:
    plan(database, Goods(100))
    add_lorry(api)
    hours = {"site": "H1", "opens_at": "13:00", "closes_at": "15:00", "service_minutes": 45}
    for user, status in (("hospital2", 403), ("carrier", 403), ("auditor", 403), ("hospital", 200)):
        answer = api.put("/api/v1/site-hours", json=hours, headers=world.bearer(user))
        assert answer.status_code == status, user
    assert api.get("/api/v1/site-hours", headers=world.bearer("carrier")).json() == [
        hours | {"opens_at": "13:00:00", "closes_at": "15:00:00"}
    ]
    (stop,) = plan_day(api, database)["plan"][0]["stops"]
    assert (stop["begins_at"], stop["leaves_at"]) == (moment("13:00"), moment("13:45"))
    assert stop_times(None) == (8 * 3600, 18 * 3600, 20 * 60)
    assert depot_times(None) == (0, 48 * 3600, 30 * 60)
    said = SiteHours(site="W1", opens_at=time(6), closes_at=time(20, 30), service_minutes=5)
    assert stop_times(said) == depot_times(said) == (6 * 3600, 20 * 3600 + 1800, 300)


@pytest.mark.parametrize(
    "hours",
    [
        {"opens_at": "15:00", "closes_at": "15:00"},
        {"opens_at": "08:00", "closes_at": "08:10", "service_minutes": 11},
        {"opens_at": "08:00+08:00"},
        {"opens_at": "25:00"},
        {"service_minutes": -1},
        {"site": "nowhere"},
    ],
)
def test_hours_in_which_no_lorry_is_served_are_refused(
    api: TestClient, world: World, hours: dict[str, object]
) -> None:
    headers = world.bearer("dispatcher")
    answer = api.put("/api/v1/site-hours", json={"site": "H1"} | hours, headers=headers)
    assert answer.status_code in {404, 422}
    assert answer.json()["errors"][0]["mend"]
    assert api.get("/api/v1/site-hours", headers=headers).json() == []


def test_a_lorry_carries_for_its_own_carrier_from_its_own_depot(
    api: TestClient, database: Database
) -> None:
    """W1's shipments go with CARR1, W2's with CARR2: neither has a lorry at the other's depot."""
    own = plan(database, Goods(10), origin="W1", destination="H1")
    other = plan(database, Goods(10), origin="W2", destination="H2")
    add_lorry(api)
    add_lorry(api, code="elsewhere", depot="W2")
    planned = plan_day(api, database)
    loads = [load for each in planned["plan"] for s in each["stops"] for load in s["loads"]]
    assert [load["shipment_id"] for load in loads] == [str(own.id)]
    assert [(each["shipment_id"], each["reason"]) for each in planned["left_out"]] == [
        (str(other.id), "no_vehicle")
    ]
    assert planned["left_out"][0]["sentence"] == "CARR2 en has no lorry at W2 en."
    headers = World().bearer("dispatcher")
    zh = api.get(f"/api/v1/rounds/{planned['id']}?lang=zh", headers=headers).json()
    assert zh["left_out"][0]["sentence"] == "CARR2 中在W2 中没有车辆。"
    assert planned["shipments_left_out"] == 1


def test_cold_goods_wait_for_a_cold_lorry(api: TestClient, database: Database) -> None:
    plan(database, Goods(10), Goods(20, "n95_respirator"))
    with database.transaction() as session:
        kept = session.get_one(Item, "n95_respirator")
        kept.least_centi, kept.most_centi = 200, 800
    add_lorry(api)
    warm = plan_day(api, database)
    assert [(each["item"], each["reason"]) for each in warm["left_out"]] == [
        ("n95_respirator", "no_cold_vehicle")
    ]
    assert [load["item"] for load in warm["plan"][0]["stops"][0]["loads"]] == ["gloves"]
    add_lorry(api, code="fridge", cold=True)
    cold = plan_day(api, database)
    assert cold["left_out"] == []
    brought = {
        load["item"]: each["vehicle"]
        for each in cold["plan"]
        for stop in each["stops"]
        for load in stop["loads"]
    }
    assert brought["n95_respirator"] == "fridge"


def test_what_is_too_far_too_large_or_too_much_says_so(api: TestClient, database: Database) -> None:
    far = plan(database, Goods(10), origin="W1", destination="H2")
    much = plan(database, Goods(100_000), origin="W1", destination="H1")
    add_lorry(api, shift_minutes=300, most_rounds=1, volume_l=1000)
    planned = plan_day(api, database)
    why = {each["shipment_id"]: each for each in planned["left_out"]}
    assert why[str(far.id)]["reason"] == "out_of_reach"
    assert why[str(much.id)]["reason"] == "no_room"
    assert why[str(much.id)]["quantity_base"] == 90_000
    with database.transaction() as session:
        session.get_one(Item, "gloves").volume_ml = 2_000_000
    large = plan_day(api, database)
    assert {each["reason"] for each in large["left_out"]} == {"out_of_reach", "too_large"}
    assert large["plan"] == []


def test_urgent_goods_go_first_where_not_all_can_go(api: TestClient, database: Database) -> None:
    """A drop is as urgent as the most urgent need on it."""
    plan(database, Goods(10))
    sent = plan(database, Goods(10), destination="H2")
    with database.transaction() as session:
        session.connection().execute(
            sa.text("UPDATE need SET priority = 'stat' WHERE id = :id"), {"id": sent.needs[0]}
        )
    add_lorry(api)
    started = start(api).json()["id"]
    with database.transaction() as session:
        problem = problem_from_json(session.get_one(RoundsPlan, UUID(started)).problem)
    assert {drop.site: drop.tier for drop in problem.drops} == {"H1": 2, "H2": 0}


def test_what_should_have_left_before_goes_too(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10))
    add_lorry(api)
    assert start(api, day="2020-02-03").status_code == 409
    (only,) = plan_day(api, database, day="2020-02-06")["plan"]
    assert only["stops"][0]["loads"][0]["shipment_id"] == str(sent.id)
    assert only["departs_at"].startswith("2020-02-05T23:"), "the morning of the sixth"
    page = api.get(f"/en/shipments/{sent.id}", headers=World().bearer("hospital")).text
    assert "6 Feb 2020" in page


def test_only_what_still_waits_is_planned(api: TestClient, database: Database) -> None:
    gone, cancelled, picked = (plan(database, Goods(10)) for _ in range(3))
    act(api, gone.id, "pick")
    act(api, gone.id, "dispatch")
    act(api, cancelled.id, "cancel")
    act(api, picked.id, "pick")
    plan(database, Goods(10), day=date(2020, 2, 5))
    add_lorry(api)
    planned = plan_day(api, database)
    (stop,) = planned["plan"][0]["stops"]
    assert [load["shipment_id"] for load in stop["loads"]] == [str(picked.id)]


def test_who_may_plan_and_who_may_look(api: TestClient, database: Database, world: World) -> None:
    plan(database, Goods(10))
    add_lorry(api)
    for user in ("approver", "auditor", "hospital", "maker", "donor", "carrier"):
        assert start(api, user).status_code == 403, user
    assert api.post("/api/v1/rounds", json={"day": DAY}).status_code == 401
    assert start(api, "admin").status_code == 202
    planned = plan_day(api, database)
    url = f"/api/v1/rounds/{planned['id']}"
    for user, status in (
        ("dispatcher", 200), ("approver", 200), ("auditor", 200), ("admin", 200),
        ("carrier", 200), ("hospital", 403), ("maker", 403), ("donor", 403),
    ):  # fmt: skip
        for address in ("/api/v1/rounds", url, f"{url}/1", f"{url}/stops.csv"):
            got = api.get(address, headers=world.bearer(user)).status_code
            assert got == status, (user, address)
    assert api.get(url).status_code == 401


def test_a_carrier_sees_its_own_rounds_alone(
    api: TestClient, database: Database, world: World
) -> None:
    plan(database, Goods(10), origin="W1", destination="H1")
    plan(database, Goods(10), origin="W2", destination="H2")
    plan(database, Goods(10**9), origin="W2", destination="H1")
    add_lorry(api)
    add_lorry(api, carrier="CARR2", depot="W2")
    planned = plan_day(api, database)
    assert [each["carrier"] for each in planned["plan"]] == ["CARR1", "CARR2"]
    assert planned["shipments_left_out"] == 1
    first = read(api, planned["id"], "carrier")
    assert [each["carrier"] for each in first["plan"]] == ["CARR1"]
    assert (first["rounds"], first["left_out"], first["shipments_left_out"]) == (1, [], 0)
    second = read(api, planned["id"], "carrier2")
    assert [each["carrier"] for each in second["plan"]] == ["CARR2"]
    assert second["shipments_left_out"] == 1
    foreign = api.get(f"/api/v1/rounds/{planned['id']}/2", headers=world.bearer("carrier"))
    assert foreign.status_code == 403
    sheet = api.get(f"/api/v1/rounds/{planned['id']}/stops.csv", headers=world.bearer("carrier"))
    assert {row["carrier"] for row in csv.DictReader(io.StringIO(sheet.text))} == {"CARR1"}


def test_a_carrier_keeps_its_own_fleet(api: TestClient, world: World) -> None:
    assert add_lorry(api, "carrier").status_code == 200
    assert add_lorry(api, "carrier2").status_code == 403
    assert add_lorry(api, "hospital").status_code == 403
    assert add_lorry(api, "carrier", count=3).json()["count"] == 3
    headers = world.bearer("carrier2")
    listed = api.get("/api/v1/vehicles?carrier=CARR1", headers=headers).json()
    assert [(each["code"], each["count"], each["starts_at"]) for each in listed] == [
        ("van", 3, "07:00:00")
    ]
    url = "/api/v1/vehicles/CARR1/van"
    assert api.delete(url, headers=headers).status_code == 403
    assert api.delete(url, headers=world.bearer("carrier")).status_code == 204
    assert api.delete(url, headers=world.bearer("carrier")).status_code == 404
    assert api.get("/api/v1/vehicles", headers=headers).json() == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"carrier": "HOSP1"}, 422),
        ({"carrier": "NOBODY"}, 404),
        ({"depot": "nowhere"}, 404),
        ({"count": 0}, 422),
        ({"volume_l": 1.5}, 422),
        ({"shift_minutes": 10**6}, 422),
        ({"starts_at": "07:00Z"}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_lorries_that_cant_be_are_refused(
    api: TestClient, changes: dict[str, object], status: int
) -> None:
    answer = add_lorry(api, **changes)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == next(iter(changes))


def test_nothing_to_plan_and_nothing_to_plan_with_are_told(
    api: TestClient, database: Database
) -> None:
    add_lorry(api)
    empty = start(api)
    assert (empty.status_code, empty.json()["type"]) == (409, "urn:medrelay:problem:nothing-waits")
    plan(database, Goods(10), origin="W2", destination="H2")
    without = start(api, depot="W2")
    assert (without.status_code, without.json()["type"]) == (
        409,
        "urn:medrelay:problem:no-vehicles",
    )
    assert "lorries" in without.json()["errors"][0]["mend"]
    assert start(api, depot="nowhere").status_code == 404
    assert start(api, depot="H1").json()["errors"][0]["field"] == "depot"
    assert start(api, day="tomorrow").status_code == 422
    assert start(api, speed_kmh=0).status_code == 422


def test_the_same_plan_sent_twice_is_one(api: TestClient, database: Database) -> None:
    plan(database, Goods(10))
    add_lorry(api)
    key = str(uuid4())
    first, again = start(api, id=key), start(api, id=key)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    other = start(api, id=key, speed_kmh=30)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:medrelay:problem:id-reused"
    with database.transaction() as session:
        queued = sa.text("SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid LIKE :key")
        assert session.connection().scalar(queued, {"key": f"%{key}"}) == 1
    assert solve_rounds(database, UUID(key)) is RoundsState.PLANNED
    planned = read(api, key)
    assert solve_rounds(database, UUID(key)) is RoundsState.PLANNED
    assert fail_rounds(database, UUID(key), "too late") is RoundsState.PLANNED
    assert read(api, key) == planned


def test_a_plan_that_failed_says_why(api: TestClient, database: Database) -> None:
    plan(database, Goods(10))
    add_lorry(api)
    key = start(api).json()["id"]
    assert fail_rounds(database, UUID(key), "the road is gone") is RoundsState.FAILED
    assert (read(api, key)["state"], read(api, key)["failure"]) == ("failed", "the road is gone")


def test_all_stops_come_as_a_table(api: TestClient, database: Database, world: World) -> None:
    sent = plan(database, Goods(10), Goods(20, "surgical_mask"))
    add_lorry(api)
    planned = plan_day(api, database)
    answer = api.get(
        f"/api/v1/rounds/{planned['id']}/stops.csv", headers=world.bearer("dispatcher")
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["site_name"], row["item"], row["quantity_base"]) for row in rows] == [
        ("H1 en", "gloves", "10"),
        ("H1 en", "surgical_mask", "20"),
    ]
    assert {row["shipment_id"] for row in rows} == {str(sent.id)}
    assert {row["begins_at"] for row in rows} == {"2020-02-04T00:00:00+00:00"}


def test_a_shipment_is_a_stop_of_the_plan_started_last(
    api: TestClient, database: Database, world: World
) -> None:
    sent = plan(database, Goods(10))
    add_lorry(api)
    page = f"/en/shipments/{sent.id}"
    headers = world.bearer("hospital")
    assert "Round 1" not in api.get(page, headers=headers).text
    nothing = api.get(f"/api/v1/shipments/{sent.id}/calls", headers=headers).json()
    assert nothing == {"calls": [], "left_out": []}
    plan_day(api, database)
    assert "Round 1, stop 1, about 08:00" in api.get(page, headers=headers).text
    api.put("/api/v1/site-hours", json={"site": "H1", "opens_at": "10:40"}, headers=headers)
    later = plan_day(api, database)
    text = api.get(page, headers=headers).text
    assert "Round 1, stop 1, about 10:40" in text
    told = api.get(f"/api/v1/shipments/{sent.id}/calls", headers=headers).json()
    assert told == {
        "calls": [
            {
                "plan_id": later["id"],
                "number": 1,
                "stop": 1,
                "vehicle": "van",
                "unit": 1,
                "begins_at": moment("10:40"),
            }
        ],
        "left_out": [],
    }
    foreign = api.get(f"/api/v1/shipments/{sent.id}/calls", headers=world.bearer("hospital2"))
    assert foreign.status_code == 403
    assert "08:00" not in text
    # A hospital is told the time; the sheet itself is the desk's and the carrier's.
    assert f"/rounds/{later['id']}/1" not in text
    assert f"/rounds/{later['id']}/1" in api.get(page, headers=world.bearer("carrier")).text
    assert "路线 1，第 1 站，约 10:40" in api.get(f"/zh/shipments/{sent.id}", headers=headers).text
    waiting = start(api).json()["id"]
    assert "10:40" in api.get(page, headers=headers).text, (
        "a plan that is not there yet says nothing"
    )
    api.delete("/api/v1/vehicles/CARR1/van", headers=world.bearer("dispatcher"))
    assert solve_rounds(database, UUID(waiting)) is RoundsState.PLANNED
    add_lorry(api, cold=True, depot="W2")
    plan_day(api, database)
    text = api.get(page, headers=headers).text
    assert "It is on no round" in text
    assert "no lorry at this depot" in text
    assert show(api, sent.id)["state"] == "planned"


def test_lorries_are_listed_as_they_were_sent(api: TestClient) -> None:
    sent = LORRY | {"cold": True, "starts_at": "06:30", "shift_minutes": 480, "most_rounds": 2}
    assert add_lorry(api, **sent).json() == sent | {"count": 1, "starts_at": "06:30:00"}
