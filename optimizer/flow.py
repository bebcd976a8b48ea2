"""OR-Tools' flow solvers, exact for integers of any size, or a ProblemError; never a wrong flow.

Known traps, each met here: capacities must be int64 arrays and node ids int32 (other types are
truncated or wrapped in silence); sums beyond 2^63 saturate; `optimal_cost()` saturates too, so
nobody asks it; equal-cost ties follow the order of the arcs, so callers sort them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import ortools
from numpy.typing import NDArray
from ortools.graph.python import max_flow as ortools_max_flow
from ortools.graph.python import min_cost_flow as ortools_min_cost_flow

from optimizer.errors import ProblemError

VERSION = str(ortools.__version__)
SAFE_BITS = 62
LARGEST_PATH_COST = 2**61
"""What a path through every node may cost: within it the solver scales costs without overflow."""


Indices = NDArray[np.int64]
Network = tuple[Indices, Indices]  # tails and heads of the arcs that join sources to needs


@dataclass(frozen=True, slots=True)
class MaxFlow:
    """A maximum flow's value, what it sends on each arc, and the starved side of its least cut.

    What is starved wants more than its sources have; no other source may serve it.
    """

    value: int
    sent: NDArray[Any]
    starved_sources: NDArray[np.bool_]
    starved_needs: NDArray[np.bool_]


def max_flow(network: Network, supply: list[int], demand: list[int]) -> MaxFlow:
    """Return the maximum flow from sources through arcs without limit to needs, and its cut.

    Takes at least one source and one need, and quantities of any size, from 0 on.

    The least cut with the largest starved side is returned: it is unique, so the result does not
    depend on which of several maximum flows was found. Quantities too large for 64 bits are solved
    by capacity scaling (Edmonds and Karp, 1972): first their leading bits, then, in the residual
    network, the next ones; what is left to send then is small, so every capacity can be cut down.
    """
    tail, head = _with_terminals(network, len(supply), len(demand))
    nodes = len(supply) + len(demand) + 2
    step = SAFE_BITS - 2 * nodes.bit_length()
    shift = max(0, max(sum(supply), sum(demand)).bit_length() - SAFE_BITS + 1)
    exact = _capacities(supply, demand, len(network[0]), shift)
    capacity = exact >> shift
    flow, reached = _augment(tail, head, capacity, capacity * 0, 2**SAFE_BITS)
    while shift:
        bits = min(shift, step)
        shift -= bits
        flow = flow << bits
        more, reached = _augment(tail, head, exact >> shift, flow, nodes << bits)
        flow = flow + more
    starved = np.ones(nodes, dtype=np.bool_)
    starved[reached] = False
    ends = len(supply) + len(demand)
    value = sum(int(each) for each in flow[: len(supply)])
    return MaxFlow(value, flow[ends:], starved[1 : len(supply) + 1], starved[len(supply) + 1 : -1])


def _capacities(supply: list[int], demand: list[int], arcs: int, shift: int) -> NDArray[Any]:
    """Return the exact capacity of every arc, in 64 bits where they suffice."""
    dtype = object if shift else np.int64
    ends = np.array([*supply, *demand], dtype=dtype)
    return np.concatenate([ends, np.full(arcs, sum(supply) + 1, dtype=dtype)])


def _with_terminals(network: Network, sources: int, needs: int) -> tuple[Any, Any]:
    """Number the nodes: 0 the origin, then sources, needs, and the last one the destination."""
    source, need = np.arange(1, sources + 1), np.arange(sources + 1, sources + needs + 1)
    tail = np.concatenate([np.zeros(sources, dtype=np.int64), need, network[0] + 1])
    head = np.concatenate(
        [source, np.full(needs, sources + needs + 1, dtype=np.int64), network[1] + sources + 1]
    )
    return tail.astype(np.int32), head.astype(np.int32)


def _augment(
    tail: Any, head: Any, capacity: Any, flow: Any, limit: int
) -> tuple[NDArray[Any], list[int]]:
    """Return the most that can be added to `flow`, and the nodes that could still send more."""
    backward = np.flatnonzero(flow > 0)
    room = np.concatenate([capacity - flow, flow[backward]])
    solver = ortools_max_flow.SimpleMaxFlow()
    solver.add_arcs_with_capacity(
        np.concatenate([tail, head[backward]]),
        np.concatenate([head, tail[backward]]),
        np.minimum(room, limit).astype(np.int64),
    )
    status = solver.solve(0, int(head.max()))
    if status != solver.OPTIMAL:
        raise AssertionError(f"maximum flow ended with {status}")
    sent = solver.flows(np.arange(len(room), dtype=np.int32)).astype(flow.dtype)
    added = sent[: len(flow)]
    added[backward] -= sent[len(flow) :]
    return added, list(solver.get_source_side_min_cut())


def min_cost_flow(
    tail: Indices, head: Indices, capacity: Indices, cost: Indices, supply: list[int], where: str
) -> Indices:
    """Return the flow on each arc that moves every node's supply at least cost.

    `supply` is positive for what a node has and negative for what it must get, and adds up to 0.
    The caller knows the network to be feasible. Raises ProblemError naming `where` if the
    quantities or costs exceed what the solver can work with exactly.
    """
    if sum(max(0, each) for each in supply) >= 2**SAFE_BITS:
        message = "more than 2^62 pieces in one network; use a larger unit"
        raise ProblemError("quantity_too_large", where, message)
    if (len(supply) + 1) * int(abs(cost).max()) >= LARGEST_PATH_COST:
        message = f"{len(supply)} nodes at {int(cost.max())} a piece; lower the policy's weights"
        raise ProblemError("cost_too_large", where, message)
    solver = ortools_min_cost_flow.SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(
        tail.astype(np.int32), head.astype(np.int32), capacity, cost
    )
    solver.set_nodes_supplies(
        np.arange(len(supply), dtype=np.int32), np.array(supply, dtype=np.int64)
    )
    status = solver.solve()
    if status == solver.BAD_CAPACITY_RANGE:
        message = "its capacities add up beyond 2^63; use a larger unit"
        raise ProblemError("quantity_too_large", where, message)
    if status != solver.OPTIMAL:
        raise AssertionError(f"minimum cost flow of {where} ended with {status}")
    flows: Indices = solver.flows(np.arange(len(tail), dtype=np.int32))
    return flows
