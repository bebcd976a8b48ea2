"""One pass over a plan's allocations: every rule on each of them, and what they add up to.

Everything is worked out here anew from the problem's parts, in exact integers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optimizer.assemble import exact_dot
from optimizer.lines import Lines
from optimizer.parts import LARGEST_DAY
from optimizer.plan import Allocation, Plan
from optimizer.problem import Problem
from optimizer.report import Violation
from optimizer.rules import RULES

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


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
    """What allocations add up to, and so what the outcomes and the objective must say.

    `received` are pieces of each need's own item: allocated, of them substitutes, of them late.
    """

    problem: Problem
    received: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    sums: _Sums = field(default_factory=_Sums)

    def check_allocations(self, allocations: Iterable[Allocation]) -> list[Violation]:
        known, lines, found = self._known(allocations)
        holds = np.ones(len(known), dtype=np.bool_)
        for code, wrong, message in self._faults(lines):
            for row in np.flatnonzero(wrong & holds).tolist():
                leave, due = lines.leave[row], lines.due[row]
                told = message.format(pieces=known[row].quantity, leave=leave, due=due)
                found.append(Violation(code, _where(known[row]), told))
            holds &= ~wrong
        self._add(lines, holds)
        return [*found, *self._overdrawn(known), *self._overfilled()]

    def _known(
        self, allocations: Iterable[Allocation]
    ) -> tuple[list[Allocation], Lines, list[Violation]]:
        """Return the allocations that name a source and a need of the problem, and their lines."""
        source_row = {source.id: row for row, source in enumerate(self.problem.sources)}
        need_row = {need.id: row for row, need in enumerate(self.problem.needs)}
        known: list[Allocation] = []
        found: list[Violation] = []
        for each in allocations:
            if each.source_id in source_row and each.need_id in need_row:
                known.append(each)
            else:
                message = "names no source or need of the problem"
                found.append(Violation("unknown", _where(each), message))
        source = np.array([source_row[each.source_id] for each in known], dtype=np.int64)
        need = np.array([need_row[each.need_id] for each in known], dtype=np.int64)
        lines = Lines.of(self.problem, known, source, need)
        found += [
            Violation("twice", _where(known[row]), "is allocated twice; one line a pair")
            for row in np.flatnonzero(lines.is_repeated()).tolist()
        ]
        return known, lines, found

    def _faults(self, lines: Lines) -> Iterator[tuple[str, Flags, str]]:
        """Yield what may be wrong with a line, where it is, and how to say it. The first counts."""
        yield "quantity", lines.quantity < 1, "allocates {pieces} pieces"
        block = lines.block()
        for rule in RULES:
            allowed = np.broadcast_to(rule.mask(block), (1, len(lines.need)))[0]
            yield rule.code, ~allowed, f"this source may not serve this need: {rule.code}"
        moved = (lines.depart != lines.leave) | (lines.arrive != lines.due)
        yield "days", moved, "must leave on day {leave} and arrive on day {due}"
        yield "not_whole", ~lines.is_whole, "is no whole number of what was asked for"

    def _add(self, lines: Lines, holds: Flags) -> None:
        """Add up the lines that hold."""
        problem, policy, sums = self.problem, self.problem.policy, self.sums
        pieces, received = lines.quantity * holds, lines.received * holds
        late_days = lines.late_days
        sums.piece_metres = exact_dot(pieces, lines.ways.metres)
        sums.late_piece_days = exact_dot(pieces, late_days)
        sums.cost_micro = (
            exact_dot(pieces, lines.ways.extra_cost)
            + sums.piece_metres * policy.distance_micro_per_piece_m
            + sums.late_piece_days * policy.lateness_micro_per_piece_day
            + exact_dot(pieces, np.maximum(lines.rank, 0)) * policy.substitution_micro_per_piece
            + exact_dot(pieces, lines.is_new()) * policy.stability_micro_per_piece
        )
        sums.substitute_pieces = exact_dot(received, (lines.rank > 0).astype(np.int64))
        sums.fefo_piece_days = exact_dot(pieces, np.minimum(lines.expiry, LARGEST_DAY + 1))
        sums.drops = int(holds.sum())
        totals = np.zeros((3, len(problem.needs)), dtype=np.int64)
        for total, counts in zip(totals, (holds, lines.rank > 0, late_days > 0), strict=True):
            np.add.at(total, lines.need, received * counts)
        ids = (need.id for need in problem.needs)
        self.received = dict(zip(ids, zip(*totals.tolist(), strict=True), strict=True))

    def _overdrawn(self, known: Iterable[Allocation]) -> list[Violation]:
        drawn: Counter[str] = Counter()
        for each in known:
            drawn[each.source_id] += each.quantity
        return [
            Violation(
                "overdrawn",
                source.id,
                f"{drawn[source.id]} pieces are drawn, {source.quantity} exist",
            )
            for source in self.problem.sources
            if drawn[source.id] > source.quantity
        ]

    def _overfilled(self) -> list[Violation]:
        return [
            Violation("overfilled", need.id, f"gets {allocated} of {need.quantity}")
            for need, (allocated, _, _) in zip(
                self.problem.needs, self.received.values(), strict=True
            )
            if allocated > need.quantity
        ]

    def check_outcomes(self, plan: Plan) -> list[Violation]:
        if [each.need_id for each in plan.outcomes] != [need.id for need in self.problem.needs]:
            message = "must hold one line for each need, sorted"
            return [Violation("outcomes", "outcomes", message)]
        return [
            Violation("outcome", each.need_id, "does not state what its allocations add up to")
            for each, need, received in zip(
                plan.outcomes, self.problem.needs, self.received.values(), strict=True
            )
            if (each.allocated, each.substituted, each.late) != received
            or each.requested != need.quantity
        ]

    def check_objective(self, plan: Plan) -> list[Violation]:
        terms: dict[str, int] = {}
        got, lacks = Counter[int](), Counter[int]()
        for need, (allocated, _, _) in zip(self.problem.needs, self.received.values(), strict=True):
            got[need.tier] += allocated
            lacks[need.tier] += need.quantity - allocated
        for tier in got:
            terms[f"tier_{tier}_pieces"], terms[f"tier_{tier}_unmet"] = got[tier], lacks[tier]
        for name in _Sums.__slots__:
            terms[name] = getattr(self.sums, name)
        stated = dict(plan.objective)
        return [
            Violation("objective", name, f"is {terms.get(name)}, not {stated.get(name)}")
            for name in sorted(terms.keys() | stated.keys())
            if terms.get(name) != stated.get(name)
        ]


def _where(each: Allocation) -> str:
    return f"{each.source_id} → {each.need_id}"
