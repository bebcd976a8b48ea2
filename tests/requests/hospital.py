"""What tests of needs say again and again: a hospital asks, a desk decides, goods come."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import Session, select

from services.alerts.models import Alert
from services.database import Database
from services.journal.kinds import AccountRef, EntryKind, need_purpose, site_account
from services.journal.post import post
from services.journal.record import Draft, NewMove
from services.requests.models import Need
from tests.world import NOW, World, stock


class Desk:
    """The API as one user sees it."""

    def __init__(self, api: TestClient, user: str) -> None:
        self.api, self.headers = api, World().bearer(user)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.api.get(f"/api/v1{path}", params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method: str, path: str, **body: Any) -> Response:
        return self.api.request(method, f"/api/v1{path}", json=body, headers=self.headers)

    def post(self, path: str, **body: Any) -> Any:
        answer = self.send("POST", path, **body)
        assert answer.is_success, answer.text
        return answer.json()

    def refused(self, method: str, path: str, status: int, **body: Any) -> Any:
        answer = self.send(method, path, **body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def ask(self, item: str = "gloves", quantity: int = 100, **more: Any) -> Any:
        """Post one need; returns it. ``whole`` fields of the request are given by name."""
        site = more.pop("site", "H1")
        whole = {key: more.pop(key) for key in ("draft", "duplicate", "id") if key in more}
        line = {"item": item, "quantity": quantity, "priority": "urgent", "need_by": "2020-02-09"}
        posted = more.pop("posted_at", "2020-02-03T08:00:00Z")
        body = {"id": str(uuid4()), "site": site, "posted_at": posted, "needs": [line | more]}
        request = self.post("/requests", **(body | whole))
        return request["needs"][0] if request["needs"] else None

    def rule(self, position: int = 1, outcome: str = "approve", **more: Any) -> str:
        rule_id = str(uuid4())
        answer = self.send(
            "PUT", f"/approval-rules/{rule_id}", position=position, outcome=outcome, **more
        )
        assert answer.status_code == 201, answer.text
        return rule_id


def reserve(session: Session, need_id: str, quantity: int, item: str = "gloves") -> UUID:
    """Set pieces aside for a need, as an approved plan does; returns the lot."""
    lot = stock(session, item=item, quantity=quantity, key=str(uuid4()))
    _move(
        session,
        EntryKind.RESERVE,
        lot,
        site_account("W1", "available"),
        site_account("W1", "reserved", need_purpose(need_id)),
        quantity,
    )
    return lot


def bring(session: Session, need_id: str, quantity: int, lot: UUID, site: str = "H1") -> None:
    """Send what is reserved for a need, and let its hospital accept it."""
    purpose = need_purpose(need_id)
    shipment = AccountRef(f"shipment:{uuid4()}", "in_transit", purpose)
    reserved = site_account("W1", "reserved", purpose)
    _move(session, EntryKind.DISPATCH, lot, reserved, shipment, quantity)
    received = site_account(site, "received", purpose)
    _move(session, EntryKind.DISBURSE_GOODS, lot, shipment, received, quantity)


def _move(
    session: Session,
    kind: EntryKind,
    lot: UUID,
    source: AccountRef,
    target: AccountRef,
    quantity: int,
) -> None:
    post(
        session,
        Draft(
            id=uuid4(),
            kind=kind,
            occurred_at=NOW,
            actor="organisation:RELIEF",
            document=f"test:{uuid4()}",
            moves=[NewMove(lot, source, target, quantity)],
        ),
    )


def grow_older(database: Database, hours: float, need_id: str | None = None) -> None:
    """As if the last words had been written down so many hours earlier."""
    with database.transaction() as session:
        change = sa.update(Need).values(
            last_word_recorded_at=Need.last_word_recorded_at - timedelta(hours=hours)
        )
        session.execute(change.where(Need.id == UUID(need_id)) if need_id else change)


def open_alerts(database: Database) -> dict[tuple[str, str], dict[str, Any]]:
    with database.transaction() as session:
        rows = session.exec(select(Alert).where(Alert.closed_at == None))  # noqa: E711
        return {(row.kind.value, row.subject): row.facts for row in rows}
