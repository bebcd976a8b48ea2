"""One component of items as arrays: who may serve whom, and at what cost. NumPy only.

A grid stands alone: it goes to another process, or another machine, as bytes. Needs are rows and
sources columns throughout, so a nation's item is one dense matrix of costs.
"""

from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.arrays import pack, unpack
from optimizer.blocks import over
from optimizer.errors import ProblemError
from optimizer.rules import RULES, Block

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Costs = NDArray[np.int32] | NDArray[np.int64]

BLOCK_CELLS = 300_000  # of a block's arrays: some 2 MB each, so that several stay in the cache
LARGEST_ARC_COST = 2**60
LARGEST_MATRIX_BYTES = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Unreached:
    """Needs that no source may serve, and how many sources and units each rule kept from them.

    `sources` and `units` have the shape (needs, rules).
    """

    needs: Indices
    sources: Indices
    units: Indices


@dataclass(frozen=True, slots=True)
class Ways:
    """How far, how long and how dear it is from each origin to each destination.

    `lane` of shape (destinations, origins) indexes the lanes' own arrays, -1 where there is none;
    it is empty where no lanes are given. Roads join places: positions are metres, `roads` holds
    the detour in thousandths, metres a day and whether roads keep the cold, or nothing.
    """

    lane: NDArray[np.int32]
    transit: Indices
    metres: Indices
    extra_cost: Indices
    cold: Flags
    origin_xy: Indices
    origin_placed: Flags
    destination_xy: Indices
    destination_placed: Flags
    roads: Indices

    def block(self, destinations: Indices, origins: Indices) -> tuple[NDArray[Any], ...]:
        """Return, for each pair: is there a way, its metres, days, extra cost, is it cold."""
        shape = (len(destinations), len(origins))
        if len(self.roads):
            found, metres, days = self._by_road(destinations, origins)
            cold = np.full(shape, bool(self.roads[2]))
        else:
            found, cold = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
            metres, days = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        extra = np.zeros((1, 1), dtype=np.int64)
        if self.lane.size:
            lane = self.lane[np.ix_(destinations, origins)]
            given = lane >= 0
            found |= given
            metres = np.where(given, self.metres[lane], metres)
            days = np.where(given, self.transit[lane], days)
            cold = np.where(given, self.cold[lane], cold)
            extra = np.where(given, self.extra_cost[lane], 0)
        return found, metres, days, extra, cold

    def pairs(self, destination: Indices, origin: Indices) -> tuple[Indices, Indices, Indices]:
        """Return metres, days and extra cost from each origin to the destination beside it.

        There is a way between them.
        """
        metres = days = extra = np.zeros(len(origin), dtype=np.int64)
        if len(self.roads):
            apart = (self.destination_xy[destination] - self.origin_xy[origin]) ** 2
            line = np.sqrt(apart.sum(axis=1).astype(np.float64)).astype(np.int64)
            metres = line * self.roads[0] // 1000
            days = (metres + self.roads[1] - 1) // self.roads[1]
        if self.lane.size:
            lane = self.lane[destination, origin]
            given = lane >= 0
            metres = np.where(given, self.metres[lane], metres)
            days = np.where(given, self.transit[lane], days)
            extra = np.where(given, self.extra_cost[lane], 0)
        return metres, days, extra

    def _by_road(self, destinations: Indices, origins: Indices) -> tuple[NDArray[Any], ...]:
        across = self.destination_xy[destinations, 0][:, None] - self.origin_xy[origins, 0]
        up = self.destination_xy[destinations, 1][:, None] - self.origin_xy[origins, 1]
        # Squares stay below 2^53 and IEEE square roots are rounded correctly: this floor is exact.
        line = np.sqrt((across * across + up * up).astype(np.float64)).astype(np.int64)
        metres = line * self.roads[0] // 1000
        found = self.destination_placed[destinations][:, None] & self.origin_placed[origins]
        return found, metres, (metres + self.roads[1] - 1) // self.roads[1]


