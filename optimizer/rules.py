"""The hard limits on who may serve whom: one class a rule.

Each rule says the same thing twice: `allows` for one source and one need, to explain and to check
one allocation; `mask` for a block of sources and needs at once, to build a nation's arcs quickly.
The tests hold the two against each other. A new rule is one class here and its place in `RULES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from optimizer.parts import Lane, Need, Source
from optimizer.problem import Problem

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEVER = 2**31
"""The expiry day of what never expires: later than any sum of valid days."""

NO_TOKEN = -1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a source may not serve a need: the rule's code and its figures."""

    code: str
    params: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """Needs (rows) against sources (columns), as arrays of whole days and of numbered names.

    `rank`, `has_lane`, `cold_lane`, `arrive` and `banned` have the shape (rows, columns) or may be
    broadcast to it; `arrive` means nothing without a lane. `rank` is the place of the source's item
    with the need, NO_TOKEN where it is not accepted. What a need brings has the shape (rows, 1),
    what a source brings (1, columns). `token` numbers the columns of `carries`, of shape (rows,
    tokens), or is NO_TOKEN; `only_zone` is NO_TOKEN or the one `zone` that the source serves.
    """

    rank: Indices
    has_lane: Flags
    cold_lane: Flags
    arrive: Indices
    banned: Flags
    min_shelf: Indices
    carries: Flags
    zone: Indices
    expiry: Indices
    token: Indices
    cold: Flags
    only_zone: Indices
    horizon: int


class Rule(Protocol):
    """A hard limit. `code` names the refusal; a pair is refused by the first rule that does."""

    code: str

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None: ...

    def mask(self, block: Block) -> Flags: ...


def preference(item: str, need: Need) -> int | None:
    """Return 0 for the need's own item, 1 for its first substitute, ..., None if not accepted."""
    if item == need.item:
        return 0
    return need.accepts.index(item) + 1 if item in need.accepts else None


def depart_day(source: Source) -> int:
    return max(0, source.ready_day)


def arrive_day(source: Source, lane: Lane) -> int:
    return depart_day(source) + lane.transit_days


class AcceptedItem:
    """The lot is of the need's item, or of a substitute that it accepts."""

    code = "no_supply"

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None:
        del lane, problem
        accepted = preference(source.item, need) is not None
        return None if accepted else Refusal(self.code, {"item": source.item})

    def mask(self, block: Block) -> Flags:
        accepted: Flags = block.rank != NO_TOKEN
        return accepted


class LaneExists:
    """There is a lane from the lot's site to the need's."""

    code = "no_lane"

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None:
        del problem
        if lane is not None:
            return None
        return Refusal(self.code, {"origin": source.site, "destination": need.site})

    def mask(self, block: Block) -> Flags:
        return block.has_lane


class WithinHorizon:
    """The lot arrives by the last day of the horizon."""

    code = "too_late"

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None:
        del need
        if lane is None or arrive_day(source, lane) <= problem.horizon_days:
            return None
        return Refusal(self.code, {"arrive_day": arrive_day(source, lane)})

    def mask(self, block: Block) -> Flags:
        return block.arrive <= block.horizon


class ShelfLife:
    """On arrival the lot has more than the least shelf life that the need asks for."""

    code = "expires_on_arrival"

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None:
        del problem
        if lane is None or source.expiry_day is None:
            return None
        if source.expiry_day > arrive_day(source, lane) + need.min_shelf_days_on_arrival:
            return None
        return Refusal(self.code, {"expiry_day": source.expiry_day})

    def mask(self, block: Block) -> Flags:
        return block.expiry > block.arrive + block.min_shelf


class Earmark:
    """An earmarked lot goes only to needs that carry its token."""

    code = "earmarked_elsewhere"

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None:
        del lane, problem
        if source.earmark is None or source.earmark in need.earmarks:
            return None
        return Refusal(self.code, {"earmark": source.earmark})

    def mask(self, block: Block) -> Flags:
        free = block.token == NO_TOKEN
        allowed: Flags = free | block.carries[:, np.where(free, 0, block.token)[0]]
        return allowed


class ColdChain:
    """What must be kept cold goes only by ways that keep it so."""

    code = "cold_chain"

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None:
        del need
        if lane is None or lane.cold or not problem.item(source.item).cold:
            return None
        return Refusal(self.code, {"item": source.item})

    def mask(self, block: Block) -> Flags:
        return block.cold_lane | ~block.cold


class OpenLane:
    """A lot that is kept for the lanes to one zone goes to that zone alone."""

    code = "lane_full"

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None:
        del lane
        if source.only_zone is None or source.only_zone == problem.zone(need.site):
            return None
        return Refusal(self.code, {"zone": source.only_zone})

    def mask(self, block: Block) -> Flags:
        open_to: Flags = (block.only_zone == NO_TOKEN) | (block.only_zone == block.zone)
        return open_to


class NotBanned:
    """Nobody has decided by hand that this lot must not serve this need."""

    code = "banned"

    def allows(
        self, source: Source, need: Need, lane: Lane | None, problem: Problem
    ) -> Refusal | None:
        del lane
        banned = problem.is_banned(source.id, need.id)
        return Refusal(self.code, {"source": source.id}) if banned else None

    def mask(self, block: Block) -> Flags:
        return ~block.banned


RULES: tuple[Rule, ...] = (
    AcceptedItem(),
    LaneExists(),
    ColdChain(),
    WithinHorizon(),
    ShelfLife(),
    Earmark(),
    NotBanned(),
    OpenLane(),
)
"""In the order in which they refuse: what stands later was nearer to being possible."""


def refusal(source: Source, need: Need, lane: Lane | None, problem: Problem) -> Refusal | None:
    """Return the first rule's refusal, or None if this source may serve this need."""
    for rule in RULES:
        refused = rule.allows(source, need, lane, problem)
        if refused is not None:
            return refused
    return None
