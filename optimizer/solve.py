"""`solve(problem)`: the exact plan, with its reasons and its proof.

The aim, each part only where the parts before it leave a choice: tiers in order; within a tier
leximin fair fill rates; least cost (distance, lateness, substitution); first expired first out;
what is ready first to earlier tiers; few drops. README.md explains each step, and `optimizer.check`
verifies all but the last two.

What is not a pure flow is taken off first (`derive.py`); what is left falls into components that
share nothing, each solved by itself (`part.py`). Only if the components' plans together overload a
corridor do they have to be solved again, each within its shares of the corridors (`shares.py`).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.assemble import (
    Received,
    assemble,
    legs,
    received_by_need,
)
from optimizer.baselines import first_come_first_served, serve_by_urgency
from optimizer.certificate import Certificate
from optimizer.crew import Crew, Stopped, inline
from optimizer.derive import Derived, Line, derive
from optimizer.flow import VERSION
from optimizer.grid import Grid
from optimizer.lane_proof import LaneProof
from optimizer.lane_shares import in_shares
from optimizer.lanes import overloaded
from optimizer.naming import named_pools, named_refusals, ordered
from optimizer.part import SolvedPart, decode_part
from optimizer.parts import check_whole
from optimizer.plan import Plan, Reason, SolverInfo
from optimizer.policy import Policy
from optimizer.problem import Problem
from optimizer.reasons import Refused, reasons, refused_in_lanes
from optimizer.shares import solve_in_lanes
from optimizer.tables import Tables, components
from optimizer.urgent_first import urgent_first

Indices = NDArray[np.int64]
Progress = Callable[[str, int, int], None]
Stop = Callable[[], bool]

NAME = "medrelay with OR-Tools"
LARGEST_SEED = 2**63 - 1


def solve(
    problem: Problem,
    policy: Policy | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    seed: int = 0,
    crew: Crew | None = None,
) -> Plan:
    """Return the optimal plan and its certificate; the same problem always gives the same plan.

    `policy` takes the place of the problem's own. `progress(stage, done, total)` counts parts, that
    is components of items, or of items and zones in the stage `lanes`; `crew` says who solves them
    (this process, if nobody is named), and the plan doesn't depend on that. `seed` is for ties:
    among plans of equal worth, another seed may find another one.

    Status `optimal`: proven. `bounded`: corridors are shared, the plan is exact within its shares,
    and the certificate bounds how far it can be from the best. `stopped`: once `stop()` was true,
    what was not solved yet is served by tier and order of posting, without a proof; `bounds` says
    what no plan can exceed. Raises ProblemError, naming the items, where the input contradicts
    itself or is too large to be exact.
    """
    check_whole(seed, 0, LARGEST_SEED, "seed", "solve")
    problem = replace(problem, policy=policy) if policy else problem
    run = _Run(problem, progress or _ignore, stop or _never, seed, crew or inline)
    return run.plan()


def _ignore(stage: str, done: int, total: int) -> None:
    del stage, done, total


def _never() -> bool:
    return False


class _Run:
    def __init__(
        self, problem: Problem, progress: Progress, stop: Stop, seed: int, crew: Crew
    ) -> None:
        self.problem, self.progress, self.stop = problem, progress, stop
        self.seed, self.crew = seed, crew
        self.derived: Derived = derive(problem)
        self.plain = self.derived.problem
        self.tables = Tables(self.plain)
        self.components = components(self.plain)
        self.grids = [self.tables.grid(component) for component in self.components]
        self.parts: dict[int, SolvedPart] = {}
        self.solved: dict[bytes, SolvedPart] = {}

    def plan(self) -> Plan:
        try:
            parts = self._solve("parts", self.grids)
            shipments = _shipments(self.grids, parts)
            if not overloaded(self.plain, shipments[:, :3]):
                shipments = self._urgent_first(parts, shipments)
                pools = named_pools(self.plain, self.plain, self.grids, parts)
                refusals = named_refusals(self.plain, self.grids, parts)
                return self._finish(shipments, Certificate(ordered(pools)), refusals, "optimal")
            return self._plan_in_lanes()
        except Stopped:
            return self._stopped_plan()

    def _urgent_first(self, parts: Sequence[SolvedPart], shipments: Indices) -> Indices:
        """Let more urgent needs have what is ready first, where that costs nothing."""
        dealt = [
            urgent_first(grid, part.shipments) for grid, part in zip(self.grids, parts, strict=True)
        ]
        found = _rows(self.grids, dealt)
        # What leaves on other days may meet a corridor that had room for the first plan.
        return shipments if overloaded(self.plain, found[:, :3]) else found

    def _solve(self, stage: str, grids: Sequence[Grid]) -> list[SolvedPart]:
        """Have all grids solved, but none that is like one that was solved before."""
        tasks = [grid.encode(self.seed) for grid in grids]
        digests = [hashlib.sha256(task).digest() for task in tasks]
        open_tasks = {
            digest: task
            for digest, task in zip(digests, tasks, strict=True)
            if digest not in self.solved
        }
        wanted = list(open_tasks)
        ended = self.crew(list(open_tasks.values()), self.stop) if wanted else iter(())
        for done, (number, result) in enumerate(ended, start=1):
            self.solved[wanted[number]] = decode_part(result)
            self.progress(stage, done, len(wanted))
        if stage == "parts":
            self.parts = {n: self.solved[d] for n, d in enumerate(digests) if d in self.solved}
        if not open_tasks.keys() <= self.solved.keys():
            raise Stopped
        return [self.solved[digest] for digest in digests]

    def _plan_in_lanes(self) -> Plan:
        parts: list[SolvedPart] = []

        def exact(grids: Sequence[Grid]) -> list[Indices]:
            parts[:] = self._solve("lanes", grids)
            return [part.shipments for part in parts]

        solution = solve_in_lanes(self.plain, self.grids, exact, self.stop)
        shared = in_shares(self.plain, solution.shares)
        pools = named_pools(self.plain, shared, solution.grids, parts)
        inside = named_refusals(self.plain, solution.grids, parts)
        refusals = refused_in_lanes(self.plain, self.grids, inside)
        proof = LaneProof.of(solution.shares, solution.prices, solution.objective, solution.bound)
        certificate = Certificate(ordered(pools), proof)
        source, need, day, units = solution.shipments.T
        rows = np.stack([source, need, units, day], axis=1)
        return self._finish(rows, certificate, refusals, "bounded", shared)

    def _finish(
        self,
        rows: Indices,
        certificate: Certificate,
        refusals: Refused,
        status: str,
        shared: Problem | None = None,
    ) -> Plan:
        """Return the plan of these shipments of units, with its reasons.

        `shared` is the problem that the certificate's pools speak of, if not the plain one.
        """

        def explain(received: Received) -> dict[str, Reason]:
            inside = received if self._is_plain() else self._received(rows)
            found = reasons(shared or self.plain, refusals, certificate.pools, inside)
            return self.derived.lift_reasons(found, received)

        info = SolverInfo(NAME, VERSION, status)
        grids = self.grids if self._is_plain() else None
        return assemble(self.problem, self._lift(rows), explain, certificate, info, grids)

    def _is_plain(self) -> bool:
        return self.plain is self.problem

    def _received(self, rows: Indices) -> Received:
        return received_by_need(self.plain, legs(self.plain, rows, self.grids))

    def _lift(self, rows: Indices) -> Indices:
        """Return shipments of units as shipments of the original's pieces, pins among them."""
        if self._is_plain():
            return rows
        plain = self.plain
        lines = [
            Line(plain.sources[source].id, plain.needs[need].id, units, day)
            for source, need, units, day in rows.tolist()
        ]
        source_row = {each.id: row for row, each in enumerate(self.problem.sources)}
        need_row = {each.id: row for row, each in enumerate(self.problem.needs)}
        lifted = [
            (source_row[line.source_id], need_row[line.need_id], line.quantity, line.depart_day)
            for line in self.derived.lift(lines)
        ]
        return np.array(lifted, dtype=np.int64).reshape(-1, 4)

    def _stopped_plan(self) -> Plan:
        def explain(received: Received) -> dict[str, Reason]:
            return {
                need.id: Reason(
                    "not_proven", {"pieces": received[need.id][0], "requested": need.quantity}
                )
                for need in self.problem.needs
            }

        info = SolverInfo(NAME, VERSION, "stopped")
        if self.plain.corridors:
            # Parts that don't know of the corridors would overload them.
            plan = first_come_first_served(self.problem, by_tier=True)
            received = {each.need_id: (each.allocated, 0, 0) for each in plan.outcomes}
            reason = explain(received)
            outcomes = tuple(replace(each, reason=reason[each.need_id]) for each in plan.outcomes)
            return replace(plan, outcomes=outcomes, solver=info, bounds=self._bounds())
        known = [number for number in range(len(self.grids)) if number in self.parts]
        rows = [_shipments([self.grids[n] for n in known], [self.parts[n] for n in known])]
        rows += [
            self._serve_by_urgency(number)
            for number in range(len(self.components))
            if number not in self.parts
        ]
        plan = assemble(self.problem, self._lift(np.concatenate(rows)), explain, None, info)
        return replace(plan, bounds=self._bounds())

    def _serve_by_urgency(self, number: int) -> Indices:
        costs = self.grids[number].costs()
        lines = serve_by_urgency(self.plain, self.components[number], costs)
        source_row, need_row = self.tables.source_row, self.tables.need_row
        rows = [
            (source_row[line.source_id], need_row[line.need_id], line.quantity, line.depart_day)
            for line in lines
        ]
        return np.array(rows, dtype=np.int64).reshape(-1, 4)

    def _bounds(self) -> dict[str, int]:
        """Return what no plan can exceed, tier by tier, given what earlier tiers get.

        In pieces of the needs' items: what a solved part gives, and elsewhere all that is asked
        for. With pins, packs or corridors a part alone bounds nothing.
        """
        unmet: dict[int, int] = {need.tier: 0 for need in self.problem.needs}
        for number, grid in enumerate(self.grids):
            part = self.parts.get(number)
            if part is None or self.problem.corridors or not self._is_plain():
                continue
            got = np.zeros_like(grid.demand)
            np.add.at(got, part.shipments[:, 0], part.shipments[:, 2])
            for tier in np.unique(grid.tier).tolist():
                inside = grid.tier == tier
                unmet[tier] += int((grid.demand - got)[inside].sum())
        asked: dict[int, int] = dict.fromkeys(unmet, 0)
        for need in self.problem.needs:
            asked[need.tier] += need.quantity
        return {f"tier_{tier}_pieces": asked[tier] - unmet[tier] for tier in sorted(asked)}


def _shipments(grids: Sequence[Grid], parts: Sequence[SolvedPart]) -> Indices:
    """Return all shipments as rows (source, need, units, day), by positions in the problem."""
    return _rows(grids, [part.shipments for part in parts])


def _rows(grids: Sequence[Grid], dealt: Sequence[Indices]) -> Indices:
    rows = [np.zeros((0, 4), dtype=np.int64)]
    for grid, shipments in zip(grids, dealt, strict=True):
        need, source, units = shipments.T
        rows.append(
            np.stack([grid.source[source], grid.need[need], units, grid.depart[source]], axis=1)
        )
    return np.concatenate(rows)
