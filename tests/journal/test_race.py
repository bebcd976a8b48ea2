"""Many at once: nothing is sold twice, nobody waits for ever, one id is one entry."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar
from uuid import uuid4

import pytest

from services.database import Database
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.post import AlreadyReversed, EntryIdReused, InsufficientStock, post, reverse
from services.journal.read import entry_count, holdings
from services.journal.record import NewMove
from services.journal.verify import check_journal
from tests.journal.drafts import DONOR, KEPT, SHELF, draft, gift, reservation
from tests.world import stock

T = TypeVar("T")


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Start the same work in many threads at one moment; their results, or the first error."""
    barrier = Barrier(count)

    def started(number: int) -> T:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(started, range(count)))


def clean(database: Database) -> bool:
    with database.transaction() as session:
        return list(check_journal(session)) == []


@pytest.mark.parametrize(
    ("quantity", "tries"), [(37, 3), (8, 4), pytest.param(1, 40, marks=pytest.mark.slow)]
)
def test_32_at_once_never_take_more_than_is_there(
    database: Database, quantity: int, tries: int
) -> None:
    with database.transaction() as session:
        lot = stock(session)

    def take(thread: int) -> int:
        kept = site_account("W1", "reserved", f"need:{thread}")
        taken = 0
        for _ in range(tries):
            try:
                with database.transaction() as session:
                    post(session, draft(EntryKind.RESERVE, NewMove(lot, SHELF, kept, quantity)))
                taken += quantity
            except InsufficientStock:
                pass
        return taken

    taken = sum(at_once(32, take))
    assert taken == 1000 - 1000 % quantity
    with database.transaction() as session:
        states = {"available": 0, "reserved": 0}
        for holding in holdings(session, lot_ids=[lot]):
            states[holding.state] += holding.quantity
    assert states == {"available": 1000 - taken, "reserved": taken}
    assert clean(database)


def test_moves_in_opposite_order_do_not_block_each_other_for_ever(database: Database) -> None:
    with database.transaction() as session:
        lots = [stock(session, key=str(number)) for number in range(6)]
        for lot in lots:
            post(session, reservation(lot, 500))

    def swap(thread: int) -> None:
        order = lots if thread % 2 else lots[::-1]
        for _ in range(10):
            there = [NewMove(lot, SHELF, KEPT, 1) for lot in order]
            back = [NewMove(lot, KEPT, SHELF, 1) for lot in order]
            steps = [(EntryKind.RESERVE, there), (EntryKind.RELEASE, back)]
            for kind, moves in steps if thread % 3 else steps[::-1]:
                with database.transaction() as session:
                    post(session, draft(kind, *moves))

    at_once(12, swap)
    with database.transaction() as session:
        assert {one.quantity for one in holdings(session, lot_ids=lots)} == {500}
    assert clean(database)


def test_one_id_posted_by_16_at_once_is_one_entry(database: Database) -> None:
    with database.transaction() as session:
        lot = stock(session)
    same = reservation(lot, 300)

    def send(_: int) -> tuple[bool, bytes]:
        with database.transaction() as session:
            posted = post(session, same)
            return posted.created, posted.entry.digest

    answers = at_once(16, send)
    assert sorted(created for created, _ in answers) == [False] * 15 + [True]
    assert len({digest for _, digest in answers}) == 1
    with database.transaction() as session:
        assert entry_count(session) == 2
    assert clean(database)


def test_one_entry_is_reversed_once_by_16_at_once(database: Database) -> None:
    with database.transaction() as session:
        entry_id = post(session, reservation(stock(session), 300)).entry.id

    def undo(_: int) -> bool:
        try:
            with database.transaction() as session:
                reverse(session, entry_id, reversal_id=uuid4(), actor="organisation:A", reason="x")
        except AlreadyReversed:
            return False
        return True

    assert sum(at_once(16, undo)) == 1
    assert clean(database)


def test_one_lot_is_opened_once_by_16_at_once(database: Database) -> None:
    lot = uuid4()

    def bring(_: int) -> bool:
        try:
            with database.transaction() as session:
                post(session, gift(lot, 10))
        except EntryIdReused:
            return False
        return True

    assert sum(at_once(16, bring)) == 1
    assert clean(database)


def test_new_accounts_are_opened_by_many_at_once(database: Database) -> None:
    with database.transaction() as session:
        lots = [stock(session, key=str(number)) for number in range(4)]
    fresh = [site_account("W1", "reserved", f"need:{number}") for number in range(8)]

    def reserve(thread: int) -> None:
        kept: list[AccountRef] = fresh if thread % 2 else fresh[::-1]
        moves = [NewMove(lot, SHELF, account, 1) for account in kept for lot in lots]
        with database.transaction() as session:
            post(session, draft(EntryKind.RESERVE, *moves))

    at_once(16, reserve)
    with database.transaction() as session:
        held = holdings(session, state="reserved")
    assert {one.quantity for one in held} == {16}
    assert len(held) == 32
    assert str(DONOR) not in {one.account for one in held}
    assert clean(database)
