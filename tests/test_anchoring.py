"""The log's writer notices a chain that isn't the one it wrote to, and tells why it waits."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from typer.testing import CliRunner

from ledger.anchor import LogDiverged
from ledger.chain import ChainUnavailable
from ledger.embedded import EmbeddedChain
from services import cli
from services.audit import anchoring as stored
from services.audit.anchoring_models import AnchorBatch, AnchorState
from services.audit.models import Anchor
from services.database import Database
from services.jobs.log import Anchorer, LogWriter
from services.journal.seal import leaf_hashes_between
from services.settings import Settings
from tests.world import NOW, stock

PATIENCE_S = 30


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def writer(settings: Settings, database: Database) -> Iterator[LogWriter]:
    with closing(LogWriter(settings, database)) as writer:
        yield writer


def grow(writer: LogWriter, database: Database, *names: str) -> None:
    for name in names:
        with database.transaction() as session:
            stock(session, key=name)
        writer.run_once()


def rolled_back(settings: Settings, database: Database) -> None:
    """The chain's file as it was before the last two batches."""
    file = settings.data_dir / "chain" / "chain.sqlite3"
    with closing(LogWriter(settings, database)) as writer:
        grow(writer, database, "first")
    kept = file.read_bytes()
    with closing(LogWriter(settings, database)) as writer:
        grow(writer, database, "second", "third")
    for each in file.parent.glob("chain.sqlite3*"):
        each.unlink()
    file.write_bytes(kept)


def rewritten(settings: Settings, database: Database) -> None:
    """The chain as one could make it with the submitter's key: the same sizes, other leaves."""
    rolled_back(settings, database)
    with closing(EmbeddedChain(settings.data_dir / "chain")) as chain:
        chain.append(1, [b"\x01" * 32])
        chain.append(2, [b"\x02" * 32])


@pytest.mark.parametrize("spoil", [rolled_back, rewritten])
def test_a_chain_that_was_rolled_back_or_rewritten_is_noticed_at_the_start(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, spoil: object
) -> None:
    spoil(settings, database)  # type: ignore[operator]
    with closing(LogWriter(settings, database)) as writer:
        with pytest.raises(LogDiverged, match="rewritten or rolled back"):
            writer.claim()
        with pytest.raises(LogDiverged, match="rewritten or rolled back"):
            writer.run_once()
    monkeypatch.setattr(cli, "get_settings", lambda: settings)
    monkeypatch.setattr(cli, "open_database", lambda _: database)
    told = CliRunner().invoke(cli.app, ["check"])
    assert told.exit_code == 1
    assert "tree of 3 leaves" in " ".join(told.output.split())


def test_a_block_that_was_made_again_is_noticed_although_every_root_is_right(
    settings: Settings, database: Database
) -> None:
    rolled_back(settings, database)
    with database.transaction() as session:
        leaves = leaf_hashes_between(session, 0, 3)
    later = time.time() + 1_000
    with closing(EmbeddedChain(settings.data_dir / "chain", clock=lambda: later)) as chain:
        chain.append(1, leaves[1:2])
        chain.append(2, leaves[2:3])
    with (
        closing(LogWriter(settings, database)) as writer,
        pytest.raises(LogDiverged, match="block"),
    ):
        writer.claim()


def test_another_chain_in_the_folder_is_refused(settings: Settings, database: Database) -> None:
    with closing(LogWriter(settings, database)) as writer:
        grow(writer, database, "first")
    shutil.rmtree(settings.data_dir / "chain")
    with closing(LogWriter(settings, database)) as writer, pytest.raises(Exception, match="chain"):
        writer.claim()


def test_on_the_embedded_chain_what_is_mined_is_final(
    writer: LogWriter, database: Database
) -> None:
    grow(writer, database, "first", "second")
    with database.transaction() as session:
        far = stored.progress(session)
        assert (far.submitted, far.mined, far.final) == (2, 2, 2)
        assert stored.unfinished_anchors(session) == []


