"""OR-Tools' PDLP, a first-order solver of linear programs: quick on large ones, exact on none.

Its answers are floats, so nothing is believed of them: shares are cut down to what fits, and prices
prove their bound anew in whole numbers. Its own matrix interface asks for SciPy; its other door, a
serialised model, does not, so that one is used.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import linear_solver_pb2
from ortools.pdlp import solvers_pb2
from ortools.pdlp.python import pdlp

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

WORK = 1_200_000_000  # columns times iterations
LEAST_ITERATIONS = 500
THREADS = 4
SMALL = 10_000  # columns: fewer are quicker in one thread
SHARDS = 16  # sums are taken by shard: the same number gives the same answer on every machine


@dataclass(frozen=True, slots=True)
class LinearProgram:
    """Least cost · x with 0 ≤ x ≤ upper and lower ≤ A x ≤ higher, A given entry by entry."""

    cost: Floats
    upper: Floats
    row: Indices
    column: Indices
    entry: Floats
    lower: Floats
    higher: Floats


@dataclass(frozen=True, slots=True)
class Answer:
    """x and the rows' dual values, nearly optimal and nearly feasible."""

    primal: Floats
    dual: Floats
    iterations: int


def minimise(program: LinearProgram, tolerance: float, start: Answer | None = None) -> Answer:
    """Return a nearly best answer, sooner if it can `start` near it.

    What is done at most goes by the program's size, not by the clock: so the same program has the
    same answer, however busy the machine.
    """
    model = pdlp.qp_from_mpmodel_proto(_message(program), relax_integer_variables=False)
    params = solvers_pb2.PrimalDualHybridGradientParams()
    criteria = params.termination_criteria
    criteria.simple_optimality_criteria.eps_optimal_relative = tolerance
    criteria.simple_optimality_criteria.eps_optimal_absolute = 0.0
    criteria.iteration_limit = max(LEAST_ITERATIONS, WORK // max(1, len(program.cost)))
    params.num_threads = THREADS if len(program.cost) > SMALL else 1
    params.num_shards = SHARDS
    params.presolve_options.use_glop = False
    initial = None
    if start is not None:
        initial = pdlp.PrimalAndDualSolution()
        initial.primal_solution = start.primal
        initial.dual_solution = start.dual
    result = pdlp.primal_dual_hybrid_gradient(model, params, initial)
    return Answer(
        np.asarray(result.primal_solution),
        np.asarray(result.dual_solution),
        int(result.solve_log.iteration_count),
    )


def _message(program: LinearProgram) -> linear_solver_pb2.MPModelProto:
    """Return the program as a message."""
    order = np.argsort(program.row, kind="stable")
    column, entry = program.column[order].tolist(), program.entry[order].tolist()
    end = np.cumsum(np.bincount(program.row, minlength=len(program.lower))).tolist()
    rows = linear_solver_pb2.MPModelProto()
    begin = 0
    for low, high, stop in zip(program.lower.tolist(), program.higher.tolist(), end, strict=True):
        rows.constraint.add(
            var_index=column[begin:stop],
            coefficient=entry[begin:stop],
            lower_bound=low,
            upper_bound=high,
        )
        begin = stop
    rows.MergeFromString(_variables(program))
    return rows


def _variables(program: LinearProgram) -> bytes:
    """Return the variables' part of the message, all at once: each has the same 29 bytes.

    They are MPModelProto's field 3 and, inside, MPVariableProto's doubles 1 to 3, bounds and cost.
    """
    kind = np.dtype(
        [
            ("open", "S2"),
            ("lower_tag", "S1"),
            ("lower", "<f8"),
            ("upper_tag", "S1"),
            ("upper", "<f8"),
            ("cost_tag", "S1"),
            ("cost", "<f8"),
        ]
    )
    records = np.zeros(len(program.cost), dtype=kind)
    records["open"], records["lower_tag"] = b"\x1a\x1b", b"\x09"
    records["upper_tag"], records["cost_tag"] = b"\x11", b"\x19"
    records["upper"], records["cost"] = program.upper, program.cost
    return records.tobytes()
