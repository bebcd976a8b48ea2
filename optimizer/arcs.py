"""From a problem to arcs: which source may serve which need, at what cost. NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.grid import LARGEST_ARC_COST, forbidden
from optimizer.rules import RULES
from optimizer.tables import Component, Tables, components

__all__ = ["LARGEST_ARC_COST", "Arcs", "Component", "Tables", "build_arcs", "components"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arcs:
    """Every allowed pair of a component, sorted by source and need, each in micro-units a piece."""

    component: Component
    tail: Indices
    head: Indices
    cost: Indices
    refused_sources: dict[str, Indices]
    refused_pieces: dict[str, Indices]


def build_arcs(tables: Tables, component: Component) -> Arcs:
    """Return all arcs of a component that the rules allow."""
    grid = tables.grid(component)
    costs = grid.costs()
    allowed = costs != forbidden(costs)
    tail, head = np.nonzero(allowed.T)
    unreached = np.flatnonzero(~allowed.any(axis=1))
    refusals = grid.unreached(unreached)
    refused = {rule.code: np.zeros(len(component.needs), dtype=np.int64) for rule in RULES}
    pieces = {rule.code: np.zeros(len(component.needs), dtype=np.int64) for rule in RULES}
    for column, rule in enumerate(RULES):
        refused[rule.code][unreached] = refusals.sources[:, column]
        pieces[rule.code][unreached] = refusals.units[:, column]
    return Arcs(component, tail, head, costs[head, tail].astype(np.int64), refused, pieces)
