"""A maker's and a desk's whole day through the API: from the paper to the certificate."""

from fastapi.testclient import TestClient

from services.database import Database
from services.journal.read import holdings
from tests.capacity.papers import PDF, Desk, an_offer, day, output, paper
from tests.world import World


def test_a_day_from_the_paper_to_the_certificate(
    api: TestClient, world: World, database: Database
) -> None:
    desk = Desk(api, world)
    # The maker hands in its paper; a desk asks it back, then approves it.
    desk.put("/makers/MAKER", paper(), "maker")
    desk.upload("/makers/MAKER/files?kind=licence", "maker", 201)
    [waiting] = desk.get("/makers", state="submitted")
    assert (waiting["waiting_hours"], waiting["documents"], waiting["overdue"]) == (0, 1, False)
    reason = {"version": 1, "reason": "the masks are missing"}
    assert desk.post("/makers/MAKER/ask-back", reason, "dispatcher")["state"] == "asked_back"
    again = desk.put("/makers/MAKER", paper("gloves", "surgical_mask"), "maker")
    assert (again["state"], again["version"], again["may_report"]) == ("submitted", 2, False)
    approved = desk.post("/makers/MAKER/approve", {"version": 2}, "approver")
    assert [product["approved"] for product in approved["products"]] == [True, True]
    assert [change["reason"] for change in approved["history"]][1] == "the masks are missing"
    # It plans; the desk orders off the plan; the maker accepts and makes it.
    desk.plan(1000)
    order = desk.order(400)
    assert (order["status"], order["progress"]) == ("asked", "open")
    accepted = desk.call("POST", f"/production-orders/{order['id']}/accept", "maker")
    assert accepted["status"] == "accepted"
    part = desk.made(150, order_id=order["id"])
    assert desk.get(f"/production-orders/{order['id']}")["progress"] == "partly"
    desk.made(250, order_id=order["id"], batch="B-2")
    desk.made(100, batch="B-3")
    whole = desk.get(f"/production-orders/{order['id']}", "maker")
    assert (whole["made_base"], whole["progress"]) == (400, "complete")
    shown = desk.day_of()
    assert (shown["planned_base"], shown["ordered_base"], shown["actual_base"]) == (1000, 400, 500)
    assert (shown["open_base"], shown["due_base"]) == (500, 0)
    # Its certificate is attached, and read by the desk.
    assert len(desk.get("/productions", certificate=False)) == 3
    kept = desk.upload(f"/productions/{part['id']}/files", "maker", 201)
    opened = desk.get(f"/productions/{part['id']}/files/{kept['sha256']}", "auditor")
    assert opened.content == PDF[1]
    assert [it["id"] for it in desk.get("/productions", certificate=True)] == [part["id"]]
    # Surplus is offered and taken up in part.
    offer = desk.post("/surplus-offers", an_offer(), "maker", 201)
    taken = desk.post(f"/surplus-offers/{offer['id']}/take", {"quantity": 100}, "dispatcher", 201)
    assert (taken["status"], taken["offer_id"], taken["day"]) == ("accepted", offer["id"], day(1))
    assert desk.get("/surplus-offers")[0]["left_base"] == 200
    assert desk.get("/capacity-promised", **{"from": day(1)})[0]["due_base"] == 100
    with database.transaction() as session:
        on_shelf = holdings(session, holder="site:F1", state="available")
    assert sum(it.quantity for it in on_shelf) == 500


def test_a_short_day_is_asked_for_its_reason_and_blocks_nothing(
    api: TestClient, world: World
) -> None:
    desk = Desk(api, world)
    yesterday = day(-1)
    desk.plan(1000, yesterday)
    assert desk.day_of(yesterday)["state"] == "unreported"
    assert [it["site"] for it in desk.get("/capacity-plans", state="unreported")] == ["F1"]
    desk.post("/productions", output(quantity=899, day=yesterday), "maker", 201)
    assert desk.day_of(yesterday)["state"] == "short"
    body = {"site": "F1", "item": "gloves", "day": yesterday, "reason": "raw_material"}
    for _ in range(2):
        desk.put("/shortfalls", body, "maker")
    assert desk.day_of(yesterday)["state"] == "explained"
    desk.put("/shortfalls", body | {"reason": "staff", "note": "illness"}, "maker")
    shown = desk.day_of(yesterday)
    assert (shown["shortfall_reason"], shown["shortfall_note"]) == ("staff", "illness")
    file = desk.get("/capacity-plans", format="csv").text.splitlines()
    assert file[0].lstrip("\ufeff").startswith("site,item,day,planned_base,actual_base,state")
    assert "explained" in file[1]


def test_a_day_short_by_little_needs_no_reason(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.plan(1000, day(-1))
    desk.made(900, day=day(-1))
    assert desk.day_of(day(-1))["state"] == "done"
    rules = {"shortfall_percent": 5, "reason": "lines run at full speed"}
    assert desk.call("PATCH", "/capacity-rules", "dispatcher", json=rules)["shortfall_percent"] == 5
    assert desk.day_of(day(-1))["state"] == "short"
    desk.plan(1000)
    desk.made(1)
    # Today isn't over: more may come.
    assert desk.day_of()["state"] == "done"


def test_a_shortfall_is_told_of_own_planned_days_that_have_come(
    api: TestClient, world: World
) -> None:
    desk = Desk(api, world)
    desk.plan(1000, day(1))
    body = {"site": "F1", "item": "gloves", "day": day(1), "reason": "staff"}
    assert desk.put("/shortfalls", body, "maker", 422)["errors"][0]["field"] == "day"
    desk.put("/shortfalls", body | {"day": day(-3)}, "maker", 422)
    desk.put("/shortfalls", body | {"reason": "laziness"}, "maker", 422)
    desk.put("/shortfalls", body, "dispatcher", 403)
