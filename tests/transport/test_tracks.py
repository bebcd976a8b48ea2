"""What is told on the way: positions, arrival, readings, proof, and a driver's link."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from httpx2 import Response

from services.catalog.models import Item
from services.database import Database
from services.journal.kinds import EntryKind
from services.journal.read import entries_of
from services.transport.models import Shipment
from services.transport.track_models import CarrierLink
from tests.browser import PageForms
from tests.shipments import Goods, Sent, act, bring_to, count, outstanding, plan, show, where
from tests.world import World

WARM = "time,celsius\n2020-02-04T03:00Z,5\n2020-02-04T03:20Z,9.5\n2020-02-04T03:50Z,6\n"
FINE = "2020-02-04T03:00Z,5\n2020-02-04T04:00Z,7\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


@pytest.fixture
def sent(database: Database) -> Sent:
    return plan(database, Goods(10), Goods(20, item="n95_respirator"))


def post(api: TestClient, path: str, user: str, **body: Any) -> Response:
    return api.post(f"/api/v1/{path}", json=body, headers=World().bearer(user))


def send_file(
    api: TestClient, path: str, content: str | bytes, user: str = "carrier", name: str = "t.csv"
) -> Response:
    files = {"file": (name, content if isinstance(content, bytes) else content.encode())}
    return api.post(f"/api/v1/{path}", files=files, headers=World().bearer(user))


def make_cold(database: Database, item: str, least: int = 200, most: int = 800) -> None:
    with database.transaction() as session:
        kept = session.get_one(Item, item)
        kept.least_centi, kept.most_centi = least, most


def test_where_it_is_and_when_it_comes(api: TestClient, sent: Sent, world: World) -> None:
    path = f"shipments/{sent.id}/positions"
    body = {
        "id": str(uuid4()),
        "occurred_at": "2020-02-04T03:00:00Z",
        "place": "Xiaogan",
        "expected_at": "2020-02-04T09:00:00Z",
    }
    assert post(api, path, "carrier", **body).json()["type"].endswith("wrong-state")
    bring_to(api, sent.id, "dispatch")
    first, again = (post(api, path, "carrier", **body) for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    assert post(api, path, "carrier2", **body | {"id": str(uuid4())}).status_code == 403
    other = post(api, path, "carrier", **body | {"place": "Wuhan"})
    assert other.json()["type"].endswith("id-reused")
    track = api.get(f"/api/v1/shipments/{sent.id}/track", headers=world.bearer("hospital")).json()
    assert [each["place"] for each in track["positions"]] == ["Xiaogan"]
    assert track["expected_at"] == "2020-02-04T09:00:00Z"
    denied = api.get(f"/api/v1/shipments/{sent.id}/track", headers=world.bearer("hospital2"))
    assert denied.status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"place": None, "expected_at": None},
        {"latitude": 30.5},
        {"latitude": 91, "longitude": 0},
        {"latitude": 1e400, "longitude": 0},
        {"occurred_at": "2999-01-01T00:00:00Z"},
        {"expected_at": "0001-01-01T00:00:00Z"},
        {"place": "x\x00"},
    ],
)
def test_a_bad_position_is_refused(api: TestClient, sent: Sent, change: dict[str, Any]) -> None:
    bring_to(api, sent.id, "dispatch")
    body = {"id": str(uuid4()), "occurred_at": "2020-02-04T03:00:00Z", "place": "Xiaogan"} | change
    answer = api.post(
        f"/api/v1/shipments/{sent.id}/positions",
        content=json.dumps(body).replace("Infinity", "1e400"),
        headers=World().bearer("carrier") | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text


def test_cold_goods_that_got_warm_go_to_quarantine(
    api: TestClient, database: Database, sent: Sent
) -> None:
    make_cold(database, "gloves")
    bring_to(api, sent.id, "dispatch")
    path = f"shipments/{sent.id}/temperatures/{uuid4()}"
    first, again = (send_file(api, path, WARM) for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json()), first.text
    told = first.json()
    assert (told["lowest_centi"], told["highest_centi"]) == (500, 950)
    assert (told["minutes_out"], told["breach"], told["readings"]) == (30, True, 3)
    with database.transaction() as session:
        kinds = [entry.kind for entry in entries_of(session, f"shipment:{sent.id}")]
    assert kinds.count(EntryKind.COLD_BREACH) == 1
    assert act(api, sent.id, "deliver").status_code == 200
    received = act(api, sent.id, "receive", lines=[count(1, 10), count(2, 20)]).json()
    held = {line["item"]: line["held_base"] for line in received["lines"]}
    assert held == {"gloves": 10, "n95_respirator": 0}
    assert where(database, sent.lots[0])["site:H1/quarantine"] == 10
    assert [outstanding(database, need) for need in sent.needs] == [10, 0]


def test_readings_within_the_limits_or_of_goods_that_need_no_cold_break_nothing(
    api: TestClient, database: Database, sent: Sent
) -> None:
    path = f"shipments/{sent.id}/temperatures"
    assert send_file(api, f"{path}/{uuid4()}", WARM).json()["type"].endswith("not-sent-yet")
    bring_to(api, sent.id, "dispatch")
    assert send_file(api, f"{path}/{uuid4()}", WARM).json()["breach"] is False
    make_cold(database, "gloves")
    assert send_file(api, f"{path}/{uuid4()}", FINE).json()["breach"] is False
    for content, field in (("hot", "file[1]"), (PNG, "file"), ("", "file")):
        answer = send_file(api, f"{path}/{uuid4()}", content)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field
    assert send_file(api, f"{path}/{uuid4()}", FINE, "hospital2").status_code == 403
    later = FINE.replace("2020", "2999")
    assert send_file(api, f"{path}/{uuid4()}", later).status_code == 422


def test_goods_are_held_to_the_limits_of_their_own_item(
    api: TestClient, database: Database, sent: Sent
) -> None:
    """Test kits at -20 degrees and vaccines at 5, on one lorry, each with a logger."""
    make_cold(database, "gloves", -2500, -1500)
    make_cold(database, "n95_respirator")
    bring_to(api, sent.id, "dispatch")
    path = f"shipments/{sent.id}/temperatures"
    for which, named in (("", "gloves, n95"), ("?item=surgical_mask", "gloves, n95")):
        unclear = send_file(api, f"{path}/{uuid4()}{which}", FINE)
        assert unclear.status_code == 422
        assert unclear.json()["errors"][0]["field"] == "item"
        assert named in unclear.json()["errors"][0]["mend"]
    kept = send_file(api, f"{path}/{uuid4()}?item=n95_respirator", FINE).json()
    assert (kept["breach"], kept["items"]) == (False, ["n95_respirator"])
    thawed = f"{path}/{uuid4()}?item=gloves"
    first, again = (send_file(api, thawed, FINE) for _ in range(2))
    assert first.json() == again.json()
    told = first.json()
    assert (told["breach"], told["items"]) == (True, ["gloves"])
    assert (told["least_centi"], told["most_centi"], told["minutes_out"]) == (-2500, -1500, 60)
    assert act(api, sent.id, "deliver").status_code == 200
    received = act(api, sent.id, "receive", lines=[count(1, 10), count(2, 20)]).json()
    held = {line["item"]: line["held_base"] for line in received["lines"]}
    assert held == {"gloves": 10, "n95_respirator": 0}


def test_a_proof_is_kept_and_shown_to_those_who_have_a_part(
    api: TestClient, sent: Sent, world: World
) -> None:
    path = f"shipments/{sent.id}/proof"
    kept = send_file(api, path, PNG, name="signature.png")
    assert kept.status_code == 201, kept.text
    assert send_file(api, path, PNG, "hospital").status_code == 403
    file = f"/api/v1/shipments/{sent.id}/files/{kept.json()['sha256']}"
    for user, status in (("hospital", 200), ("auditor", 200), ("hospital2", 403), ("donor", 403)):
        assert api.get(file, headers=world.bearer(user)).status_code == status
    assert api.get(f"{file}0", headers=world.bearer("auditor")).status_code == 404


def test_a_maker_sees_its_shipment_and_not_who_stood_at_the_door(
    api: TestClient, sent: Sent, world: World, database: Database
) -> None:
    kept = send_file(api, f"shipments/{sent.id}/proof", PNG, name="signature.png").json()
    with database.transaction() as session:
        session.get_one(Shipment, UUID(str(sent.id))).origin = "F1"
    path, maker = f"/api/v1/shipments/{sent.id}", world.bearer("maker")
    assert api.get(path, headers=maker).status_code == 200
    assert api.get(f"{path}/files/{kept['sha256']}", headers=maker).status_code == 403


def test_pallets_are_numbered_once(api: TestClient, sent: Sent, world: World) -> None:
    path = f"shipments/{sent.id}/labels"
    two = post(api, path, "dispatcher", units=2).json()
    three = post(api, path, "carrier", units=3).json()
    assert three[:2] == two
    assert len({unit["sscc"] for unit in three}) == 3
    assert post(api, path, "dispatcher", units=1).json() == three
    assert post(api, path, "hospital", units=1).status_code == 403
    assert post(api, path, "dispatcher", units=0).status_code == 422
    answer = api.get(f"/api/v1/shipments/{sent.id}/waybill", headers=world.bearer("hospital"))
    waybill = answer.json()
    assert (waybill["pieces"], waybill["weight_g"], len(waybill["units"])) == (30, 1500, 3)


LINK = {"carrier": "CARR1", "day": "2020-02-04", "label": "van 3", "hours": 2}


def a_link(api: TestClient, user: str = "dispatcher", **changes: Any) -> dict[str, Any]:
    answer = post(api, "carrier-links", user, **LINK | {"id": str(uuid4())} | changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_driver_without_account_brings_it_to_the_door(
    api: TestClient, database: Database, sent: Sent
) -> None:
    assert act(api, sent.id, "pick").status_code == 200
    path = f"/en{a_link(api)['path']}"
    phone = TestClient(api.app, raise_server_exceptions=False, follow_redirects=False)
    page = phone.get(path)
    assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    job = f"{path}/{sent.id}"
    assert f'href="{job}"' in page.text
    when = {"dispatch": "10:00", "report": "11:00", "arrive": "17:00", "deliver": "18:00"}
    for what, clock in when.items():
        shown = [
            form for form in PageForms(phone.get(job).text).forms if form.action.endswith(what)
        ]
        values = shown[0].values | {"occurred_at": f"2020-02-04T{clock}"}
        values |= {"place": "Xiaogan"} if what == "report" else {}
        values |= {"received_by_name": "Dr Wu"} if what == "deliver" else {}
        values.pop("proof", None)
        files = {"proof": ("door.png", PNG)} if what == "deliver" else None
        done = phone.post(f"{job}/{what}", data=values, files=files)
        assert done.status_code == 303, done.text
    told = show(api, sent.id)
    assert told["state"] == "delivered"
    assert {event["actor"] for event in told["events"][2:]} == {"organisation:CARR1"}
    assert told["events"][-1]["received_by_name"] == "Dr Wu"
    with database.transaction() as session:
        actors = {entry.actor for entry in entries_of(session, f"shipment:{sent.id}")}
    assert actors == {"organisation:CARR1"}


def test_a_link_opens_the_jobs_of_its_carrier_and_day_alone(
    api: TestClient, database: Database, sent: Sent
) -> None:
    later = plan(database, Goods(5), day=datetime(2020, 2, 6, tzinfo=UTC).date())
    others = plan(database, Goods(5), origin="W2")
    path = f"/en{a_link(api, 'carrier')['path']}"
    page = api.get(path).text
    assert re.findall(r"driver/[^/]+/([0-9a-f-]{36})", page) == [str(sent.id)]
    for foreign in (later.id, others.id, uuid4()):
        assert api.get(f"{path}/{foreign}").status_code == 404
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        moved = api.post(f"{path}/{foreign}/dispatch", content="occurred_at=", headers=form)
        assert moved.status_code == 404
    assert api.post(f"{path}/{sent.id}/receive", data={"x": "1"}).status_code == 404


def test_a_link_ends_by_itself_and_when_it_is_revoked(
    api: TestClient, database: Database, world: World
) -> None:
    body = LINK | {"id": str(uuid4())}
    first, again = (post(api, "carrier-links", "carrier", **body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["path"] is None
    path = f"/zh{first.json()['path']}"
    assert api.get(path).status_code == 200
    assert api.get(path[:-1]).status_code == 404
    assert api.get("/zh/driver/%00x%ff").status_code == 404
    with database.transaction() as session:
        secret = first.json()["path"].rpartition("/")[2]
        row = session.get_one(CarrierLink, UUID(body["id"]))
        assert secret not in str(row.model_dump())
        now = datetime.now(UTC)
        session.execute(sa.update(CarrierLink).values(expires_at=now - timedelta(seconds=1)))
    assert api.get(path).status_code == 404
    other = a_link(api)
    revoke = f"carrier-links/{other['id']}/revoke"
    assert post(api, revoke, "carrier2").status_code == 403
    assert post(api, revoke, "carrier").json()["revoked_at"]
    assert api.get(f"/en{other['path']}").status_code == 404
    listed = api.get("/api/v1/carrier-links?sort=day", headers=world.bearer("carrier")).json()
    assert len(listed) == 2
    assert "path" not in listed[0]
    assert api.get("/api/v1/carrier-links", headers=world.bearer("carrier2")).json() == []
    assert api.get("/api/v1/carrier-links", headers=world.bearer("hospital")).status_code == 403


@pytest.mark.parametrize(
    ("user", "change", "status"),
    [
        ("carrier2", {}, 403),
        ("hospital", {}, 403),
        ("dispatcher", {"carrier": "HOSP1"}, 422),
        ("dispatcher", {"carrier": "NOBODY"}, 404),
        ("dispatcher", {"hours": 0}, 422),
        ("dispatcher", {"hours": 1000}, 422),
        ("dispatcher", {"day": "1999-01-01"}, 422),
    ],
)
def test_who_may_make_a_link_and_for_what(
    api: TestClient, user: str, change: dict[str, Any], status: int
) -> None:
    body = LINK | {"id": str(uuid4())} | change
    assert post(api, "carrier-links", user, **body).status_code == status
