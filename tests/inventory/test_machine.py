"""Any sequence of acts on lots: nothing is lost from sight, and what is stopped is never picked."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import Session

from services.database import Database
from services.errors import DomainError
from services.inventory import acts, disposals, giving_back, recalls
from services.inventory.act_schemas import (
    CAUSES_OF,
    ConsumeIn,
    ExpiredIn,
    GiveBackIn,
    Held,
    LossCause,
    LossIn,
    RepackIn,
    Shelf,
    SortIn,
    ToGiverIn,
    Unusable,
)
from services.inventory.disposal_schemas import DecisionIn, DestroyedIn, DisposalIn
from services.inventory.picking import suggest_pick
from services.inventory.recall_schemas import LiftIn, RecallCause, RecallIn
from services.journal.clock import local_date
from services.journal.kinds import UNUSABLE, AccountKind, AccountRef, EntryKind, site_account
from services.journal.models import Lot
from services.journal.post import post, reverse
from services.journal.read import get_lots, holdings
from services.journal.record import Draft, NewLot, NewMove
from services.journal.stops import stopped_lots
from services.journal.verify import check_journal
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Upload
from tests.world import NOW, user_id

ROAD = AccountRef("shipment:1", "in_transit", "need:1")
BACK = {state: AccountRef("shipment:1", "in_transit", f"{state}:1") for state in UNUSABLE}
SITES = ("W1", "W2", "H1")
STATES = (
    *("available", "reserved", "quarantine", "on_hold", "damaged"),
    *("recalled", "received", "rejected", "expired"),
)
# Every kind of entry between every pair of states that it could be between.
KINDS = [
    EntryKind.RESERVE,
    EntryKind.RELEASE,
    EntryKind.DISPATCH,
    EntryKind.DISBURSE_GOODS,
    EntryKind.REJECT,
    EntryKind.RECEIVE_TRANSFER,
    EntryKind.HAND_OUT,
    EntryKind.ADJUST,
    EntryKind.RECLASSIFY,
    EntryKind.GIVE_BACK,
    EntryKind.SEND_BACK,
    EntryKind.DIVERT,
]
PICKS = {
    EntryKind.RESERVE,
    EntryKind.DISPATCH,
    EntryKind.DISBURSE_GOODS,
    EntryKind.HAND_OUT,
    EntryKind.CONSUME,
}
_GROUPS = {
    AccountKind.SITE: "on hand",
    AccountKind.TRANSIT: "under way",
    AccountKind.RECIPIENT: "handed over",
    AccountKind.CONSUMPTION: "handed over",
    AccountKind.LOSS: "lost",
    AccountKind.CONVERSION: "converted",
    AccountKind.ADJUSTMENT: "counted off",
}
APPROVER = Actor(user_id("approver"), "approver", Role.APPROVER, "RELIEF")
ADMIN = Actor(user_id("admin"), "admin", Role.ADMIN, "RELIEF")
QUANTITIES = st.integers(1, 120)
DAYS = st.integers(0, 12)


def account(site: str, state: str) -> AccountRef:
    return site_account(site, state, "need:1" if state in {"reserved", "received"} else None)


class StockMachine(RuleBasedStateMachine):
    """The desk's acts and bare entries of the journal, in any order, on a handful of lots."""

    database: Database
    lots = Bundle("lots")
    recalled = Bundle("recalled")

    def __init__(self) -> None:
        super().__init__()
        self.opened: Counter[UUID] = Counter()
        self.given_back: Counter[UUID] = Counter()
        self.posted: list[UUID] = []

    def attempt(self, work: Any) -> Any:
        """Do something in a transaction of its own; a refusal is as good as a success."""
        try:
            with self.database.transaction() as session:
                return work(session)
        except DomainError:
            return None

    @rule(target=lots, site=st.sampled_from(SITES), many=QUANTITIES, days=st.none() | DAYS)
    def receive(self, site: str, many: int, days: int | None) -> UUID:
        lot_id = uuid4()
        expires = None if days is None else date(2020, 2, 3) + timedelta(days=days)
        batch = "B1" if many % 2 else None
        new = NewLot(lot_id, "gloves", f"donation:{lot_id}/line:1", batch, None, expires)
        source = AccountRef("donor:DONOR1", "given")
        for state in ("available", "quarantine"):
            coming = NewMove(lot_id, source, site_account(site, state), many)
            kind = EntryKind.RECEIVE_DONATION
            draft = Draft(uuid4(), kind, NOW, "organisation:RELIEF", lots=[new], moves=[coming])
            if self.attempt(lambda session, it=draft: post(session, it)):
                self.opened[lot_id] = many
                break
        return lot_id

    @rule(
        lot=lots,
        kind=st.sampled_from(KINDS),
        site=st.sampled_from(SITES),
        states=st.tuples(st.sampled_from(STATES), st.sampled_from(STATES)),
        many=QUANTITIES,
        days=DAYS,
    )
    def bare_entry(
        self, lot: UUID, kind: EntryKind, site: str, states: tuple[str, str], many: int, days: int
    ) -> None:
        source, target = account(site, states[0]), account(site, states[1])
        if kind is EntryKind.DISPATCH:
            target = ROAD
        if kind is EntryKind.SEND_BACK:
            target = BACK.get(states[days % 2], ROAD)
        if kind in {EntryKind.DISBURSE_GOODS, EntryKind.REJECT, EntryKind.RECEIVE_TRANSFER}:
            source = BACK.get(states[0], ROAD)
        if kind is EntryKind.DIVERT:
            source, target = BACK.get(states[0], ROAD), BACK.get(states[1], ROAD)
        if kind is EntryKind.HAND_OUT:
            target = site_account(site, "consumed")
        if kind is EntryKind.ADJUST:
            source, target = target, site_account(site, "adjusted")
        moment = NOW + timedelta(days=days)
        draft = Draft(
            uuid4(), kind, moment, "organisation:RELIEF", moves=[NewMove(lot, source, target, many)]
        )
        self.attempt(lambda session: self._post_checked(session, draft, moment))

    def _post_checked(self, session: Session, draft: Draft, moment: datetime) -> None:
        lot_id = draft.moves[0].lot_id
        lot = get_lots(session, [lot_id]).get(lot_id)
        stopped = bool(stopped_lots(session, [lot_id]))
        post(session, draft)
        self.posted.append(draft.id)
        assert lot is not None
        picks = draft.kind in PICKS
        assert not (picks and stopped), f"{draft.kind} of a recalled lot"
        assert not (picks and _expired(lot, moment)), f"{draft.kind} of an expired lot"

    @rule(
        lot=lots,
        what=st.sampled_from(
            ["sort", "lose", "give", "giver", "destroy", "use", "repack", "expired"]
        ),
        site=st.sampled_from(SITES),
        held=st.sampled_from(Held),
        shelf=st.sampled_from(Shelf),
        bad=st.sampled_from(Unusable),
        cause=st.sampled_from(LossCause),
        many=QUANTITIES,
        days=DAYS,
    )
    def act(self, lot: UUID, what: str, site: str, many: int, days: int, **more: Any) -> None:
        moment = NOW + timedelta(days=days)
        plain: dict[str, Any] = {"site": site, "lot_id": lot, "quantity": many, "reason": "x"}
        plain["occurred_at"] = moment

        def work(session: Session) -> bool:
            if what == "sort":
                body = SortIn(**plain, taken_from=more["held"], put_to=more["shelf"])
                acts.sort_lot(session, ADMIN, body)
            elif what == "lose":
                fits = CAUSES_OF.get(more["cause"])
                taken = min(fits) if fits else more["held"]
                acts.write_off(
                    session, ADMIN, LossIn(**plain, taken_from=taken, cause=more["cause"])
                )
            elif what == "giver":
                giving_back.to_giver(session, ADMIN, ToGiverIn(**plain, taken_from=more["bad"]))
                self.given_back[lot] += many
            elif what == "destroy":
                _destroy(session, plain, more["bad"])
            elif what == "give":
                acts.give_back(session, ADMIN, GiveBackIn(**plain))
            elif what == "use":
                acts.consume(session, ADMIN, ConsumeIn(**plain))
                held = get_lots(session, [lot])[lot]
                assert not stopped_lots(session, [lot])
                assert not _expired(held, moment)
            elif what == "repack":
                into = [many] if many == 1 else [1, many - 1]
                done = acts.repack(session, ADMIN, RepackIn(**plain, into=into))
                self.opened.update(dict(zip(done.lots, into, strict=True)))
                assert not stopped_lots(session, [lot])
            else:
                line = {"site": site, "lot_id": lot}
                body_ = ExpiredIn.model_validate({"lines": [line], "occurred_at": moment})
                acts.take_off_expired(session, ADMIN, body_)
            return True

        before = self.opened.copy(), self.given_back.copy()
        if self.attempt(work) is None:
            self.opened, self.given_back = before

    @rule(target=recalled, lot=lots, by_batch=st.booleans(), days=DAYS)
    def recall(self, lot: UUID, by_batch: bool, days: int) -> UUID:
        what: dict[str, Any] = {"item": "gloves", "batch": "B1"} if by_batch else {"lot_id": lot}
        moment = NOW + timedelta(days=days)
        body = RecallIn(**what, cause=RecallCause.OTHER, reason="x", occurred_at=moment)
        self.attempt(lambda session: recalls.open_recall(session, ADMIN, body))
        return body.id

    @rule(recall=recalled)
    def lift(self, recall: UUID) -> None:
        body = LiftIn(reason="x", occurred_at=NOW + timedelta(days=20))
        self.attempt(lambda session: recalls.lift_recall(session, ADMIN, recall, body))

    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        if self.posted:
            entry = data.draw(st.sampled_from(self.posted))
            self.attempt(
                lambda session: reverse(
                    session, entry, reversal_id=uuid4(), actor="organisation:RELIEF", reason="x"
                )
            )

    @invariant()
    def every_piece_of_every_lot_is_somewhere(self) -> None:
        with self.database.transaction() as session:
            found: dict[UUID, Counter[str]] = {}
            for one in holdings(session, lot_ids=list(self.opened), above_zero=False):
                held = found.setdefault(one.lot_id, Counter())
                if one.kind is AccountKind.CONVERSION and one.quantity < 0:
                    assert one.quantity == -self.opened[one.lot_id]
                elif one.kind is AccountKind.DONOR:
                    # Where it came in, less what went back there; of what was repacked, only that.
                    repacked = self.given_back[one.lot_id]
                    came = repacked - self.opened[one.lot_id]
                    assert one.quantity in {came, repacked}
                else:
                    held[_GROUPS[one.kind]] += one.quantity
            for lot, many in self.opened.items():
                somewhere = sum(found.get(lot, Counter()).values())
                assert somewhere + self.given_back[lot] == many

    @invariant()
    def what_is_stopped_stands_nowhere_to_be_picked(self) -> None:
        day = local_date(NOW) + timedelta(days=4)
        with self.database.transaction() as session:
            stopped = stopped_lots(session, list(self.opened)).keys()
            for one in holdings(session, lot_ids=list(stopped)):
                assert one.state not in {"available", "reserved", "received"}
            for site in SITES:
                found = suggest_pick(session, site, "gloves", 10**6, day)
                lots = get_lots(session, [each.lot_id for each in found.picked])
                assert not (lots.keys() & stopped)
                assert all(not lot.expires_on or lot.expires_on > day for lot in lots.values())

    def teardown(self) -> None:
        with self.database.transaction() as session:
            assert list(check_journal(session)) == []


def _destroy(session: Session, plain: dict[str, Any], state: Unusable) -> None:
    """By one who asks and has it done, and another one who decides."""
    words = {name: plain[name] for name in ("site", "lot_id", "quantity", "reason")}
    asked, _ = disposals.ask(session, ADMIN, DisposalIn(**words, taken_from=state))
    disposals.decide(session, APPROVER, asked.id, DecisionIn(approve=True, reason="x"))
    disposals.add_certificate(session, ADMIN, asked.id, Upload("paper.txt", b"burnt"))
    done = DestroyedIn(id=uuid4(), witness="x", occurred_at=plain["occurred_at"])
    disposals.destroyed(session, ADMIN, asked.id, done)


def _expired(lot: Lot, moment: datetime) -> bool:
    return lot.expires_on is not None and lot.expires_on <= local_date(moment)


def run(database: Database, examples: int) -> None:
    machine = type("Machine", (StockMachine,), {"database": database})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_sequence_of_acts_loses_a_piece_or_picks_what_is_stopped(database: Database) -> None:
    run(database, 2)


@pytest.mark.slow
def test_no_long_sequence_of_acts_does_either(database: Database) -> None:
    run(database, 60)
