"""A run in parts that any worker may solve: the same plan, whoever solves them and whoever dies."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import select

from optimizer.errors import ProblemError
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.solve import solve
from services.database import Database
from services.dispatch.models import Run, RunPart, RunState
from services.jobs import child, parts
from services.jobs.child import Children, PartBroke, PartStopped
from services.jobs.parts import PartName, QueueCrew, Workshop, _queue
from services.jobs.sweep import Sweeper
from services.settings import Settings
from tests.dispatch.test_runs import ask, start
from tests.test_jobs import ended, jobs
from tests.world import World, stock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Every part is queued, however small."""
    return Settings(
        data_dir=tmp_path / "data", anchor_every_s=1, parts_queued_from_bytes=0, solve_processes=2
    )


@pytest.fixture
def run_id(api: TestClient, world: World, database: Database) -> UUID:
    """A run that waits in the queue, of two items that have nothing to do with each other."""
    with database.transaction() as session:
        stock(session)
        stock(session, item="surgical_mask")
    ask(api, world, 500)
    ask(api, world, 1500, item="surgical_mask")
    ask(api, world, 2500, site="H2")
    return UUID(start(api, world))


def plan_bytes(run: Run) -> bytes:
    assert run.plan is not None, run.failure
    return run.plan


def inline_plan(run: Run) -> Plan:
    return solve(Problem.from_json(run.snapshot))


def rows(database: Database, run_id: UUID) -> list[RunPart]:
    with database.transaction() as session:
        chosen = select(RunPart).where(RunPart.run_id == run_id).order_by(RunPart.number)
        return list(session.exec(chosen))


