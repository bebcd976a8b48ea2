"""Why each need gets what it gets, read from the proof and not guessed. NumPy only."""

from collections.abc import Iterator

import numpy as np

from optimizer.arcs import Arcs
from optimizer.assemble import Received
from optimizer.certificate import Certificate, Pool
from optimizer.plan import Reason
from optimizer.problem import Problem
from optimizer.rules import RULES


def reasons(
    problem: Problem, all_arcs: list[Arcs], certificate: Certificate, received: Received
) -> dict[str, Reason]:
    """Return one reason for each need of the problem."""
    pieces = {source.id: source.quantity for source in problem.sources}
    result: dict[str, Reason] = {}
    unreached = {
        problem.needs[each].id: reason for arcs in all_arcs for each, reason in _unreached(arcs)
    }
    for number, pool in enumerate(certificate.pools):
        for need in (*pool.needs, *pool.carried):
            if need in unreached:
                result[need] = unreached[need]
            elif pool.is_met or need in pool.carried:
                result[need] = _met(received[need])
            else:
                result[need] = _short(number, pool, pieces)
    return result


def _unreached(arcs: Arcs) -> Iterator[tuple[int, Reason]]:
    """Yield the needs that no source may serve, with the last rule that stood in the way.

    Of a need's sources, those that passed the most rules were nearest to serving it.
    """
    open_needs = np.zeros(len(arcs.component.needs), dtype=np.bool_)
    open_needs[arcs.head] = True
    for row in np.flatnonzero(~open_needs).tolist():
        yield arcs.component.needs[row], _last_refusal(arcs, row)


def _last_refusal(arcs: Arcs, row: int) -> Reason:
    for rule in reversed(RULES):
        count = int(arcs.refused_sources[rule.code][row])
        if count:
            pieces = int(arcs.refused_pieces[rule.code][row])
            return Reason(rule.code, {"sources": count, "source_pieces": pieces})
    return Reason("no_supply", {"sources": 0, "source_pieces": 0})


def _met(received: tuple[int, int, int]) -> Reason:
    pieces, substitutes, late = received
    if substitutes:
        params = {"pieces": pieces, "substitute_pieces": substitutes, "late_pieces": late}
        return Reason("substitute_used", params)
    return Reason("met_in_full", {"pieces": pieces, "late_pieces": late})


def _short(number: int, pool: Pool, pieces: dict[str, int]) -> Reason:
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
    return Reason("shared_shortage", params | rate)
