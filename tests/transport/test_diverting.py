"""A lorry sent to another place: what it was meant for is asked for again."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
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
from tests.transport.orders import astray
from tests.world import World


def divert(api: TestClient, shipment: Any, **body: Any) -> Any:
    return act(api, shipment, "divert", **{"id": str(uuid4())} | body)


def test_a_diverted_shipment_is_received_by_the_other_hospital(
    api: TestClient, database: Database, world: World
) -> None:
    sent = plan(database, Goods(100), Goods(40, item="surgical_mask"))
    bring_to(api, sent.id, "dispatch")
    assert [outstanding(database, need) for need in sent.needs] == [0, 0]
    body = {"id": str(uuid4())}
    first, again = divert(api, sent.id, **body), divert(api, sent.id, **body)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert first.json() == again.json()
    told = first.json()
    assert (told["destination"], told["due_on"]) == ("H2", "2020-02-07")
    assert told["state"] == "dispatched"
    assert [outstanding(database, need) for need in sent.needs] == [100, 40]
    order = api.get("/api/v1/transfers", headers=world.bearer("dispatcher")).json()
    assert {row["in_place_of"] for row in order} == {f"need:{need}" for need in sent.needs}
    assert {row["shipment_id"] for row in order} == {str(sent.id)}
    assert act(api, sent.id, "arrive").status_code == 200
    assert act(api, sent.id, "deliver").status_code == 200
    lines = [count(line["line"], line["quantity_base"]) for line in told["lines"]]
    assert act(api, sent.id, "receive", lines=lines).status_code == 403
    assert act(api, sent.id, "receive", user="hospital2", lines=lines).status_code == 200
    for lot, quantity in zip(sent.lots, (100, 40), strict=True):
        assert where(database, lot)["site:H2/available"] == quantity
    assert [line["accepted_base"] for line in show(api, sent.id)["lines"]] == [100, 40]
    assert astray(database) == []


def test_diverted_from_the_gate_and_again_back(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10))
    bring_to(api, sent.id, "dispatch")
    at_gate = {"occurred_at": "2020-02-04T07:00:00Z"}
    assert act(api, sent.id, "arrive", **at_gate).status_code == 200
    assert divert(api, sent.id).json()["state"] == "dispatched"
    back = divert(api, sent.id, destination="H1", occurred_at="2020-02-04T08:30:00Z")
    assert back.status_code == 200, back.text
    states = [event["state"] for event in show(api, sent.id)["events"]]
    assert states == ["planned", "picked", "dispatched", "arrived", "dispatched", "dispatched"]
    # The need isn't served by what comes onto the shelf without an order of its own for it.
    assert outstanding(database, sent.needs[0]) == 10
    assert act(api, sent.id, "deliver").status_code == 200
    assert act(api, sent.id, "receive", lines=[count(1, 10)]).status_code == 200
    assert where(database, sent.lots[0])["site:H1/available"] == 10


def test_two_needs_that_share_a_lot_stay_apart(api: TestClient, database: Database) -> None:
    """Each line keeps an account of its own, so that each can be counted for itself."""
    with database.transaction() as session:
        lot = a_lot(session, Goods(30))
        needs = [a_need(session, Goods(20)), a_need(session, Goods(10))]
        lines = [
            PlannedLine(need, lot, "gloves", quantity, "W1", "H1", DAY, DAY)
            for need, quantity in zip(needs, (20, 10), strict=True)
        ]
        (shipment,) = reserve_and_plan(session, lines)
    bring_to(api, shipment.id, "dispatch")
    told = divert(api, shipment.id).json()["lines"]
    assert act(api, shipment.id, "deliver").status_code == 200
    counted = [
        count(row["line"], row["quantity_base"] - row["line"], short=row["line"]) for row in told
    ]
    answer = act(api, shipment.id, "receive", user="hospital2", lines=counted)
    assert [row["short_base"] for row in answer.json()["lines"]] == [1, 2]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"destination": "H1"}, 422, "destination"),
        ({"destination": "W1"}, 422, "destination"),
        ({"destination": "NOWHERE"}, 404, "destination"),
        ({"due_on": "2020-02-03"}, 422, "due_on"),
        ({"due_on": "2030-02-03"}, 422, "due_on"),
        ({"reason": " "}, 422, "reason"),
        ({"id": "x"}, 422, "id"),
    ],
)
def test_a_bad_diversion_changes_nothing(
    api: TestClient, database: Database, change: dict[str, Any], status: int, field: str
) -> None:
    sent = plan(database, Goods(10))
    bring_to(api, sent.id, "dispatch")
    before = show(api, sent.id)
    answer = divert(api, sent.id, **change)
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert show(api, sent.id) == before
    assert divert(api, sent.id, user="carrier").status_code == 403
