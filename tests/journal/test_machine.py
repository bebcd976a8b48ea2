"""Any sequence of entries, against a model that is a dictionary: they never come apart."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.database import Database
from services.journal.kinds import OVERDRAWN, AccountRef, EntryKind, site_account
from services.journal.post import AlreadyReversed, EntryIdReused, InsufficientStock, post, reverse
from services.journal.read import entry_count, holdings, totals
from services.journal.record import Draft, NewLot, NewMove
from services.journal.seal import seal, tree_size
from services.journal.verify import check_journal
from tests.journal.drafts import DONOR, draft
from tests.world import NOW

SITES = ("W1", "W2")
ITEMS = ("gloves", "n95_respirator")
Account = tuple[str, UUID]


@dataclass
class Known:
    """An entry as the model holds it."""

    draft: Draft
    reversed: bool = False


def shelf(site: str) -> AccountRef:
    return site_account(site, "available")


def kept(site: str) -> AccountRef:
    return site_account(site, "reserved", "need:1")


def road(site: str) -> AccountRef:
    return AccountRef(f"shipment:from-{site}", "in_transit", "need:1")


# kind: between which two accounts of one site's chain it moves.
STEPS: dict[EntryKind, Any] = {
    EntryKind.RESERVE: lambda site: (shelf(site), kept(site)),
    EntryKind.RELEASE: lambda site: (kept(site), shelf(site)),
    EntryKind.DISPATCH: lambda site: (kept(site), road(site)),
    EntryKind.DISBURSE_GOODS: lambda site: (road(site), site_account("H1", "received", "need:1")),
    EntryKind.REJECT: lambda site: (road(site), site_account("H1", "rejected")),
    EntryKind.LOSE: lambda site: (road(site), AccountRef(f"shipment:from-{site}", "lost")),
    EntryKind.ADJUST: lambda site: (shelf(site), site_account(site, "adjusted")),
}
QUANTITIES = st.integers(1, 60)
HOURS = st.integers(0, 72)


class JournalMachine(RuleBasedStateMachine):
    """post() and reverse() beside a model of moves in a list."""

    database: Database
    lots = Bundle("lots")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[UUID, Known] = {}
        self.lot_item: dict[UUID, str] = {}
        # Every run begins with an empty journal, whatever the run before it left.
        with self.database.engine.begin() as connection:
            connection.exec_driver_sql("SET session_replication_role = replica")
            connection.exec_driver_sql(
                "DELETE FROM leaf; DELETE FROM move; DELETE FROM balance; DELETE FROM lot; "
                "DELETE FROM account; DELETE FROM entry_secret; DELETE FROM entry"
            )
            connection.exec_driver_sql("SET session_replication_role = origin")

    def balances(self, until: datetime | None = None) -> Counter[Account]:
        found: Counter[Account] = Counter()
        for known in self.known.values():
            if until is None or known.draft.occurred_at <= until:
                for move in known.draft.moves:
                    found[str(move.target), move.lot_id] += move.quantity
                    found[str(move.source), move.lot_id] -= move.quantity
        return found

    def can(self, moves: list[NewMove]) -> bool:
        after = self.balances()
        touched = set()
        for move in moves:
            after[str(move.target), move.lot_id] += move.quantity
            after[str(move.source), move.lot_id] -= move.quantity
            touched |= {(move.source, move.lot_id), (move.target, move.lot_id)}
        return all(ref.kind in OVERDRAWN or after[str(ref), lot] >= 0 for ref, lot in touched)

    def try_post(self, entry: Draft) -> None:
        possible = self.can(list(entry.moves))
        try:
            with self.database.transaction() as session:
                assert post(session, entry).created
        except InsufficientStock:
            assert not possible
        else:
            assert possible
            self.known[entry.id] = Known(entry)

    @rule(target=lots, site=st.sampled_from(SITES), item=st.sampled_from(ITEMS), many=QUANTITIES)
    def receive(self, site: str, item: str, many: int) -> UUID:
        lot_id = uuid4()
        self.lot_item[lot_id] = item
        lot = NewLot(lot_id, item, f"donation:{lot_id}/line:1")
        move = NewMove(lot_id, DONOR, shelf(site), many)
        self.try_post(draft(EntryKind.RECEIVE_DONATION, move, lots=[lot]))
        return lot_id

    @rule(
        lot=lots,
        kind=st.sampled_from(sorted(STEPS)),
        site=st.sampled_from(SITES),
        many=QUANTITIES,
        hours=HOURS,
    )
    def step(self, lot: UUID, kind: EntryKind, site: str, many: int, hours: int) -> None:
        source, target = STEPS[kind](site)
        moment = NOW + timedelta(hours=hours)
        self.try_post(draft(kind, NewMove(lot, source, target, many), occurred_at=moment))

    @rule(lot=lots, site=st.sampled_from(SITES), many=QUANTITIES)
    def count_more(self, lot: UUID, site: str, many: int) -> None:
        move = NewMove(lot, site_account(site, "adjusted"), shelf(site), many)
        self.try_post(draft(EntryKind.ADJUST, move))

    @rule(first=lots, second=lots, site=st.sampled_from(SITES), many=QUANTITIES)
    def reserve_two_as_one(self, first: UUID, second: UUID, site: str, many: int) -> None:
        moves = [NewMove(lot, shelf(site), kept(site), many) for lot in (first, second)]
        self.try_post(draft(EntryKind.RESERVE, *moves))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(list(self.known.values())))
        if old.draft.kind is EntryKind.REVERSE:
            return
        with self.database.transaction() as session:
            assert not post(session, old.draft).created

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def reuse_an_id(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(list(self.known.values())))
        with (
            pytest.raises(EntryIdReused),
            self.database.transaction() as session,
        ):
            post(session, replace(old.draft, facts={"note": "something else"}))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        originals = [k for k in self.known.values() if k.draft.kind is not EntryKind.REVERSE]
        old = data.draw(st.sampled_from(originals))
        opposite = [NewMove(m.lot_id, m.target, m.source, m.quantity) for m in old.draft.moves]
        possible = self.can(opposite) and not old.reversed
        reversal = replace(
            old.draft,
            id=uuid4(),
            kind=EntryKind.REVERSE,
            moves=opposite,
            lots=(),
            reverses=old.draft.id,
            facts={},
            concealed={"reason": "slip"},
        )
        try:
            with self.database.transaction() as session:
                reverse(
                    session,
                    old.draft.id,
                    reversal_id=reversal.id,
                    actor=reversal.actor,
                    reason="slip",
                )
        except (InsufficientStock, AlreadyReversed):
            assert not possible
        else:
            assert possible
            old.reversed = True
            self.known[reversal.id] = Known(reversal)

    @rule()
    def seal_some(self) -> None:
        with self.database.transaction() as session:
            seal(session, limit=3)
            assert tree_size(session) <= len(self.known)

    @invariant()
    def what_stands_is_what_the_model_says(self) -> None:
        with self.database.transaction() as session:
            held = {(one.account, one.lot_id): one.quantity for one in holdings(session)}
            assert entry_count(session) == len(self.known)
        model = self.balances()
        assert held == {key: quantity for key, quantity in model.items() if quantity > 0}
        negative = [code for (code, _), quantity in model.items() if quantity < 0]
        assert all(AccountRef.parse(code).kind in OVERDRAWN for code in negative)

    @rule(hours=HOURS)
    def as_of_reads_what_the_model_held(self, hours: int) -> None:
        moment = NOW + timedelta(hours=hours)
        model: Counter[tuple[str, str, str, str]] = Counter()
        for (code, lot), quantity in self.balances(moment).items():
            ref = AccountRef.parse(code)
            model[self.lot_item[lot], ref.kind, ref.holder, ref.state] += quantity
        with self.database.transaction() as session:
            assert totals(session, at=moment) == {k: v for k, v in model.items() if v}

    def teardown(self) -> None:
        with self.database.transaction() as session:
            assert list(check_journal(session)) == []
            assert sum(totals(session).values()) == 0


def test_the_journal_and_its_model_never_come_apart(database: Database) -> None:
    machine = type("Machine", (JournalMachine,), {"database": database})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
