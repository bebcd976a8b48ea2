"""Enough, stop sending: a hospital stops an item, or everything, and takes it back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.requests.watch import watch
from tests.requests.hospital import Desk, bring, open_alerts, reserve


@pytest.fixture
def hospital(api: TestClient) -> Desk:
    return Desk(api, "hospital")


def a_stop(item: str | None = "gloves") -> dict[str, object]:
    return {"id": str(uuid4()), "site": "H1", "item": item, "reason": "our stores are full"}


def test_a_stop_cancels_what_is_open_and_alerts_of_what_is_reserved(
    api: TestClient, hospital: Desk, database: Database
) -> None:
    need, other = hospital.ask(), hospital.ask(item="surgical_mask")
    with database.transaction() as session:
        lot = reserve(session, need["id"], 40)
    body = a_stop()
    first = hospital.send("POST", "/supply-stops", **body)
    again = hospital.send("POST", "/supply-stops", **body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    stopped = hospital.get(f"/needs/{need['id']}")
    assert (stopped["status"], stopped["reserved_base"]) == ("cancelled", 40)
    assert hospital.get(f"/needs/{other['id']}")["status"] == "approved"
    alert = "supply_stopped", f"supply_stop:{body['id']}"
    assert open_alerts(database)[alert]["reserved"] == 40

    line = {"item": "gloves", "quantity": 5, "priority": "stat", "need_by": "2020-02-09"}
    asked = {"site": "H1", "posted_at": "2020-02-04T08:00:00Z", "needs": [line]}
    told = hospital.refused("POST", "/requests", 409, **asked)
    assert told["stop_id"] == body["id"]
    hospital.refused("POST", "/supply-stops", 409, **a_stop())
    assert Desk(api, "dispatcher").get("/supply-stops", standing=True)[0]["id"] == body["id"]
    assert Desk(api, "hospital2").get("/supply-stops") == []

    with database.transaction() as session:
        bring(session, need["id"], 40, lot)
        watch(session, datetime.now(UTC))
    assert alert not in open_alerts(database)
    for _ in range(2):
        assert hospital.post(f"/supply-stops/{body['id']}/resume")["resumed_at"]
    assert hospital.ask(item="gloves")["status"] == "approved"
    assert hospital.get("/supply-stops", standing=True) == []
    assert hospital.post("/supply-stops", **a_stop())["resumed_at"] is None


def test_everything_can_be_stopped(hospital: Desk) -> None:
    hospital.ask()
    hospital.ask(item="surgical_mask")
    draft = hospital.ask(item="n95_respirator", draft=True)
    stop = hospital.post("/supply-stops", **a_stop(None))
    assert [need["status"] for need in hospital.get("/needs")] == ["cancelled"] * 2 + ["draft"]
    when = {"occurred_at": "2020-02-04T08:00:00Z"}
    hospital.refused("POST", f"/needs/{draft['id']}/submit", 409, **when)
    hospital.post(f"/supply-stops/{stop['id']}/resume")
    assert hospital.post(f"/needs/{draft['id']}/submit", **when)["status"] == "approved"


def test_nobody_stops_another_hospitals_supply(api: TestClient, hospital: Desk) -> None:
    for user in ("hospital2", "dispatcher", "donor"):
        Desk(api, user).refused("POST", "/supply-stops", 403, **a_stop())
    stop = hospital.post("/supply-stops", **a_stop())
    Desk(api, "hospital2").refused("POST", f"/supply-stops/{stop['id']}/resume", 403)
    hospital.refused("POST", f"/supply-stops/{uuid4()}/resume", 404)
    hospital.refused("POST", "/supply-stops", 404, **a_stop("unobtainium"))
    hospital.refused("POST", "/supply-stops", 422, **a_stop() | {"reason": ""})
    late = {"occurred_at": "2999-01-01T00:00:00Z"}
    hospital.refused("POST", "/supply-stops", 422, **a_stop("surgical_mask") | late)


def test_no_need_slips_in_beside_a_stop(hospital: Desk) -> None:
    """However a stop and needs meet, nothing is open afterwards."""

    def ask(number: int) -> None:
        line = {"item": "gloves", "quantity": 5, "priority": "stat", "need_by": "2020-02-09"}
        whole = {"site": "H1", "posted_at": "2020-02-04T08:00:00Z", "duplicate": "add"}
        if number == 3:
            hospital.post("/supply-stops", **a_stop())
        else:
            answer = hospital.send("POST", "/requests", **whole, needs=[line])
            assert answer.status_code in {201, 409}, answer.text

    with ThreadPoolExecutor(7) as pool:
        list(pool.map(ask, range(7)))
    assert hospital.get("/needs", state="open") == []
