"""Shipments for tests: needs, lots and reservations as an approved plan leaves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import Session

from services.database import Database
from services.dispatch.models import Run, RunState
from services.dispatch.snapshot import digest_text
from services.journal.kinds import AccountRef, EntryKind, need_purpose, site_account
from services.journal.post import post
from services.journal.read import holdings
from services.journal.record import Draft, NewLot, NewMove
from services.parties.models import Role
from services.parties.service import Actor
from services.requests import service as requests
from services.requests.models import Priority
from services.requests.schemas import NeedIn, RequestIn
from services.transport.models import Shipment
from services.transport.service import PlannedLine, plan_shipments
from tests.world import NOW, World, user_id

DAY = date(2020, 2, 4)
WHO = {
    "pick": "dispatcher",
    "load": "dispatcher",
    "dispatch": "carrier",
    "arrive": "carrier",
    "divert": "dispatcher",
    "deliver": "carrier",
    "receive": "hospital",
    "verify": "auditor",
    "lose": "carrier",
    "cancel": "dispatcher",
}
WHEN = {
    "pick": "2020-02-04T01:00:00Z",
    "load": "2020-02-04T01:30:00Z",
    "dispatch": "2020-02-04T02:00:00Z",
    "arrive": "2020-02-04T09:00:00Z",
    "divert": "2020-02-04T08:00:00Z",
    "deliver": "2020-02-04T10:00:00Z",
    "receive": "2020-02-04T11:00:00Z",
    "verify": "2020-02-05T08:00:00Z",
    "lose": "2020-02-05T09:00:00Z",
    "cancel": "2020-02-05T09:00:00Z",
}
_NEEDED = {
    "lose": {"reason": "the lorry burnt out"},
    "cancel": {"reason": "the road is closed"},
    "divert": {
        "id": str(uuid5(NAMESPACE_URL, "a diversion")),
        "destination": "H2",
        "due_on": "2020-02-07",
        "reason": "the bridge is down",
    },
}
LIFE = ("pick", "dispatch", "deliver", "receive", "verify")


@dataclass(frozen=True)
class Goods:
    """One line: this much of a lot of its own, for a need of its own."""

    quantity: int = 100
    item: str = "gloves"
    expires_on: date | None = None


@dataclass(frozen=True)
class Sent:
    """A planned shipment, with the lots and needs of its goods in the order given."""

    id: UUID
    lots: list[UUID]
    needs: list[UUID]


def plan(
    database: Database, *goods: Goods, origin: str = "W1", destination: str = "H1", day: date = DAY
) -> Sent:
    """Ask for the goods, stock them, reserve them and plan one shipment of them."""
    with database.transaction() as session:
        lots = [a_lot(session, each, origin) for each in goods]
        needs = [a_need(session, each, destination) for each in goods]
        lines = [
            PlannedLine(
                need, lot, each.item, each.quantity, origin, destination, day, day + timedelta(1)
            )
            for need, lot, each in zip(needs, lots, goods, strict=True)
        ]
        (shipment,) = reserve_and_plan(session, lines)
        return Sent(shipment.id, lots, needs)


def a_lot(session: Session, goods: Goods, site: str = "W1", stocked: int | None = None) -> UUID:
    lot_id, origin = uuid4(), f"donation:{uuid4()}"
    post(
        session,
        Draft(
            id=uuid4(),
            kind=EntryKind.RECEIVE_DONATION,
            occurred_at=NOW,
            actor="organisation:RELIEF",
            document=origin,
            lots=[
                NewLot(
                    lot_id, goods.item, f"{origin}/line:1", batch="B-7", expires_on=goods.expires_on
                )
            ],
            moves=[
                NewMove(
                    lot_id,
                    AccountRef("donor:DONOR1", "given"),
                    site_account(site, "available"),
                    stocked or goods.quantity,
                )
            ],
        ),
    )
    return lot_id


def a_need(session: Session, goods: Goods, site: str = "H1") -> UUID:
    user, organisation = {"H1": ("hospital", "HOSP1"), "H2": ("hospital2", "HOSP2")}[site]
    actor = Actor(user_id(user), user, Role.HOSPITAL, organisation)
    line = NeedIn(
        item=goods.item,
        quantity=goods.quantity,
        priority=Priority.URGENT,
        need_by=date(2020, 2, 6),
    )
    body = RequestIn(id=uuid4(), site=site, posted_at=NOW, needs=[line], duplicate="keep")
    request, _ = requests.post_request(session, actor, body)
    return requests.find_needs(session, request_id=request.id)[0].id


def a_run(session: Session) -> UUID:
    """An approved run: only that it exists matters to its shipments."""
    run_id = uuid4()
    statement = Draft(
        id=uuid4(),
        kind=EntryKind.SNAPSHOT,
        occurred_at=NOW,
        actor="organisation:RELIEF",
        document=f"run:{run_id}",
    )
    session.add(
        Run(
            id=run_id,
            state=RunState.APPROVED,
            day=DAY,
            horizon_days=7,
            started_by=user_id("dispatcher"),
            started_at=NOW,
            pieces_needed=0,
            snapshot=b"{}",
            snapshot_digest=digest_text(b"{}"),
            snapshot_entry=post(session, statement).entry.id,
        )
    )
    session.flush()
    return run_id


def reserve_and_plan(session: Session, lines: Sequence[PlannedLine]) -> list[Shipment]:
    run_id = a_run(session)
    moves = [
        NewMove(
            line.lot_id,
            site_account(line.origin, "available"),
            site_account(line.origin, "reserved", need_purpose(line.need_id)),
            line.quantity_base,
        )
        for line in lines
    ]
    post(
        session,
        Draft(
            id=uuid4(),
            kind=EntryKind.RESERVE,
            occurred_at=NOW,
            actor="organisation:RELIEF",
            document=f"run:{run_id}",
            moves=moves,
        ),
    )
    actor = Actor(user_id("approver"), "approver", Role.APPROVER, "RELIEF")
    moment = datetime(2020, 2, 3, 20, tzinfo=UTC)
    return plan_shipments(session, run_id, lines, actor=actor, occurred_at=moment)


def show(api: TestClient, shipment_id: UUID, user: str = "dispatcher") -> dict[str, Any]:
    """The shipment as this user reads it."""
    answer = api.get(f"/api/v1/shipments/{shipment_id}", headers=World().bearer(user))
    assert answer.status_code == 200, answer.text
    shipment: dict[str, Any] = answer.json()
    return shipment


def act(
    api: TestClient, shipment_id: UUID, step: str, *, user: str | None = None, **body: Any
) -> Response:
    """Do one step as who usually does it, when it usually happens."""
    needed = _NEEDED.get(step, {})
    return api.post(
        f"/api/v1/shipments/{shipment_id}/{step}",
        json={"occurred_at": WHEN[step]} | needed | body,
        headers=World().bearer(user or WHO[step]),
    )


def bring_to(
    api: TestClient, shipment_id: UUID, last: str, lines: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Carry a planned shipment through its life up to and with the step ``last``."""
    answer: dict[str, Any] = {}
    for step in LIFE[: LIFE.index(last) + 1]:
        response = act(api, shipment_id, step, **receipt(step, *lines))
        assert response.status_code == 200, response.text
        answer = response.json()
    return answer


def receipt(step: str, *lines: dict[str, Any]) -> dict[str, Any]:
    """What the step needs beside its time: a receipt its lines, the others nothing."""
    return {"lines": list(lines)} if step == "receive" else {}


def count(
    line: int, accepted: Any, rejected: int = 0, short: int = 0, **more: Any
) -> dict[str, Any]:
    return {"line": line, "accepted": accepted, "rejected": rejected, "short": short} | more


def where(database: Database, lot_id: UUID) -> dict[str, int]:
    """Where a lot's pieces are, by account; what the donor gave is negative."""
    with database.transaction() as session:
        found = holdings(session, lot_ids=[lot_id], above_zero=False)
        return {holding.account: holding.quantity for holding in found}


def outstanding(database: Database, need_id: UUID) -> int:
    with database.transaction() as session:
        needs = requests.get_needs(session, [need_id])
        return requests.served(session, [needs[need_id]])[0].outstanding
