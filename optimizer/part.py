"""One component, solved by itself: bytes in, bytes out, in whatever process or machine.

The same task always gives the same result, byte for byte.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.arrays import pack, unpack
from optimizer.cheapest import Dealt, deal
from optimizer.fairness import Level, fair_levels
from optimizer.grid import Grid, Unreached, forbidden
from optimizer.reach import Reach

Indices = NDArray[np.int64]

ARRAYS = (
    "needs",
    "carried",
    "sources",
    "shipments",
    "source_prices",
    "need_prices",
    "source_cutoffs",
    "need_cutoffs",
)


@dataclass(frozen=True, slots=True)
class SolvedPool:
    """One pool by positions in the component; see `certificate.Pool` for what they say."""

    tier: int
    numerator: int
    denominator: int
    needs: Indices
    carried: Indices
    sources: Indices
    shipments: Indices
    source_prices: Indices
    need_prices: Indices
    source_cutoffs: Indices
    need_cutoffs: Indices


@dataclass(frozen=True, slots=True)
class SolvedPart:
    """A component's pools, and the needs that no source may serve."""

    pools: tuple[SolvedPool, ...]
    unreached: Unreached

    @property
    def shipments(self) -> Indices:
        """Rows (need, source, units), by positions in the component."""
        return np.concatenate([_empty("shipments"), *(pool.shipments for pool in self.pools)])


def solve_part(task: bytes) -> bytes:
    """Solve the grid that `task` encodes; ProblemError where it is too large to be exact."""
    grid, seed = Grid.decode(task)
    return encode_part(solve_grid(grid, seed))


def solve_grid(grid: Grid, seed: int = 0) -> SolvedPart:
    """Return the fair and cheapest plan of a component, with its proof."""
    costs = grid.costs()
    allowed = costs != forbidden(costs)
    reach = Reach(allowed)
    pools = [_pool(deal(grid, reach, costs, level, seed)) for level in fair_levels(grid, reach)]
    unreached = np.flatnonzero(~allowed.any(axis=1))
    return SolvedPart(tuple(pools), grid.unreached(unreached))


def _pool(dealt: Dealt) -> SolvedPool:
    level: Level = dealt.level
    return SolvedPool(
        level.tier,
        level.numerator,
        level.denominator,
        level.needs,
        level.carried,
        level.sources,
        dealt.shipments,
        dealt.source_prices,
        dealt.need_prices,
        dealt.source_cutoffs,
        dealt.need_cutoffs,
    )


def encode_part(part: SolvedPart) -> bytes:
    """Return the part as bytes that `decode_part` reads, without pickle."""
    header = [
        {
            # Rates may exceed 64 bits.
            "numbers": [str(each) for each in (pool.tier, pool.numerator, pool.denominator)],
            "sizes": [len(getattr(pool, name)) for name in ARRAYS],
        }
        for pool in part.pools
    ]
    joined: dict[str, Any] = {
        name: np.concatenate(
            [_empty(name), *(getattr(pool, name) for pool in part.pools)], dtype=np.int64
        )
        for name in ARRAYS
    }
    return pack(
        {
            "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
            "unreached": part.unreached.needs,
            "refused_sources": part.unreached.sources,
            "refused_units": part.unreached.units,
            **joined,
        }
    )


def decode_part(content: bytes) -> SolvedPart:
    parts = unpack(content)
    header = json.loads(parts["header"].tobytes())
    ends = np.cumsum([pool["sizes"] for pool in header], axis=0, dtype=np.int64)
    split = {
        name: np.split(parts[name], ends[:-1, column]) if header else []
        for column, name in enumerate(ARRAYS)
    }
    pools = tuple(
        SolvedPool(*_numbers(pool), *(split[name][number] for name in ARRAYS))
        for number, pool in enumerate(header)
    )
    names = ("unreached", "refused_sources", "refused_units")
    return SolvedPart(pools, Unreached(*(parts[name] for name in names)))


def _numbers(pool: dict[str, list[str]]) -> tuple[int, int, int]:
    tier, numerator, denominator = (int(each) for each in pool["numbers"])
    return tier, numerator, denominator


def _empty(name: str) -> Indices:
    shape = (0, 3) if name == "shipments" else (0,)
    return np.zeros(shape, dtype=np.int64)
