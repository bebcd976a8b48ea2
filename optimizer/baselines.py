"""What people do today, on the same problem, so that a plan can be compared with practice.

All of it keeps every hard limit (a lot that would expire helps nobody, a full lane takes no more),
and none of it looks ahead.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from optimizer.assemble import Received, Shipment, assemble
from optimizer.derive import Line, derive
from optimizer.grid import Costs, forbidden
from optimizer.metrics import Metrics, summary
from optimizer.parts import Need, Source
from optimizer.plan import Plan, Reason, SolverInfo
from optimizer.problem import Problem
from optimizer.rules import depart_day
from optimizer.tables import Component, Tables, components

__all__ = [
    "PRACTICES",
    "Metrics",
    "first_come_first_served",
    "national_quota",
    "practised",
    "proportional",
    "summary",
]


def first_come_first_served(problem: Problem, by_tier: bool = False) -> Plan:
    """Serve needs in the order of posting, each as fully as possible from its cheapest lots.

    Cheapest means its own item before a substitute and the nearest site first, by the policy's
    cost. With `by_tier`, a more urgent tier is served before a less urgent one.
    """
    return _practise(problem, "first_come_by_tier" if by_tier else "first_come_first_served")


def proportional(problem: Problem) -> Plan:
    """Give each need the same share of its item, the pieces on offer by the pieces asked for.

    Shares are rounded down and served in the order of posting, from the nearest lots of the item
    itself; what cannot be reached or is left over stays where it is, as it does in a pro-rata list.
    """
    return _practise(problem, "proportional")


def national_quota(problem: Problem) -> Plan:
    """Give each zone its quota of each item, by how many needs it has; within it, first come.

    A quota doesn't ask how much is needed where, as one by population doesn't; largest remainders
    get the odd pieces. Needs are served as fully as their zone's quota allows, from the nearest
    lots of the item itself; what a zone doesn't use stays where it is. A site without a zone is in
    one with all such sites: where nobody has zones, all are served first come.
    """
    return _practise(problem, "national_quota")


def practised(problem: Problem) -> dict[str, Plan]:
    """Return what every practice makes of a problem, by its name: quicker than one by one."""
    return _practise_all(problem, list(PRACTICES))


def serve_by_urgency(problem: Problem, component: Component, costs: Costs) -> list[Line]:
    """Serve one component by tier and order of posting, each need from its cheapest lots.

    `costs` are those of the component's grid.
    """
    desk = _Desk(problem, component, costs, _Rooms(problem))
    _first_come_by_tier(desk)
    return desk.lines


def _first_come(desk: "_Desk") -> None:
    for need in sorted(desk.needs, key=_turn):
        desk.serve(need, need.quantity)


def _first_come_by_tier(desk: "_Desk") -> None:
    for need in sorted(desk.needs, key=lambda need: (need.tier, *_turn(need))):
        desk.serve(need, need.quantity)


def _same_share(desk: "_Desk") -> None:
    offered, asked = _by_item(desk.sources), _by_item(desk.needs)
    for need in sorted(desk.needs, key=_turn):
        share = need.quantity * offered.get(need.item, 0) // asked[need.item]
        desk.serve(need, min(need.quantity, share), own_item_only=True)


def _quota_by_zone(desk: "_Desk") -> None:
    offered, zone = _by_item(desk.sources), desk.problem.zone
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for need in desk.needs:
        counts[need.item][zone(need.site)] += 1
    left = {item: _quotas(offered.get(item, 0), zones) for item, zones in counts.items()}
    for need in sorted(desk.needs, key=_turn):
        quota = left[need.item]
        pieces = min(need.quantity, quota[zone(need.site)])
        quota[zone(need.site)] -= desk.serve(need, pieces, own_item_only=True)


PRACTICES: Mapping[str, Callable[["_Desk"], None]] = {
    "first_come_first_served": _first_come,
    "first_come_by_tier": _first_come_by_tier,
    "proportional": _same_share,
    "national_quota": _quota_by_zone,
}
"""How each practice shares out one component's lots, by the name that its figures go under."""


