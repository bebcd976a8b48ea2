"""Blind counts: nobody sees the books before they counted, and two people where it is far off."""

import hashlib
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.parties.models import ApiToken, Role, User
from tests.inventory.goods import AT, JSON, check_journal_of, donated, read, send, standing
from tests.world import NOW, World, token_of


@pytest.fixture
def lots(database: Database) -> list[UUID]:
    with database.transaction() as session:
        return sorted([donated(session, 1000), donated(session, 400, batch="B8")])


@pytest.fixture
def colleague(database: Database) -> str:
    """A second dispatcher of the same warehouse."""
    name, user = "dispatcher2", uuid4()
    with database.transaction() as session:
        session.add(
            User(
                id=user,
                username=name,
                display_name=name,
                role=Role.DISPATCHER,
                organisation="RELIEF",
            )
        )
        session.flush()
        session.add(
            ApiToken(
                id=uuid4(),
                token_hash=hashlib.sha256(token_of(name).encode()).hexdigest(),
                user_id=user,
                label="tests",
                created_at=NOW,
            )
        )
    return name


def a_sheet(api: TestClient, world: World, **more: Any) -> JSON:
    body = {"id": str(uuid4()), "site": "W1", "reason": "monthly"} | more
    told = send(api, world, "dispatcher", "count-sheets", body)
    assert send(api, world, "dispatcher", "count-sheets", body, 200) == told
    return dict(told)


def counted(lines: dict[UUID, int], **more: Any) -> JSON:
    told = [{"lot_id": str(lot), "counted": many} for lot, many in lines.items()]
    return {"lines": told, "occurred_at": AT} | more


def open_alerts(database: Database) -> list[tuple[str, str]]:
    with database.transaction() as session:
        rows = session.connection().exec_driver_sql(
            "SELECT kind, severity FROM alert WHERE closed_at IS NULL ORDER BY 1, 2"
        )
        return [(row[0], row[1]) for row in rows]


def test_a_count_is_blind_and_posts_small_differences_at_once(
    api: TestClient, world: World, database: Database, lots: list[UUID]
) -> None:
    sheet = a_sheet(api, world)
    assert {line["lot_id"] for line in sheet["lines"]} == {str(lot) for lot in lots}
    assert all(line["counted_base"] is None for line in sheet["lines"])
    assert "1000" not in str(sheet)
    before = standing(database, *lots)["W1/available"]
    path = f"count-sheets/{sheet['id']}/counts"
    first = counted({lots[0]: _held(database, lots[0]) - 10})
    told = send(api, world, "dispatcher", path, first, 200)
    assert {line["difference_base"] for line in told["lines"]} == {-10, None}
    assert told["state"] == "open"
    send(api, world, "dispatcher", path, first, 200)
    told = send(api, world, "dispatcher", path, counted({lots[1]: _held(database, lots[1])}), 200)
    assert told["state"] == "closed"
    assert standing(database, *lots)["W1/available"] == before - 10
    other = counted({lots[0]: 5})
    problem = send(api, world, "dispatcher", path, other, 409)
    assert problem["type"] == "urn:medrelay:problem:already-counted"
    assert open_alerts(database) == []


def _held(database: Database, lot: UUID) -> int:
    return standing(database, lot)["W1/available"]


@pytest.mark.parametrize("again", [700, 1000])
def test_a_large_difference_waits_for_another_person(
    api: TestClient, world: World, database: Database, colleague: str, again: int
) -> None:
    with database.transaction() as session:
        lot = donated(session, 1000)
    sheet = a_sheet(api, world, item="gloves")
    path = f"count-sheets/{sheet['id']}/counts"
    told = send(api, world, "dispatcher", path, counted({lot: 700}), 200)
    assert [line["state"] for line in told["lines"]] == ["to_recount"]
    assert told["lines"][0]["counted_base"] is None
    assert _held(database, lot) == 1000
    assert open_alerts(database) == [("count_difference", "warning")]
    problem = send(api, world, "dispatcher", path, counted({lot: 699}), 409)
    assert problem["type"] == "urn:medrelay:problem:same-person"
    told = send(api, world, colleague, path, counted({lot: again}), 200)
    assert (told["state"], told["lines"][0]["counted_base"]) == ("closed", again)
    assert _held(database, lot) == again
    expected = [("count_difference", "critical")] if again < 1000 else []
    assert open_alerts(database) == expected
    assert check_journal_of(database) == []


def test_a_direct_count_that_is_far_off_waits_for_another_person_too(
    api: TestClient, world: World, database: Database, colleague: str
) -> None:
    with database.transaction() as session:
        lot = donated(session, 1000)
    body: JSON = {"id": str(uuid4()), "site": "W1", "item": "gloves", "lot_id": str(lot)}
    body |= {"counted": 700, "occurred_at": AT, "reason": "stocktake"}
    told = send(api, world, "dispatcher", "counts", body, 202)
    assert (told["sheet_id"], told["entry_id"], told["before_base"]) == (body["id"], None, None)
    assert send(api, world, "dispatcher", "counts", body, 200) == told
    send(api, world, "dispatcher", "counts", body | {"counted": 699}, 422)
    assert _held(database, lot) == 1000
    assert open_alerts(database) == [("count_difference", "warning")]
    path = f"count-sheets/{told['sheet_id']}/counts"
    send(api, world, "dispatcher", path, counted({lot: 699}), 409)
    done = send(api, world, colleague, path, counted({lot: 705}), 200)
    assert (done["state"], done["lines"][0]["difference_base"]) == ("closed", -295)
    assert send(api, world, "dispatcher", "counts", body, 200) == told
    assert _held(database, lot) == 705
    near = body | {"id": str(uuid4()), "counted": 690, "occurred_at": "2020-02-11T10:00:00Z"}
    assert send(api, world, "dispatcher", "counts", near)["difference_base"] == -15


def test_a_count_that_can_not_be_is_refused_whole(
    api: TestClient, world: World, database: Database, lots: list[UUID]
) -> None:
    sheet = a_sheet(api, world)
    path = f"count-sheets/{sheet['id']}/counts"
    before = standing(database, *lots)
    for lines, status, field in (
        ({lots[0]: 390, uuid4(): 5}, 404, "lines[1].lot_id"),
        ({lots[0]: 2000}, 200, None),
    ):
        problem = send(api, world, "dispatcher", path, counted(lines), status)
        if field:
            assert problem["errors"][0]["field"] == field
    assert standing(database, *lots) == before
    send(api, world, "hospital", path, counted({lots[0]: 1}), 403)
    assert (
        api.get(f"/api/v1/count-sheets/{uuid4()}", headers=world.bearer("auditor")).status_code
        == 404
    )
    empty = {"id": str(uuid4()), "site": "W2", "reason": "x"}
    problem = send(api, world, "dispatcher", "count-sheets", empty, 409)
    assert problem["type"] == "urn:medrelay:problem:nothing-to-count"
    stop = {"reason": "moving the shelf"}
    for _ in range(2):
        send(api, world, "dispatcher", f"count-sheets/{sheet['id']}/cancel", stop, 200)
    problem = send(api, world, "dispatcher", path, counted({lots[1]: 1}), 409)
    assert problem["type"] == "urn:medrelay:problem:sheet-closed"
    assert open_alerts(database) == []
    listed = read(api, world, "auditor", "count-sheets", state="cancelled", site="W1")
    assert [each["id"] for each in listed] == [sheet["id"]]
    assert read(api, world, "hospital", "count-sheets") == []
