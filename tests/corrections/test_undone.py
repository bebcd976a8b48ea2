"""Whatever was done, taken back in reverse order it leaves every balance as it was."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from services.capacity.schemas import ProductionIn
from services.capacity.service import report_production
from services.corrections.rules import Instead, rule_of
from services.corrections.schemas import CorrectIn
from services.corrections.service import MovedOn, correct
from services.database import Database
from services.donations import committing, funds, receiving, refunding, service
from services.donations.money_schemas import CommitmentIn, RefundIn, ReleaseIn
from services.donations.receiving_schemas import ReceiveIn
from services.donations.schemas import GoodsIn, MoneyIn, PaymentIn, PurchaseIn
from services.errors import DomainError
from services.inventory import acts, counting
from services.inventory.act_schemas import LossIn, RepackIn, SortIn
from services.inventory.schemas import CountIn
from services.journal.kinds import EntryKind
from services.journal.models import Entry
from services.journal.read import holdings
from services.journal.reversals import reversals_of
from services.journal.verify import check_journal
from services.parties.models import Role
from services.parties.service import Actor
from tests.world import user_id

START = datetime(2020, 2, 1, tzinfo=UTC)
ACTS = (
    *("gift", "money", "output", "buy", "pay", "commit", "release", "refund"),
    *("sort", "damage", "lose", "repack", "count", "correct"),
)
DONE: Counter[str] = Counter()
# One of each, such that all go through.
ALL = [
    *(("gift", 40, 1), ("money", 40, 1), ("output", 5, 1), ("buy", 5, 1), ("pay", 20, 1)),
    *(("commit", 20, 1), ("refund", 2, 0), ("release", 2, 0), ("sort", 30, 0), ("damage", 2, 0)),
    *(("lose", 1, 0), ("repack", 3, 0), ("count", 3, 0), ("correct", 1, 0)),
]
steps = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(1, 40), st.integers(0, 9)),
    min_size=8,
    max_size=24,
)


class Desks:
    """Does one act after another on the services; what is refused leaves nothing behind."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.actor = Actor(user_id("admin"), "admin", Role.ADMIN, "RELIEF")
        self.now = START

    def do(self, act: str, many: int, which: int) -> None:
        self.now += timedelta(hours=1)
        body = {"id": uuid4(), "reason": "as it was", "purpose": "as it was"}
        try:
            with self.session.begin_nested():
                getattr(self, act)(body, many, which)
        except DomainError:
            return
        DONE[act] += 1

    def gift(self, body: Any, many: int, which: int) -> None:
        line = {"item": "gloves", "quantity": many}
        told = GoodsIn(
            id=body["id"], kind="goods", donor="DONOR1", site="W1", given_at=self.now, lines=[line]
        )
        self.taken(told, which)

    def money(self, body: Any, many: int, which: int) -> None:
        told = MoneyIn(
            id=body["id"],
            kind="money",
            donor="DONOR1",
            fund="RELIEF-CNY",
            amount_minor=many * 10,
            given_at=self.now,
        )
        self.taken(told, which)

    def taken(self, told: GoodsIn | MoneyIn, which: int) -> None:
        service.pledge(self.session, self.actor, told)
        came = ReceiveIn(occurred_at=self.now)
        receiving.receive(self.session, self.actor, told.id, came)
        if which % 3 == 0:  # counted wrong: taken back and counted again
            correct(
                self.session,
                self.actor,
                self.newest().id,
                CorrectIn(id=uuid4(), reason="counted wrong"),
            )
            receiving.receive(self.session, self.actor, told.id, came)

    def output(self, body: Any, many: int, which: int) -> None:
        day = self.now.date()
        told = ProductionIn(
            id=body["id"], site="F1", item="gloves", day=day, quantity=many, unit="piece",
            batch="B", produced_on=day,
        )  # fmt: skip
        report_production(self.session, self.actor, told)

    def buy(self, body: Any, many: int, which: int) -> None:
        told = PurchaseIn(
            id=body["id"], fund="RELIEF-CNY", supplier="SUPP1", site="W1", bought_at=self.now,
            item="gloves", quantity=many, unit="piece", price_minor=many,
        )  # fmt: skip
        funds.purchase(self.session, self.actor, told)

    def pay(self, body: Any, many: int, which: int) -> None:
        told = PaymentIn(
            id=body["id"], fund="RELIEF-CNY", payee="CARR1", amount_minor=many,
            purpose="freight", paid_at=self.now,
        )  # fmt: skip
        funds.pay(self.session, self.actor, told)

    def commit(self, body: Any, many: int, which: int) -> None:
        told = CommitmentIn(
            id=body["id"], fund="RELIEF-CNY", payee="CARR1", amount_minor=many,
            purpose="freight", committed_at=self.now,
        )  # fmt: skip
        committing.commit_money(self.session, self.actor, told)

    def release(self, body: Any, many: int, which: int) -> None:
        of = self.pick(which, EntryKind.COMMIT_MONEY)
        told = ReleaseIn(id=body["id"], amount_minor=many, purpose="less", released_at=self.now)
        committing.release(self.session, self.actor, of.id, told)

    def refund(self, body: Any, many: int, which: int) -> None:
        of = self.pick(which, EntryKind.DISBURSE_MONEY)
        told = RefundIn(
            id=body["id"], of="payment", subject=of.id, amount_minor=many, purpose="too much",
            refunded_at=self.now,
        )  # fmt: skip
        refunding.refund(self.session, self.actor, told)

    def sort(self, body: Any, many: int, which: int) -> None:
        many = 1 + many // 3
        more = {"taken_from": "available", "put_to": "damaged"}
        acts.sort_lot(self.session, self.actor, SortIn(**self.lot_act(body, many, which), **more))

    def lose(self, body: Any, many: int, which: int) -> None:
        told = self.lot_act(body, 1 + many % 3, which)
        lost = LossIn(**told, taken_from="available", cause="other")
        acts.write_off(self.session, self.actor, lost)

    def damage(self, body: Any, many: int, which: int) -> None:
        told = self.lot_act(body, 1 + many % 3, which, "damaged")
        lost = LossIn(**told, taken_from="damaged", cause="breakage")
        acts.write_off(self.session, self.actor, lost)

    def repack(self, body: Any, many: int, which: int) -> None:
        told = RepackIn(**self.lot_act(body, many, which), into=[1, many])
        acts.repack(self.session, self.actor, told.model_copy(update={"quantity": many + 1}))

    def count(self, body: Any, many: int, which: int) -> None:
        told = self.lot_act(body, many, which)
        told["counted"] = told.pop("quantity") % 4
        counted, _ = counting.count(self.session, self.actor, CountIn(**told, item="gloves"))
        if counted.entry_id is None:
            # It stands, and posted nothing that could be taken back: counts before it stand too.
            raise DomainError("it agreed with the books")

    def correct(self, body: Any, many: int, which: int) -> None:
        """In the midst of it, something that may have moved on long since."""
        standing = self.standing()
        entry = standing[which % len(standing)] if standing else None
        if entry is not None:
            correct(self.session, self.actor, entry.id, CorrectIn(id=uuid4(), reason="as it was"))

    def lot_act(self, body: Any, many: int, which: int, state: str = "available") -> dict[str, Any]:
        found = holdings(self.session, holder="site:W1", state=state)
        held = sorted(found, key=lambda each: -each.quantity)
        lot = held[which % len(held)].lot_id if held else uuid4()
        return {
            "id": body["id"], "site": "W1", "lot_id": lot, "quantity": many,
            "occurred_at": self.now, "reason": "as it was",
        }  # fmt: skip

    def pick(self, which: int, kind: EntryKind) -> Entry:
        found = [entry for entry in self.standing() if entry.kind is kind]
        if not found:
            raise DomainError("nothing of it")
        return found[which % len(found)]

    def newest(self) -> Entry:
        return self.standing()[0]

    def standing(self) -> list[Entry]:
        """What isn't taken back and could be, the newest first."""
        order = (col(Entry.recorded_at).desc(), col(Entry.id))
        found = list(self.session.exec(select(Entry).order_by(*order)))
        undone = reversals_of(self.session, [entry.id for entry in found])
        return [
            entry
            for entry in found
            if entry.id not in undone and not isinstance(rule_of(entry), Instead)
        ]

    def balances(self) -> dict[tuple[str, UUID], int]:
        held = holdings(self.session, above_zero=False)
        return {(each.account, each.lot_id): each.quantity for each in held}


