"""From shipments to a whole plan: days, outcomes and the terms of the aim, in exact integers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.certificate import Certificate
from optimizer.grid import Grid
from optimizer.lanes import pair_costs
from optimizer.parts import LARGEST_DAY
from optimizer.plan import Allocation, NeedOutcome, Plan, Reason, SolverInfo
from optimizer.problem import Problem
from optimizer.rules import NEVER
from optimizer.tables import Tables, components

Indices = NDArray[np.int64]

Received = Mapping[str, tuple[int, int, int]]
"""Pieces of each need's own item: allocated, of them substitutes, of them late."""

SAFE = 2**62
AT_ONCE = -1
"""The day of departure of what leaves as soon as its source can."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Pieces from a source to a need, by their positions in the problem.

    They leave on `depart_day`; None is as soon as the source can.
    """

    source: int
    need: int
    quantity: int
    depart_day: int | None = None


def shipment_rows(shipments: Iterable[Shipment]) -> Indices:
    """Return shipments as rows (source, need, quantity, day of departure or AT_ONCE)."""
    rows = [
        (s.source, s.need, s.quantity, AT_ONCE if s.depart_day is None else s.depart_day)
        for s in shipments
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


@dataclass(frozen=True, slots=True)
class Legs:
    """Shipments with what they are made of, sorted by need, source and day of departure.

    `quantity` is in pieces of the source's item, `received` in pieces of the need's; `cost` is in
    micro-units a piece, `rank` the place of the substitute, 0 for the item itself.
    """

    source: Indices
    need: Indices
    quantity: Indices
    received: Indices
    depart: Indices
    arrive: Indices
    late_days: Indices
    metres: Indices
    rank: Indices
    cost: Indices

    def dot(self, name: str) -> int:
        """Return the sum of the pieces, each times what it has of this."""
        return exact_dot(self.quantity, getattr(self, name))


def exact_dot(one: Indices, other: Indices) -> int:
    """Return the sum of the products, exact at any size."""
    most = int(abs(one).max(initial=0)) * int(abs(other).max(initial=0)) * len(one)
    if most < SAFE:
        return int(one @ other)
    return sum(a * b for a, b in zip(one.tolist(), other.tolist(), strict=True))


def legs(problem: Problem, rows: Indices, grids: Sequence[Grid] | None = None) -> Legs:
    """Return the legs of shipments, given as `shipment_rows` gives them.

    `grids` are the problem's, where the caller has them already.
    """
    if grids is None:
        tables = Tables(problem)
        grids = [tables.grid(component) for component in components(problem)]
    rows = rows[np.lexsort((rows[:, 3], rows[:, 0], rows[:, 1]))]
    part = np.zeros(len(problem.sources), dtype=np.int64)
    place = np.zeros(len(problem.sources), dtype=np.int64)
    row_of_need = np.zeros(len(problem.needs), dtype=np.int64)
    for number, grid in enumerate(grids):
        part[grid.source], place[grid.source] = number, np.arange(len(grid.source))
        row_of_need[grid.need] = np.arange(len(grid.need))
    told = np.zeros((len(rows), 6), dtype=np.int64)
    for number in np.unique(part[rows[:, 0]]).tolist():
        inside = np.flatnonzero(part[rows[:, 0]] == number)
        chosen = rows[inside]
        told[inside] = _told(
            grids[number], place[chosen[:, 0]], row_of_need[chosen[:, 1]], chosen[:, 3]
        )
    source, need, quantity, _ = rows.T
    depart, arrive, late, metres, rank, cost = told.T
    received = _received(problem, rows)
    return Legs(source, need, quantity, received, depart, arrive, late, metres, rank, cost)


def _told(grid: Grid, source: Indices, need: Indices, day: Indices) -> Indices:
    """Return depart, arrive, days late, metres, rank and a unit's cost of each pair, in columns."""
    depart = np.where(day == AT_ONCE, grid.depart[source], day)
    metres, days, _ = grid.ways.pairs(grid.destination[need], grid.origin[source])
    late = np.maximum(depart + days - grid.need_by[need], 0)
    rank = grid.rank[need, grid.item[source]]
    cost = pair_costs(grid, need, source, depart)
    return np.stack([depart, depart + days, late, metres, rank, cost], axis=1)


def _received(problem: Problem, rows: Indices) -> Indices:
    """Return the pieces in terms of each need's own item."""
    if all(item.uses_per_piece == 1 for item in problem.items):
        return rows[:, 2]
    received = []
    for source, need, quantity, _ in rows.tolist():
        pieces = problem.converted(quantity, problem.sources[source].item, problem.needs[need].item)
        assert pieces is not None, "a shipment is of whole pieces of what was asked for"
        received.append(pieces)
    return np.array(received, dtype=np.int64)


def received_by_need(problem: Problem, all_legs: Legs) -> dict[str, tuple[int, int, int]]:
    sums = np.zeros((3, len(problem.needs)), dtype=np.int64)
    np.add.at(sums[0], all_legs.need, all_legs.received)
    np.add.at(sums[1], all_legs.need, np.where(all_legs.rank > 0, all_legs.received, 0))
    np.add.at(sums[2], all_legs.need, np.where(all_legs.late_days > 0, all_legs.received, 0))
    ids = (need.id for need in problem.needs)
    return dict(zip(ids, zip(*sums.tolist(), strict=True), strict=True))


def assemble(
    problem: Problem,
    shipments: Iterable[Shipment] | Indices,
    explain: Callable[[Received], Mapping[str, Reason]],
    certificate: Certificate | None,
    solver: SolverInfo,
    grids: Sequence[Grid] | None = None,
) -> Plan:
    """Return the plan that these shipments make; `explain` gives each need's reason."""
    rows = shipments if isinstance(shipments, np.ndarray) else shipment_rows(shipments)
    all_legs = legs(problem, rows, grids)
    received = received_by_need(problem, all_legs)
    reasons = explain(received)
    return Plan(
        allocations=tuple(starmap(Allocation, _lines(problem, all_legs))),
        outcomes=tuple(
            NeedOutcome(need.id, need.quantity, pieces, reasons[need.id], substitutes, late)
            for need, (pieces, substitutes, late) in zip(
                problem.needs, received.values(), strict=True
            )
        ),
        objective=_objective(problem, all_legs, received),
        certificate=certificate,
        solver=solver,
    )


def _lines(problem: Problem, all_legs: Legs) -> Iterable[tuple[Any, ...]]:
    sources, needs = problem.sources, problem.needs
    return zip(
        (sources[row].id for row in all_legs.source.tolist()),
        (needs[row].id for row in all_legs.need.tolist()),
        all_legs.quantity.tolist(),
        all_legs.depart.tolist(),
        all_legs.arrive.tolist(),
        strict=True,
    )


def _objective(problem: Problem, all_legs: Legs, received: Received) -> dict[str, int]:
    asked: dict[int, int] = {}
    got: dict[int, int] = {}
    for need, (pieces, _, _) in zip(problem.needs, received.values(), strict=True):
        asked[need.tier] = asked.get(need.tier, 0) + need.quantity
        got[need.tier] = got.get(need.tier, 0) + pieces
    terms: dict[str, int] = {}
    for tier in sorted(asked):
        terms[f"tier_{tier}_pieces"] = got[tier]
        terms[f"tier_{tier}_unmet"] = asked[tier] - got[tier]
    expiry = np.array(
        [NEVER if s.expiry_day is None else s.expiry_day for s in problem.sources], dtype=np.int64
    )
    fefo = np.where(expiry == NEVER, LARGEST_DAY + 1, expiry)[all_legs.source]
    return terms | {
        "cost_micro": all_legs.dot("cost"),
        "piece_metres": all_legs.dot("metres"),
        "late_piece_days": all_legs.dot("late_days"),
        "substitute_pieces": sum(substitutes for _, substitutes, _ in received.values()),
        "fefo_piece_days": exact_dot(all_legs.quantity, fefo),
        "drops": len(all_legs.source),
    }
