"""Verify a plan's certificate over all arcs that the rules allow.

Why this suffices. Pools stand in the order of tier and rate, and no source reaches a need of an
earlier pool; so the needs of the first pools together draw on their sources alone. Each tight pool
uses its sources up: nobody can give its needs more without taking from an earlier pool. So the
first pool's average rate bounds the least rate of any plan, and the plan attains it; given that,
the same holds for the next, and so on: the rates are leximin, tier by tier. Arcs between two pools
carry nothing in any plan with these totals, so prices within each pool prove the cost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optimizer.arcs import Tables, build_arcs, components
from optimizer.certificate import NO_TIER, Certificate, Pool
from optimizer.parts import LARGEST_DAY
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.reasons import reasons
from optimizer.report import Violation

Indices = NDArray[np.int64]

LARGEST_PRICE = 2**61


def check_proof(problem: Problem, plan: Plan) -> tuple[list[str], list[Violation]]:
    """Return what the certificate proves of a feasible plan with true totals, and what not."""
    if plan.certificate is None:
        return [], [Violation("no_certificate", "plan", "claims to be optimal without a proof")]
    found = _check_shape(problem, plan.certificate)
    if found:
        return [], found
    proof = _Proof(problem, plan, plan.certificate)
    verified: list[str] = []
    for name, step in (
        ("fairness", proof.check_fairness),
        ("rounding", proof.check_rounding),
        ("cost", proof.check_cost),
        ("reasons", proof.check_reasons),
    ):
        found = list(step())
        if found:
            return verified, found
        verified.append(name)
    return verified, []


def _check_shape(problem: Problem, certificate: Certificate) -> list[Violation]:
    """Every source and need must stand in one pool, with a price each."""
    pools = certificate.pools
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


@dataclass(frozen=True, slots=True)
class _Duals:
    """One value for each source and each need of the problem."""

    source: Indices
    need: Indices


class _Proof:
    def __init__(self, problem: Problem, plan: Plan, certificate: Certificate) -> None:
        self.problem, self.plan, self.certificate = problem, plan, certificate
        self.source_row = {source.id: row for row, source in enumerate(problem.sources)}
        self.need_row = {need.id: row for row, need in enumerate(problem.needs)}
        self.supply = [source.quantity for source in problem.sources]
        self.demand = [need.quantity for need in problem.needs]
        self.got = [outcome.allocated for outcome in plan.outcomes]
        self.spent = [0] * len(self.supply)
        for each in plan.allocations:
            self.spent[self.source_row[each.source_id]] += each.quantity
        self.source_pool = np.zeros(len(self.supply), dtype=np.int64)
        self.need_pool = np.zeros(len(self.demand), dtype=np.int64)
        for number, pool in enumerate(certificate.pools):
            self.source_pool[self._sources(pool)] = number
            self.need_pool[self._needs(pool)] = number
        tables = Tables(problem)
        self.all_arcs = [build_arcs(tables, component) for component in components(problem)]
        self.tail = _joined(np.array(a.component.sources, int)[a.tail] for a in self.all_arcs)
        self.head = _joined(np.array(a.component.needs, int)[a.head] for a in self.all_arcs)
        self.cost = _joined(arcs.cost for arcs in self.all_arcs)
        self.used = self._arcs_in_use()

    def _arcs_in_use(self) -> Indices:
        """Return the position of each allocation's arc; the rules allow them all by now."""
        width = len(self.demand)
        key = self.tail * width + self.head
        order = np.argsort(key, kind="stable")
        wanted = _array(
            self.source_row[each.source_id] * width + self.need_row[each.need_id]
            for each in self.plan.allocations
        )
        return order[np.searchsorted(key[order], wanted)]

    def _sources(self, pool: Pool) -> list[int]:
        return [self.source_row[each] for each in pool.sources]

    def _needs(self, pool: Pool) -> list[int]:
        return [self.need_row[each] for each in (*pool.needs, *pool.carried)]

    # Fairness

    def check_fairness(self) -> Iterable[Violation]:
        pools = self.certificate.pools
        keys = [_order(pool) for pool in pools]
        if keys != sorted(keys):
            yield Violation("order", "certificate", "pools must rise by tier and rate")
        if (self.source_pool[self.tail] > self.need_pool[self.head]).any():
            yield Violation("reach", "certificate", "a source reaches a need of an earlier pool")
        for number, pool in enumerate(pools):
            yield from self._check_pool(pool, f"pool {number}")

    def _check_pool(self, pool: Pool, where: str) -> Iterable[Violation]:
        own, carried = self._own(pool), [self.need_row[each] for each in pool.carried]
        tiers = {self.problem.needs[row].tier for row in own}
        earlier = {self.problem.needs[row].tier for row in carried}
        if any(self.got[row] != self.demand[row] for row in carried):
            yield Violation("carried", where, "a need of an earlier tier is not met in full")
        if pool.is_met:
            if pool.tier != NO_TIER or carried:
                yield Violation("tier", where, "a pool of met needs has no tier")
            if any(self.got[row] != self.demand[row] for row in own):
                yield Violation("skimped", where, "a need with stock to spare is not met in full")
            return
        if tiers - {pool.tier} or any(tier >= pool.tier for tier in earlier):
            yield Violation("tier", where, "holds a need of the wrong tier")
        yield from self._check_tight(pool, own, carried, where)

    def _own(self, pool: Pool) -> list[int]:
        return [self.need_row[each] for each in pool.needs]

    def _check_tight(
        self, pool: Pool, own: list[int], carried: list[int], where: str
    ) -> Iterable[Violation]:
        supply = sum(self.supply[row] for row in self._sources(pool))
        left = supply - sum(self.demand[row] for row in carried)
        if sum(self.got[row] for row in own) != left:
            yield Violation("not_tight", where, "its needs do not use its sources up")
        if not _rate_is_allowed(pool, self.problem.policy.fairness):
            yield Violation("rate", where, "is not a rate that the policy's fairness asks for")
        if pool.is_unfair:
            return
        wanted = sum(self.demand[row] for row in own)
        if Fraction(pool.rate_numerator, pool.rate_denominator) * wanted != left:
            yield Violation("rate", where, "is not what its sources have by what its needs ask")
        for row in own:
            low, high = self._bounds(pool, row)
            if not low <= self.got[row] <= high:
                name = self.problem.needs[row].id
                yield Violation("unfair", name, f"gets {self.got[row]}, fair is {low} to {high}")

    def _bounds(self, pool: Pool, row: int) -> tuple[int, int]:
        if pool.is_unfair:
            return 0, self.demand[row]
        if pool.is_met:
            return self.demand[row], self.demand[row]
        low, rest = divmod(self.demand[row] * pool.rate_numerator, pool.rate_denominator)
        return low, low + (rest > 0)

    def _upper(self, row: int) -> int:
        return self._bounds(self.certificate.pools[self.need_pool[row]], row)[1]

    # Rounding

    def check_rounding(self) -> Iterable[Violation]:
        queues = [self._queue(pool) for pool in self.certificate.pools]
        for number, (pool, queue) in enumerate(zip(self.certificate.pools, queues, strict=True)):
            if bool(queue) != bool(pool.source_cutoffs or pool.need_cutoffs):
                message = "must have cutoffs exactly if odd pieces are queued for"
                yield Violation("cutoff", f"pool {number}", message)
                return
        duals = self._duals("source_cutoffs", "need_cutoffs")
        yield from self._canonical(duals, "cutoff")
        may_get = [self._upper(row) > 0 for row in range(len(self.demand))]
        inside = self._inside([bool(queue) for queue in queues], may_get)
        for row, rank in ((row, rank) for queue in queues for row, rank in queue.items()):
            low, _ = self._bounds(self.certificate.pools[self.need_pool[row]], row)
            if self.got[row] == 0:
                duals.need[row] = -rank  # the highest price at which it would not get the piece
            waits, serves = self.got[row] == low, self.got[row] > low
            price = int(duals.need[row])
            if (waits and price < -rank) or (serves and price > -rank):
                name = self.problem.needs[row].id
                yield Violation("cutoff", name, "the odd piece belongs to another need")
        yield from self._check_arcs(duals, inside, np.zeros_like(self.cost), "cutoff")

    def _queue(self, pool: Pool) -> dict[int, int]:
        """Return the places in the queue for odd pieces: largest fraction, then first posted."""
        if pool.is_met or pool.is_unfair:
            return {}
        denominator = pool.rate_denominator
        waiting = [
            (-(self.demand[row] * pool.rate_numerator % denominator), need.posted_at, need.id, row)
            for row in self._own(pool)
            for need in [self.problem.needs[row]]
            if self.demand[row] * pool.rate_numerator % denominator
        ]
        return {row: rank for rank, (*_, row) in enumerate(sorted(waiting))}

    # Cost

    def check_cost(self) -> Iterable[Violation]:
        duals = self._duals("source_prices", "need_prices")
        yield from self._canonical(duals, "price")
        pools = self.certificate.pools
        factors = [1] * len(pools)
        for number, pool in enumerate(pools):
            if pool.is_met:
                factors[number], spare = self._spare_costs(pool)
                yield from self._check_spare(duals, spare)
            elif pool.is_unfair:
                yield from self._check_unfair(duals, pool)
        if max(factors, default=1) * int(self.cost.max(initial=0)) > LARGEST_PRICE:
            yield Violation("cost_too_large", "policy", "costs are too large to be verified")
            return
        cost = self.cost * np.array(factors, dtype=np.int64)[self.source_pool[self.tail]]
        # Fair totals are settled by now; only without fairness may pieces go to another need.
        may_get = [
            self.got[row] > 0 or pools[number].is_unfair
            for row, number in enumerate(self.need_pool.tolist())
        ]
        inside = self._inside([True] * len(pools), may_get)
        yield from self._check_arcs(duals, inside, cost, "price")

    def _spare_costs(self, pool: Pool) -> tuple[int, dict[int, int]]:
        """Return the factor of arc costs, and the cost of leaving a piece at each source.

        The lot that expires last costs nothing to leave, the one before it 1, and so on by distinct
        days; an arc's cost times the number of days then outweighs any difference of these.
        """
        expiry = {
            row: LARGEST_DAY + 1 if day is None else day
            for row in self._sources(pool)
            for day in [self.problem.sources[row].expiry_day]
        }
        days = sorted(set(expiry.values()), reverse=True)
        return max(1, len(days)), {row: days.index(day) for row, day in expiry.items()}

    def _check_spare(self, duals: _Duals, spare: dict[int, int]) -> Iterable[Violation]:
        for row, cost in spare.items():
            name = self.problem.sources[row].id
            if not self.spent[row]:
                duals.source[row] = -cost
            price, left = int(duals.source[row]), self.supply[row] - self.spent[row]
            if price < -cost or (left and price != -cost):
                yield Violation("price", name, "is not the price of a source with these leavings")

    def _check_unfair(self, duals: _Duals, pool: Pool) -> Iterable[Violation]:
        for row in self._own(pool):
            price, got = int(duals.need[row]), self.got[row]
            if (got < self.demand[row] and price < 0) or (got and price > 0):
                name = self.problem.needs[row].id
                yield Violation("price", name, "another need of the pool is cheaper to serve")

    # Prices on arcs

    def _duals(self, sources: str, needs: str) -> _Duals:
        duals = _Duals(np.zeros_like(self.source_pool), np.zeros_like(self.need_pool))
        for pool in self.certificate.pools:
            if getattr(pool, sources):
                duals.source[self._sources(pool)] = getattr(pool, sources)
            if getattr(pool, needs):
                duals.need[self._needs(pool)] = getattr(pool, needs)
        return duals

    def _canonical(self, duals: _Duals, code: str) -> Iterable[Violation]:
        """What carries nothing has price 0, so that one plan has one proof of each value."""
        idle = [row for row, pieces in enumerate(self.spent) if not pieces and duals.source[row]]
        yield from (
            Violation(code, self.problem.sources[row].id, "sends nothing, its price must be 0")
            for row in idle
        )
        idle = [row for row, pieces in enumerate(self.got) if not pieces and duals.need[row]]
        yield from (
            Violation(code, self.problem.needs[row].id, "gets nothing, its price must be 0")
            for row in idle
        )

    def _inside(self, chosen: list[bool], may_get: list[bool]) -> NDArray[np.bool_]:
        """Return the arcs within one of the chosen pools to needs that may get a piece."""
        inside: NDArray[np.bool_] = self.source_pool[self.tail] == self.need_pool[self.head]
        inside &= np.array(chosen, dtype=np.bool_)[self.source_pool[self.tail]]
        inside &= np.array(may_get, dtype=np.bool_)[self.head]
        return inside

    def _check_arcs(
        self, duals: _Duals, inside: NDArray[np.bool_], cost: Indices, code: str
    ) -> Iterable[Violation]:
        """No arc may raise the price by more than it costs; one that is used, by exactly that."""
        slack = cost + duals.source[self.tail] - duals.need[self.head]
        bad = np.flatnonzero(inside & (slack < 0))
        loose = [arc for arc in self.used.tolist() if inside[arc] and slack[arc]]
        for arc in (*bad.tolist(), *loose):
            source = self.problem.sources[self.tail[arc]].id
            need = self.problem.needs[self.head[arc]].id
            yield Violation(code, f"{source} → {need}", "the price does not fit the cost")

    # Reasons

    def check_reasons(self) -> Iterable[Violation]:
        received = {
            each.need_id: (each.allocated, each.substituted, each.late)
            for each in self.plan.outcomes
        }
        expected = reasons(self.problem, self.all_arcs, self.certificate, received)
        for outcome in self.plan.outcomes:
            if outcome.reason != expected[outcome.need_id]:
                yield Violation("reason", outcome.need_id, "is not the reason that the proof gives")


def _order(pool: Pool) -> tuple[int, Fraction]:
    denominator = pool.rate_denominator
    return pool.tier, Fraction(pool.rate_numerator, denominator) if denominator else Fraction(0)


def _rate_is_allowed(pool: Pool, fairness: str) -> bool:
    rate = (pool.rate_numerator, pool.rate_denominator)
    if fairness != "max_min":
        return rate == (0, 0) or (rate == (0, 1) and not pool.sources)
    in_range = 0 <= rate[0] < rate[1]
    return in_range and Fraction(*rate).as_integer_ratio() == rate


def _joined(parts: Iterable[Indices]) -> Indices:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _array(values: Iterable[int]) -> Indices:
    return np.array(list(values), dtype=np.int64)
