"""`solve(problem)`: the exact plan, with its reasons and its proof.

The aim, each part only where the parts before it leave a choice: tiers in order; within a tier
leximin fair fill rates; least cost (distance, lateness, substitution); first expired first out; few
drops. README.md explains each step, and `optimizer.check` verifies all but the last.
"""

from collections.abc import Callable
from fractions import Fraction

from optimizer.arcs import Arcs, Component, Tables, build_arcs, components
from optimizer.assemble import Received, Shipment, assemble
from optimizer.baselines import serve_in_order
from optimizer.certificate import Certificate, Pool
from optimizer.cheapest import cheapest
from optimizer.fairness import Level, fair_levels
from optimizer.flow import VERSION
from optimizer.plan import Plan, Reason, SolverInfo
from optimizer.problem import Problem
from optimizer.reasons import reasons

Progress = Callable[[str, int, int], None]


def solve(
    problem: Problem,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Plan:
    """Return the optimal plan and its certificate; the same problem always gives the same plan.

    `progress(stage, done, total)` counts components of items: all through the stage `fairness`,
    then all through `cost`. `stop()` is asked between any two steps: once it is true, the remaining
    components are served by tier and order of posting, and the plan says `stopped` and carries no
    proof. Raises ProblemError, naming the items, where quantities or costs are too large to be
    exact.
    """
    run = _Run(problem, progress or _ignore, stop or _never)
    return run.stopped_plan() if run.was_stopped() else run.optimal_plan()


def _ignore(stage: str, done: int, total: int) -> None:
    del stage, done, total


def _never() -> bool:
    return False


class _Run:
    def __init__(self, problem: Problem, progress: Progress, stop: Callable[[], bool]) -> None:
        self.problem = problem
        self.tables = Tables(problem)
        self.shipments: list[Shipment] = []
        self.pools: list[Pool] = []
        self.arcs: list[Arcs] = []
        self.levels: list[list[Level]] = []
        self.unsolved = components(problem)
        self._find_targets(progress, stop)
        self._find_cheapest(progress, stop)

    def _find_targets(self, progress: Progress, stop: Callable[[], bool]) -> None:
        total = len(self.unsolved)
        for component in self.unsolved:
            if stop():
                return
            arcs = build_arcs(self.tables, component)
            self.arcs.append(arcs)
            self.levels.append(fair_levels(self.problem, arcs))
            progress("fairness", len(self.levels), total)

    def _find_cheapest(self, progress: Progress, stop: Callable[[], bool]) -> None:
        total = len(self.unsolved)
        for done, (arcs, levels) in enumerate(zip(self.arcs, self.levels, strict=True), start=1):
            if stop():
                return
            shipments, pools = cheapest(self.problem, arcs, levels)
            self.shipments += shipments
            self.pools += pools
            self.unsolved = self.unsolved[1:]
            progress("cost", done, total)

    def was_stopped(self) -> bool:
        return bool(self.unsolved)

    def optimal_plan(self) -> Plan:
        # Components share no arc, so their pools may be sorted together; within one, tiers and
        # rates rise already.
        certificate = Certificate(tuple(sorted(self.pools, key=_order)))

        def explain(received: Received) -> dict[str, Reason]:
            return reasons(self.problem, self.arcs, certificate, received)

        info = SolverInfo("medrelay with OR-Tools", VERSION, "optimal")
        return assemble(self.problem, self.shipments, explain, certificate, info)

    def stopped_plan(self) -> Plan:
        for component in self.unsolved:
            arcs = build_arcs(self.tables, component)
            order = sorted(
                range(len(component.needs)), key=lambda row: self._urgency(component, row)
            )
            self.shipments += serve_in_order(self.problem, arcs, order)

        def explain(received: Received) -> dict[str, Reason]:
            return {
                need.id: Reason(
                    "not_proven", {"pieces": received[need.id][0], "requested": need.quantity}
                )
                for need in self.problem.needs
            }

        info = SolverInfo("medrelay with OR-Tools", VERSION, "stopped")
        return assemble(self.problem, self.shipments, explain, None, info)

    def _urgency(self, component: Component, row: int) -> tuple[int, int, str]:
        need = self.problem.needs[component.needs[row]]
        return need.tier, need.posted_at, need.id


def _order(pool: Pool) -> tuple[int, Fraction]:
    denominator = pool.rate_denominator
    return pool.tier, Fraction(pool.rate_numerator, denominator) if denominator else Fraction(0)
