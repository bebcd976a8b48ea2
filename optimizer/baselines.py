"""What people do today, on the same problem, so that a plan can be compared with practice.

Both keep every hard limit (a lot that would expire helps nobody), and neither looks ahead.
"""

from collections import defaultdict

import numpy as np

from optimizer.arcs import Arcs, Tables, build_arcs, components
from optimizer.assemble import Received, Shipment, assemble
from optimizer.metrics import Metrics, summary
from optimizer.plan import Plan, Reason, SolverInfo
from optimizer.problem import Problem

__all__ = ["Metrics", "first_come_first_served", "proportional", "summary"]


def first_come_first_served(problem: Problem, by_tier: bool = False) -> Plan:
    """Serve needs in the order of posting, each as fully as possible from its cheapest lots.

    Cheapest means its own item before a substitute and the nearest site first, by the policy's
    cost. With `by_tier`, a more urgent tier is served before a less urgent one.
    """

    def order(row: int, arcs: Arcs) -> tuple[int, int, str]:
        need = problem.needs[arcs.component.needs[row]]
        return need.tier if by_tier else 0, need.posted_at, need.id

    shipments: list[Shipment] = []
    tables = Tables(problem)
    for component in components(problem):
        arcs = build_arcs(tables, component)
        rows = sorted(range(len(component.needs)), key=lambda row: order(row, arcs))
        shipments += serve_in_order(problem, arcs, rows)
    return _plan(problem, shipments, "first come first served" + (" by tier" if by_tier else ""))


def proportional(problem: Problem) -> Plan:
    """Give each need the same share of its item, the pieces on offer by the pieces asked for.

    Shares are rounded down and served in the order of posting, from the nearest lots of the item
    itself; what cannot be reached or is left over stays where it is, as it does in a pro-rata list.
    """
    offered: dict[str, int] = defaultdict(int)
    asked: dict[str, int] = defaultdict(int)
    for source in problem.sources:
        offered[source.item] += source.quantity
    for need in problem.needs:
        asked[need.item] += need.quantity
    shipments: list[Shipment] = []
    tables = Tables(problem)
    for component in components(problem):
        arcs = build_arcs(tables, component)
        needs = [problem.needs[each] for each in component.needs]
        shares = [
            min(need.quantity, need.quantity * offered[need.item] // asked[need.item])
            for need in needs
        ]
        rows = sorted(range(len(needs)), key=lambda row: (needs[row].posted_at, needs[row].id))
        shipments += serve_in_order(problem, arcs, rows, shares, own_item_only=True)
    return _plan(problem, shipments, "proportional")


def serve_in_order(
    problem: Problem,
    arcs: Arcs,
    rows: list[int],
    limits: list[int] | None = None,
    *,
    own_item_only: bool = False,
) -> list[Shipment]:
    """Serve a component's needs one after another, each up to its limit from its cheapest lots.

    `rows` orders the needs by their place in the component; `limits` are pieces, by that place.
    """
    component = arcs.component
    left = [problem.sources[each].quantity for each in component.sources]
    order = np.lexsort((arcs.tail, arcs.cost, arcs.head))
    starts = np.searchsorted(arcs.head[order], np.arange(len(component.needs) + 1))
    shipments = []
    for row in rows:
        need = problem.needs[component.needs[row]]
        wanted = need.quantity if limits is None else limits[row]
        for tail in arcs.tail[order[starts[row] : starts[row + 1]]].tolist():
            source = component.sources[tail]
            if own_item_only and problem.sources[source].item != need.item:
                continue
            pieces = min(wanted, left[tail])
            if pieces:
                shipments.append(Shipment(source, component.needs[row], pieces))
                left[tail] -= pieces
                wanted -= pieces
            if not wanted:
                break
    return shipments


def _plan(problem: Problem, shipments: list[Shipment], name: str) -> Plan:
    def explain(received: Received) -> dict[str, Reason]:
        return {
            need.id: Reason(
                "as_practised", {"pieces": received[need.id][0], "requested": need.quantity}
            )
            for need in problem.needs
        }

    return assemble(problem, shipments, explain, None, SolverInfo(name, "1", "heuristic"))
