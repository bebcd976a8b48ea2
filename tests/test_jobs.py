"""A run is solved or told as failed, whatever happens on the way to a plan."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from services.database import Database
from services.dispatch.models import Run, RunState
from services.jobs import log, runtime
from services.jobs.log import LogWriter
from services.jobs.runtime import Jobs
from services.jobs.sweep import Sweeper
from services.settings import Settings
from tests.dispatch.test_runs import ask, start
from tests.world import World, stock

PATIENCE_S = 30
ENDED = {RunState.PROPOSED, RunState.FAILED}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", anchor_every_s=1)


@pytest.fixture
def run_id(api: TestClient, world: World, database: Database) -> UUID:
    """A run that waits in the queue."""
    with database.transaction() as session:
        stock(session)
    ask(api, world, 500)
    return UUID(start(api, world))


@contextmanager
def jobs(settings: Settings, database: Database) -> Iterator[Jobs]:
    running = Jobs(settings, database)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def ended(database: Database, run_id: UUID) -> Run:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with database.transaction() as session:
            run = session.get_one(Run, run_id)
        if run.state in ENDED:
            return run
        time.sleep(0.1)
    raise AssertionError(f"run {run_id} is still {run.state}")


def away(*_: object) -> None:
    raise sa.exc.OperationalError("", {}, Exception("server closed the connection"))


def failing_first(times: int, real: Callable[..., object]) -> Callable[..., object]:
    left = [away] * times

    def call(*arguments: object) -> object:
        return left.pop()(*arguments) if left else real(*arguments)

    return call


def test_a_database_that_is_away_for_a_moment_strands_no_run(
    settings: Settings, database: Database, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "solve_run", failing_first(2, runtime.solve_run))
    with jobs(settings, database):
        assert ended(database, run_id).state is RunState.PROPOSED


def test_a_run_that_no_attempt_solves_has_failed_with_the_reason(
    settings: Settings, database: Database, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no lanes")

    monkeypatch.setattr(runtime, "solve_run", broken)
    with jobs(settings, database):
        run = ended(database, run_id)
    assert run.state is RunState.FAILED
    assert run.failure == "It couldn't be solved (ZeroDivisionError: no lanes). Start a new run."


@pytest.mark.parametrize("error", [log.WrongContract("other"), log.LogDiverged("other")])
def test_a_log_that_somebody_has_to_look_at_stops_no_run(
    settings: Settings,
    database: Database,
    run_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def refuse(_: LogWriter) -> int:
        raise error

    monkeypatch.setattr(LogWriter, "run_once", refuse)
    with jobs(settings, database):
        assert ended(database, run_id).state is RunState.PROPOSED


def test_a_log_that_somebody_else_writes_to_for_long_stops_no_run(
    settings: Settings, database: Database, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PATIENCE_S", 0.5)
    LogWriter(settings, database).close()
    other = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    monkeypatch.setattr(LogWriter, "claim", lambda _: None)
    with other:
        other.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": log._ANCHOR_LOCK})
        with jobs(settings, database):
            assert ended(database, run_id).state is RunState.PROPOSED
        other.execute(sa.text("SELECT pg_advisory_unlock_all()"))


def test_nothing_stays_open_in_the_database_while_the_chain_is_slow(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' "
        "AND datname = current_database()"
    )
    seen: list[int] = []

    def look(_: LogWriter) -> int:
        with database.engine.connect() as connection:
            seen.append(connection.execute(idle).scalar_one())
        return 0

    monkeypatch.setattr(LogWriter, "_anchor_all", look)
    LogWriter(settings, database).run_once()
    assert seen == [0]


def claimed_by(database: Database, run_id: UUID, executor: str) -> None:
    """As if a worker of this name had taken the job from the queue."""
    with database.engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = :executor "
                "WHERE workflow_uuid = :job"
            ),
            {"executor": executor, "job": f"solve:{run_id}"},
        )


def test_a_dead_workers_run_is_solved_by_another(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    claimed_by(database, run_id, "killed")
    with jobs(settings, database):
        assert ended(database, run_id).state is RunState.PROPOSED


def test_a_living_workers_run_is_left_to_it(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    claimed_by(database, run_id, "living")
    living = Sweeper(database, "living")
    living.hold()
    with jobs(settings, database) as running:
        running._sweeper.sweep()
        with database.engine.connect() as connection:
            job = sa.text("SELECT status, executor_id FROM dbos.workflow_status")
            assert connection.execute(job).one() == ("PENDING", "living")
        living.release()
        running._sweeper.sweep()
        assert ended(database, run_id).state is RunState.PROPOSED


@pytest.mark.parametrize("change", ["status = 'ERROR'", "status = 'CANCELLED'"])
def test_a_job_that_ended_badly_leaves_a_failed_run(
    settings: Settings, database: Database, run_id: UUID, change: str
) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE dbos.workflow_status SET {change}"))
    with jobs(settings, database):
        run = ended(database, run_id)
    assert run.state is RunState.FAILED
    assert "ended without a plan" in str(run.failure)


def test_a_run_whose_job_is_gone_is_queued_again(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM dbos.workflow_status"))
    with jobs(settings, database):
        assert ended(database, run_id).state is RunState.PROPOSED
