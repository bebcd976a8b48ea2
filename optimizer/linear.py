"""Linear programs: OR-Tools' glop for small ones, exact; PDLP for large ones, quick and rough.

Their answers are floats, so nothing is believed of them: shares are cut down to what fits, and
prices prove their bound anew in whole numbers. PDLP's own matrix interface asks for SciPy; the
other door, a serialised model, does not, so that one is used.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import linear_solver_pb2
from ortools.linear_solver.python.model_builder_helper import ModelSolverHelper
from ortools.pdlp import solvers_pb2
from ortools.pdlp.python import pdlp

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

GLOP = linear_solver_pb2.MPModelRequest.GLOP_LINEAR_PROGRAMMING
SMALL = 120_000  # columns: up to here the simplex is quick enough, and exact
THREADS = 4
SHARDS = 16  # sums are taken by shard: the same number gives the same answer on every machine
TOLERANCE = 1e-4


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


def minimise(program: LinearProgram, iterations: int, start: Answer | None = None) -> Answer:
    """Return a best answer of a small program; of a large one a nearly best one.

    That takes so many `iterations` at most, and fewer if it can `start` near the best. They are
    counted, not timed: so the same program has the same answer, however busy the machine.
    """
    message = _message(program)
    answer = _by_simplex(message) if len(program.cost) <= SMALL else None
    return answer or _by_gradients(message, iterations, start)


def _by_simplex(message: linear_solver_pb2.MPModelProto) -> Answer | None:
    """Return a best answer, or None where numbers of too many sizes stand in the way."""
    request = linear_solver_pb2.MPModelRequest(model=message, solver_type=GLOP)
    response = linear_solver_pb2.MPSolutionResponse.FromString(
        ModelSolverHelper("glop").solve_serialized_request(request.SerializeToString())
    )
    if response.status != linear_solver_pb2.MPSOLVER_OPTIMAL:
        return None
    return Answer(np.array(response.variable_value), np.array(response.dual_value))


def _by_gradients(
    message: linear_solver_pb2.MPModelProto, iterations: int, start: Answer | None
) -> Answer:
    model = pdlp.qp_from_mpmodel_proto(message, relax_integer_variables=False)
    params = solvers_pb2.PrimalDualHybridGradientParams()
    criteria = params.termination_criteria
    criteria.simple_optimality_criteria.eps_optimal_relative = TOLERANCE
    criteria.simple_optimality_criteria.eps_optimal_absolute = 0.0
    criteria.iteration_limit = iterations
    params.num_threads = THREADS
    params.num_shards = SHARDS
    params.presolve_options.use_glop = False
    initial = None
    if start is not None:
        initial = pdlp.PrimalAndDualSolution()
        initial.primal_solution = start.primal
        initial.dual_solution = start.dual
    result = pdlp.primal_dual_hybrid_gradient(model, params, initial)
    return Answer(np.asarray(result.primal_solution), np.asarray(result.dual_solution))


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
