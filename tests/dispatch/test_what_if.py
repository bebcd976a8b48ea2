"""What if: a solved run's input, changed and solved anew; compared, exported, made a real run."""

import csv
import io
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from services.database import Database
from services.dispatch.models import RunState
from services.dispatch.solving import solve_run
from services.jobs.check import check_everything
from services.journal.models import Entry
from tests.dispatch.test_orders import (
    a_pin,
    frozen,
    lots,
    refused,
    run_with,
    shown,
)
from tests.dispatch.test_runs import ask
from tests.world import World

__all__ = ["lots"]


@pytest.fixture
def base(api: TestClient, world: World, database: Database, lots: dict[str, UUID]) -> Any:
    """A proposed run: 1,500 gloves for two needs of 1,000."""
    ask(api, world, 1000)
    ask(api, world, 1000, site="H2")
    return run_with(api, world, database)


def ask_if(api: TestClient, world: World, base: Any, **changes: Any) -> Any:
    url = f"/api/v1/runs/{base['id']}/what-ifs"
    body = {"id": str(uuid4())} | changes
    return api.post(url, json=body, headers=world.bearer("dispatcher"))


def answered(api: TestClient, world: World, database: Database, base: Any, **changes: Any) -> Any:
    answer = ask_if(api, world, base, **changes)
    assert answer.status_code == 202, answer.text
    assert solve_run(database, UUID(answer.json()["id"])) is RunState.ANSWERED
    return shown(api, world, answer.json()["id"])


def difference(api: TestClient, world: World, run: Any) -> Any:
    url = f"/api/v1/runs/{run['id']}/difference"
    return api.get(url, headers=world.bearer("auditor")).json()


def test_more_of_a_lot_and_a_new_one_serve_more_and_never_become_real(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID], base: Any
) -> None:
    supply = [{"origin": "W1", "lot_id": str(lots["W1"]), "change_pieces": 100}]
    new = [{"site": "W2", "item": "gloves", "quantity": 200}]
    run = answered(api, world, database, base, supply=supply, new_lots=new)
    assert (run["kind"], run["state"], run["invented"]) == ("what_if", "answered", True)
    assert run["pieces_allocated"] == 1800
    found = difference(api, world, run)
    assert (found["gained_pieces"], found["lost_pieces"], found["same"]) == (300, 0, 0)
    assert sorted(each["pieces"] for each in found["gains"]) == [150, 150]
    assert found["before"]["min_fill_ppm"] == 750_000
    assert found["after"]["min_fill_ppm"] == 900_000
    desk = world.bearer("approver")
    approve = api.post(f"/api/v1/runs/{run['id']}/approve", json={}, headers=desk)
    assert approve.status_code == 409
    adopt = api.post(f"/api/v1/runs/{run['id']}/adopt", json={}, headers=world.bearer("dispatcher"))
    assert adopt.status_code == 409
    assert "invented" in adopt.json()["detail"]


def test_less_of_a_lot_is_felt_by_all_at_one_rate(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID], base: Any
) -> None:
    gone = [{"origin": "W2", "lot_id": str(lots["W2"]), "change_pieces": -500}]
    run = answered(api, world, database, base, supply=gone)
    found = difference(api, world, run)
    assert [each["after"] for each in found["losses"]] == [500, 500]
    text = api.get(
        f"/api/v1/runs/{run['id']}/difference.csv?direction=losses",
        headers=world.bearer("auditor"),
    )
    assert text.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert [row["pieces"] for row in rows] == ["-250", "-250"]
    gains = api.get(
        f"/api/v1/runs/{run['id']}/difference.csv?direction=gains",
        headers=world.bearer("auditor"),
    )
    assert len(gains.text.splitlines()) == 1


def test_a_what_if_is_logged_as_one_and_disturbs_no_real_run(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID], base: Any
) -> None:
    run = answered(api, world, database, base, policy={"fairness": "most_pieces"})
    with database.transaction() as session:
        bodies = session.exec(select(Entry.body).where(Entry.document == f"run:{run['id']}")).all()
    assert any(f'"what_if_of":"{base["id"]}"'.encode() in body for body in bodies)
    with database.transaction() as session:
        assert list(check_everything(session, None)) == []
    headers = world.bearer("approver")
    approved = api.post(f"/api/v1/runs/{base['id']}/approve", json={}, headers=headers)
    assert approved.status_code == 200
    assert shown(api, world, run["id"])["state"] == "answered"


