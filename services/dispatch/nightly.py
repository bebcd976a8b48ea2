"""The automatic run of a day: it proposes, and a person decides. One a day, whoever looks first."""

from datetime import UTC, date, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from services.dispatch.desk_models import NightlyRun
from services.dispatch.orders import Orders
from services.dispatch.schemas import RunIn
from services.dispatch.service import SYSTEM, Starter, begin
from services.errors import DomainError
from services.journal.clock import local_date
from services.settings import get_settings

_BY_RULE = Starter(user_id=None, reference=SYSTEM)


def watch(session: Session, now: datetime) -> None:
    """Start the day's run once the hour has come by the local clock; never approve anything."""
    hour = get_settings().nightly_run_hour
    if hour is None or now.astimezone(get_settings().zone).hour < hour:
        return
    start_nightly(session, local_date(now))


def start_nightly(session: Session, day: date) -> UUID | None:
    """Start the run of a day; None where somebody did, or there is nothing to plan.

    Whatever came of it is one row, so that a day is tried once.
    """
    claimed = session.connection().execute(
        insert(NightlyRun)
        .values(day=day, recorded_at=datetime.now(UTC))
        .on_conflict_do_nothing()
        .returning(NightlyRun.day)  # type: ignore[call-overload]
    )
    if claimed.first() is None:
        return None
    row = session.get_one(NightlyRun, day)
    body = RunIn(id=uuid5(NAMESPACE_URL, f"medrelay:nightly/{day}"), day=day, pins=[], bans=[])
    try:
        with session.begin_nested():
            run, _ = begin(session, _BY_RULE, body, Orders())
    except DomainError as error:
        row.why_none = error.detail
        return None
    row.run_id = run.id
    return run.id
