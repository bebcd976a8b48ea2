"""Rejected and recalled goods leave the building: given back, sent back or destroyed."""

from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from services.database import Database
from services.inventory.acts import get_lot
from services.inventory.giving_back import giver_of
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.post import post
from services.journal.read import holdings
from services.journal.record import Draft, NewLot, NewMove
from tests.inventory.goods import AT, JSON, donated, read, send, standing
from tests.world import NOW, World

SELLER = AccountRef("supplier:SUPP1", "traded")


def bought(session: Session, state: str = "rejected", quantity: int = 100) -> UUID:
    """A bought lot that stands at H1 in a state."""
    lot = uuid4()
    new = NewLot(lot, "gloves", f"purchase:{lot}/line:1", "B9", None, None)
    coming = NewMove(lot, SELLER, site_account("H1", state), quantity)
    kind = EntryKind.PURCHASE
    post(session, Draft(lot, kind, NOW, "organisation:RELIEF", f"purchase:{lot}", [coming], [new]))
    return lot


@pytest.fixture
def rejected(database: Database) -> UUID:
    with database.transaction() as session:
        return bought(session)


def an_act(lot: UUID, quantity: int, **more: object) -> JSON:
    plain = {"id": str(uuid4()), "site": "H1", "lot_id": str(lot), "quantity": quantity}
    plain |= {"taken_from": "rejected", "occurred_at": AT, "reason": "wrong size"}
    return {**plain, **more}


def test_rejected_goods_go_back_to_the_seller_and_money_may_be_asked_for(
    api: TestClient, world: World, database: Database, rejected: UUID
) -> None:
    body = an_act(rejected, 1, unit="box")
    told = send(api, world, "hospital", "stock/to-giver", body)
    assert (told["kind"], told["to"]) == ("give_back", "supplier:SUPP1")
    assert told["refund"] == f"purchase:{rejected}"
    assert send(api, world, "hospital", "stock/to-giver", body, 200) == told
    assert standing(database, rejected) == {"H1/rejected": 50}
    card = read(api, world, "hospital", "stock/card", site="H1", lot_id=str(rejected))
    assert (card[-1]["left"], card[-1]["target"]) == (50, "supplier:SUPP1/traded")


def test_what_was_repacked_goes_back_to_whom_the_whole_came_from(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        lot = donated(session)
    many = {"id": str(uuid4()), "site": "W1", "lot_id": str(lot), "quantity": 30}
    many |= {"into": [10, 20], "occurred_at": AT, "reason": "kits"}
    parts = send(api, world, "dispatcher", "stock/repacks", many)["lots"]
    with database.transaction() as session:
        for part in parts:
            giver = giver_of(session, get_lot(session, UUID(part)))
            assert (str(giver.account), giver.refund) == ("donor:DONOR1/given", None)


@pytest.mark.parametrize(
    ("who", "change", "status", "field"),
    [
        ("hospital", {"taken_from": "available"}, 422, "taken_from"),
        ("hospital", {"taken_from": "recalled"}, 409, "quantity"),
        ("hospital", {"quantity": 101}, 409, "quantity"),
        ("hospital", {"reason": ""}, 422, "reason"),
        ("hospital2", {}, 403, "site"),
        ("carrier", {}, 403, "site"),
    ],
)
def test_what_cannot_be_given_back_stays(
    api: TestClient,
    world: World,
    database: Database,
    rejected: UUID,
    who: str,
    change: JSON,
    status: int,
    field: str,
) -> None:
    problem = send(api, world, who, "stock/to-giver", an_act(rejected, 50) | change, status)
    assert problem.get("errors", [{"field": field}])[0]["field"] == field
    assert standing(database, rejected) == {"H1/rejected": 100}


def test_recalled_goods_go_back_and_a_correction_brings_them_in_as_recalled(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        lot = bought(session, "available")
    recall = {"id": str(uuid4()), "lot_id": str(lot), "cause": "quality", "reason": "x"}
    send(api, world, "dispatcher", "recalls", recall | {"occurred_at": AT})
    body = an_act(lot, 40, taken_from="recalled")
    send(api, world, "hospital", "stock/to-giver", body)
    progress = read(api, world, "dispatcher", f"recalls/{recall['id']}")["progress"]
    assert {k: v for k, v in progress.items() if v} == {"gathered": 60, "given_back": 40}
    undo = {"id": str(uuid4()), "reason": "they weren't taken"}
    send(api, world, "hospital", f"entries/{body['id']}/correct", undo)
    assert standing(database, lot) == {"H1/recalled": 100}
    with database.transaction() as session:
        seller = holdings(session, holder=SELLER.holder, lot_ids=[lot], above_zero=False)
        assert [one.quantity for one in seller] == [-100]


def test_what_is_given_back_to_its_maker_was_made_all_the_same(
    api: TestClient, world: World, database: Database
) -> None:
    made = {"id": str(uuid4()), "site": "F1", "item": "gloves", "day": "2020-02-04"}
    report: JSON = made | {"quantity": 100, "batch": "M1", "produced_on": "2020-02-04"}
    told = send(api, world, "maker", "productions", report)
    lot = UUID(told["lot_id"])
    torn = {"id": str(uuid4()), "site": "F1", "lot_id": str(lot), "quantity": 30}
    torn |= {"occurred_at": AT, "reason": "torn"}
    states = {"taken_from": "available", "put_to": "damaged"}
    send(api, world, "maker", "stock/sort", torn | states)
    back = torn | {"id": str(uuid4()), "taken_from": "damaged"}
    assert send(api, world, "maker", "stock/to-giver", back)["to"].startswith("producer:")
    assert standing(database, lot) == {"F1/available": 70}
    listed = read(api, world, "maker", "productions")
    assert [each["quantity_base"] for each in listed] == [100]
