"""Lots for inventory's tests, in every place that a lot gets to."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from fastapi.testclient import TestClient
from sqlmodel import Session

from services.database import Database
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.post import post
from services.journal.read import holdings
from services.journal.record import Draft, NewLot, NewMove
from services.journal.verify import check_journal
from tests.world import NOW, World

JSON = dict[str, Any]
AT = "2020-02-10T10:00:00Z"
NEED = "need:00000000-0000-4000-8000-000000000001"


def move(
    session: Session, kind: EntryKind, lot: UUID, source: AccountRef, target: AccountRef, many: int
) -> None:
    post(
        session,
        Draft(
            uuid4(), kind, NOW, "organisation:RELIEF", moves=[NewMove(lot, source, target, many)]
        ),
    )


def donated(
    session: Session,
    quantity: int = 1000,
    *,
    site: str = "W1",
    item: str = "gloves",
    batch: str | None = "B7",
    expires: date | None = date(2021, 1, 1),
    key: str = "lot",
) -> UUID:
    """A donated lot on a site's shelf."""
    lot = uuid5(NAMESPACE_URL, f"{key}/{site}/{item}/{batch}")
    new = NewLot(lot, item, f"donation:{uuid5(lot, 'gift')}/line:1", batch, None, expires)
    source = AccountRef("donor:DONOR1", "given")
    coming = NewMove(lot, source, site_account(site, "available"), quantity)
    kind = EntryKind.RECEIVE_DONATION
    post(session, Draft(uuid4(), kind, NOW, "organisation:RELIEF", lots=[new], moves=[coming]))
    return lot


def spread(session: Session, lot: UUID) -> None:
    """Of 1000 pieces: 300 set aside, 200 under way to H2, 250 received at H1, 250 on the shelf."""
    shelf, kept = site_account("W1", "available"), site_account("W1", "reserved", NEED)
    road = AccountRef("shipment:9", "in_transit", NEED)
    move(session, EntryKind.RESERVE, lot, shelf, kept, 750)
    move(session, EntryKind.DISPATCH, lot, kept, road, 450)
    move(session, EntryKind.DISBURSE_GOODS, lot, road, site_account("H1", "received", NEED), 250)


def standing(database: Database, *lots: UUID) -> dict[str, int]:
    """What stands where, as ``{"W1/available": 250, …}``, without where it came from."""
    found: dict[str, int] = {}
    with database.transaction() as session:
        assert list(check_journal_of(database)) == []
        for one in holdings(session, lot_ids=lots):
            name = f"{one.holder.partition(':')[2]}/{one.state}"
            found[name] = found.get(name, 0) + one.quantity
    return found


def check_journal_of(database: Database) -> list[Any]:
    with database.transaction() as session:
        return list(check_journal(session))


def send(
    api: TestClient, world: World, who: str, path: str, body: JSON, expected: int = 201
) -> Any:
    answer = api.post(f"/api/v1/{path}", json=body, headers=world.bearer(who))
    assert answer.status_code == expected, answer.text
    return answer.json()


def read(api: TestClient, world: World, who: str, path: str, **query: str) -> Any:
    answer = api.get(f"/api/v1/{path}", params=query, headers=world.bearer(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def came_today(session: Session, batch: str, expires: date) -> UUID:
    """A lot of 10 that came to W1 a moment ago, not in the small world's year."""
    lot = uuid4()
    new = NewLot(lot, "gloves", f"donation:{lot}/line:1", batch, None, expires)
    source = AccountRef("donor:DONOR1", "given")
    coming = NewMove(lot, source, site_account("W1", "available"), 10)
    kind, now = EntryKind.RECEIVE_DONATION, datetime.now(UTC)
    post(session, Draft(uuid4(), kind, now, "organisation:RELIEF", lots=[new], moves=[coming]))
    return lot


def lose_today(session: Session, lot: UUID) -> None:
    gone = NewMove(lot, site_account("W1", "available"), site_account("W1", "lost"), 10)
    now = datetime.now(UTC)
    post(session, Draft(uuid4(), EntryKind.LOSE, now, "organisation:RELIEF", moves=[gone]))
