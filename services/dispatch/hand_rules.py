"""Pins and bans that stand until they are removed or carried out: every run takes them in."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from optimizer.parts import Ban, Need, Source
from optimizer.problem import Problem
from optimizer.rules import refusal
from services.catalog.service import substitutes
from services.dispatch.desk_models import HandRule, RuleKind
from services.dispatch.hand_schemas import HandRuleIn
from services.dispatch.models import Run
from services.dispatch.orders import KeptBan, KeptPin, Orders
from services.dispatch.sources import read_source, source_name
from services.dispatch.store import stored_orders
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.once import claim, digest_of
from services.journal.read import get_lots
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor, get_site, require_role
from services.requests import service as requests
from services.transport.service import PlannedLine
from services.web.lists import Asked, Listing, select_page


class RuleEnded(Conflict):
    code, title = "rule-ended", "This pin or ban has ended already"


def subject_of(rule_id: UUID) -> str:
    return f"hand_rule:{rule_id}"


def set_rule(session: Session, actor: Actor, body: HandRuleIn) -> tuple[HandRule, bool]:
    """Pin or ban from the next run on; the same body twice is one.

    Raises:
        Forbidden: not a dispatcher.
        NotFound: an unknown site, lot or need.
        InvalidInput: a lot that can't serve the need.

    """
    require_role(actor, Role.DISPATCHER)
    if body.site is not None:
        get_site(session, body.site)
    if body.lot_id is not None and body.lot_id not in get_lots(session, {body.lot_id}):
        raise NotFound(
            f"There is no lot {body.lot_id}",
            field="lot_id",
            value=body.lot_id,
            mend="see GET /api/v1/stock",
        )
    if body.need_id is not None:
        _check_fit(session, body)
    rule = HandRule(
        **body.model_dump(exclude={"quantity"}),
        quantity_base=body.quantity,
        set_by=actor.user_id,
        set_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    created = claim(session, rule)
    if created:
        record_change(session, actor, subject_of(body.id), f"{body.kind} set", body.why)
    return session.get_one(HandRule, body.id), created


def _check_fit(session: Session, body: HandRuleIn) -> None:
    assert body.need_id is not None
    need = requests.get_needs(session, [body.need_id]).get(body.need_id)
    if need is None:
        raise NotFound(
            f"There is no need {body.need_id}",
            field="need_id",
            value=body.need_id,
            mend="see GET /api/v1/needs",
        )
    lot = get_lots(session, {body.lot_id})[body.lot_id] if body.lot_id else None
    accepted = (need.item, *substitutes(session).get(need.item, ()))
    if lot is not None and lot.commodity not in accepted:
        raise InvalidInput(
            f"The lot is {lot.commodity}, and the need asks for {need.item}",
            field="lot_id",
            value=body.lot_id,
            mend=f"name a lot of {' or '.join(accepted)}",
        )


def end_rule(session: Session, actor: Actor, rule_id: UUID, why: str) -> HandRule:
    """Take a pin or ban back, from the next run on. Raises RuleEnded where it has ended."""
    require_role(actor, Role.DISPATCHER)
    rule = session.get(HandRule, rule_id, with_for_update=True, populate_existing=True)
    if rule is None:
        raise NotFound(f"There is no pin or ban {rule_id}", field="rule_id", value=rule_id)
    if rule.ended_at is not None:
        if (rule.ended_by, rule.ended_why) == (actor.user_id, why):
            return rule
        raise RuleEnded(
            f"It ended at {rule.ended_at.isoformat()}",
            field="rule_id",
            value=rule_id,
            mend="leave it as it is",
        )
    rule.ended_by, rule.ended_at, rule.ended_why = actor.user_id, datetime.now(UTC), why
    record_change(session, actor, subject_of(rule_id), f"{rule.kind} removed", why)
    return rule


def find_rules(
    session: Session, asked: Asked, *, kind: RuleKind | None, ended: bool | None
) -> Listing[HandRule]:
    """Pins and bans, the newest first."""
    statement = select(HandRule)
    if kind is not None:
        statement = statement.where(HandRule.kind == kind)
    if ended is not None:
        over = col(HandRule.ended_at)
        statement = statement.where(over.is_not(None) if ended else over.is_(None))
    order = {"set_at": col(HandRule.set_at).desc(), "kind": HandRule.kind, "site": HandRule.site}
    return select_page(session, statement, order, asked, tie=col(HandRule.id))


@dataclass(frozen=True, slots=True)
class Wish:
    """A pin or ban that a run takes in as far as it fits; ``rule`` is the standing one it is.

    ``goods`` are a lot, or by their paper what is due; None is all there is at the site.
    """

    kind: RuleKind
    site: str | None
    goods: UUID | str | None
    need_id: UUID | None
    pieces: int
    why: str
    by: UUID
    rule: UUID | None = None


def in_force(session: Session) -> list[Wish]:
    """What stands now, the oldest first."""
    standing = select(HandRule).where(col(HandRule.ended_at).is_(None))
    return [
        Wish(
            rule.kind,
            rule.site,
            rule.lot_id,
            rule.need_id,
            rule.quantity_base or 0,
            rule.why,
            rule.set_by,
            rule.id,
        )
        for rule in session.exec(standing.order_by(col(HandRule.set_at), col(HandRule.id)))
    ]


def wishes_of(orders: Orders) -> list[Wish]:
    """What was set by hand for one run alone, for another to take over."""
    pins = [
        Wish(RuleKind.PIN, pin.origin, pin.lot_id, pin.need_id, pin.quantity, pin.why, pin.by)
        for pin in orders.pins
        if pin.rule is None
    ]
    bans = [
        Wish(RuleKind.BAN, ban.origin, ban.goods, ban.need_id, 0, ban.why, ban.by)
        for ban in orders.bans
        if ban.rule is None
    ]
    return [*pins, *bans]


def with_rules(problem: Problem, orders: Orders, wishes: Sequence[Wish]) -> Orders:
    """What was set for this run, and what stands for every one, as far as it fits this input.

    A rule for a whole site becomes one for each of its lots, and a ban one for each thing that is
    due there too; nothing is pinned that isn't there. What this run says itself of a lot and
    a need goes first, bans go before pins, and older pins before newer ones.
    """
    bans = [*orders.bans]
    named = {(ban.origin, ban.goods, ban.need_id) for ban in bans}
    for ban in _bans(problem, wishes):
        if (ban.origin, ban.goods, ban.need_id) not in named:
            named.add((ban.origin, ban.goods, ban.need_id))
            bans.append(ban)
    pins = [*orders.pins, *_pins(_banned(problem, bans), orders.pins, wishes)]
    return orders.model_copy(update={"pins": pins, "bans": bans})


def _bans(problem: Problem, wishes: Iterable[Wish]) -> Iterator[KeptBan]:
    needs = {need.id for need in problem.needs}
    for wish in wishes:
        known = wish.need_id is None or str(wish.need_id) in needs
        if wish.kind is not RuleKind.BAN or not known:
            continue
        kept = {"need_id": wish.need_id, "why": wish.why, "by": wish.by, "rule": wish.rule}
        if wish.site is None:
            yield KeptBan.model_validate(kept)
        for source in _sources(problem, wish):
            named = read_source(source.id)
            goods = {"lot_id": named.lot_id, "paper": named.paper}
            yield KeptBan.model_validate({"origin": source.site, **goods, **kept})


def _sources(problem: Problem, wish: Wish) -> list[Source]:
    """The lots that a rule means, and what is due at its site; what expires first goes first."""
    if wish.site is None:
        return []
    found = [
        source
        for source in problem.sources
        if source.site == wish.site and wish.goods in {None, read_source(source.id).goods}
    ]
    return sorted(found, key=lambda each: (each.expiry_day is None, each.expiry_day, each.id))


def _banned(problem: Problem, bans: Iterable[KeptBan]) -> Problem:
    made = {}
    for ban in bans:
        source = source_name(ban.origin, ban.goods) if ban.origin and ban.goods else None
        need = str(ban.need_id) if ban.need_id else None
        made[source, need] = Ban(source, need, ban.why)
    known = {source.id for source in problem.sources}, {need.id for need in problem.needs}
    there = [
        each
        for each in made.values()
        if (each.source_id is None or each.source_id in known[0])
        and (each.need_id is None or each.need_id in known[1])
    ]
    return replace(problem, bans=tuple(there))


def _pins(problem: Problem, first: Sequence[KeptPin], wishes: Iterable[Wish]) -> Iterator[KeptPin]:
    """Pins of what there is and is asked for, and no more than that."""
    needs = {need.id: need for need in problem.needs}
    taken: dict[str, int] = defaultdict(int)
    pairs = set()
    for pin in first:
        name = source_name(pin.origin, pin.lot_id)
        pairs.add((name, str(pin.need_id)))
        taken[name] += pin.quantity
        taken[str(pin.need_id)] += pin.quantity
    for wish in wishes:
        need = needs.get(str(wish.need_id))
        if wish.kind is not RuleKind.PIN or need is None:
            continue
        left = wish.pieces
        for source in _sources(problem, wish):
            lot_id = read_source(source.id).lot_id
            room = min(left, source.quantity - taken[source.id], need.quantity - taken[need.id])
            if lot_id is None or room <= 0 or (source.id, need.id) in pairs:
                continue
            if not _may(problem, source, need):
                continue
            pairs.add((source.id, need.id))
            taken[source.id] += room
            taken[need.id] += room
            left -= room
            yield _pin(wish, source.site, lot_id, room)


def _may(problem: Problem, source: Source, need: Need) -> bool:
    return refusal(source, need, problem.way(source.site, need.site), problem) is None


def _pin(wish: Wish, origin: str, lot_id: UUID, quantity: int) -> KeptPin:
    assert wish.need_id is not None
    return KeptPin(
        origin=origin,
        lot_id=lot_id,
        need_id=wish.need_id,
        quantity=quantity,
        why=wish.why,
        by=wish.by,
        rule=wish.rule,
    )


def carry_out(session: Session, run: Run, lines: Iterable[PlannedLine]) -> None:
    """End the pins that an approval carries out: those of which every piece is in its lines."""
    pinned: dict[UUID, list[KeptPin]] = defaultdict(list)
    for pin in stored_orders(run).pins:
        if pin.rule is not None:
            pinned[pin.rule].append(pin)
    sent: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for line in lines:
        sent[line.lot_id, line.need_id] += line.quantity_base
    for rule_id, pins in pinned.items():
        if all(sent[pin.lot_id, pin.need_id] >= pin.quantity for pin in pins):
            pieces = sum(pin.quantity for pin in pins)
            session.connection().execute(
                sa.update(HandRule)
                .where(col(HandRule.id) == rule_id, col(HandRule.ended_at).is_(None))
                .values(
                    ended_at=datetime.now(UTC),
                    ended_why=f"{pieces} pieces were carried out",
                    run_id=run.id,
                )
            )
            record_change(session, None, subject_of(rule_id), f"carried out by run {run.id}")
