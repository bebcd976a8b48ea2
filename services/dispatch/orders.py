"""What people set by hand in a run: the policy, pins and bans. All of it goes into the snapshot."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from optimizer.parts import (
    LARGEST_COST_MICRO,
    LARGEST_QUANTITY,
    LARGEST_RATE_MICRO,
    Ban,
    Need,
    Pair,
    Pin,
    Source,
)
from optimizer.plan import Plan
from optimizer.policy import Policy
from optimizer.problem import Problem
from optimizer.rules import refusal
from services.dispatch.sources import read_source, source_name
from services.errors import InvalidInput
from services.web.http import Code, Input, Quantity, Text, example

MOST = 500

Why = Annotated[Text, Field(min_length=1, description="Why: it stands in the snapshot")]
_Cost = Annotated[int, Field(strict=True, ge=0, le=LARGEST_COST_MICRO)]


class PolicyIn(Input):
    """What a plan weighs once the priorities are settled. Costs are in micro-units.

    A micro-unit is what a piece costs for one metre by default, so 1,000,000 are 1,000 km.
    """

    model_config = example(fairness="max_min", stability_micro_per_piece=20_000)

    fairness: Annotated[
        Literal["max_min", "most_pieces", "weighted"],
        Field(
            description="max_min: needs of one priority get shares as equal as can be, the least "
            "served first. most_pieces: as many pieces as can be, to whom it is cheapest. "
            "weighted: shares by the needs' weights; refused for now, as requests carry no weights "
            "yet. All serve the same number of pieces."
        ),
    ] = "max_min"
    distance_micro_per_piece_m: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=LARGEST_RATE_MICRO,
            description="Micro-units for one piece going one metre.",
        ),
    ] = 1
    lateness_micro_per_piece_day: Annotated[
        _Cost,
        Field(
            description="Micro-units for one piece arriving one day after the day it is needed "
            "by. The default equals 500 km."
        ),
    ] = 500_000
    substitution_micro_per_piece: Annotated[
        _Cost,
        Field(
            description="Micro-units for one piece of the first accepted substitute; the second "
            "costs twice that. The default equals 2,000 km."
        ),
    ] = 2_000_000
    stability_micro_per_piece: Annotated[
        _Cost,
        Field(
            description="Micro-units for one piece going from a lot to a need that the last plan "
            "did not join. 0: as if there had been no last plan."
        ),
    ] = 0
    whole_packs: Annotated[
        bool,
        Field(description="Lots go out in whole packs only; less than a pack is left open."),
    ] = False
    least_drop_pieces: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=LARGEST_QUANTITY,
            description="Pieces: a lot or a need of fewer is left out. 0 leaves out nothing.",
        ),
    ] = 0


class PinIn(Input):
    """Pieces of one lot that go to one need, before anything is shared out."""

    origin: Annotated[Code, Field(description="The site where the lot is")]
    lot_id: UUID
    need_id: UUID
    quantity: Quantity
    why: Why


class BanIn(Input):
    """A lot that isn't to go to a need; without a need, to none; without a lot, no lot to it.

    In a lot's place stands the paper of goods that are expected.
    """

    origin: Annotated[Code | None, Field(description="The site where the lot is")] = None
    lot_id: UUID | None = None
    paper: Annotated[Text | None, Field(description="As in `expected_by` of a plan's line")] = None
    need_id: UUID | None = None
    why: Why

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.lot_id is not None and self.paper is not None:
            raise ValueError("name a lot (lot_id) or what is due (paper), not both")
        if (self.origin is None) != (self.goods is None):
            raise ValueError("give a lot's origin and its lot_id together")
        if self.goods is None and self.need_id is None:
            raise ValueError("name a lot (origin and lot_id), a need (need_id), or both")
        return self

    @property
    def goods(self) -> UUID | str | None:
        """The lot, or the paper of what is due."""
        return self.lot_id or self.paper


class KeptPin(PinIn):
    """``rule`` is the standing one that it came of, if it did."""

    by: UUID
    rule: UUID | None = None


class KeptBan(BanIn):
    by: UUID
    rule: UUID | None = None


class SupplyChange(Input):
    """So many pieces more (or, below zero, fewer) of a lot than there are."""

    origin: Annotated[Code, Field(description="The site where the lot is")]
    lot_id: UUID
    change_pieces: Annotated[
        int, Field(strict=True, ge=-LARGEST_QUANTITY, le=LARGEST_QUANTITY, examples=[-500])
    ]


class NewSupply(Input):
    """A lot that isn't there, and that is to be taken as if it were."""

    site: Code
    item: Code
    quantity: Quantity
    ready_in_days: Annotated[
        int, Field(strict=True, ge=0, le=60, description="Days after the run's day")
    ] = 0


class Orders(BaseModel):
    """What a run was told besides its day. ``invented``: its supply isn't what was on the shelves.

    Each pin and ban keeps who set it, also where a later run takes it over.
    """

    policy: PolicyIn = Field(default_factory=PolicyIn)
    pins: list[KeptPin] = []
    bans: list[KeptBan] = []
    supply: list[SupplyChange] = []
    new_lots: list[NewSupply] = []
    invented: bool = False

    def to_policy(self) -> Policy:
        return Policy(**self.policy.model_dump())


def keep_pins(pins: Sequence[PinIn], by: UUID, known: Sequence[KeptPin] = ()) -> list[KeptPin]:
    """Say who set each pin: who did before where it is the same, else this one."""
    before = {_content(each): each for each in known}
    return [
        before.get(_content(each)) or KeptPin(**each.model_dump(exclude=_KEPT), by=by)
        for each in pins
    ]


