"""What is recalled or has expired is neither picked nor handed on, by any kind of entry."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from services.database import Database
from services.errors import DomainError, InvalidInput, NotFound
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.post import LotExpired, LotRecalled, post, reverse
from services.journal.record import Draft, NewLot, NewMove
from services.journal.stops import NotStopped, RecallIncomplete, stopped_lots
from services.journal.verify import check_journal
from tests.journal.drafts import BEDSIDE, DONOR, KEPT, ROAD, SHELF, draft, gift, reservation

E = EntryKind
EXPIRES = date(2020, 3, 1)
BEFORE = datetime(2020, 2, 29, 15, 59, tzinfo=UTC)  # 23:59 in Wuhan
ON_THE_DAY = datetime(2020, 2, 29, 16, 0, tzinfo=UTC)  # midnight there
USED = site_account("H1", "consumed")
CONVERTED = site_account("W1", "converted")


def a_lot(session: Session, batch: str | None = "B7", expires: date | None = EXPIRES) -> UUID:
    """A lot of which 100 pieces stand in each state that a lot gets to."""
    lot = uuid4()
    new = NewLot(lot, "gloves", f"donation:{lot}/line:1", batch, None, expires)
    post(session, gift(lot, lots=[new]))
    post(session, reservation(lot, 700))
    post(session, draft(E.DISPATCH, NewMove(lot, KEPT, ROAD, 600)))
    post(session, draft(E.DISBURSE_GOODS, NewMove(lot, ROAD, BEDSIDE, 300)))
    for state in ("quarantine", "on_hold", "damaged"):
        to = site_account("W1", state)
        post(session, draft(E.RECLASSIFY, NewMove(lot, SHELF, to, 50)))
    return lot


def recall(*lots: UUID, batches: Any = ()) -> Draft:
    return draft(E.RECALL_OPENED, facts={"lots": [str(lot) for lot in lots], "batches": batches})


def lift(recalled: Draft) -> Draft:
    return draft(E.RECALL_LIFTED, facts={"lifts": str(recalled.id)})


def state(name: str) -> AccountRef:
    return site_account("W1", name)


# Every way into use or onto a shelf.
PICKS: dict[str, tuple[EntryKind, AccountRef, AccountRef]] = {
    "reserve": (E.RESERVE, SHELF, KEPT),
    "dispatch": (E.DISPATCH, KEPT, ROAD),
    "disburse": (E.DISBURSE_GOODS, ROAD, BEDSIDE),
    "consume": (E.CONSUME, BEDSIDE, USED),
    "hand out what came": (E.HAND_OUT, BEDSIDE, USED),
    "hand out from the shelf": (E.HAND_OUT, SHELF, site_account("W1", "consumed")),
    "give back": (E.GIVE_BACK, BEDSIDE, site_account("H1", "available")),
    "receive a transfer": (E.RECEIVE_TRANSFER, ROAD, site_account("W2", "available")),
    "out of quarantine": (E.RECLASSIFY, state("quarantine"), SHELF),
    "off hold": (E.RECLASSIFY, state("on_hold"), SHELF),
    "mended": (E.RECLASSIFY, state("damaged"), SHELF),
}


@pytest.mark.parametrize("name", PICKS)
def test_an_expired_lot_goes_no_way_into_use(session: Session, name: str) -> None:
    kind, source, target = PICKS[name]
    lot = a_lot(session)
    with pytest.raises(LotExpired) as refused:
        post(session, draft(kind, NewMove(lot, source, target, 1), occurred_at=ON_THE_DAY))
    problem = refused.value.problem()
    assert problem["errors"][0]["field"] == "lot_id"
    assert problem["errors"][0]["mend"]
    # By the world's clock: the day before, it was good.
    assert post(session, draft(kind, NewMove(lot, source, target, 1), occurred_at=BEFORE)).created


@pytest.mark.parametrize("name", [*PICKS, "release", "count it again"])
@pytest.mark.parametrize("by_batch", [False, True])
def test_a_recalled_lot_goes_no_way_into_use(session: Session, name: str, by_batch: bool) -> None:
    more = {
        "release": (E.RELEASE, KEPT, SHELF),
        "count it again": (E.ADJUST, state("adjusted"), SHELF),
    }
    kind, source, target = (PICKS | more)[name]
    lot, other = a_lot(session), a_lot(session, batch="B8")
    opened = recall(batches=[{"commodity": "gloves", "batch": "B7"}]) if by_batch else recall(lot)
    post(session, opened)
    assert stopped_lots(session, [lot, other]).keys() == {lot}
    with pytest.raises(LotRecalled) as refused:
        post(session, draft(kind, NewMove(lot, source, target, 1)))
    assert refused.value.extra["recall"] == str(opened.id)
    assert post(session, draft(kind, NewMove(other, source, target, 1))).created
    post(session, lift(opened))
    assert post(session, draft(kind, NewMove(lot, source, target, 1))).created


def test_what_expired_may_still_be_put_away_counted_and_thrown_away(session: Session) -> None:
    lot = a_lot(session)
    for kind, source, target in (
        (E.RELEASE, KEPT, SHELF),
        (E.RECLASSIFY, SHELF, state("expired")),
        (E.GIVE_BACK, BEDSIDE, site_account("H1", "expired")),
        (E.RECEIVE_TRANSFER, ROAD, site_account("W2", "quarantine")),
        (E.LOSE, state("expired"), state("lost")),
        (E.ADJUST, SHELF, state("adjusted")),
    ):
        post(session, draft(kind, NewMove(lot, source, target, 1), occurred_at=ON_THE_DAY))
    for name in ("available", "quarantine", "damaged"):
        with pytest.raises(InvalidInput):
            post(session, draft(E.RECLASSIFY, NewMove(lot, state("expired"), state(name), 1)))


def test_what_is_recalled_is_gathered_destroyed_or_looked_at_after_the_lifting(
    session: Session,
) -> None:
    lot = a_lot(session)
    opened = recall(lot)
    post(session, opened)
    kept = state("recalled")
    arrived = NewMove(lot, ROAD, site_account("H1", "recalled"), 5)
    gathered = draft(
        E.RECALL, NewMove(lot, SHELF, kept, 5), NewMove(lot, state("damaged"), kept, 5), arrived
    )
    post(session, gathered)
    post(session, draft(E.LOSE, NewMove(lot, kept, state("lost"), 1)))
    to_look_at = draft(E.RECLASSIFY, NewMove(lot, kept, state("quarantine"), 1))
    with pytest.raises(LotRecalled):
        post(session, to_look_at)
    with pytest.raises(InvalidInput):
        post(session, draft(E.RECLASSIFY, NewMove(lot, kept, SHELF, 1)))
    with pytest.raises(LotRecalled):
        reverse(session, gathered.id, reversal_id=uuid4(), actor="organisation:RELIEF", reason="no")
    post(session, lift(opened))
    assert post(session, to_look_at).created


def test_a_repeated_act_from_before_the_recall_is_the_first_one(session: Session) -> None:
    lot = a_lot(session)
    act = reservation(lot, 1)
    assert post(session, act).created
    post(session, recall(lot))
    assert not post(session, act).created


def test_what_comes_in_later_of_a_recalled_batch_is_stopped_too(session: Session) -> None:
    post(session, recall(batches=[{"commodity": "gloves", "batch": "B7"}]))
    lot = uuid4()
    new = NewLot(lot, "gloves", "donation:9/line:1", "B7")
    with pytest.raises(LotRecalled):
        post(session, gift(lot, lots=[new]))
    move = NewMove(lot, DONOR, state("quarantine"), 10)
    post(session, draft(E.RECEIVE_DONATION, move, lots=[new]))
    assert stopped_lots(session, [lot])
    other = NewLot(uuid4(), "n95_respirator", "donation:9/line:2", "B7")
    assert post(session, gift(other.id, lots=[other])).created


def repack(lot: UUID, quantity: int, *packed: int, **changes: Any) -> tuple[Draft, list[NewLot]]:
    told: dict[str, Any] = {"commodity": "gloves", "batch": "B7", "expires_on": EXPIRES} | changes
    new = [NewLot(uuid4(), origin=f"repack:1/line:{n}", **told) for n, _ in enumerate(packed, 1)]
    moves = [NewMove(lot, SHELF, CONVERTED, quantity)]
    moves += [NewMove(n.id, CONVERTED, SHELF, q) for n, q in zip(new, packed, strict=True)]
    return draft(E.REPACK, *moves, lots=new), new


def test_a_recall_names_what_was_repacked_of_its_lots(session: Session) -> None:
    lot = a_lot(session)
    first, new = repack(lot, 30, 20, 10)
    post(session, first)
    again, newest = repack(new[0].id, 5, 5)
    post(session, again)
    with pytest.raises(RecallIncomplete):
        post(session, recall(lot, *(each.id for each in new)))
    everything = [lot, *(each.id for each in [*new, *newest])]
    post(session, recall(*everything))
    assert stopped_lots(session, everything).keys() == set(everything)
    late, _ = repack(newest[0].id, 1, 1)
    with pytest.raises(LotRecalled):
        post(session, late)


@pytest.mark.parametrize(
    "change",
    [
        {"commodity": "n95_respirator"},
        {"batch": None},
        {"expires_on": date(2021, 3, 1)},
        {"expires_on": None},
    ],
)
def test_repacking_makes_nothing_else_of_a_lot(session: Session, change: Any) -> None:
    lot = a_lot(session)
    with pytest.raises(InvalidInput):
        post(session, repack(lot, 30, 30, **change)[0])
    for packed in ((31,), (29,), (15, 16)):
        with pytest.raises(InvalidInput):
            post(session, repack(lot, 30, *packed)[0])
    with pytest.raises(LotExpired):
        post(session, Draft(**_fields(repack(lot, 30, 30)[0]) | {"occurred_at": ON_THE_DAY}))


def _fields(one: Draft) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Draft.__slots__}


BAD: list[tuple[Callable[[UUID], Draft], type[DomainError]]] = [
    (lambda _: draft(E.RECALL_OPENED, facts={}), InvalidInput),
    (lambda _: recall(), InvalidInput),
    (lambda _: draft(E.RECALL_OPENED, facts={"lots": ["x"], "batches": []}), InvalidInput),
    (lambda _: draft(E.RECALL_OPENED, facts={"lots": 5, "batches": []}), InvalidInput),
    (lambda lot: recall(lot, batches=["B7"]), InvalidInput),
    (lambda lot: recall(lot, uuid4()), NotFound),
    (lambda _: recall(batches=[{"commodity": "tea", "batch": "B7"}]), NotFound),
    (lambda _: draft(E.RECALL_LIFTED, facts={"lifts": "x"}), InvalidInput),
    (lambda _: draft(E.RECALL_LIFTED, facts={"lifts": str(uuid4())}), NotFound),
]


@pytest.mark.parametrize("bad", BAD)
def test_a_recall_that_can_not_be_is_refused(
    session: Session, bad: tuple[Callable[[UUID], Draft], type[DomainError]]
) -> None:
    make, error = bad
    lot = a_lot(session)
    with pytest.raises(error):
        post(session, make(lot))
    assert not stopped_lots(session, [lot])


def test_a_recall_is_lifted_once(session: Session) -> None:
    lot = a_lot(session)
    first, second = recall(lot), recall(lot)
    for each in (first, second):
        post(session, each)
    lifting = lift(first)
    assert post(session, lifting).created
    assert not post(session, lifting).created
    with pytest.raises(NotStopped):
        post(session, lift(first))
    # The other recall still stands.
    assert stopped_lots(session, [lot])[lot].entry_id == second.id


@pytest.mark.parametrize("trial", range(4))
def test_a_recall_and_a_reservation_at_once_can_not_both_win(
    database: Database, trial: int
) -> None:
    with database.transaction() as session:
        lots = sorted(a_lot(session, batch=None) for _ in range(6))
    barrier = Barrier(8)

    def reserve(lot: UUID) -> bool:
        barrier.wait()
        try:
            with database.transaction() as session:
                post(session, reservation(lot, 1))
        except LotRecalled:
            return False
        return True

    def recall_all(_: int) -> dict[UUID, int]:
        barrier.wait()
        with database.transaction() as session:
            post(session, recall(*(lots if trial % 2 else lots[::-1])))
            return {lot: _reserved(session, lot) for lot in lots}

    with ThreadPoolExecutor(8) as pool:
        reserving = [pool.submit(reserve, lot) for lot in lots]
        recalling = [pool.submit(recall_all, number) for number in range(2)]
        won = {lot: one.result() for lot, one in zip(lots, reserving, strict=True)}
        seen = [one.result() for one in recalling]
    # Whoever reserved did so before the first recall, which saw it and will gather it.
    for lot in lots:
        assert all(each[lot] == 100 + won[lot] for each in seen)


def _reserved(session: Session, lot: UUID) -> int:
    statement = sa.text(
        "SELECT sum(inflow - outflow) FROM balance "
        "WHERE lot_id = :lot AND account LIKE '%/reserved/%'"
    )
    return int(session.connection().execute(statement, {"lot": lot}).scalar_one())


def test_the_check_sees_what_got_past_the_guard(database: Database) -> None:
    with database.transaction() as session:
        lot, past = a_lot(session), a_lot(session, batch="B8")
        opened = recall(lot)
        gathered = [
            NewMove(lot, source, site_account(source.holder.partition(":")[2], "recalled"), many)
            for source, many in ((SHELF, 150), (KEPT, 100), (BEDSIDE, 300))
        ]
        post(session, opened)
        post(session, draft(E.RECALL, *gathered))
    with database.transaction() as session:
        assert list(check_journal(session)) == []
    late = draft(E.RESERVE, NewMove(past, SHELF, KEPT, 1), occurred_at=ON_THE_DAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.journal.post.refuse_stopped", lambda *_: None)
        with database.transaction() as session:
            post(session, late)
            post(session, draft(E.ADJUST, NewMove(lot, state("adjusted"), SHELF, 7)))
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET session_replication_role = replica"))
        connection.execute(
            sa.text("UPDATE lot_stop SET batch = 'B7', commodity = 'gloves', lot_id = NULL")
        )
        connection.execute(sa.text("SET session_replication_role = origin"))
    with database.transaction() as session:
        found = {(each.what, each.where) for each in check_journal(session)}
    assert found == {
        ("expired_move", f"entry {late.id}, line 1"),
        ("recalled_in_use", f"site:W1/available, lot {lot}"),
        ("stop", f"recalls of entry {opened.id}"),
    }
