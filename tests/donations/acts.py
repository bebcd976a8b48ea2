"""What the desk of donations sends, and how its tests send it."""

from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient

from services.database import Database
from services.donations.models import Fund
from services.journal.kinds import CommodityClass
from services.journal.post import register_commodity
from tests.world import World

JSON = dict[str, Any]


class Desk:
    """Sends acts as a user, and expects what it is told to expect."""

    def __init__(self, api: TestClient, world: World) -> None:
        self.api = api
        self.world = world

    def post(self, path: str, body: JSON, user: str = "dispatcher", status: int = 201) -> Any:
        return self._send("POST", path, body, user, status)

    def put(self, path: str, body: JSON, user: str = "dispatcher", status: int = 200) -> Any:
        return self._send("PUT", path, body, user, status)

    def get(self, path: str, user: str | None = "dispatcher", status: int = 200) -> Any:
        headers = self.world.bearer(user) if user else {}
        answer = self.api.get(f"/api/v1{path}", headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def _send(self, method: str, path: str, body: JSON, user: str, status: int) -> Any:
        headers = self.world.bearer(user)
        answer = self.api.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def fund(self, code: str = "RELIEF-CNY") -> JSON:
        found = {fund["code"]: fund for fund in self.get("/funds")}
        return dict(found[code])


def problem(answer: JSON) -> tuple[str, str]:
    """The code of a refusal and the field that it names."""
    return answer["type"].rpartition(":")[2], answer["errors"][0]["field"]


def add_fund(database: Database, code: str, currency: str, organisation: str = "RELIEF") -> None:
    with database.transaction() as session:
        unit = "fen" if currency == "CNY" else "minor"
        register_commodity(session, currency, CommodityClass.MONEY, unit)
        session.add(
            Fund(
                code=code,
                name_en=code,
                name_zh=code,
                currency=currency,
                organisation=organisation,
            )
        )


def committing(amount_minor: int, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "fund": "RELIEF-CNY",
        "payee": "CARR1",
        "amount_minor": amount_minor,
        "purpose": "freight by contract",
        "committed_at": "2020-02-04T10:00:00Z",
    } | changes


def releasing(amount_minor: int | None = None, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "amount_minor": amount_minor,
        "purpose": "less freight",
        "released_at": "2020-02-06T10:00:00Z",
    } | changes


def appropriating(amount_minor: int, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "fund": "RELIEF-CNY",
        "authority": "RELIEF",
        "amount_minor": amount_minor,
        "purpose": "decree 7",
        "appropriated_at": "2020-02-01T10:00:00Z",
    } | changes


def moving(amount_minor: int, other_fund: str, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "fund": "RELIEF-CNY",
        "other_fund": other_fund,
        "amount_minor": amount_minor,
        "purpose": "they buy for both",
        "moved_at": "2020-02-05T10:00:00Z",
    } | changes


def refunding(of: str, subject: str, amount_minor: int, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "of": of,
        "subject": subject,
        "amount_minor": amount_minor,
        "purpose": "torn",
        "refunded_at": "2020-02-09T10:00:00Z",
    } | changes


def ordering(*lines: JSON, **changes: object) -> JSON:
    line = {"item": "gloves", "quantity": 100, "unit": "piece", "price_minor": 1000}
    return {
        "id": str(uuid4()),
        "fund": "RELIEF-CNY",
        "supplier": "SUPP1",
        "site": "W1",
        "lines": list(lines) or [line],
    } | changes


def delivering(*lines: JSON, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "delivered_at": "2020-02-08T10:00:00Z",
        "lines": list(lines) or [{"line": 1, "accepted": 100}],
    } | changes


ORDERED = {"ordered_at": "2020-02-05T10:00:00Z"}
CANCELLED = {"cancelled_at": "2020-02-10T10:00:00Z", "reason": "the maker was closed"}
