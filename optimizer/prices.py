"""One pool as a network, and the prices that prove a flow in it to be cheapest. NumPy only.

A hub node balances the network. In a tight pool it takes the pieces between what a need must get
and what it may get; in the pool of met needs it takes what sources have left. Prices are shortest
distances in the residual network; they exist exactly if no cycle there costs less than nothing,
that is, if no plan is cheaper (Ahuja, Magnanti and Orlin, "Network Flows", 1993, theorem 9.3).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ProblemError

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Network:
    """Arcs `tail[k] → head[k]` at `cost[k]` a piece, from sources with `supply` to needs.

    Need i gets from `lower[i]` to `upper[i]` pieces; those above `lower` cost `hub_cost[i]` each.
    `spare_cost[j]` is the cost of a piece left at source j, or None where everything is used up.
    `where` names the network in errors.
    """

    tail: Indices
    head: Indices
    cost: Indices
    supply: tuple[int, ...]
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    hub_cost: tuple[int, ...]
    spare_cost: tuple[int, ...] | None
    where: str


@dataclass(frozen=True, slots=True)
class Prices:
    """The price of a piece at each source and need; 0 wherever no piece passes."""

    sources: tuple[int, ...]
    needs: tuple[int, ...]


def find_prices(network: Network, flow: Indices) -> Prices:
    """Return prices for a cheapest flow; ProblemError if a cheaper one exists.

    A flow from a solver that is exact always has prices; were it ever to lose exactness on enormous
    costs, this is where that would be noticed, and no plan would come of it. Repeated sweeps over
    all residual arcs at once (Bellman, 1958; Ford, 1956).
    """
    sources, needs = len(network.supply), len(network.lower)
    tail, head, cost = _residual(network, flow)
    order = np.argsort(head, kind="stable")
    tail, head, cost = tail[order], head[order], cost[order]
    starts = np.flatnonzero(np.diff(head, prepend=-1))
    ends = head[starts]
    price = np.zeros(sources + needs + 1, dtype=np.int64)
    for _ in range(len(price) + 1):
        offer = np.minimum.reduceat(price[tail] + cost, starts) if len(starts) else price[:0]
        better = np.minimum(price[ends], offer)
        if np.array_equal(better, price[ends]):
            break
        price[ends] = better
    else:
        message = "the solver's flow is not the cheapest; lower the policy's weights"
        raise ProblemError("cost_too_large", network.where, message)
    used = np.zeros(sources + needs, dtype=np.bool_)
    used[network.tail[flow > 0]] = True
    used[network.head[flow > 0] + sources] = True
    price = price[:-1] - price[-1]
    kept = [int(value) for value in np.where(used, price, 0)]
    return Prices(tuple(kept[:sources]), tuple(kept[sources:]))


def _residual(network: Network, flow: Indices) -> tuple[Indices, Indices, Indices]:
    """Return the arcs along which pieces could still be moved, forward or back."""
    sources = len(network.supply)
    hub = sources + len(network.lower)
    used = flow > 0
    extra = _hub_arcs(network, flow, hub)
    rows = np.array(extra, dtype=np.int64).reshape(-1, 3)
    tail = np.concatenate([network.tail, network.head[used] + sources, rows[:, 0]])
    head = np.concatenate([network.head + sources, network.tail[used], rows[:, 1]])
    return tail, head, np.concatenate([network.cost, -network.cost[used], rows[:, 2]])


def _hub_arcs(network: Network, flow: Indices, hub: int) -> list[tuple[int, int, int]]:
    sources = len(network.supply)
    sent, received = totals(network, flow)
    arcs = []
    for row, (low, high) in enumerate(zip(network.lower, network.upper, strict=True)):
        if received[row] < high:
            arcs.append((sources + row, hub, network.hub_cost[row]))
        if received[row] > low:
            arcs.append((hub, sources + row, -network.hub_cost[row]))
    for row, cost in enumerate(network.spare_cost or ()):
        arcs.append((row, hub, cost))
        if sent[row] < network.supply[row]:
            arcs.append((hub, row, -cost))
    return arcs


def totals(network: Network, flow: Indices) -> tuple[list[int], list[int]]:
    """Return the pieces that leave each source, and those that reach each need."""
    sent = np.zeros(len(network.supply), dtype=np.int64)
    received = np.zeros(len(network.lower), dtype=np.int64)
    np.add.at(sent, network.tail, flow)
    np.add.at(received, network.head, flow)
    return sent.tolist(), received.tolist()
