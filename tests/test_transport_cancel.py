"""A shipment that can't or needn't be sent is cancelled, and its goods are free again."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.dispatch.models import RunState
from services.dispatch.solving import solve_run
from services.inventory import recalls
from services.inventory.recall_schemas import LiftIn, RecallCause, RecallIn
from services.journal.kinds import EntryKind, need_purpose, site_account
from services.journal.post import post
from services.journal.read import entries_of
from services.journal.record import Draft, NewMove
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.service import PlannedLine
from tests.browser import Browser, went_to
from tests.dispatch.test_runs import ask
from tests.shipments import (
    DAY,
    Goods,
    act,
    bring_to,
    outstanding,
    plan,
    reserve_and_plan,
    show,
    where,
)
from tests.world import NOW, World, stock, user_id


@pytest.mark.parametrize("state", ["planned", "picked"])
def test_a_cancelled_shipments_goods_are_free_and_needed_again(
    api: TestClient, database: Database, state: str
) -> None:
    sent = plan(database, Goods(100), Goods(40, item="n95_respirator"))
    if state == "picked":
        bring_to(api, sent.id, "pick")
    answer = act(api, sent.id, "cancel")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["next_steps"]) == ("cancelled", [])
    assert answer.json()["events"][-1]["note"] == "the road is closed"
    assert [outstanding(database, need) for need in sent.needs] == [100, 40]
    for lot, quantity in zip(sent.lots, (100, 40), strict=True):
        assert where(database, lot) == {
            "donor:DONOR1/given": -quantity,
            "site:W1/available": quantity,
        }
    with database.transaction() as session:
        (entry,) = entries_of(session, f"shipment:{sent.id}")
        assert entry.kind is EntryKind.RELEASE
        assert b"road" not in entry.body
    assert act(api, sent.id, "cancel").json() == answer.json()


def test_an_expired_lot_leads_to_the_cancellation(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(7, expires_on=DAY))
    refused = act(api, sent.id, "pick")
    assert refused.status_code == 409
    assert "/cancel" in refused.json()["errors"][0]["mend"]
    assert act(api, sent.id, "cancel").status_code == 200
    assert outstanding(database, sent.needs[0]) == 7
    count = {
        "id": str(uuid4()),
        "site": "W1",
        "item": "gloves",
        "lot_id": str(sent.lots[0]),
        "counted": 0,
        "occurred_at": "2020-02-06T10:00:00Z",
        "reason": "expired",
    }
    written_off = api.post("/api/v1/counts", json=count, headers=World().bearer("dispatcher"))
    assert written_off.status_code == 201, written_off.text


def test_a_need_that_was_cancelled_says_what_frees_its_goods(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(30))
    url, headers = f"/api/v1/needs/{sent.needs[0]}/cancel", World().bearer("hospital")
    told = api.post(url, json={"reason": "moved to H2"}, headers=headers).json()
    assert (told["progress"], told["reserved_base"]) == ("cancelled", 30)
    assert "30 pieces stay reserved" in told["notice"]
    page = Browser(api, database, "hospital").get(f"/en/needs/{sent.needs[0]}")
    assert "a dispatcher cancels its shipment" in page
    assert act(api, sent.id, "cancel").status_code == 200
    again = api.post(url, json={"reason": "moved to H2"}, headers=headers).json()
    assert (again["reserved_base"], again["outstanding_base"], again["notice"]) == (0, 0, None)
    assert where(database, sent.lots[0])["site:W1/available"] == 30


def test_another_run_plans_what_was_cancelled(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        lot = stock(session, "W1", "gloves", 500)
    need = UUID(ask(api, world, 500))

    def approved() -> dict[str, Any]:
        run_id, desk = str(uuid4()), world.bearer("dispatcher")
        run = {"id": run_id, "day": "2020-02-03", "horizon_days": 7}
        started = run | {"occurred_at": "2020-02-03T08:00:00Z"}
        assert api.post("/api/v1/runs", json=started, headers=desk).is_success
        assert solve_run(database, UUID(run_id)) is RunState.PROPOSED
        headers, body = world.bearer("approver"), {"occurred_at": "2020-02-03T09:00:00Z"}
        assert api.post(f"/api/v1/runs/{run_id}/approve", json=body, headers=headers).is_success
        query = {"run_id": run_id}
        (shipment,) = api.get("/api/v1/shipments", params=query, headers=desk).json()
        return dict(shipment)

    first = approved()
    assert outstanding(database, need) == 0
    assert act(api, first["id"], "cancel").status_code == 200
    assert outstanding(database, need) == 500
    second = approved()
    assert second["id"] != first["id"]
    assert [line["quantity_base"] for line in second["lines"]] == [500]
    assert where(database, lot)[f"site:W1/reserved/need:{need}"] == 500


def test_what_was_released_already_is_not_in_the_way(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(50))
    reserved = site_account("W1", "reserved", need_purpose(sent.needs[0]))
    move = NewMove(sent.lots[0], reserved, site_account("W1", "available"), 20)
    moment = datetime(2020, 2, 3, 21, tzinfo=UTC)
    with database.transaction() as session:
        post(
            session, Draft(uuid4(), EntryKind.RELEASE, moment, "organisation:RELIEF", moves=[move])
        )
    refused = act(api, sent.id, "pick").json()
    assert "/cancel" in refused["errors"][0]["mend"]
    assert act(api, sent.id, "cancel").status_code == 200
    assert where(database, sent.lots[0])["site:W1/available"] == 50


def test_only_dispatchers_cancel_and_only_what_has_not_left(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(10, expires_on=date(2021, 1, 1)))
    for user in ("hospital", "carrier", "maker", "donor", "auditor", "approver"):
        assert act(api, sent.id, "cancel", user=user).status_code == 403, user
    assert act(api, sent.id, "cancel", reason="").status_code == 422
    bring_to(api, sent.id, "dispatch")
    assert act(api, sent.id, "cancel").status_code == 409
    assert show(api, sent.id)["state"] == "dispatched"


@pytest.mark.parametrize(("lang", "button"), [("en", "Cancel this shipment"), ("zh", "取消此运单")])
def test_the_page_cancels(api: TestClient, database: Database, lang: str, button: str) -> None:
    sent = plan(database, Goods(10))
    page = f"/{lang}/shipments/{sent.id}"
    assert button not in Browser(api, database, "hospital").get(page)
    desk = Browser(api, database, "dispatcher")
    assert button in desk.get(page)
    assert went_to(desk.fill(page, {"reason": "closed"}, f"{page}/cancel")) == page
    assert show(api, sent.id)["state"] == "cancelled"
    assert button not in desk.get(page)


def recall_and_lift(database: Database, lot: UUID) -> None:
    """What stands of a lot is gathered; looked at again, it is back on the shelf."""
    actor = Actor(user_id("dispatcher"), "dispatcher", Role.DISPATCHER, "RELIEF")
    body = RecallIn(
        id=uuid4(), lot_id=lot, cause=RecallCause.QUALITY, reason="a complaint", occurred_at=NOW
    )
    with database.transaction() as session:
        recall, _ = recalls.open_recall(session, actor, body)
        recalls.lift_recall(session, actor, recall.id, LiftIn(reason="unfounded", occurred_at=NOW))
        kept, shelf = (site_account("W1", state) for state in ("quarantine", "available"))
        moves = [NewMove(lot, kept, shelf, 100)]
        kind = EntryKind.RECLASSIFY
        post(session, Draft(uuid4(), kind, NOW, "organisation:RELIEF", moves=moves))


@pytest.mark.parametrize("got_to", ["planned", "picked"])
def test_what_a_recall_took_from_one_shipment_is_not_taken_from_the_next(
    api: TestClient, database: Database, got_to: str
) -> None:
    old = plan(database, Goods(100))
    (lot,), (need,) = old.lots, old.needs
    if got_to == "picked":
        bring_to(api, old.id, "pick")
    recall_and_lift(database, lot)
    with database.transaction() as session:
        line = PlannedLine(need, lot, "gloves", 100, "W1", "H1", DAY, DAY)
        (new,) = reserve_and_plan(session, [line])
    refused = act(api, old.id, "pick" if got_to == "planned" else "dispatch")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("reservation-gone")
    # Nor does calling it off set free what is set aside for the other one.
    assert act(api, old.id, "cancel").status_code == 200
    assert where(database, lot)[f"site:W1/reserved/need:{need}"] == 100
    bring_to(api, new.id, "dispatch")
    assert where(database, lot)[f"shipment:{new.id}/in_transit/need:{need}"] == 100
