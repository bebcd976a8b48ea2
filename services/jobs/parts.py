"""The parts of a run as durable jobs of their own, so that all workers share in a run.

The run's own job waits for its parts without working on them; they have a queue of their own, and
wait for nothing. So however many runs are being solved, there is always room for a part. A part's
row says what is to be solved and, once, what came of it: doing it twice changes nothing.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

import sqlalchemy as sa
import structlog
from dbos import DBOS
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from optimizer.crew import inline
from optimizer.errors import ProblemError
from services.database import Database
from services.dispatch.models import UNSOLVED, Run, RunPart
from services.jobs.child import Children, PartBroke, PartStopped
from services.jobs.retries import RETRIES
from services.queue import PARTS_QUEUE_NAME, enqueue, job_id
from services.settings import Settings

log = structlog.get_logger(__name__)

SOLVE_PART = "solve-part"
_POLL_S = 0.1
_LOOK_EVERY_S = 1.0
Stop = Callable[[], bool]


class PartFailed(Exception):
    """A part could not be solved; says which and why."""


class PartName(NamedTuple):
    """One part of one run, with these very bytes."""

    run_id: UUID
    stage: int
    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.run_id}/{self.stage}/{self.number}/{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Self:
        run_id, stage, number, digest = text.split("/")
        return cls(UUID(run_id), int(stage), int(number), digest)

    def rows(self) -> sa.ColumnElement[bool]:
        return sa.and_(
            col(RunPart.run_id) == self.run_id,
            col(RunPart.stage) == self.stage,
            col(RunPart.number) == self.number,
            col(RunPart.digest) == self.digest,
        )


class Workshop:
    """What a process that runs jobs solves parts with."""

    def __init__(self, settings: Settings, database: Database, executor: str) -> None:
        self.database = database
        self.executor = executor
        self.children = Children(settings.solve_processes)
        self.queued_from_bytes = settings.parts_queued_from_bytes

    def crew(self, run_id: UUID) -> "QueueCrew":
        return QueueCrew(self, run_id)


_workshop: Workshop | None = None


def use(workshop: Workshop | None) -> None:
    """Name what this process's jobs solve parts with; before they are launched."""
    global _workshop  # noqa: PLW0603
    _workshop = workshop


def _used() -> Workshop:
    assert _workshop is not None, "jobs run where Jobs.start() was called"
    return _workshop


@dataclass
class QueueCrew:
    """Solves a run's parts: small ones here and now, one alone in a child, many by all workers."""

    workshop: Workshop
    run_id: UUID
    stage: int = -1

    def __call__(self, tasks: Sequence[bytes], stop: Stop) -> Iterator[tuple[int, bytes]]:
        self.stage += 1
        if sum(map(len, tasks)) < self.workshop.queued_from_bytes:
            return inline(tasks, stop)
        if len(tasks) == 1:
            return self._alone(tasks[0], stop)
        return self._shared(tasks, stop)

    def _alone(self, task: bytes, stop: Stop) -> Iterator[tuple[int, bytes]]:
        try:
            yield 0, self.workshop.children.solve(task, stop)
        except PartStopped:
            return

    def _shared(self, tasks: Sequence[bytes], stop: Stop) -> Iterator[tuple[int, bytes]]:
        """Queue all that isn't solved yet, and hand on what ends, until all of it has."""
        missing = set(range(len(tasks)))
        if stop():
            return
        with self.workshop.database.transaction() as session:
            for number, task in enumerate(tasks):
                _queue(session, self.run_id, self.stage, number, task)
        while missing and not stop():
            self.workshop.children.go_on()
            ended = self._ended(missing)
            for number, result in ended:
                missing.remove(number)
                yield number, result
            if not ended:
                time.sleep(_POLL_S)
        if missing:
            self._call_off()

    def _ended(self, missing: set[int]) -> list[tuple[int, bytes]]:
        """One more part that has ended, if any: one at a time, since results may be large."""
        chosen = (
            select(RunPart.number, RunPart.result, RunPart.failure)
            .where(RunPart.run_id == self.run_id, RunPart.stage == self.stage)
            .where(col(RunPart.number).in_(missing), col(RunPart.solved_at).is_not(None))
            .order_by(col(RunPart.number))
            .limit(1)
        )
        with self.workshop.database.transaction() as session:
            row = session.exec(chosen).first()
        if row is None:
            return []
        number, result, failure = row
        if failure is not None:
            raise _error_of(number, failure)
        assert result is not None, "a part that is solved has a result until its run is"
        return [(number, result)]

    def _call_off(self) -> None:
        """Take back what isn't solved: whoever is at it, or comes to it, finds nothing to do."""
        with self.workshop.database.transaction() as session:
            session.execute(
                sa.delete(RunPart).where(
                    col(RunPart.run_id) == self.run_id, col(RunPart.solved_at).is_(None)
                )
            )


