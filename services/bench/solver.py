"""The one place where the benchmarks call the allocator."""

from collections.abc import Callable

from optimizer.crew import Processes, inline
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.solve import solve

__all__ = ["gap_of", "plan_for"]


def plan_for(
    problem: Problem, processes: int = 1, progress: Callable[[str, int, int], None] | None = None
) -> Plan:
    """Return the allocator's plan, made in up to so many processes; a single part stays here."""
    items = {need.item for need in problem.needs}
    crew = Processes(processes) if min(processes, len(items)) > 1 else inline
    return solve(problem, progress=progress, crew=crew)


def gap_of(plan: Plan) -> float | None:
    """Return how far from the best plan it can be, as a share, as far as it is certified."""
    if plan.solver.status == "optimal":
        return 0.0
    lanes = plan.certificate.lanes if plan.certificate else None
    return None if lanes is None else float(lanes.gap)
