"""Who solves the parts of a problem: this process, or several beside it.

OR-Tools holds the interpreter's lock while it solves, so threads gain nothing and a server's other
threads would stand still: `Processes` works in fresh processes, and ends them when told to stop.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Protocol

from optimizer.part import solve_part

POLL_S = 0.2

Stop = Callable[[], bool]


class Stopped(Exception):
    """Somebody asked to stop before all was solved."""


class Crew(Protocol):
    """Yields (number of the task, its result) as parts end, in any order; fewer if stopped."""

    def __call__(self, tasks: Sequence[bytes], stop: Stop) -> Iterator[tuple[int, bytes]]: ...


def inline(tasks: Sequence[bytes], stop: Stop) -> Iterator[tuple[int, bytes]]:
    """Solve here, one after another; `stop` is asked before each."""
    for number, task in enumerate(tasks):
        if stop():
            return
        yield number, solve_part(task)


class Processes:
    """Solve in up to `count` processes of this machine, all its cores by default."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or os.cpu_count() or 1

    def __call__(self, tasks: Sequence[bytes], stop: Stop) -> Iterator[tuple[int, bytes]]:
        if not tasks:
            return
        # A fork would copy the locks that a server's threads hold just then.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(self.count, len(tasks)), mp_context=context)
        try:
            # The largest first, so that none is left over for the end.
            order = sorted(range(len(tasks)), key=lambda number: (-len(tasks[number]), number))
            running = {pool.submit(solve_part, tasks[number]): number for number in order}
            yield from _results(running, stop)
        finally:
            _end(pool)


def _results(running: dict[Future[bytes], int], stop: Stop) -> Iterator[tuple[int, bytes]]:
    while running and not stop():
        done, _ = wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), future.result()


def _end(pool: ProcessPoolExecutor) -> None:
    """Whatever still runs was stopped: its process has nothing to save."""
    processes = list((pool._processes or {}).values())  # noqa: SLF001
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
