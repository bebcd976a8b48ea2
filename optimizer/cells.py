"""Zones cut into cells: neighbours that are reached from the same places in the same time, nearly.

Cells are the places of the linear program that shares corridors out. Narrow cells tell more truly
what reaches whom in time, and make the program large; so they start wide and are halved where it
pays: where the program's prices and those of single needs contradict each other.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.grid import Grid
from optimizer.lanes import Lanes

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

WIDTHS = (0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.6, 2.2, 3.2)  # of a cell, in days
FIRST_PROGRAM = 650_000  # pairs of source and cell
LARGEST_PROGRAM = 1_650_000
NARROWEST = 0.01  # days
LANDMARKS = 8  # sites by whose distance cells are told apart where no roads are given
FAR = 1e4  # days, where no way leads


@dataclass(frozen=True, slots=True)
class Cells:
    """The cell of each of a component's needs, and the zone of each cell."""

    of_need: Indices
    zone: Indices


def draw(grids: Sequence[Grid], lanes: Lanes) -> list[Cells]:
    """Return every component's cells, as narrow as the size of the first program lets them be.

    The largest component stands for all.
    """
    largest = max(grids, key=lambda grid: len(grid.need))
    sources = sum(len(grid.source) for grid in grids)
    fitting = (
        width
        for width in WIDTHS
        if sources * len(_cut(largest, lanes, width).zone) <= FIRST_PROGRAM
    )
    width = next(fitting, WIDTHS[-1])
    return [_cut(grid, lanes, width) for grid in grids]


def _cut(grid: Grid, lanes: Lanes, width: float) -> Cells:
    """Halve each zone along its longest side until each part is no wider than `width` days."""
    at, zone = _needs_at(grid), lanes.need_zone[grid.need]
    cell, zones = np.zeros(len(zone), dtype=np.int64), list[int]()
    for each in np.unique(zone).tolist():
        parts = [np.flatnonzero(zone == each)]
        while parts:
            part = parts.pop()
            halves = _halves(at, part, width)
            if not halves:
                cell[part] = len(zones)
                zones.append(each)
            parts += halves
    return Cells(cell, np.array(zones, dtype=np.int64))


def _halves(at: Floats, part: Indices, width: float) -> list[Indices]:
    """Return both halves of some needs, or nothing where they lie within `width` already."""
    spread = np.ptp(at[part], axis=0)
    side = int(np.argmax(spread)) if len(spread) else 0
    if not len(spread) or spread[side] <= width:
        return []
    middle = (at[part, side].max() + at[part, side].min()) / 2
    below = at[part, side] <= middle
    return [part[below], part[~below]]


def refine(grids: Sequence[Grid], cells: Sequence[Cells], losses: Sequence[Floats]) -> list[Cells]:
    """Return cells halved where the needs' `losses` add up to the most, as far as the size allows.

    `losses`, one array a component, say of each need by how much its cell's price misses its own.
    """
    at = [_needs_at(grid) for grid in grids]
    parts = list(_parts(cells))
    heap = [(-float(losses[n][needs].sum()), row) for row, (n, needs, _) in enumerate(parts)]
    heapq.heapify(heap)
    whole = []
    room = LARGEST_PROGRAM - sum(
        len(grid.source) * len(each.zone) for grid, each in zip(grids, cells, strict=True)
    )
    while heap and heap[0][0] < 0 < room:
        _, row = heapq.heappop(heap)
        number, needs, zone = parts[row]
        halves = _halves(at[number], needs, NARROWEST)
        if not halves:
            whole.append(row)
            continue
        for half in halves:
            heapq.heappush(heap, (-float(losses[number][half].sum()), len(parts)))
            parts.append((number, half, zone))
        room -= len(grids[number].source)
    kept = [parts[row] for row in sorted([*whole, *(row for _, row in heap)])]
    return [_joined(kept, number, len(grid.need)) for number, grid in enumerate(grids)]


def _parts(cells: Sequence[Cells]) -> Iterator[tuple[int, Indices, int]]:
    """Yield each cell as the number of its component, its needs and its zone."""
    for number, each in enumerate(cells):
        order = np.argsort(each.of_need, kind="stable")
        ends = np.searchsorted(each.of_need[order], np.arange(len(each.zone) + 1))
        for begin, end, zone in zip(ends[:-1], ends[1:], each.zone.tolist(), strict=True):
            yield number, order[begin:end], zone


def _joined(parts: Sequence[tuple[int, Indices, int]], number: int, needs: int) -> Cells:
    mine = [(inside, zone) for owner, inside, zone in parts if owner == number]
    cell = np.zeros(needs, dtype=np.int64)
    for place, (inside, _) in enumerate(mine):
        cell[inside] = place
    return Cells(cell, np.array([zone for _, zone in mine], dtype=np.int64))


def _needs_at(grid: Grid) -> Floats:
    """Return the needs' positions in days of travel, in as many dimensions as it takes."""
    ways = grid.ways
    if len(ways.roads):
        scale = float(ways.roads[0]) / 1000 / float(ways.roads[1])
        return ways.destination_xy[grid.destination].astype(np.float64) * scale
    chosen = _landmarks(len(ways.origin_xy))
    found, _, days, _, _ = ways.block(np.arange(len(ways.destination_xy)), chosen)
    far: Floats = np.where(found, days, FAR).astype(np.float64)[grid.destination]
    return far


def _landmarks(count: int) -> Indices:
    return np.unique(np.linspace(0, max(0, count - 1), min(LANDMARKS, count)).astype(np.int64))
