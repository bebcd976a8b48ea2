"""What would let a lot serve a need that none may serve now: one limit to be lifted. NumPy only.

Only limits are told whose lifting alone opens something: what fails two of them is not opened by
one. Pieces are counted of all that it would open, so that the figure can be held against the rules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from optimizer.grid import Grid
from optimizer.parts import Need, Source
from optimizer.problem import Problem
from optimizer.remedy import Remedy
from optimizer.rules import RULES, AcceptedItem, LaneExists, ShelfLife, WithinHorizon

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Key = TypeVar("Key")

MOST_OPENINGS = 3
NO_LANE = LaneExists.code
TIMELY = {WithinHorizon.code, ShelfLife.code}


@dataclass(frozen=True, slots=True)
class _View:
    """One need against a component's sources: which rules each fails, and the days that count."""

    need: Need
    failed: Flags
    arrive: Indices
    depart: Indices
    expiry: Indices
    pieces: NDArray[np.object_]

    def only(self, code: str) -> Indices:
        """Return the sources that fail this rule and no other."""
        row = _ROW[code]
        return np.flatnonzero(self.failed[row] & (self.failed.sum(axis=0) == 1))

    def passes_all_but(self, codes: set[str]) -> Flags:
        others = [row for code, row in _ROW.items() if code not in codes]
        return np.asarray(~self.failed[others].any(axis=0), dtype=np.bool_)

    def count(self, sources: Indices) -> int:
        return int(sum(self.pieces[sources].tolist()))


_ROW = {rule.code: row for row, rule in enumerate(RULES)}


