"""Rules that approve needs by themselves, as a desk orders them; the first that fits decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.errors import NotFound
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Region
from services.parties.service import Actor
from services.requests.desks import require_desk
from services.requests.models import ApprovalRule, Need, RuleOutcome
from services.requests.schemas_desk import RuleIn
from services.requests.served import days_of_cover
from services.web.lists import Asked, Listing, cut_page


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a need, and why, in words for its history."""

    approves: bool
    why: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules that concern one site, in their order: loaded once for all needs of a request."""

    rules: tuple[ApprovalRule, ...]

    @classmethod
    def of_site(cls, session: Session, site: str) -> "Rulebook":
        region = parties.get_site(session, site).region
        above = parties.regions_above(session).get(region, ())
        return cls(tuple(r for r in rules(session) if r.region is None or r.region in above))

    def decide(self, need: Need) -> Verdict:
        """Without any rule everything is approved; where there are rules, one has to say so."""
        if not self.rules:
            return Verdict(approves=True, why="no rule is set here, so nothing is asked")
        for rule in self.rules:
            if fits(rule, need):
                approves = rule.outcome is RuleOutcome.APPROVE
                return Verdict(approves, f"rule {rule.position} {_told(rule)}{_figures(need)}")
        return Verdict(approves=False, why=f"no rule fits{_figures(need)}")


def fits(rule: ApprovalRule, need: Need) -> bool:
    """Whether a rule of the need's region speaks of this need."""
    if rule.item is not None and rule.item != need.item:
        return False
    if rule.max_quantity_base is not None and need.quantity_base > rule.max_quantity_base:
        return False
    if rule.max_days_of_cover is None:
        return True
    cover = days_of_cover(need)
    return cover is not None and cover <= rule.max_days_of_cover


def _told(rule: ApprovalRule) -> str:
    parts = [
        f"in {rule.region}" if rule.region else "",
        rule.item or "",
        f"up to {rule.max_quantity_base} pieces" if rule.max_quantity_base is not None else "",
        f"cover up to {rule.max_days_of_cover} days" if rule.max_days_of_cover is not None else "",
    ]
    told = ", ".join(part for part in parts if part) or "anything"
    note = f", {rule.note}" if rule.note else ""
    return f"({rule.outcome}: {told}{note})"


def _figures(need: Need) -> str:
    cover = days_of_cover(need)
    told = "unknown" if cover is None else f"{cover} days"
    return f"; {need.quantity_base} pieces of {need.item}, cover {told}"


def rules(session: Session) -> list[ApprovalRule]:
    """Every rule, in the order in which they are tried."""
    order = (col(ApprovalRule.position), col(ApprovalRule.id))
    return list(session.exec(select(ApprovalRule).order_by(*order)))


_ORDER: Mapping[str, Callable[[ApprovalRule], Any]] = {
    "position": lambda rule: rule.position,
    "outcome": lambda rule: rule.outcome.value,
    "region": lambda rule: rule.region,
    "item": lambda rule: rule.item,
    "max_quantity_base": lambda rule: rule.max_quantity_base,
    "max_days_of_cover": lambda rule: rule.max_days_of_cover,
}


def list_rules(
    session: Session, asked: Asked, region: str | None, item: str | None
) -> Listing[ApprovalRule]:
    """The rules in the order in which they are tried; of one region or item where one is named."""
    found = [
        rule
        for rule in rules(session)
        if region in {None, rule.region} and item in {None, rule.item}
    ]
    return cut_page(found, _ORDER, asked)


def get_rule(session: Session, rule_id: UUID) -> ApprovalRule:
    rule = session.get(ApprovalRule, rule_id, with_for_update=True)
    if rule is None:
        raise NotFound(f"There is no rule {rule_id}", field="rule_id", value=rule_id)
    return rule


def set_rule(
    session: Session, actor: Actor, rule_id: UUID, body: RuleIn
) -> tuple[ApprovalRule, bool]:
    """Write a rule, or rewrite it; it concerns needs posted or changed from now on.

    Raises:
        NotYourDesk: the rule's region, before or now, is another desk's.
        NotFound: an unknown region or item.

    """
    require_desk(session, actor, body.region)
    if body.region is not None and session.get(Region, body.region) is None:
        raise NotFound(f"There is no region {body.region}", field="region", value=body.region)
    if body.item is not None:
        catalog.get_item(session, body.item)
    before = session.get(ApprovalRule, rule_id, with_for_update=True)
    if before is not None:
        require_desk(session, actor, before.region)
        if all(getattr(before, name) == value for name, value in body.model_dump().items()):
            return before, False
    rule = session.merge(ApprovalRule(id=rule_id, **body.model_dump()))
    session.flush()
    what = f"rule {rule.position} {_told(rule)}"
    record_change(session, actor, subject_of(rule_id), f"set {what}")
    return rule, before is None


def remove_rule(session: Session, actor: Actor, rule_id: UUID) -> None:
    rule = get_rule(session, rule_id)
    require_desk(session, actor, rule.region)
    record_change(
        session, actor, subject_of(rule_id), f"removed rule {rule.position} {_told(rule)}"
    )
    session.delete(rule)


def subject_of(rule_id: UUID) -> str:
    return f"approval_rule:{rule_id}"
