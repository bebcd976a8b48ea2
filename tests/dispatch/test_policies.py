"""Policies under names: each change a version, and a run says which it used."""

from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from services.database import Database
from services.dispatch.models import RunState
from services.dispatch.solving import solve_run
from tests.dispatch.test_runs import DAY, ask
from tests.world import World, stock


def save(api: TestClient, world: World, user: str = "dispatcher", **more: Any) -> Any:
    body = {"id": str(uuid4()), "name": "steady", "policy": {}, "why": "to try"} | more
    return api.post("/api/v1/policies", json=body, headers=world.bearer(user))


def start(api: TestClient, world: World, **more: Any) -> Any:
    body = {"id": str(uuid4()), "day": DAY, "horizon_days": 7} | more
    return api.post("/api/v1/runs", json=body, headers=world.bearer("dispatcher"))


def shown(api: TestClient, world: World, path: str) -> Any:
    answer = api.get(f"/api/v1/{path}", headers=world.bearer("auditor"))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_edit_is_a_new_version_and_both_can_be_compared(api: TestClient, world: World) -> None:
    assert save(api, world).status_code == 201
    changed = save(
        api, world, "approver", policy={"whole_packs": True}, why="packs", edited_version=1
    )
    assert changed.json()["version"] == 2
    versions = shown(api, world, "policies/steady/versions")
    assert [(each["version"], each["saved_by"], each["why"]) for each in versions] == [
        (2, "approver", "packs"),
        (1, "dispatcher", "to try"),
    ]
    changes = shown(api, world, "policies/steady/difference?before=1&after=2")
    assert changes == [{"field": "whole_packs", "before": "False", "after": "True"}]
    [newest] = shown(api, world, "policies")
    assert newest["version"] == 2


def test_the_same_version_twice_is_one_and_another_under_its_id_is_refused(
    api: TestClient, world: World
) -> None:
    body = {"id": str(uuid4())}
    assert save(api, world, **body).status_code == 201
    assert save(api, world, **body).status_code == 200
    assert save(api, world, **body, why="another").status_code == 422
    assert len(shown(api, world, "policies/steady/versions")) == 1


def test_two_who_edit_the_same_version_are_told(api: TestClient, world: World) -> None:
    save(api, world, edited_version=0)
    assert save(api, world, edited_version=1).status_code == 201
    late = save(api, world, edited_version=1)
    assert late.status_code == 409
    assert late.json()["type"].endswith("policy-changed")
    assert save(api, world, edited_version=0).status_code == 409


def test_what_cannot_be_a_policy_is_refused(api: TestClient, world: World) -> None:
    assert save(api, world, policy={"fairness": "weighted"}).status_code == 422
    assert save(api, world, name="no such/name").status_code == 422
    assert save(api, world, "hospital").status_code == 403
    assert save(api, world, "auditor").status_code == 403
    assert save(api, world, why="").status_code == 422
    assert shown(api, world, "policies") == []


def test_a_run_says_which_version_it_used_and_takes_the_default(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        stock(session)
    ask(api, world, 100)
    save(api, world, policy={"whole_packs": True})
    unnamed = start(api, world).json()
    assert (unnamed["policy_name"], unnamed["policy_version"]) == (None, None)
    url = "/api/v1/policies/steady/default"
    for _ in range(2):
        made = api.post(url, json={"why": "agreed"}, headers=world.bearer("approver"))
        assert made.json()["is_default"] is True
    save(api, world, name="other")
    api.post("/api/v1/policies/other/default", json={"why": "no"}, headers=world.bearer("approver"))
    api.post(url, json={"why": "back"}, headers=world.bearer("approver"))
    run = start(api, world).json()
    assert (run["policy_name"], run["policy_version"]) == ("steady", 1)
    assert shown(api, world, f"runs/{run['id']}")["policy"]["whole_packs"] is True
    save(api, world, edited_version=1)
    assert start(api, world).json()["policy_version"] == 2
    older = start(api, world, policy_name="steady", policy_version=1).json()
    assert shown(api, world, f"runs/{older['id']}")["policy"]["whole_packs"] is True
    own = start(api, world, policy={"whole_packs": True}).json()
    assert own["policy_name"] is None


def test_a_policy_that_is_not_there_is_refused(
    api: TestClient, world: World, database: Database
) -> None:
    ask(api, world, 100)
    save(api, world)
    assert start(api, world, policy_name="nobody").status_code == 404
    assert start(api, world, policy_name="steady", policy_version=9).status_code == 404
    assert start(api, world, policy_version=1).status_code == 422
    assert start(api, world, policy_name="steady", policy={}).status_code == 422
    headers = world.bearer("approver")
    missing = api.post("/api/v1/policies/nobody/default", json={"why": "x"}, headers=headers)
    assert missing.status_code == 404


def test_solving_again_keeps_the_policy_and_starts_from_the_plan(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        lot = stock(session)
    need = ask(api, world, 100)
    save(api, world)
    ban = {"origin": "W1", "lot_id": str(lot), "why": "not this one"}
    first = start(api, world, policy_name="steady", bans=[ban]).json()["id"]
    assert solve_run(database, UUID(first)) is RunState.PROPOSED
    body = {"id": str(uuid4())}
    url, headers = f"/api/v1/runs/{first}/again", world.bearer("dispatcher")
    again = api.post(url, json=body, headers=headers)
    assert again.status_code == 202, again.text
    assert api.post(url, json=body, headers=headers).status_code == 200
    run = again.json()
    assert (run["base_run"], run["policy_name"]) == (first, "steady")
    solve_run(database, UUID(run["id"]))
    whole = shown(api, world, f"runs/{run['id']}")
    assert [each["why"] for each in whole["bans"]] == ["not this one"]
    assert (need, whole["lines"]) == (whole["needs"][0]["need_id"], [])
    assert shown(api, world, f"runs/{run['id']}/difference")["same"] == 1


def test_several_plans_stand_side_by_side_with_the_approved_one(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        lot = stock(session)
    ask(api, world, 300)
    runs = []
    for more in ({}, {"bans": [{"origin": "W1", "lot_id": str(lot), "why": "no"}]}, {}):
        runs.append(start(api, world, **more).json()["id"])
        solve_run(database, UUID(runs[-1]))
    api.post(f"/api/v1/runs/{runs[0]}/approve", json={}, headers=world.bearer("approver"))
    query = "&".join(f"run={run}" for run in runs)
    columns = shown(api, world, f"plans?{query}")
    assert [each["figures"]["pieces"] for each in columns] == [300, 0, 300]
    assert [each["lost_pieces"] for each in columns] == [None, 300, 0]
    assert [each["approved_run"] for each in columns] == [None, runs[0], runs[0]]
    headers = world.bearer("auditor")
    assert api.get("/api/v1/plans", headers=headers).status_code == 422
    assert api.get(f"/api/v1/plans?run={uuid4()}", headers=headers).status_code == 404
    assert api.get(f"/api/v1/plans?{query}", headers=world.bearer("donor")).status_code == 403
