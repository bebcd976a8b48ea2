"""What a plan and its certificate claim of one component, as arrays. NumPy only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.blocks import over
from optimizer.certificate import Pool
from optimizer.grid import Costs, Grid, forbidden
from optimizer.pins import Line
from optimizer.problem import Problem
from optimizer.report import Violation
from optimizer.tables import Component, Tables, components

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Duals:
    """One value for each source and each need of a component."""

    source: Indices
    need: Indices


@dataclass(frozen=True, slots=True)
class Claim:
    """A component's pools, numbered as they stand in the certificate, and what the plan deals out.

    `source_pool` and `need_pool` hold the pool's place in `pools`; `spent`, `got` and the shipments
    (`tail`, `head`) are in units, by positions in the component.
    """

    problem: Problem
    component: Component
    grid: Grid
    costs: Costs
    numbers: tuple[int, ...]
    pools: tuple[Pool, ...]
    sources_of: tuple[Indices, ...]
    needs_of: tuple[Indices, ...]
    source_pool: Indices
    need_pool: Indices
    tail: Indices
    head: Indices
    spent: Indices
    got: Indices

    def own(self, place: int) -> Indices:
        """Return the pool's own needs, without the carried ones."""
        return self.needs_of[place][: len(self.pools[place].needs)]

    def carried(self, place: int) -> Indices:
        return self.needs_of[place][len(self.pools[place].needs) :]

    def source_id(self, row: int) -> str:
        return self.problem.sources[self.component.sources[row]].id

    def need_id(self, row: int) -> str:
        return self.problem.needs[self.component.needs[row]].id

    def duals(self, sources: str, needs: str) -> Duals:
        """Return the pools' dual values of these names, 0 where a pool has none."""
        duals = Duals(np.zeros_like(self.source_pool), np.zeros_like(self.need_pool))
        for place, pool in enumerate(self.pools):
            if getattr(pool, sources):
                duals.source[self.sources_of[place]] = getattr(pool, sources)
            if getattr(pool, needs):
                duals.need[self.needs_of[place]] = getattr(pool, needs)
        return duals

    def canonical(self, duals: Duals, code: str) -> Iterator[Violation]:
        """What carries nothing has price 0, so that one plan has one proof of each value."""
        for row in np.flatnonzero((self.spent == 0) & (duals.source != 0)).tolist():
            yield Violation(code, self.source_id(row), "sends nothing, its price must be 0")
        for row in np.flatnonzero((self.got == 0) & (duals.need != 0)).tolist():
            yield Violation(code, self.need_id(row), "gets nothing, its price must be 0")

    def reaches_back(self) -> bool:
        """Whether some source may serve a need of an earlier pool."""

        def found(rows: slice) -> bool:
            backward = self.source_pool > self.need_pool[rows, None]
            return bool((backward & self.allowed(rows)).any())

        return any(over(list(self.grid.blocks()), found))

    def dearest(self) -> int:
        """Return the largest cost of an allowed pair, in micro-units."""
        allowed = np.asarray(self.costs != forbidden(self.costs))
        return int(self.costs.max(initial=0, where=allowed))

    def allowed(self, rows: slice) -> Flags:
        return np.asarray(self.costs[rows] != forbidden(self.costs))

    def misfits(
        self, duals: Duals, factor: Indices, may_get: Flags, code: str
    ) -> Iterator[Violation]:
        """No pair may raise the price by more than it costs; one in use, by exactly that.

        A pair counts if both its ends are in one pool whose `factor` is not negative, and the need
        `may_get` a unit; `factor` times its cost is what it costs.
        """
        counts = may_get & (factor[self.need_pool] >= 0)

        def raised(rows: slice) -> Indices:
            slack = self.costs[rows] * factor[self.source_pool]
            slack += duals.source
            slack -= duals.need[rows, None]
            inside = (slack < 0) & self.allowed(rows) & counts[rows, None]
            inside &= self.source_pool == self.need_pool[rows, None]
            return np.argwhere(inside)

        blocks = list(self.grid.blocks())
        for rows, found in zip(blocks, over(blocks, raised), strict=True):
            for need, source in found.tolist():
                yield self._misfit(source, need + rows.start, code)
        cost = self.costs[self.head, self.tail] * factor[self.source_pool[self.tail]]
        loose = cost + duals.source[self.tail] != duals.need[self.head]
        loose &= self.source_pool[self.tail] == self.need_pool[self.head]
        loose &= counts[self.head]
        for each in np.flatnonzero(loose).tolist():
            yield self._misfit(int(self.tail[each]), int(self.head[each]), code)

    def _misfit(self, source: int, need: int, code: str) -> Violation:
        where = f"{self.source_id(source)} → {self.need_id(need)}"
        return Violation(code, where, "the price does not fit the cost")


