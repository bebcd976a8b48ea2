"""Why each need gets what it gets, read from the proof and not guessed. NumPy only."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from optimizer.assemble import Received
from optimizer.certificate import Pool
from optimizer.grid import Grid, Unreached
from optimizer.plan import Reason
from optimizer.problem import Problem
from optimizer.rules import RULES

Refused = dict[str, Reason]
"""The needs that no source may serve, by the rule that stood last in the way."""


def reasons(
    problem: Problem, refused: Refused, pools: Sequence[Pool], received: Received
) -> dict[str, Reason]:
    """Return one reason for each need of the problem, whose sources and needs the pools name."""
    pieces = {source.id: source.quantity for source in problem.sources}
    quantity = {need.id: need.quantity for need in problem.needs}
    in_lanes = any(source.only_zone is not None for source in problem.sources)
    result: dict[str, Reason] = {}
    for number, pool in enumerate(pools):
        short = None if pool.is_met else _short(number, pool, pieces, in_lanes=in_lanes)
        for need in pool.needs:
            if short is None or received[need][0] == quantity[need]:
                result[need] = _met(received[need])
            else:
                result[need] = short
        for need in pool.carried:
            result[need] = _met(received[need])
    return result | refused


def refused(problem: Problem, needs: NDArray[np.int64], unreached: Unreached) -> Refused:
    """Return why each unreached need of a component is one; `needs` are its needs' positions.

    Of a need's sources, those that passed the most rules were nearest to serving it.
    """
    found = {}
    for row, need in enumerate(unreached.needs.tolist()):
        reason = _last_refusal(unreached.sources[row], unreached.units[row])
        found[problem.needs[int(needs[need])].id] = reason
    return found


def refused_in_lanes(plain: Problem, grids: Iterable[Grid], found: Refused) -> Refused:
    """Return why each need that has no share of a lane can't be served, seen from all lots.

    `grids` are those of the plain problem, `found` the refusals inside the shares. What a lot may
    serve there lacks nothing but room on the way.
    """
    result: Refused = {}
    for grid in grids:
        ids = [plain.needs[each].id for each in grid.need.tolist()]
        rows = np.array([row for row, name in enumerate(ids) if name in found], dtype=np.int64)
        kept = grid.unreached(rows)
        result |= refused(plain, grid.need, kept)
        sources = len(grid.source) - kept.sources.sum(axis=1)
        units = int(grid.supply.sum()) - kept.units.sum(axis=1)
        for row, count, pieces in zip(rows.tolist(), sources.tolist(), units.tolist(), strict=True):
            if count:
                result[ids[row]] = Reason("lane_full", {"sources": count, "source_pieces": pieces})
    return result


def _last_refusal(sources: NDArray[np.int64], units: NDArray[np.int64]) -> Reason:
    for column in reversed(range(len(RULES))):
        if sources[column]:
            params = {"sources": int(sources[column]), "source_pieces": int(units[column])}
            return Reason(RULES[column].code, params)
    return Reason("no_supply", {"sources": 0, "source_pieces": 0})


def _met(received: tuple[int, int, int]) -> Reason:
    pieces, substitutes, late = received
    if substitutes:
        params = {"pieces": pieces, "substitute_pieces": substitutes, "late_pieces": late}
        return Reason("substitute_used", params)
    return Reason("met_in_full", {"pieces": pieces, "late_pieces": late})


def _short(number: int, pool: Pool, pieces: dict[str, int], *, in_lanes: bool) -> Reason:
    if not pool.sources or (pool.rate_numerator == 0 and not pool.is_unfair):
        return Reason("earlier_tiers_first", {"level": number, "tier": pool.tier})
    params: dict[str, int | str] = {
        "level": number,
        "tier": pool.tier,
        "needs": len(pool.needs),
        "earlier_needs": len(pool.carried),
        "sources": len(pool.sources),
        "source_pieces": sum(pieces[each] for each in pool.sources),
    }
    if pool.is_unfair:
        return Reason("cheapest_first", params)
    rate = {"rate_numerator": pool.rate_numerator, "rate_denominator": pool.rate_denominator}
    return Reason("shared_lanes" if in_lanes else "shared_shortage", params | rate)
