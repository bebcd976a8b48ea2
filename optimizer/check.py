"""Accept or refuse a plan without a solver: NumPy and the standard library only.

What is shared with the solver is the statement of the problem: `rules.py`, `arcs.py` (which pairs
the rules allow, and at what cost) and `reasons.py`. All sums, days, rates, roundings and prices are
worked out here and in `proof.py` anew, and every allocation is held against each rule on its own.
"""

from collections import Counter
from dataclasses import dataclass, field

from optimizer.parts import LARGEST_DAY, Lane, Need, Source
from optimizer.plan import Allocation, NeedOutcome, Plan
from optimizer.problem import Problem
from optimizer.proof import check_proof
from optimizer.report import Report, Violation
from optimizer.rules import refusal

__all__ = ["Report", "Violation", "check"]


def check(problem: Problem, plan: Plan) -> Report:
    """Judge a plan of any origin.

    Every plan must be feasible and state its totals truly. One that claims to be optimal must prove
    it; its report then also lists fairness, rounding, cost and reasons as verified. `proven` says
    that all of those hold; a plan without the claim can be `ok`, never `proven`.
    """
    ledger = _Ledger(problem, plan)
    violations = ledger.check_allocations()
    if violations:
        return Report(False, False, (), tuple(violations))
    violations = [*ledger.check_outcomes(), *ledger.check_objective()]
    verified = ["allocations"]
    if violations:
        return Report(False, False, tuple(verified), tuple(violations))
    verified += ["outcomes", "objective"]
    if plan.solver.status != "optimal":
        return Report(True, False, tuple(verified), ())
    proven, violations = check_proof(problem, plan)
    verified += proven
    return Report(not violations, not violations, tuple(verified), tuple(violations))


@dataclass(slots=True)
class _Tally:
    """What one need receives, in pieces."""

    allocated: int = 0
    substituted: int = 0
    late: int = 0


@dataclass(slots=True)
class _Sums:
    """The aim's terms that add up over allocations."""

    cost_micro: int = 0
    piece_metres: int = 0
    late_piece_days: int = 0
    substitute_pieces: int = 0
    fefo_piece_days: int = 0
    drops: int = 0


@dataclass(slots=True)
class _Ledger:
    """One pass over the allocations, adding up what the outcomes and the objective must say."""

    problem: Problem
    plan: Plan
    tallies: dict[str, _Tally] = field(default_factory=dict)
    sums: _Sums = field(default_factory=_Sums)

    def check_allocations(self) -> list[Violation]:
        sources = {source.id: source for source in self.problem.sources}
        needs = {need.id: need for need in self.problem.needs}
        self.tallies = {need: _Tally() for need in needs}
        drawn: Counter[str] = Counter()
        seen: set[tuple[str, str]] = set()
        found: list[Violation] = []
        for each in self.plan.allocations:
            where = f"{each.source_id} → {each.need_id}"
            source, need = sources.get(each.source_id), needs.get(each.need_id)
            if source is None or need is None:
                found.append(Violation("unknown", where, "names no source or need of the problem"))
                continue
            if (source.id, need.id) in seen:
                found.append(Violation("twice", where, "is allocated twice; one line a pair"))
            seen.add((source.id, need.id))
            drawn[source.id] += each.quantity
            lane = self.problem.way(source.site, need.site)
            found += self._check_one(each, source, need, lane, where)
        found += _overdrawn(sources, drawn)
        return found + self._overfilled(needs)

    def _check_one(
        self, each: Allocation, source: Source, need: Need, lane: Lane | None, where: str
    ) -> list[Violation]:
        if each.quantity < 1:
            return [Violation("quantity", where, f"allocates {each.quantity} pieces")]
        refused = refusal(source, need, lane, self.problem)
        if refused is not None or lane is None:
            code = refused.code if refused else "no_lane"
            return [Violation(code, where, f"this source may not serve this need: {code}")]
        leave = max(0, source.ready_day)
        arrive = leave + lane.transit_days
        if (each.depart_day, each.arrive_day) != (leave, arrive):
            message = f"must leave on day {leave} and arrive on day {arrive}"
            return [Violation("days", where, message)]
        self._add(each.quantity, source, need, lane, arrive)
        return []

    def _add(self, pieces: int, source: Source, need: Need, lane: Lane, arrive: int) -> None:
        policy, sums, tally = self.problem.policy, self.sums, self.tallies[need.id]
        late_days = max(0, arrive - need.need_by_day)
        rank = 0 if source.item == need.item else 1 + need.accepts.index(source.item)
        tally.allocated += pieces
        tally.late += pieces if late_days else 0
        tally.substituted += pieces if rank else 0
        sums.cost_micro += pieces * (
            lane.cost_per_piece_micro
            + lane.distance_m * policy.distance_micro_per_piece_m
            + late_days * policy.lateness_micro_per_piece_day
            + rank * policy.substitution_micro_per_piece
        )
        sums.piece_metres += pieces * lane.distance_m
        sums.late_piece_days += pieces * late_days
        sums.substitute_pieces += pieces if rank else 0
        expiry = LARGEST_DAY + 1 if source.expiry_day is None else source.expiry_day
        sums.fefo_piece_days += pieces * expiry
        sums.drops += 1

    def _overfilled(self, needs: dict[str, Need]) -> list[Violation]:
        return [
            Violation("overfilled", name, f"gets {tally.allocated} of {needs[name].quantity}")
            for name, tally in self.tallies.items()
            if tally.allocated > needs[name].quantity
        ]

    def check_outcomes(self) -> list[Violation]:
        stated = [outcome.need_id for outcome in self.plan.outcomes]
        if stated != [need.id for need in self.problem.needs]:
            message = "must hold one line for each need, sorted"
            return [Violation("outcomes", "outcomes", message)]
        return [
            Violation("outcome", outcome.need_id, "does not state what its allocations add up to")
            for outcome, need in zip(self.plan.outcomes, self.problem.needs, strict=True)
            if not self._is_true(outcome, need)
        ]

    def _is_true(self, outcome: NeedOutcome, need: Need) -> bool:
        tally = self.tallies[need.id]
        stated = (outcome.requested, outcome.allocated, outcome.substituted, outcome.late)
        return stated == (need.quantity, tally.allocated, tally.substituted, tally.late)

    def check_objective(self) -> list[Violation]:
        terms: dict[str, int] = {}
        for need in self.problem.needs:
            got = self.tallies[need.id].allocated
            served, unmet = f"tier_{need.tier}_pieces", f"tier_{need.tier}_unmet"
            terms[served] = terms.get(served, 0) + got
            terms[unmet] = terms.get(unmet, 0) + need.quantity - got
        for name in _Sums.__slots__:
            terms[name] = getattr(self.sums, name)
        stated = dict(self.plan.objective)
        return [
            Violation("objective", name, f"is {terms.get(name)}, not {stated.get(name)}")
            for name in sorted(terms.keys() | stated.keys())
            if terms.get(name) != stated.get(name)
        ]


def _overdrawn(sources: dict[str, Source], drawn: Counter[str]) -> list[Violation]:
    return [
        Violation("overdrawn", name, f"{pieces} pieces are drawn, {sources[name].quantity} exist")
        for name, pieces in drawn.items()
        if pieces > sources[name].quantity
    ]
