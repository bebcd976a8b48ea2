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
from services.database import Database
from services.jobs.log import LogWriter
from services.journal.read import entry_count
from services.journal.verify import check_journal
from services.settings import Settings
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
