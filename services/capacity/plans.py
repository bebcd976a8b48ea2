"""What makers plan to make by item and day, and why they made less."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from services.capacity.factories import own_factory
from services.capacity.models import CapacityPlan
from services.capacity.schemas import CapacityPlanIn, PlanDayIn
from services.catalog import service as catalog
from services.errors import InvalidInput
from services.journal.clock import local_date
from services.parties.service import Actor

_FIRST_DAY = date(2000, 1, 1)
_FURTHEST_PLAN = timedelta(days=2 * 366)


def put_plan(session: Session, actor: Actor, body: CapacityPlanIn) -> list[CapacityPlan]:
    """Say what an own factory plans to make; saying it twice is saying it once.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: a day, unit or quantity that can't be, or an item and day named twice.

    """
    site = own_factory(session, actor, body.site)
    _refuse_repeated_days(body.days)
    now = datetime.now(UTC)
    rows = [
        CapacityPlan(
            site=site.code,
            item=line.item,
            day=plan_day(line.day, f"days[{index}].day"),
            planned_base=_planned_pieces(session, line, f"days[{index}]"),
            reported_by=actor.user_id,
            reported_at=now,
        )
        for index, line in enumerate(body.days)
    ]
    # In sorted order, so that two reports for the same days never wait for each other.
    rows.sort(key=lambda row: (row.item, row.day))
    statement = insert(CapacityPlan).values([row.model_dump() for row in rows])
    newest = ("planned_base", "reported_by", "reported_at")
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["site", "item", "day"],
            set_={name: statement.excluded[name] for name in newest},
        )
    )
    return rows


def _refuse_repeated_days(lines: Sequence[PlanDayIn]) -> None:
    seen: dict[tuple[str, date], int] = {}
    for index, line in enumerate(lines):
        first = seen.setdefault((line.item, line.day), index)
        if first != index:
            raise InvalidInput(
                f"{line.item} on {line.day} stands in days[{first}] already",
                field=f"days[{index}].day",
                value=line.day.isoformat(),
                mend="name each item and day once",
            )


def _planned_pieces(session: Session, line: PlanDayIn, where: str) -> int:
    catalog.get_item(session, line.item, field=f"{where}.item")
    # A plan of nothing is a plan too, in whichever unit that the item has.
    counted = line.planned or 1
    pieces = catalog.to_pieces(session, line.item, counted, line.unit, field=f"{where}.planned")
    return pieces if line.planned else 0


def plan_day(day: date, field: str) -> date:
    """The day, if somebody can plan for it."""
    last = local_date(datetime.now(UTC)) + _FURTHEST_PLAN
    if not _FIRST_DAY <= day <= last:
        raise InvalidInput(
            f"Nobody plans for {day}",
            field=field,
            value=day.isoformat(),
            mend=f"give a day from {_FIRST_DAY} to {last}",
        )
    return day
