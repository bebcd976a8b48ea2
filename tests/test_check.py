"""`medrelay check` opens the chain itself, and raises no alarm over what is still on its way."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session
from typer.testing import CliRunner

from ledger.canonical import canonicalize, digest, parse
from ledger.chain import TreeHead
from ledger.embedded import EmbeddedChain
from ledger.merkle import leaf_hash
from services import cli
from services.database import Database
from services.jobs import check
from services.jobs.anchoring import Anchoring
from services.jobs.check import check_everything
from services.jobs.log import LogWriter
from services.journal.verify import Difference
from services.settings import Settings
from tests.world import stock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def writer(database: Database, settings: Settings) -> Iterator[LogWriter]:
    """A log with one entry anchored in it."""
    with database.transaction() as session:
        stock(session)
    with closing(LogWriter(settings, database)) as writer:
        writer.run_once()
        yield writer


def tamper(database: Database, *statements: str) -> None:
    """Change what the guards keep, as somebody could who has the database."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(sa.text(statement))


def found(database: Database, settings: Settings) -> list[tuple[str, str]]:
    with (
        closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain,
        database.transaction() as session,
    ):
        return [(each.what, each.where) for each in check_everything(session, chain)]


def run_check(
    monkeypatch: pytest.MonkeyPatch, database: Database, settings: Settings
) -> tuple[int, str]:
    monkeypatch.setattr(cli, "get_settings", lambda: settings)
    monkeypatch.setattr(cli, "open_database", lambda _: database)
    result = CliRunner().invoke(cli.app, ["check"])
    return result.exit_code, " ".join(result.output.split())


