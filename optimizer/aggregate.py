"""A component drawn together: what leaves which zone on which day for where, and who wants it.

Sources of one site that may serve the same needs are a *group*: alike in item, earmark, ready day
and freshness on arrival. Zones fall into cells, and the needs of a cell that may be served by the
same are a *class*: alike in tier, need-by day, shelf life, earmarks and items accepted. Costs are
means over some needs of a cell. So the numbers here are estimates: good for sharing out, no proof.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.grid import Grid
from optimizer.lanes import NO_CORRIDOR, Lanes
from optimizer.rules import NEVER, NO_TOKEN

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

SAMPLE = 16  # needs of a cell that stand for all where distances are taken
WIDTHS = (0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.6, 2.2, 3.2)  # of a cell, in days
LARGEST_PROGRAM = 1_500_000  # pairs of source and cell
LANDMARKS = 8  # sites by whose distance cells are told apart where no roads are given
FAR = 1e4  # days, where no way leads


@dataclass(frozen=True, slots=True)
class Outline:
    """A component's sources and needs, drawn together.

    Sources: `supply`, and the `group` of each. Groups: `kind`, `ready` day, `origin` zone, `size`
    (ml and g of a unit); `reach`, `cost`, `soonest` and `usual` of shape (groups, cells) say
    whether, at what cost and in how many days, at best and on average, a group gets to a cell;
    `fresh` of shape (groups, days) is for how many of the asked-for shelf lives, from the shortest
    on, what arrives is fresh enough. Kinds: `accepted` of shape (kinds, classes), NO_TOKEN or the
    substitute's rank. Cells: `cell_zone`. Classes: `cell`, `tier`, `need_by`, `shelf` among those
    asked for, and `demand` in units.
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


def outline(grid: Grid, lanes: Lanes, supply: Indices, demand: Indices, width: float) -> Outline:
    """Return the component drawn together, with what is left of its supply and demand.

    A cell is no wider than what a lorry goes in `width` days.
    """
    cell, cell_zone = _cells(_needs_at(grid), lanes.need_zone[grid.need], demand > 0, width)
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
    )


def fitting_width(grids: Sequence[Grid], lanes: Lanes) -> float:
    """Return how wide cells are to be, so that the whole program stays within bounds.

    Narrow cells tell more truly what reaches whom in time. The largest component stands for all.
    """
    largest = max(grids, key=lambda grid: len(grid.need))
    zone, everybody = lanes.need_zone[largest.need], np.ones(len(largest.need), dtype=np.bool_)
    at, sources = _needs_at(largest), sum(len(grid.source) for grid in grids)
    for width in WIDTHS:
        if sources * len(_cells(at, zone, everybody, width)[1]) <= LARGEST_PROGRAM:
            return width
    return WIDTHS[-1]


def _needs_at(grid: Grid) -> Floats:
    """Return the needs' positions in days of travel, in as many dimensions as it takes."""
    ways = grid.ways
    if len(ways.roads):
        scale = float(ways.roads[0]) / 1000 / float(ways.roads[1])
        return ways.destination_xy[grid.destination].astype(np.float64) * scale
    chosen = _landmarks(len(ways.origin_xy))
    found, _, days, _, _ = ways.block(np.arange(len(ways.destination_xy)), chosen)
    far: Floats = np.where(found, days, FAR).astype(np.float64)[grid.destination]
    return far


def _landmarks(count: int) -> Indices:
    return np.unique(np.linspace(0, max(0, count - 1), min(LANDMARKS, count)).astype(np.int64))


def _cells(at: Floats, zone: Indices, counts: Flags, width: float) -> tuple[Indices, Indices]:
    """Return the cell of each place, and the zone of each cell.

    A zone is halved along its longest side until what counts in each part lies together.
    """
    cell = np.zeros(len(zone), dtype=np.int64)
    zones: list[int] = []
    for each in np.unique(zone).tolist():
        parts = [np.flatnonzero(zone == each)]
        while parts:
            part = parts.pop()
            inside = part[counts[part]]
            spread = np.ptp(at[inside], axis=0) if len(inside) > 1 else np.zeros(1)
            side = int(np.argmax(spread)) if len(spread) else 0
            if not len(spread) or spread[side] <= width:
                cell[part] = len(zones)
                zones.append(each)
                continue
            middle = (at[inside, side].max() + at[inside, side].min()) / 2
            below = at[part, side] <= middle
            parts += [part[below], part[~below]]
    return cell, np.array(zones, dtype=np.int64)


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
