"""A component drawn together: what leaves which zone on which day for where, and who wants it.

Sources of one site that may serve the same needs are a *group*: alike in item, earmark, ready day
and freshness on arrival. Zones fall into cells, and the needs of a cell that may be served by the
same are a *class*: alike in tier, need-by day, shelf life, earmarks and items accepted. Costs are
means over some needs of a cell. So the numbers here are estimates: good for sharing out, no proof.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.cells import Cells
from optimizer.grid import Grid
from optimizer.lanes import NO_CORRIDOR, Lanes
from optimizer.rules import NEVER, NO_TOKEN

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

SAMPLE = 16  # needs of a cell that stand for all where distances are taken


@dataclass(frozen=True, slots=True)
class Outline:
    """A component's sources and needs, drawn together.

    Sources: `supply`, and the `group` of each. Groups: `kind`, `ready` day, `origin` zone, `size`
    (ml and g of a unit); `reach`, `cost`, `soonest` and `usual` of shape (groups, cells) say
    whether, at what cost and in how many days, at best and on average, a group gets to a cell;
    `fresh` of shape (groups, days) is for how many of the asked-for shelf lives, from the shortest
    on, what arrives is fresh enough. Kinds: `accepted` of shape (kinds, classes), NO_TOKEN or the
    substitute's rank. Cells: `cell_zone`. Classes: `cell`, `tier`, `need_by`, `shelf` among those
    asked for, and `demand` in units; `class_of` is each need's.
    """

    supply: Indices
    group: Indices
    kind: Indices
    ready: Indices
    origin: Indices
    size: Indices
    reach: Flags
    cost: Floats
    soonest: Indices
    usual: Indices
    fresh: Indices
    accepted: Indices
    cell_zone: Indices
    cell: Indices
    tier: Indices
    need_by: Indices
    shelf: Indices
    demand: Indices
    class_of: Indices


def outline(grid: Grid, lanes: Lanes, cells: Cells, supply: Indices, demand: Indices) -> Outline:
    """Return the component drawn together by cells, with what is left of its supply and demand."""
    cell, cell_zone = cells.of_need, cells.zone
    shelves, shelf = np.unique(grid.min_shelf, return_inverse=True)
    carried = np.packbits(grid.carries, axis=1)
    traits = np.column_stack([cell, grid.tier, grid.need_by, shelf, grid.rank, carried])
    first, class_of = _distinct(traits)
    kind_first, kind = _distinct(np.column_stack([grid.item, grid.token, grid.only_zone]))
    arrival = np.arange(lanes.days)
    fresh = np.searchsorted(shelves, grid.expiry[:, None] - arrival)
    items, tokens = grid.item[kind_first], grid.token[kind_first]
    accepted = grid.rank[first][:, items].T
    free = tokens == NO_TOKEN
    marked = grid.carries[first][:, np.where(free, 0, tokens)].T
    only = grid.only_zone[kind_first][:, None]
    allowed = (free[:, None] | marked) & ((only == NO_TOKEN) | (only == grid.zone[first]))
    usable = _usable(grid, supply)
    group_first, group = _distinct(np.column_stack([kind, grid.origin, grid.depart, fresh]))
    wanting = np.flatnonzero(demand > 0)
    reach, cost, soonest, usual = _ways(grid, group_first, cell, wanting, len(cell_zone))
    return Outline(
        supply=usable,
        group=group,
        kind=kind[group_first],
        ready=grid.depart[group_first],
        origin=lanes.source_zone[grid.source[group_first]],
        size=lanes.sizes[grid.source][group_first],
        reach=reach,
        cost=cost,
        soonest=soonest,
        usual=usual,
        fresh=fresh[group_first],
        accepted=np.where(allowed, accepted, NO_TOKEN),
        cell_zone=cell_zone,
        cell=cell[first],
        tier=grid.tier[first],
        need_by=grid.need_by[first],
        shelf=shelf[first],
        demand=_sums(class_of, demand, len(first)),
        class_of=class_of,
    )


def _usable(grid: Grid, supply: Indices) -> Indices:
    """Leave out lots that are banned from every need."""
    bans = np.bincount(grid.banned[:, 1], minlength=len(grid.source))
    return np.where(bans >= max(1, len(grid.need)), 0, supply)


def _ways(
    grid: Grid, sources: Indices, cell: Indices, needs: Indices, cells: int
) -> tuple[Flags, Floats, Indices, Indices]:
    """Return reach, mean cost, least and usual days of transit from these sources to each cell."""
    shape = (len(sources), cells)
    reach, cost = np.zeros(shape, dtype=np.bool_), np.zeros(shape)
    soonest, usual = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for each in np.unique(cell[needs]).tolist():
        inside = needs[cell[needs] == each]
        chosen = inside[np.linspace(0, len(inside) - 1, min(SAMPLE, len(inside))).astype(np.int64)]
        ends, starts = grid.destination[chosen], grid.origin[sources]
        found, metres, days, extra, cold = grid.ways.block(ends, starts)
        found = found & (cold | ~grid.cold[sources])
        count = np.maximum(found.sum(axis=0), 1)
        reach[:, each] = found.any(axis=0)
        price = (metres * grid.prices[0] + extra) * grid.pieces[sources]
        cost[:, each] = np.where(found, price, 0).sum(axis=0) / count
        soonest[:, each] = np.where(found, days, NEVER).min(axis=0)
        usual[:, each] = np.rint(np.where(found, days, 0).sum(axis=0) / count)
    return reach, cost, soonest, usual


def _distinct(traits: NDArray[Any]) -> tuple[Indices, Indices]:
    """Return the first row of each distinct kind, and the kind of each row."""
    rows = np.ascontiguousarray(traits.astype(np.int64))
    if not len(rows):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    keys = rows.view(np.dtype((np.void, rows.shape[1] * 8))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first, inverse


def _sums(key: Indices, units: Indices, size: int) -> Indices:
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, key, units)
    return sums


def limited(lanes: Lanes, origin: Indices, zone: Indices) -> Flags:
    """Return where corridors limit what goes from these zones to those."""
    result: Flags = lanes.corridor[np.ix_(origin, zone)] != NO_CORRIDOR
    return result
