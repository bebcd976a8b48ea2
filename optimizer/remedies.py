"""What would change each need's result, computed from the problem and the plan's proof.

`remedies(problem, plan)` asks no solver. For needs that are short because pools are used up, it is
`shortages.py`; for needs that no lot may serve, `openings.py`; from how far new supply would be in
time, `in_time.py`. Here is the rest: what the policy leaves out, and what is late or a substitute.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from optimizer.derive import derive
from optimizer.in_time import InTime
from optimizer.openings import Openings
from optimizer.parts import Need
from optimizer.pins import Line
from optimizer.plan import NeedOutcome, Plan
from optimizer.problem import Problem
from optimizer.remedy import Remedy
from optimizer.shortages import Dealt, Shortages, levels
from optimizer.tables import Component, Tables, components

__all__ = ["Remedy", "remedies"]

Indices = NDArray[np.int64]
Found = dict[str, tuple[Remedy, ...]]


def remedies(
    problem: Problem,
    plan: Plan,
    need_ids: Collection[str] | None = None,
    pieces: int | None = None,
) -> dict[str, tuple[Remedy, ...]]:
    """Return what would change the result of these needs, or of all; nothing where all is well.

    `pieces` says how many more to tell the effect of; otherwise it is a round number near a tenth
    of what is short.

    The plan must be a feasible one of this problem, as `check` verifies. Where it carries a
    certificate, what more supply would do follows from that; without one, a need that some lot may
    serve is told only from how far away new supply would be in time.
    """
    wanted = None if need_ids is None else set(need_ids)
    outcomes = {
        each.need_id: each for each in plan.outcomes if wanted is None or each.need_id in wanted
    }
    short = {name for name, each in outcomes.items() if each.allocated < each.requested}
    found = _Short(problem, plan, short, pieces).found if short else {}
    late = _late_days(problem, plan)
    in_time = InTime(problem)
    return {
        need.id: tuple(_all(need, outcomes[need.id], found, late.get(need.id, 0), in_time))
        for need in problem.needs
        if need.id in outcomes
    }


def _all(
    need: Need, outcome: NeedOutcome, found: Found, late_days: int, in_time: InTime
) -> Iterator[Remedy]:
    yield from found.get(need.id, ())
    if outcome.late:
        yield Remedy("wait_longer", {"days": late_days, "pieces": outcome.late})
        yield Remedy("sooner_supply", {"item": need.item, "pieces": outcome.late})
    if outcome.substituted:
        yield Remedy("own_item", {"item": need.item, "pieces": outcome.substituted})
    by_supply = outcome.late or outcome.substituted or outcome.allocated < outcome.requested
    if by_supply and not any(each.code.startswith("ask_") for each in found.get(need.id, ())):
        yield in_time.reach(need)


def _late_days(problem: Problem, plan: Plan) -> dict[str, int]:
    """Return by how many days the last of what each need gets is late."""
    due = {need.id: need.need_by_day for need in problem.needs}
    days: dict[str, int] = defaultdict(int)
    for each in plan.allocations:
        days[each.need_id] = max(days[each.need_id], each.arrive_day - due[each.need_id])
    return days


class _Short:
    """What would give more to needs that are short, by need."""

    def __init__(self, problem: Problem, plan: Plan, short: set[str], pieces: int | None) -> None:
        self.derived, self.plan, self.short = derive(problem), plan, short
        self.pieces = pieces
        self.problem = self.derived.problem
        self.tables = Tables(self.problem)
        self.found: Found = {}
        self._by_policy(problem)
        flow = self._flow()
        for component in components(self.problem):
            wanted = [self.problem.needs[each].id in short for each in component.needs]
            if any(wanted):
                self._component(component, flow, np.array(wanted))

    def _by_policy(self, problem: Problem) -> None:
        """Tell those who ask for less than the policy gives out what they would have to ask for."""
        derived = self.derived
        of = {need.id: need for need in problem.needs} if derived.problem is not problem else {}
        for name in self.short & of.keys():
            if name in derived.left_out:
                params = derived.left_out[name].params
                least = params.get("least_pieces", params.get("pack_pieces", 0))
                code = "ask_least_drop" if "least_pieces" in params else "ask_whole_pack"
                self._ask(code, of[name], int(least) - of[name].quantity)
            elif self.derived.open_pieces.get(name):
                unit = derived.unit_pieces.get(of[name].item, 1)
                self._ask("ask_whole_pack", of[name], unit - derived.open_pieces[name])

    def _ask(self, code: str, need: Need, pieces: int) -> None:
        figures = {"pieces": pieces, "total_pieces": need.quantity + pieces}
        self.found[need.id] = (Remedy(code, figures),)

    def _flow(self) -> Indices:
        """Return the plan's lines as rows: source and need by position, and units."""
        tables = self.tables
        lines, _ = self.derived.lower(
            Line(each.source_id, each.need_id, each.quantity, each.depart_day)
            for each in self.plan.allocations
        )
        rows = [(tables.source_row[a], tables.need_row[b], units) for a, b, units, _ in lines]
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    def _component(self, component: Component, flow: Indices, wanted: NDArray[np.bool_]) -> None:
        sources = [self.problem.sources[each] for each in component.sources]
        needs = [self.problem.needs[each] for each in component.needs]
        place = {position: row for row, position in enumerate(component.sources)}
        row_of = {position: row for row, position in enumerate(component.needs)}
        lines = [(place[a], row_of[b], units) for a, b, units in flow.tolist() if b in row_of]
        grid = self.tables.grid(component)
        dealt = Dealt.of(grid, np.array(lines, dtype=np.int64).reshape(-1, 3))
        unit_pieces = [self.derived.unit_pieces.get(source.item, 1) for source in sources]
        closed = ~dealt.allowed.any(axis=1)
        openings = Openings(self.problem, grid, sources, needs, unit_pieces)
        for row in np.flatnonzero(wanted & closed).tolist():
            self._add(needs[row].id, openings.remedies(row))
        if self.plan.certificate is None:
            return
        shortages = Shortages(
            dealt,
            levels(
                self.plan.certificate.pools,
                {need.id: row for row, need in enumerate(needs)},
                {source.id: row for row, source in enumerate(sources)},
            ),
            [(source.id, source.site, source.item) for source in sources],
            unit_pieces,
            self.pieces,
        )
        for rows, told in shortages.remedies(wanted & ~closed):
            for row in rows[wanted[rows]].tolist():
                self._add(needs[row].id, told)

    def _add(self, need: str, told: tuple[Remedy, ...]) -> None:
        self.found[need] = self.found.get(need, ()) + told
