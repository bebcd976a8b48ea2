"""Every record is bound to one log: its name, its chain and its contract."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from ledger.canonical import canonicalize, digest, parse
from ledger.chain import ChainUnavailable
from services.database import Database
from services.jobs.opening import open_log
from services.journal.log import LogNotOpened, find_log, get_log
from services.journal.models import Entry
from services.journal.post import post
from services.journal.verify import check_journal
from services.settings import Settings
from tests.journal.drafts import reservation
from tests.world import NOW, World, stock


def forget_log(database: Database) -> None:
    """As before the chain was ever opened."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("DELETE FROM log_contract"))


def rewrite(database: Database, log: object, *, only: int | None = None) -> None:
    """Bind entries to another log, with digests to match, as whoever has the database could."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        rows = connection.execute(sa.text("SELECT id, body FROM entry ORDER BY id")).all()
        for entry_id, body in rows[:only]:
            new = canonicalize({**parse(body), "log": log})  # type: ignore[dict-item]
            connection.execute(
                sa.text("UPDATE entry SET body = :body, digest = :digest WHERE id = :id"),
                {"body": new, "digest": digest(new), "id": entry_id},
            )


def two_entries(database: Database) -> Entry:
    with database.transaction() as session:
        return post(session, reservation(stock(session), 5)).entry


def differences(database: Database) -> list[str]:
    with database.transaction() as session:
        return [each.what for each in check_journal(session)]


def test_a_record_names_its_log_its_chain_and_its_contract(database: Database) -> None:
    entry = two_entries(database)
    with database.transaction() as session:
        known = find_log(session)
    assert known is not None
    log = parse(entry.body)["log"]
    assert log == {
        "origin": "medrelay.local/relief",
        "chain_id": str(known.chain_id),
        "contract": known.contract,
    }
    assert differences(database) == []


def test_nothing_is_written_before_the_log_is_known(database: Database) -> None:
    forget_log(database)
    with database.transaction() as session, pytest.raises(LogNotOpened):
        stock(session)
    with database.transaction() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM entry")) == 0


def test_the_api_says_which_command_opens_the_log(
    api: TestClient, world: World, database: Database
) -> None:
    forget_log(database)
    pledge = {
        "id": "11111111-1111-4111-8111-111111111111",
        "kind": "goods",
        "given_at": NOW.isoformat(),
        "site": "W1",
        "lines": [{"item": "gloves", "quantity": 5}],
    }
    donor, desk = world.bearer("donor"), world.bearer("dispatcher")
    assert api.post("/api/v1/donations", json=pledge, headers=donor).status_code == 201
    answer = api.post(
        f"/api/v1/donations/{pledge['id']}/receive",
        json={"occurred_at": NOW.isoformat()},
        headers=desk,
    )
    assert answer.status_code == 503
    problem = answer.json()
    assert problem["type"] == "urn:medrelay:problem:log-not-opened"
    assert "medrelay migrate" in problem["mend"]
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    "log",
    [
        "medrelay.local/relief",
        {"origin": "other.example/log", "chain_id": "1", "contract": "0x" + "00" * 20},
        None,
        [],
    ],
)
def test_an_entry_of_another_log_is_named(database: Database, log: object) -> None:
    two_entries(database)
    rewrite(database, log, only=1)
    assert differences(database) == ["record_log"]


def test_where_all_entries_agree_it_is_the_databases_word_that_is_named(
    database: Database,
) -> None:
    two_entries(database)
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("UPDATE log_contract SET chain_id = 7"))
    assert differences(database) == ["log_contract"]


def test_entries_without_any_log_in_the_database_are_told(database: Database) -> None:
    two_entries(database)
    forget_log(database)
    assert differences(database) == ["log_contract"]


def test_a_log_once_known_is_not_asked_for_again(database: Database) -> None:
    with database.transaction() as session:
        known = get_log(session)
    forget_log(database)
    with database.transaction() as session:
        assert get_log(session) == known


def test_opening_makes_the_contract_known_once(database: Database, tmp_path: Path) -> None:
    forget_log(database)
    settings = Settings(data_dir=tmp_path / "new")
    open_log(settings, database, pytest.fail)
    with database.transaction() as session:
        first = find_log(session)
    assert first is not None
    # The second time, nothing is opened: this folder has no chain, and gets none.
    open_log(Settings(data_dir=tmp_path / "other"), database, pytest.fail)
    assert not (tmp_path / "other").exists()
    with database.transaction() as session:
        assert find_log(session) == first


def test_a_node_that_stays_away_is_told_with_the_mend(database: Database, tmp_path: Path) -> None:
    forget_log(database)
    away = Settings(data_dir=tmp_path / "new", chain_url="http://127.0.0.1:1", chain_timeout_s=1)
    told: list[str] = []
    with pytest.raises(ChainUnavailable, match="run `medrelay migrate` again"):
        open_log(away, database, told.append, patience_s=0.5)
    assert len(told) == 1
    assert told[0].startswith("Waiting for the chain")
