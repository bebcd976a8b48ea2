"""World times: they never lie ahead of the clock, and have a date where the goods are."""

from datetime import UTC, date, datetime, timedelta

from services.errors import InvalidInput
from services.settings import get_settings

CLOCK_SKEW = timedelta(minutes=5)
FURTHEST_AHEAD = timedelta(days=60)
FURTHEST_BACK = timedelta(days=10 * 366)


def refuse_future(moment: datetime, field: str = "occurred_at") -> None:
    """World times may lie in any past, but not ahead of the clock."""
    if moment > datetime.now(UTC) + CLOCK_SKEW:
        raise InvalidInput(
            f"{field} lies in the future",
            field=field,
            value=moment.isoformat(),
            mend="give the time when it happened, which isn't in the future",
        )


def refuse_far_day(day: date, field: str = "day") -> None:
    """Plans are made for days that somebody can see: not long past what is known today.

    Days of some years ago can be planned again; none so old that it can only be a slip.
    """
    today = local_date(datetime.now(UTC))
    first, last = today - FURTHEST_BACK, today + FURTHEST_AHEAD
    if not first <= day <= last:
        far = "ahead" if day > last else "back"
        raise InvalidInput(
            f"{day} is too far {far} to plan for",
            field=field,
            value=day.isoformat(),
            mend=f"give a day from {first} to {last}",
        )


def local_date(moment: datetime) -> date:
    """The day of a moment in the zone that `MEDRELAY_TIME_ZONE` names.

    Dates on packages and on requests are local, and are only compared with such days.
    """
    return moment.astimezone(get_settings().zone).date()


def end_of_day(day: date) -> datetime:
    """The last second of a local day."""
    zone = get_settings().zone
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=zone).astimezone(UTC)