class Openings:
    """The openings of a component's needs; `unit_pieces` are the pieces in each source's unit."""

    def __init__(
        self,
        problem: Problem,
        grid: Grid,
        sources: Sequence[Source],
        needs: Sequence[Need],
        unit_pieces: Sequence[int],
    ) -> None:
        self.problem, self.grid, self.sources, self.needs = problem, grid, sources, needs
        units = np.array(unit_pieces, dtype=object)
        self.pieces = grid.supply.astype(object) * units
        self.site = np.array([source.site for source in sources], dtype=object)
        self.earmark = np.array([source.earmark for source in sources], dtype=object)

    def remedies(self, row: int) -> tuple[Remedy, ...]:
        """Return up to three openings for the need in this row, the nearest to possible first."""
        view = self._view(row)
        if not view.passes_all_but(set(_ROW) - {AcceptedItem.code}).any():
            return (Remedy("any_lot", {"item": view.need.item, "site": view.need.site}),)
        found = list(self._each(view))[:MOST_OPENINGS]
        if found:
            return tuple(found)
        return (Remedy("other_lot", {"item": view.need.item, "site": view.need.site}),)

    def _view(self, row: int) -> _View:
        block = self.grid.block(slice(row, row + 1))
        width = (1, len(self.sources))
        failed = [~np.broadcast_to(rule.mask(block), width)[0] for rule in RULES]
        return _View(
            self.needs[row],
            np.stack(failed),
            np.broadcast_to(block.arrive, width)[0],
            self.grid.depart,
            np.broadcast_to(block.expiry, width)[0],
            self.pieces,
        )

    def _each(self, view: _View) -> Iterator[Remedy]:
        yield from self._corridor(view)
        yield from self._ban(view)
        yield from self._earmark(view)
        yield from self._shelf_life(view)
        yield from self._horizon(view)
        yield from self._faster_lane(view)
        yield from self._cold_lane(view)
        yield from self._lane(view)

    def _corridor(self, view: _View) -> Iterator[Remedy]:
        """Lots kept for the lanes to other zones: tell the corridor and the day they leave on."""
        to_zone = self.problem.zone(view.need.site)
        keys = [
            (self.problem.zone(self.sources[each].site), int(view.depart[each]), each)
            for each in view.only("lane_full").tolist()
        ]
        pieces: dict[tuple[str, int], int] = {}
        for zone, day, each in keys:
            pieces[zone, day] = pieces.get((zone, day), 0) + int(view.pieces[each])
        yield from wider_corridors(pieces, to_zone)

    def _ban(self, view: _View) -> Iterator[Remedy]:
        """Tell the ban whose lifting opens the most; what two bans forbid is opened by neither."""
        pieces: dict[tuple[str | None, str | None], int] = {}
        why = {(ban.source_id, ban.need_id): ban.why for ban in self.problem.bans}
        for each in view.only("banned").tolist():
            source, need = self.sources[each].id, view.need.id
            bans = [pair for pair in ((source, need), (source, None), (None, need)) if pair in why]
            if len(bans) == 1:
                pieces[bans[0]] = pieces.get(bans[0], 0) + int(view.pieces[each])
        for ban in _largest(pieces):
            yield Remedy("lift_ban", {"why": why[ban], "pieces": pieces[ban]})

    def _earmark(self, view: _View) -> Iterator[Remedy]:
        pieces: dict[str, int] = {}
        for each in view.only("earmarked_elsewhere").tolist():
            token = str(self.earmark[each])
            pieces[token] = pieces.get(token, 0) + int(view.pieces[each])
        for token in _largest(pieces):
            figures = {"pieces": pieces[token], "earmarks": len(pieces)}
            yield Remedy("release_earmark", {"earmark": token, **figures})

    def _shelf_life(self, view: _View) -> Iterator[Remedy]:
        """Ask for less shelf life, where anything is left of it on arrival."""
        lots = view.only(ShelfLife.code)
        lots = lots[view.expiry[lots] > view.arrive[lots]]
        if not len(lots):
            return
        short = view.arrive[lots] + view.need.min_shelf_days_on_arrival + 1 - view.expiry[lots]
        days = int(short.min())
        params = {"days": days, "pieces": view.count(lots[short <= days])}
        yield Remedy("less_shelf_life", params)

    def _horizon(self, view: _View) -> Iterator[Remedy]:
        lots = view.only(WithinHorizon.code)
        if len(lots):
            over = view.arrive[lots] - self.problem.horizon_days
            days = int(over.min())
            yield Remedy("later_horizon", {"days": days, "pieces": view.count(lots[over <= days])})

    def _faster_lane(self, view: _View) -> Iterator[Remedy]:
        """Tell the site from which the least time has to be saved."""
        lots = np.flatnonzero(view.passes_all_but(TIMELY))
        lots = lots[view.failed[:, lots].any(axis=0)]
        late = np.maximum(
            view.arrive[lots] - self.problem.horizon_days,
            view.arrive[lots] + view.need.min_shelf_days_on_arrival + 1 - view.expiry[lots],
        )
        possible = late <= view.arrive[lots] - view.depart[lots]
        lots, late = lots[possible], late[possible]
        if not len(lots):
            return
        days = int(late.min())
        sites = self._by_site(view, lots[late <= days])
        site = _largest(sites)[0]
        yield Remedy("faster_lane", {"origin": site, "days": days, "pieces": sites[site]})

    def _cold_lane(self, view: _View) -> Iterator[Remedy]:
        sites = self._by_site(view, view.only("cold_chain"))
        for site in _largest(sites):
            yield Remedy("cold_lane", {"origin": site, "pieces": sites[site]})

    def _lane(self, view: _View) -> Iterator[Remedy]:
        """Tell the site with the most to send, and the days that a lane from it may take."""
        lots = np.flatnonzero(view.failed[_ROW[NO_LANE]])
        lots = lots[view.passes_all_but({NO_LANE, "cold_chain", *TIMELY})[lots]]
        latest = np.minimum(
            self.problem.horizon_days,
            view.expiry[lots] - view.need.min_shelf_days_on_arrival - 1,
        )
        days = latest - view.depart[lots]
        lots, days = lots[days >= 0], days[days >= 0]
        sites = self._by_site(view, lots)
        for site in _largest(sites):
            most = int(days[self.site[lots] == site].min())
            cold = any(
                self.problem.item(self.sources[each].item).cold
                for each in lots[self.site[lots] == site].tolist()
            )
            code = "new_cold_lane" if cold else "new_lane"
            figures = {"days": most, "pieces": sites[site], "sites": len(sites)}
            yield Remedy(code, {"origin": site, **figures})

    def _by_site(self, view: _View, lots: Indices) -> dict[str, int]:
        sites: dict[str, int] = {}
        for each in lots.tolist():
            site = str(self.site[each])
            sites[site] = sites.get(site, 0) + int(view.pieces[each])
        return sites


def wider_corridors(pieces: dict[tuple[str, int], int], to_zone: str) -> tuple[Remedy, ...]:
    """Return the corridor and day of departure with the most pieces to bring there, or nothing."""
    return tuple(
        Remedy(
            "wider_corridor",
            {
                "origin_zone": zone,
                "destination_zone": to_zone,
                "day": day,
                "pieces": pieces[zone, day],
            },
        )
        for zone, day in _largest(pieces)
    )


def _largest(pieces: dict[Key, int]) -> list[Key]:
    """Return the key with the most pieces, the first by name among equals, or nothing."""
    return sorted(pieces, key=lambda key: (-pieces[key], str(key)))[:1]
