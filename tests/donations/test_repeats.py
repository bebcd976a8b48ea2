"""The same id and body answers with what came of it first, whatever is gone since."""

from uuid import uuid4

import pytest
import sqlalchemy as sa

from services.database import Database
from tests import gifts
from tests.corrections.acts import WHY
from tests.donations.acts import (
    JSON,
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
from tests.world import World


def _sent_once(desk: Desk, act: str) -> tuple[str, JSON, JSON]:
    """The path and body of an act, and what came of it."""
    if act == "delivery":
        order = desk.post("/purchase-orders", ordering())
        desk.post(f"/purchase-orders/{order['id']}/order", ORDERED, status=200)
        path, body = f"/purchase-orders/{order['id']}/deliveries", delivering()
    elif act == "release":
        kept = desk.post("/commitments", committing(60))
        path, body = f"/commitments/{kept['id']}/release", releasing(20)
    elif act == "refund":
        bought = desk.post("/purchases", gifts.buying())
        path, body = "/refunds", refunding("purchase", bought["id"], 60)
    elif act == "correction":
        paid = desk.post("/payments", gifts.paying())
        path, body = f"/entries/{paid['id']}/correct", {"id": str(uuid4()), "reason": WHY}
    else:
        path, body = {
            "gift": ("/donations", gifts.goods(donor="DONOR1")),
            "money": ("/donations", gifts.money(donor="DONOR1")),
            "purchase": ("/purchases", gifts.buying()),
            "payment": ("/payments", gifts.paying()),
            "appropriation": ("/appropriations", appropriating(60)),
            "commitment": ("/commitments", committing(60)),
            "move": ("/money-moves", moving(60, "OTHER-CNY")),
            "order": ("/purchase-orders", ordering()),
        }[act]
    return path, body, desk.post(path, body)


_ACTS = (
    *("gift", "money", "purchase", "payment", "appropriation", "commitment", "release", "move"),
    *("refund", "order", "delivery", "correction"),
)


@pytest.mark.parametrize("act", _ACTS)
def test_a_repeat_is_answered_after_the_role_and_the_fund_are_gone(
    desk: Desk, world: World, database: Database, act: str
) -> None:
    add_fund(database, "OTHER-CNY", "CNY")
    gifts.give(desk.api, world, gifts.money(10_000))
    path, body, first = _sent_once(desk, act)
    before = gifts.entries(database)
    with database.transaction() as session:
        session.connection().execute(
            sa.text("UPDATE app_user SET role = 'auditor' WHERE username = 'dispatcher'")
        )
        session.connection().execute(sa.text("UPDATE fund SET organisation = 'CARR1'"))
    assert desk.post(path, body, status=200) == first
    assert gifts.entries(database) == before
    fresh = desk.post(path, body | {"id": str(uuid4())}, status=403)
    assert fresh["type"].endswith("forbidden")


def test_who_repeats_another_ones_words_is_told_no_more_than_their_role_may_see(
    desk: Desk, world: World
) -> None:
    """The log shows an anonymous gift's id, goods and day: enough to say it again."""
    body = gifts.goods(anonymous=True)
    first = desk.post("/donations", body, user="donor")
    assert first["donor"] == "DONOR1"
    assert desk.post("/donations", body, user="donor", status=200) == first
    for other, status in (("donor2", 422), ("hospital", 403), ("auditor", 403)):
        told = desk.post("/donations", body, user=other, status=status)
        assert "DONOR1" not in str(told)


def test_what_was_bought_is_not_told_to_who_repeats_it_from_another_organisation(
    desk: Desk, world: World
) -> None:
    gifts.give(desk.api, world, gifts.money(10_000))
    body = gifts.buying()
    desk.post("/purchases", body)
    for other in ("hospital", "carrier", "donor", "auditor"):
        desk.post("/purchases", body, user=other, status=403)
