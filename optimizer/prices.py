"""One pool as a network, and the prices that prove a flow in it to be cheapest. NumPy only.

A hub node balances the network. It takes what a need may get beyond what it must get, and what
sources may keep. Prices are shortest distances in the residual network; they exist exactly if no
cycle there costs less than nothing, that is, if no plan is cheaper (Ahuja, Magnanti and Orlin,
"Network Flows", 1993, theorem 9.3).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ProblemError

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Slack:
    """What needs may get beyond what they must: `capacity[k]` more for `need[k]` at `cost[k]`."""

    need: Indices
    capacity: Indices
    cost: Indices


@dataclass(frozen=True, slots=True)
class Network:
    """Sources with `supply`, and needs that must get `lower` and may get what `slack` allows.

    `spare_cost[j]` is the cost of a unit left at source j; it is empty where all is used up.
    `where` names the network in errors.
    """

    supply: Indices
    lower: Indices
    slack: Slack
    spare_cost: Indices
    where: str


@dataclass(frozen=True, slots=True)
class Arcs:
    """Arcs `tail[k] → head[k]` from source to need at `cost[k]` a unit."""

    tail: Indices
    head: Indices
    cost: Indices


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes along each arc, beyond each need's least, and what stays at each source."""

    arcs: Indices
    slack: Indices
    spare: Indices


@dataclass(frozen=True, slots=True)
class Prices:
    """The price of a unit at each source and need, where the hub's is 0."""

    sources: Indices
    needs: Indices


def find_prices(network: Network, arcs: Arcs, flow: Flow) -> Prices:
    """Return prices for a cheapest flow; ProblemError if a cheaper one exists.

    A flow from a solver that is exact always has prices; were it ever to lose exactness on enormous
    costs, this is where that would be noticed, and no plan would come of it. Repeated sweeps over
    all residual arcs at once (Bellman, 1958; Ford, 1956).
    """
    sources, needs = len(network.supply), len(network.lower)
    tail, head, cost = _residual(network, arcs, flow)
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
    price -= price[-1]
    return Prices(price[:sources], price[sources:-1])


def _residual(network: Network, arcs: Arcs, flow: Flow) -> tuple[Indices, Indices, Indices]:
    """Return the arcs along which units could still be moved, forward or back."""
    sources = len(network.supply)
    hub = sources + len(network.lower)
    slack, used = network.slack, flow.arcs > 0
    open_slack, used_slack = flow.slack < slack.capacity, flow.slack > 0
    spare = np.arange(len(network.spare_cost))
    used_spare = flow.spare > 0
    slack_node = slack.need + sources
    forward: list[tuple[Any, Any, Indices]] = [
        (arcs.tail, arcs.head + sources, arcs.cost),
        (slack_node[open_slack], hub, slack.cost[open_slack]),
        (spare, hub, network.spare_cost),
    ]
    backward: list[tuple[Any, Any, Indices]] = [
        (arcs.head[used] + sources, arcs.tail[used], -arcs.cost[used]),
        (hub, slack_node[used_slack], -slack.cost[used_slack]),
        (hub, spare[used_spare], -network.spare_cost[used_spare]),
    ]
    tails, heads, costs = zip(
        *(np.broadcast_arrays(*each) for each in (*forward, *backward)), strict=True
    )
    return np.concatenate(tails), np.concatenate(heads), np.concatenate(costs)
