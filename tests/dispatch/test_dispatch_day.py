"""The dispatch desk's whole day through the API, and two who approve at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from services.database import Database
from services.dispatch.models import RunState
from services.dispatch.solving import solve_run
from services.jobs.desk_check import check_desks
from services.journal.read import holdings
from tests.dispatch.test_runs import DAY, ask, solved
from tests.world import World, stock


def test_the_desks_day(api: TestClient, world: World, database: Database) -> None:
    """A policy, a ban, two runs side by side, a part approved, the rest in an emergency."""
    with database.transaction() as session:
        for site in ("W1", "W2"):
            stock(session, site, "gloves", 500)
    near, far = ask(api, world, 300), ask(api, world, 200, site="H2")

    def act(path: str, user: str = "dispatcher", **body: Any) -> Any:
        answer = api.post(f"/api/v1/{path}", json=body, headers=world.bearer(user))
        assert answer.is_success, answer.text
        return answer.json()

    def read(path: str, user: str = "auditor") -> Any:
        answer = api.get(f"/api/v1/{path}", headers=world.bearer(user))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def plan(run: Any) -> str:
        assert solve_run(database, UUID(run["id"])) is RunState.PROPOSED
        return str(run["id"])

    act("policies", name="steady", policy={"stability_micro_per_piece": 5}, why="fewer changes")
    act("policies/steady/default", "approver", why="agreed")
    act("hand-rules", kind="ban", site="W1", need_id=far, why="road closed")
    first = plan(act("runs", id=str(uuid4()), day=DAY))
    second = plan(act(f"runs/{first}/again", id=str(uuid4())))
    assert [each["figures"]["pieces"] for each in read(f"plans?run={first}&run={second}")] == [
        500,
        500,
    ]
    act(f"runs/{second}/approve", "approver", only={"destinations": ["H1"]})
    assert read(f"runs/{first}")["state"] == "superseded"
    assert [each["destination"] for each in read("arrivals", "hospital")] == ["H1"]
    third = plan(act("runs", id=str(uuid4()), day=DAY))
    assert {line["origin"] for line in read(f"runs/{third}/lines")} == {"W2"}
    act(f"runs/{third}/emergency-approve", reason="they run out tonight")
    act(f"runs/{third}/emergency-review", "auditor", verdict="confirmed", note="right")
    needs = {each["id"]: each["progress"] for each in read("needs")}
    assert (needs[near], needs[far]) == ("allocated", "allocated")
    free = {row["site"]: row["available_to_promise"] for row in read("available-to-promise")}
    assert sum(free.values()) == 500
    assert {row["level"] for row in read("shortages?item=gloves")} == {"enough"}
    with database.transaction() as session:
        assert list(check_desks(session)) == []


def test_of_two_parts_approved_at_once_nothing_is_promised_twice(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 100)
    ask(api, world, 100)
    ask(api, world, 100, site="H2")
    runs = [solved(api, world, database) for _ in range(4)]

    def approve(number: int) -> int:
        only = {"destinations": [("H1", "H2")[number % 2]]}
        url = f"/api/v1/runs/{runs[number]}/approve"
        return api.post(url, json={"only": only}, headers=world.bearer("approver")).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(approve, range(4)))
    assert answers == [200, 409, 409, 409]
    with database.transaction() as session:
        assert sum(each.quantity for each in holdings(session, state="reserved")) == 50
        assert sum(each.quantity for each in holdings(session, state="available")) == 50
