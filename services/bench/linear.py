"""Linear programmes for glop, handed over by arrays."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver.python.model_builder_helper import (
    ModelBuilderHelper,
    ModelSolverHelper,
    SolveStatus,
)

from services.bench.errors import Unsolved

__all__ = ["Solved", "solve_linear"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


ENTRIES_AT_ONCE = 1_000_000  # as Python's own numbers, which are large
METHODS = ("", "use_dual_simplex: true", "solution_feasibility_tolerance: 1e-4")
"""Glop's own choice; then what it is tried with where that ends in numerical trouble."""


@dataclass(frozen=True, slots=True)
class Solved:
    """An optimum, with the seconds that solving took and those of handing the programme over."""

    values: Floats
    objective: float
    seconds: float
    model_seconds: float


def solve_linear(
    costs: Floats,
    most: Floats,
    row: Ints,
    column: Ints,
    coefficient: Floats,
    low: Floats,
    high: Floats,
    *,
    maximise: bool = False,
) -> Solved:
    """Return the variables, each from 0 to `most`, for which `costs` add up to the least.

    Row by row, the coefficients times the variables add up to a sum from `low` to `high`; the
    matrix is given by its entries.
    """
    begun = time.perf_counter()
    model: Any = ModelBuilderHelper()  # its stubs know lists and column vectors only
    model.add_var_array_with_bounds(
        np.zeros(len(costs)), most, np.zeros(len(costs), dtype=np.bool_), "x"
    )
    model.set_objective_coefficients(range(len(costs)), costs.tolist())
    model.set_maximize(maximise)
    for least, largest in zip(low.tolist(), high.tolist(), strict=True):
        constraint = model.add_linear_constraint()
        model.set_constraint_lower_bound(constraint, least)
        model.set_constraint_upper_bound(constraint, largest)
    for start in range(0, len(row), ENTRIES_AT_ONCE):
        part = slice(start, start + ENTRIES_AT_ONCE)
        entries = (each[part].tolist() for each in (row, column, coefficient))
        for entry in zip(*entries, strict=True):
            model.add_term_to_constraint(*entry)
    handed = time.perf_counter()
    for method in METHODS:
        solver = ModelSolverHelper("glop")
        solver.set_solver_specific_parameters(method)
        solver.solve(model)
        if solver.status() != SolveStatus.ABNORMAL:
            break
    done = time.perf_counter()
    if solver.status() != SolveStatus.OPTIMAL:
        raise Unsolved(f"glop says {solver.status().name}: {solver.status_string()}")
    return Solved(
        np.array(solver.variable_values()), solver.objective_value(), done - handed, handed - begun
    )
