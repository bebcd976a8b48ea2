"""Planned shipments of one way and day as one, and as several again."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests.shipments import DAY, Goods, Sent, act, bring_to, count, plan, show
from tests.transport.orders import astray, ordered, transfer_body
from tests.world import World

BY = World().bearer("dispatcher")


def join(api: TestClient, into: UUID, *others: UUID, user: str = "dispatcher") -> Any:
    body = {"shipments": [str(each) for each in others], "reason": "one lorry"}
    headers = World().bearer(user)
    return api.post(f"/api/v1/shipments/{into}/join", json=body, headers=headers)


def split(api: TestClient, shipment: UUID, *lines: int, key: UUID | None = None) -> Any:
    body = {"id": str(key or uuid4()), "lines": list(lines), "reason": "too much"}
    return api.post(f"/api/v1/shipments/{shipment}/split", json=body, headers=BY)


@pytest.fixture
def two(database: Database) -> tuple[Sent, Sent]:
    return plan(database, Goods(10)), plan(database, Goods(20), Goods(5))


def test_two_runs_shipments_go_as_one(
    api: TestClient, database: Database, two: tuple[Sent, Sent]
) -> None:
    one, other = two
    first, again = join(api, one.id, other.id), join(api, one.id, other.id)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert first.json() == again.json()
    assert sorted(line["quantity_base"] for line in first.json()["lines"]) == [5, 10, 20]
    ended = show(api, other.id)
    assert (ended["state"], ended["joined_into"], ended["lines"]) == ("joined", str(one.id), [])
    assert act(api, other.id, "pick").status_code == 409
    lines = [count(row["line"], row["quantity_base"]) for row in first.json()["lines"]]
    assert bring_to(api, one.id, "receive", lines=lines)["state"] == "received"
    assert astray(database) == []


def test_what_was_joined_is_split_again(
    api: TestClient, database: Database, two: tuple[Sent, Sent]
) -> None:
    one, other = two
    join(api, one.id, other.id)
    key = uuid4()
    part, again = split(api, one.id, 2, 3, key=key), split(api, one.id, 2, 3, key=key)
    assert (part.status_code, again.status_code) == (200, 200), part.text
    assert part.json() == again.json()
    assert sorted(line["quantity_base"] for line in part.json()["lines"]) == [5, 20]
    assert [line["quantity_base"] for line in show(api, one.id)["lines"]] == [10]
    assert act(api, key, "pick").status_code == 200
    assert astray(database) == []


def test_a_transfer_rides_along_and_is_called_off_alone(
    api: TestClient, database: Database
) -> None:
    sent = plan(database, Goods(10), destination="H1")
    extra = plan(database, Goods(50), origin="W1")
    assert act(api, extra.id, "cancel", occurred_at="2020-02-04T00:10:00Z").status_code == 200
    body = transfer_body(extra.lots[0], 50, destination="H1", depart_on=DAY.isoformat())
    transfer = ordered(api, body)
    assert join(api, sent.id, UUID(transfer["shipment_id"])).status_code == 200
    path = f"/api/v1/transfers/{transfer['id']}"
    assert api.get(path, headers=BY).json()["shipment_id"] == str(sent.id)
    off = {"occurred_at": "2020-02-04T01:00:00Z", "reason": "not needed"}
    refused = api.post(f"{path}/cancel", json=off, headers=BY)
    assert refused.json()["type"] == "urn:medrelay:problem:not-alone"
    assert split(api, sent.id, 2).status_code == 200
    assert api.post(f"{path}/cancel", json=off, headers=BY).json()["state"] == "cancelled"
    assert show(api, sent.id)["state"] == "planned"


def test_what_is_unlike_or_under_way_stays_apart(
    api: TestClient, database: Database, two: tuple[Sent, Sent]
) -> None:
    one, other = two
    far = plan(database, Goods(10), destination="H2")
    for refused in (
        join(api, one.id, far.id),
        split(api, one.id, 1),
        split(api, one.id, 9),
        split(api, other.id, 1, key=one.id),
    ):
        assert refused.status_code in {409, 422}, refused.text
        assert refused.json()["errors"][0]["mend"]
    assert join(api, one.id, uuid4()).status_code == 404
    assert join(api, one.id, other.id, user="carrier").status_code == 403
    act(api, other.id, "pick")
    assert join(api, one.id, other.id).json()["type"] == "urn:medrelay:problem:not-joinable"
    assert split(api, other.id, 1).status_code == 409
    assert len(show(api, one.id)["lines"]) == 1
