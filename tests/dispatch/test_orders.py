"""What people set by hand goes into the snapshot, with who and why, or is refused with the mend."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from optimizer.problem import Problem
from services.database import Database
from services.dispatch.models import Run, RunState
from services.dispatch.solving import solve_run
from tests.dispatch.test_runs import DAY, ask
from tests.world import World, stock


@pytest.fixture
def lots(database: Database) -> dict[str, UUID]:
    """1,000 gloves in W1 and 500 in W2."""
    with database.transaction() as session:
        return {
            site: stock(session, site, "gloves", n) for site, n in {"W1": 1000, "W2": 500}.items()
        }


def send(api: TestClient, world: World, **orders: Any) -> Any:
    body = {"id": str(uuid4()), "day": DAY, "horizon_days": 7} | orders
    return api.post("/api/v1/runs", json=body, headers=world.bearer("dispatcher"))


def run_with(api: TestClient, world: World, database: Database, **orders: Any) -> Any:
    answer = send(api, world, **orders)
    assert answer.status_code == 202, answer.text
    run_id = answer.json()["id"]
    assert solve_run(database, UUID(run_id)) is RunState.PROPOSED
    return shown(api, world, run_id)


def shown(api: TestClient, world: World, run_id: str) -> Any:
    return api.get(f"/api/v1/runs/{run_id}", headers=world.bearer("auditor")).json()


def frozen(database: Database, run_id: str) -> Problem:
    with database.transaction() as session:
        return Problem.from_json(session.get_one(Run, UUID(run_id)).snapshot)


def refused(answer: Any) -> tuple[str, Any]:
    assert answer.status_code == 422, answer.text
    error = answer.json()["errors"][0]
    assert error["mend"]
    return error["field"], error["value"]


def a_pin(lot: UUID, need: str, quantity: int = 100, **more: Any) -> dict[str, Any]:
    pin = {"origin": "W1", "lot_id": str(lot), "need_id": need, "quantity": quantity}
    return pin | {"why": "promised"} | more


def test_a_pin_goes_first_and_says_who_and_why(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    first, second = ask(api, world, 1000), ask(api, world, 1000, site="H2")
    run = run_with(api, world, database, pins=[a_pin(lots["W1"], second, 900)])
    sent = {(line["lot_id"], line["need_id"]): line["quantity_base"] for line in run["lines"]}
    assert sent[str(lots["W1"]), second] >= 900
    got = {need["need_id"]: need["allocated"] for need in run["needs"]}
    # What is left, 600, is shared at one rate by what is still missing: 1,000 and 100.
    assert got[first] + got[second] == 1500
    assert 954 <= got[second] <= 955
    [pin] = run["pins"]
    assert (pin["why"], run["ordered_by"][pin["by"]]) == ("promised", "dispatcher")
    [kept] = frozen(database, run["id"]).pins
    assert (kept.source_id, kept.quantity, kept.why) == (f"W1|{lots['W1']}", 900, "promised")


def test_a_banned_lot_is_not_used(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    need = ask(api, world, 1500)
    ban = {"origin": "W1", "lot_id": str(lots["W1"]), "why": "seals broken"}
    run = run_with(api, world, database, bans=[ban])
    assert {line["origin"] for line in run["lines"]} == {"W2"}
    other = run_with(api, world, database, bans=[{"need_id": need, "why": "closed for a week"}])
    assert other["pieces_allocated"] == 0


def test_the_policy_stands_in_the_snapshot_and_in_the_run(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    ask(api, world, 1200)
    policy = {"fairness": "most_pieces", "distance_micro_per_piece_m": 3}
    run = run_with(api, world, database, policy=policy)
    assert run["policy"]["fairness"] == "most_pieces"
    assert frozen(database, run["id"]).policy.distance_micro_per_piece_m == 3


def test_whole_packs_are_the_smallest_that_the_item_comes_in(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    ask(api, world, 120)
    run = run_with(api, world, database, policy={"whole_packs": True})
    assert run["pieces_allocated"] == 100
    assert {source.pack_size for source in frozen(database, run["id"]).sources} == {50}


def test_a_plan_stays_close_to_the_last_one_where_the_policy_asks(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    ask(api, world, 400)
    ban = {"origin": "W1", "lot_id": str(lots["W1"]), "why": "seals broken"}
    last = run_with(api, world, database, bans=[ban])
    assert {line["origin"] for line in last["lines"]} == {"W2"}
    free = run_with(api, world, database)
    assert {line["origin"] for line in free["lines"]} == {"W1"}
    assert frozen(database, free["id"]).last == ()
    close = {"stability_micro_per_piece": 10**9}
    named = run_with(api, world, database, policy=close, base_run=last["id"])
    assert {line["origin"] for line in named["lines"]} == {"W2"}
    newest = run_with(api, world, database, policy=close)
    assert newest["base_run"] == named["id"]
    assert {line["origin"] for line in newest["lines"]} == {"W2"}


def test_orders_that_can_not_be_name_the_field_the_value_and_the_mend(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    need, lot, nobody = ask(api, world, 800), lots["W1"], str(uuid4())
    cases: list[tuple[dict[str, Any], str, Any]] = [
        ({"policy": {"fairness": "loudest"}}, "policy.fairness", "loudest"),
        ({"policy": {"fairness": "weighted"}}, "policy.fairness", "weighted"),
        ({"policy": {"least_drop_pieces": -1}}, "policy.least_drop_pieces", -1),
        ({"policy": {"kindness": 1}}, "policy.kindness", 1),
        ({"pins": [a_pin(lot, need, why="")]}, "pins[0].why", ""),
        ({"pins": [a_pin(lot, nobody)]}, "pins[0].need_id", nobody),
        ({"pins": [a_pin(UUID(nobody), need)]}, "pins[0].lot_id", nobody),
        ({"pins": [a_pin(lot, need, 801)]}, "pins[0].quantity", 801),
        ({"pins": [a_pin(lot, need, 500), a_pin(lot, need, 1)]}, "pins[1]", f"W1|{lot}"),
        ({"bans": [{"origin": "W1", "why": "no lot"}]}, "bans[0]", None),
        ({"bans": [{"why": "nothing"}]}, "bans[0]", None),
        ({"bans": [{"need_id": nobody, "why": "gone"}]}, "bans[0].need_id", nobody),
        (
            {"pins": [a_pin(lot, need)], "bans": [{"need_id": need, "why": "closed"}]},
            "pins[0].lot_id",
            str(lot),
        ),
    ]
    for orders, field, value in cases:
        assert refused(send(api, world, **orders)) == (field, value), orders


def test_the_same_orders_sent_twice_are_one_run_and_others_are_refused(
    api: TestClient, world: World, lots: dict[str, UUID]
) -> None:
    need, run_id = ask(api, world, 800), str(uuid4())
    pins = [a_pin(lots["W1"], need)]
    assert send(api, world, id=run_id, pins=pins).status_code == 202
    assert send(api, world, id=run_id, pins=pins).status_code == 200
    for other in ({}, {"pins": [a_pin(lots["W1"], need, 99)]}, {"policy": {"whole_packs": True}}):
        answer = send(api, world, id=run_id, **other)
        assert answer.json()["type"].endswith("id-reused")


def test_the_snapshot_says_how_large_items_are_and_where_sites_lie(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    ask(api, world, 800)
    problem = frozen(database, send(api, world).json()["id"])
    assert [each.code for each in problem.items] == ["gloves"]
    assert {each.site: each.zone for each in problem.places} == {
        "H1": "420100",
        "W1": "420100",
        "W2": "420500",
    }
    at = {each.site: (each.x_m, each.y_m) for each in problem.places}
    across, up = at["W1"][0] - at["W2"][0], at["W1"][1] - at["W2"][1]
    assert 280_000 < (across**2 + up**2) ** 0.5 < 300_000


def test_a_run_that_waits_is_called_off_and_stays_so(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID]
) -> None:
    ask(api, world, 800)
    run_id = send(api, world).json()["id"]
    url, desk = f"/api/v1/runs/{run_id}/stop", world.bearer("dispatcher")
    assert api.post(url, headers=world.bearer("hospital")).status_code == 403
    assert api.post(url, headers=desk).json()["state"] == "cancelled"
    assert api.post(url, headers=desk).status_code == 200
    assert solve_run(database, UUID(run_id)) is RunState.CANCELLED
    done = run_with(api, world, database)
    late = api.post(f"/api/v1/runs/{done['id']}/stop", headers=desk)
    assert late.status_code == 409
    assert late.json()["type"].endswith("not-being-solved")


def test_a_run_out_of_time_proposes_the_best_so_far(
    api: TestClient,
    world: World,
    database: Database,
    lots: dict[str, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(api, world, 800)
    run_id = send(api, world).json()["id"]
    from services.dispatch import solving  # noqa: PLC0415
    from services.settings import Settings  # noqa: PLC0415

    monkeypatch.setattr(solving, "get_settings", lambda: Settings(solve_time_limit_s=1))
    with database.transaction() as session:
        run = session.get_one(Run, UUID(run_id))
        run.taken_up_at = world.now
    assert solve_run(database, UUID(run_id)) is RunState.PROPOSED
    run = shown(api, world, run_id)
    assert run["solver"]["status"] == "stopped"
    assert run["pieces_allocated"] == 800
