"""Receipt line by line: what is accepted is disbursed, and what isn't is need again."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from services.database import Database
from services.journal.kinds import AccountKind, EntryKind
from services.journal.models import EntrySecret
from services.journal.post import reverse
from services.journal.read import entries_of, find_entry, totals
from services.transport.manifest import manifests
from services.transport.models import Receipt, Shipment
from services.transport.service import PlannedLine
from tests.shipments import (
    DAY,
    Goods,
    a_lot,
    a_need,
    act,
    bring_to,
    count,
    outstanding,
    plan,
    reserve_and_plan,
    show,
    where,
)
from tests.world import World


def kinds_of(database: Database, shipment_id: UUID) -> list[EntryKind]:
    with database.transaction() as session:
        return [entry.kind for entry in entries_of(session, f"shipment:{shipment_id}")]


def test_a_partial_receipt_splits_each_line_and_the_rest_is_need_again(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(100), Goods(60, item="n95_respirator"))
    bring_to(api, sent.id, "deliver")
    lines = [count(2, 60), count(1, 70, 20, 10, reason="  wet cartons ")]
    answer = act(api, sent.id, "receive", lines=lines)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "partly_received"
    read = [
        (row["item"], row["accepted_base"], row["rejected_base"], row["short_base"], row["reason"])
        for row in answer.json()["lines"]
    ]
    assert read == [("gloves", 70, 20, 10, "wet cartons"), ("n95_respirator", 60, 0, 0, None)]
    gloves, masks = sent.lots
    assert where(database, gloves) == {
        "donor:DONOR1/given": -100,
        f"site:H1/received/need:{sent.needs[0]}": 70,
        "site:H1/rejected": 20,
        f"shipment:{sent.id}/lost": 10,
    }
    assert where(database, masks) == {
        "donor:DONOR1/given": -60,
        f"site:H1/received/need:{sent.needs[1]}": 60,
    }
    assert [outstanding(database, need) for need in sent.needs] == [30, 0]
    assert kinds_of(database, sent.id) == [
        EntryKind.DISPATCH,
        EntryKind.DISBURSE_GOODS,
        EntryKind.REJECT,
        EntryKind.LOSE,
    ]
    with database.transaction() as session:
        assert [row.reason for row in session.exec(select(Receipt))] == ["wet cartons"]
        books = totals(session)
    assert books["gloves", AccountKind.RECIPIENT, "site:H1", "received"] == 70
    assert sum(books.values()) == 0
    verified = act(api, sent.id, "verify", note="agrees with the paper")
    assert verified.json()["state"] == "verified"


@pytest.mark.parametrize(
    ("lines", "state", "kind", "account"),
    [
        ([count(1, 0, 10, reason="wet")], "refused", EntryKind.REJECT, "site:H1/rejected"),
        ([count(1, 0, short=10)], "lost", EntryKind.LOSE, "shipment:{id}/lost"),
    ],
)
def test_a_receipt_of_nothing(
    api: TestClient, database: Database, lines: Any, state: str, kind: EntryKind, account: str
) -> None:
    sent = plan(database, Goods(10))
    assert bring_to(api, sent.id, "receive", lines=lines)["state"] == state
    assert kinds_of(database, sent.id) == [EntryKind.DISPATCH, kind]
    expected = {"donor:DONOR1/given": -10, account.format(id=sent.id): 10}
    assert where(database, sent.lots[0]) == expected
    assert outstanding(database, sent.needs[0]) == 10


def test_what_arrived_and_was_all_turned_away_is_refused(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(10))
    lines = [count(1, 0, 4, 6, reason="wet")]
    assert bring_to(api, sent.id, "receive", lines=lines)["state"] == "refused"


def test_who_signed_is_in_the_journal_as_a_digest_only(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10))
    bring_to(api, sent.id, "receive", lines=[count(1, 10)])
    with database.transaction() as session:
        entry = find_entry(session, uuid5(sent.id, "receive/accepted"))
        assert entry is not None
        assert (entry.kind, entry.actor) == (EntryKind.DISBURSE_GOODS, "organisation:HOSP1")
        assert session.get_one(EntrySecret, entry.id).fields == {"signed_by": "hospital"}
        assert b'"signed_by"' not in entry.body
        assert b'"_sd":["' in entry.body


@pytest.mark.parametrize(
    ("lines", "code", "field"),
    [
        ([count(1, 101), count(2, 60)], "more-than-sent", "lines[0].accepted"),
        ([count(1, 100), count(2, 60, 1, reason="x")], "more-than-sent", "lines[1].accepted"),
        ([count(1, 90, 5, 6, reason="x"), count(2, 60)], "more-than-sent", "lines[0].accepted"),
        ([count(1, 10**12), count(2, 60)], "more-than-sent", "lines[0].accepted"),
        ([count(1, 99), count(2, 60)], "receipt-incomplete", "lines[0].short"),
        ([count(1, 0), count(2, 60)], "receipt-incomplete", "lines[0].short"),
        ([count(1, 100)], "receipt-incomplete", "lines"),
        ([], "invalid-input", "lines"),
        ([count(1, 100), count(1, 100)], "invalid-input", "lines[1].line"),
        ([count(1, 100), count(2, 60), count(3, 1)], "invalid-input", "lines[2].line"),
        ([count(0, 100), count(2, 60)], "invalid-input", "lines[0].line"),
        ([count(1, 90, 10), count(2, 60)], "invalid-input", "lines[0].reason"),
        ([count(1, 90, 10, reason="  "), count(2, 60)], "invalid-input", "lines[0].reason"),
        ([count(1, 101, -1), count(2, 60)], "invalid-input", "lines[0].rejected"),
        ([count(1, -1, 101, reason="x"), count(2, 60)], "invalid-input", "lines[0].accepted"),
        ([count(1, 100.5), count(2, 60)], "invalid-input", "lines[0].accepted"),
        ([count(1, "all"), count(2, 60)], "invalid-input", "lines[0].accepted"),
        ([count(1, 10**12 + 1), count(2, 60)], "invalid-input", "lines[0].accepted"),
        ([{"line": 1}, count(2, 60)], "invalid-input", "lines[0].accepted"),
        ([count(1, 100, over=5), count(2, 60)], "invalid-input", "lines[0].over"),
        ("all of it", "invalid-input", "lines"),
    ],
)
def test_a_receipt_that_does_not_fit_is_refused_whole(
    api: TestClient, database: Database, lines: Any, code: str, field: str
) -> None:
    sent = plan(database, Goods(100), Goods(60, item="n95_respirator"))
    bring_to(api, sent.id, "deliver")
    before = [where(database, lot) for lot in sent.lots]
    answer = act(api, sent.id, "receive", lines=lines)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["type"] == f"urn:medrelay:problem:{code}"
    assert problem["errors"][0]["field"] == field
    assert problem["errors"][0]["mend"]
    if code == "more-than-sent":
        assert problem["sent_base"] == (60 if field == "lines[1].accepted" else 100)
        assert problem["received_base"] > problem["sent_base"]
    assert [where(database, lot) for lot in sent.lots] == before
    assert show(api, sent.id)["state"] == "delivered"
    with database.transaction() as session:
        assert session.exec(select(Receipt)).all() == []


def test_a_body_that_is_not_json_is_told_so(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10))
    answer = api.post(
        f"/api/v1/shipments/{sent.id}/receive",
        content=b"{lines: all",
        headers=World().bearer("hospital") | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert "JSON" in answer.json()["errors"][0]["mend"]


def test_the_same_receipt_in_another_order_is_once_and_another_one_is_refused(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(100), Goods(60, item="n95_respirator"))
    lines = [count(1, 100), count(2, 50, short=10)]
    first = bring_to(api, sent.id, "receive", lines=lines)
    again = act(api, sent.id, "receive", lines=lines[::-1])
    assert (again.status_code, again.json()) == (200, first)
    other = act(api, sent.id, "receive", lines=[count(1, 100), count(2, 60)])
    assert other.status_code == 409
    assert other.json()["state"] == "partly_received"
    assert outstanding(database, sent.needs[1]) == 10


@pytest.mark.parametrize("same", [True, False])
def test_of_two_receipts_at_once_one_is_the_first(
    api: TestClient, database: Database, same: bool
) -> None:
    sent = plan(database, Goods(100))
    bring_to(api, sent.id, "deliver")
    together = threading.Barrier(8)
    answers = []

    def receive(number: int) -> None:
        accepted = 90 if same else 90 + number
        lines = [count(1, accepted, short=100 - accepted)]
        together.wait()
        answers.append(act(api, sent.id, "receive", lines=lines).status_code)

    threads = [threading.Thread(target=receive, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 8 if same else [200] + [409] * 7
    line = show(api, sent.id)["lines"][0]
    assert line["accepted_base"] + line["short_base"] == 100
    assert outstanding(database, sent.needs[0]) == line["short_base"]
    assert kinds_of(database, sent.id).count(EntryKind.DISBURSE_GOODS) == 1


def test_one_lot_to_one_need_on_two_days_is_counted_apart(
    api: TestClient, database: Database
) -> None:
    with database.transaction() as session:
        lot, need = a_lot(session, Goods(100)), a_need(session, Goods(100))
        days = (DAY, DAY + timedelta(1))
        first, second = reserve_and_plan(
            session, [PlannedLine(need, lot, "gloves", 50, "W1", "H1", day, day) for day in days]
        )
    bring_to(api, first.id, "receive", lines=[count(1, 45, 5, reason="torn")])
    answer = bring_to(api, second.id, "receive", lines=[count(1, 20, short=30)])
    assert [answer["lines"][0][f"{part}_base"] for part in ("accepted", "rejected", "short")] == [
        20,
        0,
        30,
    ]
    assert outstanding(database, need) == 35
    assert where(database, lot) == {
        "donor:DONOR1/given": -100,
        f"site:H1/received/need:{need}": 65,
        "site:H1/rejected": 5,
        f"shipment:{second.id}/lost": 30,
    }


def test_a_reversed_receipt_is_read_as_none(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10))
    bring_to(api, sent.id, "receive", lines=[count(1, 6, short=4)])
    with database.transaction() as session:
        reverse(
            session,
            uuid5(sent.id, "receive/accepted"),
            reversal_id=uuid4(),
            actor="organisation:RELIEF",
            reason="counted twice",
        )
        shipment = session.get_one(Shipment, sent.id)
        (line,) = manifests(session, [shipment])[0].lines
    assert (line.accepted, line.short) == (0, 4)


@st.composite
def splits(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Accepted, rejected and short of up to three lines, each of at least one piece."""
    part = st.integers(0, 10**6)
    lines = st.lists(st.tuples(part, part, part).filter(any), min_size=1, max_size=3)
    return draw(lines)


def test_any_receipt_conserves_each_lot_and_leaves_the_rest_as_need(
    api: TestClient, database: Database
) -> None:
    @settings(max_examples=25, deadline=None)
    @given(splits())
    def conserve(parts: list[tuple[int, int, int]]) -> None:
        sent = plan(database, *(Goods(sum(line)) for line in parts))
        bring_to(api, sent.id, "deliver")
        rows = show(api, sent.id)["lines"]
        order = [sent.lots.index(UUID(row["lot_id"])) for row in rows]
        lines = [
            count(line, *parts[index], reason="as counted")
            for line, index in enumerate(order, start=1)
        ]
        answer = act(api, sent.id, "receive", lines=lines)
        assert answer.status_code == 200, answer.text
        for index, (accepted, rejected, short) in enumerate(parts):
            held = where(database, sent.lots[index])
            wanted = {
                "donor:DONOR1/given": -(accepted + rejected + short),
                f"site:H1/received/need:{sent.needs[index]}": accepted,
                "site:H1/rejected": rejected,
                f"shipment:{sent.id}/lost": short,
            }
            assert held == {account: some for account, some in wanted.items() if some}
            assert outstanding(database, sent.needs[index]) == rejected + short

    conserve()
