"""What post() writes, what it refuses, and that a refusal leaves nothing behind."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from services.database import Database
from services.errors import Conflict, DomainError, InvalidInput, NotFound
from services.journal.kinds import (
    ACCOUNT_STATES,
    ALLOWED_MOVES,
    STATEMENTS,
    AccountKind,
    AccountRef,
    CommodityClass,
    EntryKind,
    may_move,
    site_account,
)
from services.journal.models import Entry
from services.journal.post import (
    MAX_QUANTITY,
    AlreadyReversed,
    EntryIdReused,
    InsufficientStock,
    post,
    register_commodity,
    reverse,
)
from services.journal.read import find_entry, holdings, moves_of_lots, totals
from services.journal.record import Draft, NewLot, NewMove
from services.journal.verify import check_journal
from tests.journal.drafts import DONOR, KEPT, ROAD, SHELF, draft, gift, reservation
from tests.world import NOW, stock

TABLES = ("account", "lot", "entry", "move", "balance", "leaf", "entry_secret")


def counts(session: Session) -> dict[str, int]:
    connection = session.connection()
    return {
        table: connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
        for table in TABLES
    }


def standing(session: Session, account: AccountRef, lot_id: UUID) -> int:
    held = holdings(session, holder=account.holder, lot_ids=[lot_id])
    return sum(one.quantity for one in held if one.account == str(account))


def test_an_entry_moves_between_two_accounts(session: Session) -> None:
    lot = stock(session)
    posted = post(session, reservation(lot, 300))
    assert posted.created
    assert (standing(session, SHELF, lot), standing(session, KEPT, lot)) == (700, 300)
    traced = moves_of_lots(session, [lot])
    assert [(one.source, one.target, one.quantity) for one in traced] == [
        (str(DONOR), str(SHELF), 1000),
        (str(SHELF), str(KEPT), 300),
    ]


def test_posting_an_entry_again_writes_nothing(session: Session) -> None:
    lot = stock(session)
    first = reservation(lot, 1000)
    entry = post(session, first).entry
    before = counts(session)
    again = post(session, first)
    assert not again.created
    assert again.entry.digest == entry.digest
    assert counts(session) == before
    assert standing(session, KEPT, lot) == 1000


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "organisation:OTHER"},
        {"document": "plan:2"},
        {"facts": {"note": "other"}},
        {"occurred_at": NOW - timedelta(seconds=1)},
        {"concealed": {"name": "someone"}},
    ],
)
def test_an_id_stands_for_one_content_only(session: Session, changes: dict[str, Any]) -> None:
    lot, entry_id = stock(session), uuid4()
    post(session, reservation(lot, 5, id=entry_id))
    before = counts(session)
    with pytest.raises(EntryIdReused):
        post(session, reservation(lot, 5, id=entry_id, **changes))
    with pytest.raises(EntryIdReused):
        post(session, reservation(lot, 6, id=entry_id))
    assert counts(session) == before


@pytest.mark.parametrize("quantity", [0, -1, MAX_QUANTITY + 1, 10**400, 2.5, True, "5"])
def test_a_quantity_that_can_not_be_is_refused(session: Session, quantity: Any) -> None:
    lot = stock(session)
    with pytest.raises(InvalidInput) as refused:
        post(session, reservation(lot, quantity))
    assert refused.value.field == "moves[1].quantity"
    assert refused.value.mend


TOMORROW = datetime.now(UTC) + timedelta(days=1)


def to_account(lot_id: UUID, target: AccountRef) -> Draft:
    return draft(EntryKind.RESERVE, NewMove(lot_id, SHELF, target, 5))


BAD: list[tuple[Callable[[UUID], Draft], type[DomainError]]] = [
    (lambda lot: reservation(lot, 5, occurred_at=TOMORROW), InvalidInput),
    (lambda lot: reservation(lot, 5, occurred_at=datetime(2020, 2, 3)), InvalidInput),  # noqa: DTZ001
    (lambda lot: reservation(uuid4(), 5), NotFound),
    (lambda lot: draft(EntryKind.RESERVE, NewMove(lot, SHELF, SHELF, 5)), InvalidInput),
    (lambda lot: draft(EntryKind.RESERVE), InvalidInput),
    (lambda lot: draft(EntryKind.SNAPSHOT, NewMove(lot, SHELF, KEPT, 5)), InvalidInput),
    (lambda lot: reservation(lot, 5, lots=[NewLot(uuid4(), "gloves", "x")]), InvalidInput),
    (lambda lot: reservation(lot, 5, document="e\u0301"), InvalidInput),
    (lambda lot: reservation(lot, 5, document="\ud800"), InvalidInput),
    (lambda lot: reservation(lot, 5, facts={"share": 0.5}), InvalidInput),
    (lambda lot: reservation(lot, 5, concealed={"name": "e\u0301"}), InvalidInput),
    (gift, EntryIdReused),
    (lambda lot: gift(uuid4(), item="unobtainium"), NotFound),
    (lambda lot: reservation(lot, 1001), InsufficientStock),
    (
        lambda lot: draft(
            EntryKind.RESERVE, NewMove(lot, SHELF, KEPT, 600), NewMove(lot, SHELF, KEPT, 600)
        ),
        InsufficientStock,
    ),
    (lambda lot: to_account(lot, AccountRef("moon:1", "available")), InvalidInput),
    (lambda lot: to_account(lot, site_account("W1", "reserved", "a b")), InvalidInput),
    (lambda lot: to_account(lot, site_account("W2", "reserved")), InvalidInput),
    (lambda lot: draft(EntryKind.REVERSE, NewMove(lot, SHELF, DONOR, 5)), InvalidInput),
]


@pytest.mark.parametrize(("bad", "error"), BAD)
def test_a_refused_entry_leaves_nothing_behind(
    database: Database, bad: Callable[[UUID], Draft], error: type[DomainError]
) -> None:
    with database.transaction() as session:
        lot = stock(session)
        post(session, reservation(lot, 0 + 1))
        before = counts(session)
        with pytest.raises(error) as refused:
            post(session, bad(lot))
        # The caller goes on, and commits: what was refused isn't there.
        assert counts(session) == before
        assert refused.value.problem()["status"] in {404, 409, 422}
    with database.transaction() as session:
        assert counts(session) == before
        assert standing(session, SHELF, lot) == 999
    with database.transaction() as session:
        assert list(check_journal(session)) == []


def test_a_refusal_halfway_through_takes_back_the_first_half(session: Session) -> None:
    lots = [stock(session, key="a"), stock(session, key="b")]
    new = uuid4()
    before = counts(session)
    moves = [NewMove(lots[0], SHELF, KEPT, 1000), NewMove(lots[1], SHELF, KEPT, 1001)]
    with pytest.raises(InsufficientStock) as refused:
        post(session, draft(EntryKind.RESERVE, *moves, concealed={"x": "y"}, id=new))
    assert refused.value.extra["available"] == 1000
    assert refused.value.extra["lot_id"] == str(lots[1])
    assert counts(session) == before
    assert find_entry(session, new) is None
    assert standing(session, SHELF, lots[0]) == 1000


def test_what_leaves_and_comes_back_in_one_entry_needs_only_the_difference(
    session: Session,
) -> None:
    lot = stock(session)
    aside = site_account("W1", "quarantine")
    moves = [NewMove(lot, SHELF, aside, 1000), NewMove(lot, aside, SHELF, 400)]
    post(session, draft(EntryKind.RECLASSIFY, *moves))
    assert (standing(session, SHELF, lot), standing(session, aside, lot)) == (400, 600)


ACCOUNTS = [
    AccountRef(f"{holder}:{'1' if holder != 'site' else 'W1'}", state)
    for holder, state in ACCOUNT_STATES
]


@pytest.mark.parametrize("kind", sorted(set(EntryKind) - STATEMENTS - {EntryKind.REVERSE}))
def test_no_kind_moves_between_accounts_outside_its_own(session: Session, kind: EntryKind) -> None:
    lot = stock(session)
    tried = 0
    for source in ACCOUNTS:
        for target in ACCOUNTS:
            if source == target or (source.kind, target.kind) in ALLOWED_MOVES[kind]:
                continue
            with pytest.raises(InvalidInput):
                post(session, draft(kind, NewMove(lot, source, target, 1)))
            tried += 1
    assert tried > 200
    assert counts(session)["entry"] == 1


def test_every_kind_of_account_has_a_state_and_a_way_in() -> None:
    assert set(ACCOUNT_STATES.values()) == set(AccountKind)
    assert may_move(EntryKind.RESERVE, SHELF, KEPT)
    assert not may_move(EntryKind.RESERVE, SHELF, site_account("W2", "reserved"))
    assert not may_move(EntryKind.LOSE, ROAD, AccountRef("shipment:2", "lost"))


@pytest.mark.parametrize(
    "code", ["site:W1", "site/available", "site:W1/flying", "site:W 1/available", "site:W1/a/", ""]
)
def test_what_is_no_account_code_is_not_read_as_one(code: str) -> None:
    with pytest.raises(ValueError, match="account"):
        AccountRef.parse(code)


def test_a_reversal_takes_an_entry_back_once(session: Session) -> None:
    lot = stock(session)
    wrong = post(session, reservation(lot, 300)).entry
    reversal = uuid4()
    for created in (True, False):
        posted = reverse(
            session, wrong.id, reversal_id=reversal, actor="organisation:RELIEF", reason="slip"
        )
        assert posted.created is created
        assert b"slip" not in posted.entry.body
    assert (standing(session, SHELF, lot), standing(session, KEPT, lot)) == (1000, 0)
    with pytest.raises(AlreadyReversed):
        reverse(session, wrong.id, reversal_id=uuid4(), actor="organisation:RELIEF", reason="slip")
    with pytest.raises(InvalidInput):
        reverse(session, reversal, reversal_id=uuid4(), actor="organisation:RELIEF", reason="slip")
    with pytest.raises(NotFound):
        reverse(session, uuid4(), reversal_id=uuid4(), actor="organisation:RELIEF", reason="slip")


def test_what_has_moved_on_can_not_be_taken_back(session: Session) -> None:
    lot = stock(session)
    kept = post(session, reservation(lot, 300)).entry
    post(session, draft(EntryKind.DISPATCH, NewMove(lot, KEPT, ROAD, 1)))
    before = counts(session)
    with pytest.raises(InsufficientStock):
        reverse(session, kept.id, reversal_id=uuid4(), actor="organisation:RELIEF", reason="late")
    assert counts(session) == before


@pytest.mark.parametrize("quantity", [299, 301])
def test_a_reversal_that_is_not_the_exact_opposite_is_refused(
    session: Session, quantity: int
) -> None:
    lot = stock(session)
    entry = post(session, reservation(lot, 300)).entry
    partial = draft(EntryKind.REVERSE, NewMove(lot, KEPT, SHELF, quantity), reverses=entry.id)
    with pytest.raises(InvalidInput):
        post(session, partial)
    with pytest.raises(InvalidInput):
        post(session, reservation(lot, 5, reverses=entry.id))


def test_as_of_a_moment_the_journal_reads_as_it_then_was(session: Session) -> None:
    lot = stock(session)
    post(session, reservation(lot, 300, occurred_at=NOW + timedelta(days=2)))
    post(session, reservation(lot, 50, occurred_at=NOW + timedelta(days=1)))
    shelf = ("gloves", AccountKind.SITE, "site:W1", "available")
    days = [totals(session, at=NOW + timedelta(days=day)).get(shelf) for day in (-1, 0, 1, 2)]
    assert days == [None, 1000, 950, 650]
    assert totals(session)[shelf] == 650
    assert totals(session) == totals(session, at=NOW + timedelta(days=2))


def test_a_commodity_is_registered_once_and_keeps_its_unit(session: Session) -> None:
    for _ in range(2):
        register_commodity(session, "saline", CommodityClass.GOODS, "bag")
    with pytest.raises(Conflict):
        register_commodity(session, "saline", CommodityClass.GOODS, "bottle")
    post(session, gift(uuid4(), item="saline"))


def test_nothing_leaves_before_it_came(session: Session) -> None:
    lot = stock(session)
    with pytest.raises(InvalidInput, match="came in at"):
        post(session, reservation(lot, 5, occurred_at=NOW - timedelta(seconds=1)))
    post(session, reservation(lot, 5, occurred_at=NOW))


def test_what_is_written_later_is_recorded_later_whichever_clock_wrote_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Behind(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) - timedelta(hours=1)

    first = stock(session, key="first")
    monkeypatch.setattr("services.journal.post.datetime", Behind)
    second = stock(session, key="second")
    times = [session.get_one(Entry, uuid5(lot, "entry")).recorded_at for lot in (first, second)]
    assert times[0] < times[1] < times[0] + timedelta(seconds=1)
