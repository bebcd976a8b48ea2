"""Verify a plan's certificate over all pairs that the rules allow.

Why this suffices. Pools stand in the order of tier and rate, and no source reaches a need of an
earlier pool; so the needs of the first pools together draw on their sources alone. Each tight pool
uses its sources up: nobody can give its needs more without taking from an earlier pool. So the
first pool's average rate bounds the least rate of any plan, and the plan attains it; given that,
the same holds for the next, and so on: the rates are leximin, tier by tier. Pairs between two pools
carry nothing in any plan with these totals, so prices within each pool prove the cost.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optimizer.certificate import NO_TIER, Pool
from optimizer.claims import Claim, Claims, Duals
from optimizer.pins import Line
from optimizer.problem import Problem
from optimizer.reasons import Refused, refused
from optimizer.report import Violation

Indices = NDArray[np.int64]

LARGEST_PRICE = 2**61
STEPS = ("fairness", "rounding", "cost")


@dataclass(frozen=True, slots=True)
class Proven:
    """The steps that hold, what is wrong with the first that doesn't, and whom nobody can serve."""

    steps: list[str]
    violations: list[Violation]
    refused: Refused


def check_proof(problem: Problem, lines: Iterable[Line], pools: tuple[Pool, ...]) -> Proven:
    """Return what the pools prove of a feasible plan, given as lines of units, and what not."""
    found = _check_shape(problem, pools)
    if found:
        return Proven([], found, {})
    claims = Claims(problem, lines, pools)
    found = [*claims.violations(), *_check_order(pools)]
    if found:
        return Proven([], found, {})
    refusals: Refused = {}
    failed: list[tuple[int, Violation]] = []
    for claim in claims:
        failed += _Proof(claim).failures()
        refusals |= _refused(problem, claim)
    first = min((step for step, _ in failed), default=len(STEPS))
    violations = [each for step, each in failed if step == first]
    return Proven(list(STEPS[:first]), violations, refusals)


def _check_shape(problem: Problem, pools: tuple[Pool, ...]) -> list[Violation]:
    """Every source and need must stand in one pool, with a price each."""
    found = []
    if sorted(each for pool in pools for each in pool.sources) != [s.id for s in problem.sources]:
        found.append(Violation("pools", "sources", "must each stand in exactly one pool"))
    placed = sorted(each for pool in pools for each in (*pool.needs, *pool.carried))
    if placed != [need.id for need in problem.needs]:
        found.append(Violation("pools", "needs", "must each stand in exactly one pool"))
    for number, pool in enumerate(pools):
        sizes = (len(pool.sources), len(pool.needs) + len(pool.carried))
        prices = (len(pool.source_prices), len(pool.need_prices))
        cutoffs = (len(pool.source_cutoffs), len(pool.need_cutoffs))
        if prices != sizes or cutoffs not in {(0, 0), sizes}:
            found.append(Violation("pools", f"pool {number}", "must price each of its members"))
        values = (*pool.source_prices, *pool.need_prices, *pool.source_cutoffs, *pool.need_cutoffs)
        if any(abs(value) > LARGEST_PRICE for value in values):
            found.append(Violation("pools", f"pool {number}", "has a price beyond 2^61"))
    return found


def _check_order(pools: tuple[Pool, ...]) -> Iterator[Violation]:
    keys = [_order(pool) for pool in pools]
    if keys != sorted(keys):
        yield Violation("order", "certificate", "pools must rise by tier and rate")


def _order(pool: Pool) -> tuple[int, Fraction]:
    denominator = pool.rate_denominator
    return pool.tier, Fraction(pool.rate_numerator, denominator) if denominator else Fraction(0)


def _refused(problem: Problem, claim: Claim) -> Refused:
    """Return the reasons of needs that no source may serve; one in sight of one has none here."""
    reached = np.zeros(len(claim.grid.need), dtype=np.bool_)
    for rows in claim.grid.blocks():
        reached[rows] = claim.allowed(rows).any(axis=1)
    return refused(problem, claim.grid.need, claim.grid.unreached(np.flatnonzero(~reached)))


