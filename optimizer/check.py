"""Accept or refuse a plan without a solver: NumPy and the standard library only.

What is shared with the solver is the statement of the problem: `rules.py`, `grid.py` (which pairs
the rules allow, and at what cost), `derive.py`, `reasons.py`, and for full lanes `lanes.py`,
`lane_shares.py` and `bound.py`. All sums, days, loads, rates, roundings and prices are worked out
in `tally.py` and `proof.py` anew, and every allocation is held against each rule on its own.
"""

from collections import defaultdict

import numpy as np

from optimizer.assemble import exact_dot
from optimizer.bound import bound, price_faults, weighted_objective
from optimizer.certificate import Certificate, Pool
from optimizer.derive import Derived, Line, derive
from optimizer.errors import ProblemError
from optimizer.grid import Grid
from optimizer.lane_proof import LaneProof
from optimizer.lane_shares import in_shares, share_faults
from optimizer.lanes import Lanes, pair_costs
from optimizer.plan import Allocation, Plan
from optimizer.problem import Problem
from optimizer.proof import Proven, check_proof
from optimizer.reasons import Refused, reasons, refused_in_lanes
from optimizer.report import Report, Violation
from optimizer.rules import depart_day
from optimizer.tables import Tables, components
from optimizer.tally import Ledger

Weights = tuple[tuple[int, int], ...]

__all__ = ["Report", "Violation", "check"]


def check(problem: Problem, plan: Plan) -> Report:
    """Judge a plan of any origin.

    Every plan must be feasible and state its totals truly. One that claims to be optimal must prove
    it; its report then also lists fairness, rounding, cost and reasons as verified. One that claims
    to be bounded must prove all of that within its shares of the lanes, and its bound. `proven`
    says that the claim holds; a plan without a claim can be `ok`, never `proven`.
    """
    ledger = Ledger(problem)
    found = ledger.check_allocations(plan.allocations) or _overloads(problem, plan)
    if found:
        return Report(False, False, (), tuple(found))
    verified = ["allocations"]
    found = [*ledger.check_outcomes(plan), *ledger.check_objective(plan)]
    if found:
        return Report(False, False, tuple(verified), tuple(found))
    verified += ["outcomes", "objective"]
    if plan.solver.status not in {"optimal", "bounded"}:
        found = _exceeded(plan)
        return Report(not found, False, tuple(verified), tuple(found))
    if plan.bounds:
        found = [Violation("bounds", "plan", "only a stopped plan has bounds of this kind")]
        return Report(False, False, tuple(verified), tuple(found))
    steps, found = _Claim(problem, plan, ledger).check()
    return Report(not found, not found, (*verified, *steps), tuple(found))


def _exceeded(plan: Plan) -> list[Violation]:
    """Return the bounds that the plan itself exceeds."""
    return [
        Violation("bounds", name, f"is {most}, and the plan gives {plan.objective.get(name, 0)}")
        for name, most in plan.bounds.items()
        if plan.objective.get(name, 0) > most
    ]


def _overloads(problem: Problem, plan: Plan) -> list[Violation]:
    """Return the corridors that take more on a day than they can; pieces have their items' size."""
    if not problem.corridors:
        return []
    zone = {need.id: problem.zone(need.site) for need in problem.needs}
    source = {each.id: each for each in problem.sources}
    load: dict[tuple[str, str, int], tuple[int, int]] = {}
    for each in plan.allocations:
        lot = source[each.source_id]
        item, key = problem.item(lot.item), (problem.zone(lot.site), zone[each.need_id])
        volume, weight = load.get((*key, each.depart_day), (0, 0))
        load[*key, each.depart_day] = (
            volume + item.volume_ml * each.quantity,
            weight + item.weight_g * each.quantity,
        )
    limits = {(each.origin_zone, each.destination_zone): each for each in problem.corridors}
    found = []
    for (origin, destination, day), (volume, weight) in sorted(load.items()):
        limit = limits.get((origin, destination))
        if limit is None:
            continue
        most = (limit.volume_ml_per_day, limit.weight_g_per_day)
        used = next((load for at, *load in limit.taken if at == day), [0, 0])
        loads = zip(most, (volume, weight), used, strict=True)
        if any(cap is not None and load and load > cap - before for cap, load, before in loads):
            where = f"corridor from {origin!r} to {destination!r}"
            message = f"takes {volume} ml and {weight} g on day {day}, more than it can"
            found.append(Violation("lane_full", where, message))
    return found


