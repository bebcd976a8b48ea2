"""The database itself refuses to change or remove what the journal holds."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from services.database import Database
from services.jobs.log import LogWriter
from services.journal.guards import APPEND_ONLY, missing_guards
from services.journal.post import post
from services.settings import Settings
from tests.journal.drafts import reservation
from tests.world import stock

COLUMN = {
    "commodity": "base_unit",
    "account": "holder",
    "lot": "batch",
    "entry": "actor",
    "move": "quantity",
    "leaf": "sealed_at",
    "balance": "inflow",
    "anchor": "root",
    "anchor_batch": "submitted_at",
    "signed_checkpoint": "note",
    "log_contract": "address",
}


@pytest.fixture
def kept(database: Database, tmp_path: Path) -> Database:
    with database.transaction() as session:
        post(session, reservation(stock(session), 5))
    writer = LogWriter(Settings(data_dir=tmp_path / "data"), database)
    writer.run_once()
    writer.close()
    return database


def refused(database: Database, statement: str) -> str:
    with (
        pytest.raises(sa.exc.IntegrityError, match="refused") as error,
        database.engine.begin() as connection,
    ):
        connection.execute(sa.text(statement))
    return str(error.value)


@pytest.mark.parametrize("table", [*APPEND_ONLY, "anchor_batch", "balance"])
def test_rows_are_neither_changed_nor_removed(kept: Database, table: str) -> None:
    if table != "balance":
        column = COLUMN[table]
        assert "append-only" in refused(kept, f"UPDATE {table} SET {column} = {column}")
    assert table in refused(kept, f"DELETE FROM {table}")
    assert "TRUNCATE" in refused(kept, f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize(
    "change",
    [
        "inflow = inflow - 1",
        "outflow = outflow - 1, inflow = inflow + 1",
        "lot_id = gen_random_uuid()",
        "may_overdraw = NOT may_overdraw",
    ],
)
def test_a_balance_only_grows(kept: Database, change: str) -> None:
    assert "only grow" in refused(kept, f"UPDATE balance SET {change}")


def test_a_balance_can_not_be_overdrawn_by_hand(kept: Database) -> None:
    with (
        pytest.raises(sa.exc.IntegrityError, match="not_overdrawn"),
        kept.engine.begin() as connection,
    ):
        connection.execute(
            sa.text("UPDATE balance SET outflow = inflow + 1 WHERE NOT may_overdraw")
        )


def test_every_guard_is_on_after_the_migration(kept: Database) -> None:
    with kept.transaction() as session:
        assert missing_guards(session) == []