def test_a_backlog_goes_in_by_full_batches(
    writer: LogWriter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.jobs.anchoring.MAX_BATCH", 4)
    with database.transaction() as session:
        for number in range(10):
            stock(session, key=f"lot {number}")
    writer.run_once()
    with database.transaction() as session:
        assert sorted(session.exec(select(Anchor.size))) == [4, 8, 10]


def test_a_batch_that_was_sent_is_sent_again_with_the_same_leaves(
    writer: LogWriter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ChainUnavailable("away")

    with database.transaction() as session:
        stock(session, key="first")
    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedChain, "append", away)
        with pytest.raises(ChainUnavailable):
            writer.run_once()
    grow(writer, database, "second", "third")
    with database.transaction() as session:
        far = stored.progress(session)
        assert (far.submitted, far.mined) == (3, 3)
        assert session.get(AnchorBatch, 1) is not None
        assert session.get_one(Anchor, 1).state is AnchorState.FINAL


@pytest.mark.parametrize(
    ("error", "stopped", "word"),
    [(ChainUnavailable("no node"), False, "away"), (LogDiverged("other"), True, "Stopped")],
)
def test_the_log_says_why_it_waits_and_entries_keep_coming(
    api: TestClient,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    stopped: bool,
    word: str,
) -> None:
    def fails(_: LogWriter) -> int:
        raise error

    writer = LogWriter(settings, database)
    anchorer = Anchorer(writer, 0.05)
    with monkeypatch.context() as patch:
        patch.setattr(LogWriter, "_anchor_all", fails)
        anchorer.start()
        wait_until(api, trouble=str(error), stopped=stopped)
        with database.transaction() as session:
            stock(session, key="meanwhile")
        wait_until(api, sealed=1, mined=0)
        assert word in api.get("/en/log").text
        assert "1 wait" in api.get("/en/log").text
    wait_until(api, trouble=None, stopped=False, final=1)
    anchorer.stop()
    writer.close()
    assert word not in api.get("/en/log").text


def wait_until(api: TestClient, **expected: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = api.get("/api/v1/audit/log").json()
        if {name: found[name] for name in expected} == expected:
            return
        time.sleep(0.05)
    raise AssertionError(found)


@pytest.mark.parametrize("batches", [1, 3, 7, 8, 60])
@pytest.mark.parametrize("final_only", [False, True])
def test_of_a_long_log_some_anchors_are_read_and_the_newest_among_them(
    database: Database, monkeypatch: pytest.MonkeyPatch, batches: int, final_only: bool
) -> None:
    monkeypatch.setattr(stored, "SAMPLED", 16)
    newest = 3 * batches - 6 if final_only and batches > 2 else 3 * batches
    with database.transaction() as session:
        for number in range(1, batches + 1):
            final = 3 * number <= newest
            session.add(an_anchor(3 * number, AnchorState.FINAL if final else AnchorState.MINED))
        session.flush()
        sizes = [each.size for each in stored.sample_of_anchors(session, final_only=final_only)]
        session.rollback()
    there = list(range(3, newest + 1, 3))
    assert sizes == sorted(set(sizes))
    assert set(sizes) <= set(there)
    assert sizes[-1] == there[-1]
    assert len(sizes) == min(len(there), len(sizes)) <= 16
    # None is left out of a short log, and no part of a long one.
    assert sizes[0] == 3
    if len(there) <= 8:
        assert sizes == there
    gaps = [after - before for before, after in pairwise(sizes)]
    assert max(gaps, default=0) <= newest // 8 + 3


def an_anchor(size: int, state: AnchorState) -> Anchor:
    return Anchor(
        size=size,
        first_index=size - 3,
        root=bytes(32),
        chain_id=1,
        contract="0x",
        tx_hash="",
        block_number=size,
        block_hash="",
        anchored_at=NOW,
        state=state,
    )
