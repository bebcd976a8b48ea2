"""What shares left over, passed on: supply that reaches somebody whose corridor still has room.

Shares are made of estimates; so a source may keep units, and a corridor room, that somebody lacks.
Here every need is looked at by itself, the urgent tiers first and the cheapest way first. What is
found becomes further shares, and sharing within the zones is done anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.bound import UNREACHABLE, Tolls, offers
from optimizer.grid import Grid
from optimizer.lane_shares import Columns
from optimizer.lanes import NO_CORRIDOR, SAFE_SUM, Lanes, Loads, take

Indices = NDArray[np.int64]

CLOSED = 2**58
"""The toll of a day on which a corridor has no room left for a single unit."""


@dataclass(slots=True)
class Left:
    """What is left: units by source and by need of the problem, and room by corridor and day."""

    supply: Indices
    demand: Indices
    room: Loads


def pass_on(lanes: Lanes, grids: Sequence[Grid], left: Left) -> Columns:
    """Return shares for what can still be delivered, and take it off what is left."""
    found: list[tuple[int, int, int, int]] = []
    tiers = sorted({tier for grid in grids for tier in np.unique(grid.tier).tolist()})
    for tier in tiers:
        for grid in grids:
            needs = np.flatnonzero((grid.tier == tier) & (left.demand[grid.need] > 0))
            sources = np.flatnonzero(left.supply[grid.source] > 0)
            if len(needs) and len(sources):
                some = take(grid, needs, sources, grid.depart[sources])
                found += _Passing(lanes, some, left).run()
    return Columns(*np.array(found, dtype=np.int64).reshape(-1, 4).T)


class _Passing:
    """One tier's needs of one component, and the sources that have something left."""

    def __init__(self, lanes: Lanes, grid: Grid, left: Left) -> None:
        self.lanes, self.grid, self.left = lanes, grid, left

    def run(self) -> list[tuple[int, int, int, int]]:
        found = []
        tolls = Tolls(self._closed(), self.lanes.need_zone[self.grid.need])
        for offer in offers(self.grid, tolls):
            zone = int(tolls.zone[offer.needs[0]])
            cost = np.where(offer.cost < CLOSED, offer.cost, UNREACHABLE)
            nearest = cost.min(axis=0, initial=UNREACHABLE)
            for column in np.argsort(nearest, kind="stable").tolist():
                if nearest[column] == UNREACHABLE:
                    break
                source, day = int(offer.sources[column]), int(offer.days[column])
                needs = self.grid.need[offer.needs[cost[:, column] < UNREACHABLE]]
                units = min(self._can_send(source, zone, day), int(self.left.demand[needs].sum()))
                if units:
                    self._send(source, zone, day, units)
                    order = np.argsort(cost[cost[:, column] < UNREACHABLE, column], kind="stable")
                    self._give(needs[order], units)
                    found.append((int(self.grid.source[source]), zone, day, units))
        return found

    def _closed(self) -> Indices:
        """Return the toll of each source, zone and day: CLOSED where no unit has room."""
        corridor = self.lanes.corridor[self.lanes.source_zone[self.grid.source]]
        sizes = self.lanes.sizes[self.grid.source][:, None, None, :]
        endless = np.full((1, *self.left.room.shape[1:]), SAFE_SUM, dtype=self.left.room.dtype)
        room = np.concatenate([self.left.room, endless])  # the last stands for NO_CORRIDOR
        return np.where((room[corridor] < sizes).any(axis=3), CLOSED, 0).astype(np.int64)

    def _can_send(self, source: int, zone: int, day: int) -> int:
        row = int(self.grid.source[source])
        units = int(self.left.supply[row])
        corridor = int(self.lanes.corridor[self.lanes.source_zone[row], zone])
        if corridor != NO_CORRIDOR:
            for room, size in zip(
                self.left.room[corridor, day].tolist(), self.lanes.sizes[row].tolist(), strict=True
            ):
                if size and room < SAFE_SUM:
                    units = min(units, room // size)
        return units

    def _send(self, source: int, zone: int, day: int, units: int) -> None:
        row = int(self.grid.source[source])
        self.left.supply[row] -= units
        corridor = int(self.lanes.corridor[self.lanes.source_zone[row], zone])
        if corridor != NO_CORRIDOR:
            room = self.left.room[corridor, day]
            limited = room < SAFE_SUM
            room[limited] -= self.lanes.sizes[row][limited] * units

    def _give(self, needs: Indices, units: int) -> None:
        """Take the units off what these needs lack, the nearest first."""
        lacks = self.left.demand[needs]
        given = np.clip(units - (np.cumsum(lacks) - lacks), 0, lacks)
        self.left.demand[needs] -= given
