"""What would change each need's result, computed from the problem and the plan's proof.

`remedies(problem, plan)` asks no solver. For needs that are short because pools are used up, it is
`shortages.py`; for needs that no lot may serve, `openings.py`; from how far new supply would be in
time, `in_time.py`. Here is the rest: what the policy leaves out, and what is late or a substitute.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.derive import derive
from optimizer.in_time import IN_TIME, InTime
from optimizer.lane_shares import Share, in_shares
from optimizer.openings import Openings, wider_corridors
from optimizer.parts import Ban, Need, Source
from optimizer.pins import Line
from optimizer.plan import NeedOutcome, Plan
from optimizer.problem import Problem
from optimizer.remedy import Remedy
from optimizer.shortages import Dealt, Shortages, levels
from optimizer.tables import Component, Tables, components

__all__ = ["Remedy", "remedies"]

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Found = dict[str, tuple[Remedy, ...]]


def remedies(
    problem: Problem,
    plan: Plan,
    need_ids: Collection[str] | None = None,
    pieces: int | None = None,
) -> dict[str, tuple[Remedy, ...]]:
    """Return what would change the result of these needs, or of all; nothing where all is well.

    `pieces` says how many more to tell the effect of; otherwise it is a round number near a tenth
    of what is short.

    The plan must be a feasible one of this problem, as `check` verifies. Where it carries a
    certificate, what more supply would do follows from that; without one, a need that some lot may
    serve is told only from how far away new supply would be in time.
    """
    wanted = None if need_ids is None else set(need_ids)
    outcomes = {
        each.need_id: each for each in plan.outcomes if wanted is None or each.need_id in wanted
    }
    short = {name for name, each in outcomes.items() if each.allocated < each.requested}
    found = _Short(problem, plan, short, pieces).found if short else {}
    late = _late_days(problem, plan)
    in_time = InTime(problem)
    return {
        need.id: tuple(_all(need, outcomes[need.id], found, late.get(need.id, 0), in_time))
        for need in problem.needs
        if need.id in outcomes
    }


def _all(
    need: Need, outcome: NeedOutcome, found: Found, late_days: int, in_time: InTime
) -> Iterator[Remedy]:
    yield from found.get(need.id, ())
    reach = in_time.reach(need)
    if outcome.late:
        yield Remedy("wait_longer", {"days": late_days, "pieces": outcome.late})
    if reach.code in IN_TIME:
        if outcome.late:
            yield Remedy("sooner_supply", {"item": need.item, "pieces": outcome.late})
        if outcome.substituted:
            yield Remedy("own_item", {"item": need.item, "pieces": outcome.substituted})
    by_supply = outcome.late or outcome.substituted or outcome.allocated < outcome.requested
    if by_supply and not any(each.code.startswith("ask_") for each in found.get(need.id, ())):
        yield reach


def _late_days(problem: Problem, plan: Plan) -> dict[str, int]:
    """Return by how many days the last of what each need gets is late."""
    due = {need.id: need.need_by_day for need in problem.needs}
    days: dict[str, int] = defaultdict(int)
    for each in plan.allocations:
        days[each.need_id] = max(days[each.need_id], each.arrive_day - due[each.need_id])
    return days


@dataclass(frozen=True, slots=True)
class _Part:
    """A component of a problem with what the plan dealt out in it; `wanted` marks needs to tell."""

    sources: Sequence[Source]
    needs: Sequence[Need]
    unit_pieces: Sequence[int]
    dealt: Dealt
    wanted: Flags

    @property
    def closed(self) -> Flags:
        """Mark the needs that no source may serve."""
        return np.asarray(~self.dealt.allowed.any(axis=1), dtype=np.bool_)


class _Short:
    """What would give more to needs that are short, by need.

    The certificate speaks of `solved`: the plain problem, or, with shared lanes, the one in which
    each share of a lane is a lot.
    """

    def __init__(self, problem: Problem, plan: Plan, short: set[str], pieces: int | None) -> None:
        self.derived, self.plan, self.short, self.pieces = derive(problem), plan, short, pieces
        self.plain = self.solved = self.derived.problem
        self.pools = plan.certificate.pools if plan.certificate else ()
        lanes = plan.certificate.lanes if plan.certificate else None
        self.share_of: dict[str, Share] = {}
        if lanes is not None:
            self.solved = in_shares(self.plain, lanes.shares)
            pairs = zip(self.solved.sources, lanes.shares, strict=True)
            self.share_of = {source.id: share for source, share in pairs}
        self.found: Found = {}
        self._by_policy(problem)
        lines, _ = self.derived.lower(
            Line(each.source_id, each.need_id, each.quantity, each.depart_day)
            for each in plan.allocations
        )
        for part in self._parts(self.plain, lines):
            self._closed(part)
            if lanes is not None:
                self._room(part)
            else:
                self._more_supply(part)
        if lanes is not None:
            for part in self._parts(self.solved, self._by_share(lines)):
                self._more_supply(part)

    def _by_policy(self, problem: Problem) -> None:
        """Tell those who ask for less than the policy gives out what they would have to ask for.

        Nobody is told to ask for more than double, nor where no lot may serve what was asked for.
        """
        derived = self.derived
        of = {need.id: need for need in problem.needs} if derived.problem is not problem else {}
        asked: dict[str, tuple[str, int]] = {}
        for name in self.short & of.keys():
            if name in derived.left_out:
                params = derived.left_out[name].params
                least = params.get("least_pieces", params.get("pack_pieces", 0))
                code = "ask_least_drop" if "least_pieces" in params else "ask_whole_pack"
                asked[name] = code, int(least) - of[name].quantity
            elif derived.open_pieces.get(name):
                unit = derived.unit_pieces.get(of[name].item, 1)
                asked[name] = "ask_whole_pack", unit - derived.open_pieces[name]
        within = [of[name] for name, (_, pieces) in asked.items() if pieces <= of[name].quantity]
        for need in _servable(self.plain, problem.bans, within):
            code, pieces = asked[need.id]
            figures = {"pieces": pieces, "total_pieces": need.quantity + pieces}
            self.found[need.id] = (Remedy(code, figures),)

    def _by_share(self, lines: list[Line]) -> list[Line]:
        """Return the lines as drawn from the shares of lanes."""
        name = {(each.source_id, each.zone, each.day): of for of, each in self.share_of.items()}
        zone = {need.id: self.plain.zone(need.site) for need in self.plain.needs}
        return [
            each._replace(source_id=name[each.source_id, zone[each.need_id], each.depart_day])
            for each in lines
        ]

    def _parts(self, problem: Problem, lines: list[Line]) -> Iterator[_Part]:
        """Yield the components in which somebody is short."""
        tables = Tables(problem)
        rows = [(tables.source_row[a], tables.need_row[b], units) for a, b, units, _ in lines]
        flow = np.array(rows, dtype=np.int64).reshape(-1, 3)
        for component in components(problem):
            needs = [problem.needs[each] for each in component.needs]
            wanted = np.array([need.id in self.short for need in needs], dtype=np.bool_)
            if not wanted.any():
                continue
            sources = [problem.sources[each] for each in component.sources]
            dealt = Dealt.of(tables.grid(component), _inside(problem, component, flow))
            units = [self.derived.unit_pieces.get(source.item, 1) for source in sources]
            yield _Part(sources, needs, units, dealt, wanted)

    def _closed(self, part: _Part) -> None:
        grid = part.dealt.grid
        openings = Openings(self.plain, grid, part.sources, part.needs, part.unit_pieces)
        for row in np.flatnonzero(part.wanted & part.closed).tolist():
            self._add(part.needs[row], openings.remedies(row))

    def _more_supply(self, part: _Part) -> None:
        if not self.pools:
            return
        shortages = Shortages(
            part.dealt,
            levels(
                self.pools,
                {need.id: row for row, need in enumerate(part.needs)},
                {source.id: row for row, source in enumerate(part.sources)},
            ),
            [self._here(source) for source in part.sources],
            part.unit_pieces,
            self.pieces,
        )
        for rows, told in shortages.remedies(part.wanted & ~part.closed):
            for row in rows[part.wanted[rows]].tolist():
                self._add(part.needs[row], told)

    def _here(self, source: Source) -> dict[str, int | str]:
        """Return the figures that say where more is needed: a lot, or a share of lane and lot."""
        share = self.share_of.get(source.id)
        here: dict[str, int | str] = {"source": source.id, "site": source.site, "item": source.item}
        if share is None:
            return here
        zones = {"origin_zone": self.plain.zone(source.site), "destination_zone": share.zone}
        return here | zones | {"source": share.source_id, "day": share.day}

    def _room(self, part: _Part) -> None:
        """Tell on which corridor more room would let what is left over come."""
        grid = part.dealt.grid
        spent = np.zeros_like(grid.supply)
        np.add.at(spent, part.dealt.flow[:, 0], part.dealt.flow[:, 2])
        left = grid.supply - spent
        limited = {(each.origin_zone, each.destination_zone) for each in self.plain.corridors}
        zones = [self.plain.zone(source.site) for source in part.sources]
        known: dict[tuple[str, bytes], tuple[Remedy, ...]] = {}
        for row in np.flatnonzero(part.wanted & ~part.closed).tolist():
            lots = part.dealt.allowed[row] & (left > 0)
            zone = self.plain.zone(part.needs[row].site)
            key = (zone, lots.tobytes())
            if key not in known:
                pieces: dict[tuple[str, int], int] = {}
                for each in np.flatnonzero(lots).tolist():
                    if (zones[each], zone) in limited:
                        way = (zones[each], int(grid.depart[each]))
                        units = int(left[each]) * part.unit_pieces[each]
                        pieces[way] = pieces.get(way, 0) + units
                known[key] = wider_corridors(pieces, zone)
            self._add(part.needs[row], known[key])

    def _add(self, need: Need, told: tuple[Remedy, ...]) -> None:
        self.found[need.id] = self.found.get(need.id, ()) + told


def _servable(plain: Problem, bans: Sequence[Ban], needs: Sequence[Need]) -> Iterator[Need]:
    """Yield of these needs, which the policy may have left out, those that a lot may serve."""
    sources = {None, *(source.id for source in plain.sources)}
    names = {None, *(need.id for need in needs)}
    kept = tuple(ban for ban in bans if ban.source_id in sources and ban.need_id in names)
    problem = replace(plain, needs=tuple(needs), bans=kept, last=())
    tables, nothing = Tables(problem), np.zeros((0, 3), dtype=np.int64)
    for component in components(problem):
        allowed = Dealt.of(tables.grid(component), nothing).allowed.any(axis=1)
        yield from (problem.needs[component.needs[row]] for row in np.flatnonzero(allowed).tolist())


def _inside(problem: Problem, component: Component, flow: Indices) -> Indices:
    """Return the rows of the flow that lie in a component, by positions in that."""
    source = np.full(len(problem.sources), -1, dtype=np.int64)
    need = np.full(len(problem.needs), -1, dtype=np.int64)
    source[list(component.sources)] = np.arange(len(component.sources))
    need[list(component.needs)] = np.arange(len(component.needs))
    rows = flow[need[flow[:, 1]] >= 0]
    return np.stack([source[rows[:, 0]], need[rows[:, 1]], rows[:, 2]], axis=1)
