"""Figures to set plans of the same problem side by side, integers throughout."""

from collections import defaultdict
from dataclasses import dataclass

from optimizer.plan import Plan
from optimizer.problem import Problem

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a plan does for the needs, and what it takes.

    Rates are in parts per million of pieces allocated by pieces asked for. `p5_fill_ppm` is the
    rate that one need in twenty does not exceed (nearest rank); `zero_share_ppm` the share of needs
    that get nothing; `gini_ppm` the Gini coefficient of the rates, 0 where all are equal.
    `shipments` counts distinct origins, destinations and days of departure; `drops` the
    allocations; `piece_km` is rounded down.
    """

    pieces_by_tier: dict[int, int]
    requested_by_tier: dict[int, int]
    pieces: int
    requested: int
    unmet: int
    min_fill_ppm: int
    p5_fill_ppm: int
    mean_fill_ppm: int
    zero_share_ppm: int
    gini_ppm: int
    piece_km: int
    late_pieces: int
    substitute_pieces: int
    shipments: int
    drops: int


def summary(problem: Problem, plan: Plan) -> Metrics:
    """Return the plan's figures; a problem without needs counts as filled."""
    needs = {need.id: need for need in problem.needs}
    pieces_by_tier: dict[int, int] = defaultdict(int)
    requested_by_tier: dict[int, int] = defaultdict(int)
    for outcome in plan.outcomes:
        tier = needs[outcome.need_id].tier
        pieces_by_tier[tier] += outcome.allocated
        requested_by_tier[tier] += outcome.requested
    rates = sorted(MILLION * each.allocated // each.requested for each in plan.outcomes)
    count = len(rates)
    pieces, requested = sum(pieces_by_tier.values()), sum(requested_by_tier.values())
    return Metrics(
        pieces_by_tier=dict(sorted(pieces_by_tier.items())),
        requested_by_tier=dict(sorted(requested_by_tier.items())),
        pieces=pieces,
        requested=requested,
        unmet=requested - pieces,
        min_fill_ppm=rates[0] if rates else MILLION,
        p5_fill_ppm=rates[max(0, -(-count * 5 // 100) - 1)] if rates else MILLION,
        mean_fill_ppm=sum(rates) // count if rates else MILLION,
        zero_share_ppm=MILLION * sum(not each.allocated for each in plan.outcomes) // max(1, count),
        gini_ppm=_gini_ppm(rates),
        piece_km=plan.objective["piece_metres"] // 1000,
        late_pieces=sum(each.late for each in plan.outcomes),
        substitute_pieces=sum(each.substituted for each in plan.outcomes),
        shipments=_shipments(problem, plan),
        drops=len(plan.allocations),
    )


def _gini_ppm(rates: list[int]) -> int:
    """Return the Gini coefficient of sorted rates, rounded down."""
    total, count = sum(rates), len(rates)
    if not total:
        return 0
    weighted = sum((2 * place - count - 1) * rate for place, rate in enumerate(rates, start=1))
    return MILLION * weighted // (count * total)


def _shipments(problem: Problem, plan: Plan) -> int:
    origin = {source.id: source.site for source in problem.sources}
    destination = {need.id: need.site for need in problem.needs}
    return len(
        {
            (origin[each.source_id], destination[each.need_id], each.depart_day)
            for each in plan.allocations
        }
    )
