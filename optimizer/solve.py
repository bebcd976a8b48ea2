"""`solve(problem)`: the exact plan, with its reasons and its proof.

The aim, each part only where the parts before it leave a choice: tiers in order; within a tier
leximin fair fill rates; least cost (distance, lateness, substitution); first expired first out; few
drops. README.md explains each step, and `optimizer.check` verifies all but the last.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction

from optimizer.arcs import build_arcs
from optimizer.assemble import Received, Shipment, assemble
from optimizer.baselines import serve_in_order
from optimizer.certificate import Certificate, Pool
from optimizer.crew import Crew, inline
from optimizer.flow import VERSION
from optimizer.part import SolvedPart, SolvedPool, decode_part
from optimizer.plan import Plan, Reason, SolverInfo
from optimizer.policy import Policy
from optimizer.problem import Problem
from optimizer.reasons import Refused, reasons, refused
from optimizer.tables import Component, Tables, components

Progress = Callable[[str, int, int], None]
Stop = Callable[[], bool]


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
    is components of items; `crew` says who solves them (this process, if nobody is named), and the
    plan doesn't depend on that. Once `stop()` is true, parts that are not solved yet are served by
    tier and order of posting; the plan then says `stopped` and carries no proof. Raises
    ProblemError, naming the items, where quantities or costs are too large to be exact.
    """
    problem = replace(problem, policy=policy) if policy else problem
    run = _Run(problem, progress or _ignore, stop or _never, crew or inline)
    return run.stopped_plan() if run.was_stopped() else run.optimal_plan()


def _ignore(stage: str, done: int, total: int) -> None:
    del stage, done, total


def _never() -> bool:
    return False


class _Run:
    def __init__(self, problem: Problem, progress: Progress, stop: Stop, crew: Crew) -> None:
        self.problem = problem
        self.tables = Tables(problem)
        self.components = components(problem)
        self.parts: dict[int, SolvedPart] = {}
        tasks = [self.tables.grid(component).encode() for component in self.components]
        for number, result in crew(tasks, stop):
            self.parts[number] = decode_part(result)
            progress("parts", len(self.parts), len(tasks))

    def was_stopped(self) -> bool:
        return len(self.parts) < len(self.components)

    def optimal_plan(self) -> Plan:
        # Components share no pair, so their pools may be sorted together; within one, tiers and
        # rates rise already.
        pools: list[Pool] = []
        refusals: Refused = {}
        for component, part in self._solved():
            pools += [named_pool(self.problem, component, pool) for pool in part.pools]
            refusals |= refused(self.problem, component, part.unreached)
        certificate = Certificate(tuple(sorted(pools, key=_order)))

        def explain(received: Received) -> dict[str, Reason]:
            return reasons(self.problem, refusals, certificate, received)

        info = SolverInfo("medrelay with OR-Tools", VERSION, "optimal")
        return assemble(self.problem, self._shipments(), explain, certificate, info)

    def _solved(self) -> Iterable[tuple[Component, SolvedPart]]:
        for number, component in enumerate(self.components):
            if number in self.parts:
                yield component, self.parts[number]

    def _shipments(self) -> list[Shipment]:
        return [
            Shipment(component.sources[source], component.needs[need], units)
            for component, part in self._solved()
            for pool in part.pools
            for need, source, units in pool.shipments.tolist()
        ]

    def stopped_plan(self) -> Plan:
        shipments = self._shipments()
        for number, component in enumerate(self.components):
            if number not in self.parts:
                shipments += self._serve_by_urgency(component)

        def explain(received: Received) -> dict[str, Reason]:
            return {
                need.id: Reason(
                    "not_proven", {"pieces": received[need.id][0], "requested": need.quantity}
                )
                for need in self.problem.needs
            }

        info = SolverInfo("medrelay with OR-Tools", VERSION, "stopped")
        return assemble(self.problem, shipments, explain, None, info)

    def _serve_by_urgency(self, component: Component) -> list[Shipment]:
        def urgency(row: int) -> tuple[int, int, str]:
            need = self.problem.needs[component.needs[row]]
            return need.tier, need.posted_at, need.id

        order = sorted(range(len(component.needs)), key=urgency)
        return serve_in_order(self.problem, build_arcs(self.tables, component), order)


def named_pool(problem: Problem, component: Component, pool: SolvedPool) -> Pool:
    """Return a pool of the certificate: the same by identifiers."""
    needs, sources = problem.needs, problem.sources
    return Pool(
        pool.tier,
        pool.numerator,
        pool.denominator,
        tuple(needs[component.needs[each]].id for each in pool.needs.tolist()),
        tuple(needs[component.needs[each]].id for each in pool.carried.tolist()),
        tuple(sources[component.sources[each]].id for each in pool.sources.tolist()),
        tuple(pool.source_prices.tolist()),
        tuple(pool.need_prices.tolist()),
        tuple(pool.source_cutoffs.tolist()),
        tuple(pool.need_cutoffs.tolist()),
    )


def _order(pool: Pool) -> tuple[int, Fraction]:
    denominator = pool.rate_denominator
    return pool.tier, Fraction(pool.rate_numerator, denominator) if denominator else Fraction(0)