@pytest.mark.parametrize("examples", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_everything_taken_back_leaves_nothing(database: Database, examples: int) -> None:
    DONE.clear()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @example(ALL)
    @given(steps)
    def undo_all(done: list[tuple[str, int, int]]) -> None:
        with database.transaction() as session:
            desks = Desks(session)
            for act in done:
                desks.do(*act)
            # The newest first never stands in anybody's way.
            for entry in desks.standing():
                correct(session, desks.actor, entry.id, CorrectIn(id=uuid4(), reason="as it was"))
            assert desks.balances() == {}

    undo_all()
    with database.transaction() as session:
        assert list(check_journal(session)) == []
    assert set(DONE) == set(ACTS), "each act went through at least once"


def test_the_oldest_first_is_told_what_stands_in_the_way(database: Database) -> None:
    with database.transaction() as session:
        desks = Desks(session)
        for act in (("gift", 30, 1), ("sort", 15, 0), ("damage", 5, 0)):
            desks.do(*act)
        lost, sorted_out, gift = desks.standing()
        for entry, chain in ((gift, [lost, sorted_out]), (sorted_out, [lost])):
            try:
                correct(session, desks.actor, entry.id, CorrectIn(id=uuid4(), reason="as it was"))
            except MovedOn as refusal:
                told = [each["entry_id"] for each in refusal.extra["in_the_way"]]
                assert told == [str(each.id) for each in chain]
            else:
                raise AssertionError("it had moved on")
