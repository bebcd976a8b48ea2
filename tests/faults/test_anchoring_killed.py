"""kill -9 at each step of sealing and anchoring: the next pass ends with log and journal as one."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.embedded import EmbeddedChain
from services.database import Database
from services.jobs import log as log_jobs
from services.jobs.log import LogBusy, LogWriter
from services.settings import Settings
from tests.faults.anchoring_victim import NODE_STEPS, ONCE, PAUSE, STEPS, TILES_STEPS
from tests.faults.log_on_node import NodeLog, demand_whole
from tests.ledger.anvil import running_anvil
from tests.test_log_tiles import parts, without_tiles
from tests.world import stock

ENTRIES = 10
TIMES = [0, *(pytest.param(time, marks=pytest.mark.slow) for time in range(1, 10))]


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def write(database: Database, entries: int = ENTRIES, name: str = "lot") -> None:
    with database.transaction() as session:
        for number in range(entries):
            stock(session, key=f"{name} {number}", quantity=1)


def victim(database: Database, settings: Settings, step: str, time: int) -> list[str]:
    node = settings.chain_url or "-"
    program = [sys.executable, "-m", "tests.faults.anchoring_victim"]
    return [*program, database.url, str(settings.data_dir), node, step, str(time)]


def kill_at(database: Database, settings: Settings, step: str, time: int) -> None:
    nth = 1 if step in ONCE else 1 + time % 4
    command = victim(database, settings, step, nth)
    ended = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("step", list(STEPS))
def test_a_pass_that_was_killed_is_ended_by_the_next_one(
    database: Database, settings: Settings, step: str, time: int
) -> None:
    write(database)
    kill_at(database, settings, step, time)
    write(database, 2, "after the kill")
    with closing(LogWriter(settings, database)) as writer:
        assert writer.run_once() == ENTRIES + 2
    with closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain:
        demand_whole(database, chain, ENTRIES + 2)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("step", list(TILES_STEPS))
def test_catching_up_with_tiles_that_was_killed_is_ended_by_the_next_pass(
    database: Database, settings: Settings, step: str, time: int
) -> None:
    write(database)
    with closing(LogWriter(settings, database)) as writer:
        writer.run_once()
    with database.transaction() as session:
        whole = b"".join(hashes for _, _, hashes in parts(session))
    without_tiles(database)
    kill_at(database, settings, step, time)
    with database.transaction() as session:
        assert len(parts(session)) == time % 4
    write(database, 2, "after the kill")
    with closing(LogWriter(settings, database)) as writer:
        writer.claim()
        with database.transaction() as session:
            assert b"".join(hashes for _, _, hashes in parts(session)) == whole
        assert writer.run_once() == ENTRIES + 2
    with closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain:
        demand_whole(database, chain, ENTRIES + 2)


@pytest.fixture
def node_log(database: Database, tmp_path: Path) -> Iterator[NodeLog]:
    with running_anvil() as url:
        log = NodeLog(database, tmp_path / "node", url)
        yield log
        log.writer.close()


@pytest.mark.anvil
@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("step", list(NODE_STEPS))
def test_a_pass_to_a_node_that_was_killed_is_ended_by_the_next_one(
    database: Database, node_log: NodeLog, step: str, time: int
) -> None:
    node_log.write(ENTRIES)
    kill_at(database, node_log.settings, step, time)
    node_log.write(2)
    node_log.catch_up()
    node_log.demand_whole()


def test_a_second_process_waits_for_the_first_and_then_finds_nothing_left(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(database)
    with (
        subprocess.Popen(
            victim(database, settings, PAUSE, 1), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as first,
        closing(LogWriter(settings, database)) as second,
    ):
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == b"in\n"
        monkeypatch.setattr(log_jobs, "PATIENCE_S", 0.3)
        with pytest.raises(LogBusy):
            second.run_once()
        monkeypatch.setattr(log_jobs, "PATIENCE_S", 60.0)
        first.stdin.write(b"go on\n")
        first.stdin.flush()
        # The lock of the chain's folder goes with the first process, a moment after its last word.
        assert first.wait(60) == 0
        assert second.run_once() == ENTRIES
    with closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain:
        demand_whole(database, chain, ENTRIES)
        assert len(list(chain.events(0, ENTRIES))) == 4
