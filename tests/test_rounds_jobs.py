"""Rounds are planned by a durable job, or said to have failed, whatever happens on the way."""

import time
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from optimizer.report import Report, Violation
from optimizer.rounds_parts import Rounds, RoundsProblem
from services.database import Database
from services.jobs import rounds as job
from services.jobs.sweep import Sweeper
from services.rounds import solving
from services.settings import Settings
from services.transport.models import RoundsPlan, RoundsState
from tests.rounds import add_lorry, read, start
from tests.shipments import Goods, plan
from tests.test_jobs import PATIENCE_S, failing_first, jobs

ENDED = {RoundsState.PLANNED, RoundsState.FAILED}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", anchor_every_s=1)


@pytest.fixture
def plan_id(api: TestClient, database: Database) -> UUID:
    """A plan of rounds that waits in the queue."""
    plan(database, Goods(100))
    add_lorry(api)
    return UUID(start(api).json()["id"])


def ended(database: Database, plan_id: UUID) -> RoundsPlan:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with database.transaction() as session:
            found = session.get_one(RoundsPlan, plan_id)
        if found.state in ENDED:
            return found
        time.sleep(0.1)
    raise AssertionError(f"rounds {plan_id} are still {found.state}")


def test_the_job_plans_what_was_queued(
    api: TestClient,
    settings: Settings,
    database: Database,
    plan_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the database is away for a moment."""
    monkeypatch.setattr(job, "solve_rounds", failing_first(2, job.solve_rounds))
    with jobs(settings, database):
        assert ended(database, plan_id).state is RoundsState.PLANNED
    assert read(api, str(plan_id))["rounds"] == 1


def test_rounds_that_no_attempt_plans_have_failed_with_the_reason(
    settings: Settings, database: Database, plan_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(job, "solve_rounds", broken)
    with jobs(settings, database):
        found = ended(database, plan_id)
    assert found.state is RoundsState.FAILED
    assert found.failure == "They couldn't be planned (ZeroDivisionError). Plan again."


def test_rounds_that_break_a_rule_are_never_shown(
    api: TestClient, database: Database, plan_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: RoundsProblem, __: Rounds) -> Report:
        violation = Violation("capacity", "round 1", "carries too much")
        return Report(ok=False, proven=False, verified=(), violations=(violation,))

    monkeypatch.setattr(solving, "check_rounds", refuse)
    assert solving.solve_rounds(database, plan_id) is RoundsState.FAILED
    told = read(api, str(plan_id))
    assert "carries too much" in told["failure"]
    assert told["plan"] == []


def test_a_plan_that_lost_its_place_in_the_queue_is_queued_again(
    settings: Settings, database: Database, plan_id: UUID
) -> None:
    with database.transaction() as session:
        session.connection().execute(sa.text("DELETE FROM dbos.workflow_status"))
    with jobs(settings, database):
        Sweeper(database, "other").sweep()
        assert ended(database, plan_id).state is RoundsState.PLANNED
