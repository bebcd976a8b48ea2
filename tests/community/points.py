"""A community point of the first hospital's organisation, with masks in hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import Session

from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.post import post
from services.journal.record import Draft, NewLot, NewMove
from services.parties.models import Site, SiteKind
from tests.world import NOW, World

DAY = "2020-02-06"
SLOT = "2020-02-06T09:30:00+08:00"
STAFF = "hospital"


def add_point(session: Session, code: str = "P1") -> str:
    session.add(
        Site(
            code=code,
            organisation="HOSP1",
            kind=SiteKind.RELIEF_POINT,
            name_en=f"{code} point",
            name_zh=f"{code} 点",
            region="420100",
            latitude=30.5,
            longitude=114.3,
        )
    )
    session.flush()
    return code


def put_in_hand(
    session: Session,
    quantity: int,
    *,
    point: str = "P1",
    item: str = "surgical_mask",
    expires_on: date | None = None,
) -> UUID:
    """Goods on the point's own shelf, as a lot that was given to it; returns the lot's id."""
    lot_id = uuid4()
    post(
        session,
        Draft(
            id=uuid5(lot_id, "entry"),
            kind=EntryKind.RECEIVE_DONATION,
            occurred_at=NOW,
            actor="organisation:HOSP1",
            document=f"donation:{lot_id}",
            lots=[NewLot(lot_id, item, f"donation:{lot_id}/line:1", expires_on=expires_on)],
            moves=[
                NewMove(
                    lot_id,
                    AccountRef("donor:DONOR1", "given"),
                    site_account(point, "available"),
                    quantity,
                )
            ],
        ),
    )
    return lot_id


def offer_body(**changed: object) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "site": "P1",
        "item": "surgical_mask",
        "pieces": 5,
        "period_days": 10,
        "opens_at": "09:00",
        "closes_at": "12:00",
        "slot_minutes": 30,
        "bookings_per_slot": 3,
        "first_day": DAY,
        "last_day": "2020-02-20",
    } | changed


def offer(api: TestClient, world: World, **changed: object) -> str:
    answer = api.post(
        "/api/v1/community/offers", json=offer_body(**changed), headers=world.bearer(STAFF)
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def book(
    api: TestClient, offer_id: str, household: str = "420102 1980 0001", **changed: object
) -> Response:
    body = {
        "id": str(uuid4()),
        "slot_starts_at": SLOT,
        "household": household,
        "booked_at": "2020-02-05T10:00:00+08:00",
    } | changed
    return api.post(f"/api/v1/community/offers/{offer_id}/bookings", json=body)


def hand_out(api: TestClient, world: World, code: str, **more: object) -> Response:
    body = {"pickup_code": code, "occurred_at": "2020-02-06T09:41:00+08:00"} | more
    return api.post("/api/v1/community/hand-outs", json=body, headers=world.bearer(STAFF))


def soon(days: int = 1) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)