def test_a_run_in_queued_parts_has_the_plan_of_one_solved_in_one_go(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    with jobs(settings, database) as running:
        run = ended(database, run_id)
        name = running._name
    plan = Plan.from_json(plan_bytes(run))
    assert plan.solver.status == "optimal"
    assert plan.allocations == inline_plan(run).allocations
    assert plan.certificate == inline_plan(run).certificate
    found = rows(database, run_id)
    assert [(each.stage, each.number, each.solved_by) for each in found] == [
        (0, 0, name),
        (0, 1, name),
    ]
    assert (run.parts_done, run.parts_total) == (2, 2)


def test_the_bytes_of_parts_go_when_the_run_is_over(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    with jobs(settings, database):
        ended(database, run_id)
        deadline = time.monotonic() + 20
        while any(each.task for each in rows(database, run_id)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert [(each.task, each.result) for each in rows(database, run_id)] == [(None, None)] * 2
    assert all(len(each.digest) == 64 for each in rows(database, run_id))


def test_small_parts_are_solved_in_one_go(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    roomy = settings.model_copy(update={"parts_queued_from_bytes": 10**6})
    with jobs(roomy, database):
        assert ended(database, run_id).state is RunState.PROPOSED
    assert rows(database, run_id) == []


def test_parts_have_room_while_runs_take_all_of_theirs(
    api: TestClient, world: World, settings: Settings, database: Database, run_id: UUID
) -> None:
    """Three runs at once, of which two take all the room for runs, with one process for parts."""
    others = [UUID(start(api, world)) for _ in range(2)]
    narrow = settings.model_copy(update={"solve_processes": 1})
    with jobs(narrow, database):
        for each in (run_id, *others):
            assert ended(database, each).state is RunState.PROPOSED


def open_part(database: Database, run_id: UUID, number: int, task: bytes) -> None:
    with database.transaction() as session:
        _queue(session, run_id, 0, number, task)


def tasks_of(database: Database, run_id: UUID) -> list[bytes]:
    """The parts that the solver hands out for this run."""
    with database.transaction() as session:
        problem = Problem.from_json(session.get_one(Run, run_id).snapshot)
    found: list[bytes] = []

    def crew(tasks: Sequence[bytes], stop: Callable[[], bool]) -> Iterator[tuple[int, bytes]]:
        found.extend(tasks)
        return iter(())

    solve(problem, crew=crew)
    return found


def test_a_part_that_is_solved_stays_solved(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    """As after a kill of the run's own process: the parts that were solved before aren't again."""
    first, _ = tasks_of(database, run_id)
    open_part(database, run_id, 0, first)
    workshop = Workshop(settings, database, "killed")
    name = rows(database, run_id)[0]
    with database.transaction() as session:
        session.execute(sa.text("DELETE FROM dbos.workflow_status WHERE name = 'solve-part'"))
    result = workshop.children.solve(first, lambda: False)
    workshop.children.close()
    parts._end(workshop, PartName(run_id, 0, 0, name.digest), result=result)
    with jobs(settings, database) as running:
        run = ended(database, run_id)
        living = running._name
    assert [each.solved_by for each in rows(database, run_id)] == ["killed", living]
    assert Plan.from_json(plan_bytes(run)).allocations == inline_plan(run).allocations


def test_a_dead_workers_part_is_solved_by_another(
    settings: Settings, database: Database, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job was taken from the queue by a process that then died."""
    first, _ = tasks_of(database, run_id)
    open_part(database, run_id, 0, first)
    with database.engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = 'killed' "
                "WHERE name = 'solve-part'"
            )
        )
    with jobs(settings, database) as running:
        assert ended(database, run_id).state is RunState.PROPOSED
        assert {each.solved_by for each in rows(database, run_id)} == {running._name}


def test_a_living_workers_part_is_left_to_it(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    first, _ = tasks_of(database, run_id)
    open_part(database, run_id, 0, first)
    with database.engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = 'living' "
                "WHERE name = 'solve-part'"
            )
        )
    living = Sweeper(database, "living")
    living.hold()
    job = sa.text(
        "SELECT status, executor_id FROM dbos.workflow_status WHERE workflow_uuid LIKE :p"
    )
    with jobs(settings, database) as running:
        running._sweeper.sweep()
        with database.engine.connect() as connection:
            found = connection.execute(job, {"p": f"solve-part:{run_id}/0/0/%"}).one()
        assert found == ("PENDING", "living")
        living.release()
        running._sweeper.sweep()
        assert ended(database, run_id).state is RunState.PROPOSED


def mark_jobs_done(database: Database) -> None:
    """As DBOS leaves them once they have ended: queueing them again does nothing."""
    with database.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE dbos.workflow_status SET status = 'SUCCESS' WHERE name = 'solve-part'")
        )


def test_a_run_taken_up_again_after_a_part_failed_fails_with_its_reason(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    """As after a kill of the run's own process between the part's end and the run's."""
    first, _ = tasks_of(database, run_id)
    open_part(database, run_id, 0, first)
    workshop = Workshop(settings, database, "killed")
    name = PartName(run_id, 0, 0, rows(database, run_id)[0].digest)
    parts._end(workshop, name, failure={"problem": ["too_large", "items 'gloves'", "too many"]})
    mark_jobs_done(database)
    open_part(database, run_id, 0, first)
    assert rows(database, run_id)[0].failure is not None
    with jobs(settings, database):
        assert ended(database, run_id).failure == "items 'gloves': too many"


def test_a_part_whose_job_ended_without_a_result_fails_its_run(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    first, _ = tasks_of(database, run_id)
    open_part(database, run_id, 0, first)
    mark_jobs_done(database)
    with jobs(settings, database) as running:
        running._sweeper.sweep()
        run = ended(database, run_id)
    assert run.state is RunState.FAILED
    assert "part 0: its job ended without a result" in str(run.failure)


def test_a_part_that_can_not_be_solved_fails_its_run_with_the_reason(
    settings: Settings, database: Database, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Children, task: bytes, stop: object) -> bytes:
        raise ProblemError("too_large", "items 'gloves'", "more than can be counted; give less")

    monkeypatch.setattr(Children, "solve", refuse)
    with jobs(settings, database):
        run = ended(database, run_id)
    assert run.failure == "items 'gloves': more than can be counted; give less"


def test_a_part_whose_process_dies_fails_its_run_and_names_the_part(
    settings: Settings, database: Database, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: Children, task: bytes, stop: object) -> bytes:
        raise PartBroke("its process ended (-9)")

    monkeypatch.setattr(Children, "solve", die)
    with jobs(settings, database):
        run = ended(database, run_id)
    assert run.state is RunState.FAILED
    assert "PartFailed: part " in str(run.failure)
    assert "its process ended (-9)" in str(run.failure)


def test_a_worker_that_is_stopped_leaves_its_run_to_the_next(
    settings: Settings, database: Database, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither failed nor proposed as if it had been stopped by hand."""
    begun = threading.Event()
    real = child._Child.solve

    def slow(self: child._Child, task: bytes, stop: Callable[[], bool]) -> bytes:
        begun.set()
        while not stop():
            time.sleep(0.05)
        raise PartStopped

    monkeypatch.setattr(child._Child, "solve", slow)
    with jobs(settings, database):
        assert begun.wait(20)
    time.sleep(0.5)
    with database.transaction() as session:
        assert session.get_one(Run, run_id).state is RunState.SOLVING
    assert [each.solved_at for each in rows(database, run_id)] == [None, None]
    monkeypatch.setattr(child._Child, "solve", real)
    with jobs(settings, database):
        assert ended(database, run_id).state is RunState.PROPOSED


def test_a_run_that_is_stopped_proposes_the_best_so_far_and_calls_its_parts_off(
    api: TestClient,
    world: World,
    settings: Settings,
    database: Database,
    run_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = threading.Event()

    def slow(self: Children, task: bytes, stop: Callable[[], bool]) -> bytes:
        begun.set()
        while not stop():
            time.sleep(0.05)
        raise PartStopped

    monkeypatch.setattr(Children, "solve", slow)
    url = f"/api/v1/runs/{run_id}/stop"
    with jobs(settings, database):
        assert begun.wait(20)
        assert api.post(url, headers=world.bearer("auditor")).status_code == 403
        assert api.post(url, headers=world.bearer("dispatcher")).status_code == 200
        run = ended(database, run_id)
        deadline = time.monotonic() + 20
        while rows(database, run_id):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert run.state is RunState.PROPOSED
    assert Plan.from_json(plan_bytes(run)).solver.status == "stopped"
    assert api.post(url, headers=world.bearer("dispatcher")).status_code == 200


def test_a_child_solves_refuses_stops_and_survives_what_breaks(
    database: Database, run_id: UUID
) -> None:
    children = Children(1)
    task = tasks_of(database, run_id)[0]
    solved = children.solve(task, lambda: False)
    assert children.solve(task, lambda: False) == solved
    with pytest.raises(PartBroke):
        children.solve(b"no part", lambda: False)
    worker = children._all[0]._process
    assert worker is not None
    worker.kill()
    worker.wait()
    assert children.solve(task, lambda: False) == solved
    children.close()
    with pytest.raises(child.WorkerEnds):
        children.solve(task, lambda: False)


def test_the_crew_queues_a_part_once_however_often_it_is_asked(
    settings: Settings, database: Database, run_id: UUID
) -> None:
    task, other = tasks_of(database, run_id)
    for each in (task, task, other):
        open_part(database, run_id, 0, each)
    assert len(rows(database, run_id)) == 1
    with database.engine.connect() as connection:
        queued = sa.text(
            "SELECT count(*) FROM dbos.workflow_status WHERE queue_name = 'medrelay-parts'"
        )
        assert connection.execute(queued).scalar_one() == 2
    crew = QueueCrew(Workshop(settings, database, "me"), run_id)
    assert list(crew([task, other], lambda: True)) == []