def rewrite_history(database: Database) -> None:
    """Other bytes for the one entry, and everything in the database made to agree with them."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        [body] = connection.execute(sa.text("SELECT body FROM entry")).scalars()
        record = dict(parse(body))
        [move] = record["moves"]  # type: ignore[misc]
        record["moves"] = [{**move, "quantity": "5"}]  # type: ignore[dict-item]
        new = canonicalize(record)
        sent = {k: v for k, v in record.items() if k not in {"log", "recorded_at", "_sd"}}
        connection.execute(
            sa.text("UPDATE entry SET body = :body, digest = :digest, content_digest = :content"),
            {"body": new, "digest": digest(new), "content": digest(canonicalize(sent))},
        )
        connection.execute(sa.text("UPDATE leaf SET leaf_hash = :leaf"), {"leaf": leaf_hash(new)})
        connection.execute(sa.text("UPDATE move SET quantity = 5"))
        connection.execute(sa.text("UPDATE balance SET inflow = 5 WHERE inflow > 0"))
        connection.execute(sa.text("UPDATE balance SET outflow = 5 WHERE outflow > 0"))
        for table in ("anchor", "signed_checkpoint", "log_contract"):
            connection.execute(sa.text(f"DELETE FROM {table}"))


def test_the_chain_is_read_although_nothing_tells_of_it(
    writer: LogWriter, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = run_check(monkeypatch, database, settings)
    assert (code, told) == (0, "Everything agrees: entries, balances, leaves and the chain.")
    rewrite_history(database)
    code, told = run_check(monkeypatch, database, settings)
    assert code == 1
    assert "leaf 0" in told
    assert "log_contract" in told


def test_a_chain_that_was_not_read_is_told(
    writer: LogWriter, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = settings.model_copy(update={"chain_url": "http://127.0.0.1:1", "chain_timeout_s": 1})
    gone = settings.model_copy(update={"data_dir": settings.data_dir / "elsewhere"})
    for changed, why in ((away, "doesn't answer"), (gone, "there is no chain")):
        code, told = run_check(monkeypatch, database, changed)
        assert code == 3
        assert "The chain was NOT checked" in told
        assert why in told
        assert "and the chain" not in told
    rewrite_history(database)
    code, told = run_check(monkeypatch, database, away)
    assert code == 1  # the entries say which contract they are in, and the database doesn't
    assert "log_contract" in told
    assert "no contract" in told


def test_a_node_is_read_at_the_contract_that_the_operator_names(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []

    def noted(_url: str, _folder: Path, *, address: str | None, **_: object) -> EmbeddedChain:
        asked.append(address)
        return EmbeddedChain(settings.data_dir / "chain")

    monkeypatch.setattr(cli, "open_chain", noted)
    named = settings.model_copy(update={"chain_url": "http://node", "chain_contract": "0xC0"})
    assert run_check(monkeypatch, database, named)[0] == 0
    assert asked == ["0xC0"]


def test_nothing_sealed_needs_no_chain(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = settings.model_copy(update={"data_dir": settings.data_dir / "elsewhere"})
    code, told = run_check(monkeypatch, database, gone)
    assert code == 0
    assert "The chain was NOT checked: there is no chain" in told


class WhileReading:
    """The chain, with something else happening right after its size was first read."""

    def __init__(self, chain: EmbeddedChain, meanwhile: Callable[[], object]) -> None:
        self._chain, self._meanwhile = chain, [meanwhile]

    def head(self) -> TreeHead:
        head = self._chain.head()
        while self._meanwhile:
            self._meanwhile.pop()()
        return head

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)


def test_what_is_anchored_during_the_check_is_no_difference(
    writer: LogWriter, database: Database, settings: Settings
) -> None:
    def more() -> None:
        with database.transaction() as other:
            stock(other, key="more")
        writer.run_once()

    with (
        closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain,
        database.transaction() as session,
    ):
        differences = check_everything(session, WhileReading(chain, more))  # type: ignore[arg-type]
        assert list(differences) == []


def test_what_is_anchored_after_the_snapshot_is_no_difference(
    writer: LogWriter, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = check.check_journal

    def then_more(session: Session) -> Iterator[Difference]:
        yield from real(session)
        with database.transaction() as other:
            stock(other, key="more")
        writer.run_once()

    monkeypatch.setattr(check, "check_journal", then_more)
    assert found(database, settings) == []


ANCHOR = {
    "block_hash": "'00'",
    "tx_hash": "'ff'",
    "block_number": "99",
    "contract": "'0xdead'",
    "chain_id": "1",
}


@pytest.mark.parametrize("column", list(ANCHOR))
def test_an_anchor_is_held_to_the_chain(
    writer: LogWriter, database: Database, settings: Settings, column: str
) -> None:
    tamper(database, f"UPDATE anchor SET {column} = {ANCHOR[column]}")
    assert found(database, settings) == [("anchor", f"anchor of 1, {column}")]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE log_contract SET address = '0xdead'", "log_contract"),
        ("UPDATE log_contract SET chain_id = 7", "log_contract"),
        ("UPDATE log_contract SET verifier_key = 'x+y+z'", "verifier_key"),
        ("DELETE FROM log_contract", "log_contract"),
        ("DELETE FROM signed_checkpoint", "checkpoint_missing"),
        ("DELETE FROM anchor", "checkpoint_root"),
    ],
)
def test_what_the_log_keeps_of_itself_is_checked(
    writer: LogWriter, database: Database, settings: Settings, change: str, named: str
) -> None:
    tamper(database, change)
    assert named in {what for what, _ in found(database, settings)}


def test_anchoring_goes_on_after_an_anchors_row_was_lost(
    writer: LogWriter, database: Database, settings: Settings
) -> None:
    with database.transaction() as session:
        stock(session, key="second")
    writer.run_once()
    tamper(database, "DELETE FROM anchor WHERE size = 2")
    assert writer.run_once() == 2
    with database.transaction() as session:
        stock(session, key="third")
    assert writer.run_once() == 3
    assert found(database, settings) == []


def test_a_pass_reads_only_the_leaves_that_the_last_one_had_not(
    writer: LogWriter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = Anchoring.leaves

    def noted(self: Anchoring, start: int, stop: int) -> Sequence[bytes]:
        read.append(start)
        return real(self, start, stop)

    monkeypatch.setattr(Anchoring, "leaves", noted)
    for number in range(3):
        with database.transaction() as session:
            stock(session, key=f"lot {number}")
        writer.run_once()
    assert min(read) == 1
    assert sorted(set(read)) == [1, 2, 3]
