"""What is due is planned as expected, and reserved for nobody until it stands there."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, col, select

from optimizer.policy import Policy
from services.alerts.models import Alert, AlertKind
from services.database import Database
from services.dispatch import nightly, watch
from services.dispatch.expected import expectations
from services.dispatch.models import Run, RunState
from services.dispatch.snapshot import take_snapshot
from services.dispatch.solving import solve_run
from services.dispatch.sources import read_source
from services.donations.models import EarmarkKind
from services.donations.money_models import OrderLine, OrderStatus, PurchaseOrder
from services.jobs.desk_check import check_desks
from services.journal.clock import local_date
from services.journal.read import holdings
from services.settings import get_settings
from services.transport.models import ShipmentLine
from tests.browser import Browser, went_to
from tests.capacity.papers import Desk, day
from tests.dispatch.test_check_plan import checked
from tests.dispatch.test_runs import ask
from tests.world import World, stock

# The order is due three days after the day that is planned, and that is today.
RUN_DAY, DUE_DAY = day(-3), day()
NOW = datetime.now(UTC)


@pytest.fixture
def desk(api: TestClient, world: World) -> Desk:
    return Desk(api, world)


@pytest.fixture
def order(desk: Desk) -> str:
    """Three hundred pieces that F1 has promised."""
    desk.plan(on=DUE_DAY)
    made = desk.order(300, day=DUE_DAY)
    desk.post(f"/production-orders/{made['id']}/accept", {}, "maker")
    return str(made["id"])


@pytest.fixture
def plan(desk: Desk, database: Database) -> Callable[..., Any]:
    """Starts a run and solves it."""

    def plan(on: str = RUN_DAY, **more: Any) -> Any:
        body = {"id": str(uuid4()), "day": on, "horizon_days": 7} | more
        run = desk.post("/runs", body, "dispatcher")
        assert solve_run(database, UUID(run["id"])) is RunState.PROPOSED
        return desk.get(f"/runs/{run['id']}")

    return plan


def reserved(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        return {each.holder: each.quantity for each in holdings(session, state="reserved")}


def test_an_order_is_expected_until_it_is_made_and_then_reserved_by_the_next_run(
    api: TestClient,
    world: World,
    desk: Desk,
    database: Database,
    order: str,
    plan: Callable[..., Any],
    tmp_path: Path,
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 100)
    need = ask(api, world, 400)
    run = plan()
    assert (run["pieces_allocated"], run["pieces_expected"]) == (400, 300)
    assert [each["expected"] for each in run["needs"]] == [300]
    [waiting] = [line for line in run["lines"] if line["expected_by"]]
    assert waiting["expected_by"] == f"production_order:{order}"
    assert desk.get(f"/runs/{run['id']}/lines", expected="true") == [waiting]
    told = waiting["lot_id"], waiting["expected_on"], waiting["depart_on"], waiting["origin"]
    assert told == (None, DUE_DAY, DUE_DAY, "F1")
    export = desk.get(f"/runs/{run['id']}/export")
    code, words = checked(tmp_path, export)
    assert code == 0, words
    assert "VALID, AND PROVEN" in words
    assert "300 pieces are expected" in words

    decided = desk.post(f"/runs/{run['id']}/approve", {}, "approver")
    assert (decided["pieces_approved"], decided["rest"]) == (100, "next_run")
    assert reserved(database) == {"site:W1": 100}
    assert [line["approved"] for line in desk.get(f"/runs/{run['id']}/lines")].count(True) == 1
    with database.transaction() as session:
        assert [line.quantity_base for line in session.exec(select(ShipmentLine))] == [100]
        assert list(check_desks(session)) == []
    part = desk.get(f"/runs/{run['id']}/approved-part")
    assert (len(part["lines"]), part["expected"]) == (1, [waiting["line"]])
    answer = desk.get(f"/needs/{need}/answer", "hospital")
    assert (answer["allocated"], answer["planned"]) == (100, 400)
    assert [(each["pieces"], each["ready_on"]) for each in answer["expected"]] == [(300, DUE_DAY)]
    [coming] = [each for each in desk.get("/arrivals", "hospital") if each["expected_by"]]
    assert (coming["quantity_base"], coming["shipment_id"], coming["day"]) == (300, None, day(2))

    desk.made(300, day=DUE_DAY, order_id=order)
    assert desk.get(f"/needs/{need}/answer", "hospital")["expected"] == []
    again = plan(DUE_DAY)
    assert (again["pieces_allocated"], again["pieces_expected"]) == (300, 0)
    desk.post(f"/runs/{again['id']}/approve", {}, "approver")
    assert reserved(database) == {"site:W1": 100, "site:F1": 300}
    with database.transaction() as session:
        assert list(check_desks(session)) == []


def test_a_plan_that_only_expects_approves_nothing_and_says_so(
    api: TestClient,
    world: World,
    desk: Desk,
    database: Database,
    order: str,
    plan: Callable[..., Any],
) -> None:
    ask(api, world, 200)
    run = plan()
    for path, body in (("approve", {}), ("emergency-approve", {"reason": "tonight"})):
        refused = desk.post(f"/runs/{run['id']}/{path}", body, "approver", 409)
        assert refused["type"].endswith("nothing-to-reserve")
    assert reserved(database) == {}
    assert desk.get(f"/runs/{run['id']}")["state"] == "proposed"
    with database.transaction() as session:
        watch.watch(session, NOW)
        told = select(Alert).where(
            Alert.kind == AlertKind.PLAN_TO_DECIDE, col(Alert.closed_at).is_(None)
        )
        assert session.exec(told).all() == []


def test_lines_that_are_expected_can_be_meant_but_not_reserved(
    api: TestClient,
    world: World,
    desk: Desk,
    database: Database,
    order: str,
    plan: Callable[..., Any],
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 100)
    ask(api, world, 200)
    ask(api, world, 200, site="H2")
    run = plan()
    lines = {line["line"]: line for line in run["lines"]}
    waiting = [number for number, line in lines.items() if line["expected_by"]]
    there = [number for number in lines if number not in waiting]
    alone = {"only": {"lines": waiting[:1]}}
    desk.post(f"/runs/{run['id']}/approve", alone, "approver", 409)
    some = {"only": {"lines": [there[0], waiting[0]]}, "rest": "rejected"}
    assert len(lines) > 2
    desk.post(f"/runs/{run['id']}/approve", some, "approver", 422)
    desk.post(f"/runs/{run['id']}/approve", some | {"rest_reason": "no"}, "approver")
    part = desk.get(f"/runs/{run['id']}/approved-part")
    assert ([line["line"] for line in part["lines"]], part["expected"]) == (there[:1], waiting[:1])
    with database.transaction() as session:
        assert [each.pieces for each in expectations(session)] == [
            lines[waiting[0]]["quantity_base"]
        ]


def test_the_threshold_counts_what_is_reserved(
    api: TestClient,
    world: World,
    desk: Desk,
    database: Database,
    order: str,
    plan: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 150)
    ask(api, world, 400)
    run = plan()
    assert run["pieces_allocated"] == 400
    monkeypatch.setenv("MEDRELAY_APPROVAL_THRESHOLD_PIECES", "150")
    get_settings.cache_clear()
    try:
        page = api.get(f"/en/runs/{run['id']}", headers=world.bearer("dispatcher"))
        assert "Approve the plan" in page.text
        desk.post(f"/runs/{run['id']}/approve", {}, "dispatcher", 200)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    assert reserved(database) == {"site:W1": 150}


@pytest.mark.parametrize("end", ["cancel", "late"])
def test_what_never_comes_is_only_no_longer_expected(
    api: TestClient,
    world: World,
    desk: Desk,
    database: Database,
    order: str,
    plan: Callable[..., Any],
    end: str,
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 100)
    ask(api, world, 400)
    run = plan()
    if end == "cancel":
        desk.post(f"/production-orders/{order}/cancel", {"reason": "no material"}, "dispatcher")
    decided = desk.post(f"/runs/{run['id']}/approve", {}, "approver")
    assert decided["pieces_approved"] == 100
    with database.transaction() as session:
        assert bool(expectations(session)) == (end == "late")
        later = take_snapshot(session, date.fromisoformat(day(1)), 7, Policy())
        assert later.sources == ()


def test_pages_say_what_is_expected_for_whom(
    api: TestClient,
    world: World,
    desk: Desk,
    database: Database,
    order: str,
    plan: Callable[..., Any],
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 100)
    need = ask(api, world, 400)
    run = plan()

    def page(path: str, user: str) -> str:
        answer = api.get(path, headers=world.bearer(user))
        assert answer.status_code == 200, answer.text
        return answer.text

    shown = page(f"/en/runs/{run['id']}", "approver")
    assert "300 of them are expected" in shown
    assert f"/en/capacity/orders/{order}" in shown
    desk.post(f"/runs/{run['id']}/approve", {}, "approver")
    for path, user in (
        (f"/en/needs/{need}", "hospital"),
        (f"/en/capacity/orders/{order}", "maker"),
    ):
        assert "300 pieces of gloves for H1 en" in page(path, user)
    assert "待到" in page("/zh/arrivals", "hospital")
    assert "待到" in page(f"/zh/runs/{run['id']}", "auditor")


def an_order(session: Session, world: World, **changes: Any) -> None:
    paper = PurchaseOrder(
        id=uuid4(),
        fund="RELIEF-CNY",
        supplier="SUPP1",
        site="W1",
        status=OrderStatus.ORDERED,
        expected_on=date.fromisoformat(DUE_DAY),
        drafted_by=world.user_id("dispatcher"),
        recorded_at=NOW,
        content_digest="",
    )
    for name, value in changes.items():
        setattr(paper, name, value)
    session.add(paper)
    session.flush()
    for number, item in enumerate(("gloves", "surgical_mask"), start=1):
        line = {"item": item, "quantity": 50, "unit": "piece", "quantity_base": 50}
        session.add(OrderLine(order_id=paper.id, line=number, price_minor=1, **line))
    session.flush()


def sources(session: Session, horizon_days: int = 7) -> list[tuple[str, str, int, str | None]]:
    """Of what is due in a snapshot: item, kind of paper, day and earmark."""
    problem = take_snapshot(session, date.fromisoformat(RUN_DAY), horizon_days, Policy())
    json.loads(problem.to_json())
    named = [(each, read_source(each.id)) for each in problem.sources]
    return [
        (each.item, name.paper.partition(":")[0], each.ready_day, each.earmark)
        for each, name in named
        if name.paper
    ]


def test_a_snapshot_holds_what_is_due_within_its_horizon_for_whom_it_is(
    world: World, desk: Desk, database: Database, order: str
) -> None:
    with database.transaction() as session:
        an_order(session, world, earmark_kind=EarmarkKind.SITE, earmark="H1")
        an_order(session, world, status=OrderStatus.DRAFT)
        an_order(session, world, expected_on=None)
        an_order(session, world, expected_on=date.fromisoformat(day(-4)))
    with database.transaction() as session:
        assert sorted(sources(session)) == [
            ("gloves", "order", 3, "site:H1"),
            ("gloves", "production_order", 3, None),
            ("surgical_mask", "order", 3, "site:H1"),
        ]
        assert sources(session, 2) == []


def test_a_transfer_is_due_with_its_lot_and_not_once_that_is_recalled(
    world: World, desk: Desk, database: Database
) -> None:
    with database.transaction() as session:
        lot = stock(session, "W1", "gloves", 500)
    transfer = {
        "id": str(uuid4()),
        "origin": "W1",
        "destination": "W2",
        "depart_on": day(-2),
        "reason": "nearer",
        "occurred_at": NOW.isoformat(),
        "lines": [{"lot_id": str(lot), "quantity_base": 120}],
    }
    desk.post("/transfers", transfer, "dispatcher")
    with database.transaction() as session:
        assert sources(session) == [("gloves", "shipment", 2, None)]
    recall = {
        "id": str(uuid4()),
        "lot_id": str(lot),
        "cause": "quality",
        "reason": "torn",
        "occurred_at": NOW.isoformat(),
    }
    desk.post("/recalls", recall, "dispatcher")
    with database.transaction() as session:
        assert sources(session) == []


def test_a_ban_keeps_expected_goods_back_too_and_a_pin_takes_only_what_is_there(
    api: TestClient,
    world: World,
    desk: Desk,
    database: Database,
    order: str,
    plan: Callable[..., Any],
) -> None:
    near, far = ask(api, world, 150), ask(api, world, 150, site="H2")
    ban = {"id": str(uuid4()), "kind": "ban", "site": "F1", "need_id": near, "why": "far"}
    pin = {"kind": "pin", "site": "F1", "need_id": far, "quantity": 100, "why": "they asked"}
    desk.post("/hand-rules", ban, "dispatcher")
    desk.post("/hand-rules", {"id": str(uuid4())} | pin, "dispatcher")
    run = plan()
    assert {line["need_id"] for line in run["lines"]} == {far}
    assert (run["pins"], [each["paper"] for each in run["bans"]]) == (
        [],
        [f"production_order:{order}"],
    )
    paper = {"origin": "F1", "paper": f"production_order:{order}", "why": "what if it's late"}
    asked = {"id": str(uuid4()), "bans": [paper]}
    what_if = desk.post(f"/runs/{run['id']}/what-ifs", asked, "dispatcher")
    assert solve_run(database, UUID(what_if["id"])) is RunState.ANSWERED
    assert desk.get(f"/runs/{what_if['id']}")["lines"] == []
    start = urlencode({"add": "ban", "origin": "F1", "paper": paper["paper"], "need_id": far})
    form = f"/en/runs/{run['id']}/what-if?{start}"
    asked_there = went_to(
        Browser(api, database, "dispatcher").fill(
            form, {"bans[1].why": "what if"}, f"/en/runs/{run['id']}/what-if"
        )
    )
    shown = desk.get(f"/runs/{asked_there.rpartition('/')[2]}")
    assert [(each["paper"], each["need_id"]) for each in shown["bans"]][1] == (paper["paper"], far)
    for wrong in ({"paper": "order:nothing"}, {"lot_id": str(uuid4())}):
        bans = [paper | wrong]
        body = {"id": str(uuid4()), "day": RUN_DAY, "bans": bans}
        desk.post("/runs", body, "dispatcher", 422)


def test_a_nightly_run_expects_what_is_due_too(
    api: TestClient, world: World, desk: Desk, database: Database, order: str
) -> None:
    ask(api, world, 400)
    with database.transaction() as session:
        run_id = nightly.start_nightly(session, date.fromisoformat(RUN_DAY))
    assert run_id is not None
    assert solve_run(database, run_id) is RunState.PROPOSED
    with database.transaction() as session:
        run = session.get_one(Run, run_id)
        assert (run.pieces_allocated, run.pieces_expected) == (300, 300)
    assert local_date(NOW) - date.fromisoformat(RUN_DAY) == timedelta(days=3)
    assert get_settings().nightly_run_hour is None
