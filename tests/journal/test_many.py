"""Tens of thousands of needs, and of moves in one entry: no statement has a parameter for each."""

from uuid import uuid4

import pytest
from sqlmodel import Session

from services.journal.kinds import AccountRef, EntryKind, need_purpose, site_account
from services.journal.post import InsufficientStock, post
from services.journal.read import (
    by_purpose,
    get_lots,
    holdings,
    lots_opened_by,
    moves_of_accounts,
    moves_of_entry,
    moves_of_lots,
)
from services.journal.record import Draft, NewLot, NewMove
from services.requests import service as requests
from tests.world import NOW, stock

MANY = 70_000
SHELF = site_account("W1", "available")


def test_readings_take_as_many_as_there_are(session: Session) -> None:
    lot, need = stock(session, quantity=1000), need_purpose(uuid4())
    kept = site_account("W1", "reserved", need)
    entry = Draft(
        uuid4(), EntryKind.RESERVE, NOW, "organisation:RELIEF", moves=[NewMove(lot, SHELF, kept, 7)]
    )
    post(session, entry)
    ids = [uuid4() for _ in range(MANY)]
    found = by_purpose(session, [need, *map(need_purpose, ids)])
    assert found[need] == {"reserved": 7}
    assert sum(map(len, found.values())) == 1
    assert set(get_lots(session, [*ids, lot])) == {lot}
    assert sum(held.quantity for held in holdings(session, lot_ids=[*ids, lot])) == 1000
    assert len(moves_of_lots(session, [*ids, lot])) == 2
    assert len(moves_of_accounts(session, [str(kept), *map(str, ids)])) == 1
    assert [one.id for one in lots_opened_by(session, ids)] == []
    assert requests.get_needs(session, ids) == {}


def test_an_entry_has_as_many_moves_as_it_needs(session: Session) -> None:
    lot, count = stock(session, quantity=12_000), 12_000
    needs = [need_purpose(uuid4()) for _ in range(count)]
    moves = [NewMove(lot, SHELF, site_account("W1", "reserved", need), 1) for need in needs]
    draft = Draft(uuid4(), EntryKind.RESERVE, NOW, "organisation:RELIEF", moves=moves)
    assert post(session, draft).created
    assert not post(session, draft).created
    assert [move.line for move in moves_of_entry(session, draft.id)] == list(range(1, count + 1))
    standing = by_purpose(session, needs)
    assert {tuple(each.items()) for each in standing.values()} == {(("reserved", 1),)}
    assert holdings(session, lot_ids=[lot], state="available") == []


def test_of_many_that_are_taken_the_one_that_lacks_is_named(session: Session) -> None:
    lot = stock(session, quantity=30)
    kept = [site_account("W1", "reserved", need_purpose(uuid4())) for _ in range(3)]

    def moved(kind: EntryKind, *moves: NewMove) -> None:
        post(session, Draft(uuid4(), kind, NOW, "organisation:RELIEF", moves=moves))

    moved(EntryKind.RESERVE, *(NewMove(lot, SHELF, account, 10) for account in kept))
    moved(EntryKind.RELEASE, NewMove(lot, kept[1], SHELF, 1))
    roads = [AccountRef("shipment:9", "in_transit", account.purpose) for account in kept]
    sent = [NewMove(lot, kept[i], roads[i], 7) for i in range(3)]
    moved(EntryKind.DISPATCH, *sent)
    again = [NewMove(lot, kept[i], roads[i], quantity) for i, quantity in enumerate((3, 3, 3))]
    with pytest.raises(InsufficientStock) as refused:
        moved(EntryKind.DISPATCH, *again)
    assert refused.value.extra["account"] == str(kept[1])
    assert refused.value.extra["available"] == 2
    standing = by_purpose(session, [str(account.purpose) for account in kept])
    assert [each["reserved"] for each in standing.values()] == [3, 2, 3]


def test_an_entry_opens_as_many_lots_as_came(session: Session) -> None:
    lots = [NewLot(uuid4(), "gloves", f"donation:d/line:{line}") for line in range(1, 12_001)]
    given = AccountRef("donor:DONOR1", "given")
    moves = [NewMove(lot.id, given, SHELF, 1) for lot in lots]
    draft = Draft(
        uuid4(), EntryKind.RECEIVE_DONATION, NOW, "organisation:RELIEF", lots=lots, moves=moves
    )
    assert post(session, draft).created
    assert len(lots_opened_by(session, [draft.id])) == len(lots)
