"""Whatever is done with a shipment, what was sent is accounted for, line by line."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from services.catalog.models import Item
from services.database import Database
from services.journal.kinds import AccountKind
from services.journal.read import holdings
from services.parties.models import Role
from services.parties.service import Actor
from services.transport import acts, cold, diverting, receiving
from services.transport.manifest import lines_of, manifests
from services.transport.models import Shipment
from services.transport.schemas import (
    ActIn,
    CancelIn,
    DeliverIn,
    DivertIn,
    DivertLineIn,
    LoadIn,
    LoseIn,
    ReceiptLineIn,
    ReceiveIn,
)
from services.transport.steps import Step, next_steps
from services.web.forms import Upload
from tests.shipments import Goods, plan
from tests.world import user_id

ADMIN = Actor(user_id("admin"), "admin", Role.ADMIN, "RELIEF")
START = datetime(2020, 2, 4, 1, tzinfo=UTC)
WARM = Upload("t.csv", b"2020-02-04T00:10Z,5\n2020-02-04T00:40Z,20\n2020-02-04T00:50Z,5\n")


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_sent_is_accepted_rejected_short_lost_or_under_way(
    database: Database, data: st.DataObject
) -> None:
    quantities = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    sent = plan(database, *(Goods(quantity) for quantity in quantities))
    with database.transaction() as session:
        kept = session.get_one(Item, "gloves")
        kept.least_centi, kept.most_centi = 200, 800
    for at in range(data.draw(st.integers(1, 8))):
        with database.transaction() as session:
            possible = [
                (shipment, step)
                for shipment in whole_and_parts(session, sent.id)
                for step in next_steps(shipment.state)
                if step is not Step.VERIFY
            ]
            if not possible:
                break
            shipment, step = data.draw(st.sampled_from(possible))
            take(session, shipment, step, START + timedelta(hours=at), data)
        with database.transaction() as session:
            check(session, sent.id, dict(zip(sent.lots, quantities, strict=True)))


def whole_and_parts(session: Session, key: UUID) -> list[Shipment]:
    """A shipment, and those that were taken out of it on the way."""
    run = session.get_one(Shipment, key).run_id
    return list(
        session.exec(select(Shipment).where(Shipment.run_id == run).order_by(col(Shipment.id)))
    )


def take(
    session: Session, shipment: Shipment, step: Step, at: datetime, data: st.DataObject
) -> None:
    """Do one step with whatever a person may say in it."""
    if step is Step.RECEIVE:
        if data.draw(st.booleans()):
            cold.add_readings(session, ADMIN, shipment.id, uuid4(), WARM)
        lines = [counted(row.line, row.quantity_base, data) for row in lines_of(session, shipment)]
        receiving.receive(session, ADMIN, shipment.id, ReceiveIn(occurred_at=at, lines=lines))
    elif step is Step.DIVERT:
        diverting.divert(session, ADMIN, shipment.id, diversion(session, shipment, at, data), _any)
    else:
        act, schema = SIMPLE[step]
        reason = {"reason": "so"} if schema in {LoseIn, CancelIn} else {}
        act(session, ADMIN, shipment.id, schema(occurred_at=at, **reason))


def diversion(session: Session, shipment: Shipment, at: datetime, data: st.DataObject) -> DivertIn:
    """All of it, or some of each line; onto the shelf."""
    elsewhere = {"H1": "H2", "H2": "W2", "W2": "H1"}[shipment.destination]
    some = [
        DivertLineIn(line=line.line, quantity_base=quantity)
        for line in lines_of(session, shipment)
        if (quantity := data.draw(st.integers(0, line.quantity_base)))
    ]
    return DivertIn(
        id=uuid4(),
        occurred_at=at,
        destination=elsewhere,
        due_on=at.date(),
        reason="closed",
        lines=some or None,
    )


def _any(session: Session, site: str, taken: Sequence[diverting.Taken]) -> None:
    """Nothing goes to a need here, so none is held."""


SIMPLE: dict[Step, Any] = {
    Step.PICK: (acts.pick, ActIn),
    Step.LOAD: (acts.load, LoadIn),
    Step.DISPATCH: (acts.send, ActIn),
    Step.ARRIVE: (acts.arrive, LoadIn),
    Step.DELIVER: (acts.deliver, DeliverIn),
    Step.LOSE: (acts.lose, LoseIn),
    Step.CANCEL: (acts.cancel, CancelIn),
}


def counted(line: int, quantity: int, data: st.DataObject) -> ReceiptLineIn:
    accepted = data.draw(st.integers(0, quantity))
    rejected = data.draw(st.integers(0, quantity - accepted))
    return ReceiptLineIn(
        line=line,
        accepted=accepted,
        rejected=rejected,
        short=quantity - accepted - rejected,
        reason="torn",
    )


def check(session: Session, key: UUID, sent: dict[UUID, int]) -> None:
    """The journal and the shipments' pages say the same, and nothing is missing of any lot."""
    told: dict[UUID, Counter[str]] = {lot: Counter() for lot in sent}
    stands: dict[UUID, Counter[AccountKind]] = {lot: Counter() for lot in sent}
    for holding in holdings(session, lot_ids=sent):
        stands[holding.lot_id][holding.kind] += holding.quantity
        assert holding.kind is not AccountKind.DONOR
    for manifest in manifests(session, whole_and_parts(session, key)):
        for line in manifest.lines:
            assert 0 <= line.held <= line.accepted
            said = told[line.lot.id]
            said["sent"] += line.quantity
            said["counted"] += line.accepted + line.rejected + line.short
    for lot, quantity in sent.items():
        assert sum(stands[lot].values()) == told[lot]["sent"] == quantity
        if any(stands[lot][kind] for kind in (AccountKind.RECIPIENT, AccountKind.LOSS)):
            assert told[lot]["counted"] + stands[lot][AccountKind.TRANSIT] == quantity