def _queue(session: Session, run_id: UUID, stage: int, number: int, task: bytes) -> None:
    """Write a part's row and queue its job; what ended already with these bytes stays so.

    A failed part stays failed: its job is over, and no other one would come by its name.
    """
    name = PartName(run_id, stage, number, hashlib.sha256(task).hexdigest())
    row = {
        "digest": name.digest,
        "task": task,
        "result": None,
        "failure": None,
        "solved_by": None,
        "queued_at": datetime.now(UTC),
        "solved_at": None,
    }
    written = insert(RunPart).values(run_id=run_id, stage=stage, number=number, **row)
    written = written.on_conflict_do_update(
        index_elements=["run_id", "stage", "number"],
        set_=row,
        where=col(RunPart.digest) != name.digest,
    )
    session.execute(written)
    enqueue(session, SOLVE_PART, str(name), queue_name=PARTS_QUEUE_NAME)


def _error_of(number: int, failure: Mapping[str, Any]) -> Exception:
    if "problem" in failure:
        return ProblemError(*failure["problem"])
    return PartFailed(f"part {number}: {failure['why']}")


@DBOS.workflow(name=SOLVE_PART)
def solve_part_workflow(subject: str) -> str:
    """Solve one part; where no attempt works, its row says why, and its run fails."""
    try:
        return solve_one_part(subject)
    except Exception as error:
        log.exception("part_failed", part=subject)
        return give_part_up(subject, f"{type(error).__name__}: {error}")


@DBOS.step(**RETRIES)
def solve_one_part(subject: str) -> str:
    workshop, name = _used(), PartName.parse(subject)
    task = _open_task(workshop.database, name)
    if task is None:
        return "nothing to do"
    try:
        result = workshop.children.solve(task, _given_up(workshop.database, name))
    except PartStopped:
        return "called off"
    except ProblemError as error:
        told = [error.code, error.where, error.message]
        return _end(workshop, name, failure={"problem": told})
    except PartBroke as error:
        return _end(workshop, name, failure={"why": str(error)})
    return _end(workshop, name, result=result)


@DBOS.step(**RETRIES)
def give_part_up(subject: str, why: str) -> str:
    return _end(_used(), PartName.parse(subject), failure={"why": why})


def _open_task(database: Database, name: PartName) -> bytes | None:
    unsolved = select(RunPart.task).where(name.rows(), col(RunPart.solved_at).is_(None))
    with database.transaction() as session:
        return session.exec(unsolved).first()


def _given_up(database: Database, name: PartName) -> Stop:
    """Whether the part was called off, or solved by another; looked up every second."""
    next_look = time.monotonic() + _LOOK_EVERY_S

    def stop() -> bool:
        nonlocal next_look
        if time.monotonic() < next_look:
            return False
        next_look = time.monotonic() + _LOOK_EVERY_S
        open_ = select(RunPart.number).where(name.rows(), col(RunPart.solved_at).is_(None))
        with database.transaction() as session:
            return session.exec(open_).first() is None

    return stop


def _end(
    workshop: Workshop,
    name: PartName,
    result: bytes | None = None,
    failure: dict[str, Any] | None = None,
) -> str:
    """Write what came of a part, unless it was written or called off before."""
    with workshop.database.transaction() as session:
        written = session.execute(
            sa.update(RunPart)
            .where(name.rows(), col(RunPart.solved_at).is_(None))
            .values(
                result=result,
                failure=failure,
                solved_by=workshop.executor if failure is None else None,
                solved_at=datetime.now(UTC),
            )
        )
    return "written" if written.rowcount else "too late"  # type: ignore[attr-defined]


def forget_bytes(database: Database, run_id: UUID) -> None:
    """Drop what a run that is over no longer needs; who solved what stays."""
    with database.transaction() as session:
        session.execute(
            sa.update(RunPart).where(col(RunPart.run_id) == run_id).values(task=None, result=None)
        )


def look_after_parts(database: Database, ended_badly: set[str]) -> set[str]:
    """Queue again what has no job, fail what ended badly; returns who is at the others."""
    at_work: set[str] = set()
    with database.transaction() as session:
        waiting = session.exec(
            select(RunPart.run_id, RunPart.stage, RunPart.number, RunPart.digest)
            .join(Run, col(Run.id) == col(RunPart.run_id))
            .where(col(Run.state).in_(UNSOLVED), col(RunPart.solved_at).is_(None))
        ).all()
    for row in waiting:
        name = PartName(*row)
        status = DBOS.get_workflow_status(job_id(SOLVE_PART, str(name)))
        if status is None:
            with database.transaction() as session:
                enqueue(session, SOLVE_PART, str(name), queue_name=PARTS_QUEUE_NAME)
        elif status.status in ended_badly:
            _end(_used(), name, failure={"why": f"its job ended as {status.status.lower()}"})
        elif status.status == "SUCCESS":
            # It found nothing to do, as the row wasn't there then; it never comes again.
            _end(_used(), name, failure={"why": "its job ended without a result"})
        elif status.status == "PENDING" and status.executor_id:
            at_work.add(status.executor_id)
    return at_work
