"""Approval of a part, and of one person in an emergency: what is logged, and what holds still."""

import hashlib
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from services.alerts.models import Alert, AlertKind
from services.database import Database
from services.dispatch.models import Run
from services.dispatch.solving import solve_run
from services.jobs.desk_check import check_desks
from services.journal.kinds import EntryKind
from services.journal.models import Entry
from services.journal.read import holdings
from services.settings import get_settings
from tests.dispatch.test_runs import ask, solved
from tests.world import World, stock


@pytest.fixture
def needs(api: TestClient, world: World, database: Database) -> dict[str, str]:
    """Two hospitals that can each be served from the warehouse beside them."""
    with database.transaction() as session:
        for site in ("W1", "W2"):
            stock(session, site, "gloves", 500)
    return {"H1": ask(api, world, 300), "H2": ask(api, world, 200, site="H2")}


def decide(
    api: TestClient,
    world: World,
    run_id: str,
    user: str = "approver",
    act: str = "approve",
    **b: Any,
) -> Any:
    return api.post(f"/api/v1/runs/{run_id}/{act}", json=b, headers=world.bearer(user))


def shown(api: TestClient, world: World, path: str, user: str = "auditor") -> Any:
    return api.get(f"/api/v1/{path}", headers=world.bearer(user)).json()


def reserved(database: Database) -> dict[str | None, int]:
    with database.transaction() as session:
        return {each.purpose: each.quantity for each in holdings(session, state="reserved")}


def facts_of(database: Database, kind: EntryKind) -> dict[str, Any]:
    with database.transaction() as session:
        body = session.exec(select(Entry.body).where(col(Entry.kind) == kind)).one()
    found: dict[str, Any] = json.loads(body)["facts"]
    return found


def differences(database: Database) -> list[str]:
    with database.transaction() as session:
        return [each.where for each in check_desks(session)]


def test_a_part_is_approved_whole_and_the_log_says_which(
    api: TestClient, world: World, database: Database, needs: dict[str, str]
) -> None:
    run_id = solved(api, world, database)
    answer = decide(
        api, world, run_id, only={"destinations": ["H1"]}, rest="rejected", rest_reason="flood"
    )
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert (run["state"], run["pieces_approved"], run["rest_reason"]) == ("approved", 300, "flood")
    assert reserved(database) == {f"need:{needs['H1']}": 300}
    part = api.get(f"/api/v1/runs/{run_id}/approved-part", headers=world.bearer("auditor")).content
    facts = facts_of(database, EntryKind.APPROVAL)
    assert facts["part"] == hashlib.sha256(part).hexdigest() == run["approved_part_digest"]
    assert (facts["pieces"], facts["lines"], facts["lines_planned"]) == ("300", 1, 2)
    assert {line["need"] for line in json.loads(part)["lines"]} == {needs["H1"]}
    approved = {
        each["destination"]: each["approved"] for each in shown(api, world, f"runs/{run_id}/lines")
    }
    assert approved == {"H1": True, "H2": False}
    assert shown(api, world, f"runs/{run_id}/lines?approved=false")[0]["destination"] == "H2"
    told = shown(api, world, f"needs/{needs['H2']}/answer", "hospital2")
    assert (told["allocated"], told["planned"], told["rest_reason"]) == (0, 200, "flood")
    assert differences(database) == []


def test_what_is_left_comes_in_the_next_run(
    api: TestClient, world: World, database: Database, needs: dict[str, str]
) -> None:
    first = solved(api, world, database)
    decide(api, world, first, only={"lines": [1]})
    second = solved(api, world, database)
    assert decide(api, world, second).json()["pieces_approved"] == 500 - sum(
        line["quantity_base"] for line in shown(api, world, f"runs/{first}/lines?approved=true")
    )
    assert sum(reserved(database).values()) == 500
    assert differences(database) == []


def test_all_lines_are_the_whole_plan(
    api: TestClient, world: World, database: Database, needs: dict[str, str]
) -> None:
    run = decide(api, world, solved(api, world, database), only={"items": ["gloves"]}).json()
    assert (run["approved_part_digest"], run["rest"], run["pieces_approved"]) == (None, None, 500)
    assert "part" not in facts_of(database, EntryKind.APPROVAL)


def test_a_part_that_is_none_is_refused(
    api: TestClient, world: World, database: Database, needs: dict[str, str]
) -> None:
    run_id = solved(api, world, database)
    for only in ({}, {"lines": [3]}, {"destinations": ["W1"]}, {"items": ["n95_respirator"]}):
        assert decide(api, world, run_id, only=only).status_code == 422, only
    unsaid = decide(api, world, run_id, only={"lines": [1]}, rest="rejected")
    assert unsaid.json()["errors"][0]["field"] == "rest_reason"
    assert reserved(database) == {}