class _Claim:
    """A plan's claim to be the best, or nearly."""

    def __init__(self, problem: Problem, plan: Plan, ledger: Ledger) -> None:
        self.problem, self.plan, self.ledger = problem, plan, ledger

    def check(self) -> tuple[list[str], list[Violation]]:
        """Return the names of what is proven, and what is wrong."""
        certificate = self.plan.certificate
        if certificate is None:
            return [], [Violation("no_certificate", "plan", "claims to be best without a proof")]
        if (certificate.lanes is None) != (self.plan.solver.status == "optimal"):
            message = "a plan is optimal without shared lanes, and bounded with them"
            return [], [Violation("status", "plan", message)]
        try:
            derived = derive(self.problem)
        except ProblemError as error:
            return [], [Violation(error.code, error.where, error.message)]
        lines, found = derived.lower(
            Line(each.source_id, each.need_id, each.quantity, each.depart_day)
            for each in self.plan.allocations
        )
        if found:
            return [], found
        if certificate.lanes is None:
            return self._check_plain(derived, lines, certificate.pools)
        return self._check_lanes(derived, lines, certificate, certificate.lanes)

    def _check_plain(
        self, derived: Derived, lines: list[Line], pools: tuple[Pool, ...]
    ) -> tuple[list[str], list[Violation]]:
        found = _delayed(derived.problem, lines)
        if found:
            return [], found
        return self._check_pools(derived, derived.problem, lines, pools)

    def _check_pools(
        self, derived: Derived, problem: Problem, lines: list[Line], pools: tuple[Pool, ...]
    ) -> tuple[list[str], list[Violation]]:
        """Check the proof over all pairs of `problem`, the derived one or that of its shares."""
        proven: Proven = check_proof(problem, lines, pools)
        if proven.violations:
            return proven.steps, proven.violations
        found = self._check_reasons(derived, problem, lines, pools, proven.refused)
        return proven.steps if found else [*proven.steps, "reasons"], found

    def _check_lanes(
        self, derived: Derived, lines: list[Line], certificate: Certificate, lanes: LaneProof
    ) -> tuple[list[str], list[Violation]]:
        plain = derived.problem
        faults = share_faults(plain, lanes.shares)
        if faults:
            return [], [Violation("shares", where, message) for where, message in faults]
        shared = in_shares(plain, lanes.shares)
        moved, found = _in_shares(plain, shared, lanes, lines)
        if found:
            return [], found
        steps, found = self._check_pools(derived, shared, moved, certificate.pools)
        if found:
            return steps, found
        found = _check_bound(plain, lanes, lines)
        return (steps if found else [*steps, "lanes", "bound"]), found

    def _check_reasons(
        self,
        derived: Derived,
        problem: Problem,
        lines: list[Line],
        pools: tuple[Pool, ...],
        refused: Refused,
    ) -> list[Violation]:
        ledger = self.ledger
        if problem is not self.problem:
            ledger = Ledger(problem)
            ledger.check_allocations(_allocations(problem, lines))
        received = {
            each.need_id: (each.allocated, each.substituted, each.late)
            for each in self.plan.outcomes
        }
        plain = derived.problem
        if problem is not plain:
            tables = Tables(plain)
            grids = (tables.grid(component) for component in components(plain))
            refused = refused_in_lanes(plain, grids, refused)
        found = reasons(problem, refused, pools, ledger.received)
        expected = derived.lift_reasons(found, received)
        return [
            Violation("reason", outcome.need_id, "is not the reason that the proof gives")
            for outcome in self.plan.outcomes
            if outcome.reason != expected[outcome.need_id]
        ]


