"""Where a region draws the lines between the levels of shortage; otherwise they are the usual ones.

The usual lines, and why. Days of cover: 14 (watch) is how far ahead a run plans by default, so
that a plan made now still helps; 7 (tight) is the week that a forecast looks ahead; 3 (short) is a
lane's two days with the day of picking; 1 (critical) is today. Share of the demand uncovered: any
at all (watch), one piece in ten (tight), in four (short), every second one (critical).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from services.catalog.service import get_item
from services.dispatch.desk_models import ShortageLevel, ShortageRule
from services.dispatch.shortage_schemas import ShortageRuleIn
from services.errors import NotFound
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Region
from services.parties.service import Actor
from services.requests.desks import require_desk

EVERY_ITEM = "*"


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines from ``watch`` to ``critical``: tenths of a day below, millionths above.

    ``region`` is whose they are; None where they are the usual ones.
    """

    days_tenths: tuple[int, int, int, int] = (140, 70, 30, 10)
    share_ppm: tuple[int, int, int, int] = (0, 100_000, 250_000, 500_000)
    alert_from: ShortageLevel = ShortageLevel.SHORT
    region: str | None = None
    item: str | None = None

    def by_days(self, tenths: int | None) -> int:
        """The level's place among the levels, 0 for enough; what nobody knows alarms nobody."""
        return 0 if tenths is None else sum(tenths < line for line in self.days_tenths)

    def by_share(self, ppm: int) -> int:
        return sum(ppm > line for line in self.share_ppm)


USUAL = Lines()


def put_rule(session: Session, actor: Actor, body: ShortageRuleIn) -> ShortageRule:
    """Draw a region's lines, for one item or for all; said again, it is the same.

    Raises:
        NotFound: an unknown region or item.
        NotYourDesk: another organisation's desk decides there.

    """
    if session.get(Region, body.region) is None:
        raise NotFound(
            f"There is no region {body.region}",
            field="region",
            value=body.region,
            mend="see GET /api/v1/regions",
        )
    if body.item != EVERY_ITEM:
        get_item(session, body.item)
    require_desk(session, actor, body.region)
    values = body.model_dump()
    before = session.get(ShortageRule, (body.region, body.item), with_for_update=True)
    if before is not None and all(getattr(before, name) == values[name] for name in values):
        return before
    old = before.model_dump() if before else _usual_values()
    changed = [
        f"{name} {old[name]} → {value}"
        for name, value in values.items()
        if name in old and name not in {"region", "item", "why"} and old[name] != value
    ]
    values |= {"set_by": actor.user_id, "set_at": datetime.now(UTC)}
    session.connection().execute(
        insert(ShortageRule)
        .values(**values)
        .on_conflict_do_update(index_elements=["region", "item"], set_=values)
    )
    subject = f"shortage_rule:{body.region}/{body.item}"
    record_change(session, actor, subject, "; ".join(changed) or "as usual", body.why)
    return session.get_one(ShortageRule, (body.region, body.item), populate_existing=True)


def _usual_values() -> dict[str, object]:
    names = ("watch", "tight", "short", "critical")
    days = {f"{n}_days_tenths": v for n, v in zip(names, USUAL.days_tenths, strict=True)}
    share = {f"{n}_share_ppm": v for n, v in zip(names, USUAL.share_ppm, strict=True)}
    return {**days, **share, "alert_from": USUAL.alert_from}


def lines_of(session: Session) -> Callable[[str, str], Lines]:
    """What finds the lines of a region and item: its own, else the smallest region's around it."""
    rules = {(rule.region, rule.item): _lines(rule) for rule in session.exec(select(ShortageRule))}
    above = parties.regions_above(session)

    def find(region: str, item: str) -> Lines:
        keys = ((code, of) for code in above[region] for of in (item, EVERY_ITEM))
        return next((rules[key] for key in keys if key in rules), USUAL)

    return find


def _lines(rule: ShortageRule) -> Lines:
    return Lines(
        (
            rule.watch_days_tenths,
            rule.tight_days_tenths,
            rule.short_days_tenths,
            rule.critical_days_tenths,
        ),
        (
            rule.watch_share_ppm,
            rule.tight_share_ppm,
            rule.short_share_ppm,
            rule.critical_share_ppm,
        ),
        rule.alert_from,
        rule.region,
        rule.item,
    )
