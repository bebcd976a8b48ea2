"""Two real worker processes share a run; one may be killed with -9, and the plan is the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from optimizer.problem import Problem
from optimizer.solve import solve
from services.catalog.models import Item
from services.database import Database
from services.dispatch.models import Run, RunPart, RunState
from services.dispatch.schemas import RunIn
from services.dispatch.service import start_run
from services.journal.models import Commodity, CommodityClass
from services.parties.models import Role
from services.parties.service import Actor
from tests import shipments
from tests.e2e.processes import running, tail
from tests.world import user_id

PATIENCE_S = 120
ITEMS = 60
DISPATCHER = Actor(user_id("dispatcher"), "dispatcher", Role.DISPATCHER, "RELIEF")


@pytest.fixture
def run_id(database: Database) -> UUID:
    """A run of many items that have nothing to do with each other: as many parts."""
    with database.transaction() as session:
        codes = [_an_item(session, number) for number in range(ITEMS)]
        for number, code in enumerate(codes):
            goods = shipments.Goods(100 + number, code)
            shipments.a_lot(session, goods)
            for site in ("H1", "H2"):
                shipments.a_need(session, goods, site)
    with database.transaction() as session:
        body = RunIn(id=uuid4(), day=shipments.DAY, horizon_days=7)
        return start_run(session, DISPATCHER, body)[0].id


def _an_item(session: Session, number: int) -> str:
    code = f"item_{number}"
    session.add(Commodity(code=code, commodity_class=CommodityClass.GOODS, base_unit="piece"))
    session.flush()
    session.add(Item(code=code, name_en=code, name_zh=code, category="ppe"))
    session.flush()
    return code


class Workers:
    """`medrelay work`, twice, on one database; the chain's node is away, which stops no run."""

    def __init__(self, database: Database, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        environment = os.environ | {
            "MEDRELAY_DATA_DIR": str(folder / "keys"),
            "MEDRELAY_DATABASE_URL": database.url,
            "MEDRELAY_CHAIN_URL": "http://127.0.0.1:1",
            "MEDRELAY_SOLVE_PROCESSES": "1",
            "MEDRELAY_PARTS_QUEUED_FROM_BYTES": "0",
        }
        command = [sys.executable, "-c", "from services.cli import main; main()", "work"]
        self.processes = [
            stack.enter_context(running(name, command, folder, env=environment))
            for name in ("one", "two")
        ]

    def named(self, pid: int) -> subprocess.Popen[bytes]:
        return next(each for each in self.processes if each.pid == pid)

    def logs(self) -> str:
        return "\n".join(tail(log) for log in sorted(self.folder.glob("*.log")))


@pytest.fixture
def workers(database: Database, tmp_path: Path) -> Iterator[Workers]:
    (tmp_path / "keys").mkdir(mode=0o700)
    with ExitStack() as stack:
        yield Workers(database, tmp_path, stack)


def parts(database: Database, run_id: UUID) -> dict[int, RunPart]:
    with database.transaction() as session:
        solved = select(RunPart).where(
            RunPart.run_id == run_id, col(RunPart.solved_by).is_not(None)
        )
        return {part.number: part for part in session.exec(solved)}


def pid_of(executor: str | None) -> int:
    return int(str(executor).split(":")[1])


def parent(database: Database, run_id: UUID) -> int:
    """The process that has the run's own job."""
    query = sa.text("SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = :job")
    with database.engine.connect() as connection:
        return pid_of(connection.execute(query, {"job": f"solve:{run_id}"}).scalar_one())


def proposed(database: Database, run_id: UUID, workers: Workers) -> Run:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with database.transaction() as session:
            run = session.get_one(Run, run_id)
        if run.state not in {RunState.QUEUED, RunState.SOLVING}:
            assert run.state is RunState.PROPOSED, run.failure
            return run
        time.sleep(0.1)
    raise AssertionError(f"run {run_id} is still {run.state}:\n{workers.logs()}")


def check_plan_is_the_inline_one(run: Run) -> None:
    plan = replace(solve(Problem.from_json(run.snapshot)), problem_digest=run.snapshot_digest)
    assert run.plan == plan.to_json().encode()


@pytest.mark.slow
def test_two_workers_share_a_run_and_its_plan_is_that_of_one(
    database: Database, run_id: UUID, workers: Workers
) -> None:
    run = proposed(database, run_id, workers)
    check_plan_is_the_inline_one(run)
    solved = parts(database, run_id)
    assert len(solved) == ITEMS
    assert {pid_of(part.solved_by) for part in solved.values()} == {
        process.pid for process in workers.processes
    }


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["the run's own worker", "the other worker"])
def test_a_worker_that_is_killed_loses_nothing_that_was_solved(
    database: Database, run_id: UUID, workers: Workers, whom: str
) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len({part.solved_by for part in parts(database, run_id).values()}) < 2:
        assert time.monotonic() < deadline, workers.logs()
        time.sleep(0.05)
    own = workers.named(parent(database, run_id))
    other = next(each for each in workers.processes if each is not own)
    victim = own if whom == "the run's own worker" else other
    children = _children_of(victim.pid)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    before = parts(database, run_id)
    assert 0 < len(before) < ITEMS
    run = proposed(database, run_id, workers)
    check_plan_is_the_inline_one(run)
    after = parts(database, run_id)
    assert len(after) == ITEMS
    for number, part in before.items():
        assert after[number].solved_at == part.solved_at
        assert after[number].solved_by == part.solved_by
    late = [part for number, part in after.items() if number not in before]
    assert {pid_of(part.solved_by) for part in late} == {(own if victim is other else other).pid}
    assert children
    assert _end_by_themselves(children)


def _children_of(pid: int) -> set[int]:
    """The processes that this one started and that are alive."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    pairs = [line.split() for line in listed.stdout.splitlines()[1:]]
    return {int(child) for child, parent in pairs if int(parent) == pid}


def _end_by_themselves(pids: set[int]) -> bool:
    """Whether they are gone soon: a child reads nothing more once its parent is dead."""
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)
