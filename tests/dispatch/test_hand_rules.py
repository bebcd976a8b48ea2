"""Pins and bans that stand for every run: taken in as far as they fit, ended or carried out."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.dispatch.models import RunState
from services.dispatch.solving import solve_run
from tests.dispatch.test_runs import ask, start
from tests.world import World, stock


@pytest.fixture
def lots(database: Database) -> dict[str, UUID]:
    with database.transaction() as session:
        return {site: stock(session, site, "gloves", 500) for site in ("W1", "W2")}


def rule(api: TestClient, world: World, user: str = "dispatcher", **body: Any) -> Any:
    whole = {"id": str(uuid4()), "why": "agreed"} | body
    return api.post("/api/v1/hand-rules", json=whole, headers=world.bearer(user))


def solved(api: TestClient, world: World, database: Database) -> Any:
    run_id = start(api, world)
    assert solve_run(database, UUID(run_id)) is RunState.PROPOSED
    return api.get(f"/api/v1/runs/{run_id}", headers=world.bearer("auditor")).json()


def sent(run: Any) -> dict[tuple[str, str], int]:
    return {(each["origin"], each["need_id"]): each["quantity_base"] for each in run["lines"]}


def listed(api: TestClient, world: World, query: str = "") -> Any:
    return api.get(f"/api/v1/hand-rules{query}", headers=world.bearer("auditor")).json()


def test_a_ban_of_a_site_holds_in_every_run_until_it_is_removed(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    need = ask(api, world, 800)
    made = rule(api, world, kind="ban", site="W1", need_id=need, why="road closed").json()
    for _ in range(2):
        run = solved(api, world, database)
        assert sent(run) == {("W2", need): 500}
        assert [(each["why"], each["rule"]) for each in run["bans"]] == [
            ("road closed", made["id"])
        ]
    url, end = f"/api/v1/hand-rules/{made['id']}/end", {"why": "open again"}
    for _ in range(2):
        ended = api.post(url, json=end, headers=world.bearer("dispatcher"))
        assert (ended.status_code, ended.json()["ended_why"]) == (200, "open again")
    other = api.post(url, json={"why": "twice"}, headers=world.bearer("dispatcher"))
    assert other.status_code == 409
    assert sent(solved(api, world, database)) == {("W1", need): 500, ("W2", need): 300}
    assert listed(api, world, "?ended=false") == []
    assert listed(api, world)[0]["set_by"] == "dispatcher"


def test_a_pin_from_a_site_ends_when_it_is_carried_out(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    near, far = ask(api, world, 500), ask(api, world, 500, site="H2")
    rule(api, world, kind="pin", site="W1", need_id=far, quantity=400, why="promised")
    run = solved(api, world, database)
    assert sent(run)["W1", far] >= 400
    url = f"/api/v1/runs/{run['id']}/approve"
    part = {"only": {"destinations": ["H1"]}}
    assert api.post(url, json=part, headers=world.bearer("approver")).status_code == 200
    assert len(listed(api, world, "?ended=false")) == 1, "its line wasn't approved"
    run = solved(api, world, database)
    url = f"/api/v1/runs/{run['id']}/approve"
    assert api.post(url, json={}, headers=world.bearer("approver")).status_code == 200
    [ended] = listed(api, world, "?ended=true")
    assert ended["run_id"] == run["id"]
    assert near != far


def test_rules_that_no_longer_fit_are_left_out(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    need, other = ask(api, world, 100), ask(api, world, 50)
    rule(api, world, kind="pin", site="W1", need_id=need, quantity=9_000)
    rule(api, world, kind="pin", site="F1", need_id=other, quantity=10)
    rule(api, world, kind="ban", need_id=other)
    rule(api, world, kind="pin", site="W2", need_id=other, quantity=10)
    run = solved(api, world, database)
    assert [(pin["origin"], pin["quantity"]) for pin in run["pins"]] == [("W1", 100)]
    assert sent(run) == {("W1", need): 100}


def test_what_names_too_little_or_what_is_not_there_is_refused(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    need = ask(api, world, 100)
    with database.transaction() as session:
        masks = stock(session, "W1", "n95_respirator", 5)
    for body, status in (
        ({"kind": "ban"}, 422),
        ({"kind": "pin", "site": "W1", "need_id": need}, 422),
        ({"kind": "ban", "site": "W1", "quantity": 5}, 422),
        ({"kind": "ban", "lot_id": str(masks), "need_id": need}, 422),
        ({"kind": "ban", "site": "nowhere"}, 404),
        ({"kind": "ban", "need_id": str(uuid4())}, 404),
        ({"kind": "ban", "site": "W1", "lot_id": str(uuid4())}, 404),
        ({"kind": "pin", "site": "W1", "lot_id": str(masks), "need_id": need, "quantity": 1}, 422),
        ({"kind": "ban", "need_id": need, "why": ""}, 422),
    ):
        assert rule(api, world, **body).status_code == status, body
    for user in ("hospital", "approver", "donor", "carrier"):
        assert rule(api, world, user, kind="ban", site="W1").status_code == 403
    assert listed(api, world) == []
    ended = api.post(
        f"/api/v1/hand-rules/{uuid4()}/end", json={"why": "x"}, headers=world.bearer("dispatcher")
    )
    assert ended.status_code == 404


def test_a_run_may_leave_them_aside(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    rule(api, world, kind="ban", site="W1")
    rule(api, world, kind="ban", site="W2")
    body = {"id": str(uuid4()), "day": "2020-02-03", "hand_rules": False}
    run = api.post("/api/v1/runs", json=body, headers=world.bearer("dispatcher")).json()
    solve_run(database, UUID(run["id"]))
    whole = api.get(f"/api/v1/runs/{run['id']}", headers=world.bearer("auditor")).json()
    assert (whole["bans"], whole["pieces_allocated"]) == ([], 100)
