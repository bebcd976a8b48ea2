"""A consignee who counted wrong corrects the receipt, and receives again."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from services.database import Database
from services.jobs.desk_check import check_desks
from services.transport.models import Shipment
from tests.corrections.acts import (
    JSON,
    WHY,
    all_is_well,
    correct,
    corrected,
    entries,
    entry_of,
    outlook,
    refused,
    sent,
)
from tests.shipments import Goods, Sent, act, bring_to, count, outstanding, plan, show, where


def received(api: TestClient, database: Database, *, short: int = 10) -> tuple[Sent, UUID]:
    """A shipment of 100 of which 80 were accepted, 10 rejected, and the rest is short."""
    shipment = plan(database, Goods(100))
    line = count(1, 90 - short, rejected=10, short=short, reason="wet")
    bring_to(api, shipment.id, "receive", [line])
    return shipment, entry_of(database, f"shipment:{shipment.id}", "disburse_goods")


def test_a_receipt_is_taken_back_whole_and_given_again(api: TestClient, database: Database) -> None:
    shipment, entry_id = received(api, database)
    (lot,), (need,) = shipment.lots, shipment.needs
    seen = outlook(api, entry_id, "hospital")
    assert seen["possible"]
    assert seen["after"] == "delivered_again"
    assert len(seen["together"]) == 3
    assert sum(move["quantity_base"] for move in seen["moves"]) == 100
    done = corrected(api, entry_id, "hospital")
    assert set(done["reversals"]) == set(seen["together"])
    assert where(database, lot) == {
        f"shipment:{shipment.id}/in_transit/need:{need}": 100,
        "donor:DONOR1/given": -100,
    }
    manifest = show(api, shipment.id, "hospital")
    assert (manifest["state"], manifest["events"][-1]["state"]) == ("delivered", "delivered")
    assert WHY in manifest["events"][-1]["note"]
    assert "wet" in manifest["events"][-1]["note"]
    assert manifest["lines"][0]["reason"] is None
    # The same moment may be told again, with the right count.
    again = act(api, shipment.id, "receive", lines=[count(1, 100)])
    assert again.status_code == 200, again.text
    assert again.json()["state"] == "received"
    assert outstanding(database, need) == 0
    kinds = [kind for kind, _ in entries(database, f"shipment:{shipment.id}")]
    assert kinds.count("disburse_goods") == 2
    assert kinds.count("reverse") == 3
    assert all_is_well(database)
    with database.transaction() as session:
        # The run is made up; all else that desks keep is as it was logged.
        found = check_desks(session)
        assert [each for each in found if not each.where.startswith("run ")] == []


def test_a_receipt_that_was_corrected_can_be_corrected_again(
    api: TestClient, database: Database
) -> None:
    shipment, entry_id = received(api, database)
    for accepted in (95, 90, 85):
        corrected(api, entry_id, "hospital")
        line = count(1, accepted, short=100 - accepted)
        assert act(api, shipment.id, "receive", lines=[line]).status_code == 200
        entry_id = entry_of(database, f"shipment:{shipment.id}", "disburse_goods")
    assert show(api, shipment.id)["lines"][0]["accepted_base"] == 85
    assert all_is_well(database)


def test_the_same_correction_twice_is_once(api: TestClient, database: Database) -> None:
    shipment, entry_id = received(api, database)
    body = {"id": str(uuid4())}
    first, second = (correct(api, entry_id, "hospital", **body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    refused(correct(api, entry_id, "hospital"), 409, "already-reversed")
    refused(correct(api, entry_id, "hospital", **body, reason="another"), 422, "id-reused")
    assert len(show(api, shipment.id)["events"]) == 6


def test_of_two_corrections_at_once_one_is_the_first(api: TestClient, database: Database) -> None:
    shipment, entry_id = received(api, database)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: correct(api, entry_id, "hospital"), range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert show(api, shipment.id)["state"] == "delivered"
    assert all_is_well(database)


def test_nobody_corrects_what_another_organisation_said(
    api: TestClient, database: Database
) -> None:
    shipment, entry_id = received(api, database)
    for user in ("hospital2", "carrier", "dispatcher", "auditor", "donor"):
        refused(correct(api, entry_id, user), 403, "forbidden")
    # Of their own organisation, but no desk that sends anything off.
    departure = entry_of(database, f"shipment:{shipment.id}", "dispatch")
    refused(correct(api, departure, "hospital"), 403, "forbidden")
    refused(correct(api, uuid4(), "hospital"), 404, "not-found")
    refused(correct(api, entry_id, "hospital", reason="  "), 422, "invalid-input")


def test_what_moved_on_is_named_and_taken_back_first(api: TestClient, database: Database) -> None:
    shipment, receipt = received(api, database)
    used = sent(
        api,
        "/stock/consumption",
        {
            "id": str(uuid4()),
            "site": "H1",
            "lot_id": str(shipment.lots[0]),
            "quantity": 50,
            "reason": "used on ward 3",
            "occurred_at": "2020-02-05T08:00:00Z",
        },
        "hospital",
    )["entry_id"]
    seen = outlook(api, receipt, "hospital")
    assert not seen["possible"]
    assert [(each["kind"], each["entry_id"]) for each in seen["in_the_way"]] == [("consume", used)]
    told = refused(correct(api, receipt, "hospital"), 409, "moved-on")
    assert [each["entry_id"] for each in told["in_the_way"]] == [used]
    # And of the departure, the whole chain, the newest first.
    departure = entry_of(database, f"shipment:{shipment.id}", "dispatch")
    chain = [each["kind"] for each in outlook(api, departure, "carrier")["in_the_way"]]
    assert chain[0] == "consume"
    assert sorted(chain) == ["consume", "disburse_goods", "lose", "reject"]
    corrected(api, used, "hospital")
    corrected(api, receipt, "hospital")
    corrected(api, departure, "carrier")
    assert show(api, shipment.id)["state"] == "picked"
    assert all_is_well(database)


def test_a_lorry_that_never_left_leaves_later(api: TestClient, database: Database) -> None:
    shipment = plan(database, Goods(100))
    bring_to(api, shipment.id, "dispatch")
    corrected(api, entry_of(database, f"shipment:{shipment.id}", "dispatch"), "carrier")
    for step in ("dispatch", "deliver", "receive", "verify"):
        body: JSON = {"lines": [count(1, 100)]} if step == "receive" else {}
        later = "2020-02-06T08:00:00Z"
        assert act(api, shipment.id, step, occurred_at=later, **body).status_code == 200
    # Verified or not, the consignee may find out later.
    corrected(api, entry_of(database, f"shipment:{shipment.id}", "disburse_goods"), "hospital")
    assert show(api, shipment.id)["state"] == "delivered"
    assert all_is_well(database)


def test_a_loss_that_was_none_goes_on_its_way(api: TestClient, database: Database) -> None:
    shipment = plan(database, Goods(100))
    bring_to(api, shipment.id, "dispatch")
    for hour in (9, 10):
        at = f"2020-02-05T{hour:02}:00:00Z"
        assert act(api, shipment.id, "lose", occurred_at=at).status_code == 200
        corrected(api, entry_of(database, f"shipment:{shipment.id}", "lose"), "carrier")
        assert show(api, shipment.id)["state"] == "dispatched"
    assert where(database, shipment.lots[0])["donor:DONOR1/given"] == -100
    assert all_is_well(database)


def test_what_was_set_aside_is_freed_by_cancelling(api: TestClient, database: Database) -> None:
    shipment = plan(database, Goods(100))
    with database.transaction() as session:
        run = session.get_one(Shipment, shipment.id).run_id
    told = refused(
        correct(api, entry_of(database, f"run:{run}", "reserve"), "dispatcher"),
        409,
        "not-correctable",
    )
    assert "cancel the shipment" in told["errors"][0]["mend"]
