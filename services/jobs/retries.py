"""Which steps of a job are tried again, and how long."""

from typing import Any

import sqlalchemy as sa


def _passes(error: BaseException) -> bool:
    """Whether another attempt may do: the database was away, or busy for too long."""
    return isinstance(error, sa.exc.DBAPIError | sa.exc.TimeoutError)


# A minute and a half in all: 0.5 s, then twice as long each time.
RETRIES: Any = {
    "retries_allowed": True,
    "interval_seconds": 0.5,
    "backoff_rate": 2.0,
    "max_attempts": 8,
    "should_retry": _passes,
}
