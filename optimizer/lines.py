"""A plan's allocations as arrays, with what each lot, need and way brings. NumPy only.

For the checker: everything is read from the problem's parts, and from nothing that a solver made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from optimizer.parts import Need, Roads, Source
from optimizer.plan import Allocation
from optimizer.problem import Problem
from optimizer.rules import NEVER, NO_TOKEN, Block, depart_day, preference

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

Part = TypeVar("Part")

BEYOND = 2**40
"""More than any quantity or day of a problem, and so little that millions of it add up exactly."""

NO_ZONE = NO_TOKEN - 1


@dataclass(frozen=True, slots=True)
class Ways:
    """For each line: is there a way, does it keep the cold, its metres, days and extra cost."""

    found: Flags
    cold: Flags
    metres: Indices
    days: Indices
    extra_cost: Indices

    @classmethod
    def of(cls, problem: Problem, source: Indices, need: Indices) -> "Ways":
        """Return the lanes between these, or the roads where no lane is given."""
        found, cold = np.zeros((2, len(need)), dtype=np.bool_)
        metres, days, extra_cost = np.zeros((3, len(need)), dtype=np.int64)
        if problem.roads is not None:
            metres, found = _road_metres(problem, problem.roads, source, need)
            days = -(-metres // problem.roads.metres_per_day)
            cold |= problem.roads.cold
        lanes = {(each.origin, each.destination): each for each in problem.lanes}
        for row, (one, other) in enumerate(_joined(problem, source, need) if lanes else ()):
            lane = lanes.get((one.site, other.site))
            if lane is not None:
                found[row], cold[row], metres[row] = True, lane.cold, lane.distance_m
                days[row], extra_cost[row] = lane.transit_days, lane.cost_per_piece_micro
        return cls(found, cold, metres, days, extra_cost)


@dataclass(frozen=True, slots=True)
class Lines:
    """Allocations by the positions of their sources and needs in the problem.

    `quantity`, `depart` and `arrive` are as stated, but no further from 0 than `BEYOND`. A line has
    to leave on day `leave`. `received` is in pieces of the need's item, `is_whole` where they are
    whole; `rank` is the place of the substitute, NO_TOKEN where the need does not accept it.
    """

    problem: Problem
    source: Indices
    need: Indices
    quantity: Indices
    depart: Indices
    arrive: Indices
    leave: Indices
    ways: Ways
    rank: Indices
    received: Indices
    is_whole: Flags

    @classmethod
    def of(
        cls, problem: Problem, allocations: Sequence[Allocation], source: Indices, need: Indices
    ) -> "Lines":
        quantity = _bounded(each.quantity for each in allocations)
        depart = _bounded(each.depart_day for each in allocations)
        arrive = _bounded(each.arrive_day for each in allocations)
        ready = _whole(problem.sources, depart_day)[source]
        # Where ways can be full, a lot may wait; the rules then go by the later day.
        waits = (ready < depart) & (depart <= problem.horizon_days) & bool(problem.corridors)
        return cls(
            problem,
            source,
            need,
            quantity,
            depart,
            arrive,
            np.where(waits, depart, ready),
            Ways.of(problem, source, need),
            _ranks(problem, source, need),
            *_received(problem, source, need, quantity),
        )

    @property
    def due(self) -> Indices:
        """The day on which a line has to arrive."""
        return self.leave + self.ways.days

    @property
    def expiry(self) -> Indices:
        expiry = _whole(self.problem.sources, _last_day)
        return expiry[self.source]

    @property
    def late_days(self) -> Indices:
        need_by = _whole(self.problem.needs, lambda need: need.need_by_day)
        late: Indices = np.maximum(self.due - need_by[self.need], 0)
        return late

    def is_repeated(self) -> Flags:
        """Tell which lines have the source, the need and the day of an earlier one."""
        keys = np.stack([self.source, self.need, self.depart])
        order = np.lexsort(keys)
        same = (np.diff(keys[:, order], axis=1) == 0).all(axis=0)
        repeated = np.zeros(len(self.need), dtype=np.bool_)
        repeated[order[1:]] = same
        return repeated

    def is_new(self) -> Indices:
        """Return 1 for each line that the last plan, if there was one, did not have."""
        if not self.problem.last:
            return np.zeros_like(self.need)
        joined = _joined(self.problem, self.source, self.need)
        return np.array([self.problem.is_new(s.id, n.id) for s, n in joined], dtype=np.int64)

    def block(self) -> Block:
        """Return what the rules look at: one row, in which each line is a column.

        The row carries the second of two tokens; a lot with an earmark has that one if the need of
        its line carries the earmark.
        """
        problem, source, need = self.problem, self.source, self.need
        zones = {name: row for row, name in enumerate({each.zone for each in problem.places})}
        shelf = _whole(problem.needs, lambda each: each.min_shelf_days_on_arrival)
        zone = _whole(problem.needs, lambda each: zones.get(problem.zone(each.site), NO_ZONE))
        cold = _whole(problem.sources, lambda each: problem.item(each.item).cold)
        only = _whole(problem.sources, lambda s: _number(s.only_zone, zones))
        return Block(
            rank=self.rank[None],
            has_lane=self.ways.found[None],
            cold_lane=self.ways.cold[None],
            arrive=self.due[None],
            banned=self._banned()[None],
            min_shelf=shelf[None, need],
            carries=np.array([[False, True]]),
            zone=zone[None, need],
            expiry=self.expiry[None],
            token=self._tokens()[None],
            cold=cold[None, source] > 0,
            only_zone=only[None, source],
            horizon=problem.horizon_days,
        )

    def _tokens(self) -> Indices:
        tokens = np.full(len(self.need), NO_TOKEN)
        marked = _whole(self.problem.sources, lambda each: each.earmark is not None) > 0
        rows = np.flatnonzero(marked[self.source])
        joined = _joined(self.problem, self.source[rows], self.need[rows])
        tokens[rows] = [source.earmark in need.earmarks for source, need in joined]
        return tokens

    def _banned(self) -> Flags:
        if not self.problem.bans:
            return np.zeros(len(self.need), dtype=np.bool_)
        joined = _joined(self.problem, self.source, self.need)
        return np.array([self.problem.is_banned(s.id, n.id) for s, n in joined], dtype=np.bool_)


def _joined(problem: Problem, source: Indices, need: Indices) -> Iterator[tuple[Source, Need]]:
    for one, other in zip(source.tolist(), need.tolist(), strict=True):
        yield problem.sources[one], problem.needs[other]


def _whole(parts: Iterable[Part], value: Callable[[Part], int]) -> Indices:
    return np.array([value(part) for part in parts], dtype=np.int64)


def _bounded(values: Iterable[int]) -> Indices:
    """Return numbers of any size, cut down to `BEYOND`: what is too much by far still is."""
    exact = np.array([index(each) for each in values], dtype=object)
    bounded: Indices = np.clip(exact, -BEYOND, BEYOND).astype(np.int64)
    return bounded


def _last_day(source: Source) -> int:
    return NEVER if source.expiry_day is None else source.expiry_day


def _number(name: str | None, numbers: Mapping[str, int]) -> int:
    return NO_TOKEN if name is None else numbers[name]


def _ranks(problem: Problem, source: Indices, need: Indices) -> Indices:
    number = {item: row for row, item in enumerate({each.item for each in problem.sources})}
    item = _whole(problem.sources, lambda each: number[each.item])[source]
    own = _whole(problem.needs, lambda each: number.get(each.item, NO_TOKEN))[need]
    ranks = np.zeros(len(need), dtype=np.int64)
    others = np.flatnonzero(item != own)
    found = [preference(s.item, n) for s, n in _joined(problem, source[others], need[others])]
    ranks[others] = [NO_TOKEN if rank is None else rank for rank in found]
    return ranks


def _received(
    problem: Problem, source: Indices, need: Indices, quantity: Indices
) -> tuple[Indices, Flags]:
    """Return the pieces in terms of the needs' own items, rounded down, and where whole."""
    uses = {each.code: each.uses_per_piece for each in problem.items}
    held = quantity * _whole(problem.sources, lambda each: uses.get(each.item, 1))[source]
    own = _whole(problem.needs, lambda each: uses.get(each.item, 1))[need]
    pieces, rest = np.divmod(held, own)
    return np.minimum(pieces, BEYOND), np.asarray(rest == 0, dtype=np.bool_)


def _road_metres(
    problem: Problem, roads: Roads, source: Indices, need: Indices
) -> tuple[Indices, Flags]:
    """Return how long the road of each line is, and where there is one."""
    place = {each.site: (each.x_m, each.y_m, 1) for each in problem.places}
    nowhere = (0, 0, 0)
    start, end = (
        np.array([place.get(each.site, nowhere) for each in parts], dtype=np.int64).reshape(-1, 3)
        for parts in (problem.sources, problem.needs)
    )
    apart = ((end[need, :2] - start[source, :2]) ** 2).sum(axis=1)
    # Squares stay below 2^53 and IEEE square roots are rounded correctly: this floor is exact.
    metres = np.sqrt(apart.astype(np.float64)).astype(np.int64) * roads.detour_permille // 1000
    return metres, (end[need, 2] & start[source, 2]) > 0
