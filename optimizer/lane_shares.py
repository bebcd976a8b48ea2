"""Shares of shared lanes, and the problem in which each share is a lot of its own. NumPy only.

A share keeps units of a source for one zone and one day of departure. Shares together overload no
corridor; so whatever is planned within them holds, and items need no longer know of one another.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.documents import decode_int, encode_int, need_list
from optimizer.errors import ProblemError
from optimizer.grid import Grid
from optimizer.lanes import Lanes, Overload, overloads, take
from optimizer.problem import Ban, Pair, Problem
from optimizer.rules import depart_day

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """Units of one source that leave for one zone on one day."""

    source_id: str
    zone: str
    day: int
    units: int


@dataclass(frozen=True, slots=True)
class Columns:
    """Shares as arrays: positions of source and zone, day and units."""

    source: Indices
    zone: Indices
    day: Indices
    units: Indices

    @classmethod
    def of(cls, problem: Problem, lanes: Lanes, shares: Sequence[Share]) -> "Columns":
        """Return the columns; KeyError if a share names a source or zone that doesn't exist."""
        source = {each.id: row for row, each in enumerate(problem.sources)}
        zone = {name: row for row, name in enumerate(lanes.zones)}
        table = [(source[s.source_id], zone[s.zone], s.day, s.units) for s in shares]
        return cls(*np.array(table, dtype=np.int64).reshape(-1, 4).T)

    def merged(self, other: "Columns", zones: int, days: int) -> "Columns":
        """Return both together, one share for each source, zone and day, in this order."""
        source, zone, day, units = (
            np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("source", "zone", "day", "units")
        )
        keys, row = np.unique((source * zones + zone) * days + day, return_inverse=True)
        total = np.zeros(len(keys), dtype=np.int64)
        np.add.at(total, row, units)
        keys, total = keys[total > 0], total[total > 0]
        return Columns(keys // days // zones, keys // days % zones, keys % days, total)

    def shares(self, problem: Problem, lanes: Lanes) -> tuple[Share, ...]:
        """Return the shares, sorted."""
        rows = zip(*(each.tolist() for each in (self.source, self.zone, self.day)), strict=True)
        return tuple(
            sorted(
                Share(problem.sources[source].id, lanes.zones[zone], day, units)
                for (source, zone, day), units in zip(rows, self.units.tolist(), strict=True)
            )
        )


def in_shares(problem: Problem, shares: Sequence[Share]) -> Problem:
    """Return the problem whose sources are the shares, in their order, without corridors.

    Source number n of the result is share number n. Its name is that number: names of the original
    sources may be as long as names can be, and are in the shares.
    """
    by_id = {source.id: source for source in problem.sources}
    width = len(str(len(shares)))
    names = defaultdict(list)
    sources = []
    for number, share in enumerate(shares):
        name = f"share {number:0{width}}"
        names[share.source_id].append(name)
        lot = by_id[share.source_id]
        sources.append(
            replace(lot, id=name, quantity=share.units, ready_day=share.day, only_zone=share.zone)
        )
    return replace(
        problem,
        sources=tuple(sources),
        corridors=(),
        bans=tuple(
            Ban(name, ban.need_id, ban.why)
            for ban in problem.bans
            for name in ([None] if ban.source_id is None else names[ban.source_id])
        ),
        last=tuple(
            Pair(name, need)
            for name, need in sorted(
                {
                    (name, pair.need_id)
                    for pair in problem.last
                    # A last plan that no share continues was a last plan all the same.
                    for name in names[pair.source_id] or ["no share"]
                }
            )
        ),
    )


def share_grids(lanes: Lanes, grids: Sequence[Grid], columns: Columns) -> Iterator[Grid]:
    """Yield the grids of `in_shares`, one for each component and zone: they share nothing.

    The shares are sorted as `Columns.merged` sorts them; `source` numbers them.
    """
    for grid in grids:
        row = np.full(len(lanes.source_zone), -1, dtype=np.int64)
        row[grid.source] = np.arange(len(grid.source))
        inside = np.flatnonzero(row[columns.source] >= 0)
        zone = lanes.need_zone[grid.need]
        for each in np.unique(zone).tolist():
            needs = np.flatnonzero(zone == each)
            shares = inside[columns.zone[inside] == each]
            part = take(grid, needs, row[columns.source[shares]], columns.day[shares])
            only = np.full(len(shares), int(grid.zone[needs[0]]), dtype=np.int64)
            yield replace(part, source=shares, supply=columns.units[shares], only_zone=only)


def share_faults(problem: Problem, shares: Sequence[Share]) -> list[tuple[str, str]]:
    """Return what is wrong with shares, each fault with what it is about.

    They must be sorted and distinct, of sources and zones that exist, leave no earlier than the
    source is ready and within the horizon, hold at least one unit, and together neither overdraw a
    source nor overload a corridor.
    """
    lanes = Lanes.of(problem)
    sources = {each.id: each for each in problem.sources}
    faults = []
    keys = [(each.source_id, each.zone, each.day) for each in shares]
    if any(one >= other for one, other in pairwise(keys)):
        faults.append(("shares", "must be sorted, one for each source, zone and day"))
    spent: dict[str, int] = defaultdict(int)
    for each in shares:
        lot = sources.get(each.source_id)
        if lot is None or each.zone not in lanes.zones:
            faults.append((each.source_id, f"no such source, or no zone {each.zone!r}"))
        elif each.units < 1 or not depart_day(lot) <= each.day < lanes.days:
            faults.append((each.source_id, f"can't send {each.units} on day {each.day}"))
        spent[each.source_id] += each.units
    if faults:
        return faults
    faults = [
        (name, f"has {sources[name].quantity}, its shares take {units}")
        for name, units in spent.items()
        if units > sources[name].quantity
    ]
    if faults:
        return faults
    columns = Columns.of(problem, lanes, shares)
    loads = lanes.loads(columns.source, columns.zone, columns.day, columns.units)
    return [say(problem, each) for each in overloads(lanes, loads)]


def say(problem: Problem, overload: Overload) -> tuple[str, str]:
    """Return which corridor is overloaded, and a sentence."""
    corridor = problem.corridors[overload.corridor]
    return (
        f"corridor from {corridor.origin_zone!r} to {corridor.destination_zone!r}",
        f"takes {overload.excess_ml} ml and {overload.excess_g} g too much on day {overload.day}",
    )


def shares_document(shares: Sequence[Share]) -> list[Any]:
    """Return shares as JSON-safe objects: source, zone, day and units of each."""
    return [[each.source_id, each.zone, each.day, encode_int(each.units)] for each in shares]


def shares_from_document(document: object) -> tuple[Share, ...]:
    """Read what `shares_document` wrote; ProblemError `bad_document` otherwise."""
    shares = []
    for row, each in enumerate(need_list(document, "shares")):
        where = f"shares[{row}]"
        parts = need_list(each, where)
        names = parts[:2]
        if len(parts) != 4 or not all(isinstance(name, str) for name in names):
            raise ProblemError("bad_document", where, "must be source, zone, day and units")
        day, units = (decode_int(part, where) for part in parts[2:])
        shares.append(Share(names[0], names[1], day, units))
    return tuple(shares)
