"""Gifts, receipts and purchases as tests send them."""

from typing import Any
from uuid import UUID, uuid4, uuid5

from fastapi.testclient import TestClient

from services.database import Database
from services.journal.kinds import AccountKind
from services.journal.read import entry_count, holdings
from services.parties.models import Organisation, OrganisationKind, Role, User
from services.parties.service import issue_token
from tests.world import World

JSON = dict[str, Any]

UNKNOWN_ID = "5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11"


def goods(lines: list[JSON] | None = None, **changes: object) -> JSON:
    line = {"item": "gloves", "quantity": 3, "unit": "carton", "batch": "L-1"}
    return {
        "id": str(uuid4()),
        "kind": "goods",
        "anonymous": False,
        "site": "W1",
        "given_at": "2020-02-01T09:00:00Z",
        "earmark": None,
        "lines": [line] if lines is None else lines,
    } | changes


def money(amount_minor: int = 1000, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "kind": "money",
        "anonymous": False,
        "fund": "RELIEF-CNY",
        "amount_minor": amount_minor,
        "given_at": "2020-02-01T09:00:00Z",
        "earmark": None,
    } | changes


def buying(price_minor: int = 500, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "fund": "RELIEF-CNY",
        "supplier": "SUPP1",
        "site": "W1",
        "bought_at": "2020-02-04T15:00:00Z",
        "item": "gloves",
        "quantity": 2,
        "unit": "box",
        "price_minor": price_minor,
        "batch": "P-1",
    } | changes


def paying(amount_minor: int = 500, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "fund": "RELIEF-CNY",
        "payee": "CARR1",
        "amount_minor": amount_minor,
        "purpose": "transport",
        "paid_at": "2020-02-05T11:00:00Z",
    } | changes


def earmark(kind: str, target: str) -> JSON:
    return {"kind": kind, "target": target}


def pledge(api: TestClient, world: World, body: JSON, user: str = "donor") -> JSON:
    answer = api.post("/api/v1/donations", json=body, headers=world.bearer(user))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def receive(
    api: TestClient,
    world: World,
    donation: JSON,
    lines: list[JSON] | None = None,
    at: str = "2020-02-03T10:00:00Z",
) -> JSON:
    answer = api.post(
        f"/api/v1/donations/{donation['id']}/receive",
        json={"occurred_at": at, "lines": lines},
        headers=world.bearer("dispatcher"),
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def give(api: TestClient, world: World, body: JSON, at: str = "2020-02-03T10:00:00Z") -> UUID:
    """Pledge a gift and receive it; returns the lot of its first line."""
    receive(api, world, pledge(api, world, body), at=at)
    return uuid5(UUID(body["id"]), "line/1")


def entries(database: Database) -> int:
    with database.transaction() as session:
        return entry_count(session)


def in_fund(database: Database) -> int:
    with database.transaction() as session:
        return sum(holding.quantity for holding in holdings(session, kinds=[AccountKind.FUND]))


def standing(database: Database, lot_id: UUID) -> dict[str, int]:
    """What stands of a lot, by account."""
    with database.transaction() as session:
        return {held.account: held.quantity for held in holdings(session, lot_ids=[lot_id])}


def another_desk(database: Database) -> dict[str, str]:
    """A dispatcher of another relief organisation."""
    with database.transaction() as session:
        session.add(
            Organisation(
                code="RELIEF2", kind=OrganisationKind.AUTHORITY, name_en="Two", name_zh="二"
            )
        )
        session.flush()
        user = User(
            id=uuid4(),
            username="desk2",
            display_name="desk2",
            role=Role.DISPATCHER,
            organisation="RELIEF2",
        )
        session.add(user)
        session.flush()
        return {"Authorization": f"Bearer {issue_token(session, user.id, 'tests')[1]}"}
