"""From parts, which know positions only, to the certificate and the reasons, which know names."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from optimizer.certificate import Pool
from optimizer.grid import Grid
from optimizer.part import SolvedPart, SolvedPool
from optimizer.problem import Problem
from optimizer.reasons import Refused, refused


def named_pools(
    problem: Problem, shared: Problem, grids: Sequence[Grid], parts: Sequence[SolvedPart]
) -> list[Pool]:
    """Return the parts' pools by identifiers: needs are the problem's, sources those of `shared`.

    The two are the same problem unless corridors are shared out.
    """
    need_ids = [need.id for need in problem.needs]
    source_ids = [source.id for source in shared.sources]
    return [
        _named(pool, grid, need_ids, source_ids)
        for grid, part in zip(grids, parts, strict=True)
        for pool in part.pools
    ]


def _named(pool: SolvedPool, grid: Grid, need_ids: list[str], source_ids: list[str]) -> Pool:
    return Pool(
        pool.tier,
        pool.numerator,
        pool.denominator,
        tuple(need_ids[each] for each in grid.need[pool.needs].tolist()),
        tuple(need_ids[each] for each in grid.need[pool.carried].tolist()),
        tuple(source_ids[each] for each in grid.source[pool.sources].tolist()),
        tuple(pool.source_prices.tolist()),
        tuple(pool.need_prices.tolist()),
        tuple(pool.source_cutoffs.tolist()),
        tuple(pool.need_cutoffs.tolist()),
    )


def ordered(pools: Iterable[Pool]) -> tuple[Pool, ...]:
    """Return pools by tier and rate.

    Parts share no pair, so their pools may be sorted together; within one, tiers and rates rise
    already.
    """

    def order(pool: Pool) -> tuple[int, Fraction]:
        denominator = pool.rate_denominator
        return pool.tier, Fraction(pool.rate_numerator, denominator) if denominator else Fraction(0)

    return tuple(sorted(pools, key=order))


def named_refusals(problem: Problem, grids: Sequence[Grid], parts: Sequence[SolvedPart]) -> Refused:
    """Return why each need that no source may serve is one."""
    found: Refused = {}
    for grid, part in zip(grids, parts, strict=True):
        found |= refused(problem, grid.need, part.unreached)
    return found
