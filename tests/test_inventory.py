"""Stock is read from the journal; a stocktake posts its difference and nothing else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.journal.kinds import EntryKind, need_purpose, site_account
from services.journal.models import Entry, EntrySecret
from services.journal.post import post, reverse
from services.journal.read import entry_count, holdings, moves_of_lots
from services.journal.record import Draft, NewMove
from services.parties.models import Site, SiteKind
from services.settings import get_settings
from tests.world import NOW, World, stock

JSON = dict[str, Any]


@pytest.fixture(autouse=True)
def _one_count_is_enough(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Here counts are as far off as they like; who counts again is tested elsewhere."""
    monkeypatch.setenv("MEDRELAY_COUNT_AGAIN_ABOVE_PIECES", str(10**9))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def a_count(lot_id: UUID, counted: int, **changes: object) -> JSON:
    return {
        "id": str(uuid4()),
        "site": "W1",
        "item": "gloves",
        "lot_id": str(lot_id),
        "counted": counted,
        "occurred_at": "2020-02-05T10:00:00Z",
        "reason": "weekly stocktake",
    } | changes


@pytest.fixture
def lot(database: Database) -> UUID:
    with database.transaction() as session:
        return stock(session, quantity=1000)


def reserve(database: Database, lot: UUID, quantity: int) -> None:
    with database.transaction() as session:
        target = site_account("W1", "reserved", need_purpose(uuid4()))
        move = NewMove(lot, site_account("W1", "available"), target, quantity)
        post(session, Draft(uuid4(), EntryKind.RESERVE, NOW, "organisation:RELIEF", moves=[move]))


def available(database: Database, lot: UUID) -> int:
    with database.transaction() as session:
        held = holdings(session, lot_ids=[lot], holder="site:W1", state="available")
        return sum(holding.quantity for holding in held)


def entries(database: Database) -> int:
    with database.transaction() as session:
        return entry_count(session)


