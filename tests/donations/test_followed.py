"""What was repacked of a gift, or of what it bought, is followed to where it is."""

from uuid import UUID, uuid4

from services.database import Database
from services.jobs.desk_check import check_desks
from tests.corrections.acts import corrected
from tests.donations.acts import JSON, Desk
from tests.donations.test_gifts_day import send_on
from tests.gifts import buying, earmark, give, goods, money
from tests.world import World


def _repacked(desk: Desk, lot: UUID, *into: int) -> list[UUID]:
    """The new lots that so many pieces of a lot are packed into."""
    body = {
        "id": str(uuid4()),
        "site": "W1",
        "lot_id": str(lot),
        "quantity": sum(into),
        "into": list(into),
        "occurred_at": "2020-02-04T20:00:00Z",
        "reason": "smaller boxes",
    }
    answer = desk.post("/stock/repacks", body)
    return [UUID(each) for each in answer["lots"]]


def test_a_gifts_repacked_goods_are_told_where_they_are(
    desk: Desk, world: World, database: Database
) -> None:
    gift = goods(earmark=earmark("site", "H1"))
    lot = give(desk.api, world, gift)
    some, more = _repacked(desk, lot, 500, 700)
    (again,) = _repacked(desk, more, 300)
    for each, quantity in ((some, 100), (again, 50)):
        send_on(database, each, quantity)
    told = desk.get(f"/donations/{gift['id']}")
    became = told["became"]
    assert (became["repacked"], became["handed_over"], became["on_hand"]) == (0, 150, 5850)
    assert told["state"] == "partly_used"
    (honour,) = desk.get("/earmarks")
    assert (honour["served_base"], honour["waits_base"]) == (150, 5850)
    with database.transaction() as session:
        assert list(check_desks(session)) == []


def _where(trace: JSON) -> dict[str, int]:
    """How much of what a gift bought stands in which state."""
    found: dict[str, int] = {}
    for bought in trace["purchases"]:
        for lot in bought["lots"]:
            for each in lot["standings"]:
                found[each["state"]] = found.get(each["state"], 0) + each["quantity"]
    return found


def test_what_a_gift_bought_is_followed_into_what_was_repacked_of_it(
    desk: Desk, world: World, database: Database
) -> None:
    gift = money(1000)
    give(desk.api, world, gift)
    bought = desk.post("/purchases", buying())
    (new,) = _repacked(desk, UUID(bought["lot_id"]), 60)
    send_on(database, new, 20)
    trace = desk.get(f"/audit/donations/{gift['id']}/trace", None)
    assert trace["ok"]
    lots = {UUID(lot["lot_id"]): lot for lot in trace["purchases"][0]["lots"]}
    assert lots[new]["opened"] == 60
    assert _where(trace) == {"available": 80, "received": 20, "converted": 60}
    page = desk.api.get(f"/en/donations/{gift['id']}").text
    assert "were received by" in page


def test_a_purchase_that_was_taken_back_says_so_on_the_gifts_way(desk: Desk, world: World) -> None:
    gift = money(1000)
    give(desk.api, world, gift)
    bought = desk.post("/purchases", buying())
    undone = corrected(desk.api, bought["id"], "dispatcher")["reversal_id"]
    page = desk.api.get(f"/en/donations/{gift['id']}").text
    section = page[page.index("What the money bought") :]
    assert section.index(f"/en/entries/{undone}") < section.index("0 pieces")