class Claims:
    """All of a plan's claims, component by component.

    Every source and need must stand in exactly one of the pools, and the lines must name only
    sources and needs of the problem. `violations` names pools that join what has no part in common.
    """

    def __init__(self, problem: Problem, lines: Iterable[Line], pools: Sequence[Pool]) -> None:
        self.problem, self.pools = problem, pools
        self.parts = components(problem)
        self.tables = Tables(problem)
        self.source_part, self.source_place = _places([part.sources for part in self.parts])
        self.need_part, self.need_place = _places([part.needs for part in self.parts])
        source_row, need_row = self.tables.source_row, self.tables.need_row
        self.pool_sources = [_rows(source_row, pool.sources) for pool in pools]
        self.pool_needs = [_rows(need_row, (*pool.needs, *pool.carried)) for pool in pools]
        shipped = [
            (source_row[each.source_id], need_row[each.need_id], each.quantity) for each in lines
        ]
        self.shipped = np.array(shipped, dtype=np.int64).reshape(-1, 3)
        self.pool_part = [self._part(number) for number in range(len(pools))]

    def _part(self, number: int) -> int:
        """Return the component that a pool lies in; -1 if it lies in several."""
        parts = np.concatenate(
            [
                self.source_part[self.pool_sources[number]],
                self.need_part[self.pool_needs[number]],
            ]
        )
        return int(parts[0]) if len(parts) and (parts == parts[0]).all() else -1

    def violations(self) -> Iterator[Violation]:
        for number, part in enumerate(self.pool_part):
            if part < 0 and len(self.pool_sources[number]) + len(self.pool_needs[number]):
                yield Violation("pools", f"pool {number}", "joins items that share nothing")

    def __iter__(self) -> Iterator[Claim]:
        order = np.argsort(self.source_part[self.shipped[:, 0]], kind="stable")
        shipped = self.shipped[order]
        part_of = self.source_part[shipped[:, 0]]
        for number, part in enumerate(self.parts):
            inside = slice(*np.searchsorted(part_of, (number, number + 1)).tolist())
            yield self._claim(number, part, shipped[inside])

    def _claim(self, number: int, part: Component, shipped: Indices) -> Claim:
        grid = self.tables.grid(part)
        chosen = [each for each, where in enumerate(self.pool_part) if where == number]
        sources_of = tuple(self.source_place[self.pool_sources[each]] for each in chosen)
        needs_of = tuple(self.need_place[self.pool_needs[each]] for each in chosen)
        source_pool, need_pool = np.zeros_like(grid.supply), np.zeros_like(grid.demand)
        for place in range(len(chosen)):
            source_pool[sources_of[place]] = place
            need_pool[needs_of[place]] = place
        tail, head = self.source_place[shipped[:, 0]], self.need_place[shipped[:, 1]]
        spent, got = np.zeros_like(grid.supply), np.zeros_like(grid.demand)
        np.add.at(spent, tail, shipped[:, 2])
        np.add.at(got, head, shipped[:, 2])
        pools = tuple(self.pools[each] for each in chosen)
        return Claim(
            self.problem,
            part,
            grid,
            grid.costs(),
            tuple(chosen),
            pools,
            sources_of,
            needs_of,
            source_pool,
            need_pool,
            tail,
            head,
            spent,
            got,
        )


def _rows(row_of: Mapping[str, int], names: Sequence[str]) -> Indices:
    return np.array([row_of[name] for name in names], dtype=np.int64)


def _places(parts: Sequence[Sequence[int]]) -> tuple[Indices, Indices]:
    """Return, for each position in the problem, its component and its place there."""
    size = sum(len(part) for part in parts)
    part_of, place_of = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    for number, part in enumerate(parts):
        part_of[list(part)] = number
        place_of[list(part)] = np.arange(len(part))
    return part_of, place_of