class _Proof:
    """The proof of one component."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.policy = claim.problem.policy
        self.demand: list[int] = claim.grid.demand.tolist()
        self.supply: list[int] = claim.grid.supply.tolist()
        self.weight: list[int] = claim.grid.weight.tolist()
        self.tier: list[int] = claim.grid.tier.tolist()
        self.got: list[int] = claim.got.tolist()
        self.low, self.lost = [0] * len(self.demand), [0] * len(self.demand)
        for place, pool in enumerate(claim.pools):
            for row in claim.needs_of[place].tolist():
                self.low[row], self.lost[row] = self._share(pool, row)

    def failures(self) -> list[tuple[int, Violation]]:
        """Return what is wrong at the first step that fails, with the step's number."""
        steps = (self.check_fairness, self.check_rounding, self.check_cost)
        for number, step in enumerate(steps):
            found = list(step())
            if found:
                return [(number, each) for each in found]
        return []

    def _share(self, pool: Pool, row: int) -> tuple[int, int]:
        """Return a need's fair share rounded down, and what that loses over the denominator."""
        if pool.is_met or pool.is_unfair or self.tier[row] != pool.tier:
            return self.demand[row], 0
        weighed = self.weight[row] * pool.rate_numerator
        if weighed >= pool.rate_denominator:
            return self.demand[row], 0
        return divmod(self.demand[row] * weighed, pool.rate_denominator)

    # Fairness

    def check_fairness(self) -> Iterable[Violation]:
        if self.claim.reaches_back():
            yield Violation("reach", "certificate", "a source reaches a need of an earlier pool")
        for place, pool in enumerate(self.claim.pools):
            yield from self._check_pool(place, pool, f"pool {self.claim.numbers[place]}")

    def _check_pool(self, place: int, pool: Pool, where: str) -> Iterable[Violation]:
        own, carried = self.claim.own(place).tolist(), self.claim.carried(place).tolist()
        if any(self.got[row] != self.demand[row] for row in carried):
            yield Violation("carried", where, "a need of an earlier tier is not met in full")
        if pool.is_met:
            if pool.tier != NO_TIER or carried:
                yield Violation("tier", where, "a pool of met needs has no tier")
            if any(self.got[row] != self.demand[row] for row in own):
                yield Violation("skimped", where, "a need with stock to spare is not met in full")
            return
        if any(self.tier[row] != pool.tier for row in own) or any(
            self.tier[row] >= pool.tier for row in carried
        ):
            yield Violation("tier", where, "holds a need of the wrong tier")
            return
        yield from self._check_tight(place, pool, where)

    def _check_tight(self, place: int, pool: Pool, where: str) -> Iterable[Violation]:
        own, carried = self.claim.own(place).tolist(), self.claim.carried(place).tolist()
        left = sum(self.supply[row] for row in self.claim.sources_of[place].tolist())
        left -= sum(self.demand[row] for row in carried)
        if sum(self.got[row] for row in own) != left:
            yield Violation("not_tight", where, "its needs do not use its sources up")
        if not _rate_is_allowed(pool, self.policy.fairness):
            yield Violation("rate", where, "is not a rate that the policy's fairness asks for")
        if pool.is_unfair:
            return
        lost = sum(self.lost[row] for row in own)
        odd = left - sum(self.low[row] for row in own)
        if lost != odd * pool.rate_denominator:
            yield Violation("rate", where, "is not what its sources have by what its needs ask")
        for row in own:
            low, high = self.low[row], self.low[row] + (self.lost[row] > 0)
            if not low <= self.got[row] <= high:
                name = self.claim.need_id(row)
                yield Violation("unfair", name, f"gets {self.got[row]}, fair is {low} to {high}")

    # Rounding

    def check_rounding(self) -> Iterable[Violation]:
        claim = self.claim
        queues = [self._queue(place) for place in range(len(claim.pools))]
        for place, pool in enumerate(claim.pools):
            if bool(queues[place]) != bool(pool.source_cutoffs or pool.need_cutoffs):
                message = "must have cutoffs exactly if odd pieces are queued for"
                yield Violation("cutoff", f"pool {claim.numbers[place]}", message)
                return
        duals = claim.duals("source_cutoffs", "need_cutoffs")
        yield from claim.canonical(duals, "cutoff")
        for row, rank in ((row, rank) for queue in queues for row, rank in queue.items()):
            yield from self._check_turn(duals, row, rank)
        factor = np.array([0 if queue else -1 for queue in queues], dtype=np.int64)
        upper = [low + (lost > 0) for low, lost in zip(self.low, self.lost, strict=True)]
        yield from claim.misfits(duals, factor, np.array(upper, dtype=np.int64) > 0, "cutoff")

    def _check_turn(self, duals: Duals, row: int, rank: int) -> Iterable[Violation]:
        if self.got[row] == 0:
            duals.need[row] = -rank  # the highest price at which it would not get the piece
        waits = self.got[row] == self.low[row]
        price = int(duals.need[row])
        if (waits and price < -rank) or (not waits and price > -rank):
            name = self.claim.need_id(row)
            yield Violation("cutoff", name, "the odd piece belongs to another need")

    def _queue(self, place: int) -> dict[int, int]:
        """Return the places in the queue for odd pieces: largest fraction, then first posted."""
        posted = self.claim.grid.place
        waiting = [
            (-self.lost[row], int(posted[row]), row)
            for row in self.claim.own(place).tolist()
            if self.lost[row]
        ]
        return {row: rank for rank, (*_, row) in enumerate(sorted(waiting))}

    # Cost

    def check_cost(self) -> Iterable[Violation]:
        claim = self.claim
        duals = claim.duals("source_prices", "need_prices")
        yield from claim.canonical(duals, "price")
        factor = np.ones(len(claim.pools), dtype=np.int64)
        may_get = claim.got > 0
        for place, pool in enumerate(claim.pools):
            if pool.is_met:
                factor[place], spare = self._spare_costs(place)
                yield from self._check_spare(duals, spare)
            elif pool.is_unfair:
                # Fair totals are settled by now; only without fairness may another need get more.
                may_get[claim.needs_of[place]] = True
                yield from self._check_unfair(duals, place)
        if int(factor.max(initial=1)) * claim.dearest() > LARGEST_PRICE:
            yield Violation("cost_too_large", "policy", "costs are too large to be verified")
            return
        yield from claim.misfits(duals, factor, may_get, "price")

    def _spare_costs(self, place: int) -> tuple[int, dict[int, int]]:
        """Return the factor of costs, and the cost of leaving a piece at each source.

        The lot that expires last costs nothing to leave, the one before it 1, and so on by distinct
        days; a pair's cost times the number of days then outweighs any difference of these.
        """
        expiry = {row: int(self.claim.grid.expiry[row]) for row in self._sources(place)}
        days = {day: n for n, day in enumerate(sorted(set(expiry.values()), reverse=True))}
        return max(1, len(days)), {row: days[day] for row, day in expiry.items()}

    def _sources(self, place: int) -> list[int]:
        rows: list[int] = self.claim.sources_of[place].tolist()
        return rows

    def _check_spare(self, duals: Duals, spare: dict[int, int]) -> Iterable[Violation]:
        for row, cost in spare.items():
            spent = int(self.claim.spent[row])
            if not spent:
                duals.source[row] = -cost
            price, left = int(duals.source[row]), self.supply[row] - spent
            if price < -cost or (left and price != -cost):
                name = self.claim.source_id(row)
                yield Violation("price", name, "is not the price of a source with these leavings")

    def _check_unfair(self, duals: Duals, place: int) -> Iterable[Violation]:
        for row in self.claim.own(place).tolist():
            price, got = int(duals.need[row]), self.got[row]
            if (got < self.demand[row] and price < 0) or (got and price > 0):
                name = self.claim.need_id(row)
                yield Violation("price", name, "another need of the pool is cheaper to serve")


def _rate_is_allowed(pool: Pool, fairness: str) -> bool:
    rate = (pool.rate_numerator, pool.rate_denominator)
    if fairness == "most_pieces":
        return rate == (0, 0) or (rate == (0, 1) and not pool.sources)
    in_range = 0 <= rate[0] < rate[1]
    return in_range and Fraction(*rate).as_integer_ratio() == rate
