"""A process beside this one that solves parts, so that this one's other threads go on.

OR-Tools holds the interpreter's lock while it solves: in a server's threads it would stop every
answer. The child is a new interpreter that knows the optimizer alone. It ends by itself when its
parent does, however that ended, and is ended where a part is to be stopped.
"""

import json
import os
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, LifoQueue
from typing import IO

from optimizer.errors import ProblemError
from optimizer.part import solve_part

_POLL_S = 0.2
_LENGTH = struct.Struct("!BQ")
_SOLVED, _REFUSED, _BROKE = range(3)


class PartStopped(Exception):
    """Nobody wants this part any more."""


class PartBroke(Exception):
    """The part's process failed or died; says how."""


class WorkerEnds(BaseException):
    """The process is to end: whatever it has begun is left for another, as after a kill.

    No `Exception`, so that nothing on the way takes it for the job's own end and writes that down.
    """


class Children:
    """Up to ``count`` children, started when they are first needed; they take turns."""

    def __init__(self, count: int) -> None:
        self._all = [_Child() for _ in range(count)]
        # The one that worked last works next, so that only as many are started as are needed.
        self._idle: LifoQueue[_Child] = LifoQueue()
        for child in self._all:
            self._idle.put(child)
        self._closed = threading.Event()

    def solve(self, task: bytes, stop: Callable[[], bool]) -> bytes:
        """Solve a part in a child.

        Raises:
            PartStopped: ``stop()`` turned true.
            ProblemError: as `optimizer.part.solve_part` raises it.
            PartBroke: anything else.
            WorkerEnds: the children were closed meanwhile.

        """
        child = self._idle.get()
        try:
            self.go_on()
            return child.solve(task, lambda: self._closed.is_set() or stop())
        except (PartStopped, PartBroke):
            self.go_on()
            raise
        finally:
            self._idle.put(child)

    def go_on(self) -> None:
        """Raise WorkerEnds where the children were closed."""
        if self._closed.is_set():
            raise WorkerEnds

    def close(self) -> None:
        """End all children; whoever waits for one that works learns it by that."""
        self._closed.set()
        for child in self._all:
            child.kill()
        idle: list[_Child] = []
        with suppress(Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for child in idle:
            child.end()
            # Whoever waits for one has to learn that there are none.
            self._idle.put(child)


class _Child:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def solve(self, task: bytes, stop: Callable[[], bool]) -> bytes:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            # What the child writes fits no pipe either, but it reads all of the task before.
            _write(process.stdin, _SOLVED, task)
            _await(process.stdout, stop)
            kind, content = _read(process.stdout)
        except PartStopped:
            self.end()
            raise
        except (OSError, EOFError) as error:
            self.end()
            raise PartBroke(f"its process ended ({process.returncode})") from error
        if kind == _REFUSED:
            raise ProblemError(*json.loads(content))
        if kind == _BROKE:
            raise PartBroke(content.decode())
        return content

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.end()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.jobs.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        return self._process

    def kill(self) -> None:
        process = self._process
        if process is not None:
            process.kill()

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                with suppress(OSError):
                    stream.close()


def _await(stream: IO[bytes], stop: Callable[[], bool]) -> None:
    while not select.select([stream], [], [], _POLL_S)[0]:
        if stop():
            raise PartStopped


def _write(stream: IO[bytes], kind: int, content: bytes) -> None:
    stream.write(_LENGTH.pack(kind, len(content)))
    stream.write(content)
    stream.flush()


def _read(stream: IO[bytes]) -> tuple[int, bytes]:
    """One message; EOFError where the other end is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    kind, length = _LENGTH.unpack(head)
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return kind, content


def _serve() -> None:
    """Solve what comes in, until the parent is gone. What libraries print goes to the log."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            _, task = _read(sys.stdin.buffer)
        except EOFError:
            return
        _write(answers, *_answer(task))


def _answer(task: bytes) -> tuple[int, bytes]:
    try:
        return _SOLVED, solve_part(task)
    except ProblemError as error:
        return _REFUSED, json.dumps([error.code, error.where, error.message]).encode()
    except Exception as error:  # noqa: BLE001 — whatever it is, the parent tells it
        return _BROKE, f"{type(error).__name__}: {error}".encode()


if __name__ == "__main__":
    _serve()