@dataclass(frozen=True, slots=True)
class Grid:
    """A component: `need` and `source` are its parts' positions in the sorted problem.

    Needs: `demand` (units), `tier`, `weight`, `place` in the order of posting, `need_by` and
    `min_shelf` (days), `destination` in the ways, `zone`, `carries` (needs, tokens) and `rank`
    (needs, items), NO_TOKEN for what is not accepted. Sources: `supply` (units), `depart` and
    `expiry` (days), `token`, `item` (column of `rank`), `cold`, `only_zone`, `origin`, `pieces` (in
    a unit). `banned` and `known` (last plan) list pairs (need, source). `prices` are micro-units a
    metre, a day late, a rank of substitution and a new pair, each for a piece; then come the
    horizon and whether to be fair, to weigh.
    """

    need: Indices
    demand: Indices
    tier: Indices
    weight: Indices
    place: Indices
    need_by: Indices
    min_shelf: Indices
    destination: Indices
    zone: Indices
    carries: Flags
    rank: Indices
    source: Indices
    supply: Indices
    depart: Indices
    expiry: Indices
    token: Indices
    item: Indices
    cold: Flags
    only_zone: Indices
    origin: Indices
    pieces: Indices
    banned: Indices
    known: Indices
    prices: Indices
    ways: Ways
    items: tuple[str, ...]

    @property
    def where(self) -> str:
        return " and ".join(self.items)

    @property
    def horizon(self) -> int:
        return int(self.prices[4])

    def is_fair(self) -> bool:
        return bool(self.prices[5])

    def blocks(self) -> Iterator[slice]:
        """Yield ranges of needs small enough to be worked on at once."""
        step = max(1, BLOCK_CELLS // max(1, len(self.source)))
        for start in range(0, len(self.need), step):
            yield slice(start, start + step)

    def block(self, rows: slice) -> Block:
        """Return what the rules look at, for a range of needs against all sources."""
        return self._block(rows)[0]

    def costs(self) -> Costs:
        """Return the cost of every pair in micro-units, FORBIDDEN of its type where not allowed."""
        dtype = np.int32 if self.dearest() < np.iinfo(np.int32).max else np.int64
        size = len(self.need) * len(self.source) * np.dtype(dtype).itemsize
        if size > LARGEST_MATRIX_BYTES:
            message = f"{len(self.need)} needs by {len(self.source)} sources; split the item"
            raise ProblemError("too_large", self.where, message)
        result: Any = np.empty((len(self.need), len(self.source)), dtype=dtype)

        def fill(rows: slice) -> None:
            block, cost = self._block(rows)
            allowed = np.ones((1, 1), dtype=np.bool_)
            for rule in RULES:
                allowed = allowed & rule.mask(block)
            result[rows] = np.where(allowed, cost, forbidden(result))

        over(list(self.blocks()), fill)
        costs: Costs = result
        return costs

    def dearest(self) -> int:
        """Return what no pair can cost more than; ProblemError if that is too much."""
        metre, late_day, substitute, new_pair, horizon = (int(each) for each in self.prices[:5])
        days = max(0, horizon - int(self.need_by.min(initial=horizon)))
        worst = metre * self._farthest() + int(self.ways.extra_cost.max(initial=0))
        worst += late_day * days + substitute * max(0, int(self.rank.max(initial=0))) + new_pair
        worst *= int(self.pieces.max(initial=1))
        if worst > LARGEST_ARC_COST:
            raise ProblemError(
                "cost_too_large",
                "policy",
                f"a piece of {self.where} could cost {worst} micro-units, above "
                f"{LARGEST_ARC_COST}; lower the weights",
            )
        return worst

    def _farthest(self) -> int:
        metres = int(self.ways.metres.max(initial=0))
        if not len(self.ways.roads) or not len(self.need) or not len(self.source):
            return metres
        ends = np.concatenate([self.ways.origin_xy, self.ways.destination_xy])
        across, up = (int(each) for each in ends.max(axis=0) - ends.min(axis=0))
        return max(metres, (across + up) * int(self.ways.roads[0]) // 1000)

    def _block(self, rows: slice) -> tuple[Block, Indices]:
        metre, late_day, substitute, new_pair, horizon = (int(each) for each in self.prices[:5])
        found, metres, days, extra, cold_way = self.ways.block(self.destination[rows], self.origin)
        arrive = self.depart + days
        rank = self.rank[rows][:, self.item]
        cost = metres * metre
        cost += extra
        if late_day:
            # A pair beyond the horizon is refused, and its lateness must not overflow until it is.
            late = np.minimum(arrive, horizon) - self.need_by[rows, None]
            cost += np.maximum(late, 0) * late_day
        if substitute and rank.shape[1] and int(self.rank.max(initial=0)) > 0:
            cost += np.maximum(rank, 0) * substitute
        if new_pair:
            cost += new_pair * ~self._pairs(self.known, rows)
        if int(self.pieces.max(initial=1)) > 1:
            cost *= self.pieces
        return Block(
            rank=rank,
            has_lane=found.astype(np.bool_, copy=False),
            cold_lane=cold_way.astype(np.bool_, copy=False),
            arrive=arrive,
            banned=self._pairs(self.banned, rows),
            min_shelf=self.min_shelf[rows, None],
            carries=self.carries[rows],
            zone=self.zone[rows, None],
            expiry=self.expiry[None, :],
            token=self.token[None, :],
            cold=self.cold[None, :],
            only_zone=self.only_zone[None, :],
            horizon=horizon,
        ), cost

    def _pairs(self, pairs: Indices, rows: slice) -> Flags:
        stop = min(rows.stop, len(self.need))
        inside = pairs[(pairs[:, 0] >= rows.start) & (pairs[:, 0] < stop)]
        flags = np.zeros((stop - rows.start, len(self.source)), dtype=np.bool_)
        flags[inside[:, 0] - rows.start, inside[:, 1]] = True
        return flags

    def unreached(self, needs: Indices) -> "Unreached":
        """Return what kept each source from these needs; `needs` are those that none may serve.

        A pair counts for the first rule that refuses it.
        """
        sources = np.zeros((len(needs), len(RULES)), dtype=np.int64)
        units = np.zeros((len(needs), len(RULES)), dtype=np.int64)
        for row, need in enumerate(needs.tolist()):
            block, _ = self._block(slice(need, need + 1))
            allowed = np.ones((1, len(self.source)), dtype=np.bool_)
            for column, rule in enumerate(RULES):
                kept = allowed & rule.mask(block)
                stopped = (allowed ^ kept)[0]
                sources[row, column] = stopped.sum()
                units[row, column] = self.supply[stopped].sum()
                allowed = kept
        return Unreached(needs, sources, units)

    def encode(self, seed: int = 0) -> bytes:
        """Return the grid and the seed for ties as bytes that `decode` reads, without pickle.

        Parts are numbered from 0 there, so that grids that are alike have the same bytes.
        """
        parts = {f"grid.{each.name}": getattr(self, each.name) for each in _arrays(Grid)}
        parts |= {
            f"grid.{name}": np.arange(len(getattr(self, name))) for name in ("need", "source")
        }
        parts |= {f"ways.{each.name}": getattr(self.ways, each.name) for each in _arrays(Ways)}
        return pack({"items": np.array(self.items), "seed": seed, **parts})

    @classmethod
    def decode(cls, content: bytes) -> tuple["Grid", int]:
        parts = unpack(content)
        ways = Ways(**{each.name: parts[f"ways.{each.name}"] for each in _arrays(Ways)})
        arrays = {each.name: parts[f"grid.{each.name}"] for each in _arrays(Grid)}
        items = tuple(str(each) for each in parts["items"])
        return cls(**arrays, ways=ways, items=items), int(parts["seed"])


def _arrays(kind: type) -> list[Field[Any]]:
    return [each for each in fields(kind) if each.name not in {"ways", "items"}]


def forbidden(costs: Costs) -> int:
    """Return the value that marks a pair which the rules don't allow."""
    return int(np.iinfo(costs.dtype).max)
