"""A shipment's life, from the plan to the verified receipt, and what it refuses."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from services.database import Database
from services.journal.kinds import EntryKind, need_purpose, site_account
from services.journal.post import post
from services.journal.read import entries_of, entry_count
from services.journal.record import Draft, NewMove
from services.transport.models import ShipmentLine, ShipmentState
from services.transport.service import NoLane, PlannedLine, plan_shipments
from services.transport.steps import STEPS, Step, next_steps
from tests.shipments import (
    DAY,
    LIFE,
    WHEN,
    Goods,
    a_lot,
    a_need,
    a_run,
    act,
    bring_to,
    count,
    outstanding,
    plan,
    receipt,
    reserve_and_plan,
    show,
    where,
)
from tests.world import World


def test_one_shipment_a_way_and_day_with_lines_first_expired_first(session: Session) -> None:
    soon = Goods(expires_on=date(2020, 6, 1))
    late = Goods(expires_on=date(2021, 6, 1))
    lots = {
        "never": a_lot(session, Goods()),
        "late": a_lot(session, late),
        "soon": a_lot(session, soon, stocked=300),
        "mask": a_lot(session, Goods(item="n95_respirator", expires_on=date(2022, 1, 1))),
    }
    need, other = sorted([a_need(session, Goods(1000)), a_need(session, Goods(1000))])

    def line(lot: str, wanted: UUID, quantity: int, to: str = "H1", day: date = DAY) -> PlannedLine:
        item = "n95_respirator" if lot == "mask" else "gloves"
        due_on = day + timedelta(1)
        return PlannedLine(wanted, lots[lot], item, quantity, "W1", to, day, due_on)

    shipments = reserve_and_plan(
        session,
        [
            line("mask", need, 10),
            line("never", need, 20),
            line("soon", other, 30),
            line("late", need, 40),
            line("soon", need, 50),
            line("soon", need, 60),
            line("soon", need, 70, day=DAY + timedelta(2)),
            line("soon", need, 80, to="H2"),
        ],
    )
    assert [(each.destination, each.depart_on) for each in shipments] == [
        ("H1", DAY),
        ("H1", DAY + timedelta(2)),
        ("H2", DAY),
    ]
    assert {(each.carrier, each.state) for each in shipments} == {("CARR1", "planned")}
    rows = session.exec(
        select(ShipmentLine)
        .where(ShipmentLine.shipment_id == shipments[0].id)
        .order_by(ShipmentLine.line)  # type: ignore[arg-type]
    )
    assert [(row.line, row.lot_id, row.need_id, row.quantity_base) for row in rows] == [
        (1, lots["soon"], need, 110),
        (2, lots["soon"], other, 30),
        (3, lots["late"], need, 40),
        (4, lots["never"], need, 20),
        (5, lots["mask"], need, 10),
    ]


def test_a_way_that_nobody_serves_is_named(session: Session) -> None:
    lot, need = a_lot(session, Goods()), a_need(session, Goods())
    line = PlannedLine(need, lot, "gloves", 5, "H2", "H1", DAY, DAY)
    with pytest.raises(NoLane, match="from H2 to H1"):
        plan_shipments(session, a_run(session), [line])


def test_a_shipment_lives_from_plan_to_verified_receipt(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(100))
    (lot,), (need,) = sent.lots, sent.needs
    reserved = f"site:W1/reserved/need:{need}"
    assert where(database, lot) == {"donor:DONOR1/given": -100, reserved: 100}
    for step, state in zip(
        LIFE, ("picked", "dispatched", "delivered", "received", "verified"), strict=True
    ):
        answer = act(api, sent.id, step, **receipt(step, count(1, 100)))
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == state
        account = {
            "pick": reserved,
            "dispatch": f"shipment:{sent.id}/in_transit/need:{need}",
            "deliver": f"shipment:{sent.id}/in_transit/need:{need}",
        }.get(step, f"site:H1/received/need:{need}")
        assert where(database, lot) == {"donor:DONOR1/given": -100, account: 100}
        assert outstanding(database, need) == 0
    shipment = show(api, sent.id)
    events = [(row["state"], row["actor"], row["occurred_at"]) for row in shipment["events"]]
    assert events == [
        ("planned", "organisation:RELIEF", "2020-02-03T20:00:00Z"),
        ("picked", "organisation:RELIEF", WHEN["pick"]),
        ("dispatched", "organisation:CARR1", WHEN["dispatch"]),
        ("delivered", "organisation:CARR1", WHEN["deliver"]),
        ("received", "organisation:HOSP1", WHEN["receive"]),
        ("verified", "organisation:RELIEF", WHEN["verify"]),
    ]
    assert shipment["next_steps"] == []
    with database.transaction() as session:
        kinds = [entry.kind for entry in entries_of(session, f"shipment:{sent.id}")]
    assert kinds == [EntryKind.DISPATCH, EntryKind.DISBURSE_GOODS]


def test_the_pick_list_is_by_lot_and_first_expired_first(
    api: TestClient, database: Database
) -> None:
    sent = plan(
        database,
        Goods(30, expires_on=date(2021, 1, 1)),
        Goods(20),
        Goods(10, expires_on=date(2020, 3, 1)),
    )
    answer = act(api, sent.id, "pick").json()
    late, never, soon = (str(lot) for lot in sent.lots)
    assert [(row["lot_id"], row["quantity_base"], row["lines"]) for row in answer["pick_list"]] == [
        (soon, 10, [1]),
        (late, 30, [2]),
        (never, 20, [3]),
    ]
    assert answer["pick_list"][0]["batch"] == "B-7"
    assert answer["pick_list"][0]["expires_on"] == "2020-03-01"


def test_an_expired_lot_is_not_picked(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(5, expires_on=date(2020, 3, 1)), Goods(7, expires_on=DAY))
    answer = act(api, sent.id, "pick")
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:medrelay:problem:lot-expired"
    assert (problem["lot_id"], problem["line"]) == (str(sent.lots[1]), 1)
    assert show(api, sent.id)["state"] == "planned"


def test_a_lot_expires_when_its_day_begins_where_it_is(api: TestClient, database: Database) -> None:
    """It would arrive a day after it leaves, and be good until the day before its date."""
    sent = plan(database, Goods(7, expires_on=date(2020, 2, 6)))
    # In UTC it's still the day before.
    too_late = act(api, sent.id, "pick", occurred_at="2020-02-05T07:00:00+08:00")
    assert too_late.status_code == 409
    the_day_before = act(api, sent.id, "pick", occurred_at="2020-02-04T23:59:59+08:00")
    assert the_day_before.status_code == 200


def test_what_was_picked_in_time_and_leaves_too_late_is_not_sent(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(7, expires_on=date(2020, 2, 6)))
    assert act(api, sent.id, "pick", occurred_at="2020-02-04T10:00:00Z").status_code == 200
    late = act(api, sent.id, "dispatch", occurred_at="2020-02-10T10:00:00Z")
    assert late.status_code == 409
    assert late.json()["expires_on"] == "2020-02-06"
    assert act(api, sent.id, "dispatch", occurred_at="2020-02-04T11:00:00Z").status_code == 200


def test_a_reservation_that_was_released_is_not_picked(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(50))
    reserved = site_account("W1", "reserved", need_purpose(sent.needs[0]))
    release = NewMove(sent.lots[0], reserved, site_account("W1", "available"), 1)
    with database.transaction() as session:
        post(
            session,
            Draft(
                id=uuid4(),
                kind=EntryKind.RELEASE,
                occurred_at=datetime(2020, 2, 3, 21, tzinfo=UTC),
                actor="organisation:RELIEF",
                moves=[release],
            ),
        )
    answer = act(api, sent.id, "pick")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:medrelay:problem:reservation-gone"
    assert (answer.json()["line"], answer.json()["reserved"]) == (1, 49)


# What may come next from each state, written out once more by hand.
_NEXT = {
    "planned": {"pick", "cancel"},
    "picked": {"load", "dispatch", "cancel"},
    "loaded": {"dispatch", "cancel"},
    "dispatched": {"arrive", "deliver", "divert", "lose"},
    "arrived": {"deliver", "divert", "lose"},
    "delivered": {"receive", "lose"},
    "received": {"verify"},
    "partly_received": {"verify"},
    "refused": set(),
    "lost": set(),
    "verified": set(),
    "cancelled": set(),
    "joined": set(),
}


def test_the_table_of_steps_is_the_design() -> None:
    assert {state.value: set(next_steps(state)) for state in ShipmentState} == _NEXT
    reachable = set().union(*(after for _, after in STEPS.values()))
    # Nothing makes a shipment planned but the plan, and joining is no step of one alone.
    assert reachable == set(ShipmentState) - {ShipmentState.PLANNED, ShipmentState.JOINED}


_RECEIPTS = {
    "received": [count(1, 10)],
    "partly_received": [count(1, 9, short=1)],
    "refused": [count(1, 0, 10, reason="wet")],
}


def _reach(api: TestClient, shipment_id: UUID, state: str) -> None:
    if state in _RECEIPTS:
        bring_to(api, shipment_id, "receive", lines=_RECEIPTS[state])
    elif state == "verified":
        bring_to(api, shipment_id, "verify", lines=_RECEIPTS["received"])
    elif state == "lost":
        bring_to(api, shipment_id, "dispatch")
        assert act(api, shipment_id, "lose").status_code == 200
    elif state == "cancelled":
        assert act(api, shipment_id, "cancel").status_code == 200
    elif state in {"loaded", "arrived"}:
        bring_to(api, shipment_id, {"loaded": "pick", "arrived": "dispatch"}[state])
        assert act(api, shipment_id, {"loaded": "load", "arrived": "arrive"}[state]).is_success
    elif state != "planned":
        bring_to(
            api,
            shipment_id,
            {"picked": "pick", "dispatched": "dispatch", "delivered": "deliver"}[state],
        )


@pytest.mark.parametrize("state", sorted(_NEXT.keys() - {"joined"}))
def test_every_other_step_is_refused_and_says_what_may_come(
    api: TestClient, database: Database, state: str
) -> None:
    sent = plan(database, Goods(10))
    _reach(api, sent.id, state)
    before = show(api, sent.id)
    entries = _entries(database)
    assert before["state"] == state
    for step in Step:
        if step in _NEXT[state]:
            continue
        # A minute later than usual, so that it is another act and not a repeated one.
        later = {"occurred_at": "2020-02-06T00:01:00Z"}
        answer = act(api, sent.id, step, **later, **receipt(step, count(1, 10)))
        assert answer.status_code == 409, f"{step} from {state}: {answer.text}"
        problem = answer.json()
        assert problem["type"] == "urn:medrelay:problem:wrong-state"
        assert problem["state"] == state
        assert set(problem["next_steps"]) == _NEXT[state]
        assert all(name in problem["errors"][0]["mend"] for name in _NEXT[state])
    assert show(api, sent.id) == before
    assert _entries(database) == entries


def _entries(database: Database) -> int:
    with database.transaction() as session:
        return entry_count(session)


def test_each_step_sent_twice_is_done_once(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10))
    for step in LIFE:
        body = receipt(step, count(1, 8, 2, reason="torn"))
        first = act(api, sent.id, step, **body)
        entries = _entries(database)
        again = act(api, sent.id, step, **body)
        assert (first.status_code, again.status_code) == (200, 200), again.text
        assert first.json() == again.json()
        assert _entries(database) == entries
    late_again = act(api, sent.id, "pick")
    assert late_again.status_code == 200
    assert late_again.json()["state"] == "verified"


def test_nothing_happens_before_what_came_before_it_or_in_the_future(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(10))
    for moment in ("2020-02-03T19:59:59Z", "2999-01-01T00:00:00Z", "1999-12-31T00:00:00Z"):
        answer = act(api, sent.id, "pick", occurred_at=moment)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "occurred_at"
    moment = WHEN["dispatch"]
    for step, state in (("pick", "picked"), ("dispatch", "dispatched")):
        at_once = act(api, sent.id, step, occurred_at=moment)
        assert (at_once.status_code, at_once.json()["state"]) == (200, state)
    early = act(api, sent.id, "deliver", occurred_at="2020-02-04T01:30:00Z")
    assert early.status_code == 422
    assert "02:00:00" in early.json()["errors"][0]["mend"]
    same_moment = act(api, sent.id, "deliver", occurred_at=moment)
    assert same_moment.status_code == 200


@pytest.mark.parametrize("state", ["dispatched", "delivered"])
@pytest.mark.parametrize("user", ["carrier", "dispatcher"])
def test_a_lost_shipment_is_need_again(
    api: TestClient, database: Database, state: str, user: str
) -> None:
    sent = plan(database, Goods(100), Goods(40, item="n95_respirator"))
    _reach(api, sent.id, state)
    answer = act(api, sent.id, "lose", user=user)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "lost"
    assert answer.json()["events"][-1]["note"] == "the lorry burnt out"
    assert [line["short_base"] for line in answer.json()["lines"]] == [100, 40]
    assert [outstanding(database, need) for need in sent.needs] == [100, 40]
    for lot, quantity in zip(sent.lots, (100, 40), strict=True):
        assert where(database, lot) == {
            "donor:DONOR1/given": -quantity,
            f"shipment:{sent.id}/lost": quantity,
        }


@pytest.mark.parametrize("step", [*LIFE, "lose", "cancel"])
def test_a_shipment_that_does_not_exist_is_named(api: TestClient, step: str) -> None:
    answer = act(api, UUID(int=7), step, **receipt(step, count(1, 1)))
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["field"] == "shipment_id"
    assert api.get("/api/v1/shipments/x", headers=World().bearer("admin")).status_code == 422


@pytest.mark.parametrize(
    ("step", "body", "field"),
    [
        ("pick", {"occurred_at": None}, "occurred_at"),
        ("pick", {"occurred_at": "2020-02-30T08:00:00Z"}, "occurred_at"),
        ("pick", {"occurred_at": "2020-02-04T08:00:00"}, "occurred_at"),
        ("pick", {"occurred_at": "9999-12-31T23:59:59-14:00"}, "occurred_at"),
        ("pick", {"colour": "blue"}, "colour"),
        ("deliver", {"note": "x" * 2001}, "note"),
        ("deliver", {"received_by_name": 5}, "received_by_name"),
        ("lose", {"reason": ""}, "reason"),
        ("lose", {"reason": None}, "reason"),
    ],
)
def test_a_bad_act_names_field_and_mend(
    api: TestClient, database: Database, step: str, body: dict[str, Any], field: str
) -> None:
    sent = plan(database, Goods(10))
    if step != "pick":
        bring_to(api, sent.id, "dispatch")
    before = show(api, sent.id)
    answer = act(api, sent.id, step, **body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["errors"][0]["mend"]
    assert show(api, sent.id) == before


def test_a_character_that_cannot_be_stored_is_told(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10))
    bring_to(api, sent.id, "dispatch")
    assert act(api, sent.id, "lose", reason="a\x00b").status_code == 422
    assert show(api, sent.id)["state"] == "dispatched"
    assert outstanding(database, sent.needs[0]) == 0
