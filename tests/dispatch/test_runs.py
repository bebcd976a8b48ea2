"""A run freezes its input, proposes a plan, and a second person's approval carries it out."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from optimizer.baselines import PRACTICES
from optimizer.errors import ProblemError
from services.database import Database
from services.dispatch import solving
from services.dispatch.models import Run, RunState
from services.dispatch.solving import solve_run
from services.journal.kinds import EntryKind, site_account
from services.journal.models import Entry
from services.journal.post import post
from services.journal.read import find_entry, holdings
from services.journal.record import Draft, NewMove
from services.transport.models import Shipment
from tests.world import World, stock

DAY = "2020-02-03"


def ask(api: TestClient, world: World, quantity: int, **changes: str) -> str:
    """Post one need of gloves for H1; returns its id."""
    need = {"item": "gloves", "quantity": quantity, "priority": "urgent", "need_by": "2020-02-06"}
    body = {
        "id": str(uuid4()),
        "site": "H1",
        "posted_at": "2020-02-03T00:00:00Z",
        "needs": [need | changes],
        "duplicate": "keep",
    }
    site, user = ("H2", "hospital2") if changes.get("site") == "H2" else ("H1", "hospital")
    body["needs"][0].pop("site", None)  # type: ignore[index]
    answer = api.post("/api/v1/requests", json=body | {"site": site}, headers=world.bearer(user))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["needs"][0]["id"])


def start(api: TestClient, world: World, run_id: str | None = None) -> str:
    body = {"id": run_id or str(uuid4()), "day": DAY, "horizon_days": 7}
    answer = api.post("/api/v1/runs", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code in {200, 202}, answer.text
    return str(answer.json()["id"])


def solved(api: TestClient, world: World, database: Database) -> str:
    run_id = start(api, world)
    assert solve_run(database, UUID(run_id)) is RunState.PROPOSED
    return run_id


@pytest.fixture
def shelves(database: Database) -> dict[str, UUID]:
    """1,000 gloves in W1 and 500 in W2."""
    with database.transaction() as session:
        return {
            site: stock(session, site, "gloves", n) for site, n in {"W1": 1000, "W2": 500}.items()
        }


def test_short_supply_is_shared_at_one_rate_with_a_reason(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 2000)
    ask(api, world, 1000, site="H2")
    run_id = solved(api, world, database)
    run = api.get(f"/api/v1/runs/{run_id}", headers=world.bearer("auditor")).json()
    assert [(need["allocated"], need["requested"]) for need in run["needs"]] in (
        [(1000, 2000), (500, 1000)],
        [(500, 1000), (1000, 2000)],
    )
    assert {need["reason"]["code"] for need in run["needs"]} == {"shared_shortage"}
    assert set(run["comparison"]) == {"medrelay", *PRACTICES}
    fair, queue = (run["comparison"][name] for name in ("medrelay", "first_come_first_served"))
    assert fair["min_fill_ppm"] == 500_000
    assert queue["min_fill_ppm"] < fair["min_fill_ppm"]


def test_the_snapshots_digest_is_in_the_journal_before_there_is_a_plan(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 2000)
    run_id = start(api, world)
    snapshot = api.get(f"/api/v1/runs/{run_id}/snapshot", headers=world.bearer("auditor"))
    digest = hashlib.sha256(snapshot.content).hexdigest()
    with database.transaction() as session:
        kinds = session.exec(select(Entry.kind).where(Entry.document == f"run:{run_id}")).all()
        assert kinds == ["snapshot"]
        entry = session.exec(select(Entry).where(Entry.document == f"run:{run_id}")).one()
        assert digest.encode() in entry.body
    missing = api.get(f"/api/v1/runs/{run_id}/plan", headers=world.bearer("auditor"))
    assert missing.status_code == 409


def test_approval_reserves_and_makes_the_shipments(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    need = ask(api, world, 1200)
    run_id = solved(api, world, database)
    answer = api.post(f"/api/v1/runs/{run_id}/approve", json={}, headers=world.bearer("approver"))
    assert answer.status_code == 200, answer.text
    with database.transaction() as session:
        reserved = holdings(session, state="reserved")
        assert sum(each.quantity for each in reserved) == 1200
        assert {each.purpose for each in reserved} == {f"need:{need}"}
        shipments = session.exec(select(Shipment)).all()
        assert {each.origin for each in shipments} == {"W1", "W2"}
    states = api.get("/api/v1/needs", headers=world.bearer("hospital")).json()
    assert states[0]["progress"] == "allocated"


def test_whoever_started_a_run_may_not_approve_it(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    run_id = solved(api, world, database)
    for user, status in {"dispatcher": 403, "hospital": 403, "donor": 403}.items():
        url = f"/api/v1/runs/{run_id}/approve"
        assert api.post(url, json={}, headers=world.bearer(user)).status_code == status
    body = {"day": DAY, "horizon_days": 7, "id": str(uuid4())}
    own = api.post("/api/v1/runs", json=body, headers=world.bearer("admin")).json()["id"]
    solve_run(database, UUID(own))
    answer = api.post(f"/api/v1/runs/{own}/approve", json={}, headers=world.bearer("admin"))
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("second-person-required")


def test_a_plan_is_approved_once(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    run_id = solved(api, world, database)
    url = f"/api/v1/runs/{run_id}/approve"
    assert api.post(url, json={}, headers=world.bearer("approver")).status_code == 200
    again = api.post(url, json={}, headers=world.bearer("approver"))
    assert again.status_code == 409
    assert "approved" in again.json()["detail"]


def test_a_plan_whose_lot_was_taken_says_which_line(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 1500)
    first, second = solved(api, world, database), solved(api, world, database)
    url = "/api/v1/runs/{}/approve"
    headers = world.bearer("approver")
    with database.transaction() as session:
        before = session.exec(select(Entry.id)).all()
    ask(api, world, 900)  # so that the need itself isn't what fails
    with database.transaction() as session:
        post(
            session,
            Draft(
                id=uuid4(),
                kind=EntryKind.ADJUST,
                occurred_at=world.now,
                actor="organisation:RELIEF",
                moves=[
                    NewMove(
                        shelves["W2"],
                        site_account("W2", "available"),
                        site_account("W2", "adjusted"),
                        1,
                    )
                ],
            ),
        )
    stale = api.post(url.format(first), json={}, headers=headers)
    assert stale.status_code == 409
    problem = stale.json()
    assert problem["type"].endswith("plan-no-longer-holds")
    assert problem["errors"][0]["field"].startswith("lines[")
    assert str(shelves["W2"]) in problem["detail"]
    assert problem["available"] == 499
    with database.transaction() as session:
        assert len(session.exec(select(Entry.id)).all()) == len(before) + 1
        assert not holdings(session, state="reserved")
        assert not session.exec(select(Shipment)).all()
    assert second


def test_a_plan_for_a_cancelled_need_names_the_need(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    need = ask(api, world, 100)
    run_id = solved(api, world, database)
    cancel = {"reason": "found some"}
    api.post(f"/api/v1/needs/{need}/cancel", json=cancel, headers=world.bearer("hospital"))
    answer = api.post(f"/api/v1/runs/{run_id}/approve", json={}, headers=world.bearer("approver"))
    assert answer.status_code == 409
    assert answer.json()["errors"][0] == {
        "field": "need_id",
        "value": need,
        "mend": "start a new run",
    }


def test_approving_one_plan_supersedes_the_others(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    first, second = solved(api, world, database), solved(api, world, database)
    headers = world.bearer("approver")
    assert api.post(f"/api/v1/runs/{second}/approve", json={}, headers=headers).status_code == 200
    state = api.get(f"/api/v1/runs/{first}", headers=headers).json()["state"]
    assert state == "superseded"


def test_a_rejected_plan_reserves_nothing(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    run_id = solved(api, world, database)
    url = f"/api/v1/runs/{run_id}/reject"
    headers = world.bearer("approver")
    assert api.post(url, json={"note": ""}, headers=headers).status_code == 422
    assert api.post(url, json={"note": "roads closed"}, headers=headers).status_code == 200
    with database.transaction() as session:
        assert not holdings(session, state="reserved")


def test_a_run_is_started_once_and_solved_once(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    run_id = start(api, world)
    assert start(api, world, run_id) == run_id
    other = {"id": run_id, "day": DAY, "horizon_days": 3}
    refused = api.post("/api/v1/runs", json=other, headers=world.bearer("dispatcher"))
    assert refused.status_code == 422
    assert solve_run(database, UUID(run_id)) is RunState.PROPOSED
    with database.transaction() as session:
        plan_entry = find_entry(
            session, session.exec(select(Entry.id).where(Entry.kind == "plan")).one()
        )
    assert solve_run(database, UUID(run_id)) is RunState.PROPOSED
    with database.transaction() as session:
        assert session.exec(select(Entry.id).where(Entry.kind == "plan")).one() == plan_entry.id  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"day": "2020-02-30", "horizon_days": 7}, 422),
        ({"day": DAY, "horizon_days": 0}, 422),
        ({"day": DAY, "horizon_days": 1.5}, 422),
        ({"day": "2020-01-01", "horizon_days": 7}, 409),
        ({"day": DAY, "horizon_days": 7, "occurred_at": "2999-01-01T00:00:00Z"}, 422),
        ({"horizon_days": 7}, 422),
        ({"day": "2950-01-01", "horizon_days": 7}, 422),
    ],
)
def test_a_bad_run_is_refused(
    api: TestClient, world: World, shelves: dict[str, UUID], body: dict[str, object], status: int
) -> None:
    ask(api, world, 100)
    answer = api.post("/api/v1/runs", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == status
    assert answer.json()["errors"][0]["mend"]


def test_a_substitute_serves_where_its_own_kind_is_missing(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "n95_respirator", 100)
    ask(api, world, 60, item="surgical_mask")
    ask(api, world, 60, item="n95_respirator", site="H2")
    run_id = solved(api, world, database)
    run = api.get(f"/api/v1/runs/{run_id}", headers=world.bearer("auditor")).json()
    assert sum(need["allocated"] for need in run["needs"]) == 100
    assert sum(need["substituted"] for need in run["needs"]) > 0


def test_the_same_run_started_from_many_sides_at_once_is_one(
    api: TestClient, world: World, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    body = {"id": str(uuid4()), "day": DAY, "horizon_days": 7}

    def send(_: int) -> int:
        answer = api.post("/api/v1/runs", json=body, headers=world.bearer("dispatcher"))
        return int(answer.status_code)

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(send, range(6)))
    assert codes == [200] * 5 + [202]


def test_a_rejection_and_an_approval_at_once_take_turns(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    """Of two plans on one shelf one is approved; what was rejected meanwhile stays rejected."""
    ask(api, world, 1500)
    first, second = solved(api, world, database), solved(api, world, database)
    headers = world.bearer("approver")
    acts: dict[str, dict[str, str]] = {
        f"/api/v1/runs/{first}/approve": {},
        f"/api/v1/runs/{second}/approve": {},
        f"/api/v1/runs/{second}/reject": {"note": "roads closed"},
    }
    with ThreadPoolExecutor(3) as pool:
        codes = list(
            pool.map(
                lambda act: api.post(act[0], json=act[1], headers=headers).status_code, acts.items()
            )
        )
    states = [
        api.get(f"/api/v1/runs/{run}", headers=headers).json()["state"] for run in (first, second)
    ]
    assert set(codes) <= {200, 409}
    assert states.count("approved") == 1
    assert (states[1] == "rejected") == (codes[2] == 200)
    with database.transaction() as session:
        assert sum(each.quantity for each in holdings(session, state="reserved")) == 1500


def test_a_need_that_became_less_urgent_or_later_makes_the_plan_stale(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    for change in ({"priority": "routine"}, {"need_by": "2020-02-20"}):
        need = ask(api, world, 100)
        run_id = solved(api, world, database)
        edit = {"version": 1} | change
        edited = api.patch(f"/api/v1/needs/{need}", json=edit, headers=world.bearer("hospital"))
        assert edited.status_code == 200
        url = f"/api/v1/runs/{run_id}/approve"
        answer = api.post(url, json={}, headers=world.bearer("approver"))
        assert answer.status_code == 409
        assert answer.json()["errors"][0]["value"] == need


def test_nothing_is_decided_before_it_was_started(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 100)
    run_id = solved(api, world, database)
    early = {"occurred_at": "2001-01-01T00:00:00Z", "note": "long ago"}
    for act in ("approve", "reject"):
        url = f"/api/v1/runs/{run_id}/{act}"
        answer = api.post(url, json=early, headers=world.bearer("approver"))
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "occurred_at"


@pytest.mark.parametrize("step", ["solve", "check", "compare"])
def test_a_problem_that_no_step_can_use_is_told_in_its_own_words(
    api: TestClient,
    world: World,
    database: Database,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ProblemError("too_large", "item 'gloves'", "more than can be counted; give less")

    ask(api, world, 100)
    run_id = UUID(start(api, world))
    monkeypatch.setattr(solving, step, refuse)
    assert solve_run(database, run_id) is RunState.FAILED
    failure = session.get_one(Run, run_id).failure
    assert failure == "item 'gloves': more than can be counted; give less"
