"""Personal fields are the donor's to open, and can be deleted for good; every proof still holds."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from ledger.disclosure import verify_disclosure
from ledger.verify import Level, verify_receipt
from services import cli, forget_command
from services.community import identity
from services.database import Database
from services.jobs.log import LogWriter
from services.journal.read import entry_count
from services.journal.verify import check_journal
from services.settings import Settings
from tests.browser import Browser
from tests.community.points import add_point, book, offer, put_in_hand
from tests.gifts import JSON, goods, pledge, receive
from tests.shipments import Goods, act, plan
from tests.shipments import count as count_of
from tests.world import World

PERSONAL = "for Zhang Wei's ward"


@pytest.fixture
def donation(api: TestClient, world: World) -> JSON:
    told = pledge(api, world, goods(campaign=PERSONAL, message="call Zhang Wei"))
    receive(api, world, told)
    return told


@pytest.fixture
def entry(donation: JSON, database: Database, tmp_path: Path) -> UUID:
    """The entry by which it came in, anchored."""
    with closing(LogWriter(Settings(data_dir=tmp_path / "data"), database)) as writer:
        writer.run_once()
    return uuid5(UUID(donation["id"]), "receive")


def run(
    monkeypatch: pytest.MonkeyPatch, database: Database, *arguments: str, told: str | None = None
) -> tuple[int, str]:
    monkeypatch.setattr(forget_command, "open_database", lambda _: Database(database.url))
    result = CliRunner().invoke(cli.app, ["forget", *arguments], input=told)
    return result.exit_code, " ".join(result.output.split())


def receipt(api: TestClient, world: World, entry: UUID, user: str | None = None) -> Any:
    headers = world.bearer(user) if user else {}
    return api.get(f"/api/v1/audit/entries/{entry}/receipt", headers=headers)


def count(database: Database, statement: str) -> int:
    with database.transaction() as session:
        return int(session.scalar(sa.text(statement)) or 0)


def test_the_donors_receipt_opens_what_the_public_one_conceals(
    api: TestClient, world: World, entry: UUID
) -> None:
    own = receipt(api, world, entry, "donor")
    assert own.headers["cache-control"] == "private, no-store"
    digests = json.loads(own.json()["entry"])["_sd"]
    opened = dict(verify_disclosure(text, digests) for text in own.json()["disclosures"])
    assert opened["campaign"] == PERSONAL
    assert verify_receipt(own.text).level is Level.CONSISTENT
    assert own.json() | {"disclosures": []} == receipt(api, world, entry).json()


@pytest.mark.parametrize("user", [None, "donor2", "hospital", "dispatcher", "auditor", "admin"])
def test_nobody_else_gets_the_disclosures(
    api: TestClient, world: World, entry: UUID, user: str | None
) -> None:
    answer = receipt(api, world, entry, user)
    assert answer.json()["disclosures"] == []
    assert "Authorization" in answer.headers["vary"]


def test_a_token_that_is_not_valid_gets_no_receipt(api: TestClient, entry: UUID) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    answer = api.get(f"/api/v1/audit/entries/{entry}/receipt", headers=headers)
    assert answer.status_code == 401


def test_what_is_forgotten_is_gone_and_everything_still_verifies(
    api: TestClient,
    world: World,
    database: Database,
    entry: UUID,
    donation: JSON,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = receipt(api, world, entry)
    own = receipt(api, world, entry, "donor")
    dump = api.get("/log/dump.jsonl.gz").content
    code, told = run(monkeypatch, database, str(entry), "--why", "asked", "--yes")
    assert (code, "3 field(s) deleted" in told) == (0, True), told
    assert receipt(api, world, entry).content == before.content
    assert receipt(api, world, entry, "donor").json()["disclosures"] == []
    assert api.get("/log/dump.jsonl.gz").content == dump
    # What the donor kept still opens the record: that is theirs.
    assert verify_receipt(own.text).level is Level.CONSISTENT
    with database.transaction() as session:
        assert list(check_journal(session)) == []
    for table in ("entry_secret", "donation"):
        found = f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%Zhang Wei%'"
        assert count(database, found) == 0, table
    # The desk may still send the same receipt again.
    receive(api, world, donation)


def test_forgetting_is_itself_an_entry_without_anything_personal(
    api: TestClient, database: Database, entry: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, database, str(entry), "--why", "mistake", "--yes")
    record = api.get(f"/api/v1/audit/entries/{uuid5(entry, 'forgotten')}").json()
    assert record["kind"] == "forgotten"
    assert record["facts"] == {"entry": str(entry), "why": "mistake"}
    assert record["_sd"] == []


def test_forgetting_twice_is_once(
    database: Database, entry: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, database, str(entry), "--yes")[0] == 0
    with database.transaction() as session:
        entries = entry_count(session)
    code, told = run(monkeypatch, database, str(entry), "--why", "mistake", "--yes")
    assert (code, "deleted before" in told) == (0, True)
    with database.transaction() as session:
        assert entry_count(session) == entries


def test_nothing_is_forgotten_without_a_yes(
    api: TestClient, database: Database, entry: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, database, str(entry), told="n\n")[0] == 1
    assert count(database, "SELECT count(*) FROM entry_secret") == 1


def test_what_cannot_be_forgotten_is_told(
    database: Database, entry: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = run(monkeypatch, database, str(uuid4()), "--yes")
    assert (code, "There is no entry" in told) == (2, True)
    run(monkeypatch, database, str(entry), "--yes")
    code, told = run(monkeypatch, database, str(uuid5(entry, "forgotten")), "--yes")
    assert (code, "no hidden fields" in told) == (2, True)
    assert run(monkeypatch, database, str(entry), "--why", "Zhang Wei asked", "--yes")[0] == 2
    assert run(monkeypatch, database, "not-an-id", "--yes")[0] == 2


def test_a_refusal_half_way_leaves_the_fields(
    database: Database, entry: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(forget_command, "forget_words", broken)
    assert run(monkeypatch, database, str(entry), "--yes")[0] == 1
    assert count(database, "SELECT count(*) FROM entry_secret") == 1


def test_who_took_a_shipment_at_the_door_is_forgotten_with_its_receipt(
    api: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = plan(database, Goods(100))
    for step in ("pick", "dispatch"):
        assert act(api, sent.id, step).status_code == 200
    assert act(api, sent.id, "deliver", received_by_name="Zhang Wei").status_code == 200
    assert act(api, sent.id, "receive", lines=[count_of(1, 100)]).status_code == 200
    entry = uuid5(sent.id, "receive/accepted")
    assert run(monkeypatch, database, str(entry), "--yes")[0] == 0
    for table in ("entry_secret", "shipment_event"):
        found = f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%Zhang Wei%'"
        assert count(database, found) == 0, table
    with database.transaction() as session:
        assert list(check_journal(session)) == []


PHOTOGRAPH = b"\xff\xd8\xff\xe0 Zhang Wei at the door"


@pytest.fixture
def proven(api: TestClient, world: World, database: Database) -> UUID:
    """A delivered shipment with a photograph of who stood at the door, and no other name."""
    sent = plan(database, Goods(100))
    for step in ("pick", "dispatch", "deliver"):
        assert act(api, sent.id, step).status_code == 200
    assert prove(api, world, sent.id).status_code == 201
    return sent.id


def prove(api: TestClient, world: World, shipment_id: UUID) -> Any:
    files = {"file": ("zhang-wei.jpg", PHOTOGRAPH)}
    path = f"/api/v1/shipments/{shipment_id}/proof"
    return api.post(path, files=files, headers=world.bearer("dispatcher"))


def test_a_photograph_at_the_door_is_forgotten_and_its_hash_stays(
    api: TestClient,
    world: World,
    database: Database,
    proven: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headers = world.bearer("dispatcher")
    track = f"/api/v1/shipments/{proven}/track"
    kept = api.get(track, headers=headers).json()["files"][0]["sha256"]
    file = f"/api/v1/shipments/{proven}/files/{kept}"
    assert api.get(file, headers=headers).content == PHOTOGRAPH
    code, told = run(monkeypatch, database, f"shipment:{proven}", "--yes")
    assert (code, "1 field(s) deleted" in told) == (0, True), told
    gone = api.get(file, headers=headers)
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:medrelay:problem:file-forgotten")
    assert [
        (it["sha256"], it["name"]) for it in api.get(track, headers=headers).json()["files"]
    ] == [(kept, "")]
    for table in ("stored_file", "attachment"):
        found = f"SELECT count(*) FROM {table} t WHERE t::text ~* 'zhang.?wei'"
        assert count(database, found) == 0, table
    assert prove(api, world, proven).status_code == 410
    assert "deleted before" in run(monkeypatch, database, f"shipment:{proven}", "--yes")[1]
    page = Browser(api, database, "dispatcher").client.get(f"/en/shipments/{proven}")
    assert "Deleted for good" in page.text
    with database.transaction() as session:
        assert list(check_journal(session)) == []


def test_readings_and_certificates_show_nobody_and_stay(
    api: TestClient, world: World, database: Database, proven: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = {"file": ("log.csv", b"2020-02-06T08:00:00+08:00,4.5")}
    path = f"/api/v1/shipments/{proven}/temperatures/{uuid4()}"
    told = api.post(path, files=readings, headers=world.bearer("dispatcher"))
    assert told.status_code == 201, told.text
    run(monkeypatch, database, f"shipment:{proven}", "--yes")
    file = f"/api/v1/shipments/{proven}/files/{told.json()['sha256']}"
    assert api.get(file, headers=world.bearer("dispatcher")).status_code == 200


def test_a_photograph_goes_with_the_entry_of_its_receipt(
    api: TestClient, database: Database, proven: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert act(api, proven, "receive", lines=[count_of(1, 100)]).status_code == 200
    entry = uuid5(proven, "receive/accepted")
    assert run(monkeypatch, database, str(entry), "--yes")[0] == 0
    assert count(database, "SELECT count(*) FROM stored_file WHERE content IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (f"shipment:{UUID(int=7)}", "There is no shipment"),
        (f"booking:{UUID(int=7)}", "There is no booking"),
        (f"help_call:{UUID(int=7)}", "There is no call"),
        (f"production:{UUID(int=7)}", "Nothing is kept under production"),
        ("shipment:7", "isn't an id"),
    ],
)
def test_what_is_not_there_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch, what: str, told: str
) -> None:
    code, said = run(monkeypatch, database, what, "--yes")
    assert (code, told in said) == (2, True), said


def test_who_booked_is_forgotten_and_may_book_again(
    api: TestClient, world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "secret", lambda: b"k" * 32)
    with database.transaction() as session:
        add_point(session)
        put_in_hand(session, 100)
    offer_id = offer(api, world)
    booked = book(api, offer_id).json()
    assert book(api, offer_id).status_code == 409
    what = f"booking:{booked['id']}"
    assert run(monkeypatch, database, what, "--yes")[0] == 0
    shown = api.get(f"/api/v1/community/bookings/{booked['id']}").json()
    assert shown["state"] == "cancelled"
    own = identity.household_hash("420102 1980 0001")
    assert count(database, f"SELECT count(*) FROM booking t WHERE t::text LIKE '%{own}%'") == 0
    assert book(api, offer_id).status_code == 201
    assert "deleted before" in run(monkeypatch, database, what, "--yes")[1]


def test_a_settled_call_for_help_is_forgotten(
    api: TestClient, world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"id": str(uuid4()), "region": "420100", "words": "Zhang Wei has no masks"}
    path = f"/api/v1/help-calls/{body['id']}"
    assert api.post("/api/v1/help-calls", json=body).status_code == 201
    what = f"help_call:{body['id']}"
    code, told = run(monkeypatch, database, what, "--yes")
    assert (code, "still waits" in told) == (2, True)
    reply = {"answer": "Zhang Wei, book at No. 12"}
    headers = world.bearer("dispatcher")
    assert api.post(f"{path}/answer", json=reply, headers=headers).status_code == 200
    code, told = run(monkeypatch, database, what, "--yes")
    assert (code, "2 field(s) deleted" in told) == (0, True)
    assert "Zhang Wei" not in api.get(path).text
    assert count(database, "SELECT count(*) FROM change t WHERE t::text LIKE '%Zhang Wei%'") == 0
    assert "deleted before" in run(monkeypatch, database, what, "--yes")[1]
