"""`medrelay bench practice`: the plan beside what people do today, on the same problems."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from optimizer import baselines
from optimizer.baselines import summary
from optimizer.plan import Plan
from optimizer.problem import Problem
from services.bench.hubei import week_problem
from services.bench.instances import Shape, make_problem
from services.bench.sizes import MEDRELAY
from services.bench.solver import plan_for
from services.scenarios.load import read_scenario
from services.scenarios.scenario import HUBEI_2020

__all__ = ["run_practice"]

MILLION = 1_000_000
FIGURES = ("pieces", "requested", "unmet", "late_pieces", "substitute_pieces", "shipments")
RATES = ("min_fill", "p5_fill", "mean_fill", "zero_share", "gini")


def run_practice(
    shape: Shape, processes: int, progress: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Return a row for each problem, the Hubei week and a made-up one, and each way to share it."""
    hubei = week_problem(read_scenario(HUBEI_2020))
    rows = _rows("Hubei, February 2020", hubei, processes, progress)
    made_up = f"made up, {shape.size}"
    return rows + _rows(made_up, make_problem(shape), processes, progress)


def _rows(
    instance: str, problem: Problem, processes: int, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    ways: dict[str, Callable[[Problem], Plan]] = {
        MEDRELAY: partial(plan_for, processes=processes),
        "first_come_first_served": baselines.first_come_first_served,
        "first_come_by_tier": partial(baselines.first_come_first_served, by_tier=True),
        "proportional": baselines.proportional,
        "national_quota": baselines.national_quota,
    }
    rows = []
    for name, make in ways.items():
        progress(f"{instance}: {name}")
        begun = time.perf_counter()
        plan = make(problem)
        seconds = time.perf_counter() - begun
        about = {"instance": instance, "needs": len(problem.needs), "practice": name}
        rows.append(about | _figures(problem, plan) | {"seconds": seconds})
    return rows


def _figures(problem: Problem, plan: Plan) -> dict[str, Any]:
    """Return a plan's figures; rates are shares from 0 to 1."""
    found = summary(problem, plan)
    return {
        **{name: getattr(found, name) for name in FIGURES},
        "unmet_by_tier": {
            str(tier): requested - found.pieces_by_tier[tier]
            for tier, requested in found.requested_by_tier.items()
        },
        **{name: getattr(found, f"{name}_ppm") / MILLION for name in RATES},
        "km_per_piece": round(found.piece_km / found.pieces, 1) if found.pieces else None,
    }
