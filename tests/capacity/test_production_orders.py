"""Orders off planned days: never more than planned, by however many at once; and surplus."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from services.capacity import orders, service
from services.capacity.models import OrderStatus, ProductionOrder, SurplusOffer
from services.capacity.plans import put_plan
from services.capacity.schemas import CapacityPlanIn, ProductionIn
from services.capacity.schemas_orders import OrderIn
from services.capacity.surplus import lapse_offers
from services.database import Database
from services.errors import Conflict
from services.parties.models import Role
from services.parties.service import Actor
from tests.capacity.papers import Desk, an_offer, an_order, day, output
from tests.world import World, user_id

DESK = Actor(user_id("dispatcher"), "dispatcher", Role.DISPATCHER, "RELIEF")
MAKER = Actor(user_id("maker"), "maker", Role.MANUFACTURER, "MAKER")


def test_a_day_is_never_ordered_beyond_its_plan(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    refused = desk.order(1, 409)
    assert (refused["planned_base"], refused["open_base"]) == (0, 0)
    desk.plan(1000)
    first = desk.order(600)
    refused = desk.order(401, 409)
    assert (refused["planned_base"], refused["open_base"]) == (1000, 400)
    assert refused["errors"][0]["field"] == "quantity"
    desk.order(400)
    desk.order(1, 409)
    desk.order(1, 409, day=day(1))
    desk.post(f"/production-orders/{first['id']}/decline", {"reason": "no fabric"}, "maker")
    desk.order(600)
    assert len(desk.get("/production-orders", status="declined")) == 1


def test_what_was_made_for_nobody_isnt_promised_again(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.plan(1000)
    desk.made(700)
    desk.order(301, 409)
    desk.order(300)
    # A lowered plan leaves nothing open, and no less than nothing.
    desk.plan(500)
    assert desk.day_of()["open_base"] == 0


def test_two_at_once_share_the_day(api: TestClient, world: World, database: Database) -> None:
    Desk(api, world).plan(1000)

    def order(_: int) -> bool:
        try:
            with database.transaction() as session:
                orders.place_order(session, DESK, OrderIn(**an_order(quantity=600)))
        except orders.NotEnoughCapacity:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(order, range(4))) == [False, False, False, True]
    with database.transaction() as session:
        [promised] = service.promised(session)
    assert (promised.ordered, promised.open) == (600, 400)


def test_two_at_once_take_an_offer_once(api: TestClient, world: World, database: Database) -> None:
    desk = Desk(api, world)
    offer = desk.post("/surplus-offers", an_offer(quantity=300), "maker")

    def take(_: int) -> int:
        answer = api.post(
            f"/api/v1/surplus-offers/{offer['id']}/take",
            json={"quantity": 200},
            headers=world.bearer("dispatcher"),
        )
        return answer.status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take, range(2))) == [201, 409]
    with database.transaction() as session:
        assert session.get_one(SurplusOffer, offer["id"]).taken_base == 200


def test_an_order_sent_twice_is_one(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.plan(1000)
    body = an_order(quantity=800)
    first = desk.post("/production-orders", body, "dispatcher", 201)
    assert desk.post("/production-orders", body, "dispatcher", 200) == first
    desk.post("/production-orders", body | {"quantity": 1}, "dispatcher", 422)
    for _ in range(2):
        path = f"/production-orders/{first['id']}/accept"
        assert desk.call("POST", path, "maker")["status"] == "accepted"
    assert len(desk.get(f"/production-orders/{first['id']}")["history"]) == 2


def test_a_day_that_is_over_is_ordered_of_in_its_own_time_alone(
    api: TestClient, world: World
) -> None:
    desk = Desk(api, world)
    desk.plan(1000, "2020-02-04")
    assert desk.order(1, 422, day="2020-02-04")["errors"][0]["field"] == "day"
    told = desk.order(1, 422, day="2020-02-04", occurred_at="2020-02-04T17:00:00Z")
    assert told["errors"][0]["field"] == "day"
    desk.order(1, 422, occurred_at="2100-01-01T00:00:00Z")
    placed = desk.order(1, day="2020-02-04", occurred_at="2020-02-03T17:00:00Z")
    assert placed["ordered_at"] == "2020-02-03T17:00:00Z"


def test_output_is_booked_against_its_own_open_order(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.plan(1000)
    desk.plan(1000, item="surgical_mask")
    order, other = desk.order(100)["id"], desk.order(100, item="surgical_mask")["id"]
    desk.made(50, 409, order_id=order)
    for each in (order, other):
        desk.call("POST", f"/production-orders/{each}/accept", "maker")
    assert desk.made(50, 422, order_id=other)["errors"][0]["field"] == "order_id"
    desk.made(50, 404, order_id=str(uuid4()))
    body = output(quantity=120, order_id=order)
    made = desk.post("/productions", body, "maker", 201)
    assert desk.post("/productions", body, "maker", 200) == made
    assert made["order_id"] == order
    desk.made(1, 409, order_id=order)
    assert desk.day_of()["due_base"] == 0
    assert [it["id"] for it in desk.get("/productions", order=order)] == [made["id"]]
    desk.post(f"/production-orders/{order}/cancel", {"reason": "late"}, "dispatcher", 409)


def test_a_cancelled_order_frees_what_wasnt_made_of_it(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.plan(1000)
    order = desk.order(1000)["id"]
    desk.call("POST", f"/production-orders/{order}/accept", "maker")
    desk.made(300, order_id=order)
    assert desk.day_of()["due_base"] == 700
    desk.post(f"/production-orders/{order}/decline", {"reason": "late"}, "maker", 409)
    desk.post(f"/production-orders/{order}/cancel", {"reason": "enough"}, "dispatcher")
    assert (desk.day_of()["open_base"], desk.day_of()["due_base"]) == (700, 0)
    desk.call("POST", f"/production-orders/{order}/accept", "maker", 409)


@pytest.mark.parametrize(
    ("user", "changes", "status", "field"),
    [
        ("maker", {}, 403, None),
        ("approver", {}, 403, None),
        ("dispatcher", {"site": "W1"}, 422, "site"),
        ("dispatcher", {"site": "F9"}, 404, "site"),
        ("dispatcher", {"item": "cake"}, 404, "item"),
        ("dispatcher", {"quantity": 0}, 422, "quantity"),
        ("dispatcher", {"quantity": 10**12, "unit": "carton"}, 422, "quantity"),
        ("dispatcher", {"unit": "lorry"}, 422, "unit"),
        ("dispatcher", {"day": "9999-12-31"}, 422, "day"),
        ("dispatcher", {"day": "0001-01-01"}, 422, "day"),
        ("dispatcher", {"note": "a\x00"}, 422, "note"),
    ],
)
def test_a_bad_order_names_its_field(
    api: TestClient, world: World, user: str, changes: dict[str, Any], status: int, field: str
) -> None:
    desk = Desk(api, world)
    desk.plan(1000)
    told = desk.post("/production-orders", an_order() | changes, user, status)
    assert told.get("errors", [{"field": None}])[0]["field"] == field
    assert desk.get("/production-orders") == []


def test_orders_and_offers_are_their_makers_and_the_desks(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.plan(1000)
    order = desk.order()["id"]
    offer = desk.post("/surplus-offers", an_offer(), "maker")["id"]
    for path in ("/production-orders", "/surplus-offers", f"/production-orders/{order}"):
        desk.get(path, "hospital", 403)
        desk.get(path, "maker")
        desk.get(path, "auditor")
    for act in ("accept", "decline"):
        path = f"/production-orders/{order}/{act}"
        desk.post(path, {"reason": "x"}, "dispatcher", 403)
    reason = {"reason": "x"}
    desk.post(f"/production-orders/{order}/cancel", reason, "maker", 403)
    desk.post(f"/surplus-offers/{offer}/withdraw", reason, "dispatcher", 403)
    desk.post(f"/surplus-offers/{offer}/take", {}, "maker", 403)
    desk.post("/surplus-offers", an_offer(), "dispatcher", 403)
    desk.get(f"/production-orders/{uuid4()}", expect=404)
    desk.post(f"/surplus-offers/{uuid4()}/take", {}, "dispatcher", 404)


def test_surplus_is_taken_withdrawn_or_lapses(
    api: TestClient, world: World, database: Database
) -> None:
    desk = Desk(api, world)
    price = {"price_minor": 12_000, "currency": "CNY"}
    body = an_offer(quantity=300) | price
    first = desk.post("/surplus-offers", body, "maker", 201)
    assert desk.post("/surplus-offers", body, "maker", 200) == first
    desk.post("/surplus-offers", an_offer(price_minor=1), "maker", 422)
    desk.post("/surplus-offers", an_offer(currency="money", price_minor=1), "maker", 422)
    path = f"/surplus-offers/{first['id']}"
    desk.post(f"{path}/take", {"quantity": 301}, "dispatcher", 409)
    take = {"id": str(uuid4())}
    desk.post(f"{path}/take", take, "dispatcher", 201)
    desk.post(f"{path}/take", take, "dispatcher", 200)
    desk.post(f"{path}/take", {}, "dispatcher", 409)
    desk.post(f"{path}/withdraw", {"reason": "x"}, "maker", 409)
    second = desk.post("/surplus-offers", an_offer(), "maker")
    other = f"/surplus-offers/{second['id']}"
    desk.post(f"{other}/take", take, "dispatcher", 422)
    withdrawn = desk.post(f"{other}/withdraw", {"reason": "sold"}, "maker")
    assert (withdrawn["status"], withdrawn["history"][-1]["reason"]) == ("withdrawn", "sold")
    desk.post(f"{other}/take", {}, "dispatcher", 409)
    # Of days long past, written down now: it stays a day, and lapses then.
    old = an_offer(ready_on="2020-02-04", until="2020-02-05")
    third = desk.post("/surplus-offers", old, "maker")
    now = datetime.now(UTC)
    with database.transaction() as session:
        assert lapse_offers(session, now) == 0
        assert lapse_offers(session, now + timedelta(hours=25)) == 1
        assert lapse_offers(session, now + timedelta(hours=25)) == 0
    lapsed = desk.get("/surplus-offers", status="lapsed")
    assert [it["id"] for it in lapsed] == [third["id"]]
    desk.post(f"/surplus-offers/{third['id']}/take", {}, "dispatcher", 409)


def test_lists_are_sorted_cut_and_files(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.plan(1000)
    for quantity in (1, 3, 2):
        desk.order(quantity)
    found = desk.get("/production-orders", sort="-quantity", limit=2)
    assert [it["quantity_base"] for it in found] == [3, 2]
    file = desk.get("/production-orders", format="csv", sort="quantity").text.splitlines()
    assert [line.split(",")[4] for line in file] == ["quantity_base", "1", "2", "3"]
    desk.get("/production-orders", expect=422, sort="colour")
    desk.get("/surplus-offers", expect=422, sort="colour")
    desk.get("/productions", expect=422, sort="colour")
    assert desk.get("/capacity-promised")[0]["open_base"] == 994


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["plan", "order", "make", "book", "accept", "decline", "cancel"]),
        st.integers(1, 60),
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=ACTS)
def test_no_sequence_promises_a_piece_twice(
    database: Database, acts: list[tuple[str, int]]
) -> None:
    """An order is only ever placed where planned ≥ ordered + made for nobody, with it."""
    with Session(database.engine) as session, session.begin() as transaction:
        act(session, MAKER, "plan", 100, [])
        placed: list[ProductionOrder] = []
        for name, number in acts:
            try:
                with session.begin_nested():
                    act(session, MAKER, name, number, placed)
            except Conflict:
                continue
            [today] = service.promised(session)
            live = [it for it in placed if it.status in {OrderStatus.ASKED, OrderStatus.ACCEPTED}]
            assert today.ordered == sum(it.quantity_base for it in live)
            if name == "order":
                assert today.ordered + today.unordered <= (today.planned or 0)
            assert today.unordered <= today.made
            assert today.due <= today.ordered
        transaction.rollback()


def act(
    session: Session, maker: Actor, name: str, number: int, placed: list[ProductionOrder]
) -> None:
    chosen = placed[number % len(placed)].id if placed else uuid4()
    if name == "plan":
        lines = [{"item": "gloves", "day": day(), "planned": number}]
        put_plan(session, maker, CapacityPlanIn(site="F1", days=lines))
    elif name == "order":
        found, _ = orders.place_order(session, DESK, OrderIn(**an_order(quantity=number)))
        placed.append(found.order)
    elif name == "make" or (name == "book" and placed):
        booked = {"order_id": str(chosen)} if name == "book" else {}
        body = output(quantity=number, batch=str(uuid4()), **booked)
        service.report_production(session, maker, ProductionIn(**body))
    elif placed and name == "accept":
        orders.accept(session, maker, chosen)
    elif placed and name in {"decline", "cancel"}:
        who = maker if name == "decline" else DESK
        getattr(orders, name)(session, who, chosen, "so")
