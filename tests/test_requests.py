"""A hospital posts, edits and cancels what it needs, and nobody else's."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from services.database import Database
from services.journal import clock
from services.parties.models import Role
from services.parties.service import Actor
from services.requests import service as requests
from services.requests.models import Need
from services.requests.schemas import NeedEdit
from services.requests.service import NeedChanged
from services.settings import Settings
from tests.world import World, user_id


def a_request(**changes: object) -> dict[str, object]:
    need = {
        "item": "gloves",
        "quantity": 5,
        "unit": "box",
        "priority": "urgent",
        "need_by": "2020-02-06",
    }
    return {
        "id": str(uuid4()),
        "site": "H1",
        "posted_at": "2020-02-03T08:00:00Z",
        "needs": [need | changes],
    }


def test_a_need_is_counted_in_pieces(api: TestClient, world: World) -> None:
    answer = api.post("/api/v1/requests", json=a_request(), headers=world.bearer("hospital"))
    assert answer.status_code == 201, answer.text
    need = answer.json()["needs"][0]
    assert (need["quantity_base"], need["outstanding_base"], need["progress"]) == (
        250,
        250,
        "approved",
    )


def test_the_same_request_twice_is_written_once(api: TestClient, world: World) -> None:
    body = a_request()
    first = api.post("/api/v1/requests", json=body, headers=world.bearer("hospital"))
    again = api.post("/api/v1/requests", json=body, headers=world.bearer("hospital"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    changed = body | {"note": "something else"}
    other = api.post("/api/v1/requests", json=changed, headers=world.bearer("hospital"))
    assert other.status_code == 422
    assert other.json()["type"] == "urn:medrelay:problem:id-reused"


@pytest.mark.parametrize(
    ("zone", "posted_at", "answered"),
    [
        ("Asia/Shanghai", "2020-02-06T23:59:59+08:00", 201),
        ("Asia/Shanghai", "2020-02-07T07:00:00+08:00", 422),
        ("America/New_York", "2020-02-06T20:00:00-05:00", 201),
        ("America/New_York", "2020-02-07T00:00:00-05:00", 422),
    ],
)
def test_a_need_may_fall_due_on_the_day_of_its_request_where_it_is_asked(
    api: TestClient,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    posted_at: str,
    answered: int,
) -> None:
    monkeypatch.setattr(clock, "get_settings", lambda: Settings(time_zone=zone))
    body = a_request() | {"posted_at": posted_at}
    answer = api.post("/api/v1/requests", json=body, headers=world.bearer("hospital"))
    assert answer.status_code == answered, answer.text


def test_a_zone_that_nobody_knows_is_told_at_once() -> None:
    with pytest.raises(ValidationError, match="Asia/Shanghai"):
        Settings(time_zone="Middle/Earth")


def test_an_edit_goes_by_what_is_there_and_not_by_what_was_read_before(
    api: TestClient, world: World, database: Database
) -> None:
    posted = api.post("/api/v1/requests", json=a_request(), headers=world.bearer("hospital"))
    need_id = UUID(posted.json()["needs"][0]["id"])
    actor = Actor(user_id("hospital"), "hospital", Role.HOSPITAL, "HOSP1")
    with database.transaction() as session:
        seen = session.get_one(Need, need_id)
        with database.transaction() as other:
            requests.edit_need(other, actor, need_id, NeedEdit(version=1, quantity=7))
        assert seen.version == 1
        with pytest.raises(NeedChanged):
            requests.edit_need(session, actor, need_id, NeedEdit(version=1, quantity=9))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"item": "unobtainium"}, "needs[0].item"),
        ({"quantity": 0}, "needs[0].quantity"),
        ({"quantity": -5}, "needs[0].quantity"),
        ({"quantity": 2.5}, "needs[0].quantity"),
        ({"quantity": "many"}, "needs[0].quantity"),
        ({"quantity": 10**12 + 1}, "needs[0].quantity"),
        ({"quantity": 10**12, "unit": "carton"}, "needs[0].quantity"),
        ({"unit": "lorry"}, "unit"),
        ({"need_by": "2020-02-30"}, "needs[0].need_by"),
        ({"need_by": "2020-02-01"}, "needs[0].need_by"),
        ({"priority": "at once"}, "needs[0].priority"),
        ({"colour": "blue"}, "needs[0].colour"),
    ],
)
def test_a_bad_need_names_field_value_and_mend(
    api: TestClient, world: World, changes: dict[str, object], field: str
) -> None:
    answer = api.post(
        "/api/v1/requests", json=a_request(**changes), headers=world.bearer("hospital")
    )
    assert answer.status_code in {404, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    error = answer.json()["errors"][0]
    assert error["field"] == field
    assert error["mend"]
    left = api.get("/api/v1/needs", headers=world.bearer("hospital")).json()
    assert left == []


def test_a_body_that_is_not_json_is_told_so(api: TestClient, world: World) -> None:
    answer = api.post(
        "/api/v1/requests",
        content=b"{needs: 5",
        headers=world.bearer("hospital") | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert "JSON" in answer.json()["errors"][0]["mend"]


def test_nobody_posts_for_another_organisation(api: TestClient, world: World) -> None:
    answer = api.post("/api/v1/requests", json=a_request(), headers=world.bearer("hospital2"))
    assert answer.status_code == 403
    assert api.post("/api/v1/requests", json=a_request()).status_code == 401
    donor = api.post("/api/v1/requests", json=a_request(), headers=world.bearer("donor"))
    assert donor.status_code == 403


def test_an_identical_open_need_is_noticed(api: TestClient, world: World) -> None:
    headers = world.bearer("hospital")
    assert api.post("/api/v1/requests", json=a_request(), headers=headers).status_code == 201
    again = api.post("/api/v1/requests", json=a_request(), headers=headers)
    assert again.status_code == 409
    assert "keep" in again.json()["errors"][0]["mend"]
    kept = a_request() | {"duplicate": "keep"}
    assert api.post("/api/v1/requests", json=kept, headers=headers).status_code == 201


def test_an_edit_says_which_version_it_saw(api: TestClient, world: World) -> None:
    headers = world.bearer("hospital")
    need = api.post("/api/v1/requests", json=a_request(), headers=headers).json()["needs"][0]
    edit = {"version": 1, "quantity": 10, "reason": "more patients"}
    edited = api.patch(f"/api/v1/needs/{need['id']}", json=edit, headers=headers)
    assert edited.json()["quantity_base"] == 500
    stale = api.patch(f"/api/v1/needs/{need['id']}", json=edit, headers=headers)
    assert stale.status_code == 409


def test_a_cancelled_need_asks_for_nothing(api: TestClient, world: World) -> None:
    headers = world.bearer("hospital")
    need = api.post("/api/v1/requests", json=a_request(), headers=headers).json()["needs"][0]
    url = f"/api/v1/needs/{need['id']}/cancel"
    for _ in range(2):
        cancelled = api.post(url, json={"reason": "enough"}, headers=headers)
        assert cancelled.status_code == 200
        assert cancelled.json()["outstanding_base"] == 0
    foreign = api.post(url, json={"reason": "enough"}, headers=world.bearer("hospital2"))
    assert foreign.status_code == 403


def test_the_same_request_from_many_sides_at_once_is_written_once(
    api: TestClient, world: World
) -> None:
    body = a_request()

    def send(_: int) -> int:
        answer = api.post("/api/v1/requests", json=body, headers=world.bearer("hospital"))
        return int(answer.status_code)

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(send, range(8)))
    assert codes == [200] * 7 + [201]
    assert len(api.get("/api/v1/needs", headers=world.bearer("hospital")).json()) == 1