class _Rooms:
    """What the corridors can still take, by day; without corridors nobody asks."""

    def __init__(self, problem: Problem) -> None:
        self.limits = {
            (each.origin_zone, each.destination_zone): (
                each.volume_ml_per_day,
                each.weight_g_per_day,
            )
            for each in problem.corridors
        }
        self.used: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
        for each in problem.corridors:
            for day, volume, weight in each.taken:
                self.used[each.origin_zone, each.destination_zone, day] = [volume, weight]

    def take(self, zones: tuple[str, str], day: int, sizes: tuple[int, int], wanted: int) -> int:
        """Take room for up to so many pieces on this day; returns for how many there was."""
        limits = self.limits.get(zones)
        if limits is None:
            return wanted
        used = self.used[*zones, day]
        for place, (limit, size) in enumerate(zip(limits, sizes, strict=True)):
            if limit is not None and size:
                wanted = max(0, min(wanted, (limit - used[place]) // size))
        for place, size in enumerate(sizes):
            used[place] += wanted * size
        return wanted


class _Desk:
    """One component's lots as they are given out, and what has been given to whom."""

    def __init__(self, problem: Problem, component: Component, costs: Costs, rooms: _Rooms) -> None:
        self.problem, self.rooms, self.costs = problem, rooms, costs
        self.sources = [problem.sources[each] for each in component.sources]
        self.needs = [problem.needs[each] for each in component.needs]
        self.lines: list[Line] = []
        self._row = {need.id: row for row, need in enumerate(self.needs)}
        self._left = np.array([source.quantity for source in self.sources], dtype=np.int64)
        self._item = np.array([source.item for source in self.sources])

    def serve(self, need: Need, wanted: int, *, own_item_only: bool = False) -> int:
        """Give a need up to so many pieces from its cheapest lots; returns how many."""
        if not self.sources:
            return 0
        never = forbidden(self.costs)
        is_open = self._left > 0
        if own_item_only:
            is_open &= self._item == need.item
        costs = np.where(is_open, self.costs[self._row[need.id]], never)
        given = 0
        while given < wanted:
            # Of equals the first: lots are in the order of their names.
            column = int(costs.argmin())
            if costs[column] == never:
                break
            costs[column] = never
            given += self._send(column, need, wanted - given)
        return given

    def _send(self, column: int, need: Need, wanted: int) -> int:
        source = self.sources[column]
        left = min(wanted, int(self._left[column]))
        sent = 0
        for day in self._days(source, need):
            pieces = left - sent
            if self.rooms.limits:
                pieces = self._room(source, need, day, pieces)
            if pieces:
                self.lines.append(Line(source.id, need.id, pieces, day))
                sent += pieces
            if sent == left:
                break
        self._left[column] -= sent
        return sent

    def _room(self, source: Source, need: Need, day: int, pieces: int) -> int:
        zones = (self.problem.zone(source.site), self.problem.zone(need.site))
        item = self.problem.item(source.item)
        return self.rooms.take(zones, day, (item.volume_ml, item.weight_g), pieces)

    def _days(self, source: Source, need: Need) -> Iterable[int]:
        """Return the days to leave on: as soon as it can; where a corridor is full, later."""
        ready = depart_day(source)
        if not self.rooms.limits:
            return (ready,)
        way = self.problem.way(source.site, need.site)
        assert way is not None, "only what can be reached is served"
        last = self.problem.horizon_days - way.transit_days
        if source.expiry_day is not None:
            shelf = way.transit_days + need.min_shelf_days_on_arrival
            last = min(last, source.expiry_day - shelf - 1)
        return range(ready, last + 1)


def _turn(need: Need) -> tuple[int, str]:
    return need.posted_at, need.id


def _by_item(parts: Iterable[Source | Need]) -> dict[str, int]:
    """Return pieces by item."""
    pieces: dict[str, int] = defaultdict(int)
    for part in parts:
        pieces[part.item] += part.quantity
    return pieces


def _quotas(pieces: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split pieces by weight; the largest remainders get one more, of equals the first name."""
    total = sum(weights.values())
    quotas = {name: pieces * weight // total for name, weight in weights.items()}
    queue = sorted(weights, key=lambda name: (-(pieces * weights[name] % total), name))
    for name in queue[: pieces - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _practise(problem: Problem, name: str) -> Plan:
    return _practise_all(problem, [name])[name]


def _practise_all(problem: Problem, names: Sequence[str]) -> dict[str, Plan]:
    """Let practices share out each component, after what is set by hand."""
    derived = derive(problem)
    plain = derived.problem
    tables, rooms = Tables(plain), {name: _Rooms(plain) for name in names}
    lines: dict[str, list[Line]] = defaultdict(list)
    for component in components(plain):
        costs = tables.grid(component).costs()
        for name in names:
            desk = _Desk(plain, component, costs, rooms[name])
            PRACTICES[name](desk)
            lines[name] += desk.lines
    return {name: _plan(problem, name, derived.lift(lines[name])) for name in names}


def _plan(problem: Problem, name: str, lines: Sequence[Line]) -> Plan:
    def explain(received: Received) -> dict[str, Reason]:
        return {
            need.id: Reason(
                "as_practised", {"pieces": received[need.id][0], "requested": need.quantity}
            )
            for need in problem.needs
        }

    info = SolverInfo(name.replace("_", " "), "1", "heuristic")
    return assemble(problem, _shipments(problem, lines), explain, None, info)


def _shipments(problem: Problem, lines: Sequence[Line]) -> list[Shipment]:
    source_row = {source.id: row for row, source in enumerate(problem.sources)}
    need_row = {need.id: row for row, need in enumerate(problem.needs)}
    return [
        Shipment(source_row[line.source_id], need_row[line.need_id], line.quantity, line.depart_day)
        for line in lines
    ]