def keep_bans(bans: Sequence[BanIn], by: UUID, known: Sequence[KeptBan] = ()) -> list[KeptBan]:
    before = {_content(each): each for each in known}
    return [
        before.get(_content(each)) or KeptBan(**each.model_dump(exclude=_KEPT), by=by)
        for each in bans
    ]


_KEPT = {"by", "rule"}


def _content(order: PinIn | BanIn) -> str:
    return order.model_dump_json(exclude=_KEPT)


def with_orders(problem: Problem, orders: Orders, *, forgiving: bool = False) -> Problem:
    """Put the policy, the pins and the bans into a problem.

    ``forgiving`` leaves out bans of what isn't there: there is nothing to ban.

    Raises:
        InvalidInput: a pin or a ban names what isn't there, or what cannot be.

    """
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    wanted = [each for each in orders.bans if not forgiving or _is_there(each, sources, needs)]
    bans = _checked_bans(wanted, sources, needs)
    problem = replace(problem, policy=check_policy(orders.policy), bans=bans)
    pins = _checked_pins(problem, orders.pins, sources, needs)
    return replace(problem, pins=pins)


def check_policy(policy: PolicyIn) -> Policy:
    """The policy as the optimizer takes it; InvalidInput where it can't be planned with."""
    if policy.fairness == "weighted":
        raise InvalidInput(
            "Requests say neither how many patients there are nor how many days they are covered, "
            "so there is nothing to weigh needs by",
            field="policy.fairness",
            value="weighted",
            mend="choose max_min or most_pieces",
        )
    return Policy(**policy.model_dump())


def _is_there(ban: BanIn, sources: dict[str, Source], needs: dict[str, Need]) -> bool:
    source, need = _named(ban)
    return (source is None or source in sources) and (need is None or need in needs)


def _named(ban: BanIn) -> tuple[str | None, str | None]:
    """What a ban names, as the optimizer calls it."""
    source = source_name(ban.origin, ban.goods) if ban.origin and ban.goods else None
    return source, str(ban.need_id) if ban.need_id else None


def _checked_bans(
    bans: Sequence[BanIn], sources: dict[str, Source], needs: dict[str, Need]
) -> tuple[Ban, ...]:
    found: dict[tuple[str | None, str | None], Ban] = {}
    for index, ban in enumerate(bans):
        where = f"bans[{index}]"
        source, need = _named(ban)
        if source is not None:
            _known_source(sources, source, where)
        if need is not None:
            _known_need(needs, need, where)
        if (source, need) in found:
            raise InvalidInput(
                "This is banned twice", field=where, value=source or need, mend="keep one of them"
            )
        found[source, need] = Ban(source, need, ban.why)
    return tuple(found.values())


def _checked_pins(
    problem: Problem, pins: Sequence[PinIn], sources: dict[str, Source], needs: dict[str, Need]
) -> tuple[Pin, ...]:
    found: dict[tuple[str, str], Pin] = {}
    taken: dict[str, int] = defaultdict(int)
    for index, pin in enumerate(pins):
        where = f"pins[{index}]"
        source = _known_source(sources, source_name(pin.origin, pin.lot_id), where)
        need = _known_need(needs, str(pin.need_id), where)
        if (source.id, need.id) in found:
            raise InvalidInput(
                "This lot is pinned to this need twice",
                field=where,
                value=source.id,
                mend="add the two up in one pin",
            )
        refused = refusal(source, need, problem.way(source.site, need.site), problem)
        if refused is not None:
            raise InvalidInput(
                f"This lot may not serve this need: {refused.code.replace('_', ' ')}",
                field=f"{where}.lot_id",
                value=pin.lot_id,
                mend="pin a lot that may, or leave this pin out",
            )
        _check_room(taken, pin.quantity, source, need, where)
        found[source.id, need.id] = Pin(source.id, need.id, pin.quantity, pin.why)
    return tuple(found.values())


def _check_room(
    taken: dict[str, int], quantity: int, source: Source, need: Need, where: str
) -> None:
    """Pins together take no more than a lot has, and give no more than a need asks for."""
    for part, what in ((source, "lot has"), (need, "need asks for")):
        taken[part.id] += quantity
        if taken[part.id] > part.quantity:
            raise InvalidInput(
                f"The pins add up to {taken[part.id]} pieces; the {what} {part.quantity}",
                field=f"{where}.quantity",
                value=quantity,
                mend=f"give {max(0, part.quantity - taken[part.id] + quantity)} or fewer",
            )


def _known_source(sources: dict[str, Source], name: str, where: str) -> Source:
    if name not in sources:
        named = read_source(name)
        if named.paper is not None:
            raise InvalidInput(
                f"Nothing is due at {named.site} by {named.paper} on those days",
                field=f"{where}.paper",
                value=named.paper,
                mend="name the paper of a line that the plan expects",
            )
        raise InvalidInput(
            f"Lot {named.lot_id} isn't in stock at {named.site}",
            field=f"{where}.lot_id",
            value=named.lot_id,
            mend="name a lot and the site where it is available; see GET /api/v1/stock",
        )
    return sources[name]


def _known_need(needs: dict[str, Need], name: str, where: str) -> Need:
    if name not in needs:
        raise InvalidInput(
            f"Need {name} isn't outstanding on that day",
            field=f"{where}.need_id",
            value=name,
            mend="name a need that is outstanding; see GET /api/v1/needs",
        )
    return needs[name]


def pairs_of(plan: Plan, problem: Problem) -> tuple[Pair, ...]:
    """What a plan joined, as far as it is still there in ``problem``."""
    sources = {source.id for source in problem.sources}
    needs = {need.id for need in problem.needs}
    return tuple(
        Pair(each.source_id, each.need_id)
        for each in plan.allocations
        if each.source_id in sources and each.need_id in needs
    )
