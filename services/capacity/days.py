"""Each day of a factory: planned beside made, who is silent, and what fell short without a word."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from services.capacity.factories import own_factory
from services.capacity.models import CapacityPlan, Shortfall
from services.capacity.promised import Promised, promised
from services.capacity.rules import get_rules
from services.capacity.schemas import DayState
from services.capacity.schemas_makers import ShortfallIn
from services.catalog import service as catalog
from services.database import among
from services.errors import InvalidInput
from services.journal.clock import local_date
from services.parties.changes import record_change
from services.parties.service import Actor


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A factory's day for one item. ``ended``: the local day is over."""

    promised: Promised
    shortfall: Shortfall | None
    ended: bool
    shortfall_percent: int

    @property
    def state(self) -> DayState:
        """``unreported``: planned, over, and not a word; ``short``: its reason is missing."""
        day = self.promised
        if not self.ended or not day.planned:
            return "done" if day.reported else "to_come"
        if self.shortfall is not None:
            return "explained"
        if not day.reported:
            return "unreported"
        enough = day.planned * (100 - self.shortfall_percent)
        return "short" if day.made * 100 < enough else "done"


def days(
    session: Session,
    *,
    sites: Collection[str] | None = None,
    items: Collection[str] | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[PlannedDay]:
    """Every day that was planned, ordered or worked, ordered by site, item and day."""
    statement = select(Shortfall)
    if sites is not None:
        statement = statement.where(among(Shortfall.site, sites))
    told = {(row.site, row.item, row.day): row for row in session.exec(statement)}
    today, rules = local_date(datetime.now(UTC)), get_rules(session)
    return [
        PlannedDay(
            day,
            told.get((day.site, day.item, day.day)),
            ended=day.day < today,
            shortfall_percent=rules.shortfall_percent,
        )
        for day in promised(session, first, last, sites=sites, items=items)
    ]


def tell_shortfall(session: Session, actor: Actor, body: ShortfallIn) -> Shortfall:
    """Say why less was made than planned; it counts as a report where nothing was made.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: nothing was planned for the day, or it hasn't come yet.

    """
    site = own_factory(session, actor, body.site)
    item = catalog.get_item(session, body.item)
    plan = session.get(CapacityPlan, (site.code, item.code, body.day))
    if plan is None or plan.planned_base == 0 or body.day > local_date(datetime.now(UTC)):
        raise InvalidInput(
            f"Nothing of {item.code} was planned for {body.day}, or the day hasn't come",
            field="day",
            value=body.day.isoformat(),
            mend="name a day of the plan that has come",
        )
    row = Shortfall(
        **body.model_dump(exclude={"site", "item"}),
        site=site.code,
        item=item.code,
        told_by=actor.user_id,
        told_at=datetime.now(UTC),
    )
    before = session.get(Shortfall, (site.code, item.code, body.day))
    if before is not None and (before.reason, before.note) == (row.reason, row.note):
        return before
    newest = ("reason", "note", "told_by", "told_at")
    statement = insert(Shortfall).values(**row.model_dump())
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["site", "item", "day"],
            set_={name: statement.excluded[name] for name in newest},
        )
    )
    was = f"{before.reason} → " if before else ""
    subject = f"capacity:{site.code}/{item.code}/{body.day}"
    record_change(session, actor, subject, f"shortfall {was}{row.reason}", row.note)
    return session.get_one(Shortfall, (site.code, item.code, body.day), populate_existing=True)