def test_the_threshold_counts_what_is_approved(
    api: TestClient,
    world: World,
    database: Database,
    needs: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDRELAY_APPROVAL_THRESHOLD_PIECES", "250")
    get_settings.cache_clear()
    try:
        run_id = solved(api, world, database)
        assert decide(api, world, run_id, "dispatcher").status_code == 403
        part = {"destinations": ["H1"]}
        assert decide(api, world, run_id, "dispatcher", only=part).status_code == 403
        part = {"destinations": ["H2"]}
        assert decide(api, world, run_id, "dispatcher", only=part).status_code == 200
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_an_emergency_is_logged_as_its_own_kind_told_and_looked_at_afterwards(
    api: TestClient, world: World, database: Database, needs: dict[str, str]
) -> None:
    run_id = solved(api, world, database)
    alone = decide(
        api, world, run_id, "dispatcher", "emergency-approve", reason="they run out tonight"
    )
    assert alone.status_code == 200, alone.text
    assert facts_of(database, EntryKind.EMERGENCY_APPROVAL)["pieces"] == "500"
    assert sum(reserved(database).values()) == 500
    with database.transaction() as session:
        [alert] = session.exec(select(Alert).where(Alert.kind == AlertKind.EMERGENCY_APPROVED))
        assert (sorted(alert.roles), alert.closed_at) == (["approver", "auditor"], None)
    [listed] = shown(api, world, "emergency-approvals?open_only=true")
    assert (listed["reason"], listed["approved_by"]) == ("they run out tonight", "dispatcher")
    word = {"verdict": "objected", "note": "the depot had some"}
    assert decide(api, world, run_id, "dispatcher", "emergency-review", **word).status_code == 403
    for _ in range(2):
        said = decide(api, world, run_id, "approver", "emergency-review", **word)
        assert (said.status_code, said.json()["verdict"]) == (200, "objected")
    other = decide(api, world, run_id, "auditor", "emergency-review", **word)
    assert other.status_code == 409
    with database.transaction() as session:
        [alert] = session.exec(select(Alert).where(Alert.kind == AlertKind.EMERGENCY_APPROVED))
        assert alert.closed_at is not None
    assert shown(api, world, "emergency-approvals?open_only=true") == []
    assert differences(database) == []


def test_no_emergency_where_nobody_else_is_needed_or_without_a_reason(
    api: TestClient, world: World, database: Database, needs: dict[str, str]
) -> None:
    run_id = solved(api, world, database)
    act = "emergency-approve"
    assert decide(api, world, run_id, "approver", act, reason="quick").status_code == 409
    assert decide(api, world, run_id, "dispatcher", act).status_code == 422
    assert decide(api, world, run_id, "dispatcher", act, reason="").status_code == 422
    assert decide(api, world, run_id, "hospital", act, reason="ours").status_code == 403
    assert decide(api, world, run_id, "auditor", act, reason="x").status_code == 403
    assert reserved(database) == {}
    word = {"verdict": "confirmed", "note": "good"}
    assert decide(api, world, run_id, act="emergency-review", **word).status_code == 404
    assert decide(api, world, str(uuid4()), act="emergency-review", **word).status_code == 404


def test_whoever_approved_alone_may_not_confirm_it(
    api: TestClient, world: World, database: Database, needs: dict[str, str]
) -> None:
    body = {"id": str(uuid4()), "day": "2020-02-03"}
    own = api.post("/api/v1/runs", json=body, headers=world.bearer("admin")).json()["id"]
    solve_run(database, UUID(own))
    decide(api, world, own, "admin", "emergency-approve", reason="nobody is here")
    word = {"verdict": "confirmed", "note": "I say so"}
    refused = decide(api, world, own, "admin", "emergency-review", **word)
    assert refused.json()["type"].endswith("own-review")
    assert decide(api, world, own, "approver", "emergency-review", **word).status_code == 200


def test_a_part_that_was_changed_behind_the_log_is_found(
    api: TestClient, world: World, database: Database, needs: dict[str, str]
) -> None:
    run_id = solved(api, world, database)
    decide(api, world, run_id, only={"destinations": ["H1"]})
    with database.transaction() as session:
        session.get_one(Run, UUID(run_id)).approved_part = b"{}"
    assert f"run {run_id}, approved_part" in differences(database)
