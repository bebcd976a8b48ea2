"""After any sequence of acts each fund's money adds up, and nothing is below zero."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from services.database import Database
from services.donations import committing, delivering, funds, orders, receiving, refunding, service
from services.donations.fund_states import FundState, fund_states
from services.donations.money_schemas import (
    AppropriationIn,
    CommitmentIn,
    DeliveryIn,
    MoneyMoveIn,
    OrderCancelIn,
    OrderIn,
    OrderPlaceIn,
    RefundIn,
    ReleaseIn,
)
from services.donations.receiving_schemas import ReceiveIn
from services.donations.schemas import MoneyIn, PaymentIn, PurchaseIn
from services.errors import DomainError
from services.journal.read import entry_count
from services.parties.models import Role
from services.parties.service import Actor
from tests.donations.acts import add_fund
from tests.world import user_id

FUNDS = ("RELIEF-CNY", "OTHER-CNY", "RELIEF-JPY")
START = datetime(2020, 2, 1, tzinfo=UTC)
ACTS = ("gift", "public", "buy", "pay", "commit", "release", "move", "order", "deliver")
MORE = ("cancel", "refund")
# How often each act went through and moved money, over all sequences.
DONE: Counter[str] = Counter()
steps = st.lists(
    st.tuples(
        st.sampled_from(ACTS + MORE),
        st.sampled_from(FUNDS),
        st.integers(1, 60),
        st.integers(0, 40),
        st.sampled_from([None, None, {"kind": "site", "target": "H1"}]),
        st.integers(0, 7),
    ),
    min_size=12,
    max_size=30,
)


class Books:
    """Does one act after another on the services, and remembers what it can come back to."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.actor = Actor(user_id("dispatcher"), "dispatcher", Role.DISPATCHER, "RELIEF")
        self.paid: list[tuple[str, UUID]] = []
        self.commitments: list[UUID] = []
        self.orders: list[UUID] = []
        for fund in FUNDS:
            self.do("gift", fund, 300, 0, None, 0)

    def do(self, act: str, fund: str, amount: int, hour: int, mark: Any, which: int) -> None:
        """An act that may be refused; what is refused leaves nothing behind."""
        base = {"id": uuid4(), "fund": fund, "amount_minor": amount}
        at = START + timedelta(hours=hour)
        try:
            with self.session.begin_nested():
                before = entry_count(self.session)
                getattr(self, f"_{act}")(base, at, mark, which)
                DONE[act] += entry_count(self.session) > before
        except DomainError:
            return

    def _gift(self, base: Any, at: datetime, mark: Any, _which: int) -> None:
        body = MoneyIn(**base, kind="money", donor="DONOR1", given_at=START, earmark=mark)
        service.pledge(self.session, self.actor, body)
        receiving.receive(self.session, self.actor, body.id, ReceiveIn(occurred_at=at))
        self.paid.append(("donation", body.id))

    def _public(self, base: Any, at: datetime, mark: Any, _which: int) -> None:
        told = {"authority": "RELIEF", "purpose": "x", "appropriated_at": at, "earmark": mark}
        committing.appropriate(self.session, self.actor, AppropriationIn(**base, **told))
        self.paid.append(("appropriation", base["id"]))

    def _buy(self, base: Any, at: datetime, mark: Any, _which: int) -> None:
        body = PurchaseIn(
            id=base["id"],
            fund=base["fund"],
            supplier="SUPP1",
            site="W1",
            bought_at=at,
            item="gloves",
            quantity=3,
            price_minor=base["amount_minor"],
            earmark=mark,
        )
        funds.purchase(self.session, self.actor, body)
        self.paid.append(("purchase", body.id))

    def _pay(self, base: Any, at: datetime, _mark: Any, which: int) -> None:
        commitment = self._one(self.commitments, which) if which % 2 else None
        told = {"payee": "CARR1", "purpose": "x", "paid_at": at, "commitment": commitment}
        funds.pay(self.session, self.actor, PaymentIn(**base, **told))
        self.paid.append(("payment", base["id"]))

    def _commit(self, base: Any, at: datetime, _mark: Any, _which: int) -> None:
        told = {"payee": "CARR1", "purpose": "x", "committed_at": at}
        committing.commit_money(self.session, self.actor, CommitmentIn(**base, **told))
        self.commitments.append(base["id"])

    def _release(self, base: Any, at: datetime, _mark: Any, which: int) -> None:
        if (commitment := self._one(self.commitments, which)) is not None:
            amount = base["amount_minor"] if which % 2 else None
            body = ReleaseIn(id=base["id"], amount_minor=amount, purpose="x", released_at=at)
            committing.release(self.session, self.actor, commitment, body)

    def _move(self, base: Any, at: datetime, mark: Any, which: int) -> None:
        told = {"other_fund": FUNDS[which % 3], "purpose": "x", "moved_at": at, "earmark": mark}
        committing.move_money(self.session, self.actor, MoneyMoveIn(**base, **told))

    def _order(self, base: Any, at: datetime, mark: Any, _which: int) -> None:
        line = {"item": "gloves", "quantity": 7, "price_minor": base["amount_minor"]}
        told = {"supplier": "SUPP1", "site": "W1", "lines": [line], "earmark": mark}
        body = OrderIn(id=base["id"], fund=base["fund"], **told)
        orders.draft_order(self.session, self.actor, body)
        orders.place_order(self.session, self.actor, body.id, OrderPlaceIn(ordered_at=at))
        self.orders.append(body.id)

    def _deliver(self, base: Any, at: datetime, _mark: Any, which: int) -> None:
        if (order := self._one(self.orders, which)) is not None:
            lines = [{"line": 1, "accepted": 1 + which % 4}]
            body = DeliveryIn(id=base["id"], delivered_at=at, lines=lines)  # type: ignore[arg-type]
            delivering.deliver(self.session, self.actor, order, body)
            self.paid.append(("delivery", body.id))

    def _cancel(self, _base: Any, at: datetime, _mark: Any, which: int) -> None:
        if (order := self._one(self.orders, which)) is not None:
            body = OrderCancelIn(cancelled_at=at, reason="x")
            orders.cancel_order(self.session, self.actor, order, body)

    def _refund(self, base: Any, at: datetime, _mark: Any, which: int) -> None:
        if (paid := self._one(self.paid, which)) is not None:
            told = {"of": paid[0], "subject": paid[1], "purpose": "x", "refunded_at": at}
            body = RefundIn(id=base["id"], amount_minor=base["amount_minor"], **told)
            refunding.refund(self.session, self.actor, body)

    @staticmethod
    def _one(some: list[Any], which: int) -> Any:
        return some[which % len(some)] if some else None


def check(states: list[FundState]) -> None:
    for state in states:
        assert state.adds_up, state
        parts = (state.available, state.committed, state.came_in, state.paid, state.returned)
        assert min(parts) >= 0, state
    moved = [(state.moved_in, state.moved_out) for state in states]
    assert sum(into for into, _ in moved) == sum(out for _, out in moved)


@pytest.mark.slow
def test_whatever_is_done_each_funds_money_adds_up(database: Database) -> None:
    add_fund(database, "OTHER-CNY", "CNY")
    add_fund(database, "RELIEF-JPY", "JPY")
    DONE.clear()
    _run(database)
    assert {act for act in (*ACTS, *MORE) if not DONE[act]} == set(), "or this shows little"


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(sequence=steps)
def _run(database: Database, sequence: list[Any]) -> None:
    with database.transaction() as session, session.begin_nested() as savepoint:
        books = Books(session)
        for step in sequence:
            books.do(*step)
        check(fund_states(session))
        savepoint.rollback()
