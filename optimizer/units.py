"""The unit that a component of items is counted in, where packs or conversions make pieces differ.

A kit for 50 tests and a single test serve the same need, and a lot in cartons of 1,000 is given out
by the carton. Counted in *uses* (one test), each lot has a *step*, the least that is given out of
it, and each need has one, a piece of its own item. In a unit that is a multiple of all these steps
the problem is a plain flow of whole units, which can be solved exactly. What is less than a unit
stays open.

One lot in an odd pack would make the common unit huge and leave everybody's small need open. So the
unit is a multiple of every need's step, but of those lots' steps only with which the most can be
served; the other lots are left out, and the plan says so.
"""

from collections.abc import Iterable, Sequence
from math import lcm
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ProblemError

LARGEST_UNIT = 10**9
"""Uses. Beyond it, packs and conversions have nothing in common worth counting in."""

MOST_CANDIDATES = 256

SAFE_SUM = 2**62


class Amount(NamedTuple):
    """What a lot offers or a need asks for, in uses; it comes in whole steps. Lots have tier 0."""

    uses: int
    step: int
    tier: int = 0


def common_unit(offers: Sequence[Amount], asks: Sequence[Amount], where: str) -> int:
    """Return the uses in the unit with which the tiers, in order, can be served the most.

    "Can" by sums alone: what whole units of the lots that fit hold, against what whole units of the
    needs ask. Of equals it is the unit with the most on offer, then the smallest. Raises
    ProblemError naming `where` if no lot has a unit of up to 10^9 uses in common with the needs.
    """
    base = lcm(*{each.step for each in asks})
    units = [unit for unit in _candidates(base, offers) if any(unit % o.step == 0 for o in offers)]
    if base > LARGEST_UNIT or not units:
        message = (
            f"its packs and conversions have no common unit of up to {LARGEST_UNIT} uses; "
            "correct uses_per_piece or pack_size"
        )
        raise ProblemError("no_common_unit", where, message)
    if len(units) == 1:
        return units[0]
    wanted = _Sums(asks)
    offered = _Sums(offers)
    tiers = sorted({each.tier for each in asks})

    def worth(unit: int) -> tuple[tuple[int, ...], int, int]:
        supply = offered.whole(unit)
        demands = (wanted.whole(unit, tier) for tier in tiers)
        return tuple(min(supply, demand) for demand in demands), supply, -unit

    return max(units, key=worth)


def _candidates(base: int, offers: Sequence[Amount]) -> list[int]:
    """Return the least common multiples of the base and of each set of the lots' steps.

    The steps with the most on offer come first, should there be too many sets to look at.
    """
    held: dict[int, int] = {}
    for each in offers:
        held[each.step] = held.get(each.step, 0) + each.uses
    units = {base}
    for step in sorted(held, key=lambda step: (-held[step], step)):
        more = {multiple for unit in units if (multiple := lcm(unit, step)) <= LARGEST_UNIT}
        if len(units | more) <= MOST_CANDIDATES:
            units |= more
    return sorted(units)


class _Sums:
    """Amounts as arrays, to be added up in any unit. Exact: beyond 62 bits by Python's integers."""

    def __init__(self, amounts: Sequence[Amount]) -> None:
        total = sum(each.uses for each in amounts)
        self.uses = _array((each.uses for each in amounts), total)
        self.step = _array((each.step for each in amounts), total)
        self.tier = np.array([each.tier for each in amounts], dtype=np.int64)

    def whole(self, unit: int, tier: int | None = None) -> int:
        """Return the uses in whole units of what fits the unit, of tiers up to this one."""
        chosen = unit % self.step == 0
        if tier is not None:
            chosen = chosen & (self.tier <= tier)
        return int((self.uses[chosen.astype(np.bool_)] // unit).sum()) * unit


def _array(values: Iterable[int], total: int) -> NDArray[Any]:
    return np.array(list(values), dtype=object if total >= SAFE_SUM else np.int64)
