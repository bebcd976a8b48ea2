"""Who corrects money and who spends it take turns over its fund."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from services.corrections.schemas import CorrectIn
from services.corrections.service import correct
from services.database import Database
from services.donations.models import Fund
from services.parties.models import Role
from services.parties.service import Actor
from tests.corrections.acts import entry_of
from tests.donations.acts import (
    ORDERED,
    Desk,
    add_fund,
    appropriating,
    committing,
    delivering,
    moving,
    ordering,
    refunding,
    releasing,
)
from tests.gifts import buying, give, money, paying
from tests.world import World, user_id


def _bought(desk: Desk) -> str:
    return str(desk.post("/purchases", buying())["entry_id"])


def _delivered(desk: Desk) -> str:
    order, came = ordering(), delivering()
    desk.post("/purchase-orders", order)
    desk.post(f"/purchase-orders/{order['id']}/order", ORDERED, status=200)
    desk.post(f"/purchase-orders/{order['id']}/deliveries", came)
    return str(came["id"])


def _released(desk: Desk) -> str:
    act = desk.post("/commitments", committing(60))
    return str(desk.post(f"/commitments/{act['id']}/release", releasing(10))["id"])


def _refunded(desk: Desk) -> str:
    return str(desk.post("/refunds", refunding("purchase", _bought(desk), 60))["id"])


_ACTS: dict[str, Callable[[Desk], Any]] = {
    "appropriation": lambda desk: desk.post("/appropriations", appropriating(60))["id"],
    "purchase": _bought,
    "delivery": _delivered,
    "commitment": lambda desk: desk.post("/commitments", committing(60))["id"],
    "release": _released,
    "move": lambda desk: desk.post("/money-moves", moving(60, "OTHER-CNY"))["id"],
    "payment": lambda desk: desk.post("/payments", paying())["id"],
    "refund": _refunded,
}


def _is_held(session: Session, fund: str) -> bool:
    """Whether who would spend from the fund has to wait for somebody."""
    try:
        with session.begin_nested():
            session.get_one(Fund, fund, with_for_update={"key_share": True, "nowait": True})
    except OperationalError:
        return True
    return False


def _taken_back_holds(database: Database, entry_id: UUID) -> set[str]:
    """The funds that nobody spends from while the entry is being taken back."""
    actor = Actor(user_id("dispatcher"), "dispatcher", Role.DISPATCHER, "RELIEF")
    body = CorrectIn(id=uuid4(), reason="it was counted wrong")
    with database.transaction() as one, database.transaction() as other:
        correct(one, actor, entry_id, body)
        return {fund for fund in ("OTHER-CNY", "RELIEF-CNY") if _is_held(other, fund)}


@pytest.mark.parametrize("act", _ACTS)
def test_nobody_spends_from_a_fund_while_an_act_on_it_is_taken_back(
    api: TestClient, world: World, database: Database, act: str
) -> None:
    desk = Desk(api, world)
    add_fund(database, "OTHER-CNY", "CNY")
    give(api, world, money(10_000))
    entry_id = UUID(_ACTS[act](desk))
    both = {"OTHER-CNY", "RELIEF-CNY"}
    held = _taken_back_holds(database, entry_id)
    assert held == (both if act == "move" else {"RELIEF-CNY"})


def test_nobody_spends_a_gift_while_its_receipt_is_taken_back(
    api: TestClient, world: World, database: Database
) -> None:
    add_fund(database, "OTHER-CNY", "CNY")
    gift = money(1000)
    give(api, world, gift)
    receipt = entry_of(database, f"donation:{gift['id']}", "receive_gift")
    assert _taken_back_holds(database, receipt) == {"RELIEF-CNY"}
