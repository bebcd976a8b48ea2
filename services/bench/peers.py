"""Other solvers on the same programme. Each is loaded only by the process that runs it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.bench.errors import Unsolved
from services.bench.transport import Transport

__all__ = ["PEERS", "Answer"]

Floats = NDArray[np.float64]
PIVOTS = 10**9  # for POT: as many as it takes


@dataclass(frozen=True, slots=True)
class Answer:
    """A peer's optimum of one component.

    `seconds` are inside the solver alone, `model_seconds` what handing it the programme took.
    `cost` is exact, of its plan in whole pieces; None if it isn't one, then there is `value` only.
    """

    seconds: float
    model_seconds: float
    value: float
    cost: int | None


def glop(programme: Transport) -> Answer:
    """Google's simplex, from OR-Tools."""
    from services.bench.linear import solve_linear  # noqa: PLC0415

    rows, columns, costs = programme.arcs()
    count = len(programme.target)
    solved = solve_linear(
        costs=costs.astype(np.float64),
        most=np.full(len(costs), np.inf),
        row=np.concatenate([rows, count + columns]),
        column=np.tile(np.arange(len(costs)), 2),
        coefficient=np.ones(2 * len(costs)),
        low=np.concatenate([programme.target, np.zeros(len(programme.supply))]),
        high=np.concatenate([programme.target, programme.supply]).astype(np.float64),
    )
    cost = programme.exact_cost(rows, columns, solved.values)
    return Answer(solved.seconds, solved.model_seconds, solved.objective, cost)


def highs(programme: Transport) -> Answer:
    """HiGHS, as its own choice of method has it."""
    highspy: Any = import_module("highspy")

    begun = time.perf_counter()
    rows, columns, costs = programme.arcs()
    needs, sources, arcs = len(programme.target), len(programme.supply), len(costs)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = arcs, needs + sources
    model.col_cost_ = costs.astype(np.float64)
    model.col_lower_, model.col_upper_ = np.zeros(arcs), np.full(arcs, highspy.kHighsInf)
    model.row_lower_ = np.concatenate([programme.target, np.zeros(sources)]).astype(np.float64)
    model.row_upper_ = np.concatenate([programme.target, programme.supply]).astype(np.float64)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.arange(0, 2 * arcs + 1, 2)
    model.a_matrix_.index_ = np.stack([rows, needs + columns], axis=1).ravel()
    model.a_matrix_.value_ = np.ones(2 * arcs)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(model)
    handed = time.perf_counter()
    solver.run()
    done = time.perf_counter()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise Unsolved(solver.modelStatusToString(solver.getModelStatus()))
    flow = np.array(solver.getSolution().col_value)
    value = float(solver.getInfo().objective_function_value)
    return Answer(done - handed, handed - begun, value, programme.exact_cost(rows, columns, flow))


def pot(programme: Transport) -> Answer:
    """The network simplex of Python Optimal Transport, with one more need that takes what is left.

    It knows dense costs only, so a pair that isn't allowed costs more than any detour around it.
    """
    ot: Any = import_module("ot")

    begun = time.perf_counter()
    left = int(programme.supply.sum() - programme.target.sum())
    wanted = np.append(programme.target, left).astype(np.float64)
    dear = (int(programme.cost[programme.allowed].max()) + 1) * (len(programme.supply) + 1)
    costs = np.zeros((len(programme.supply), len(wanted)))
    costs[:, :-1] = np.where(programme.allowed, programme.cost, dear).T
    handed = time.perf_counter()
    flow, log = ot.emd(
        programme.supply.astype(np.float64), wanted, costs, numItermax=PIVOTS, log=True
    )
    done = time.perf_counter()
    if log["warning"]:
        raise Unsolved(str(log["warning"]))
    flow = flow[:, :-1].T
    if flow[~programme.allowed].any():
        raise Unsolved("used a pair that isn't allowed")
    rows, columns = np.nonzero(flow)
    return Answer(
        done - handed,
        handed - begun,
        float(log["cost"]),
        programme.exact_cost(rows, columns, flow[rows, columns]),
    )


PEERS: dict[str, Callable[[Transport], Answer]] = {"glop": glop, "highs": highs, "pot": pot}
