"""A run's frozen input, changed: more or less of a lot, another policy, other pins and bans."""

from dataclasses import replace
from uuid import UUID, uuid5

from sqlmodel import Session

from optimizer.parts import Source
from optimizer.plan import Plan
from optimizer.problem import Problem
from services.catalog.service import get_item
from services.dispatch.orders import (
    NewSupply,
    Orders,
    SupplyChange,
    keep_bans,
    keep_pins,
    pairs_of,
    with_orders,
)
from services.dispatch.schemas import WhatIfIn
from services.dispatch.sources import source_name
from services.errors import InvalidInput
from services.parties.service import get_site


def next_orders(base: Orders, body: WhatIfIn, by: UUID) -> Orders:
    """What is set by hand once ``body`` has changed what was set before."""
    pins = base.pins if body.pins is None else keep_pins(body.pins, by, base.pins)
    bans = base.bans if body.bans is None else keep_bans(body.bans, by, base.bans)
    return Orders(
        policy=body.policy or base.policy,
        pins=pins,
        bans=bans,
        supply=body.supply,
        new_lots=body.new_lots,
        invented=base.invented or bool(body.supply or body.new_lots),
    )


def changed_problem(
    session: Session, problem: Problem, plan: Plan, orders: Orders, run_id: UUID
) -> Problem:
    """The problem with the changes in it, starting from this plan.

    Raises:
        InvalidInput: names the change that can't be.

    """
    sources = {source.id: source for source in problem.sources}
    for index, change in enumerate(orders.supply):
        _change(sources, change, f"supply[{index}]")
    for index, new in enumerate(orders.new_lots):
        added = _new_source(session, new, uuid5(run_id, f"lot/{index}"), f"new_lots[{index}]")
        sources[added.id] = added
    changed = replace(problem, sources=tuple(sources.values()), pins=(), bans=())
    changed = replace(changed, last=pairs_of(plan, changed))
    return with_orders(changed, orders)


def _change(sources: dict[str, Source], change: SupplyChange, where: str) -> None:
    name = source_name(change.origin, change.lot_id)
    source = sources.get(name)
    if source is None:
        raise InvalidInput(
            f"Lot {change.lot_id} at {change.origin} isn't in the run's input",
            field=f"{where}.lot_id",
            value=change.lot_id,
            mend="name a lot of the run's snapshot, and its site",
        )
    left = source.quantity + change.change_pieces
    if left < 0:
        raise InvalidInput(
            f"The lot has {source.quantity} pieces",
            field=f"{where}.change_pieces",
            value=change.change_pieces,
            mend=f"take away {source.quantity} or fewer",
        )
    if left:
        sources[name] = replace(source, quantity=left)
    else:
        del sources[name]


def _new_source(session: Session, new: NewSupply, lot_id: UUID, where: str) -> Source:
    """A lot of a name of its own, which no shelf has."""
    get_site(session, new.site, field=f"{where}.site")
    get_item(session, new.item, field=f"{where}.item")
    return Source(
        id=source_name(new.site, lot_id),
        site=new.site,
        item=new.item,
        quantity=new.quantity,
        ready_day=new.ready_in_days,
    )
