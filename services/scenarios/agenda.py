"""What is to happen, in the order in which it happened in the world."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush

# A server answers several parties at once, and much of each answer is waiting for the disk.
_PARTIES_AT_ONCE = 4


@dataclass(frozen=True, order=True, slots=True)
class _Act:
    at: datetime
    place: int
    do: Callable[[], None] = field(compare=False)


class Agenda:
    """Acts by their world time. Those of one moment are done side by side, in no set order.

    An act may add further ones, at its own time or later.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Act] = []
        self._added = 0

    def add(self, at: datetime, do: Callable[[], None]) -> None:
        with self._lock:
            heappush(self._waiting, _Act(at, self._added, do))
            self._added += 1

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Do everything; ``progress(done, known so far)`` is told after each act.

        The first act that fails ends it, once the others of its moment have ended.
        """
        done = 0
        with ThreadPoolExecutor(_PARTIES_AT_ONCE, thread_name_prefix="party") as parties:
            while moment := self._next_moment():
                for finished in as_completed([parties.submit(act.do) for act in moment]):
                    finished.result()
                    done += 1
                    progress(done, self._added)

    def _next_moment(self) -> list[_Act]:
        """Every waiting act of the earliest time there is; empty at the end."""
        with self._lock:
            moment: list[_Act] = []
            while self._waiting and (not moment or self._waiting[0].at == moment[0].at):
                moment.append(heappop(self._waiting))
            return moment
