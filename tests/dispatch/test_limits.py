"""Whom a lot may serve: earmarks, shelf life and the order of expiry, from gift to shipment."""

from datetime import date
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from sqlmodel import select

from services.database import Database
from services.dispatch.solving import solve_run
from services.journal.models import Lot
from services.journal.read import holdings
from tests.world import World

GIVEN, RECEIVED = "2020-02-01T08:00:00Z", "2020-02-01T18:00:00Z"


def give(
    api: TestClient,
    world: World,
    quantity: int,
    *,
    earmark: dict[str, str] | None = None,
    expires_on: str | None = None,
) -> None:
    """A gift of gloves, received in W1."""
    donation = str(uuid4())
    line: dict[str, object] = {"item": "gloves", "quantity": quantity}
    if expires_on is not None:
        line["expires_on"] = expires_on
    body = {
        "id": donation,
        "kind": "goods",
        "anonymous": False,
        "site": "W1",
        "given_at": GIVEN,
        "earmark": earmark,
        "lines": [line],
    }
    _sent(api.post("/api/v1/donations", json=body, headers=world.bearer("donor")))
    _receive(api, world, donation)


def _receive(api: TestClient, world: World, donation: str) -> None:
    url, body = f"/api/v1/donations/{donation}/receive", {"occurred_at": RECEIVED}
    _sent(api.post(url, json=body, headers=world.bearer("dispatcher")))


def ask(api: TestClient, world: World, site: str, quantity: int) -> str:
    user = {"H1": "hospital", "H2": "hospital2"}[site]
    need = {"item": "gloves", "quantity": quantity, "priority": "urgent", "need_by": "2020-02-08"}
    body = {
        "id": str(uuid4()),
        "site": site,
        "posted_at": "2020-02-03T00:00:00Z",
        "needs": [need],
    }
    answer = _sent(api.post("/api/v1/requests", json=body, headers=world.bearer(user)))
    return str(answer["needs"][0]["id"])  # type: ignore[index]


def plan(api: TestClient, world: World, database: Database) -> dict[str, object]:
    body = {"id": str(uuid4()), "day": "2020-02-03", "horizon_days": 7}
    run = _sent(api.post("/api/v1/runs", json=body, headers=world.bearer("dispatcher")))
    solve_run(database, UUID(str(run["id"])))
    return _sent(api.get(f"/api/v1/runs/{run['id']}", headers=world.bearer("auditor")))


def _sent(answer: object) -> dict[str, object]:
    assert answer.is_success, answer.text  # type: ignore[attr-defined]
    found: dict[str, object] = answer.json()  # type: ignore[attr-defined]
    return found


def allocated(run: dict[str, object]) -> dict[str, int]:
    return {need["site"]: need["allocated"] for need in run["needs"]}  # type: ignore[attr-defined]


def reasons(run: dict[str, object]) -> dict[str, str]:
    return {need["site"]: need["reason"]["code"] for need in run["needs"]}  # type: ignore[attr-defined]


def test_a_gift_for_a_site_serves_that_site_alone(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, 100, earmark={"kind": "site", "target": "H2"})
    ask(api, world, "H1", 100)
    ask(api, world, "H2", 60)
    run = plan(api, world, database)
    assert allocated(run) == {"H1": 0, "H2": 60}
    assert reasons(run)["H1"] == "earmarked_elsewhere"


def test_a_gift_for_a_region_serves_all_below_it(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, 100, earmark={"kind": "region", "target": "420500"})
    ask(api, world, "H1", 100)
    ask(api, world, "H2", 60)
    assert allocated(plan(api, world, database)) == {"H1": 0, "H2": 60}


def test_a_gift_for_the_province_serves_both(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, 100, earmark={"kind": "region", "target": "420000"})
    ask(api, world, "H1", 100)
    ask(api, world, "H2", 100)
    assert allocated(plan(api, world, database)) == {"H1": 50, "H2": 50}


def test_goods_bought_with_earmarked_money_keep_the_earmark(
    api: TestClient, world: World, database: Database
) -> None:
    donation, earmark = str(uuid4()), {"kind": "site", "target": "H2"}
    gift = {
        "id": donation,
        "kind": "money",
        "anonymous": False,
        "fund": "RELIEF-CNY",
        "amount_minor": 100_000,
        "given_at": GIVEN,
        "earmark": earmark,
    }
    _sent(api.post("/api/v1/donations", json=gift, headers=world.bearer("donor")))
    _receive(api, world, donation)
    bought = {
        "id": str(uuid4()),
        "fund": "RELIEF-CNY",
        "supplier": "SUPP1",
        "site": "W1",
        "bought_at": "2020-02-02T08:00:00Z",
        "item": "gloves",
        "quantity": 100,
        "unit": "piece",
        "price_minor": 90_000,
        "earmark": earmark,
    }
    _sent(api.post("/api/v1/purchases", json=bought, headers=world.bearer("dispatcher")))
    ask(api, world, "H1", 100)
    ask(api, world, "H2", 60)
    assert allocated(plan(api, world, database)) == {"H1": 0, "H2": 60}


def test_what_would_expire_on_the_way_is_not_sent(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, 100, expires_on="2020-02-04")
    ask(api, world, "H1", 60)
    run = plan(api, world, database)
    assert allocated(run) == {"H1": 0}
    assert reasons(run) == {"H1": "expires_on_arrival"}


def test_what_expires_first_leaves_first(api: TestClient, world: World, database: Database) -> None:
    give(api, world, 100, expires_on="2041-06-30")
    give(api, world, 100, expires_on="2040-06-30")
    give(api, world, 100)
    ask(api, world, "H1", 150)
    run = plan(api, world, database)
    url = f"/api/v1/runs/{run['id']}/approve"
    _sent(api.post(url, json={}, headers=world.bearer("approver")))
    with database.transaction() as session:
        expiry = dict(tuple(row) for row in session.exec(select(Lot.id, Lot.expires_on)))
        taken = {expiry[each.lot_id]: each.quantity for each in holdings(session, state="reserved")}
    assert taken == {date(2040, 6, 30): 100, date(2041, 6, 30): 50}
