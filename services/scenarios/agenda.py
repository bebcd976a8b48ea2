"""What is to happen, in the order in which it happened in the world."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush


@dataclass(frozen=True, order=True, slots=True)
class _Act:
    at: datetime
    place: int
    do: Callable[[], None] = field(compare=False)


class Agenda:
    """Acts by their world time; those of one moment in the order in which they were added.

    An act may add further ones, at its own time or later.
    """

    def __init__(self) -> None:
        self._waiting: list[_Act] = []
        self.added = 0

    def add(self, at: datetime, do: Callable[[], None]) -> None:
        heappush(self._waiting, _Act(at, self.added, do))
        self.added += 1

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Do everything; ``progress(done, known so far)`` is told after each act."""
        done = 0
        while self._waiting:
            heappop(self._waiting).do()
            done += 1
            progress(done, self.added)
