"""Sealing gives each entry one leaf, densely, in the order of recording."""

from concurrent.futures import ThreadPoolExecutor

from sqlmodel import Session, select

from ledger.merkle import leaf_hash
from services.database import Database
from services.journal.models import Entry, Leaf
from services.journal.post import post
from services.journal.read import entry_count, find_leaf
from services.journal.seal import leaf_hashes_between, seal, tree_size
from services.journal.verify import check_journal
from tests.journal.drafts import reservation
from tests.world import stock


def fill(database: Database, entries: int) -> None:
    with database.transaction() as session:
        lot = stock(session)
        for _ in range(entries - 1):
            post(session, reservation(lot, 1))


def leaves(session: Session) -> list[Leaf]:
    return list(session.exec(select(Leaf).order_by(Leaf.index)))  # type: ignore[arg-type]


def test_entries_are_sealed_in_the_order_of_recording(database: Database) -> None:
    fill(database, 12)
    with database.transaction() as session:
        assert (tree_size(session), entry_count(session)) == (0, 12)
        assert [seal(session, limit=5) for _ in range(4)] == [5, 5, 2, 0]
        assert (tree_size(session), entry_count(session)) == (12, 12)
        entries = session.exec(select(Entry).order_by(Entry.recorded_at))  # type: ignore[arg-type]
        expected = [(i, e.id, leaf_hash(e.body)) for i, e in enumerate(entries)]
        assert [(one.index, one.entry_id, one.leaf_hash) for one in leaves(session)] == expected
        assert leaf_hashes_between(session, 3, 7) == [one[2] for one in expected[3:7]]
        found = find_leaf(session, expected[4][1])
        assert found is not None
        assert found.index == 4


def test_a_later_entry_never_moves_an_earlier_leaf(database: Database) -> None:
    fill(database, 3)
    with database.transaction() as session:
        seal(session)
        before = leaf_hashes_between(session, 0, 3)
    with database.transaction() as session:
        post(session, reservation(stock(session, key="later"), 1))
        seal(session)
        assert leaf_hashes_between(session, 0, 3) == before
        assert tree_size(session) == 5


def test_sealers_at_once_take_turns(database: Database) -> None:
    fill(database, 40)

    def work(_: int) -> int:
        done = 0
        for _ in range(6):
            with database.transaction() as session:
                done += seal(session, limit=4)
        return done

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 40
    with database.transaction() as session:
        sealed = leaves(session)
        assert [leaf.index for leaf in sealed] == list(range(40))
        assert len({leaf.entry_id for leaf in sealed}) == 40
    with database.transaction() as session:
        assert list(check_journal(session)) == []
