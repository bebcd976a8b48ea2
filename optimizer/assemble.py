"""From shipments to a whole plan: days, outcomes and the terms of the aim, in exact integers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from optimizer.certificate import Certificate
from optimizer.grid import LARGEST_ARC_COST
from optimizer.parts import LARGEST_DAY, Lane, Need, Source
from optimizer.plan import Allocation, NeedOutcome, Plan, Reason, SolverInfo
from optimizer.policy import Policy
from optimizer.problem import Problem
from optimizer.rules import depart_day, preference

Received = dict[str, tuple[int, int, int]]
"""Pieces of each need's own item: allocated, of them substitutes, of them late."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Pieces from a source to a need, by their positions in the problem.

    They leave on `depart_day`; None is as soon as the source can.
    """

    source: int
    need: int
    quantity: int
    depart_day: int | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One shipment with what it is made of.

    `quantity` is in pieces of the source's item, `received` in pieces of the need's; `is_new` says
    that the last plan did not join the two.
    """

    source: Source
    need: Need
    lane: Lane
    quantity: int
    received: int
    depart_day: int
    is_new: bool

    @property
    def arrive_day(self) -> int:
        return self.depart_day + self.lane.transit_days

    @property
    def late_days(self) -> int:
        return max(0, self.arrive_day - self.need.need_by_day)

    @property
    def substitute_rank(self) -> int:
        rank = preference(self.source.item, self.need)
        assert rank is not None, "a leg joins a need to a lot that it accepts"
        return rank

    def cost_micro(self, policy: Policy) -> int:
        """Return what all its pieces cost under the policy."""
        each = (
            policy.distance_micro_per_piece_m * self.lane.distance_m
            + self.lane.cost_per_piece_micro
            + policy.lateness_micro_per_piece_day * self.late_days
            + policy.substitution_micro_per_piece * self.substitute_rank
            + policy.stability_micro_per_piece * self.is_new
        )
        assert 0 <= each <= LARGEST_ARC_COST
        return each * self.quantity


def legs(problem: Problem, shipments: Iterable[Shipment]) -> list[Leg]:
    """Return the shipments' legs, sorted by need, source and day of departure."""
    result = []
    for each in shipments:
        source, need = problem.sources[each.source], problem.needs[each.need]
        lane = problem.way(source.site, need.site)
        assert lane is not None, "a shipment goes where a way leads"
        received = problem.converted(each.quantity, source.item, need.item)
        assert received is not None, "a shipment is of whole pieces of what was asked for"
        day = depart_day(source) if each.depart_day is None else each.depart_day
        is_new = problem.is_new(source.id, need.id)
        result.append(Leg(source, need, lane, each.quantity, received, day, is_new))
    return sorted(result, key=lambda leg: (leg.need.id, leg.source.id, leg.depart_day))


def received_by_need(problem: Problem, all_legs: list[Leg]) -> Received:
    result = {need.id: (0, 0, 0) for need in problem.needs}
    for leg in all_legs:
        pieces, substitutes, late = result[leg.need.id]
        result[leg.need.id] = (
            pieces + leg.received,
            substitutes + leg.received * (leg.substitute_rank > 0),
            late + leg.received * (leg.late_days > 0),
        )
    return result


def assemble(
    problem: Problem,
    shipments: Iterable[Shipment],
    explain: Callable[[Received], Mapping[str, Reason]],
    certificate: Certificate | None,
    solver: SolverInfo,
) -> Plan:
    """Return the plan that these shipments make; `explain` gives each need's reason."""
    all_legs = legs(problem, shipments)
    received = received_by_need(problem, all_legs)
    reasons = explain(received)
    return Plan(
        allocations=tuple(
            Allocation(
                leg.source.id,
                leg.need.id,
                leg.quantity,
                leg.depart_day,
                leg.arrive_day,
            )
            for leg in all_legs
        ),
        outcomes=tuple(
            NeedOutcome(need.id, need.quantity, pieces, reasons[need.id], substitutes, late)
            for need in problem.needs
            for pieces, substitutes, late in [received[need.id]]
        ),
        objective=_objective(problem, all_legs, received),
        certificate=certificate,
        solver=solver,
    )


def _objective(problem: Problem, all_legs: list[Leg], received: Received) -> dict[str, int]:
    terms: dict[str, int] = {}
    for tier in sorted({need.tier for need in problem.needs}):
        needs = [need for need in problem.needs if need.tier == tier]
        pieces = sum(received[need.id][0] for need in needs)
        terms[f"tier_{tier}_pieces"] = pieces
        terms[f"tier_{tier}_unmet"] = sum(need.quantity for need in needs) - pieces
    return terms | {
        "cost_micro": sum(leg.cost_micro(problem.policy) for leg in all_legs),
        "piece_metres": sum(leg.quantity * leg.lane.distance_m for leg in all_legs),
        "late_piece_days": sum(leg.quantity * leg.late_days for leg in all_legs),
        "substitute_pieces": sum(substitutes for _, substitutes, _ in received.values()),
        "fefo_piece_days": sum(leg.quantity * fefo_day(leg.source) for leg in all_legs),
        "drops": len(all_legs),
    }


def fefo_day(source: Source) -> int:
    """Return the day that first expired first out goes by; what never expires goes last."""
    return LARGEST_DAY + 1 if source.expiry_day is None else source.expiry_day
