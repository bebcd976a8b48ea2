"""What a process of its own runs: one task, its arguments and its result as JSON.

`python -m services.bench.child TASK ARGUMENTS`; see `measure.run_apart`.
"""

import contextlib
import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.errors import ProblemError
from optimizer.problem import Problem
from services.bench.errors import Unsolved
from services.bench.instances import Shape, make_problem

PLAN, TARGETS = "plan.json", "targets.npy"
PACKAGES = {"glop": "ortools", "maxmin": "ortools", "highs": "highspy", "pot": "pot"}

Result = dict[str, Any]


def _problem(arguments: dict[str, Any]) -> tuple[Problem, float]:
    """Return the problem, and the seconds that making it took."""
    begun = time.perf_counter()
    problem = make_problem(Shape(**arguments["shape"]))
    # It stays: nobody would look for cycles in it again and again.
    gc.collect()
    gc.freeze()
    return problem, time.perf_counter() - begun


def _cpu_seconds() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    of = (resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in of)


def plan(arguments: dict[str, Any]) -> Result:
    """Solve, and leave the plan and its targets in `folder` for the others."""
    from services.bench.solver import gap_of, plan_for  # noqa: PLC0415

    problem, build_seconds = _problem(arguments)
    begun, cpu_begun = time.perf_counter(), _cpu_seconds()
    made = plan_for(problem, arguments["processes"])
    seconds, cpu_seconds = time.perf_counter() - begun, _cpu_seconds() - cpu_begun
    folder = Path(arguments["folder"])
    np.save(folder / TARGETS, np.array([each.allocated for each in made.outcomes], dtype=np.int64))
    (folder / PLAN).write_text(made.to_json(), encoding="utf-8")
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "build_seconds": build_seconds,
        "objective": made.objective["cost_micro"],
        "status": made.solver.status,
        "gap": gap_of(made),
        "pieces": sum(each.allocated for each in made.outcomes),
        "unmet": sum(each.requested - each.allocated for each in made.outcomes),
        "pools": len(made.certificate.pools) if made.certificate else None,
    }


def check(arguments: dict[str, Any]) -> Result:
    """Check the plan that `plan` left, read from its document as a stranger would."""
    from optimizer.check import check as check_plan  # noqa: PLC0415
    from optimizer.plan import Plan  # noqa: PLC0415

    problem, build_seconds = _problem(arguments)
    begun = time.perf_counter()
    made = Plan.from_json((Path(arguments["folder"]) / PLAN).read_text(encoding="utf-8"))
    read, cpu_begun = time.perf_counter(), _cpu_seconds()
    report = check_plan(problem, made)
    done = time.perf_counter()
    result = {
        "seconds": done - read,
        "cpu_seconds": _cpu_seconds() - cpu_begun,
        "build_seconds": build_seconds,
        "read_seconds": read - begun,
        "proven": report.proven,
        "verified": list(report.verified),
        "objective": made.objective["cost_micro"],
    }
    if report.violations:
        result["why"] = str(report.violations[0])
    return result


def peer(arguments: dict[str, Any]) -> Result:
    """Bring every need what the plan brings it, as cheaply as the peer can."""
    from services.bench.peers import PEERS  # noqa: PLC0415
    from services.bench.transport import transports  # noqa: PLC0415

    problem, build_seconds = _problem(arguments)
    targets = np.load(Path(arguments["folder"]) / TARGETS)
    solve = PEERS[arguments["peer"]]
    answers = [solve(programme) for programme in transports(problem, targets)]
    costs = [each.cost for each in answers if each.cost is not None]
    exact = len(costs) == len(answers)
    return {
        "seconds": sum(each.seconds for each in answers),
        "model_seconds": sum(each.model_seconds for each in answers),
        "build_seconds": build_seconds,
        "objective": sum(costs) if exact else round(sum(each.value for each in answers)),
        "exact": exact,
    }


def maxmin(arguments: dict[str, Any]) -> Result:
    """Find the fair rates by linear programmes, and hold the plan's pieces against them."""
    from services.bench.maxmin import fair_rates  # noqa: PLC0415

    problem, build_seconds = _problem(arguments)
    targets = np.load(Path(arguments["folder"]) / TARGETS)
    found = fair_rates(problem)
    asked = np.array([need.quantity for need in problem.needs])
    return {
        "seconds": found.seconds,
        "model_seconds": found.model_seconds,
        "build_seconds": build_seconds,
        "programmes": found.programmes,
        # A need has its fair share, rounded down or up to whole pieces.
        "equal": bool((np.abs(targets - found.rates * asked) < 1 + 1e-6 * asked).all()),
    }


def coupled(arguments: dict[str, Any]) -> Result:
    """Find the least that a plan in shared lanes can weigh, and hold the plan and its bound to it.

    Both are weighed in the certificate's units: costs, and a weight for each piece not brought.
    """
    from optimizer.plan import Plan  # noqa: PLC0415
    from services.bench.coupled import MICRO, least_weighed  # noqa: PLC0415

    problem, build_seconds = _problem(arguments)
    made = Plan.from_json((Path(arguments["folder"]) / PLAN).read_text(encoding="utf-8"))
    lanes = made.certificate.lanes if made.certificate else None
    if lanes is None:
        raise Unsolved("no lane is overloaded: the plan is proven to be the best")
    solved = least_weighed(problem, dict(lanes.weights))
    least = solved.objective * MICRO
    return {
        "seconds": solved.seconds,
        "model_seconds": solved.model_seconds,
        "build_seconds": build_seconds,
        "objective": round(least),
        "gap": 1 - least / lanes.objective,
        # The bound must lie below the best, and the plan above it; doubles are not exact.
        "equal": lanes.bound <= least * (1 + 1e-7) and least <= lanes.objective * (1 + 1e-7),
    }


TASKS: dict[str, Callable[[dict[str, Any]], Result]] = {
    "plan": plan,
    "check": check,
    "peer": peer,
    "maxmin": maxmin,
    "coupled": coupled,
}


def missing(peer: str) -> str | None:
    """Say why a peer can't run here, if so, without loading it."""
    try:
        version(PACKAGES[peer])
    except PackageNotFoundError:
        return f"{PACKAGES[peer]} is not installed: `make install-bench` does it"
    return None


def _peak() -> int:
    """Return the most bytes that this process has held.

    Linux keeps it of the program; elsewhere it is that of the process, which may have been a larger
    one's copy before it became this program.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    task, arguments = sys.argv[1:]
    result: Result
    with contextlib.redirect_stdout(sys.stderr):  # solvers talk; standard output is the result's
        try:
            result = TASKS[task](json.loads(arguments))
        except (Unsolved, ProblemError) as error:
            result = {"why": str(error)}
    result["peak_bytes"] = _peak()
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
