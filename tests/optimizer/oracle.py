"""Slow answers from definitions, sharing no code with the optimizer: subsets and enumeration."""

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from itertools import chain, combinations, groupby, product
from math import ceil, isqrt

from optimizer.problem import Item, Lane, Need, Problem

Limits = dict[frozenset[str], int]


def way(problem: Problem, origin: str, destination: str) -> Lane | None:
    """The lane, or the road where none is given, worked out from the places."""
    for lane in problem.lanes:
        if (lane.origin, lane.destination) == (origin, destination):
            return lane
    places = {place.site: place for place in problem.places}
    if problem.roads is None or origin not in places or destination not in places:
        return None
    one, other, roads = places[origin], places[destination], problem.roads
    line = isqrt((one.x_m - other.x_m) ** 2 + (one.y_m - other.y_m) ** 2)
    metres = line * roads.detour_permille // 1000
    days = ceil(Fraction(metres, roads.metres_per_day))
    return Lane(origin, destination, metres, days, cold=roads.cold)


def pairs(problem: Problem) -> dict[tuple[str, str], int]:
    """Every allowed (source, need), with the cost of a unit, straight from the rules' words."""
    items = {item.code: item for item in problem.items}
    zones = {place.site: place.zone for place in problem.places}
    bans = {(ban.source_id, ban.need_id) for ban in problem.bans}
    last = {(pair.source_id, pair.need_id) for pair in problem.last}
    result = {}
    for source, need in product(problem.sources, problem.needs):
        lane = way(problem, source.site, need.site)
        item = items.get(source.item, Item(source.item))
        accepted = (need.item, *need.accepts)
        if lane is None or source.item not in accepted:
            continue
        arrive = max(source.ready_day, 0) + lane.transit_days
        shelf = need.min_shelf_days_on_arrival
        if arrive > problem.horizon_days or (item.cold and not lane.cold):
            continue
        if source.expiry_day is not None and source.expiry_day <= arrive + shelf:
            continue
        if source.earmark is not None and source.earmark not in need.earmarks:
            continue
        if source.only_zone is not None and source.only_zone != zones.get(need.site, ""):
            continue
        if bans & {(source.id, need.id), (source.id, None), (None, need.id)}:
            continue
        policy = problem.policy
        is_new = bool(last) and (source.id, need.id) not in last
        result[source.id, need.id] = item.pieces_per_unit * (
            policy.distance_micro_per_piece_m * lane.distance_m
            + lane.cost_per_piece_micro
            + policy.lateness_micro_per_piece_day * max(0, arrive - need.need_by_day)
            + policy.substitution_micro_per_piece * accepted.index(source.item)
            + policy.stability_micro_per_piece * is_new
        )
    return result


def subsets(items: Iterable[str]) -> Iterable[tuple[str, ...]]:
    items = list(items)
    return chain.from_iterable(combinations(items, size) for size in range(1, len(items) + 1))


def reach(problem: Problem) -> Limits:
    """For every set of needs, the pieces of all the sources that may serve any of them."""
    allowed = pairs(problem)
    supply = {source.id: source.quantity for source in problem.sources}
    return {
        frozenset(chosen): sum(
            pieces
            for source, pieces in supply.items()
            if any((source, need) in allowed for need in chosen)
        )
        for chosen in subsets(need.id for need in problem.needs)
    }


def most_pieces(problem: Problem, tier: int) -> int:
    """The most pieces that needs up to this tier can get (the max-flow min-cut theorem)."""
    demand = {need.id: need.quantity for need in problem.needs if need.tier <= tier}
    limits = reach(problem)
    total = sum(demand.values())
    return min(
        [total]
        + [
            limits[frozenset(chosen)] + total - sum(demand[need] for need in chosen)
            for chosen in subsets(demand)
        ]
    )


def fair_targets(problem: Problem) -> dict[str, int]:
    """Pieces for each need: water-filling tier by tier, then odd pieces by the queue."""
    limits = reach(problem)
    fixed: dict[str, int] = {}
    ordered = sorted(problem.needs, key=lambda need: need.tier)
    for _, group in groupby(ordered, key=lambda need: need.tier):
        members = list(group)
        weighs = problem.policy.fairness == "weighted"
        weight = {need.id: need.weight if weighs else 1 for need in members}
        demand = {need.id: need.quantity for need in members}
        levels = _water_fill(limits, demand, weight, fixed)
        fixed |= _round(limits, members, weight, levels, fixed)
    return fixed


