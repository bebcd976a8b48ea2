"""One pass over a plan's allocations: every rule on each of them, and what they add up to.

Everything is worked out here anew, one allocation at a time, in whole Python numbers.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from optimizer.parts import LARGEST_DAY, Lane, Need, Source
from optimizer.plan import Allocation, NeedOutcome, Plan
from optimizer.problem import Problem
from optimizer.report import Violation
from optimizer.rules import refusal


@dataclass(slots=True)
class Tally:
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
class Ledger:
    """What allocations add up to, and so what the outcomes and the objective must say."""

    problem: Problem
    tallies: dict[str, Tally] = field(default_factory=dict)
    sums: _Sums = field(default_factory=_Sums)

    def check_allocations(self, allocations: Iterable[Allocation]) -> list[Violation]:
        sources = {source.id: source for source in self.problem.sources}
        needs = {need.id: need for need in self.problem.needs}
        self.tallies = {need: Tally() for need in needs}
        drawn: Counter[str] = Counter()
        seen: set[tuple[str, str, int]] = set()
        found: list[Violation] = []
        for each in allocations:
            where = f"{each.source_id} → {each.need_id}"
            source, need = sources.get(each.source_id), needs.get(each.need_id)
            if source is None or need is None:
                found.append(Violation("unknown", where, "names no source or need of the problem"))
                continue
            key = (source.id, need.id, each.depart_day)
            if key in seen:
                found.append(Violation("twice", where, "is allocated twice; one line a pair"))
            seen.add(key)
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
        leave = max(0, source.ready_day)
        if leave < each.depart_day <= self.problem.horizon_days and self.problem.corridors:
            # Where ways can be full, a lot may wait; the rules then go by the later day.
            source, leave = replace(source, ready_day=each.depart_day), each.depart_day
        refused = refusal(source, need, lane, self.problem)
        if refused is not None or lane is None:
            code = refused.code if refused else "no_lane"
            return [Violation(code, where, f"this source may not serve this need: {code}")]
        arrive = leave + lane.transit_days
        if (each.depart_day, each.arrive_day) != (leave, arrive):
            message = f"must leave on day {leave} and arrive on day {arrive}"
            return [Violation("days", where, message)]
        received = self.problem.converted(each.quantity, source.item, need.item)
        if received is None:
            return [Violation("not_whole", where, "is no whole number of what was asked for")]
        self._add(each.quantity, received, source, need, lane, arrive)
        return []

    def _add(
        self, pieces: int, received: int, source: Source, need: Need, lane: Lane, arrive: int
    ) -> None:
        policy, sums, tally = self.problem.policy, self.sums, self.tallies[need.id]
        late_days = max(0, arrive - need.need_by_day)
        rank = 0 if source.item == need.item else 1 + need.accepts.index(source.item)
        tally.allocated += received
        tally.late += received if late_days else 0
        tally.substituted += received if rank else 0
        sums.cost_micro += pieces * (
            lane.cost_per_piece_micro
            + lane.distance_m * policy.distance_micro_per_piece_m
            + late_days * policy.lateness_micro_per_piece_day
            + rank * policy.substitution_micro_per_piece
            + self.problem.is_new(source.id, need.id) * policy.stability_micro_per_piece
        )
        sums.piece_metres += pieces * lane.distance_m
        sums.late_piece_days += pieces * late_days
        sums.substitute_pieces += received if rank else 0
        expiry = LARGEST_DAY + 1 if source.expiry_day is None else source.expiry_day
        sums.fefo_piece_days += pieces * expiry
        sums.drops += 1

    def _overfilled(self, needs: dict[str, Need]) -> list[Violation]:
        return [
            Violation("overfilled", name, f"gets {tally.allocated} of {needs[name].quantity}")
            for name, tally in self.tallies.items()
            if tally.allocated > needs[name].quantity
        ]

    def check_outcomes(self, plan: Plan) -> list[Violation]:
        stated = [outcome.need_id for outcome in plan.outcomes]
        if stated != [need.id for need in self.problem.needs]:
            message = "must hold one line for each need, sorted"
            return [Violation("outcomes", "outcomes", message)]
        return [
            Violation("outcome", outcome.need_id, "does not state what its allocations add up to")
            for outcome, need in zip(plan.outcomes, self.problem.needs, strict=True)
            if not self._is_true(outcome, need)
        ]

    def _is_true(self, outcome: NeedOutcome, need: Need) -> bool:
        tally = self.tallies[need.id]
        stated = (outcome.requested, outcome.allocated, outcome.substituted, outcome.late)
        return stated == (need.quantity, tally.allocated, tally.substituted, tally.late)

    def check_objective(self, plan: Plan) -> list[Violation]:
        terms: dict[str, int] = {}
        for need in self.problem.needs:
            got = self.tallies[need.id].allocated
            served, unmet = f"tier_{need.tier}_pieces", f"tier_{need.tier}_unmet"
            terms[served] = terms.get(served, 0) + got
            terms[unmet] = terms.get(unmet, 0) + need.quantity - got
        for name in _Sums.__slots__:
            terms[name] = getattr(self.sums, name)
        stated = dict(plan.objective)
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
