"""What more supply would do for needs that are short, computed from the certificate's pools.

Take one lot of a tight pool, the *root*, and add pieces to it. It can serve some needs itself; what
other lots gave those is free for the needs that they reach, and so on: that is how far the new
pieces *spread*. Needs outside stay as they are, for the lots that reach them are used up by them
alone, and that is verified by adding up. Inside, fairness lifts the lowest rate until it meets the
next. How far that holds is bounded by what each lot along the way can hand on. NumPy only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optimizer.certificate import Pool
from optimizer.grid import Grid
from optimizer.remedy import Remedy
from optimizer.rising import (
    Batch,
    full_rate,
    merged,
    rate_reached,
    rate_within,
    units_to_reach,
)
from optimizer.rules import NEVER, NO_TOKEN, RULES

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_ROOTS = 8
"""Lots of a pool that are tried for one whose pieces spread over all of it."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """A component as it was dealt out, by positions in its grid: rows `(source, need, units)`.

    `allowed` has the shape (needs, sources).
    """

    grid: Grid
    allowed: Flags
    flow: Indices
    got: Indices

    @classmethod
    def of(cls, grid: Grid, flow: Indices) -> "Dealt":
        allowed = np.zeros((len(grid.need), len(grid.source)), dtype=np.bool_)
        for rows in grid.blocks():
            block = grid.block(rows)
            allowed[rows] = np.logical_and.reduce([rule.mask(block) for rule in RULES])
        got = np.zeros(len(grid.need), dtype=np.int64)
        np.add.at(got, flow[:, 1], flow[:, 2])
        return cls(grid, allowed, flow, got)


@dataclass(frozen=True, slots=True)
class Level:
    """Pools of one tier with one rate: to fairness, they are one. `rate` is None without it."""

    tier: int
    rate: Fraction | None
    own: Indices
    carried: Indices
    sources: Indices


@dataclass(frozen=True, slots=True)
class Spread:
    """How far pieces at `root` go: `own` are the level's needs that they reach.

    `batches` are all needs of the tier that they reach, `limit` the rate up to which it is sure.
    """

    root: int
    own: Indices
    batches: list[Batch]
    limit: Fraction


def levels(pools: Iterable[Pool], needs: dict[str, int], sources: dict[str, int]) -> list[Level]:
    """Return the short levels of a component, by positions; its pools are those of its needs."""
    found: dict[tuple[int, Fraction | None, bool], list[Pool]] = {}
    for pool in pools:
        here = any(name in needs for name in pool.needs[:1])
        if pool.is_met or not here:
            continue
        rate = None if pool.is_unfair else Fraction(pool.rate_numerator, pool.rate_denominator)
        found.setdefault((pool.tier, rate, bool(pool.sources)), []).append(pool)
    order = sorted(found.items(), key=lambda each: (each[0][0], each[0][1] or 0, each[0][2]))
    return [
        Level(
            tier,
            rate,
            _rows(needs, (name for pool in group for name in pool.needs)),
            _rows(needs, (name for pool in group for name in pool.carried)),
            _rows(sources, (name for pool in group for name in pool.sources)),
        )
        for (tier, rate, _), group in order
    ]


def _rows(places: dict[str, int], names: Iterable[str]) -> Indices:
    return np.array(sorted(places[name] for name in names), dtype=np.int64)


class Shortages:
    """The remedies of a component's short needs.

    `places` gives the figures that say where each source is: its id, site and item; for a share
    of a lane also zones and day. `pieces` is how many more to tell the effect of.
    """

    def __init__(
        self,
        dealt: Dealt,
        all_levels: Sequence[Level],
        places: Sequence[Mapping[str, int | str]],
        unit_pieces: Sequence[int],
        pieces: int | None = None,
    ) -> None:
        self.dealt, self.grid, self.levels = dealt, dealt.grid, all_levels
        self.places, self.unit_pieces, self.pieces = places, unit_pieces, pieces
        self.lacking = self.grid.demand - dealt.got
        held = self.grid
        plain = (held.token == NO_TOKEN) & (held.expiry == NEVER) & (held.depart == 0)
        self.plain: Flags = plain & (held.only_zone == NO_TOKEN)

    def remedies(self, wanted: Flags) -> Iterator[tuple[Indices, tuple[Remedy, ...]]]:
        """Yield groups of short needs, by position, with the remedies that they share."""
        for level in self.levels:
            if not wanted[level.own].any():
                continue
            if not len(level.sources):
                yield from self._behind(level)
            elif level.rate is None:
                yield from self._without_fairness(level)
            else:
                yield from self._fair(level, level.rate)

    # Fair levels

    def _fair(self, level: Level, rate: Fraction) -> Iterator[tuple[Indices, tuple[Remedy, ...]]]:
        waiting = level.own
        while len(waiting):
            spread = self._widest(level, rate, waiting)
            if spread is None:
                break
            reached = np.intersect1d(waiting, spread.own, assume_unique=True)
            waiting = np.setdiff1d(waiting, reached, assume_unique=True)
            weight = self._weights(reached)
            for each in np.unique(weight).tolist():
                yield reached[weight == each], self._more_supply(rate, spread, each)

    def _widest(self, level: Level, rate: Fraction, waiting: Indices) -> Spread | None:
        """Return the spread over the most of the waiting needs, of the first few lots tried."""
        count = self.dealt.allowed[np.ix_(waiting, level.sources)].sum(axis=0)
        supply, plain = self.grid.supply[level.sources], self.plain[level.sources]
        best, widest = None, 0
        tried = np.lexsort((level.sources, -supply, -count, ~plain, count == 0))[:MOST_ROOTS]
        for place in tried[count[tried] > 0].tolist():
            spread = self._spread(level, rate, int(level.sources[place]))
            if spread is None or units_to_reach(spread.batches, spread.limit) < 1:
                continue
            size = len(np.intersect1d(waiting, spread.own, assume_unique=True))
            if size > widest:
                best, widest = spread, size
            if size == len(waiting):
                break
        return best

    def _spread(self, level: Level, rate: Fraction, root: int) -> Spread | None:
        tier = [
            each
            for each in self.levels
            if each.tier == level.tier and each.rate is not None and each.rate >= rate
            if len(each.sources)
        ]
        route = _Route(self.dealt, tier, root)
        top = min([Fraction(1), *(_rate(each) for each in tier if not route.is_closed(each))])
        own = level.own[route.server[level.own] >= 0]
        if top <= rate or not len(own):
            return None
        batches, loads = self._loads(route, tier)
        top = min(top, full_rate(batches))
        for cap, load in route.handed_on(loads):
            top = min(top, rate_within(load, rate, cap))
        return Spread(root, own, batches, max(top, rate))

    def _loads(
        self, route: "_Route", tier: list[Level]
    ) -> tuple[list[Batch], dict[int, list[Batch]]]:
        """Return the needs in the spread as batches: all of them, and by the lot that brings."""
        loads: dict[int, list[Batch]] = {}
        for level in tier:
            rows = level.own[route.server[level.own] >= 0]
            weight, rate = self._weights(rows), _rate(level)
            keys = np.stack([route.server[rows], weight], axis=1)
            pairs, group = np.unique(keys, axis=0, return_inverse=True)
            demand = np.zeros(len(pairs), dtype=np.int64)
            given = np.zeros(len(pairs), dtype=np.int64)
            np.add.at(demand, group.reshape(-1), self.grid.demand[rows])
            np.add.at(given, group.reshape(-1), self._floors(rows, weight, rate))
            for (server, each), asked, has in zip(
                pairs.tolist(), demand.tolist(), given.tolist(), strict=True
            ):
                loads.setdefault(server, []).append(Batch(rate, each, asked, has))
        return merged(batch for load in loads.values() for batch in load), loads

    def _floors(self, rows: Indices, weight: Indices, rate: Fraction) -> Indices:
        """Return what needs surely have: their whole share, also where they won an odd piece."""
        demand = self.grid.demand[rows]
        product = demand.astype(object) * weight * rate.numerator // rate.denominator
        shares = np.minimum(product, demand)
        return np.minimum(shares.astype(np.int64), self.dealt.got[rows])

    def _weights(self, rows: Indices) -> Indices:
        return self.grid.weight[rows]

    def _more_supply(self, rate: Fraction, spread: Spread, weight: int) -> tuple[Remedy, ...]:
        full = full_rate(each for each in spread.batches if each.rate == rate)
        whole = -(-units_to_reach(spread.batches, full) // 1)
        most = int(units_to_reach(spread.batches, spread.limit))
        some = self._some(int(self.lacking[spread.own].sum()), most, spread.root)
        pieces = self.unit_pieces[spread.root]
        here = self._here(spread.root)
        result = []
        if some < whole:
            new = rate_reached(spread.batches, rate, some)
            figures = here | {"pieces": some * pieces, "most_pieces": most * pieces}
            figures |= _fraction("rate", min(Fraction(1), weight * rate))
            figures |= _fraction("new_rate", min(Fraction(1), weight * new))
            result.append(Remedy(self._code("more_supply", spread.root), figures))
        if spread.limit >= full:
            figures = {"pieces": whole * pieces, "needs": len(spread.own)}
            result.append(Remedy(self._code("meet_all", spread.root), here | figures))
        return tuple(result)

    def _some(self, short: int, most: int, source: int) -> int:
        """Return the units to tell the effect of: a round number near a tenth of what is short."""
        if self.pieces is not None:
            return min(max(1, self.pieces // self.unit_pieces[source]), most)
        tenth = round_number(-(-short // 10))
        return tenth if tenth <= most else round_number(most)

    def _here(self, source: int) -> dict[str, int | str]:
        return dict(self.places[source])

    def _code(self, code: str, source: int) -> str:
        """Return the code that says that a share needs more room on its way, too."""
        return f"{code}_and_room" if "day" in self.places[source] else code

    # Without fairness

    def _without_fairness(self, level: Level) -> Iterator[tuple[Indices, tuple[Remedy, ...]]]:
        """Every piece more at a lot is one more for the short needs that it reaches."""
        waiting = level.own[self.lacking[level.own] > 0]
        while len(waiting):
            reach = self.dealt.allowed[np.ix_(waiting, level.sources)]
            count = reach.sum(axis=0)
            order = np.lexsort((level.sources, ~self.plain[level.sources], -count))
            place = int(order[0])
            if not count[place]:
                break
            root, short = int(level.sources[place]), waiting[reach[:, place]]
            most = int(self.lacking[short].sum())
            some, pieces = self._some(most, most, root), self.unit_pieces[root]
            figures = {"pieces": some * pieces, "most_pieces": most * pieces, "needs": len(short)}
            yield short, (Remedy(self._code("more_pieces", root), self._here(root) | figures),)
            waiting = waiting[~reach[:, place]]

    # Needs that more urgent ones leave nothing for

    def _behind(self, level: Level) -> Iterator[tuple[Indices, tuple[Remedy, ...]]]:
        """Tell what more urgent needs lack that would share new pieces with these."""
        lack = self._lacking_before(level.tier)
        order = np.lexsort((np.arange(len(lack)), ~self.plain, lack))
        reach = self.dealt.allowed[level.own][:, order]
        rows, places = level.own[reach.any(axis=1)], reach[reach.any(axis=1)].argmax(axis=1)
        for place in np.unique(places).tolist():
            source = int(order[place])
            figures = self._here(source) | {"pieces": int(lack[source]) * self.unit_pieces[source]}
            code = self._code("after_more_urgent", source)
            yield rows[places == place], (Remedy(code, figures),)

    def _lacking_before(self, tier: int) -> Indices:
        """Return, for each source, the units lacking to earlier tiers that its pieces may reach."""
        need_level = np.full(len(self.grid.need), len(self.levels), dtype=np.int64)
        for place, level in enumerate(self.levels):
            need_level[level.own] = need_level[level.carried] = place
        reach = np.eye(len(self.levels) + 1, dtype=np.bool_)
        unmet = np.zeros(len(self.levels) + 1, dtype=np.int64)
        for place, level in enumerate(self.levels):
            hit = self.dealt.allowed[:, level.sources].any(axis=1)
            reach[place, np.unique(need_level[hit])] = True
            unmet[place] = self.lacking[level.own].sum() if level.tier < tier else 0
        for middle in range(len(self.levels)):
            reach |= reach[:, [middle]] & reach[[middle]]
        lack = np.zeros(len(self.grid.source), dtype=np.int64)
        for place, level in enumerate(self.levels):
            lack[level.sources] = unmet[reach[place]].sum()
        return lack


class _Route:
    """The way of new pieces from the root: `server` is the lot that brings each need its part."""

    def __init__(self, dealt: Dealt, tier: list[Level], root: int) -> None:
        self.dealt = dealt
        needs, sources = dealt.allowed.shape
        self.server = np.full(needs, -1, dtype=np.int64)
        self.depth = np.full(sources, -1, dtype=np.int64)
        self.inside = np.zeros(sources, dtype=np.bool_)
        waiting = np.zeros(needs, dtype=np.bool_)
        for level in tier:
            self.inside[level.sources] = True
            waiting[level.own] = waiting[level.carried] = True
        self._walk(waiting, root)

    def _walk(self, waiting: Flags, root: int) -> None:
        frontier, depth = np.array([root]), 0
        while len(frontier):
            self.depth[frontier] = depth
            rows = np.flatnonzero(waiting & (self.server < 0))
            reach = self.dealt.allowed[np.ix_(rows, frontier)]
            new = reach.any(axis=1)
            self.server[rows[new]] = frontier[reach[new].argmax(axis=1)]
            lots = self.dealt.flow[self.server[self.dealt.flow[:, 1]] >= 0, 0]
            frontier = np.unique(lots[(self.depth[lots] < 0) & self.inside[lots]])
            depth += 1

    def is_closed(self, level: Level) -> bool:
        """Whether what the spread leaves out of a level uses up the lots that it leaves out."""
        grid, rate = self.dealt.grid, _rate(level)
        own = level.own[self.server[level.own] < 0]
        carried = level.carried[self.server[level.carried] < 0]
        lots = level.sources[self.depth[level.sources] < 0]
        share = Fraction(sum(grid.demand[carried].tolist()))
        for weight in np.unique(grid.weight[own]).tolist():
            asked = sum(grid.demand[own[grid.weight[own] == weight]].tolist())
            share += asked * min(Fraction(1), weight * rate)
        held: int = sum(grid.supply[lots].tolist())
        return share == held

    def handed_on(self, loads: dict[int, list[Batch]]) -> Iterator[tuple[int, list[Batch]]]:
        """Yield, for each lot that needs pieces, what it can be freed of, and for whom.

        A lot is freed by one that came before it and serves needs in its stead.
        """
        waiting = {source: list(load) for source, load in loads.items()}
        for source in np.argsort(-self.depth, kind="stable").tolist():
            load = waiting.get(source, [])
            if self.depth[source] <= 0 or not load:
                continue
            before = np.flatnonzero((self.depth >= 0) & (self.depth < self.depth[source]))
            given = self.dealt.flow[self.dealt.flow[:, 0] == source]
            reach = self.dealt.allowed[np.ix_(given[:, 1], before)]
            freed = given[:, 2] @ reach
            place = int(freed.argmax())
            yield int(freed[place]), merged(load)
            waiting.setdefault(int(before[place]), []).extend(load)


def round_number(units: int) -> int:
    """Return the largest of 1, 2, 5, 10, 20, 50, ... that is not above so many, at least 1."""
    power = 10 ** (len(str(max(1, units))) - 1)
    steps: list[int] = [step * power for step in (1, 2, 5) if step * power <= max(1, units)]
    return max(steps)


def _rate(level: Level) -> Fraction:
    assert level.rate is not None, "only fair levels rise"
    return level.rate


def _fraction(name: str, value: Fraction) -> dict[str, int]:
    return {f"{name}_numerator": value.numerator, f"{name}_denominator": value.denominator}