def _water_fill(
    limits: Limits, demand: dict[str, int], weight: dict[str, int], fixed: dict[str, int]
) -> dict[str, Fraction]:
    """Raise all levels together; whoever is full, or can have no more, stays where it is.

    At a level a need gets its weight times it of what it asks.
    """
    levels: dict[str, Fraction] = {}
    rising = frozenset(demand)
    weighed = {need: demand[need] * weight[need] for need in demand}
    while rising:
        bounds = [
            (
                (limit - _spent(chosen, fixed, levels, weighed)) / _sum(weighed, chosen & rising),
                chosen & rising,
            )
            for chosen, limit in limits.items()
            if chosen <= demand.keys() | fixed.keys() and chosen & rising
        ]
        bounds += [(Fraction(1, weight[need]), frozenset({need})) for need in rising]
        level = min(bound for bound, _ in bounds)
        stopped = frozenset[str]().union(*(chosen for bound, chosen in bounds if bound == level))
        levels |= dict.fromkeys(stopped, level)
        rising = rising - stopped
    return levels


def _sum(demand: dict[str, int], chosen: frozenset[str]) -> Fraction:
    return Fraction(sum(demand[need] for need in chosen))


def _spent(
    chosen: frozenset[str],
    fixed: dict[str, int],
    rates: dict[str, Fraction],
    demand: dict[str, int],
) -> Fraction:
    return sum(
        (
            fixed.get(need, 0) + rates.get(need, Fraction(0)) * demand.get(need, 0)
            for need in chosen
        ),
        start=Fraction(0),
    )


def _round(
    limits: Limits,
    members: list[Need],
    weight: dict[str, int],
    rates: dict[str, Fraction],
    fixed: dict[str, int],
) -> dict[str, int]:
    """Of all whole vectors next to the shares that serve most, the one best for the queue."""
    shares = {need.id: rates[need.id] * weight[need.id] * need.quantity for need in members}
    queue = sorted(
        members,
        key=lambda need: (rates[need.id], -(shares[need.id] % 1), need.posted_at, need.id),
    )
    choices = [
        sorted({int(shares[need.id]), -int(-shares[need.id] // 1)}, reverse=True) for need in queue
    ]
    best: tuple[int, dict[str, int]] | None = None
    for vector in product(*choices):  # in falling lexicographic order
        trial = {need.id: pieces for need, pieces in zip(queue, vector, strict=True)}
        total = sum(vector)
        if (best is None or total > best[0]) and _fits(limits, fixed | trial):
            best = (total, trial)
    assert best is not None
    return best[1]


def _fits(limits: Limits, targets: dict[str, int]) -> bool:
    return all(
        sum(targets[need] for need in chosen) <= limit
        for chosen, limit in limits.items()
        if chosen <= targets.keys()
    )


def least_cost(problem: Problem, targets: dict[str, int]) -> tuple[int, int]:
    """The least (cost, expiry days of the pieces used) that gives each need its target."""
    allowed = pairs(problem)
    order = [need.id for need in problem.needs]
    names = [source.id for source in problem.sources]
    last = 36_501
    expiry = [last if s.expiry_day is None else s.expiry_day for s in problem.sources]

    @cache
    def best(place: int, row: int, wanted: int, left: tuple[int, ...]) -> tuple[int, int] | None:
        if row == len(names):
            if wanted:
                return None
            if place + 1 == len(order):
                return (0, 0)
            return best(place + 1, 0, targets[order[place + 1]], left)
        found = []
        price = allowed.get((names[row], order[place]))
        for pieces in range((min(wanted, left[row]) if price is not None else 0) + 1):
            rest = best(
                place, row + 1, wanted - pieces, (*left[:row], left[row] - pieces, *left[row + 1 :])
            )
            if rest is not None:
                cost = rest[0] + pieces * (price or 0)
                found.append((cost, rest[1] + pieces * expiry[row]))
        return min(found) if found else None

    if not order:
        return (0, 0)
    found = best(0, 0, targets[order[0]], tuple(source.quantity for source in problem.sources))
    assert found is not None, "the targets cannot be met"
    return found
