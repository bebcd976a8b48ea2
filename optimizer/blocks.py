"""The same work on many blocks of a matrix, on all cores: NumPy lets go of the interpreter's lock.

Results come in the order of the blocks, so nothing depends on how many threads there are.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

THREADS = min(4, os.cpu_count() or 1)
CELLS = 1_000_000  # of a block: some 8 MB for each of its arrays


def row_blocks(rows: int, columns: int) -> list[slice]:
    """Return ranges of rows, each of about `CELLS` cells."""
    step = max(1, CELLS // max(1, columns))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def over(blocks: Sequence[slice], work: Callable[[slice], Result]) -> list[Result]:
    """Return what `work` makes of each block."""
    if len(blocks) < THREADS or THREADS == 1:
        return [work(block) for block in blocks]
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(work, blocks))
