"""You asked for 5,000 yesterday: add these, replace those, or keep one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests.requests.hospital import Desk, bring, reserve


@pytest.fixture
def hospital(api: TestClient) -> Desk:
    return Desk(api, "hospital")


def line(**changes: object) -> dict[str, object]:
    need = {"item": "gloves", "quantity": 300, "priority": "routine", "need_by": "2020-02-20"}
    return need | changes


def quantities(hospital: Desk, state: str = "open") -> list[int]:
    return [need["quantity_base"] for need in hospital.get("/needs", state=state)]


def test_the_same_item_is_noticed_though_nothing_else_is_the_same(hospital: Desk) -> None:
    first = hospital.ask(quantity=5000)
    body = {"site": "H1", "posted_at": "2020-02-04T08:00:00Z", "needs": [line()]}
    told = hospital.refused("POST", "/requests", 409, **body)
    assert told["type"] == "urn:medrelay:problem:duplicate-need"
    assert told["errors"][0]["field"] == "needs[0]"
    [known] = told["open_needs"]
    assert (known["id"], known["quantity_base"], known["committed_base"]) == (first["id"], 5000, 0)
    assert quantities(hospital) == [5000]
    assert hospital.post("/requests", **body | {"needs": [line(item="surgical_mask")]})["needs"]


def test_adding_wants_both(hospital: Desk) -> None:
    hospital.ask(quantity=5000)
    for choice in ("add", "keep"):
        assert hospital.ask(quantity=300, duplicate=choice)["status"] == "approved"
    assert quantities(hospital) == [5000, 300, 300]


def test_replacing_cancels_what_is_open_and_lets_come_what_is_under_way(
    hospital: Desk, database: Database
) -> None:
    first = hospital.ask(quantity=5000)
    with database.transaction() as session:
        reserve(session, first["id"], 40)
    new = hospital.ask(quantity=300, duplicate="replace")
    old = hospital.get(f"/needs/{first['id']}")
    assert (old["status"], old["reserved_base"], old["outstanding_base"]) == ("cancelled", 40, 0)
    assert new["outstanding_base"] == 300
    last = hospital.get(f"/needs/{first['id']}/changes")[-1]
    assert last["reason"] == f"replaced by need {new['id']}"


def test_keeping_one_posts_nothing_of_that_line(hospital: Desk) -> None:
    hospital.ask(quantity=5000)
    body = {
        "site": "H1",
        "posted_at": "2020-02-04T08:00:00Z",
        "needs": [line(duplicate="keep_one"), line(item="surgical_mask"), line(quantity=1)],
    }
    hospital.refused("POST", "/requests", 409, **body)
    posted = hospital.post("/requests", **body | {"duplicate": "add"})["needs"]
    assert [need["quantity_base"] for need in posted] == [300, 1]
    assert quantities(hospital) == [5000, 300, 1]
    nothing = hospital.post("/requests", **body | {"needs": [line(duplicate="keep_one")]})
    assert (nothing["state"], nothing["stages"]["committed"]) == ("cancelled", "none")


def test_lines_of_one_request_stand_beside_each_other(hospital: Desk) -> None:
    body = {"site": "H1", "posted_at": "2020-02-04T08:00:00Z"}
    hospital.refused("POST", "/requests", 409, **body, needs=[line(), line()])
    assert len(hospital.post("/requests", **body, needs=[line(), line(quantity=9)])["needs"]) == 2


def test_what_is_over_is_no_duplicate(hospital: Desk, database: Database) -> None:
    cancelled = hospital.ask()
    hospital.post(f"/needs/{cancelled['id']}/cancel", reason="enough")
    met = hospital.ask()
    with database.transaction() as session:
        bring(session, met["id"], 100, reserve(session, met["id"], 100))
    hospital.ask(draft=True)
    assert hospital.ask()["status"] == "approved"


def test_a_draft_is_set_beside_what_is_open_when_it_is_sent(hospital: Desk) -> None:
    draft = hospital.ask(draft=True)
    hospital.ask(quantity=5000)
    url, when = f"/needs/{draft['id']}/submit", {"occurred_at": "2020-02-04T08:00:00Z"}
    hospital.refused("POST", url, 409, **when)
    kept = hospital.post(url, **when, duplicate="keep_one")
    assert kept["status"] == "cancelled"
    assert quantities(hospital) == [5000]


def test_of_many_at_once_one_is_first_and_the_others_are_told(hospital: Desk) -> None:
    def send(number: int) -> int:
        body = {"site": "H1", "posted_at": "2020-02-04T08:00:00Z", "needs": [line(quantity=number)]}
        return int(hospital.send("POST", "/requests", **body).status_code)

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(send, range(1, 7)))
    assert codes == [201] + [409] * 5
    assert len(quantities(hospital)) == 1
