"""What one plan changes against another: who gains, who loses, and what it costs."""

from dataclasses import dataclass

from optimizer.metrics import Metrics, summary
from optimizer.parts import Need
from optimizer.plan import NeedOutcome, Plan
from optimizer.problem import Problem

__all__ = ["Difference", "Shift", "differ"]


@dataclass(frozen=True, slots=True)
class Shift:
    """One need that gets another number of pieces. What one side doesn't know is 0 there."""

    need_id: str
    site: str
    item: str
    tier: int
    requested_before: int
    requested_after: int
    before: int
    after: int

    @property
    def pieces(self) -> int:
        """Pieces more; below zero, fewer."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Difference:
    """Two plans side by side. Gains and losses are sorted, the largest first; costs in micro-units.

    `same` counts the needs that get as many pieces as before. `before` and `after` hold each plan's
    own figures, on its own problem and by its own policy.
    """

    gains: tuple[Shift, ...]
    losses: tuple[Shift, ...]
    same: int
    before: Metrics
    after: Metrics
    cost_micro_before: int
    cost_micro_after: int
    moved_pieces: int

    @property
    def gained_pieces(self) -> int:
        return sum(shift.pieces for shift in self.gains)

    @property
    def lost_pieces(self) -> int:
        return -sum(shift.pieces for shift in self.losses)


def differ(problem: Problem, plan: Plan, other_problem: Problem, other: Plan) -> Difference:
    """Return what `other` changes against `plan`; each plan belongs to the problem before it.

    `moved_pieces` are the pieces that `other` sends from a source to a need beyond what `plan`
    sends between these two.
    """
    shifts = _shifts(problem, plan, other_problem, other)
    changed = [shift for shift in shifts if shift.pieces]
    gains = [shift for shift in changed if shift.pieces > 0]
    losses = [shift for shift in changed if shift.pieces < 0]
    return Difference(
        gains=tuple(sorted(gains, key=_largest_first)),
        losses=tuple(sorted(losses, key=_largest_first)),
        same=len(shifts) - len(changed),
        before=summary(problem, plan),
        after=summary(other_problem, other),
        cost_micro_before=plan.objective["cost_micro"],
        cost_micro_after=other.objective["cost_micro"],
        moved_pieces=_moved(plan, other),
    )


def _shifts(problem: Problem, plan: Plan, other_problem: Problem, other: Plan) -> list[Shift]:
    needs = {need.id: need for need in (*problem.needs, *other_problem.needs)}
    old = {outcome.need_id: outcome for outcome in plan.outcomes}
    new = {outcome.need_id: outcome for outcome in other.outcomes}
    return [_shift(needs[name], old.get(name), new.get(name)) for name in sorted(old.keys() | new)]


def _shift(need: Need, old: NeedOutcome | None, new: NeedOutcome | None) -> Shift:
    return Shift(
        need_id=need.id,
        site=need.site,
        item=need.item,
        tier=need.tier,
        requested_before=old.requested if old else 0,
        requested_after=new.requested if new else 0,
        before=old.allocated if old else 0,
        after=new.allocated if new else 0,
    )


def _largest_first(shift: Shift) -> tuple[int, str]:
    return -abs(shift.pieces), shift.need_id


def _moved(plan: Plan, other: Plan) -> int:
    sent = {(each.source_id, each.need_id): each.quantity for each in plan.allocations}
    return sum(
        max(0, each.quantity - sent.get((each.source_id, each.need_id), 0))
        for each in other.allocations
    )