def test_what_is_not_given_stays_as_it_was_and_keeps_who_set_it(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID], base: Any
) -> None:
    need = base["needs"][0]["need_id"]
    first = answered(api, world, database, base, pins=[a_pin(lots["W1"], need, 900)])
    second = answered(api, world, database, first, policy={"whole_packs": True})
    assert second["pins"] == first["pins"]
    assert second["policy"]["whole_packs"] is True
    assert frozen(database, second["id"]).pins == frozen(database, first["id"]).pins
    third = answered(api, world, database, second, pins=[])
    assert third["pins"] == []
    assert len(frozen(database, third["id"]).last) == len(second["lines"])


def test_a_what_if_of_pins_becomes_a_real_run_by_one_call(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID], base: Any
) -> None:
    need = base["needs"][0]["need_id"]
    run = answered(api, world, database, base, pins=[a_pin(lots["W1"], need, 900)])
    url, body = f"/api/v1/runs/{run['id']}/adopt", {"id": str(uuid4())}
    for status in (202, 200):
        answer = api.post(url, json=body, headers=world.bearer("dispatcher"))
        assert answer.status_code == status, answer.text
    assert solve_run(database, UUID(body["id"])) is RunState.PROPOSED
    real = shown(api, world, body["id"])
    assert (real["kind"], real["pins"]) == ("allocation", run["pins"])
    got = {each["need_id"]: each["allocated"] for each in real["needs"]}
    assert got[need] >= 900
    again = api.post(
        f"/api/v1/runs/{real['id']}/adopt", json={}, headers=world.bearer("dispatcher")
    )
    assert again.status_code == 409


def test_a_real_run_leaves_out_bans_of_what_is_gone_and_refuses_pins_of_it(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID], base: Any
) -> None:
    needs = {each["site"]: each["need_id"] for each in base["needs"]}
    ban = {"need_id": needs["H1"], "why": "closed"}
    banned = answered(api, world, database, base, bans=[ban])
    pinned = answered(api, world, database, base, pins=[a_pin(lots["W1"], needs["H1"], 10)])
    cancel = {"reason": "found some"}
    url = f"/api/v1/needs/{needs['H1']}/cancel"
    assert api.post(url, json=cancel, headers=world.bearer("hospital")).is_success
    desk = world.bearer("dispatcher")
    real = api.post(f"/api/v1/runs/{banned['id']}/adopt", json={}, headers=desk)
    assert real.status_code == 202, real.text
    assert frozen(database, real.json()["id"]).bans == ()
    gone = api.post(f"/api/v1/runs/{pinned['id']}/adopt", json={}, headers=desk)
    assert refused(gone) == ("pins[0].need_id", needs["H1"])


def test_changes_that_can_not_be_are_refused_by_name(
    api: TestClient, world: World, lots: dict[str, UUID], base: Any
) -> None:
    lot = str(lots["W1"])
    too_few = [{"origin": "W1", "lot_id": lot, "change_pieces": -1001}]
    nowhere = [{"origin": "W2", "lot_id": lot, "change_pieces": 1}]
    assert refused(ask_if(api, world, base, supply=too_few))[0] == "supply[0].change_pieces"
    assert refused(ask_if(api, world, base, supply=nowhere)) == ("supply[0].lot_id", lot)
    new = {"site": "W9", "item": "gloves", "quantity": 1}
    answer = ask_if(api, world, base, new_lots=[new])
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["field"] == "new_lots[0].site"
    for user, status in {"hospital": 403, "auditor": 403}.items():
        url = f"/api/v1/runs/{base['id']}/what-ifs"
        assert api.post(url, json={}, headers=world.bearer(user)).status_code == status


def test_a_what_if_sent_twice_is_one_and_needs_a_plan_to_start_from(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID], base: Any
) -> None:
    body = {"id": str(uuid4()), "policy": {"whole_packs": True}}
    codes = [ask_if(api, world, base, **body).status_code for _ in range(2)]
    assert codes == [202, 200]
    assert ask_if(api, world, base, id=body["id"]).status_code == 422
    unsolved = ask_if(api, world, {"id": body["id"]})
    assert unsolved.status_code == 409
    none = api.get(f"/api/v1/runs/{base['id']}/difference", headers=world.bearer("auditor"))
    assert none.json()["type"].endswith("nothing-to-compare")