def test_stock_shows_each_lot_by_state(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    with database.transaction() as session:
        stock(session, site="W2", item="surgical_mask", quantity=7)
    for quantity in (200, 100):
        reserve(database, lot, quantity)
    rows = api.get("/api/v1/stock", headers=world.bearer("dispatcher")).json()
    assert [(r["site"], r["item"], r["available"], r["reserved"]) for r in rows] == [
        ("W1", "gloves", 700, 300),
        ("W2", "surgical_mask", 7, 0),
    ]
    assert rows[0]["lot_id"] == str(lot)
    assert rows[0]["origin"].startswith("donation:")
    query = {"site": "W2", "item": "surgical_mask"}
    one = api.get("/api/v1/stock", params=query, headers=world.bearer("auditor")).json()
    assert one == rows[1:]


def test_stock_as_of_a_moment_is_by_item(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    headers = world.bearer("dispatcher")
    api.post("/api/v1/counts", json=a_count(lot, 990), headers=headers)
    shown = {}
    for at in ("2020-02-01T00:00:00Z", "2020-02-04T00:00:00Z", "2020-02-06T00:00:00Z"):
        rows = api.get("/api/v1/stock", params={"at": at, "site": "W1"}, headers=headers).json()
        shown[at[:10]] = [(row["item"], row["lot_id"], row["available"]) for row in rows]
    assert shown == {
        "2020-02-01": [],
        "2020-02-04": [("gloves", None, 1000)],
        "2020-02-06": [("gloves", None, 990)],
    }
    other = {"at": "2020-02-06T00:00:00Z", "item": "surgical_mask"}
    assert api.get("/api/v1/stock", params=other, headers=headers).json() == []


def test_everybody_sees_their_own_shelves(api: TestClient, world: World, lot: UUID) -> None:
    assert api.get("/api/v1/stock").status_code == 401
    assert api.get("/api/v1/stock", headers=world.bearer("hospital")).json() == []
    foreign = api.get("/api/v1/stock", params={"site": "W1"}, headers=world.bearer("hospital"))
    assert foreign.status_code == 403
    desk = world.bearer("dispatcher")
    assert api.get("/api/v1/stock", params={"site": "W9"}, headers=desk).status_code == 404
    assert api.get("/api/v1/stock", params={"item": "tea"}, headers=desk).status_code == 404
    assert api.get("/api/v1/stock", params={"at": "noon"}, headers=desk).status_code == 422


@pytest.mark.parametrize(
    ("counted", "unit", "difference"),
    [(990, "piece", -10), (19, "box", -50), (0, "piece", -1000)],
)
def test_a_count_posts_the_difference(
    api: TestClient,
    world: World,
    database: Database,
    lot: UUID,
    counted: int,
    unit: str,
    difference: int,
) -> None:
    body = a_count(lot, counted, unit=unit)
    answer = api.post("/api/v1/counts", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["before_base"], told["difference_base"]) == (1000, difference)
    assert told["counted_base"] == 1000 + difference == available(database, lot)
    assert told["entry_id"] == body["id"]


def test_a_count_finds_again_what_was_written_off_and_no_more(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    headers = world.bearer("dispatcher")
    days = iter(range(5, 29))

    def count(counted: int) -> JSON:
        body = a_count(lot, counted, occurred_at=f"2020-02-{next(days):02}T10:00:00Z")
        return dict(api.post("/api/v1/counts", json=body, headers=headers).json())

    assert count(990)["difference_base"] == -10
    assert count(996)["difference_base"] == 6
    refused = count(1001)
    assert refused["type"] == "urn:medrelay:problem:more-than-came"
    assert (refused["errors"][0]["field"], refused["came_base"]) == ("counted", 1000)
    assert "1000" in refused["errors"][0]["mend"]
    # What was found before doesn't make room for more.
    assert count(1000)["difference_base"] == 4
    assert count(1001)["type"] == "urn:medrelay:problem:more-than-came"
    assert available(database, lot) == 1000


def test_what_a_reversal_took_back_never_came(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    with database.transaction() as session:
        (entry,) = {move.entry_id for move in moves_of_lots(session, [lot])}
        reverse(
            session, entry, reversal_id=uuid4(), actor="organisation:RELIEF", reason="not for us"
        )
    answer = api.post("/api/v1/counts", json=a_count(lot, 1), headers=world.bearer("dispatcher"))
    assert (answer.status_code, answer.json()["came_base"]) == (409, 0)


@pytest.mark.parametrize("occurred_at", ["2020-02-05T10:00:00Z", "2001-01-01T00:00:00Z"])
def test_nobody_counts_goods_into_being(
    api: TestClient, world: World, database: Database, lot: UUID, occurred_at: str
) -> None:
    body = a_count(lot, 10**9, site="H1", occurred_at=occurred_at)
    answer = api.post("/api/v1/counts", json=body, headers=world.bearer("hospital"))
    assert answer.status_code == 409, answer.text
    assert answer.json()["type"] == "urn:medrelay:problem:never-here"
    assert answer.json()["errors"][0]["field"] == "lot_id"
    assert entries(database) == 1


def test_a_shelf_is_counted_by_who_keeps_such_a_site(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        kept = stock(session, site="W2", quantity=10)
        site = session.get_one(Site, "W2")
        site.kind = SiteKind.HOSPITAL
    body = a_count(kept, 9, site="W2")
    answer = api.post("/api/v1/counts", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == 403, answer.text


def test_what_people_write_of_a_count_is_not_in_the_log(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    body = a_count(lot, 990, reason="Nurse Wang dropped a box")
    told = api.post("/api/v1/counts", json=body, headers=world.bearer("dispatcher")).json()
    assert told["reason"] == "Nurse Wang dropped a box"
    public = api.get(f"/api/v1/audit/entries/{told['entry_id']}").text
    assert "Wang" not in public
    with database.transaction() as session:
        entry = session.get_one(Entry, UUID(told["entry_id"]))
        secret = session.get_one(EntrySecret, entry.id)
        assert b"Wang" not in entry.body
        assert b'"counted":"990"' in entry.body
        assert secret.fields == {"reason": "Nurse Wang dropped a box"}


def test_a_count_that_agrees_posts_nothing(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    before, body = entries(database), a_count(lot, 20, unit="box")
    answer = api.post("/api/v1/counts", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == 201
    told = answer.json()
    assert (told["entry_id"], told["before_base"], told["difference_base"]) == (None, 1000, 0)
    assert entries(database) == before


def test_reserved_pieces_are_counted_but_never_written_off(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    reserve(database, lot, 900)
    headers = world.bearer("dispatcher")
    some = api.post("/api/v1/counts", json=a_count(lot, 950), headers=headers)
    assert (some.json()["before_base"], some.json()["difference_base"]) == (1000, -50)
    assert available(database, lot) == 50
    later = a_count(lot, 800, occurred_at="2020-02-06T10:00:00Z")
    many = api.post("/api/v1/counts", json=later, headers=headers)
    assert many.status_code == 409, many.text
    assert many.json()["type"] == "urn:medrelay:problem:stock-promised"
    assert many.json()["errors"][0]["field"] == "counted"
    assert available(database, lot) == 50


def test_the_same_count_twice_is_one(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    headers, body = world.bearer("dispatcher"), a_count(lot, 990)
    first = api.post("/api/v1/counts", json=body, headers=headers)
    again = api.post("/api/v1/counts", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = api.post("/api/v1/counts", json=body | {"counted": 980}, headers=headers)
    assert other.json()["type"] == "urn:medrelay:problem:id-reused"
    assert available(database, lot) == 990


def test_many_counts_at_once_find_the_difference_once(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    headers = world.bearer("dispatcher")

    def send(_: int) -> int:
        return api.post("/api/v1/counts", json=a_count(lot, 990), headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert answers == [201] * 8
    assert available(database, lot) == 990


def test_a_count_speaks_of_its_own_moment(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    headers = world.bearer("dispatcher")
    early = a_count(lot, 0, occurred_at="2020-02-01T10:00:00Z")
    before_it_came = api.post("/api/v1/counts", json=early, headers=headers).json()
    assert (before_it_came["before_base"], before_it_came["difference_base"]) == (0, 0)
    api.post("/api/v1/counts", json=a_count(lot, 990), headers=headers)
    older = a_count(lot, 995, occurred_at="2020-02-04T10:00:00Z")
    answer = api.post("/api/v1/counts", json=older, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, "occurred_at")
    assert available(database, lot) == 990


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"site": "W9"}, "site"),
        ({"item": "unobtainium"}, "item"),
        ({"item": "surgical_mask"}, "item"),
        ({"lot_id": "5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11"}, "lot_id"),
        ({"lot_id": "7"}, "lot_id"),
        ({"counted": -1}, "counted"),
        ({"counted": 2.5}, "counted"),
        ({"counted": "many"}, "counted"),
        ({"counted": 10**12 + 1}, "counted"),
        ({"counted": 10**12, "unit": "carton"}, "counted"),
        ({"unit": "lorry"}, "unit"),
        ({"unit": "lorry", "counted": 0}, "unit"),
        ({"occurred_at": "2020-02-30T10:00:00Z"}, "occurred_at"),
        ({"occurred_at": "2999-02-03T10:00:00Z"}, "occurred_at"),
        ({"occurred_at": "1999-02-03T10:00:00Z"}, "occurred_at"),
        ({"reason": ""}, "reason"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_bad_count_names_field_value_and_mend(
    api: TestClient, world: World, database: Database, lot: UUID, changes: JSON, field: str
) -> None:
    body = a_count(lot, 990) | changes
    answer = api.post("/api/v1/counts", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code in {404, 422}, answer.text
    error = answer.json()["errors"][0]
    assert (error["field"], bool(error["mend"])) == (field, True)
    assert entries(database) == 1


def test_nobody_counts_another_organisations_shelves(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    for user in ("hospital", "maker", "donor", "auditor", "carrier"):
        answer = api.post("/api/v1/counts", json=a_count(lot, 990), headers=world.bearer(user))
        assert answer.status_code == 403, user
    with database.transaction() as session:
        own = stock(session, site="H1", quantity=10)
    body = a_count(own, 9, site="H1")
    assert api.post("/api/v1/counts", json=body, headers=world.bearer("hospital")).is_success
    assert available(database, lot) == 1000


def test_an_id_of_another_count_is_refused(
    api: TestClient, world: World, database: Database, lot: UUID
) -> None:
    headers = world.bearer("dispatcher")
    used = api.post("/api/v1/counts", json=a_count(lot, 990), headers=headers).json()["id"]
    with database.transaction() as session:
        second = stock(session, item="surgical_mask", quantity=5)
    body = a_count(second, 4, item="surgical_mask", id=used)
    answer = api.post("/api/v1/counts", json=body, headers=headers)
    assert answer.status_code == 422
    assert available(database, second) == 5
