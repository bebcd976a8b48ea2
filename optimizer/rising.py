"""How fill rates rise when supply is added: piecewise linear, in exact fractions.

At a rate r a need of weight w gets r·w of what it asks for, up to all of it. Needs at several rates
that can share new supply rise from the lowest rate, which takes in each next rate as it is met.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple


class Batch(NamedTuple):
    """Needs of one rate and one weight together.

    `demand` is what they ask for and `given` what they surely have by now: their shares rounded
    down, in whole units.
    """

    rate: Fraction
    weight: int
    demand: int
    given: int

    def share(self, rate: Fraction) -> Fraction:
        """Return their fair share in units, not rounded, at this rate."""
        return self.demand * min(Fraction(1), self.weight * rate)


def merged(batches: Iterable[Batch]) -> list[Batch]:
    """Return one batch for each rate and weight."""
    sums: dict[tuple[Fraction, int], tuple[int, int]] = {}
    for each in batches:
        demand, given = sums.get((each.rate, each.weight), (0, 0))
        sums[each.rate, each.weight] = (demand + each.demand, given + each.given)
    return [Batch(rate, weight, *figures) for (rate, weight), figures in sorted(sums.items())]


def full_rate(batches: Iterable[Batch]) -> Fraction:
    """Return the rate at which all of these are met in full."""
    return max(Fraction(1, each.weight) for each in batches)


def units_to_reach(batches: Iterable[Batch], rate: Fraction) -> Fraction:
    """Return what has to be added for all that are below this rate to reach it."""
    return sum(
        (each.share(rate) - each.share(each.rate) for each in batches if each.rate < rate),
        start=Fraction(0),
    )


def rate_reached(batches: Sequence[Batch], start: Fraction, units: int) -> Fraction:
    """Return the rate that needs at `start` reach with so many units more; see `full_rate`."""
    return _highest(batches, start, units, lambda each: each.share(each.rate))


def rate_within(batches: Sequence[Batch], start: Fraction, limit: int) -> Fraction:
    """Return the highest rate at which the batches' whole needs surely fit within a limit.

    Counted from what they surely have, so up to one unit a need is counted too much.
    """
    return _highest(batches, start, limit, lambda each: Fraction(each.given))


def _highest(
    batches: Sequence[Batch], start: Fraction, limit: int, base: Callable[[Batch], Fraction]
) -> Fraction:
    """Return the highest rate at which the shares of those below it exceed their bases by `limit`.

    Between two kinks (a rate joined, a batch met in full) the sum is linear.
    """
    kinks = {each.rate for each in batches} | {Fraction(1, each.weight) for each in batches}
    low = start
    for high in sorted(kink for kink in kinks if kink > start):
        active = [each for each in batches if each.rate <= low]
        open_ones = [each for each in active if each.weight * low < 1]
        slope = sum(each.demand * each.weight for each in open_ones)
        fixed = sum((each.demand for each in active if each.weight * low >= 1), start=0)
        known = fixed - sum((base(each) for each in active), start=Fraction(0))
        if slope * high + known > limit:
            return low if slope == 0 else max(low, (limit - known) / slope)
        low = high
    return low