def _delayed(plain: Problem, lines: list[Line]) -> list[Violation]:
    """Return the lines that wait for no reason: only in shares of full lanes may a lot wait."""
    ready = {source.id: depart_day(source) for source in plain.sources}
    return [
        Violation("days", f"{line.source_id} → {line.need_id}", "waits though no lane is full")
        for line in lines
        if line.depart_day != ready[line.source_id]
    ]


def _allocations(problem: Problem, lines: list[Line]) -> list[Allocation]:
    site = {each.id: each.site for each in problem.sources}
    site |= {each.id: each.site for each in problem.needs}
    found = []
    for line in lines:
        way = problem.way(site[line.source_id], site[line.need_id])
        arrive = line.depart_day + (way.transit_days if way else 0)
        found.append(Allocation(*line, arrive))
    return found


def _in_shares(
    plain: Problem, shared: Problem, lanes: LaneProof, lines: list[Line]
) -> tuple[list[Line], list[Violation]]:
    """Return the lines as lines of the shares that they are drawn from, and those of none."""
    name = {
        (share.source_id, share.zone, share.day): source.id
        for share, source in zip(lanes.shares, shared.sources, strict=True)
    }
    zone = {need.id: plain.zone(need.site) for need in plain.needs}
    moved, found = [], []
    for line in lines:
        share = name.get((line.source_id, zone[line.need_id], line.depart_day))
        if share is None:
            where = f"{line.source_id} → {line.need_id}"
            found.append(Violation("shares", where, "is drawn from no share of a lane"))
        else:
            moved.append(line._replace(source_id=share))
    return moved, found


def _check_bound(plain: Problem, stated: LaneProof, lines: list[Line]) -> list[Violation]:
    """Work the plan's weight and the bound of the prices out again."""
    lanes, tables = Lanes.of(plain), Tables(plain)
    grids = [tables.grid(component) for component in components(plain)]
    try:
        prices = stated.prices(len(plain.corridors))
    except (ValueError, OverflowError):
        return [Violation("bound", "prices", "do not fit the corridors")]
    faults = price_faults(lanes, grids, prices)
    if faults:
        return [Violation("bound", "prices", fault) for fault in faults]
    proven = bound(lanes, grids, prices)
    if proven != stated.bound:
        return [Violation("bound", "bound", f"is {proven} by the prices, not {stated.bound}")]
    weighed = _weigh(plain, tables, grids, prices.weights, lines)
    if weighed != stated.objective:
        return [Violation("bound", "objective", f"is {weighed}, not {stated.objective}")]
    return []


def _weigh(
    plain: Problem, tables: Tables, grids: list[Grid], weights: Weights, lines: list[Line]
) -> int:
    """Return what a plan weighs: what each tier lacks, by its weight, and what the lines cost."""
    lacking: dict[int, int] = defaultdict(int)
    tier = {need.id: need.tier for need in plain.needs}
    for need in plain.needs:
        lacking[need.tier] += need.quantity
    for line in lines:
        lacking[tier[line.need_id]] -= line.quantity
    told = [
        (tables.source_row[line.source_id], tables.need_row[line.need_id], *line[2:])
        for line in lines
    ]
    rows = np.array(told, dtype=np.int64).reshape(-1, 4)
    cost = 0
    for grid in grids:
        inside = rows[np.isin(rows[:, 0], grid.source)]
        source, need = (
            np.searchsorted(*each)
            for each in zip((grid.source, grid.need), inside[:, :2].T, strict=True)
        )
        cost += exact_dot(inside[:, 2], pair_costs(grid, need, source, inside[:, 3]))
    return weighted_objective(weights, list(lacking.items()), cost)
