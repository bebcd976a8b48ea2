"""The best that any plan can weigh where items share lanes: one linear programme over every choice.

A variable for each lot, need and day on which the lot may leave; a row for each lot, need, and
corridor by day. It is written from the rules alone, knows nothing of shares, and is far too large
for a nation; on small sizes it tells how far from the best a plan in lanes really is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from optimizer.parts import Corridor, Need, Source
from optimizer.problem import Problem
from optimizer.rules import arrive_day, depart_day, preference, refusal
from services.bench.linear import Solved, solve_linear

__all__ = ["least_weighed"]

MICRO = 1_000_000


def least_weighed(problem: Problem, weights: Mapping[int, int]) -> Solved:
    """Return the least sum of costs and of `weights`, by tier, of pieces that needs don't get.

    The objective is in millions of the weights' unit. Quantities may be broken: it can only be
    better than the best plan.
    """
    rows = _Rows(problem)
    costs: list[float] = []
    for place, need in enumerate(problem.needs):
        for other, source in enumerate(problem.sources):
            for day, cost in _choices(problem, source, need):
                rows.add(len(costs), place, other, day)
                costs.append((cost - weights[need.tier]) / MICRO)
    high = rows.limits()
    solved = solve_linear(
        costs=np.array(costs),
        most=np.full(len(costs), np.inf),
        row=np.array(rows.row, dtype=np.int64),
        column=np.array(rows.column, dtype=np.int64),
        coefficient=np.array(rows.coefficient, dtype=np.float64),
        low=np.zeros(len(high)),
        high=high,
    )
    nothing = sum(need.quantity * weights[need.tier] for need in problem.needs) / MICRO
    return replace(solved, objective=nothing + solved.objective)


def _choices(problem: Problem, source: Source, need: Need) -> Iterator[tuple[int, int]]:
    """Yield each day on which the lot may leave for this need, and what a piece then costs."""
    if preference(source.item, need) is None:
        return
    way, policy = problem.way(source.site, need.site), problem.policy
    for day in range(depart_day(source), problem.horizon_days + 1):
        later = replace(source, ready_day=day)
        if way is None or refusal(later, need, way, problem) is not None:
            return
        late_days = max(0, arrive_day(later, way) - need.need_by_day)
        yield (
            day,
            (
                way.distance_m * policy.distance_micro_per_piece_m
                + way.cost_per_piece_micro
                + late_days * policy.lateness_micro_per_piece_day
                + (preference(source.item, need) or 0) * policy.substitution_micro_per_piece
            ),
        )


class _Rows:
    """The programme's matrix by its entries: first a row for each need, then each lot, then lanes.

    A lane's are two a day: litres and kilograms, so that numbers stay of one size.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.row: list[int] = []
        self.column: list[int] = []
        self.coefficient: list[float] = []
        self.lanes: dict[tuple[str, str], int] = {
            (each.origin_zone, each.destination_zone): place
            for place, each in enumerate(problem.corridors)
        }
        self.days = problem.horizon_days + 1

    def add(self, column: int, need: int, source: int, day: int) -> None:
        lot, wanted = self.problem.sources[source], self.problem.needs[need]
        self._put(need, column, 1.0)
        self._put(len(self.problem.needs) + source, column, 1.0)
        lane = self.lanes.get((self.problem.zone(lot.site), self.problem.zone(wanted.site)))
        if lane is None:
            return
        item = self.problem.item(lot.item)
        row = len(self.problem.needs) + len(self.problem.sources) + 2 * (lane * self.days + day)
        self._put(row, column, item.volume_ml / 1000)
        self._put(row + 1, column, item.weight_g / 1000)

    def _put(self, row: int, column: int, coefficient: float) -> None:
        self.row.append(row)
        self.column.append(column)
        self.coefficient.append(coefficient)

    def limits(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return the most that each row may add up to."""
        problem = self.problem
        lanes = [_by_day(each) for each in problem.corridors for _ in range(self.days)]
        quantities = [float(each.quantity) for each in problem.needs]
        quantities += [float(each.quantity) for each in problem.sources]
        return np.array([*quantities, *(limit for pair in lanes for limit in pair)])


def _by_day(corridor: Corridor) -> tuple[float, float]:
    volume, weight = corridor.volume_ml_per_day, corridor.weight_g_per_day
    return (
        np.inf if volume is None else volume / 1000,
        np.inf if weight is None else weight / 1000,
    )
